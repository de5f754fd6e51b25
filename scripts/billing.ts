// npm run billing -- …: the everyday work of billing from the command line. What a person of the platform's staff does, the
// owner of the platform's tenant does here, by the same functions as over GraphQL.

import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { runBilling } from '../server/billing-run.ts'
import { required, type Tool, UsageError, withTool } from '../server/cli.ts'
import { asUser, createPool } from '../server/database.ts'
import { operatorIdentity } from '../server/seed.ts'
import { kinds, offerOptions, saving } from './billing-offer.ts'

const usage = `npm run billing -- plans
       npm run billing -- plan SLUG                         its prices, its entitlements, and who has it
       npm run billing -- plan SLUG save [--name NAME] [--tier TIER] [--description TEXT] [--trial-days N]
                                         [--public yes|no] [--retired yes|no] [--add-on]
       npm run billing -- plan SLUG price --currency CODE --amount N [--cycle monthly|annual] [--from TIME]
                                          [--components FILE.json] [--commitment N] [--seat-amount N [--included-seats N]] [--preview]
       npm run billing -- plan SLUG entitle KEY LIMIT|on|off|none [--overage]
       npm run billing -- issuers | taxes | meters | coupons
       npm run billing -- issuers SLUG save [--name NAME] [--address TEXT] [--tax-number TEXT] [--prefix TEXT]
                          [--credit-prefix TEXT] [--terms-days N] [--draft-hours N] [--footer TEXT]
       npm run billing -- taxes COUNTRY save --rate SHARE [--from TIME]
       npm run billing -- meters NAME save [--name NAME] [--unit UNIT] [--whole yes|no] [--most N]
       npm run billing -- coupons CODE save --name NAME --duration once|repeating|forever [--periods N] [--most N]
                          (--percent N | --amount N --currency CODE) [--redeem-by TIME]
       npm run billing -- extend-trial TENANT DAYS
       npm run billing -- invoices [--overdue | --draft] [--issuer SLUG]
       npm run billing -- export --from TIME --to TIME [--currency CODE] > ledger.csv
       npm run billing -- verify | run
       npm run billing -- write-off TENANT NUMBER --reason TEXT
       npm run billing -- seats TENANT QUANTITY
       npm run billing -- payout TENANT AMOUNT --memo TEXT`

const options = {
  name: { type: 'string' },
  tier: { type: 'string' },
  description: { type: 'string' },
  'trial-days': { type: 'string' },
  public: { type: 'string' },
  retired: { type: 'string' },
  'add-on': { type: 'boolean' },
  currency: { type: 'string' },
  amount: { type: 'string' },
  cycle: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  components: { type: 'string' },
  commitment: { type: 'string' },
  'seat-amount': { type: 'string' },
  'included-seats': { type: 'string' },
  preview: { type: 'boolean' },
  overage: { type: 'boolean' },
  overdue: { type: 'boolean' },
  draft: { type: 'boolean' },
  issuer: { type: 'string' },
  reason: { type: 'string' },
  memo: { type: 'string' },
  ...offerOptions,
} as const
const ledgerColumns = [
  'occurred_at',
  'id',
  'posting_id',
  'tenant_slug',
  'event',
  'account',
  'currency',
  'amount',
  'document_id',
  'document_number',
]

/** The tenant whose owner acts; tenancy.provision_tenant creates it with the type platform. */
const platform = 'platform'

type Work<T> = (client: pg.PoolClient) => Promise<T>
type Row = Record<string, unknown>

const { values, positionals } = parseArgs({ allowPositionals: true, options })
const [command = '', ...names] = positionals

const commands: Record<string, (tool: Tool) => Promise<void>> = {
  plans: listPlans,
  plan: (tool) => (names[1] ? editPlan(tool, names[1]) : showPlan(tool)),
  ...Object.fromEntries(Object.keys(kinds).map((kind) => [kind, (tool: Tool) => listOrSave(tool, kind)])),
  'extend-trial': extendTrial,
  invoices: listInvoices,
  export: exportLedger,
  verify,
  run,
  'write-off': writeOff,
  payout: payOut,
  seats: setSeats,
}

