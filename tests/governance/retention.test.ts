// Retention: what is due, what a tenant may choose, what a hold keeps, and a run that goes on after a stop.

import { beforeAll, describe, expect, it } from 'vitest'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { as } from './helpers.ts'

const db = useDatabase()

/** Sessions of the owner that ended this many days ago. */
const addSessions = (
  t: Pick<Transaction, 'query'>,
  tenant: { id: string; owner: { userId: string } },
  ...daysAgo: number[]
) =>
  t.query(
    `insert into app_public.user_sessions (tenant_id, user_id, session_start, last_activity_at, session_end)
     select $1, $2, now() - make_interval(days => d), now() - make_interval(days => d), now() - make_interval(days => d)
       from unnest($3::int[]) as d`,
    [tenant.id, tenant.owner.userId, daysAgo],
  )
const sessions = async (t: Pick<Transaction, 'value'>, tenant: { id: string }): Promise<number> =>
  Number(await t.value('select count(*) from app_public.user_sessions where tenant_id = $1', [tenant.id]))
const begin = (t: Pick<Transaction, 'query'>, tenantId: string, isDryRun = false) =>
  t.query<{ id: string; due_count: string; held_count: string; kept_days: number }>(
    `select * from governance.begin_retention($1, 'sessions', $2)`,
    [tenantId, isDryRun],
  )
async function runAll(t: Pick<Transaction, 'value'>): Promise<void> {
  while (await t.value<boolean>('select governance.continue_retention(2)'));
}

describe('a tenant may', () => {
  it('shorten the default, and not lengthen it or go below what the law asks', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(`select app_public.set_retention('sessions', 30)`)
      for (const [kind, days] of [
        ['sessions', 181],
        ['usage_events', 3652],
        ['books', 3652],
        ['sessions', null],
      ])
        expect([kind, await t.errorCode('select app_public.set_retention($1, $2)', [kind, days])]).toEqual([
          kind,
          'RT401',
        ])
      expect(await t.errorCode(`select app_public.set_retention('nothing', 30)`)).toBe('RT301')
      await t.become(db.acme.member)
      expect(await t.errorCode(`select app_public.set_retention('sessions', 20)`)).toBe('ID203')
    })
  })

  it('say by its settings how long texts of models are kept', async () => {
    await db.inTransaction(async (t) => {
      const days = () => t.value(`select governance.kept_days($1, 'llm_texts')`, [db.acme.id])
      expect(await days()).toBe(0)
      await t.query(
        `update app_public.tenants set config = '{"store_llm_texts": true, "llm_text_retention_days": 7}' where id = $1`,
        [db.acme.id],
      )
      expect(await days()).toBe(7)
    })
  })
})

describe('a run', () => {
  it('deletes what is older than it is kept, in batches, and says what it did and why', async () => {
    await db.inTransaction(async (t) => {
      await addSessions(t, db.acme, 181, 182, 183, 184, 185, 1, 179)
      await addSessions(t, db.globex, 400)
      const [run] = await begin(t, db.acme.id)
      expect(run).toMatchObject({ due_count: '5', kept_days: 180 })
      await runAll(t)
      expect(await sessions(t, db.acme)).toBe(2)
      expect(await sessions(t, db.globex)).toBe(1)
      const actions = await t.query(
        `select action, row_count, reason from app_public.retention_actions where tracking_id = $1 order by id`,
        [run?.id],
      )
      expect(actions).toEqual(
        [2, 2, 1].map((n) => ({ action: 'deleted', row_count: String(n), reason: 'sessions are kept for 180 days.' })),
      )
      expect(
        await t.query('select status, deleted_count from app_public.data_retention_tracking where id = $1', [run?.id]),
      ).toEqual([{ status: 'completed', deleted_count: '5' }])
    })
  })

  it('does what its dry run counted, and a dry run deletes nothing', async () => {
    await db.inTransaction(async (t) => {
      await addSessions(t, db.acme, 200, 300, 10)
      await t.become(db.acme.owner)
      const counted = await t.query(`select kind, due_count from app_public.run_retention() order by kind`)
      expect(counted).toContainEqual({ kind: 'sessions', due_count: '2' })
      await t.becomeSuperuser()
      expect(await sessions(t, db.acme)).toBe(3)
      await begin(t, db.acme.id)
      await runAll(t)
      expect(await sessions(t, db.acme)).toBe(1)
    })
  })

  it('goes on where it was stopped, and is not begun twice', async () => {
    await db.inTransaction(async (t) => {
      await addSessions(t, db.acme, 200, 201, 202, 203)
      await begin(t, db.acme.id)
      expect(await t.value('select governance.continue_retention(1)')).toBe(true)
      expect((await begin(t, db.acme.id))[0]?.id).toBeNull()
      await runAll(t)
      expect(await sessions(t, db.acme)).toBe(0)
      expect(await t.value('select governance.continue_retention()')).toBe(false)
    })
  })

  it('begins for every tenant and every kind that has tables', async () => {
    await db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      expect(await t.value('select governance.begin_all_retention()')).toBeGreaterThan(20)
      expect(await t.errorCode(`select governance.begin_retention($1, 'sessions')`, [db.acme.id])).toBe('42501')
    })
  })
})

