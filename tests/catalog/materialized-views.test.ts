// What is counted once an hour: who reads which rows, how old they are, and what happens when they get too old.

import { describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { startWorker } from '../../server/worker/index.ts'
import { setClockLater } from '../helpers/clock.ts'
import { isRealServer, type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const names = ['mv_platform_shared_resources', 'mv_popular_agents', 'mv_tenant_resource_counts']

/** As the worker does it. */
async function refresh(t: Transaction): Promise<void> {
  await t.becomeRole('rowhouse_worker')
  for (const name of names) await t.query(`select observability.refresh_materialized_view_now($1)`, [name])
  await t.becomeSuperuser()
}
const insertAgent = (t: Transaction, tenantId: string, name: string, more: object = {}): Promise<string> =>
  t.value(
    `insert into app_public.agents (tenant_id, name, status, usage_count, rating, feedback_count)
     select $1, $2, coalesce(m.status, 'active'), coalesce(m.usage_count, 0), m.rating, coalesce(m.feedback_count, 0)
       from jsonb_populate_record(null::app_public.agents, $3) m returning id`,
    [tenantId, name, more],
  )

describe('tenant_resource_counts', () => {
  it('has one row, the own tenant’s, and says how old it is', () =>
    db.inTransaction(async (t) => {
      await insertAgent(t, db.acme.id, 'a')
      await insertAgent(t, db.acme.id, 'b', { status: 'draft' })
      await t.query(`update app_public.agents set deleted_at = now() where id = $1`, [
        await insertAgent(t, db.acme.id, 'gone'),
      ])
      await insertAgent(t, db.globex.id, 'c')
      await refresh(t)
      await setClockLater(t, '10 minutes')
      for (const [tenant, agents, active] of [
        [db.acme, '2', '1'],
        [db.globex, '1', '1'],
      ] as const) {
        await t.become(tenant.viewer)
        expect(
          await t.query(
            `select tenant_id, agent_count, active_agent_count, member_count, tool_count, age_seconds between 590 and 610 as is_aged
               from app_public.tenant_resource_counts`,
          ),
        ).toEqual([
          {
            tenant_id: tenant.id,
            agent_count: agents,
            active_agent_count: active,
            member_count: '4',
            tool_count: '0',
            is_aged: true,
          },
        ])
      }
      await t.becomeRole('rowhouse_user')
      for (const view of ['tenant_resource_counts', 'popular_agents', 'platform_shared_resources'])
        expect(await t.query(`select * from app_public.${view}`)).toEqual([])
    }))

  it('cannot be read past its filter', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      for (const name of names) expect(await t.errorCode(`select * from observability.${name}`)).toBe('42501')
    }))
})

describe('popular_agents', () => {
  it('are the tenant’s most used, equals by their rating, twenty at most, unused ones never', () =>
    db.inTransaction(async (t) => {
      for (let i = 0; i < 25; i++) await insertAgent(t, db.acme.id, `used-${i}`, { usage_count: 10 })
      const best = await insertAgent(t, db.acme.id, 'best', { usage_count: 10, rating: 5, feedback_count: 3 })
      const most = await insertAgent(t, db.acme.id, 'most', { usage_count: 11 })
      await insertAgent(t, db.acme.id, 'unused')
      await insertAgent(t, db.acme.id, 'retired', { usage_count: 99, status: 'archived' })
      await insertAgent(t, db.globex.id, 'theirs', { usage_count: 1000 })
      await refresh(t)
      await t.become(db.acme.member)
      const listed = await t.query(`select agent_id, rank from app_public.popular_agents order by rank`)
      expect(listed).toHaveLength(20)
      expect(listed.slice(0, 2)).toEqual([
        { agent_id: most, rank: 1 },
        { agent_id: best, rank: 2 },
      ])
    }))

  it('know at once what was deleted and what is in my list, whatever their age', () =>
    db.inTransaction(async (t) => {
      const kept = await insertAgent(t, db.acme.id, 'kept', { usage_count: 2 })
      const gone = await insertAgent(t, db.acme.id, 'gone', { usage_count: 1 })
      await refresh(t)
      await t.become(db.acme.owner)
      await t.query(`select app_public.delete_agent($1)`, [gone])
      await t.query(`insert into app_public.user_agents (agent_id) values ($1)`, [kept])
      const list = `select agent_id, is_in_my_list from app_public.popular_agents`
      expect(await t.query(list)).toEqual([{ agent_id: kept, is_in_my_list: true }])
      await t.become(db.acme.admin)
      expect(await t.query(list)).toEqual([{ agent_id: kept, is_in_my_list: false }])
    }))
})

describe('platform_shared_resources', () => {
  const list = `select kind, name from app_public.platform_shared_resources order by kind, name`

  it('are seen by every tenant, until they are shared no more', () =>
    db.inTransaction(async (t) => {
      await t.become(db.platform.owner, 'rowhouse_admin')
      const agent = await t.value(
        `insert into app_public.agents (name, status) values ('helper', 'active') returning id`,
      )
      const prompt = await t.value(
        `insert into app_public.prompts (name, prompt_text) values ('greeting', 'Hello.') returning id`,
      )
      await t.query(`insert into app_public.agents (name, status) values ('own', 'active')`)
      await t.query(`select app_public.set_sharing_mode('agent', $1, 'platform')`, [agent])
      await t.query(`select app_public.set_sharing_mode('prompt', $1, 'platform')`, [prompt])
      await refresh(t)
      for (const person of [db.acme.viewer, db.globex.member]) {
        await t.become(person)
        expect(await t.query(list)).toEqual([
          { kind: 'agent', name: 'helper' },
          { kind: 'prompt', name: 'greeting' },
        ])
      }
      await t.become(db.platform.owner, 'rowhouse_admin')
      await t.query(`select app_public.set_sharing_mode('agent', $1, 'private')`, [agent])
      await t.query(`select app_public.delete_prompt($1)`, [prompt])
      await t.become(db.acme.viewer)
      expect(await t.query(list)).toEqual([])
    }))

  it('are hidden from a tenant that receives nothing', () =>
    db.inTransaction(async (t) => {
      await t.become(db.platform.owner, 'rowhouse_admin')
      const tool = await t.value(
        `insert into app_public.tools (name, tool_type) values ('counter', 'function') returning id`,
      )
      await t.query(`select app_public.set_sharing_mode('tool', $1, 'platform')`, [tool])
      await refresh(t)
      await t.query(
        `update app_public.tenants set resource_access_config = '{"sharing": {"can_receive_shared": false}}' where id = $1`,
        [db.acme.id],
      )
      await t.become(db.acme.owner)
      expect(await t.query(list)).toEqual([])
      await t.become(db.globex.owner)
      expect(await t.query(list)).toEqual([{ kind: 'tool', name: 'counter' }])
    }))
})

