// The worker loses its connections in the middle of its work, again and again: every job is done, and the process lives.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { createPool } from '../../server/database.ts'
import { startWorker, type Trouble } from '../../server/worker/index.ts'
import { lastingPool } from '../../server/worker/lasting-pool.ts'
import { isRealServer, needsServer, useDatabase } from '../helpers/index.ts'
import { root, start } from '../helpers/processes.ts'
import { openProxy } from '../helpers/proxy.ts'

const db = useDatabase()
beforeEach((context) => needsServer(context, 'its connections cannot be ended by a statement'))

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(() => void process.off('unhandledRejection', note))

const endConnections = async (): Promise<number> =>
  (
    await db.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'rowhouse_worker'`)
  ).rows.length

async function jobsLeft(): Promise<number> {
  const { rows } = await db.pool.query(`select count(*)::int as count from graphile_worker._private_jobs j
    join graphile_worker._private_tasks t on t.id = j.task_id where t.identifier = 'knowledge__chunk_documents'`)
  return rows[0].count
}

const addJobs = (count: number) =>
  db.pool.query(
    `select graphile_worker.add_job('knowledge__chunk_documents',
       json_build_object('tenantId', $1::text, 'documentIds', json_build_array(gen_random_uuid())))
      from generate_series(1, $2)`,
    [db.acme.id, count],
  )

/** A job that failed with its connection would be tried again after seconds that grow. */
const hurry = () =>
  db.pool.query(
    'update graphile_worker._private_jobs set run_at = now() where run_at > now() and locked_at is null and attempts > 0',
  )

async function open(onTrouble: (kind: Trouble) => void = () => {}) {
  const pool = createPool(db.url, 'rowhouse_worker', 6)
  const worker = await startWorker({
    pool,
    concurrency: 4,
    pollIntervalMs: 100,
    isEmbedded: !isRealServer(),
    log: { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} },
    onTrouble,
  })
  onTestFinished(async () => {
    await worker.stop()
    await pool.end()
  })
  return worker
}

it('all connections of the worker end six times during 600 jobs', async () => {
  const troubles: Trouble[] = []
  await addJobs(600)
  await open((kind) => troubles.push(kind))
  let ended = 0
  for (let round = 0; round < 6; round += 1) {
    await sleep(300)
    ended += await endConnections()
  }
  await expect
    .poll(
      async () => {
        await hurry()
        return jobsLeft()
      },
      { timeout: 90_000, interval: 500 },
    )
    .toBe(0)
  expect(ended).toBeGreaterThan(6)
  expect(troubles).toContain('connection_lost')
  expect(unhandled).toEqual([])
})

it('a job that was locked for this worker without its knowledge goes back', async () => {
  const troubles: Trouble[] = []
  await open((kind) => troubles.push(kind))
  const { rows } = await db.pool.query(`select worker_id from core.worker_heartbeats order by seen_at desc limit 1`)
  // as if the connection had broken between the lock and its answer: made and locked in one transaction
  const client = await db.pool.connect()
  await client.query('begin')
  await client.query(
    `select graphile_worker.add_job('knowledge__chunk_documents',
       json_build_object('tenantId', $1::text, 'documentIds', json_build_array(gen_random_uuid())))`,
    [db.acme.id],
  )
  await client.query(
    'update graphile_worker._private_jobs set locked_by = $1, locked_at = now() where created_at = now()',
    [rows[0].worker_id],
  )
  await client.query('commit')
  client.release()
  await expect.poll(jobsLeft, { timeout: 30_000, interval: 250 }).toBe(0)
  expect(troubles).toContain('job_given_back')
})

it('a record of a job that fails for another reason is tried again too', async () => {
  const pool = createPool(db.url, 'rowhouse_worker', 2)
  const lost: string[] = []
  const client = await lastingPool(pool, (error) => lost.push(error.message)).connect()
  await client.query(`set statement_timeout = '1ms'`)
  const record = {
    text: 'delete from graphile_worker._private_jobs as jobs where id = $1::bigint and pg_sleep(1) is null',
    values: [1],
  }
  await addJobs(1)
  const { rows } = await db.pool.query('select max(id) as id from graphile_worker._private_jobs')
  await expect(client.query({ ...record, values: [rows[0].id] })).rejects.toMatchObject({ code: '57P03' })
  await expect(client.query('select pg_sleep(1)')).rejects.toMatchObject({ code: '57014' })
  expect(lost).toEqual([])
  client.release()
  await pool.end()
})

it('stops within seconds while the database is away', async () => {
  const network = await openProxy(db.url)
  const pool = createPool(network.url, 'rowhouse_worker', 6)
  const log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }
  const worker = await startWorker({ pool, concurrency: 4, pollIntervalMs: 100, isEmbedded: false, log })
  await addJobs(300)
  await expect.poll(jobsLeft, { interval: 5 }).toBeLessThan(295)
  await network.cut()
  const cutAt = performance.now()
  await worker.stop()
  await pool.end()
  expect(performance.now() - cutAt).toBeLessThan(10_000)
  await db.pool.query('delete from graphile_worker._private_jobs')
})

it('npm run worker lives through it too', async () => {
  const worker = start('server.ts', ['--worker'], {
    DATABASE_URL: db.url,
    LOG_LEVEL: 'warn',
    ROWHOUSE_DATA_DIR: `${root}/.none`,
  })
  onTestFinished(() => worker.kill('SIGKILL'))
  await worker.says('The worker is running')
  await addJobs(300)
  for (let round = 0; round < 4; round += 1) {
    await sleep(250)
    await endConnections()
  }
  await expect
    .poll(
      async () => {
        await hurry()
        return jobsLeft()
      },
      { timeout: 90_000, interval: 500 },
    )
    .toBe(0)
  worker.kill('SIGTERM')
  expect((await worker.ended).code).toBe(0)
})
