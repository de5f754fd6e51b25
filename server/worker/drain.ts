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

const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }

export async function processSource(
  { database, pool, workerPool, actor, sourceId }: Options,
  onProgress: (counts: Counts) => void,
): Promise<Counts & { errors: string[] }> {
  const worker = await startWorker({
    pool: workerPool,
    concurrency: 2,
    pollIntervalMs: 100,
    isEmbedded: database.isEmbedded,
    isOnlyWorker: database.isOwner,
    log: quiet,
  })
  try {
    for (;;) {
      const counts = await processingCounts(pool, actor, sourceId)
      onProgress(counts)
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
