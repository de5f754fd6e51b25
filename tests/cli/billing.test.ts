// npm run billing: what an operator of the platform does every day, as a person runs it.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isRealServer, needsServer, useDatabase } from '../helpers/index.ts'
import { type Outcome, run } from '../helpers/processes.ts'

const db = useDatabase()
let folder: string
const billing = (...args: string[]): Promise<Outcome> => run('scripts/billing.ts', args, { DATABASE_URL: db.url })

async function done(...args: string[]): Promise<string> {
  const { code, output } = await billing(...args)
  expect([args, code, output]).toEqual([args, 0, output])
  return output
}

/** As the owner of a tenant, or as staff in it. */
async function as(tenant: typeof db.acme, text: string, isStaff = false): Promise<void> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    await client.query(
      `select set_config('role', $1, true), set_config('rowhouse.user_id', $2, true), set_config('rowhouse.tenant_id', $3, true)`,
      [
        isStaff ? 'rowhouse_admin' : 'rowhouse_user',
        isStaff ? db.platform.owner.userId : tenant.owner.userId,
        tenant.id,
      ],
    )
    await client.query(text)
    await client.query('commit')
  } finally {
    client.release()
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-billing-'))
  if (!isRealServer()) return
  await writeFile(
    join(folder, 'components.json'),
    JSON.stringify([{ usage_type: 'search', model: 'per_unit', unit_amount: 0.01, included_quantity: 100 }]),
  )
  await done('plan', 'team', 'save', '--name', 'Team', '--tier', 'standard')
  await done(
    ...['plan', 'team', 'price', '--currency', 'USD', '--amount', '20'],
    ...['--components', join(folder, 'components.json')],
  )
  for (const tenant of [db.acme, db.globex]) {
    await as(tenant, `select app_public.set_billing_terms(collection_method => 'invoice')`, true)
    await as(tenant, `select app_public.start_subscription('team')`)
  }
  await done('run')
}, 60_000)
afterAll(() => rm(folder, { recursive: true }))
beforeEach((context) => needsServer(context, 'DATABASE_URL names a server'))

describe('plans', () => {
  it('are listed with their prices in force, and one is shown with its usage, entitlements and subscriptions', async () => {
    expect(await done('plans')).toMatch(/'team'.*'Team'.*'standard'.*'20 USD monthly'/)
    await done('plan', 'team', 'entitle', 'users', '50')
    await done('plan', 'team', 'entitle', 'white_label', 'on')
    const shown = await done('plan', 'team')
    for (const text of ['search per_unit', "'50'", "'white_label'", "'on'", '2 subscriptions.'])
      expect(shown).toContain(text)
    await done('plan', 'team', 'entitle', 'users', 'none')
    expect(await done('plan', 'team')).not.toContain("'50'")
    expect(await billing('plan', 'team', 'entitle', 'users', 'none')).toMatchObject({ code: 1 })
  })

  it('a preview of a price names whom it touches and changes nothing', async () => {
    const price = ['plan', 'team', 'price', '--currency', 'USD', '--amount', '25', '--from', '2999-01-01']
    const output = await done(...price, '--preview')
    expect(output).toMatch(/'acme' +│ '2999-.*' +│ '20' +│ '25'/)
    expect(output).toContain('2 subscriptions have the new price')
    expect(await done('plan', 'team')).not.toContain("'25'")
    await done(...price)
    expect(await done('plan', 'team')).toContain("'25'")
  })

  it('one that is retired says so', async () => {
    await done('plan', 'old', 'save', '--name', 'Old', '--tier', 'free')
    await done('plan', 'old', 'save', '--retired', 'yes')
    expect(await done('plans')).toMatch(/'old' +│ 'Old' +│ 'free' +│ true +│ false +│ true/)
  })

  it('one that is an add-on says so, and prices no usage', async () => {
    await done('plan', 'more', 'save', '--name', 'More', '--tier', 'free', '--add-on')
    await done('plan', 'more', 'save', '--description', 'More of it')
    expect(await done('plans')).toMatch(/'more' +│ 'More' +│ 'free' +│ true +│ true +│ false/)
    const price = ['plan', 'more', 'price', '--currency', 'USD', '--amount', '5']
    expect(await billing(...price, '--commitment', '1')).toMatchObject({ code: 1 })
    await done(...price)
  })
})

