// Invoices as HTML and PDF, and billing over GraphQL.

import type { JobHelpers, Task } from 'graphile-worker'
import { extractText, getDocumentProxy } from 'unpdf'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { type InvoiceDocument, money } from '../../server/invoices/document.ts'
import { renderHtml } from '../../server/invoices/html.ts'
import { renderPdf } from '../../server/invoices/pdf.ts'
import { loadTasks } from '../../server/worker/index.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

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

const textOf = async (pdf: Uint8Array): Promise<string> =>
  (await extractText(await getDocumentProxy(new Uint8Array(pdf)), { mergePages: true })).text

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

  it('in PDF parses, shows number, total and every line over several pages, and says the same when rendered again', async () => {
    const pdf = await renderPdf(invoice)
    const text = await textOf(pdf)
    for (const shown of ['INV-000042', '1,469.06 EUR', 'Tax 19 %', 'Line 1', 'Line 80', 'Rows & Sons'])
      expect(text).toContain(shown)
    expect((await getDocumentProxy(new Uint8Array(pdf))).numPages).toBeGreaterThan(1)
    expect(await textOf(await renderPdf(invoice))).toBe(text)
  })

  it('shows letters the built-in font does not have as ?, never as wrong ones', async () => {
    const text = await textOf(await renderPdf({ ...invoice, billedTo: { ...invoice.billedTo, name: 'Zoë 株式会社' } }))
    expect(text).toContain('Zoë ????')
  })
})

describe('over GraphQL', () => {
  it('an owner previews, subscribes, reads the invoice and its document; others see no money', async () => {
    const owner = 'owner@acme.test'
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

    const started = await server.ask(
      owner,
      'mutation { startSubscription(input: {plan: "standard"}) { subscription { status trialEndsAt plan { slug } } } }',
    )
    expect([started.errors, started.data?.startSubscription.subscription]).toMatchObject([
      undefined,
      { status: 'trialing', plan: { slug: 'standard' } },
    ])

    // staff let it pay by invoice and end the trial by hand: cancel and start anew
    const staff = { 'x-tenant-id': 'acme' }
    await server.ask(
      'owner@platform.test',
      'mutation { setBillingTerms(input: {collectionMethod: "invoice", taxRate: "0.2"}) { billingProfile { taxRate } } }',
      {},
      staff,
    )
    await server.ask(owner, 'mutation { cancelSubscription(input: {atPeriodEnd: false}) { subscription { status } } }')
    const again = await server.ask(
      owner,
      'mutation { startSubscription(input: {plan: "standard"}) { subscription { status } } }',
    )
    expect(again.data.startSubscription.subscription.status).toBe('active')
    const preview = await server.ask(
      owner,
      '{ previewPlanChange(plan: "professional") { nodes { kind amount } } previewInvoice { nodes { kind amount } } entitlements { nodes { key source quotaLimit } } }',
    )
    expect(preview.errors).toBeUndefined()
    expect(preview.data.previewPlanChange.nodes.map(({ kind }: { kind: string }) => kind)).toEqual([
      'proration',
      'proration',
      'subtotal',
      'tax',
      'total',
    ])

    const list =
      '{ invoices { nodes { id number status total amountDue html pdfBase64 lines { nodes { kind amount } } } } currentTenant { billingProfile { creditBalance } } }'
    const before = await server.ask(owner, list)
    expect(before.errors).toBeUndefined()
    const [made] = before.data.invoices.nodes
    expect(made).toMatchObject({ status: 'finalised', total: '58.80', html: null, pdfBase64: null })

    const task = (await loadTasks()).billing__render_invoice as Task
    await task({ tenantId: db.acme.id, invoiceId: made.id }, {
      withPgClient: async (work: (client: unknown) => Promise<unknown>) => {
        const client = await workerPool.connect()
        try {
          return await work(client)
        } finally {
          client.release()
        }
      },
    } as unknown as JobHelpers)
    const [rendered] = (await server.ask(owner, list)).data.invoices.nodes
    expect(rendered.html).toContain(made.number)
    const text = await textOf(Buffer.from(rendered.pdfBase64, 'base64'))
    expect(text).toContain(made.number)
    expect(text).toContain('58.80 USD')

    const explained = await server.ask(
      owner,
      'query ($id: UUID!) { explainInvoice(id: $id) { nodes { kind isEqual } } }',
      { id: made.id },
    )
    expect(explained.data.explainInvoice.nodes.every(({ isEqual }: { isEqual: boolean }) => isEqual)).toBe(true)

    const member = await server.ask('admin@acme.test', list)
    expect(member.data.invoices.nodes).toEqual([])
    const foreign = await server.ask('owner@globex.test', 'query ($id: UUID!) { invoice(id: $id) { number html } }', {
      id: made.id,
    })
    expect([foreign.errors, foreign.data.invoice]).toEqual([undefined, null])
    const refused = await server.ask(
      'admin@acme.test',
      'mutation { cancelSubscription(input: {}) { subscription { status } } }',
    )
    expect(refused.errors?.[0]?.extensions.code).toBe('ID203')
  })
})