await withTool(
  async (tool) => {
    const work = commands[command]
    if (!work) throw new UsageError(`Usage: ${usage}`)
    await work(tool)
  },
  command === 'verify' ? 'administrator' : 'server',
)

function need(value: string | undefined): string {
  return required(value, usage)
}

function flag(value: string | undefined): boolean | undefined {
  if (value !== undefined && value !== 'yes' && value !== 'no') throw new UsageError(`Usage: ${usage}`)
  return value && value === 'yes'
}

/** As platform staff inside a tenant, in one transaction. */
async function asStaff<T>({ pool }: Tool, tenant: string, work: Work<T>): Promise<T> {
  const staff = await operatorIdentity(pool, platform)
  const { tenant_id } = await operatorIdentity(pool, tenant)
  return asUser(pool, { ...staff, tenant_id, role: 'rowhouse_admin' }, work)
}

function rowsOf(tool: Tool, text: string, given: unknown[] = []): Promise<Row[]> {
  return asStaff(tool, platform, async (client) => (await client.query<Row>(text, given)).rows)
}

/** Numbers are strings, so that none is rounded. */
function show(rows: Row[]): void {
  if (rows.length > 0) console.table(rows)
}

async function listPlans(tool: Tool): Promise<void> {
  const rows = await rowsOf(
    tool,
    `select p.slug, p.name, p.tier, p.is_public as public, p.is_add_on as "add-on", p.retired_at is not null as retired,
            (select string_agg(format('%s %s %s', trim_scale(v.amount), v.currency, v.billing_cycle), ', ' order by v.currency, v.amount)
               from (select distinct on (currency, billing_cycle) * from app_public.plan_prices v
                      where v.plan_id = p.id and v.valid_from <= core.clock()
                      order by currency, billing_cycle, valid_from desc) as v) as prices
       from app_public.plans p order by p.slug`,
  )
  show(rows)
  console.log(`${rows.length} plans.`)
}

async function showPlan(tool: Tool): Promise<void> {
  const slug = need(names[0])
  const touched = await rowsOf(tool, 'select tenant_slug from app_public.preview_plan_edit($1)', [slug])
  show(
    await rowsOf(
      tool,
      `select v.currency, v.billing_cycle as cycle, trim_scale(v.amount)::text as amount,
              trim_scale(v.committed_amount)::text as committed, v.valid_from::text as "valid from",
              coalesce((select string_agg(c.usage_type || ' ' || c.model, ', ' order by c.usage_type)
                 from app_public.plan_price_components c where c.price_id = v.id), '') as usage
         from app_public.plan_prices v join app_public.plans p on p.id = v.plan_id
        where p.slug = $1 order by v.currency, v.billing_cycle, v.valid_from`,
      [slug],
    ),
  )
  show(
    await rowsOf(
      tool,
      `select e.kind, e.key, coalesce(e.quota_limit::text, case when e.is_enabled then 'on' else 'off' end) as value,
              e.overage_allowed as overage
         from app_public.plan_entitlements e join app_public.plans p on p.id = e.plan_id
        where p.slug = $1 order by e.kind, e.key`,
      [slug],
    ),
  )
  console.log(`${touched.length} subscriptions.`)
}

async function editPlan(tool: Tool, edit: string): Promise<void> {
  const slug = need(names[0])
  if (edit === 'save') await savePlan(tool, slug)
  else if (edit === 'price') await pricePlan(tool, slug)
  else if (edit === 'entitle') await entitlePlan(tool, slug, need(names[2]), need(names[3]))
  else throw new UsageError(`Usage: ${usage}`)
}

