// The alert on the age of the queue: one error when jobs of a task begin to wait too long, one line when they no longer do.

import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { type QueueWatch, watchQueue } from '../../server/worker/watch-queue.ts'
import { isRealServer, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const lines: [level: string, fields: object][] = []
const log = {
  error: (fields: object) => void lines.push(['error', fields]),
  warn: () => {},
  info: (fields: object) => void lines.push(['info', fields]),
  debug: () => {},
}
let pool: pg.Pool
let watch: QueueWatch

beforeAll(() => {
  pool = createPool(db.url, 'rowhouse_authenticator', 1, { isEmbedded: !isRealServer() })
})
afterAll(() => pool.end())
beforeEach(async () => {
  lines.length = 0
  await db.pool.query('delete from graphile_worker._private_jobs')
  watch = watchQueue(pool, 300, log)
  return () => watch.stop()
})

const add = (task: string, age: string) =>
  db.pool.query('select graphile_worker.add_job($1, $2, run_at => now() - $3::interval)', [task, '{}', age])
/** What the watch said of this look. */
async function look(): Promise<typeof lines> {
  lines.length = 0
  await watch.look()
  return lines
}

it('tells each task that is late once, and when it no longer is', async () => {
  await add('late', '400 seconds')
  await add('late', '10 seconds')
  await add('fresh', '200 seconds')
  await add('early', '-1 hour')
  expect(await look()).toEqual([
    ['error', { task: 'late', oldestSeconds: expect.closeTo(400, -2), waiting: 2, limitSeconds: 300 }],
  ])
  expect(await look()).toEqual([])
  await db.pool.query('delete from graphile_worker._private_jobs')
  expect(await look()).toEqual([['info', { task: 'late' }]])
  await add('late', '400 seconds')
  expect(await look()).toEqual([['error', expect.objectContaining({ task: 'late' })]])
})

it('counts neither jobs that run nor those that failed for good', async () => {
  await add('held', '400 seconds')
  await db.pool.query(`update graphile_worker._private_jobs set locked_at = now(), locked_by = 'somebody'`)
  await add('broken', '400 seconds')
  await db.pool.query(`update graphile_worker._private_jobs set attempts = max_attempts where locked_at is null`)
  expect(await look()).toEqual([])
})

it('says nothing, and that all is well least of all, while the database does not answer', async () => {
  await add('late', '400 seconds')
  await look()
  await db.pool.query('alter function core.queue_depth rename to queue_depth_away')
  expect(await look()).toEqual([])
  await db.pool.query('alter function core.queue_depth_away rename to queue_depth')
  expect(await look()).toEqual([])
})

it('with a limit of 0 says nothing', async () => {
  await add('late', '400 seconds')
  const silent = watchQueue(pool, 0, log)
  await silent.look()
  await silent.stop()
  expect(lines).toEqual([])
})
