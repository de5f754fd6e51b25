// A worker's task in this process, without the queue: one call, and what it throws is thrown here.

import { randomUUID } from 'node:crypto'
import type { JobHelpers } from 'graphile-worker'
import type pg from 'pg'
import { loadTasks } from '../../server/worker/index.ts'

const silent = () => {}

/** Runs a task with connections of this pool, which must be the worker's. */
export async function runTask(pool: pg.Pool, name: string, payload: object = {}): Promise<void> {
  const task = (await loadTasks()).tasks[name]
  if (!task) throw new Error(`There is no task ${name}.`)
  const helpers = {
    withPgClient: async (work: (client: pg.PoolClient) => Promise<unknown>) => {
      const client = await pool.connect()
      try {
        return await work(client)
      } finally {
        client.release()
      }
    },
    job: { id: randomUUID(), attempts: 1, max_attempts: 10 },
    logger: { error: silent, warn: silent, info: silent, debug: silent },
  }
  await task(payload, helpers as unknown as JobHelpers)
}
