// Materialized views are refreshed one at a time, while others read them, and those who wait together wait for one.

import { expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { type Session, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, sessions, untilBlocked } = useSessions(db)
const lock = `select pg_advisory_xact_lock(hashtextextended('materialized view mv_popular_agents', 0))`
const refresh = `select observability.refresh_materialized_view_now('mv_popular_agents') as done`

it('of several that wait, one refreshes, and the others see that it was done', async (context) => {
  needsServer(context)
  const [busy, ...waiting] = (await sessions(4)) as [Session, ...Session[]]
  // somebody refreshes
  await busy.query('begin')
  await busy.query(lock)
  const answers = waiting.map((client) => client.query<{ done: boolean }>(refresh))
  await Promise.all(waiting.map(untilBlocked))
  await busy.query('commit')
  const done = (await Promise.all(answers)).map(({ rows }) => rows[0]?.done)
  expect(done.sort()).toEqual([false, false, true])
})

it('one that is asked for while another runs runs after it, so that nothing committed before is missed', async (context) => {
  needsServer(context)
  const [first, second] = (await sessions(2)) as [Session, Session]
  await first.query('begin')
  await first.query(refresh)
  // the first has taken its picture; this is not in it
  await db.pool.query(
    `insert into app_public.agents (tenant_id, name, status, usage_count) values ($1, 'late', 'active', 7)`,
    [db.acme.id],
  )
  const answer = second.query<{ done: boolean }>(refresh)
  await untilBlocked(second)
  await first.query('commit')
  expect((await answer).rows).toEqual([{ done: true }])
  const { rows } = await db.pool.query(`select usage_count from observability.mv_popular_agents`)
  expect(rows).toEqual([{ usage_count: '7' }])
})

it('a view can be read while it is refreshed', async (context) => {
  needsServer(context)
  const busy = await session()
  await busy.query('begin')
  await busy.query(refresh)
  await db.pool.query(
    `set lock_timeout = '1s'; select count(*) from observability.mv_popular_agents; reset lock_timeout`,
  )
  await busy.query('commit')
})

it('two that watch at once raise one alert', async (context) => {
  needsServer(context)
  const watchers = await sessions(3, undefined, { 'rowhouse.clock': '2100-01-01' })
  const raised = await Promise.all(
    watchers.map(async (client) => {
      const { rows } = await client.query<{ n: number }>('select observability.watch_materialized_views() as n')
      return rows[0]?.n ?? 0
    }),
  )
  expect(raised.reduce((sum, n) => sum + n)).toBe(3)
  const { rows } = await db.pool.query(
    'select count(*)::int as n from observability.materialized_view_alerts where resolved_at is null',
  )
  expect(rows).toEqual([{ n: 3 }])
})
