// A job is stray when the queue says that this worker holds it and this worker knows nothing of it: the connection broke
// after the job was locked and before that was answered. The worker is alive, so nobody else would take it up.

import type { WorkerEvents } from 'graphile-worker'
import type { Pool } from 'pg'

export type StrayJobs = {
  /** Gives back what was stray at this look and at the one before: a single look may come before the news of a job. */
  giveBack: (poolId: string) => Promise<number>
}

export function watchStrayJobs(pool: Pool, events: WorkerEvents): StrayJobs {
  /** Which start of a job is the newest, by the job's id. */
  const started = new Map<string, number>()
  let starts = 0
  let suspects: string[] = []
  events.on('job:start', ({ job }) => started.set(job.id, ++starts))

  return {
    giveBack: async (poolId) => {
      const before = new Map(started)
      const { rows } = await pool.query<{ id: string }>('select id from core.jobs_held_by($1) as id', [poolId])
      const locked = new Set(rows.map(({ id }) => id))
      // what has ended need not be remembered, unless it was started again meanwhile
      for (const [id, start] of before) if (!locked.has(id) && started.get(id) === start) started.delete(id)
      const unknown = [...locked].filter((id) => !started.has(id))
      const strays = unknown.filter((id) => suspects.includes(id))
      suspects = unknown
      if (strays.length > 0) await pool.query('select core.give_back_jobs($1, $2)', [poolId, strays])
      return strays.length
    },
  }
}
