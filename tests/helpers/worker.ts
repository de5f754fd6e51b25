// The real worker in this process, on the test file's database. What it does is waited for by its jobs' ends.

import { createPool } from '../../server/database.ts'
import { startWorker } from '../../server/worker/index.ts'
import { isRealServer } from './index.ts'

export type TestWorker = {
  /** Resolves when the next job, of this task if one is named, has been tried, whether it succeeded or failed. */
  nextJob: (task?: string) => Promise<void>
  stop: () => Promise<void>
}

const silent = (): void => {}

export async function startTestWorker(url: string, onTried: (task: string) => void = silent): Promise<TestWorker> {
  const pool = createPool(url, 'rowhouse_worker', 4)
  let waiting: { task: string | undefined; resolve: () => void }[] = []
  const worker = await startWorker({
    pool,
    concurrency: 2,
    pollIntervalMs: 50,
    isEmbedded: !isRealServer(),
    log: { error: silent, warn: silent, info: silent, debug: silent },
    onJob: (tried) => {
      onTried(tried)
      const done = waiting.filter(({ task = tried }) => task === tried)
      waiting = waiting.filter((one) => !done.includes(one))
      for (const { resolve } of done) resolve()
    },
  })
  return {
    nextJob: (task) => new Promise((resolve) => waiting.push({ task, resolve })),
    stop: async () => {
      await worker.stop()
      await pool.end()
    },
  }
}
