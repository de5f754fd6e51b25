// The invoice of a tenant with very many events in a period, beside other tenants and beside a recorder that goes on: how
// long the run takes, that it counts exactly what plain SQL counts, and whether recording waits for it.

import type pg from 'pg'
import { count, figure } from '../format.ts'
import { type BenchTenant, becomeOwner, createBenchTenant, createMonths } from '../metering/setup.ts'
import { withProgress } from '../progress.ts'
import { withClient, withScratch } from '../scratch.ts'
import { percentile, timed } from '../timing.ts'

const fillAtOnce = 500_000
const types = ['api_call', 'input_tokens', 'output_tokens']
const neighbours = 3

/** The first day of the subscription; its first period ends a month later, its second before today. */
const firstDay = `date_trunc('day', now() - interval '75 days', 'UTC')`

export type Billed = {
  events: number
  lateEvents: number
  /** Milliseconds. */
  invoiceMs: number
  rawSumMs: number
  lateInvoiceMs: number
  recordingMs: { alone: number[]; beside: number[] }
  differences: number
}

export function measureInvoice(serverUrl: string, events: number, lateEvents: number): Promise<Billed> {
  return withScratch(serverUrl, (url) =>
    withClient(url, (client) => withClient(url, (recorder) => measure(client, recorder, events, lateEvents))),
  )
}

async function measure(client: pg.Client, recorder: pg.Client, events: number, lateEvents: number): Promise<Billed> {
  await createMonths(client)
  // a price is put together before it is in force
  await at(client, `'2019-01-01Z'::timestamptz`, () => addPlan(client))
  const tenant = await createBenchTenant(client, 'billed')
  await subscribe(client, tenant)
  for (let i = 0; i < neighbours; i++)
    await fill(client, await createBenchTenant(client, `neighbour-${i}`), Math.ceil(events / 100))
  await fill(client, tenant, events)
  await rollUp(client, tenant)
  await client.query('vacuum analyze app_public.usage_events')
  const alone: number[] = []
  for (let i = 0; i < 50; i++) alone.push(await record(recorder, tenant, 1))
  let isBilling = true
  const recording = recordWhile(recorder, tenant, () => isBilling)
  const invoiceMs = await timed(() => bill(client, tenant, `${firstDay} + interval '1 month 1 day'`))
  isBilling = false
  const beside = await recording
  const rawSumMs = await timed(async () => {
    await client.query(
      `select usage_type, sum(quantity) from app_public.usage_events where tenant_id = $1 group by 1`,
      [tenant.id],
    )
  })
  await record(client, tenant, lateEvents, `${firstDay} + interval '1 day'`)
  const lateInvoiceMs = await timed(() => bill(client, tenant, 'now()'))
  const differences = await differencesOf(client, tenant)
  return { events, lateEvents, invoiceMs, rawSumMs, lateInvoiceMs, recordingMs: { alone, beside }, differences }
}

async function addPlan(client: pg.Client): Promise<void> {
  await client.query(`insert into app_public.plans (slug, name, tier) values ('metered', 'Metered', 'standard')`)
  await client.query(
    `insert into app_public.plan_prices (plan_id, currency, billing_cycle, amount, valid_from)
     select id, 'USD', 'monthly', 10, '2020-01-01Z' from app_public.plans where slug = 'metered'`,
  )
  await client.query(
    `insert into app_public.plan_price_components (price_id, usage_type, model, unit_amount, included_quantity)
     select v.id, t, 'per_unit', 0.0001, 1000 from app_public.plan_prices v join app_public.plans p on p.id = v.plan_id, unnest($1::text[]) t
      where p.slug = 'metered'`,
    [types],
  )
}

/** A transaction at an instant. */
async function at(client: pg.Client, instant: string, work: () => Promise<unknown>): Promise<void> {
  await client.query('begin')
  await client.query(`select set_config('rowhouse.clock', (${instant})::text, true)`)
  await work()
  await client.query('commit')
}

async function subscribe(client: pg.Client, tenant: BenchTenant): Promise<void> {
  await at(client, firstDay, async () => {
    await client.query('call core.enter_tenant($1)', [tenant.id])
    await client.query('select billing.lock_billing($1)', [tenant.id])
    await client.query(
      `update app_public.billing_profiles set collection_method = 'invoice', currency = 'USD' where tenant_id = $1`,
      [tenant.id],
    )
    await becomeOwner(client, tenant)
    await client.query(`select app_public.start_subscription('metered', 'monthly', true)`)
  })
}

