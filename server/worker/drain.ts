// Works the queue until a source has nothing left to process: for command-line tools, beside whatever worker runs.

import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { Config } from '../config.ts'
import { type Actor, asUser, type Database } from '../database.ts'
import { type Counts, processingCounts } from '../ingest.ts'
import { startWorker } from './index.ts'

type Options = {
  config: Config
  database: Database
  pool: pg.Pool
  workerPool: pg.Pool
  actor: Actor
  sourceId: string
}

/** So long nothing moves before it is asked why. */
const patienceMs = 5_000

const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }

export async function processSource(
  { database, pool, workerPool, actor, sourceId }: Options,
  onProgress: (counts: Counts) => void,
  onTrouble: (trouble: string) => void = () => {},
): Promise<Counts & { errors: string[] }> {
  const worker = await startWorker({
    pool: workerPool,
    concurrency: 2,
    pollIntervalMs: 100,
    isEmbedded: database.isEmbedded,
    isOnlyWorker: database.isOwner,
    log: quiet,
  })
  const troubles = createTroubles(workerPool, actor.tenant_id, onTrouble)
  try {
    for (;;) {
      const counts = await processingCounts(pool, actor, sourceId)
      onProgress(counts)
      await troubles.look(counts, Date.now())
      if (counts.pending + counts.processing === 0) {
        await database.refreshStatistics()
        const { rows } = await asUser(pool, actor, (client) =>
          client.query<{ problem: string }>(
            `select external_id || ': ' || processing_error
                    || case when content is null then '' else ' Its version before stays searchable.' end as problem
               from app_public.documents
              where source_id = $1 and processing_status = 'failed' order by external_id limit 50`,
            [sourceId],
          ),
        )
        return { ...counts, errors: rows.map(({ problem }) => problem) }
      }
      await pause(200)
    }
  } finally {
    await worker.stop()
  }
}

/** Tells why nothing moves, such as that an embedder is down: each last error of the tenant's jobs once. */
export function createTroubles(workerPool: Pick<pg.Pool, 'query'>, tenantId: string, tell: (trouble: string) => void) {
  const told = new Set<string>()
  let counts = ''
  let since = 0
  return {
    look: async (now: Counts, at: number): Promise<void> => {
      const moved = JSON.stringify(now) !== counts
      if (!moved && at - since < patienceMs) return
      counts = JSON.stringify(now)
      since = at
      if (moved) return
      const { rows } = await workerPool.query<{ task: string; error: string }>(
        `select distinct task, error from core.job_summary(tenant_id => $1) where error is not null order by 1, 2 limit 20`,
        [tenantId],
      )
      for (const { task, error } of rows) {
        const trouble = `${task}: ${error}`
        if (!told.has(trouble)) tell(trouble)
        told.add(trouble)
      }
    },
  }
}
