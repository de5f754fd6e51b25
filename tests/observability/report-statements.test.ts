// The walls around the statements of reports: what may be saved, and what a statement that got past that could still do.

import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { type Result, runStatement, type Statement } from '../../server/reports/run.ts'
import { needsServer, queries, useDatabase } from '../helpers/index.ts'
import { createReport, parameters, seedCosts } from './report-rows.ts'

const db = useDatabase()
const all = queries(() => db.pool)
let pool: pg.Pool

beforeAll(async () => {
  pool = createPool(db.url, 'rowhouse_worker', 2)
  await seedCosts(all, db)
  for (const tenant of [db.acme, db.globex]) await all.query('select tenancy.admit_reporter($1)', [tenant.id])
})
afterAll(() => pool.end())

/** Runs a statement as the worker does, past the check of what may be saved. */
async function run(statement: string, more: Partial<Statement> = {}, tenantId = db.acme.id): Promise<Result> {
  const client = await pool.connect()
  try {
    return await runStatement(client, tenantId, { statement, types: [], values: [], timezone: 'UTC', ...more })
  } finally {
    client.release()
  }
}
const faultOf = (statement: string): Promise<string> =>
  run(statement).then(
    () => 'none',
    (error) => (error as Error).message,
  )
const codeOfSaving = (statement: string, more: object = {}): Promise<string | undefined> =>
  db.inTransaction(async (t) => {
    try {
      await createReport(t, db, { statement, ...more })
      return undefined
    } catch (error) {
      return (error as pg.DatabaseError).code
    }
  })

describe('a statement is saved when it', () => {
  it.each([
    'select * from fact_costs',
    'select day, sum(cost_usd) from analytics.fact_costs group by rollup (day) having count(*) > 0 order by 1 limit 5',
    'with recursive days (day) as (select current_date union all select day - 1 from days where day > current_date - 9) select * from days',
    `select to_char(date_trunc('week', now()), 'IYYY-IW'), json_agg(c), string_agg(distinct c.day::text, ',') from fact_costs c`,
    'select row_number() over (order by day), lag(cost_usd) over w from fact_costs window w as (partition by model_id order by day)',
    'values (1, null), (2, 3)',
    'table dim_dates',
    `select ':relid 1259 :funcid 1622' as ":relid 1259 :funcid 1622"`,
    'select percentile_cont(0.5) within group (order by duration_ms) from fact_tool_runs -- a comment',
  ])('reads only: %s', async (statement) => expect(await codeOfSaving(statement)).toBeUndefined())

  it('names its parameters, each of its type', async () => {
    const statement = 'select day from fact_costs where day >= $1 and cost_usd > $2 and model_id is distinct from $3'
    const typed = parameters(['from_day', 'date', true], ['least', 'numeric', false, '0.5'], ['model', 'uuid'])
    expect(await codeOfSaving(statement, { parameters: typed })).toBeUndefined()
    expect(await codeOfSaving(statement)).toBe('OB480')
    for (const wrong of [
      parameters(['from_day', 'date'], ['from_day', 'numeric'], ['model', 'uuid']),
      parameters(['From day', 'date'], ['least', 'numeric'], ['model', 'uuid']),
      '{"(,date,,)"}',
      '{"(a,,,)"}',
    ])
      expect([wrong, await codeOfSaving(statement, { parameters: wrong })]).toEqual([wrong, 'OB483'])
    expect(await codeOfSaving('select $1', { parameters: parameters(['a', 'date', false, 'soon']) })).toBe('OB484')
    expect(await codeOfSaving('select $1', { parameters: parameters(['a', 'date; drop']) })).toBe('23514')
  })
})