describe('what is sold beside plans', () => {
  it('issuers, tax rates, meters and coupons are saved and listed', async () => {
    await done('issuers', 'north', 'save', '--name', 'North Ltd', '--prefix', 'N-', '--credit-prefix', 'NC-')
    await done('issuers', 'north', 'save', '--terms-days', '30')
    expect(await done('issuers')).toMatch(/'north' +│ 'North Ltd' +│ 'N-' +│ 'NC-' +│ 30/)
    await done('taxes', 'DE', 'save', '--rate', '0.19', '--from', '2999-01-01')
    expect(await done('taxes')).toMatch(/'DE' +│ '0.19' +│ '2999-/)
    await done('meters', 'page_scans', 'save', '--name', 'Page scans', '--unit', 'page', '--whole', 'yes')
    expect(await done('meters')).toMatch(/'page_scans' +│ 'Page scans' +│ 'page' +│ true/)
    const coupon = ['coupons', 'SPRING', 'save', '--name', 'Spring', '--percent', '25']
    await done(...coupon, '--duration', 'repeating', '--periods', '3', '--most', '10')
    expect(await done('coupons')).toMatch(/'SPRING' +│ 'Spring' +│ '25 %' +│ 'repeating'/)
    expect(await billing(...coupon, '--duration', 'once')).toMatchObject({ code: 1 })
  })

  it('a tax rate that is no share, and a trial that does not run, are refused', async () => {
    for (const args of [
      ['taxes', 'DE', 'save', '--rate', '1.9'],
      ['taxes', 'DE', 'save'],
      ['extend-trial', 'acme', '7'],
    ])
      expect([args, (await billing(...args)).code]).toEqual([args, 1])
  })
})

it('invoices are those of all tenants, or what is overdue, a draft, or of an issuer', async () => {
  expect(await done('invoices')).toContain('2 documents.')
  expect(await done('invoices', '--overdue')).toContain('0 documents.')
  expect(await done('invoices', '--draft')).toContain('0 documents.')
  expect(await done('invoices', '--issuer', 'default')).toMatch(
    /'acme'[\s\S]*2 documents\.|'globex'[\s\S]*2 documents\./,
  )
  expect(await billing('invoices', '--issuer', 'nobody')).toMatchObject({
    code: 1,
    output: expect.stringContaining('There is no such invoice issuer.'),
  })
})

it('an invoice is written off, credit is paid out, and the books agree', async () => {
  const { rows } = await db.pool.query('select number from app_public.invoices where tenant_id = $1', [db.globex.id])
  const number = rows[0].number as string
  expect(await done('write-off', 'globex', number, '--reason', 'Gone')).toContain(`Wrote off 20.00 USD of ${number}.`)
  expect(await billing('write-off', 'globex', number, '--reason', 'Again')).toMatchObject({ code: 1 })
  expect((await billing('write-off', 'acme', number, '--reason', 'x')).output).toContain(
    `acme has no invoice ${number}`,
  )

  await as(db.globex, `select app_public.add_credit(5, 'Sorry')`, true)
  expect(await done('payout', 'globex', '5', '--memo', 'Transfer 1')).toContain('the payout of 5.00 USD to globex')
  expect((await billing('payout', 'globex', '5', '--memo', 'Transfer 2')).code).toBe(1)
  expect(await done('verify')).toContain('0 differences, 0 missing numbers.')
})

it('the export is a CSV of the entries of the period that sums to nothing, page by page', async () => {
  // more than a page of 1,000
  await db.pool.query(
    `select billing.post($1, 'credit', 'USD', gen_random_uuid(), '{goodwill,credit}', '{1,-1}') from generate_series(1, 600)`,
    [db.acme.id],
  )
  const output = await done('export', '--from', '2000-01-01', '--to', '2999-01-01', '--currency', 'USD')
  const [head, ...lines] = output.trimEnd().split('\n')
  expect(head).toBe('occurred_at,id,posting_id,tenant_slug,event,account,currency,amount,document_id,document_number')
  const { rows } = await db.pool.query('select count(*)::int as count from billing.ledger_entries')
  expect(lines).toHaveLength(rows[0].count)
  const cells = lines.map((line) => line.split(','))
  expect(new Set(cells.map((row) => row[1])).size).toBe(lines.length)
  expect(cells.reduce((sum, row) => sum + Math.round(Number(row[7]) * 100), 0)).toBe(0)
  expect(cells.every((row) => row.length === 10)).toBe(true)
  expect((await done('export', '--from', '2000-01-01', '--to', '2000-02-01')).trimEnd()).toBe(head)
})

it('a difference in the books is shown, and fails', async () => {
  await db.pool.query(`select billing.post($1, 'credit', 'USD', gen_random_uuid(), '{goodwill,credit}', '{3,-3}')`, [
    db.globex.id,
  ])
  const { code, output } = await billing('verify')
  expect(code).toBe(1)
  expect(output).toMatch(/'globex' +│ 'goodwill in USD'/)
})

it('says what is missing or does not fit', async () => {
  for (const args of [
    [],
    ['odd'],
    ['plan'],
    ['plan', 'team', 'odd'],
    ['plan', 'team', 'price', '--currency', 'USD'],
    ['plan', 'team', 'save', '--public', 'maybe'],
    ['export', '--from', '2025-01-01'],
    ['write-off', 'acme', 'INV-000001'],
    ['payout', 'acme', '5'],
    ['issuers', 'north', 'odd'],
    ['extend-trial', 'acme'],
  ])
    expect([args, await billing(...args)]).toEqual([
      args,
      { code: 1, output: expect.stringContaining('Usage: npm run billing') },
    ])
})
