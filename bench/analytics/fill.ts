// A large tenant among many: its events, calls, runs of tools and searches of the last 90 days, the roll-ups of them by the very
// functions that keep them, and as many other tenants with a few rows in each of these tables.

import type pg from 'pg'
import { count } from '../format.ts'
import { type BenchTenant, createBenchTenant, createMonths } from '../metering/setup.ts'
import { withProgress } from '../progress.ts'

const days = 90
const rowsAtOnce = 200_000
const rowsOfOthers = 200
const people = 500
const agents = 40

/** A person uses three of the agents, each of which calls one of four models. Rows are spread evenly over the time. */
const spread = `
  now() - (i * 7919 % ${days * 86_400}) * interval '1 second' as at,
  ($2::uuid[])[1 + i % ${people}] as user_id,
  ($3::uuid[])[1 + (i % ${people} + i / ${people} % 3) % ${agents}] as agent_id,
  ($4::uuid[])[1 + (i % ${people} + i / ${people} % 3) % ${agents} % 4] as model_id`

type Log = { name: string; share: number; store: string }

/** What is stored for each hundred events of usage, and how. The durations of a tool are within a factor of three or so of its own. */
const logs: Log[] = [
  {
    name: 'events of usage',
    share: 100,
    store: `
      insert into app_public.usage_events (tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id, agent_id, model_id, price_id, cost, duration_ms, outcome)
      select $1, 1000000000 + i / 1000, i % 1000 + 1, at, type, case type when 'llm_call' then 1 else 1 + i % 4000 end, user_id, agent_id, model_id,
             case when type <> 'llm_call' then model_id end, case when type <> 'llm_call' then 0.0001 * (1 + i % 50) end, case type when 'llm_call' then i % 5000 end,
             case type when 'llm_call' then case when i % 33 = 0 then 'error' else 'success' end::app_public.usage_outcome end
        from (select i, ${spread}, (array['llm_call', 'input_tokens', 'output_tokens'])[1 + i / 7 % 3] as type
                from generate_series($5::bigint, $6::bigint) as i) as r`,
  },
  {
    name: 'calls of models',
    share: 33,
    store: `
      insert into metering.llm_calls (tenant_id, occurred_at, model_id, model, user_id, agent_id, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, success, batch_id)
      select $1, at, model_id, 'a model', user_id, agent_id, 100, 0, 100, 0, i % 33 <> 0, 1000000000 + i / 1000
        from (select i, ${spread} from generate_series($5::bigint, $6::bigint) as i) as r`,
  },
  {
    name: 'runs of tools',
    share: 20,
    store: `
      insert into app_public.tool_executions (tenant_id, id, batch_id, executed_at, tool_name, user_id, agent_id, status, duration_ms)
      select $1, gen_random_uuid(), 1000000000 + i / 1000, at, 'tool ' || i % 20, user_id, agent_id,
             case when i % 33 = 0 then 'error' else 'success' end, (200 * (1 + i % 20) * exp((i * 7 % 100 + i * 13 % 101 + i * 31 % 103) / 150.0 - 1))::int
        from (select i, ${spread} from generate_series($5::bigint, $6::bigint) as i) as r
       where model_id is not null`,
  },
  {
    name: 'searches',
    share: 10,
    store: `
      insert into search.query_log_buffer (tenant_id, created_at, user_id, agent_id, mode, latency_ms, hit_count, source_ids, source_hit_counts, source_relevances)
      select $1, at, user_id, agent_id, 'hybrid', 1 + i % 50, i % 11, '{}', '{}', '{}'
        from (select i, ${spread} from generate_series($5::bigint, $6::bigint) as i) as r
       where model_id is not null`,
  },
]

/** Tables that have no reference to the tenant, so that the others need be no more than their ids. */
const crowded = [
  'app_public.usage_events',
  'metering.llm_calls',
  'app_public.tool_executions',
  'metering.usage_user_days',
  'metering.usage_users',
  'metering.usage_model_days',
  'observability.operation_days',
]

