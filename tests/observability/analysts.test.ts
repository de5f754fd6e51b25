// The analysts' door, with real logins: what they read, and what they must not.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { createAnalyst } from '../../server/analysts.ts'
import { isRealServer, needsServer, queries, useDatabase } from '../helpers/index.ts'
import { run } from '../helpers/processes.ts'
import { seedCosts } from './report-rows.ts'

const db = useDatabase()
const suffix = crypto.randomUUID().slice(0, 8)
const ann = `ann_${suffix}`
const bob = `bob_${suffix}`
const passwords = new Map<string, string>()
const guide = join(import.meta.dirname, '../../docs/analytics.md')

/** Runs the work in a session of the login. */
async function as<T>(login: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const url = new URL(db.url)
  url.username = login
  url.password = passwords.get(login) ?? ''
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
const rowsOf = async (login: string, text: string): Promise<Record<string, unknown>[]> =>
  as(login, async (client) => (await client.query(text)).rows)
const codeOf = (login: string, ...statements: string[]): Promise<string | undefined> =>
  as(login, async (client) => {
    try {
      for (const statement of statements) await client.query(statement)
      return undefined
    } catch (error) {
      return (error as pg.DatabaseError).code
    }
  })
const views = async (): Promise<string[]> =>
  (
    await db.pool.query<{ name: string }>(
      `select oid::regclass::text as name from pg_class where relnamespace = 'analytics'::regnamespace and relkind = 'v' order by 1`,
    )
  ).rows.map(({ name }) => name)
const reconnect = async (grant: () => Promise<unknown>, text: string) => {
  await grant()
  return rowsOf(ann, text)
}

/** A paid invoice of 100 USD for this month and a quota that is nearly used up, as rows without what rules derive from them. */
async function seedBooks(): Promise<void> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    await client.query('select billing.seed_example_plans()')
    for (const table of ['subscriptions', 'invoices', 'quota_tracking'])
      await client.query(`alter table app_public.${table} disable trigger all`)
    await client.query(
      `with subscription as (
         insert into app_public.subscriptions (tenant_id, plan_id, price_id, billing_cycle, currency, status, timezone, anchor_on,
           started_at, current_period_start, current_period_end, usage_since)
         select $1, plan_id, p.id, billing_cycle, currency, 'active', 'UTC', current_date, now(), now(), '2999-01-01', now()
           from app_public.plan_prices p join app_public.plans on plans.id = plan_id where plans.slug = 'standard' limit 1
         returning id
       )
       insert into app_public.invoices (tenant_id, reason, issuer_id, currency, timezone, subscription_id, status, number,
         sequence_number, finalised_at, subtotal, tax, total, amount_paid, period_start, period_end)
       select $1, 'manual', i.id, 'USD', 'UTC', s.id, 'paid', 'X-1', 1, now(), 100, 0, 100, 100, now(), now() + interval '1 month'
         from subscription s, (select id from app_public.invoice_issuers limit 1) i`,
      [db.acme.id],
    )
    await client.query(
      `insert into app_public.quota_tracking (tenant_id, id, quota_type, quota_scope, scope_id, includes_subtree, period,
         period_start, period_end, starts_at, ends_at, quota_limit, current_usage)
       select $1, gen_random_uuid(), 'api_calls', 'tenant', $1, false, 'day', current_date, current_date + 1, now(), now() + interval '1 day', 100, 95`,
      [db.acme.id],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

async function seed(): Promise<void> {
  await seedCosts(
    queries(() => db.pool),
    db,
  )
  for (const tenant of [db.acme, db.globex]) {
    const { userId } = tenant.member
    await db.pool.query(
      `insert into search.query_quarter_hours values ($1, date_bin('15 minutes', now(), '2000-01-01Z'), 'bm25', 3, 1, 3)`,
      [tenant.id],
    )
    await db.pool.query(
      `insert into observability.operation_days
       select $1, current_date, 'tool', null, tool, 100, 10, 10 - errors, errors, 70, 0, 0, now()
         from (values ('browser', 4), ('calculator', 0)) as t (tool, errors)`,
      [tenant.id],
    )
    await db.pool.query(
      `insert into app_public.query_logs (tenant_id, created_at, user_id, mode, query_text, latency_ms, hit_count, source_ids, source_hit_counts, source_relevances)
       select $1, now(), $2, 'bm25', 'a secret question', 1, hits, '{}', '{}', '{}' from generate_series(0, 2) hits`,
      [tenant.id, userId],
    )
    await db.pool.query(
      `insert into metering.llm_calls (tenant_id, occurred_at, model, user_id, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, success, batch_id)
       values ($1, now(), 'a-model', $2, 1, 0, 1, 0, false, 1)`,
      [tenant.id, userId],
    )
    await db.pool.query(
      `insert into metering.llm_texts (tenant_id, call_id, occurred_at, user_id, prompt_text) values ($1, gen_random_uuid(), now(), $2, 'a prompt')`,
      [tenant.id, userId],
    )
    await db.pool.query(
      `insert into app_public.analytics_events (tenant_id, id, occurred_at, batch_id, event_name, user_id, is_known)
       values ($1, gen_random_uuid(), now(), 1, 'opened', $2, true)`,
      [tenant.id, userId],
    )
    await db.pool.query(
      `insert into app_public.tool_executions (tenant_id, id, executed_at, batch_id, tool_name, user_id, status)
       values ($1, gen_random_uuid(), now(), 1, 'browser', $2, 'error')`,
      [tenant.id, userId],
    )
  }
  await seedBooks()
  await db.pool.query('analyze metering.usage_days')
}

beforeAll(async () => {
  if (!isRealServer()) return
  await seed()
  for (const login of [ann, bob]) passwords.set(login, await createAnalyst(db.pool, login))
  await db.pool.query('select tenancy.grant_analyst_access($1, $2)', [ann, db.acme.id])
  await db.pool.query('select tenancy.grant_analyst_access($1, $2)', [bob, db.globex.id])
})
afterAll(async () => {
  if (!isRealServer()) return
  for (const login of [ann, bob]) await db.pool.query(`drop role if exists ${login}`)
})

/** A test with logins of its own. */
const test = (name: string, work: () => Promise<void>): void => {
  it(name, async (context: TestContext) => {
    needsServer(context, 'needs logins of its own')
    await work()
  })
}

describe('a login reads', () => {
  test('every view, with rows of its own tenant alone', async () => {
    const names = await views()
    expect(names.length).toBeGreaterThan(15)
    for (const name of names) {
      const rows = await rowsOf(ann, `select * from ${name}`)
      // what the platform provides to everyone belongs to the platform
      const others = rows.filter((row) => ![undefined, db.acme.id, db.platform.id].includes(row.tenant_id as string))
      expect([name, others]).toEqual([name, []])
    }
    expect(await rowsOf(ann, 'select slug from dim_tenants')).toEqual([{ slug: 'acme' }])
    for (const fact of ['usage_days', 'searches', 'tool_runs', 'events', 'llm_calls', 'active_users'])
      expect([fact, (await rowsOf(ann, `select 1 from fact_${fact}`)).length > 0]).toEqual([fact, true])
  })

  test('pseudonyms in place of people, the same in all views, another for another login', async () => {
    const userOf = async (login: string, view: string) =>
      (await rowsOf(login, `select distinct user_id from ${view}`)).map((row) => row.user_id)
    const [pseudonym] = await userOf(ann, 'fact_usage_days')
    expect(pseudonym).not.toBe(db.acme.member.userId)
    for (const view of ['fact_active_users', 'fact_searches', 'fact_tool_runs', 'fact_events', 'fact_llm_calls'])
      expect([view, await userOf(ann, view)]).toEqual([view, [pseudonym]])
    expect(await userOf(ann, 'dim_users')).toContain(pseudonym)
    expect(await userOf(bob, 'fact_usage_days')).not.toEqual([pseudonym])
    expect(await rowsOf(ann, 'select 1 from dim_users where full_name is not null or email is not null')).toEqual([])
  })

  test('who people are when the grant says so', async () => {
    const people = (seen: boolean) => () =>
      db.pool.query('select tenancy.grant_analyst_access($1, $2, null, $3)', [ann, db.acme.id, seen])
    expect(await reconnect(people(true), 'select distinct user_id from fact_usage_days')).toEqual([
      { user_id: db.acme.member.userId },
    ])
    expect((await rowsOf(ann, 'select email from dim_users')).every(({ email }) => email !== null)).toBe(true)
    expect(await reconnect(people(false), 'select 1 from dim_users where email is not null')).toEqual([])
  })

  test('nothing once the grant has expired or was taken back', async () => {
    const until = (at: string | null) => () =>
      db.pool.query('select tenancy.grant_analyst_access($1, $2, $3)', [ann, db.acme.id, at])
    expect(await reconnect(until('2020-01-01'), 'select 1 from fact_usage_days')).toEqual([])
    expect(
      await as(ann, async (client) => {
        await client.query(`set rowhouse.clock = '2019-01-01'`)
        return (await client.query('select 1 from dim_tenants union all select 1 from fact_active_users')).rows
      }),
    ).toEqual([])
    expect(await reconnect(until(null), 'select slug from dim_tenants')).toHaveLength(1)
    const revoke = () => db.pool.query('select tenancy.revoke_analyst_access($1, $2)', [ann, db.acme.id])
    expect(await reconnect(revoke, 'select slug from dim_tenants')).toEqual([])
    await until(null)()
  })

  test('texts of prompts only of a tenant whose setting keeps them', async () => {
    const keep = (kept: boolean) => () =>
      db.pool.query(
        `update app_public.tenants set config = config || jsonb_build_object('store_llm_texts', $2::boolean) where id = $1`,
        [db.acme.id, kept],
      )
    expect(await reconnect(keep(false), 'select prompt_text from fact_llm_texts')).toEqual([])
    expect(await reconnect(keep(true), 'select prompt_text from fact_llm_texts')).toEqual([{ prompt_text: 'a prompt' }])
  })
})

describe('a login cannot', () => {
  test('read any other relation, by its name or by its id', async () => {
    const readable = await rowsOf(
      ann,
      `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = relnamespace
        where nspname !~ '^(pg_|information_schema|analytics)' and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
          and (has_any_column_privilege(c.oid, 'select') or case relkind when 'S' then has_sequence_privilege(c.oid, 'select') end)`,
    )
    expect(readable).toEqual([])
    for (const name of ['metering.usage_days', 'tenancy.analyst_tenants', 'app_public.user_profiles', 'vault.api_keys'])
      expect([name, await codeOf(ann, `select * from ${name}`)]).toEqual([name, '42501'])
    const { rows } = await db.pool.query(`select 'metering.usage_days'::regclass::oid as oid`)
    expect(await codeOf(ann, `select table_to_xml(${rows[0].oid}::regclass, true, true, '')`)).toBe('42501')
  })

  test('call a function of ours', async () => {
    for (const call of [
      'tenancy.analyst_tenant_ids()',
      'tenancy.analyst_grants()',
      `tenancy.pseudonym('${db.acme.member.userId}', 'x')`,
      `tenancy.grant_analyst_access('${ann}', '${db.globex.id}')`,
      `core.raise_error('RH901', 'x', 'y')`,
    ])
      expect([call, await codeOf(ann, `select ${call}`)]).toEqual([call, '42501'])
  })

  test('become another role', async () => {
    for (const role of ['rowhouse_user', 'rowhouse_owner', 'rowhouse_platform', 'rowhouse_analytics', bob])
      expect([role, await codeOf(ann, `set role ${role}`)]).toEqual([role, '42501'])
    expect(await codeOf(ann, `set session authorization ${bob}`)).toBe('42501')
  })

  test('reach another tenant by settings', async () => {
    const slugs = await as(ann, async (client) => {
      for (const [name, value] of [
        ['rowhouse.tenant_id', db.globex.id],
        ['rowhouse.user_id', db.globex.owner.userId],
        ['role', 'rowhouse_analyst'],
        ['search_path', 'analytics, pg_temp'],
      ])
        await client.query('select set_config($1, $2, false)', [name, value])
      return (
        await client.query(
          'select distinct t.slug from analytics.fact_usage_days join analytics.dim_tenants t using (tenant_id)',
        )
      ).rows
    })
    expect(slugs).toEqual([{ slug: 'acme' }])
    // a query that a policy would touch is refused, not answered without it
    expect(await codeOf(ann, 'set row_security = off', 'select * from analytics.fact_usage_days')).toBe('42501')
  })

  test('see foreign rows through a function of its own that tells what it is given', async () => {
    const told = await as(ann, async (client) => {
      await client.query('set default_transaction_read_only = off')
      const notices: string[] = []
      client.on('notice', ({ message }) => notices.push(String(message)))
      await client.query(
        `create function pg_temp.tell(uuid) returns boolean language plpgsql cost 0.0000001 as $$ begin raise notice '%', $1; return true; end $$`,
      )
      await client.query('select * from analytics.fact_usage_days where pg_temp.tell(tenant_id)')
      await client.query('select * from analytics.fact_usage_days where pg_temp.tell(user_id)')
      return notices
    })
    expect(told).toContain(db.acme.id)
    for (const foreign of [db.globex.id, db.acme.member.userId, db.globex.member.userId])
      expect(told).not.toContain(foreign)
  })

  test('put an object of its own in the way of ours', async () => {
    const count = await as(ann, async (client) => {
      await client.query('set default_transaction_read_only = off')
      await client.query(
        `create temp table analyst_tenants as select '${db.globex.id}'::uuid as tenant_id, '${ann}'::name as login`,
      )
      await client.query(
        `create function pg_temp.analyst_tenant_ids() returns uuid[] language sql as $$ select array['${db.globex.id}'::uuid] $$`,
      )
      await client.query('set search_path = pg_temp, analytics')
      return (await client.query(`select 1 from analytics.fact_usage_days where tenant_id = '${db.globex.id}'`))
        .rowCount
    })
    expect(count).toBe(0)
    expect(await codeOf(ann, 'set default_transaction_read_only = off', 'create table analytics.mine (id int)')).toBe(
      '42501',
    )
    expect(await codeOf(ann, 'set default_transaction_read_only = off', 'create table public.mine (id int)')).toBe(
      '42501',
    )
  })

  test('write through a view', async () => {
    for (const statement of [
      'delete from dim_tenants',
      `update dim_models set name = 'x'`,
      'insert into dim_plans default values',
    ])
      expect([statement, await codeOf(ann, 'set default_transaction_read_only = off', statement)]).toEqual([
        statement,
        '42501',
      ])
  })

  test('read statistics of columns', async () => {
    expect(
      await rowsOf(ann, `select tablename from pg_stats where schemaname not in ('pg_catalog', 'information_schema')`),
    ).toEqual([])
    expect(await codeOf(ann, 'select * from pg_statistic')).toBe('42501')
  })

  test('see what others run', async () => {
    const seen = await as(bob, async (client) => {
      await client.query(`select 'a secret of bob'`)
      return rowsOf(
        ann,
        `select query, client_addr from pg_stat_activity where usename <> current_user and query <> '<insufficient privilege>' and query <> ''`,
      )
    })
    expect(seen).toEqual([])
  })
})

describe('the catalogue names only analytics', () => {
  test('in information_schema', async () => {
    const tables = await rowsOf(
      ann,
      `select distinct table_schema from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')
       union select table_schema from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')
       union select table_schema from information_schema.role_table_grants where table_schema not in ('pg_catalog', 'information_schema')`,
    )
    expect(tables).toEqual([{ table_schema: 'analytics' }])
    expect(
      await rowsOf(
        ann,
        `select schema_name from information_schema.schemata where schema_name !~ '^(pg_|information_schema|public)'`,
      ),
    ).toEqual([{ schema_name: 'analytics' }])
  })

  test('in what psql asks for \\d, and a driver for the tables of the current schema', async () => {
    const visible = await rowsOf(
      ann,
      `select distinct n.nspname from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', '') and n.nspname <> 'pg_catalog' and n.nspname !~ '^pg_toast'
          and n.nspname <> 'information_schema' and pg_catalog.pg_table_is_visible(c.oid)`,
    )
    expect(visible).toEqual([{ nspname: 'analytics' }])
    const driver = await rowsOf(
      ann,
      `select c.relname, d.description from pg_catalog.pg_namespace n, pg_catalog.pg_class c
         left join pg_catalog.pg_description d on (c.oid = d.objoid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass)
        where c.relnamespace = n.oid and n.nspname = current_schema() and c.relkind = 'v'`,
    )
    expect(driver.map(({ relname }) => `analytics.${relname}`).sort()).toEqual([...(await views())].sort())
    expect(driver.filter(({ description }) => !description)).toEqual([])
  })

  it('and every column there has a comment', async () => {
    const { rows } = await db.pool.query(
      `select attrelid::regclass, attname from pg_attribute a join pg_class c on c.oid = attrelid
        where relnamespace = 'analytics'::regnamespace and attnum > 0 and col_description(attrelid, attnum) is null`,
    )
    expect(rows).toEqual([])
  })
})

test('which tenants a login may read is asked once a query', async () => {
  const [first] = await rowsOf(ann, 'explain (analyze, verbose, format json) select * from fact_usage_days')
  const text = JSON.stringify(first)
  expect(text).toContain('InitPlan')
  for (const filter of text.match(/"(Filter|Index Cond)":"(?:[^"\\]|\\.)*"/g) ?? [])
    expect(filter).not.toMatch(/analyst_tenant_ids\(/)
})

test('npm run analyst creates, grants, lists and revokes, and the audit has it', async () => {
  const login = `eve_${suffix}`
  const analyst = (...args: string[]) => run('scripts/analyst.ts', args, { DATABASE_URL: db.url })
  try {
    const created = await analyst('create', '--login', login, '--expires', '2099-01-01')
    passwords.set(login, /shown only now: (\S+)/.exec(created.output)?.[1] ?? '')
    expect(await rowsOf(login, 'select slug from dim_tenants')).toEqual([])
    expect(await analyst('grant', '--login', login, '--tenant', 'acme')).toMatchObject({ code: 0 })
    expect(await rowsOf(login, 'select slug from dim_tenants')).toEqual([{ slug: 'acme' }])
    expect((await analyst('list')).output).toContain(login)
    expect(await analyst('revoke', '--login', login, '--tenant', 'acme')).toMatchObject({ code: 0 })
    expect(await rowsOf(login, 'select slug from dim_tenants')).toEqual([])
    const { rows } = await db.pool.query(
      `select operation from audit.ledger where row_key = $1 or table_name = 'tenancy.analyst_tenants' and row_key like '%' || $1 order by id`,
      [login],
    )
    expect(rows.map(({ operation }) => operation)).toEqual(['analyst_created', 'insert', 'delete'])
    const { rows: role } = await db.pool.query(
      `select rolconnlimit, rolvaliduntil is not null as ends, rolconfig @> '{default_transaction_read_only=on,statement_timeout=60s}' as is_limited,
              rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as is_more
         from pg_roles where rolname = $1`,
      [login],
    )
    expect(role).toEqual([{ rolconnlimit: 5, ends: true, is_limited: true, is_more: false }])
    expect(await analyst('create', '--login', 'rowhouse_x')).toMatchObject({ code: 1 })
  } finally {
    await db.pool.query(`drop role if exists ${login}`)
  }
})

describe('the questions of docs/analytics.md', () => {
  const expected: Record<string, (rows: Record<string, unknown>[]) => void> = {
    'Cost by day and model': (rows) => expect(rows.map(({ cost_usd }) => cost_usd)).toEqual(['2.5', '2.5']),
    'Active users by week': (rows) => expect(rows.map(({ users }) => users)).toEqual(['1', '1']),
    'Retention of users by week': (rows) =>
      expect(rows.map(({ weeks_later, users }) => [weeks_later, users])).toEqual([
        [0, '1'],
        [1, '1'],
      ]),
    'Tools that fail most': (rows) => expect(rows).toEqual([{ tool: 'browser', runs: '10', failed_percent: '40.0' }]),
    'The slowest tools: 95th percentile': (rows) => expect(rows.map(({ p95_ms }) => p95_ms)).toEqual(['7.2', '7.2']),
    'Searches without a hit': (rows) => expect(rows).toMatchObject([{ searches: '3', without_hit: '1' }]),
    'Forecast to the end of the month': (rows) =>
      expect(rows).toMatchObject([{ so_far_usd: expect.stringMatching(/^[25]/) }]),
    'Agents that cost most': (rows) => expect(rows).toEqual([{ agent: null, cost_usd: '5.0', calls: '2' }]),
    'People who use most': (rows) => expect(rows).toMatchObject([{ events: '4', days: '2' }]),
    'Models that fail': (rows) => expect(rows).toEqual([{ model: 'not in the catalogue', calls: '1', failed: '1' }]),
    'Margin by plan': (rows) =>
      expect(rows).toMatchObject([{ plan: 'Standard', revenue_usd: expect.stringMatching(/^100/) }]),
    'Quotas that are nearly used up': (rows) =>
      expect(rows).toContainEqual({ slug: 'acme', quota_type: 'api_calls', used_percent: '95.0' }),
  }
  for (const [title, check] of Object.entries(expected))
    test(title, async () => {
      const text = await readFile(guide, 'utf8')
      const question = text.split(`### ${title}\n\`\`\`sql\n`)[1]?.split('```')[0] ?? ''
      check(await rowsOf(ann, question))
    })

  it('are all tested', async () => {
    const titles = [...(await readFile(guide, 'utf8')).matchAll(/^### (.*)$/gm)].map(([, title]) => title)
    expect(titles.sort()).toEqual(Object.keys(expected).sort())
    expect(titles).toHaveLength(12)
  })
})
