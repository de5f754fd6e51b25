// Tenants share the workers: a load of one holds few slots and waits in a line of its own, and small work goes before bulk.

import type { JobHelpers } from 'graphile-worker'
import type pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { createMetrics } from '../../server/metrics.ts'
import { enqueueMerge } from '../../server/worker/enqueue-merge.ts'
import { loadTasks } from '../../server/worker/index.ts'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, search } from '../helpers/knowledge.ts'
import { startTestWorker, type TestWorker } from '../helpers/worker.ts'

const db = useDatabase()
let worker: TestWorker | undefined
afterEach(async () => {
  await worker?.stop()
  worker = undefined
  await db.pool.query('delete from graphile_worker._private_jobs')
})

const largeText = 'The boundary layer of a delta wing grows with the distance from its edge. '.repeat(1500)
const load = (count: number) => Array.from({ length: count }, (_, i) => ({ externalId: `large ${i}`, text: largeText }))
type Job = { tenant: string; task: string; lane: string; priority: number }

/** The waiting jobs, in the order in which the queue takes them. */
const waiting = async (): Promise<Job[]> =>
  (
    await db.pool.query<Job>(`select coalesce(payload ->> 'tenantId', '') as tenant, identifier as task, queue_name as lane, priority
      from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
      left join graphile_worker._private_job_queues q on q.id = j.job_queue_id order by j.priority, j.run_at, j.id`)
  ).rows

const give = (tenant: typeof db.acme, documents: { externalId: string; text: string }[]) =>
  db.inTransaction(async (t) => {
    const source = await createSource(t, tenant.owner)
    await addDocuments(t, tenant.owner, source, documents)
    await t.becomeSuperuser()
    await t.query('commit')
  })

const completed = async (tenantId: string): Promise<number> =>
  (
    await db.pool.query<{ n: number }>(
      `select count(*)::int as n from app_public.documents where tenant_id = $1 and processing_status = 'completed'`,
      [tenantId],
    )
  ).rows[0]?.n ?? 0

describe('the line', () => {
  it('puts a note before the load of another tenant, and before a load of its own', async () => {
    await give(db.acme, load(12))
    await give(db.globex, [{ externalId: 'note', text: 'A short note.' }])
    await give(db.acme, [{ externalId: 'note', text: 'A short note.' }])
    const jobs = await waiting()
    expect(jobs.slice(0, 2).map(({ tenant }) => tenant)).toEqual([db.globex.id, db.acme.id])
    expect(jobs.length).toBeGreaterThan(4)
  })

  it('lets tenants take turns when both load', async () => {
    await give(db.acme, load(16))
    await give(db.globex, load(16))
    const tenants = (await waiting()).map(({ tenant }) => tenant)
    const half = tenants.slice(0, tenants.length / 2)
    expect(half.filter((tenant) => tenant === db.acme.id).length).toBe(half.length / 2)
  })

  it('gives a tenant two lanes, and puts the less busy one to use', async () => {
    await give(db.acme, load(16))
    const { rows } = await db.pool.query(
      `select core.tenant_lanes($1) as lanes, core.tenant_lanes(gen_random_uuid()) as other`,
      [db.acme.id],
    )
    const lanes = (await waiting()).map(({ lane }) => lane)
    for (const lane of rows[0].lanes)
      expect(lanes.filter((one) => one === lane).length).toBeGreaterThanOrEqual(Math.floor(lanes.length / 2))
    expect(new Set(rows[0].other).size).toBe(2)
  })

  it('has mails before everything that comes in bulk', async () => {
    await give(db.acme, [{ externalId: 'note', text: 'A short note.' }])
    await db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_owner')
      await t.query(`select core.enqueue_job('a_mail', '{}')`)
      await t.becomeSuperuser()
      await t.query('commit')
    })
    expect((await waiting())[0]).toMatchObject({ task: 'a_mail', lane: null })
  })

  it('finishes what was begun first', async () => {
    await give(db.acme, load(16))
    await db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_owner')
      await t.query(`select core.enqueue_tenant_job('next', '{}', $1, is_next_stage => true)`, [db.acme.id])
      await t.becomeSuperuser()
      await t.query('commit')
    })
    expect((await waiting()).slice(0, 2).map(({ task }) => task)).toContain('next')
  })
})

