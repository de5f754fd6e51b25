// The deadline of a pool: a statement that has no answer after it is given up, but for one that was given more time.

import pg from 'pg'
import { beforeEach, expect, it, vi } from 'vitest'
import { createPool, queryWithin } from '../../server/pool.ts'
import { needsServer, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const statement = 'select from graphile_worker._private_jobs for update'
/** That of a pool whose statements may run ten seconds. */
const deadlineMs = 15_000
let pool: pg.Pool
let client: pg.PoolClient
let holder: pg.Client

beforeEach(async (context) => {
  needsServer(context)
  pool = createPool(db.url, 'rowhouse_worker', 1, { statementTimeoutMs: 10_000 })
  client = await pool.connect()
  await db.pool.query(`select graphile_worker.add_job('held', '{}')`)
  holder = new pg.Client({ connectionString: db.url })
  await holder.connect()
  await holder.query('begin')
  await holder.query(statement)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  return async () => {
    vi.useRealTimers()
    await holder.end()
    client.release(true)
    await pool.end()
    await db.pool.query('delete from graphile_worker._private_jobs')
  }
})

async function untilBlocked(): Promise<void> {
  for (;;) {
    const { rows } = await db.pool.query(
      'select from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0',
    )
    if (rows.length > 0) return
  }
}

it('a statement is given up after it', async () => {
  const answer = client.query(statement).then(
    () => 'an answer',
    ({ code }) => code,
  )
  await untilBlocked()
  vi.advanceTimersByTime(deadlineMs)
  expect(await answer).toBe('ETIMEDOUT')
})

it('one that was given more time goes on, and the next has the usual deadline', async () => {
  const answer = queryWithin(client, 60_000, statement, [])
  await untilBlocked()
  vi.advanceTimersByTime(deadlineMs)
  await holder.query('rollback')
  await answer
  expect((await client.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '10s' }])
})

it('more time is not time without end', async () => {
  const answer = queryWithin(client, 60_000, statement, []).catch(({ code }) => code)
  await untilBlocked()
  vi.advanceTimersByTime(65_000)
  expect(await answer).toBe('ETIMEDOUT')
})