describe('a statement is refused when it', () => {
  it.each([
    ['is none', 'OB480', ''],
    ['is cut off', 'OB480', 'select 1,'],
    ['has a comment without an end', 'OB480', 'select 1 /*'],
    ['has a text without an end', 'OB480', `select '`],
    ['is two statements', 'OB480', 'select 1; select 2'],
    [
      'ends the function it is parsed in',
      'OB480',
      'select 1; end; drop table app_public.tenants; begin atomic select 1',
    ],
    ['deletes', 'OB480', 'delete from app_public.tenants returning id'],
    [
      'deletes within a query',
      'OB480',
      'with gone as (delete from app_public.tenants returning id) select * from gone',
    ],
    ['inserts', 'OB480', 'insert into app_public.tenants default values returning id'],
    ['makes a table', 'OB480', 'create table x as select 1'],
    ['selects into a table', 'OB480', 'select 1 into x'],
    ['takes another role', 'OB480', 'reset role'],
    ['sets something', 'OB480', `set rowhouse.tenant_id to 'x'`],
    ['copies', 'OB480', `copy (select 1) to program 'id'`],
    ['locks rows', 'OB480', 'select * from fact_costs for update'],
    ['calls a block', 'OB480', 'do $$ begin end $$'],
    ['reads a table', 'OB481', 'select * from app_public.tenants'],
    ['reads a table in a sub-select', 'OB481', 'select (select count(*) from metering.usage_days) from fact_costs'],
    ['reads the catalogue', 'OB481', 'select relname, reltuples from pg_class'],
    ['reads statistics', 'OB481', 'select * from pg_stats'],
    ['reads sessions', 'OB481', 'select * from pg_stat_activity'],
    ['reads the information schema', 'OB481', 'select * from information_schema.tables'],
    ['reads the texts of prompts', 'OB481', 'select * from fact_llm_texts'],
    ['sets the tenant', 'OB482', `select set_config('rowhouse.tenant_id', 'x', true)`],
    [
      'sets the tenant in a query of its own',
      'OB482',
      `with x as materialized (select set_config('role', 'none', true)) select * from x`,
    ],
    ['sets something in an order', 'OB482', `select 1 order by set_config('a.b', 'x', true)`],
    ['reads a setting', 'OB482', `select current_setting('rowhouse.user_id', true)`],
    ['sleeps', 'OB482', 'select pg_sleep(1)'],
    ['fills the memory', 'OB482', `select repeat('x', 1000000000)`],
    ['fills the memory by padding', 'OB482', `select lpad('x', 1000000000)`],
    ['runs a query from a text', 'OB482', `select query_to_xml('select * from pg_roles', true, true, '')`],
    ['reads a file', 'OB482', `select pg_read_file('/etc/passwd')`],
    ['writes a large object', 'OB482', `select lo_from_bytea(0, 'x')`],
    ['takes a lock', 'OB482', 'select pg_advisory_lock(1)'],
    ['ends a session', 'OB482', 'select pg_terminate_backend(1)'],
    ['sends a notification', 'OB482', `select pg_notify('jobs:insert', '')`],
    ['writes to the log of changes', 'OB482', `select pg_logical_emit_message(false, 'x', 'y')`],
    ['reads statistics by a function', 'OB482', 'select pg_stat_get_live_tuples(1259)'],
    ['calls a function of ours', 'OB482', 'select tenancy.begin_reporting(null)'],
    ['rows of a function', 'OB482', 'select * from pg_ls_dir($$.$$)'],
    ['names roles by a type', 'OB482', 'select n::regrole::text from generate_series(1, 20000) n'],
    ['names roles by a type of a column', 'OB482', `select x from json_to_recordset('[{"a": 10}]') as x (a regrole)`],
  ])('%s', async (_what, code, statement) => expect(await codeOfSaving(statement)).toBe(code))

  it('has 20,001 characters', async () => {
    expect(await codeOfSaving(`select ${'1 '.padStart(19_993)}`)).toBeUndefined()
    expect(await codeOfSaving(`select ${'1 '.padStart(19_994)}`)).toBe('23514')
  })

  it('leaves nothing behind, whether it is refused or not', async () => {
    await codeOfSaving('select 1')
    await codeOfSaving('select pg_sleep(1)')
    expect(await all.query(`select from pg_proc where proname like 'report_probe%'`)).toEqual([])
  })
})