/** The tenant whose usage is asked for. */
export async function fill(client: pg.Client, rows: number, tenants: number): Promise<BenchTenant> {
  await createMonths(client)
  const tenant = await createBenchTenant(client, 'asked')
  const { rows: models } = await client.query<{ id: string }>(
    `insert into app_public.llm_models (provider_id, name, kind, provider_model_name)
     select p.id, 'model ' || i, 'chat', 'model ' || i from generate_series(1, 4) i, (select id from app_public.llm_providers limit 1) p returning id`,
  )
  const ids = (size: number): string[] => Array.from({ length: size }, () => crypto.randomUUID())
  const dimensions = [ids(people), ids(agents), models.map(({ id }) => id)]
  for (const { name, share, store } of logs) {
    const size = Math.ceil((rows * share) / 100)
    await withProgress(`  ${count(size)} ${name}`, size, async (bar) => {
      for (let first = 0; first < size; first += rowsAtOnce) {
        const last = Math.min(first + rowsAtOnce, size) - 1
        await client.query(store, [tenant.id, ...dimensions, first, last])
        if (name === 'searches') await client.query('select search.store_query_logs()')
        bar.add(last + 1 - first)
      }
    })
  }
  await rollUp(client, tenant)
  await addOthers(client, tenant, tenants)
  await addInvoice(client, tenant)
  await client.query('vacuum analyze')
  return tenant
}

/** What the tasks of a minute have come to by now. */
async function rollUp(client: pg.Client, { id }: BenchTenant): Promise<void> {
  await client.query('begin')
  await client.query(`select set_config('rowhouse.tenant_id', $1, true)`, [id])
  await client.query(`select metering.add_to_report_rollups(null, '-infinity', 'infinity', 'UTC')`)
  await client.query('select observability.rebuild_operations($1)', [id])
  await client.query('commit')
}

async function addOthers(client: pg.Client, { id }: BenchTenant, tenants: number): Promise<void> {
  await client.query(
    'create temp table others as select gen_random_uuid() as other_id from generate_series(1, $1::int)',
    [tenants - 1],
  )
  for (const table of crowded) {
    const { rows } = await client.query<{ columns: string }>(
      `select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
        where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attname <> 'tenant_id'`,
      [table],
    )
    const columns = rows[0]?.columns
    await client.query(
      `insert into ${table} (tenant_id, ${columns})
       select o.other_id, ${columns} from others o, (select ${columns} from ${table} where tenant_id = '${id}' limit ${rowsOfOthers}) as r`,
    )
  }
}

/** A paid invoice, as a row without what rules derive from it, so that the margin has a revenue. */
async function addInvoice(client: pg.Client, { id }: BenchTenant): Promise<void> {
  await client.query('select billing.seed_example_plans()')
  const tables = ['app_public.subscriptions', 'app_public.invoices']
  for (const table of tables) await client.query(`alter table ${table} disable trigger all`)
  await client.query(
    `with subscription as (
       insert into app_public.subscriptions (tenant_id, plan_id, price_id, billing_cycle, currency, status, timezone, anchor_on,
         started_at, current_period_start, current_period_end, usage_since)
       select $1, plan_id, id, billing_cycle, currency, 'active', 'UTC', current_date, now(), now(), '2999-01-01', now()
         from app_public.plan_prices limit 1
       returning id
     )
     insert into app_public.invoices (tenant_id, reason, issuer_id, currency, timezone, subscription_id, status, number,
       sequence_number, finalised_at, subtotal, tax, total, amount_paid, period_start, period_end)
     select $1, 'manual', gen_random_uuid(), 'USD', 'UTC', s.id, 'paid', 'X-1', 1, now(), 100, 0, 100, 100, now(), now() + interval '1 month'
       from subscription s`,
    [id],
  )
  for (const table of tables) await client.query(`alter table ${table} enable trigger all`)
}
