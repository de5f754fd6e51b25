// Training jobs: what the worker does with them, and what becomes of them when it dies, comes late or is told to stop.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { needsServer, type Queries, queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { outcomesOf, useSessions } from '../helpers/sessions.ts'
import { runTask } from '../helpers/tasks.ts'
import { startTestWorker } from '../helpers/worker.ts'
import { defineSet, hoursFrom, type Job, random, record, start } from './helpers.ts'

const db = useDatabase()
const { session, sessions } = useSessions(db)

const asMember = (work: (t: Transaction) => Promise<void>) => () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    await work(t)
  })

async function data(t: Queries, set: string, rows = 60): Promise<void> {
  const next = random(1)
  await defineSet(t, set, { y: 'number', a: 'number' })
  await record(
    t,
    set,
    Array.from({ length: rows }, (_, i) => {
      const a = next()
      return { entity: `e${i}`, at: hoursFrom('2026-01-01T00:00:00Z', i), features: { y: 2 * a, a } }
    }),
  )
}
const jobOf = async (t: Queries, id: string): Promise<Job> =>
  (await t.query<Job>('select * from app_public.ml_training_jobs where id = $1', [id]))[0] as Job

const work = {
  begin: (t: Transaction, job: Job) =>
    asWorker(t, 'ml.begin_training($1, $2)', [db.acme.id, job.id]) as Promise<number | null>,
  advance: (t: Transaction, job: Job, attempt: unknown) =>
    asWorker(t, 'ml.advance_training($1, $2, $3)', [db.acme.id, job.id, attempt]) as Promise<boolean>,
  fail: (t: Transaction, job: Job, attempt: unknown) =>
    asWorker(t, `ml.fail_training($1, $2, $3, 'It broke.')`, [db.acme.id, job.id, attempt]) as Promise<boolean>,
}
async function asWorker(t: Transaction, call: string, values: unknown[]): Promise<unknown> {
  await t.becomeRole('rowhouse_worker')
  const value = await t.value(`select ${call}`, values)
  await t.become(db.acme.member)
  return value
}

describe('a job', () => {
  it(
    'goes from queued to completed by steps, and is not begun again',
    asMember(async (t) => {
      await data(t, 'site')
      const [job] = (await start(t, 'm', 'ridge', 'site', { target: 'y' })) as [Job]
      expect(job).toMatchObject({ status: 'queued', progress: 0, model_type: 'emissions_prediction' })
      const attempt = await work.begin(t, job)
      expect(await jobOf(t, job.id)).toMatchObject({ status: 'running', progress: 10 })
      expect(await work.advance(t, job, attempt)).toBe(true)
      expect(await jobOf(t, job.id)).toMatchObject({ status: 'running', progress: 60 })
      expect(await work.advance(t, job, attempt)).toBe(false)
      const done = await jobOf(t, job.id)
      expect(done).toMatchObject({ status: 'completed', progress: 100, metrics: { rmse: expect.any(Number) } })
      expect(await work.begin(t, job)).toBeNull()
      expect(await t.value('select status from app_public.ml_models where id = $1', [done.model_id])).toBe('validating')
    }),
  )

  it(
    'that another worker took up goes on after the last step, and the late worker changes nothing',
    asMember(async (t) => {
      await data(t, 'site')
      const [job] = (await start(t, 'm', 'ridge', 'site', { target: 'y' })) as [Job]
      const first = await work.begin(t, job)
      await work.advance(t, job, first)
      const second = await work.begin(t, job)
      expect(second).toBe(2)
      expect(await work.advance(t, job, first)).toBe(false)
      expect(await work.fail(t, job, first)).toBe(false)
      expect(await jobOf(t, job.id)).toMatchObject({ status: 'running' })
      expect(await work.advance(t, job, second)).toBe(false)
      expect(await jobOf(t, job.id)).toMatchObject({ status: 'completed' })
      expect(await t.value('select count(*)::int from app_public.ml_models')).toBe(1)
    }),
  )

  it(
    'that was cancelled ends there, with its model failed, and its name is free',
    asMember(async (t) => {
      await data(t, 'site')
      const [job] = (await start(t, 'm', 'ridge', 'site', { target: 'y' })) as [Job]
      expect(
        await t.errorCode('select app_public.start_ml_training($1, $2, $3, $4)', [
          'm',
          'ridge',
          'site',
          { target: 'y' },
        ]),
      ).toBe('ML501')
      const attempt = await work.begin(t, job)
      await work.advance(t, job, attempt)
      await t.query('select app_public.cancel_ml_training($1)', [job.id])
      expect(await work.advance(t, job, attempt)).toBe(false)
      expect(await jobOf(t, job.id)).toMatchObject({ status: 'cancelled' })
      expect(await t.query('select status from app_public.ml_models')).toEqual([{ status: 'failed' }])
      expect(await t.errorCode('select app_public.cancel_ml_training($1)', [job.id])).toBe('ML507')
      expect(await start(t, 'm', 'ridge', 'site', { target: 'y' })).toHaveLength(1)
    }),
  )

  it(
    'of another tenant is like none, and a viewer starts and cancels none',
    asMember(async (t) => {
      await data(t, 'site')
      const [job] = (await start(t, 'm', 'ridge', 'site', { target: 'y' })) as [Job]
      await t.become(db.globex.owner)
      expect(await t.errorCode('select app_public.cancel_ml_training($1)', [job.id])).toBe('ML304')
      expect(
        await t.errorCode('select app_public.start_ml_training($1, $2, $3, $4)', [
          'm',
          'ridge',
          'site',
          { target: 'y' },
        ]),
      ).toBe('ML303')
      await t.become(db.acme.viewer)
      expect(await t.errorCode('select app_public.cancel_ml_training($1)', [job.id])).toBe('ID203')
      expect(
        await t.errorCode('select app_public.start_ml_training($1, $2, $3, $4)', [
          'n',
          'ridge',
          'site',
          { target: 'y' },
        ]),
      ).toBe('ID203')
    }),
  )

  it(
    'waits with at most 49 others',
    asMember(async (t) => {
      await data(t, 'site')
      for (let i = 0; i < 50; i++) await start(t, `m${i}`, 'ridge', 'site', { target: 'y' })
      expect(
        await t.errorCode('select app_public.start_ml_training($1, $2, $3, $4)', [
          'one-more',
          'ridge',
          'site',
          { target: 'y' },
        ]),
      ).toBe('ML601')
    }),
  )
})