/** Events spread over the first period. */
async function fill(client: pg.Client, tenant: BenchTenant, events: number): Promise<void> {
  await withProgress(`  ${count(events)} events`, events, async (bar) => {
    for (let done = 0; done < events; done += fillAtOnce) {
      const last = Math.min(done + fillAtOnce, events) - 1
      await client.query(
        `insert into app_public.usage_events (tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id)
         select $1, 1 + i / 1000, i % 1000 + 1, ${firstDay} + (i * 7919 % 2419200) * interval '1 second',
                ($2::text[])[1 + i % 3], 1 + i % 100, ($3::uuid[])[1 + i % 20]
           from generate_series($4::bigint, $5::bigint) as i`,
        [tenant.id, types, tenant.userIds, done, last],
      )
      bar.add(last + 1 - done)
    }
  })
}

/** The roll-up that invoices read, as the task has written it when a period ends. */
async function rollUp(client: pg.Client, tenant: BenchTenant): Promise<void> {
  await at(client, 'now()', async () => {
    await client.query('call core.enter_tenant($1)', [tenant.id])
    await client.query(
      `insert into metering.usage_quarter_hours select * from metering.usage_by_quarter_hour(null, '-infinity', 'infinity')`,
    )
  })
}

/** As the task does it: three steps, each in a transaction of its own. */
async function bill(client: pg.Client, tenant: BenchTenant, instant: string): Promise<void> {
  const step = (work: () => Promise<unknown>): Promise<void> =>
    at(client, instant, async () => {
      await client.query('set local role rowhouse_worker')
      await work()
    })
  let batch: string | null | undefined
  await step(() => client.query('select billing.draft_due_invoices($1)', [tenant.id]))
  await step(async () => {
    const { rows } = await client.query<{ batch: string | null }>('select billing.close_due_usage($1) as batch', [
      tenant.id,
    ])
    batch = rows[0]?.batch
  })
  await step(() => client.query('select billing.finalise_due_invoices($1, $2)', [tenant.id, batch]))
}

/** How long it takes to record events as the owner of the tenant. */
function record(client: pg.Client, tenant: BenchTenant, events: number, instant = 'now()'): Promise<number> {
  return timed(() =>
    at(client, 'now()', async () => {
      const { rows } = await client.query<{ at: string }>(`select (${instant})::text as at`)
      await becomeOwner(client, tenant)
      await client.query(
        `select count(*) from app_public.record_usages(
           array(select e from jsonb_populate_recordset(null::app_public.new_usage_event, $1) as e))`,
        [
          JSON.stringify(
            Array.from({ length: events }, () => ({
              idempotency_key: crypto.randomUUID(),
              usage_type: 'api_call',
              quantity: 1,
              occurred_at: rows[0]?.at,
            })),
          ),
        ],
      )
    }),
  )
}

async function recordWhile(client: pg.Client, tenant: BenchTenant, goesOn: () => boolean): Promise<number[]> {
  const times: number[] = []
  do times.push(await record(client, tenant, 1))
  while (goesOn())
  return times
}

/** What the books say beside what plain SQL counts: each usage type of the first period, and verify_billing. */
async function differencesOf(client: pg.Client, tenant: BenchTenant): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    `select (count(*) + (select count(*) from billing.verify_billing($1)))::int as n
       from (select l.usage_type, max(l.quantity) filter (where l.kind <> 'adjustment')
                      + coalesce(sum(l.quantity - l.quantity_before) filter (where l.kind = 'adjustment'), 0) as billed
               from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
              where l.tenant_id = $1 and l.component_id is not null and i.status <> 'draft' and l.service_start = ${firstDay}
              group by l.usage_type) as b
       full join (select e.usage_type, sum(e.quantity) as used from app_public.usage_events e
              where e.tenant_id = $1 and e.occurred_at < ${firstDay} + interval '1 month' group by e.usage_type) as u using (usage_type)
      where b.billed is distinct from u.used`,
    [tenant.id],
  )
  return rows[0]?.n ?? Number.NaN
}

/** The bar is one of this size; a smaller run may miss it, but cannot show that it is met. */
const eventsOfTheBar = 10_000_000
const barMs = 5_000

export function rowsOf(billed: Billed): string[][] {
  const { events, lateEvents, invoiceMs, rawSumMs, lateInvoiceMs, recordingMs } = billed
  const tail = (times: number[]): string =>
    `${figure(percentile(times, 0.5) ?? Number.NaN)} / ${figure(Math.max(...times))}`
  const beside = (name: string, ms: number): string[] => [
    name,
    figure(ms),
    figure(rawSumMs),
    `≤ ${barMs} at ${count(eventsOfTheBar)}`,
    ms > barMs ? 'no' : events < eventsOfTheBar ? 'not shown at this size' : 'yes',
  ]
  return [
    beside(`the run that invoices ${count(events)} events, ms`, invoiceMs),
    beside(`the next run, with ${count(lateEvents)} late events of that period, ms`, lateInvoiceMs),
    ['recording beside the first run, p50 / longest, ms', tail(recordingMs.beside), tail(recordingMs.alone), '', ''],
  ]
}
