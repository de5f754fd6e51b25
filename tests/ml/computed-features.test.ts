// Features that the platform computes: a stranger's statement, behind the walls of reports, as of a time.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { setClock } from '../helpers/clock.ts'
import { type Queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { runTask } from '../helpers/tasks.ts'
import { seedCosts } from '../observability/report-rows.ts'

const db = useDatabase()
let pool: ReturnType<typeof createPool>
beforeAll(async () => {
  pool = createPool(db.url, 'rowhouse_worker', 2)
  await seedCosts({ query: async (text, values) => (await db.pool.query(text, values)).rows } as Queries, db)
})
afterAll(() => pool.end())

const insert = `insert into app_public.ml_feature_sets (name, definitions, statement, every)
  values ($1, array[('kwh', 'number', false), ('open', 'boolean', false), ('note', 'text', false)]::app_public.ml_feature_definition[], $2, $3) returning id`
const asAdmin = (work: (t: Transaction) => Promise<void>) => () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.admin)
    await work(t)
  })
/** A set that is there for the worker. */
async function committedSet(name: string, statement: string): Promise<string> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    await client.query(
      `select set_config('role', 'rowhouse_user', true), set_config('rowhouse.tenant_id', $1, true), set_config('rowhouse.user_id', $2, true)`,
      [db.acme.id, db.acme.admin.userId],
    )
    const { rows } = await client.query<{ id: string }>(insert, [name, statement, null])
    await client.query('commit')
    return rows[0]?.id as string
  } finally {
    client.release()
  }
}
const compute = (featureSetId: string, at = '2026-03-05T00:00:00Z', isBackfill = false): Promise<void> =>
  runTask(pool, 'ml__compute_features', { tenantId: db.acme.id, featureSetId, at, isBackfill })
const rowsOf = async (name: string): Promise<unknown[]> =>
  (
    await db.pool.query(
      `select entity_id, features, is_latest, is_backfill from app_public.ml_features where feature_set = $1 order by entity_id, computed_at`,
      [name],
    )
  ).rows
const faultOf = async (name: string): Promise<string> =>
  (await db.pool.query('select last_error from app_public.ml_feature_sets where name = $1', [name])).rows[0].last_error

describe('a statement is refused when it', () => {
  it.each([
    ['reads a table', 'OB480', 'select id::text as entity_id from app_public.agents'],
    ['writes', 'OB480', 'delete from fact_costs'],
    ['has a function with effects', 'OB482', `select set_config('rowhouse.tenant_id', 'x', true) as entity_id`],
    ['reads invoices, whoever saves it', 'ML409', 'select 1 as entity_id from fact_invoices'],
    ['is two', 'OB480', 'select 1; select 2'],
  ])('%s', (_what, code, statement) =>
    asAdmin(async (t) => {
      expect(await t.errorCode(insert, ['set', statement, null])).toMatch(new RegExp(`^(${code}|OB48[01])$`))
    })(),
  )

  it(
    'is saved or changed by someone who may not manage settings',
    asAdmin(async (t) => {
      await t.query(insert, ['set', null, null])
      await t.become(db.acme.member)
      expect(await t.errorCode(insert, ['other', 'select 1 as entity_id', null])).toBe('ID203')
      expect(await t.errorCode(`update app_public.ml_feature_sets set statement = 'select 1 as entity_id'`)).toBe(
        'ID203',
      )
    }),
  )
})

it('is run for its tenant alone, each type as it is defined, and what it gives again is stored once', async () => {
  const id = await committedSet(
    'costs',
    `select 'all' as entity_id, sum(cost_usd) as kwh, true as open, 'as of ' || to_char($1, 'YYYY-MM-DD') as note from fact_costs`,
  )
  await compute(id)
  await compute(id)
  // both tenants have as much
  expect(await rowsOf('costs')).toEqual([
    {
      entity_id: 'all',
      features: { kwh: 5, open: true, note: 'as of 2026-03-05' },
      is_latest: true,
      is_backfill: false,
    },
  ])
})

