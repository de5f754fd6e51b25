// Says in the log when jobs of a task begin to wait too long, and when they no longer do: no worker runs, the workers are too
// few, or one task holds them all. It does not go through the queue, which is what may stand still.

import type { Pool } from 'pg'
import { readQueueDepth } from '../metrics.ts'
import type { WorkerLog } from './index.ts'

const lookEveryMs = 30_000

export type QueueWatch = {
  look: () => Promise<void>
  stop: () => Promise<void>
}

/** With a limit of 0 seconds nothing is said. */
export function watchQueue(pool: Pool, limitSeconds: number, log: WorkerLog): QueueWatch {
  const late = new Set<string>()

  async function look(): Promise<void> {
    const depths = await readQueueDepth(pool)
    // a database that is away says nothing about its queue
    if (!depths) return
    const seen = new Map(depths.map((depth) => [depth.task, depth]))
    for (const { task, oldest_waiting_seconds, waiting_count } of depths) {
      if (oldest_waiting_seconds <= limitSeconds || late.has(task)) continue
      late.add(task)
      const fields = {
        task,
        oldestSeconds: Math.round(oldest_waiting_seconds),
        waiting: Number(waiting_count),
        limitSeconds,
      }
      log.error(fields, 'Jobs of a task wait too long')
    }
    for (const task of late) {
      if ((seen.get(task)?.oldest_waiting_seconds ?? 0) > limitSeconds) continue
      late.delete(task)
      log.info({ task }, 'Jobs of a task no longer wait too long')
    }
  }

  if (limitSeconds === 0) return { look: async () => {}, stop: async () => {} }
  let looking = Promise.resolve()
  const timer = setInterval(() => {
    looking = looking.then(look)
  }, lookEveryMs)
  timer.unref()
  return {
    look,
    stop: async () => {
      clearInterval(timer)
      await looking
    },
  }
}