describe('the worker', () => {
  let pool: ReturnType<typeof createPool>
  let member: Queries
  beforeAll(async () => {
    pool = createPool(db.url, 'rowhouse_worker', 2)
    // the tenant's data, for everyone
    member = await committed()
    await data(member, 'site')
  })
  afterAll(() => pool.end())

  /** The member's own connection, where there can be one beside the worker's. */
  async function committed(): Promise<Queries> {
    const query: Queries['query'] = async (text, values) => {
      const client = await db.pool.connect()
      try {
        await client.query('begin')
        await client.query(
          `select set_config('role', 'rowhouse_user', true), set_config('rowhouse.tenant_id', $1, true), set_config('rowhouse.user_id', $2, true)`,
          [db.acme.id, db.acme.member.userId],
        )
        const { rows } = await client.query(text, values)
        await client.query('commit')
        return rows as never
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    }
    return { query, value: async (text, values) => Object.values((await query(text, values))[0] ?? {})[0] as never }
  }
  const train = async (name: string, config: object, set = 'site'): Promise<Job> => {
    const [job] = (await start(member, name, 'ridge', set, config)) as [Job]
    await runTask(pool, 'ml__train', { tenantId: db.acme.id, jobId: job.id })
    return jobOf(member, job.id)
  }

  it('trains a job to its end', async () => {
    expect(await train('by-worker', { target: 'y' })).toMatchObject({ status: 'completed', attempt: 1 })
  })

  it('ends a job whose data is at fault, and says why', async () => {
    await defineSet(member, 'empty', { y: 'number', a: 'number' })
    expect(await train('empty', { target: 'y' }, 'empty')).toMatchObject({
      status: 'failed',
      error_message: expect.stringContaining('There are 0 rows'),
    })
    expect(await train('nothing', { target: 'gone' })).toMatchObject({
      status: 'failed',
      error_message: expect.stringContaining('gone'),
    })
  })

  it('takes jobs from the queue, tenant by tenant', async (context) => {
    needsServer(context, 'the worker of this test and the member are two sessions')
    const [job] = (await start(member, 'queued', 'ridge', 'site', { target: 'y' })) as [Job]
    const worker = await startTestWorker(db.url)
    try {
      while ((await jobOf(member, job.id)).status !== 'completed') await worker.nextJob('ml__train')
    } finally {
      await worker.stop()
    }
    const { rows } = await db.pool.query<{ lanes: string[] }>('select core.tenant_lanes($1) as lanes', [db.acme.id])
    expect(rows[0]?.lanes).toHaveLength(2)
  })

  it('twelve workers who take one job up make one model', async (context) => {
    needsServer(context)
    const [job] = (await start(member, 'raced', 'ridge', 'site', { target: 'y' })) as [Job]
    const clients = await sessions(12, 'rowhouse_worker')
    await outcomesOf(
      clients.map(async (client) => {
        const { rows } = await client.query('select ml.begin_training($1, $2) as attempt', [db.acme.id, job.id])
        const attempt = rows[0].attempt
        for (let more = attempt !== null; more; ) {
          const step = await client.query('select ml.advance_training($1, $2, $3) as more', [
            db.acme.id,
            job.id,
            attempt,
          ])
          more = step.rows[0].more
        }
      }),
    )
    expect(await jobOf(member, job.id)).toMatchObject({ status: 'completed' })
    expect(await member.value(`select count(*)::int from app_public.ml_models where model_name = 'raced'`)).toBe(1)
    expect(
      await member.value(
        `select count(*)::int from app_public.ml_model_performance p join app_public.ml_models m on m.id = p.model_id where m.model_name = 'raced' and p.metric_type = 'rmse'`,
      ),
    ).toBe(1)
  })

  it('a job that is cancelled while it is fitted leaves no model', async (context) => {
    needsServer(context)
    const [job] = (await start(member, 'stopped', 'ridge', 'site', { target: 'y' })) as [Job]
    const worker = queries(() => worked)
    const worked = await session('rowhouse_worker')
    const attempt = await worker.value('select ml.begin_training($1, $2)', [db.acme.id, job.id])
    await worked.query('begin')
    // the snapshot of this step is older than the cancellation
    await worked.query('set transaction isolation level repeatable read')
    await worked.query('select 1 from graphile_worker._private_jobs limit 1')
    await member.query('select app_public.cancel_ml_training($1)', [job.id])
    await expect(
      worked.query('select ml.advance_training($1, $2, $3)', [db.acme.id, job.id, attempt]),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^(ML508|40001)$/),
    })
    await worked.query('rollback')
    expect(await member.value(`select count(*)::int from app_public.ml_models where model_name = 'stopped'`)).toBe(0)
  })
})