describe('a worker', () => {
  it('queues the merge of a tenant in the lanes of the tenant', async () => {
    await db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      await enqueueMerge({ query: t.query } as never, db.acme.id)
      await t.becomeSuperuser()
      await t.query('commit')
    })
    expect(await waiting()).toMatchObject([{ tenant: db.acme.id, task: 'search__merge_index' }])
  })

  it("has another tenant's note searchable before half of a load is done", async () => {
    const before = await completed(db.globex.id)
    await give(db.acme, load(40))
    worker = await startTestWorker(db.url)
    await give(db.globex, [{ externalId: `quick ${crypto.randomUUID()}`, text: 'The xylophone is in the cellar.' }])
    for (;;) {
      const nextJob = worker.nextJob()
      if ((await completed(db.globex.id)) > before) break
      await nextJob
    }
    expect(await completed(db.acme.id)).toBeLessThan(20)
    await db.inTransaction(async (t) => {
      expect((await search(t, db.globex.member, 'xylophone')).map(({ content }) => content)).toEqual([
        'The xylophone is in the cellar.',
      ])
    })
  })
})

describe('the depth of the queue', () => {
  it('is told by task, with the age of what waits longest, in the metrics', async () => {
    await db.pool.query(`select graphile_worker.add_job('late', '{}', run_at => now() - interval '90 seconds')`)
    await db.pool.query(`select graphile_worker.add_job('late', '{}')`)
    await db.pool.query(`select graphile_worker.add_job('future', '{}', run_at => now() + interval '1 hour')`)
    await db.pool.query(`select graphile_worker.add_job('broken', '{}', max_attempts => 1)`)
    await db.pool.query(`update graphile_worker._private_jobs set attempts = 1
      where task_id = (select id from graphile_worker._private_tasks where identifier = 'broken')`)
    await db.pool.query(`select graphile_worker.add_job('held', '{}')`)
    await db.pool.query(`update graphile_worker._private_jobs set locked_at = now(), locked_by = 'somebody'
      where task_id = (select id from graphile_worker._private_tasks where identifier = 'held')`)
    const pool = createPool(db.url, 'rowhouse_authenticator', 1)
    try {
      const text = await createMetrics(pool).registry.metrics()
      const value = (name: string): number =>
        Number(
          text
            .split('\n')
            .find((line) => line.startsWith(`${name} `))
            ?.split(' ')[1],
        )
      expect(value('rowhouse_queue_jobs{task="late",state="waiting"}')).toBe(2)
      expect(value('rowhouse_queue_oldest_seconds{task="late"}')).toBeGreaterThanOrEqual(90)
      expect(value('rowhouse_queue_jobs{task="future",state="waiting"}')).toBe(0)
      expect(value('rowhouse_queue_oldest_seconds{task="future"}')).toBe(0)
      expect(value('rowhouse_queue_jobs{task="broken",state="failed"}')).toBe(1)
      expect(value('rowhouse_queue_jobs{task="held",state="running"}')).toBe(1)
    } finally {
      await pool.end()
    }
  })
})

describe('a text that takes too long', () => {
  /** One attempt to chunk it, whose first statement may take a millisecond; returns the SQLSTATE. */
  const chunkOnce = async (pool: pg.Pool, documentId: string, attempts: number): Promise<string | undefined> => {
    let calls = 0
    const helpers = {
      job: { attempts, max_attempts: 10 },
      withPgClient: async (work: (client: pg.PoolClient) => Promise<unknown>) => {
        const client = await pool.connect()
        try {
          calls += 1
          await client.query(`set statement_timeout to ${calls === 1 ? 1 : 0}`)
          return await work(client)
        } finally {
          client.release()
        }
      },
    }
    const task = (await loadTasks()).tasks.knowledge__chunk_documents
    try {
      await task?.({ tenantId: db.acme.id, documentIds: [documentId] }, helpers as unknown as JobHelpers)
      return undefined
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  it('is tried again, and says so after the last try', async (context) => {
    needsServer(context, 'it has no statement timeout')
    const externalId = `slow ${crypto.randomUUID()}`
    await give(db.acme, [{ externalId, text: largeText }])
    const document = async () =>
      (
        await db.pool.query(
          'select id, processing_status, processing_error from app_public.documents where external_id = $1',
          [externalId],
        )
      ).rows[0]
    const { id } = await document()
    const pool = createPool(db.url, 'rowhouse_worker', 1)
    try {
      expect(await chunkOnce(pool, id, 1)).toBe('57014')
      expect(await document()).toMatchObject({ processing_status: 'pending', processing_error: null })
      expect(await chunkOnce(pool, id, 10)).toBe('57014')
      expect(await document()).toMatchObject({
        processing_status: 'failed',
        processing_error: 'It takes too long to cut the text into chunks.',
      })
    } finally {
      await pool.end()
    }
  })
})