describe('their age', () => {
  const status = `select name, is_stale, refreshed_at is null as is_new, row_count from app_public.materialized_view_status order by name`

  it('is told to every member', () =>
    db.inTransaction(async (t) => {
      await refresh(t)
      await t.become(db.acme.viewer)
      expect(await t.query(status)).toEqual(
        names.map((name) => ({ name, is_stale: false, is_new: false, row_count: null })),
      )
    }))

  it('is told to staff with the number of rows of all tenants', () =>
    db.inTransaction(async (t) => {
      await refresh(t)
      await t.become(db.platform.owner, 'rowhouse_admin')
      expect((await t.query(status)).find(({ name }) => name === 'mv_tenant_resource_counts')?.row_count).toBe('3')
    }))

  const watch = async (t: Transaction): Promise<unknown> => {
    await t.becomeRole('rowhouse_worker')
    const raised = await t.value(`select observability.watch_materialized_views()`)
    await t.becomeSuperuser()
    return raised
  }
  const alerts = async (t: Transaction): Promise<unknown> => {
    await t.become(db.platform.owner, 'rowhouse_admin')
    const found = await t.query(
      `select view_name, resolved_at is null as is_open from app_public.materialized_view_alerts order by id`,
    )
    await t.becomeSuperuser()
    return found
  }

  it('beyond its limit raises one alert a view', () =>
    db.inTransaction(async (t) => {
      await refresh(t)
      await setClockLater(t, '119 minutes')
      expect(await watch(t)).toBe(0)
      await setClockLater(t, '121 minutes')
      expect([await watch(t), await watch(t)]).toEqual([3, 0])
      expect(await alerts(t)).toEqual(names.map((view_name) => ({ view_name, is_open: true })))
    }))

  it('of an alert ends with the refresh, and the next alert is new', () =>
    db.inTransaction(async (t) => {
      await refresh(t)
      await setClockLater(t, '121 minutes')
      await watch(t)
      await refresh(t)
      expect(await alerts(t)).toEqual(names.map((view_name) => ({ view_name, is_open: false })))
      await setClockLater(t, '4 hours')
      expect(await watch(t)).toBe(3)
    }))

  it('raises alerts that no tenant sees', () =>
    db.inTransaction(async (t) => {
      await refresh(t)
      await setClockLater(t, '121 minutes')
      expect(await watch(t)).toBe(3)
      await t.become(db.acme.owner)
      expect(await t.query(`select * from app_public.materialized_view_alerts`)).toEqual([])
    }))
})

describe('a refresh on demand', () => {
  const ask = `select app_public.refresh_materialized_view($1)`
  const jobs = `select count(*)::int from graphile_worker._private_jobs where key like 'catalog__refresh_views:%'`

  it('is for platform staff, names a view there is, and is one job however often it is asked for', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode(ask, ['mv_popular_agents'])).toBe('TN205')
      await t.become(db.platform.owner, 'rowhouse_admin')
      for (const name of ['mv_none', 'agents', '', null, 'mv_popular_agents; drop table app_public.agents'])
        expect([name, await t.errorCode(ask, [name])]).toEqual([name, 'RS371'])
      await t.query(ask, ['mv_popular_agents'])
      await t.query(ask, ['mv_popular_agents'])
      await t.becomeSuperuser()
      expect(await t.value(jobs)).toBe(1)
    }))

  it('is done by the worker', async () => {
    const client = await db.pool.connect()
    try {
      await client.query(
        `insert into app_public.agents (tenant_id, name, status, usage_count) values ($1, 'seen', 'active', 5)`,
        [db.acme.id],
      )
      await client.query('begin')
      await client.query(
        `select set_config('role', 'rowhouse_admin', true), set_config('rowhouse.tenant_id', $1, true)`,
        [db.platform.id],
      )
      await client.query(ask, ['mv_popular_agents'])
      await client.query('commit')
    } finally {
      client.release()
    }
    const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }
    const pool = createPool(db.url, 'rowhouse_worker', 2)
    const { promise, resolve } = Promise.withResolvers<string>()
    const worker = await startWorker({
      pool,
      concurrency: 1,
      pollIntervalMs: 50,
      isEmbedded: !isRealServer(),
      log: quiet,
      onJob: (task, outcome) => {
        if (task === 'catalog__refresh_views') resolve(outcome)
      },
    })
    try {
      expect(await promise).toBe('success')
    } finally {
      await worker.stop()
      await pool.end()
    }
    const { rows } = await db.pool.query(
      `select usage_count from observability.mv_popular_agents where tenant_id = $1`,
      [db.acme.id],
    )
    expect(rows).toEqual([{ usage_count: '5' }])
  })
})
