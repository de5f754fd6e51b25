// A job that is added under a key while a worker takes the one that has it is not lost between the two.

import { beforeEach, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, untilBlocked } = useSessions(db)
beforeEach((context) => needsServer(context))

it.each([
  ['core.enqueue_job', `select core.enqueue_job('unknown_task', $1, 'key')`],
  [
    'core.enqueue_tenant_job',
    `select core.enqueue_tenant_job('unknown_task', $1, (select id from app_public.tenants limit 1), 'key')`,
  ],
])('%s adds a second job when a worker takes the first at this moment', async (_, enqueue) => {
  const worker = await session()
  const server = await session()
  await db.pool.query('delete from graphile_worker._private_jobs')
  await db.pool.query(enqueue, ['{"round": 1}'])
  await worker.query('begin')
  // as graphile-worker takes a job
  await worker.query(`update graphile_worker._private_jobs set locked_at = now(), locked_by = 'worker', attempts = 1`)
  const added = server.query(enqueue, ['{"round": 2}'])
  await untilBlocked(server)
  await worker.query('commit')
  await added
  const { rows } = await db.pool.query(
    'select payload, locked_at is not null as is_taken, key from graphile_worker._private_jobs order by id',
  )
  expect(rows).toEqual([
    { payload: { round: 1 }, is_taken: true, key: null },
    { payload: { round: 2 }, is_taken: false, key: 'key' },
  ])
})
