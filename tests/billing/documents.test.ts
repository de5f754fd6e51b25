// Invoices as HTML and PDF, and billing over GraphQL.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { type InvoiceDocument, money } from '../../server/invoices/document.ts'
import { renderHtml } from '../../server/invoices/html.ts'
import { renderPdf } from '../../server/invoices/pdf.ts'
import { parsePdf } from '../../server/parsers/pdf.ts'
import { useDatabase } from '../helpers/index.ts'
import { type GraphQLAnswer, startTestServer, type TestServer } from '../helpers/server.ts'
import { runTask } from '../helpers/tasks.ts'

const db = useDatabase()
let server: TestServer
let workerPool: ReturnType<typeof createPool>

beforeAll(async () => {
  await db.pool.query('select billing.seed_example_plans()')
  server = await startTestServer(db.url)
  workerPool = createPool(db.url, 'rowhouse_worker', 2)
})
afterAll(async () => {
  await server.close()
  await workerPool.end()
})

const invoice: InvoiceDocument = {
  series: 'invoice',
  number: 'INV-000042',
  currency: 'EUR',
  minorUnits: 2,
  issuedOn: '2025-04-01',
  dueOn: '2025-04-15',
  periodStart: '2025-04-01',
  periodEnd: '2025-04-30',
  credits: null,
  issuedBy: { name: 'Rows & Sons', address: '1 Main Street\nTown', taxNumber: 'DE1', footer: 'Thank you' },
  billedTo: { name: '<script>alert("1")</script>', address: null, country: 'DE', taxNumber: null },
  taxMode: 'standard',
  taxPercent: '19',
  memo: null,
  subtotal: '1234.5',
  tax: '234.56',
  total: '1469.06',
  lines: Array.from({ length: 80 }, (_, i) => ({
    description: `Line ${i + 1}`,
    amount: '15.43',
    from: '2025-04-01',
    until: '2025-04-30',
  })),
}

const textOf = async (pdf: Uint8Array): Promise<string> => (await parsePdf(new Uint8Array(pdf))).text

describe('money', () => {
  it.each([
    ['1234567.5', 'EUR', 2, '1,234,567.50 EUR'],
    ['-20', 'USD', 2, '-20.00 USD'],
    ['1080', 'JPY', 0, '1,080 JPY'],
    ['0', 'KWD', 3, '0.000 KWD'],
  ])('%s %s is written with %s decimal places as %s', (amount, currency, minorUnits, expected) => {
    expect(money(amount, { currency, minorUnits })).toBe(expected)
  })
})

describe('a document', () => {
  it('in HTML is escaped', () => {
    const html = renderHtml(invoice)
    expect(html).not.toContain('<script')
    expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;')
    expect(html).toContain('Rows &amp; Sons')
    expect(html).toContain('1,469.06 EUR')
  })

  it('in PDF shows number, total and every line over several pages', async () => {
    const pdf = await renderPdf(invoice)
    const text = await textOf(pdf)
    for (const shown of ['INV-000042', '1,469.06 EUR', 'Tax 19 %', 'Line 1', 'Line 80', 'Rows & Sons'])
      expect(text).toContain(shown)
    expect((await parsePdf(new Uint8Array(pdf))).metadata?.pageCount).toBeGreaterThan(1)
  })

  it('in PDF says the same when it is rendered again', async () => {
    expect(await textOf(await renderPdf(invoice))).toBe(await textOf(await renderPdf(invoice)))
  })

  it('shows letters the built-in font does not have as ?, never as wrong ones', async () => {
    const text = await textOf(await renderPdf({ ...invoice, billedTo: { ...invoice.billedTo, name: 'Zoë 株式会社' } }))
    expect(text).toContain('Zoë ????')
  })
})