async function savePlan(tool: Tool, slug: string): Promise<void> {
  await rowsOf(tool, 'select app_public.save_plan($1, $2, $3, $4, $5, $6, $7, $8)', [
    slug,
    values.name,
    values.description,
    values.tier,
    values['trial-days'],
    flag(values.public),
    flag(values.retired),
    values['add-on'],
  ])
  console.log(`Saved ${slug}.`)
}

async function pricePlan(tool: Tool, slug: string): Promise<void> {
  const { cycle = 'monthly', from = null } = values
  const currency = need(values.currency)
  const amount = need(values.amount)
  const touched = await rowsOf(
    tool,
    `select tenant_slug as tenant, affected_from::text as "from", trim_scale(amount_before)::text as before, trim_scale(amount_after)::text as after
       from app_public.preview_plan_edit($1, $2, $3::app_public.billing_cycle_enum, $4, $5)`,
    [slug, currency, cycle, amount, from],
  )
  show(touched)
  console.log(`${touched.length} subscriptions have the new price from their next period.`)
  if (values.preview) return
  const components = values.components ? await readFile(values.components, 'utf8') : '[]'
  await rowsOf(
    tool,
    `select app_public.add_plan_price($1, $2, $3, $4, $5::app_public.billing_cycle_enum,
       array(select c from jsonb_populate_recordset(null::app_public.new_price_component, $6) as c), $7, $8, $9)`,
    [
      slug,
      currency,
      amount,
      from,
      cycle,
      components,
      values.commitment,
      values['seat-amount'],
      values['included-seats'],
    ],
  )
  console.log(`Added the price to ${slug}.`)
}

async function entitlePlan(tool: Tool, slug: string, key: string, value: string): Promise<void> {
  const isSwitch = value === 'on' || value === 'off'
  const kind = isSwitch ? 'feature' : 'quota'
  if (value === 'none') {
    const removed = `select app_public.remove_plan_entitlement($1, e.kind, e.key)
      from app_public.plan_entitlements e join app_public.plans p on p.id = e.plan_id where p.slug = $1 and e.key = $2`
    if ((await rowsOf(tool, removed, [slug, key])).length === 0) throw new Error(`${slug} has no entitlement ${key}.`)
  } else {
    await rowsOf(
      tool,
      'select app_public.set_plan_entitlement($1, $2::app_public.entitlement_kind_enum, $3, $4, $5, $6)',
      [slug, kind, key, isSwitch ? value === 'on' : null, isSwitch ? null : value, values.overage ?? false],
    )
  }
  console.log(`${slug}: ${key} ${value}.`)
}

async function listOrSave(tool: Tool, name: string): Promise<void> {
  const kind = kinds[name]
  const [key, edit] = names
  if (!kind || (key !== undefined && edit !== 'save')) throw new UsageError(`Usage: ${usage}`)
  if (key === undefined) {
    const rows = await rowsOf(tool, kind.list)
    show(rows)
    console.log(`${rows.length} ${name}.`)
  } else {
    await rowsOf(tool, ...saving(kind, key, { ...values, whole: flag(values.whole) }))
    console.log(`Saved ${key}.`)
  }
}

async function extendTrial(tool: Tool): Promise<void> {
  const [tenant, days] = [need(names[0]), need(names[1])]
  const { rows } = await asStaff(tool, tenant, (client) =>
    client.query<{ until: string }>('select trial_ends_at::text as until from app_public.extend_trial($1)', [days]),
  )
  console.log(`The trial of ${tenant} ends at ${rows[0]?.until}.`)
}

async function listInvoices(tool: Tool): Promise<void> {
  const most = 100
  const rows = await rowsOf(
    tool,
    `select tenant_slug as tenant, coalesce(number, '') as number, issuer_slug as issuer, status, currency, total::text,
            amount_due::text as due, coalesce(due_at::text, '') as "due at", created_at::text as created
       from app_public.invoices_of_all_tenants($1, $2::app_public.invoice_status_enum, $3, at_most => $4)`,
    [values.overdue ?? false, values.draft ? 'draft' : null, values.issuer, most],
  )
  show(rows)
  console.log(rows.length === most ? `The newest ${most}.` : `${rows.length} documents.`)
}