describe('a legal hold', () => {
  const hold = (t: Transaction, args = '') =>
    t.value<string>(`select (app_public.place_legal_hold('Case 7'${args})).id`)

  it('of a tenant, a person or a resource stops a run, also one that has begun', async () => {
    for (const args of ['', `, user_id => '${db.acme.owner.userId}'`]) {
      await db.inTransaction(async (t) => {
        await addSessions(t, db.acme, 200, 201, 202, 203)
        const [run] = await begin(t, db.acme.id)
        await t.value('select governance.continue_retention(1)')
        await t.become(db.acme.owner)
        await hold(t, args)
        await t.becomeSuperuser()
        await runAll(t)
        expect(await sessions(t, db.acme)).toBe(3)
        expect(
          await t.query(
            'select deleted_count, held_count, status from app_public.data_retention_tracking where id = $1',
            [run?.id],
          ),
        ).toEqual([{ deleted_count: '1', held_count: '3', status: 'completed' }])
        expect(
          await t.query(
            `select row_count, reason from app_public.retention_actions where tracking_id = $1 and action = 'skipped'`,
            [run?.id],
          ),
        ).toEqual([{ row_count: '3', reason: 'A legal hold covers them.' }])
      })
    }
  })

  it('of one session keeps this one, and not of another person or another tenant', async () => {
    await db.inTransaction(async (t) => {
      await addSessions(t, db.acme, 200, 201)
      await addSessions(t, db.globex, 200)
      const id = await t.value('select id from app_public.user_sessions where tenant_id = $1 limit 1', [db.acme.id])
      await t.become(db.acme.owner)
      await hold(t, `, resource_id => '${id}'`)
      await hold(t, `, user_id => '${db.acme.member.userId}'`)
      await t.becomeSuperuser()
      await begin(t, db.acme.id)
      await begin(t, db.globex.id)
      await runAll(t)
      expect(await t.query('select id from app_public.user_sessions where tenant_id = $1', [db.acme.id])).toEqual([
        { id },
      ])
      expect(await sessions(t, db.globex)).toBe(0)
    })
  })

  it('lets go when it is released', async () => {
    await db.inTransaction(async (t) => {
      await addSessions(t, db.acme, 200)
      await t.become(db.acme.owner)
      const id = await hold(t)
      await t.query('select app_public.release_legal_hold($1)', [id])
      expect(await t.errorCode('select app_public.release_legal_hold($1)', [id])).toBe('RT305')
      await t.becomeSuperuser()
      await begin(t, db.acme.id)
      await runAll(t)
      expect(await sessions(t, db.acme)).toBe(0)
    })
  })

  it('waits for the deletion that is under way, so that none goes on after it', async (context) => {
    needsServer(context)
    const [deleting, placing, watching] = await Promise.all([db.pool.connect(), db.pool.connect(), db.pool.connect()])
    try {
      await addSessions(
        { query: async (text, values) => (await deleting.query(text, values)).rows as never },
        db.acme,
        200,
        201,
      )
      await begin({ query: async (text, values) => (await deleting.query(text, values)).rows as never }, db.acme.id)
      await deleting.query('begin')
      await deleting.query('select governance.continue_retention(1)')
      const { rows } = await placing.query('select pg_backend_pid() as pid')
      const placed = as(db, db.acme.owner, (t) => t.query(`select app_public.place_legal_hold('Case 8')`))
      for (let waiting = 0; waiting === 0; )
        waiting = (
          await watching.query(
            `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event = 'advisory' and pid <> $1`,
            [rows[0].pid],
          )
        ).rows[0].n
      await deleting.query('commit')
      await placed
      await runAll({ value: async (text) => Object.values((await deleting.query(text)).rows[0] ?? {})[0] as never })
      expect(
        (
          await deleting.query('select count(*)::int as n from app_public.user_sessions where tenant_id = $1', [
            db.acme.id,
          ])
        ).rows[0].n,
      ).toBe(1)
    } finally {
      for (const client of [deleting, placing, watching]) client.release()
    }
  })
})

describe('partitions', () => {
  beforeAll(async () => {
    await db.pool.query(
      `insert into app_public.usage_events (tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity)
      select $1, 1, 1, '2010-03-05', name, 1 from app_public.usage_types limit 1`,
      [db.globex.id],
    )
    await db.pool.query('select metering.create_partitions()')
  })

  it('of past months are dropped when they are empty, and not before', async () => {
    await db.inTransaction(async (t) => {
      expect(await t.value(`select to_regclass('metering.usage_events_2010_03') is not null`)).toBe(true)
      await t.becomeRole('rowhouse_worker')
      expect(await t.value('select governance.drop_empty_months()')).toBe(0)
      await t.becomeSuperuser()
      await t.query(`select governance.begin_retention($1, 'usage_events')`, [db.globex.id])
      await runAll(t)
      await t.becomeRole('rowhouse_worker')
      expect(await t.value('select governance.drop_empty_months()')).toBe(1)
      expect(await t.value(`select to_regclass('metering.usage_events_2010_03')`)).toBeNull()
      expect(await t.errorCode(`select governance.drop_month('app_public.tenants')`)).toBe('42501')
    })
  })
})