describe('over GraphQL', () => {
  describe('an owner who subscribes', () => {
    const owner = 'owner@acme.test'
    const start =
      'mutation { startSubscription(input: {plan: "standard"}) { subscription { status trialEndsAt plan { slug } } } }'
    const list =
      '{ invoices { nodes { id number status total amountDue html pdfBase64 lines { nodes { kind amount } } } } currentTenant { billingProfile { creditBalance } } }'
    let trial: GraphQLAnswer
    let again: GraphQLAnswer
    let before: GraphQLAnswer
    let invoiceId: string

    beforeAll(async () => {
      trial = await server.ask(owner, start)
      // staff let it pay by invoice and end the trial by hand: cancel and start anew
      await server.ask(
        'owner@platform.test',
        'mutation { setBillingTerms(input: {collectionMethod: invoice, taxRate: "0.2"}) { billingProfile { taxRate } } }',
        {},
        { 'x-tenant-id': 'acme' },
      )
      await server.ask(
        owner,
        'mutation { cancelSubscription(input: {atPeriodEnd: false}) { subscription { status } } }',
      )
      again = await server.ask(owner, start)
      before = await server.ask(owner, list)
      invoiceId = before.data.invoices.nodes[0].id
      await runTask(workerPool, 'billing__render_invoice', { tenantId: db.acme.id, invoiceId })
    })

    it('has seen the plans', async () => {
      const plans = await server.ask(
        owner,
        '{ plans { nodes { slug prices { nodes { currency amount billingCycle } } } } }',
      )
      expect(plans.errors).toBeUndefined()
      expect(plans.data.plans.nodes.map(({ slug }: { slug: string }) => slug).sort()).toEqual([
        'enterprise',
        'free',
        'professional',
        'standard',
      ])
    })

    it('begins with a trial', () => {
      expect([trial.errors, trial.data?.startSubscription.subscription]).toMatchObject([
        undefined,
        { status: 'trialing', plan: { slug: 'standard' } },
      ])
    })

    it('has no second trial', () => {
      expect(again.data.startSubscription.subscription.status).toBe('active')
    })

    it('previews another plan', async () => {
      const preview = await server.ask(
        owner,
        '{ previewPlanChange(plan: "professional") { nodes { kind amount } } previewInvoice { nodes { kind amount } } entitlements { nodes { key source quotaLimit } } }',
      )
      expect(preview.errors).toBeUndefined()
      expect(preview.data.previewPlanChange.nodes.map(({ kind }: { kind: string }) => kind)).toEqual([
        'proration',
        'proration',
        'overage',
        'subtotal',
        'tax',
        'total',
      ])
    })

    it('reads the invoice before there is a document', () => {
      expect(before.errors).toBeUndefined()
      expect(before.data.invoices.nodes[0]).toMatchObject({
        status: 'finalised',
        total: '58.80',
        html: null,
        pdfBase64: null,
      })
    })

    it('reads the document that the task renders', async () => {
      const [rendered] = (await server.ask(owner, list)).data.invoices.nodes
      const { number } = before.data.invoices.nodes[0]
      expect(rendered.html).toContain(number)
      const text = await textOf(Buffer.from(rendered.pdfBase64, 'base64'))
      expect(text).toContain(number)
      expect(text).toContain('58.80 USD')
    })

    it('has the invoice explained', async () => {
      const explained = await server.ask(
        owner,
        'query ($id: UUID!) { explainInvoice(id: $id) { nodes { kind isEqual } } }',
        { id: invoiceId },
      )
      expect(explained.data.explainInvoice.nodes.every(({ isEqual }: { isEqual: boolean }) => isEqual)).toBe(true)
    })

    it('is alone in seeing money and in cancelling', async () => {
      const colleague = await server.ask('admin@acme.test', list)
      expect(colleague.data.invoices.nodes).toEqual([])
      const foreign = await server.ask('owner@globex.test', 'query ($id: UUID!) { invoice(id: $id) { number html } }', {
        id: invoiceId,
      })
      expect([foreign.errors, foreign.data.invoice]).toEqual([undefined, null])
      const refused = await server.ask(
        'admin@acme.test',
        'mutation { cancelSubscription(input: {}) { subscription { status } } }',
      )
      expect(refused.errors?.[0]?.extensions.code).toBe('ID203')
    })
  })
})