describe('a statement that runs', () => {
  it('reads its own tenant alone, in every view that it may read', async () => {
    const views = await all.query<{ name: string }>(
      `select oid::regclass::text as name from pg_class
        where relnamespace = 'analytics'::regnamespace and has_table_privilege('rowhouse_reporter', oid, 'select') order by 1`,
    )
    expect(views.length).toBeGreaterThan(15)
    for (const { name } of views) {
      const { columns, rows } = await run(`select * from ${name}`)
      const at = columns.findIndex((column) => column.name === 'tenant_id')
      const others = rows.filter((row) => at >= 0 && ![db.acme.id, db.platform.id].includes(row[at] ?? ''))
      expect([name, others]).toEqual([name, []])
    }
    for (const tenant of [db.acme, db.globex])
      expect((await run('select slug from dim_tenants', {}, tenant.id)).rows).toEqual([[tenant.slug]])
    expect((await run('select sum(cost_usd) from fact_costs')).rows).toEqual([['5.0']])
  })

  it('reads pseudonyms that are the same each time, and no names', async () => {
    const [first] = (await run('select distinct user_id from fact_usage_days')).rows
    expect(first?.[0]).not.toBe(db.acme.member.userId)
    expect((await run('select distinct user_id from fact_active_users')).rows).toEqual([first])
    expect((await run('select 1 from dim_users where email is not null or full_name is not null')).rows).toEqual([])
  })

  it('has no other tenant by what its login was granted', async () => {
    const { rows } = await db.pool.query('select session_user as login')
    await all.query('insert into tenancy.analyst_tenants (tenant_id, login) values ($1, $2)', [
      db.globex.id,
      rows[0].login,
    ])
    expect((await run('select slug from dim_tenants')).rows).toEqual([['acme']])
    await all.query('delete from tenancy.analyst_tenants where login = $1', [rows[0].login])
  })

  it('keeps its tenant whatever it sets', async () => {
    const statement = `with changed as materialized (
        select set_config('rowhouse.tenant_id', '${db.globex.id}', true), set_config('rowhouse.user_id', '${db.globex.owner.userId}', true),
               set_config('search_path', 'app_public', true))
      select t.slug from changed, dim_tenants t`
    expect((await run(statement)).rows).toEqual([['acme']])
    expect(
      await faultOf(
        `with off as materialized (select set_config('row_security', 'off', true)) select slug from off, dim_tenants`,
      ),
    ).toContain('row-level security')
  })

  it('cannot take another role, not even within a query', async () => {
    for (const role of ['none', 'rowhouse_worker', 'rowhouse_admin', 'rowhouse_platform', 'rowhouse_analytics'])
      expect([role, await faultOf(`select set_config('role', '${role}', true)`)]).toEqual([
        role,
        'cannot set parameter "role" within security-definer function',
      ])
    expect(await faultOf(`select set_config('session_authorization', 'rowhouse_admin', true)`)).toContain(
      'cannot set parameter',
    )
  })

  it('cannot change the transaction to one that writes, or write', async () => {
    expect(await faultOf(`select set_config('transaction_read_only', 'off', false)`)).toContain('read-write mode')
    expect(await faultOf(`select nextval('observability.batches')`)).toContain('permission denied')
    await faultOf('select lo_create(4711)')
    expect(await all.query('select from pg_largeobject_metadata')).toEqual([])
    expect(await faultOf('with x as (insert into app_public.tenants default values returning 1) select 1')).toContain(
      'permission denied',
    )
    expect(await faultOf('with x as (delete from dim_dates returning 1) select 1')).toMatch(
      /data-modifying|cannot delete/,
    )
  })

  it('has a right to nothing but the views, and no function of ours but those that the views use', async () => {
    for (const name of [
      'app_public.tenants',
      'tenancy.analyst_tenants',
      'tenancy.report_transactions',
      'metering.usage_days',
      'analytics.fact_llm_texts',
    ])
      expect([name, await faultOf(`select * from ${name}`)]).toEqual([
        name,
        expect.stringContaining('permission denied'),
      ])
    expect(await faultOf(`select query_to_xml('select * from app_public.tenants', true, true, '')`)).toContain(
      'permission denied',
    )
    const callable = await all.query(
      `select p.oid::regprocedure::text as name from pg_proc p
        where p.pronamespace in (select core.schemas()) and has_function_privilege('rowhouse_reporter', p.oid, 'execute') order by 1`,
    )
    expect(callable.map(({ name }) => name)).toEqual([
      'metering.max_amount()',
      'metering.max_tokens_per_call()',
      'metering.max_usd_per_million()',
      'observability.bucket_value(smallint)',
      'observability.fetch_report(integer,integer)',
      'tenancy.analyst_login()',
      'tenancy.analyst_tenant_ids()',
      'tenancy.pseudonym(uuid,text)',
    ])
  })

  it('is one statement, and a query', async () => {
    for (const statement of [
      'select 1; select 2',
      'select 1; rollback; reset role',
      'reset role',
      'do $$ begin end $$',
      '1',
    ])
      expect([statement, await faultOf(statement)]).toEqual([
        statement,
        expect.stringMatching(/multiple commands|syntax error/),
      ])
  })

  it('ends after its time', async (context) => {
    needsServer(context, 'it enforces no time limits')
    const { limits } = await import('../../server/reports/run.ts')
    const saved = limits.milliseconds
    limits.milliseconds = 200
    try {
      for (const statement of ['select count(*) from generate_series(1, 1000000000000)', 'select pg_sleep(60)'])
        expect(await faultOf(statement)).toBe('It took longer than 0.2 seconds.')
    } finally {
      limits.milliseconds = saved
    }
  })

  it('has at most 10,000 rows, 4 MB and 100 columns', async () => {
    expect((await run('select n from generate_series(1, 10000) n')).rows).toHaveLength(10_000)
    expect(await faultOf('select n from generate_series(1, 10001) n')).toBe('The result has more than 10000 rows.')
    expect((await run(`select repeat('x', 3900000)`)).rows[0]?.[0]).toHaveLength(3_900_000)
    expect(await faultOf(`select repeat('x', 100000000)`)).toBe('The result has more than 4000000 bytes.')
    expect(await faultOf(`select repeat('x', 1000) from generate_series(1, 5000)`)).toBe(
      'The result has more than 4000000 bytes.',
    )
    expect(await faultOf(`select ${Array(101).fill('1').join(', ')}`)).toBe('The result has more than 100 columns.')
  })

  it('leaves the connection as it was, also when it fails', async () => {
    await run('select 1')
    await faultOf('select 1 / 0')
    for (let i = 0; i < 2; i += 1) {
      const { rows } = await pool.query(
        `select current_user, current_setting('timezone') as zone, current_setting('transaction_read_only') as read_only`,
      )
      expect(rows).toEqual([{ current_user: 'rowhouse_worker', zone: 'UTC', read_only: 'off' }])
    }
    expect(await all.query('select from tenancy.report_transactions')).toEqual([])
  })

  it('binds its parameters, whatever is in them', async () => {
    const evil = `'; drop table app_public.tenants; -- $$ \\ " \u2028 {} 😀`
    const { rows } = await run('select $1, $2 + 1, $3, $4::text, $5, $6, $7', {
      types: ['text', 'int', 'numeric', 'date', 'timestamptz', 'uuid', 'boolean'],
      values: [evil, '41', '0.10000000000000000000001', '2026-03-29', '2026-03-29 03:00', db.acme.id, 'yes'],
      timezone: 'Europe/Berlin',
    })
    expect(rows).toEqual([
      [evil, '42', '0.10000000000000000000001', '2026-03-29', '2026-03-29T03:00:00+02:00', db.acme.id, 'true'],
    ])
    expect((await run('select 1 as x', { types: ['int', 'date'], values: ['1', null] })).rows).toEqual([['1']])
    expect((await run('select $1 is null', { types: ['int'], values: [null] })).rows).toEqual([['true']])
  })

  it('keeps every digit, every column and null', async () => {
    const { columns, rows } = await run(
      `select 12345678901234567890.123456789::numeric as a, 9007199254740993::bigint as a, null::int as b, 'NaN'::numeric as c,
              '{1,2}'::int[] as d, true as e, '2026-01-31'::date as f, '2026-01-31 10:00+00'::timestamptz as g`,
    )
    expect(rows).toEqual([
      [
        '12345678901234567890.123456789',
        '9007199254740993',
        null,
        'NaN',
        '[1,2]',
        'true',
        '2026-01-31',
        '2026-01-31T10:00:00+00:00',
      ],
    ])
    expect(columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      ...['a number', 'a number', 'b number', 'c number', 'd text', 'e boolean', 'f date', 'g time'],
    ])
    expect((await run('select')).rows).toEqual([[]])
  })
})

it('no login but the server’s can become the reporter, and a setting makes nobody one', async () => {
  const members = await all.query(
    `select m.member::regrole::text as name from pg_auth_members m where m.roleid = 'rowhouse_reporter'::regrole`,
  )
  expect(members).toEqual([{ name: 'rowhouse_authenticator' }])
  await db.inTransaction(async (t) => {
    for (const role of ['rowhouse_user', 'rowhouse_worker', 'rowhouse_analyst', 'rowhouse_reporter']) {
      await t.becomeRole(role)
      expect(await t.errorCode('select tenancy.reporting_tenant_id()')).toBe('42501')
      expect(
        await t.errorCode('insert into tenancy.report_transactions values ($1, pg_current_xact_id())', [db.acme.id]),
      ).toBe('42501')
    }
  })
})