it('leaves why it failed with its set, and the next run that works takes it away', async () => {
  const id = await committedSet(
    'faults',
    `select 'a' as entity_id, 1 / extract(day from $1)::int::numeric / (extract(day from $1)::int - 5) as kwh`,
  )
  await compute(id, '2026-03-05T00:00:00Z')
  expect(await faultOf('faults')).toContain('division by zero')
  await compute(id, '2026-03-06T00:00:00Z')
  expect(await faultOf('faults')).toBeNull()
  expect(await rowsOf('faults')).toHaveLength(1)

  for (const [name, statement] of [
    ['columns', `select 'a' as entity_id, 1 as unknown`],
    ['no-entity', `select 1 as kwh`],
    ['types', `select 'a' as entity_id, 'x' as kwh`],
    ['null-entity', `select null as entity_id, 1 as kwh`],
    ['rows', `select n::text as entity_id, n as kwh from generate_series(1, 10001) n`],
  ] as const) {
    await compute(await committedSet(name, statement))
    expect([name, await faultOf(name)]).toEqual([name, expect.stringMatching(/\w/)])
    expect([name, await rowsOf(name)]).toEqual([name, []])
  }
})

it('filled in for the past is seen as of the past by whoever asks for it, and by nobody else', async () => {
  const id = await committedSet('past', `select 'a' as entity_id, extract(day from $1) as kwh`)
  await compute(id, '2026-03-05T00:00:00Z', true)
  await db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    const asOf = (withBackfill: boolean) =>
      t.value(`select app_public.features_as_of('past', 'a', '2026-03-05T12:00:00Z', $1)`, [withBackfill])
    expect(await asOf(false)).toBeNull()
    expect(await asOf(true)).toEqual({ kwh: 5 })
  })
})

describe('by the clock', () => {
  it(
    'a set that is due is queued once, and next after its interval',
    asAdmin(async (t) => {
      await setClock(t, '2026-06-01T00:00:00Z')
      await t.query(insert, ['hourly', 'select 1 as entity_id', '1 hour'])
      const queue = async (): Promise<[unknown, unknown]> => {
        await t.becomeRole('rowhouse_worker')
        const tenants = (await t.query('select id from ml.due_feature_sets() id')).map(({ id }) => id)
        const count = await t.value('select ml.queue_due_features($1)', [db.acme.id])
        await t.become(db.acme.admin)
        return [tenants, count]
      }
      expect(await queue()).toEqual([[db.acme.id], 1])
      expect(await queue()).toEqual([[], 0])
      await setClock(t, '2026-06-01T01:00:00Z')
      expect(await queue()).toEqual([[db.acme.id], 1])
    }),
  )

  it(
    'a backfill queues each time of a range, at most 100, none in the future',
    asAdmin(async (t) => {
      await setClock(t, '2026-06-01T00:00:00Z')
      await t.query(insert, ['set', 'select 1 as entity_id', null])
      await t.query(insert, ['plain', null, null])
      const count = (args: string) => t.value(`select app_public.compute_ml_features('set', ${args})`)
      const code = (args: string) => t.errorCode(`select app_public.compute_ml_features(${args})`)
      expect(await t.value(`select app_public.compute_ml_features('set')`)).toBe(1)
      expect(await count(`'2026-05-01'`)).toBe(32)
      expect(await count(`'2026-05-01', '2026-05-01 01:39', '1 minute'`)).toBe(100)
      for (const args of [
        `'2026-05-01', '2026-05-01 01:40', '1 minute'`,
        `'2026-05-01', '2026-07-01'`,
        `'2026-05-02', '2026-05-01'`,
        `'-infinity'`,
        `'2026-05-31', null, '1 second'`,
        `'2026-05-31', null, null`,
      ])
        expect([args, await code(`'set', ${args}`)]).toEqual([args, 'ML402'])
      expect(await code(`'plain'`)).toBe('ML410')
      expect(await code(`'nothing'`)).toBe('ML303')
    }),
  )
})