async function exportLedger(tool: Tool): Promise<void> {
  const [from, to] = [need(values.from), need(values.to)]
  await pipeline(Readable.from(ledgerLines(tool, from, to)), process.stdout, { end: false })
}

/** One page at a time. No value needs quotes: they are slugs, numbers, times, ids and names of the house. */
async function* ledgerLines(tool: Tool, from: string, to: string): AsyncGenerator<string> {
  yield `${ledgerColumns.join(',')}\n`
  let last: Row | undefined
  for (;;) {
    const page = await rowsOf(
      tool,
      `select *, to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as occurred_at
         from app_public.export_ledger($1, $2, $3, $4, $5)`,
      [from, to, values.currency, last?.occurred_at, last?.id],
    )
    for (const row of page) yield `${ledgerColumns.map((column) => row[column] ?? '').join(',')}\n`
    last = page.at(-1)
    if (!last) return
  }
}

async function verify({ admin }: Tool): Promise<void> {
  const { rows: tenants } = await admin.query<{ id: string; slug: string }>(
    `select id, slug from tenancy.list_tenants() order by slug`,
  )
  const { rows: gaps } = await admin.query<Row>(
    `select issuer, series, sequence_number::text as missing from billing.invoice_number_gaps() limit 100`,
  )
  const differences: Row[] = []
  for (const { id, slug } of tenants) {
    const { rows } = await admin.query<Row>(
      'select $2::text as tenant, what, expected::text, actual::text from billing.verify_billing($1) limit 100',
      [id, slug],
    )
    differences.push(...rows)
  }
  show(gaps)
  show(differences)
  console.log(`${tenants.length} tenants: ${differences.length} differences, ${gaps.length} missing numbers.`)
  if (gaps.length + differences.length > 0) process.exitCode = 1
}

async function run({ database }: Tool): Promise<void> {
  const worker = createPool(database.url, 'rowhouse_worker', 1, { isEmbedded: database.isEmbedded })
  try {
    const { tenants, failures } = await runBilling((text, given) => worker.query(text, given), console.error)
    console.log(`${tenants} tenants, ${failures} failures.`)
    if (failures > 0) process.exitCode = 1
  } finally {
    await worker.end()
  }
}

async function writeOff(tool: Tool): Promise<void> {
  const [tenant, number, reason] = [need(names[0]), need(names[1]), need(values.reason)]
  const { rows } = await asStaff(tool, tenant, (client) =>
    client.query<{ line: string }>(
      `select format('%s %s', w.amount_written_off, w.currency) as line
         from app_public.invoices i cross join lateral app_public.write_off_invoice(i.id, $2) w
        where i.tenant_id = core.current_tenant_id() and i.number = $1 and i.series = 'invoice'`,
      [number, reason],
    ),
  )
  if (!rows[0]) throw new Error(`${tenant} has no invoice ${number}.`)
  console.log(`Wrote off ${rows[0].line} of ${number}.`)
}

async function setSeats(tool: Tool): Promise<void> {
  const [tenant, quantity] = [need(names[0]), need(names[1])]
  const { rows } = await asStaff(tool, tenant, (client) =>
    client.query<{ seats: number }>(
      'select coalesce(s.pending_seats, s.seats) as seats from app_public.set_seats($1) s',
      [quantity],
    ),
  )
  console.log(`${tenant} has ${rows[0]?.seats} seats; fewer than before hold from the next period.`)
}

async function payOut(tool: Tool): Promise<void> {
  const [tenant, amount, memo] = [need(names[0]), need(names[1]), need(values.memo)]
  const { rows } = await asStaff(tool, tenant, (client) =>
    client.query<{ line: string }>(
      `select format('%s %s', -e.amount, e.currency) as line from app_public.pay_out_credit($1, $2) e`,
      [amount, memo],
    ),
  )
  console.log(`Recorded the payout of ${rows[0]?.line} to ${tenant}.`)
}
