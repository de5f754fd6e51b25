// npm run jobs -- list | retry | cancel: the task queue from the command line, for whoever runs the database.

import { parseArgs } from 'node:util'
import type pg from 'pg'
import { UsageError, withTool } from '../server/cli.ts'
import { createPool } from '../server/database.ts'

const usage = `npm run jobs -- list [--task NAME] [--state waiting|later|running|failed]
       npm run jobs -- retry ID … | --failed [--task NAME]
       npm run jobs -- cancel ID … | --failed [--task NAME]`
const states = ['waiting', 'later', 'running', 'failed']

/** Of many, the first; the last line counts all. */
const shownJobs = 50
const errorWidth = 100

type Job = {
  id: string
  task: string
  state: string
  attempts: number
  max_attempts: number
  run_at: Date
  tenant_id: string | null
  last_error: string | null
}

await withTool(async ({ database }) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      task: { type: 'string' },
      state: { type: 'string' },
      failed: { type: 'boolean', default: false },
    },
  })
  const [command, ...ids] = positionals
  const { task, state, failed } = values
  const isChange = command === 'retry' || command === 'cancel'
  const fits = isChange
    ? state === undefined && ids.every((id) => /^\d{1,18}$/.test(id)) && ids.length > 0 !== failed && (failed || !task)
    : command === 'list' && ids.length === 0 && !failed && (state === undefined || states.includes(state))
  if (!fits) throw new UsageError(`Usage: ${usage}`)
  const pool = createPool(database.url, 'rowhouse_worker', 1)
  try {
    if (!isChange) return list(await jobs(pool, task, state))
    const chosen = failed ? (await jobs(pool, task, 'failed')).map(({ id }) => id) : ids
    const { rows } = await pool.query<{ id: string }>(`select core.${command}_jobs($1) as id`, [chosen])
    console.log(`${rows.length} ${command === 'retry' ? 'run now' : 'cancelled'}.`)
    const done = new Set(rows.map(({ id }) => id))
    const left = chosen.filter((id) => !done.has(String(BigInt(id))))
    if (left.length > 0) throw new Error(`Running, or not in the queue: ${left.join(', ')}.`)
  } finally {
    await pool.end()
  }
})

async function jobs(pool: pg.Pool, task?: string, state?: string): Promise<Job[]> {
  return (await pool.query<Job>('select * from core.jobs($1, $2)', [task, state])).rows
}

function list(found: Job[]): void {
  if (found.length > 0)
    console.table(
      found.slice(0, shownJobs).map((job) => ({
        id: job.id,
        task: job.task,
        state: job.state,
        attempts: `${job.attempts}/${job.max_attempts}`,
        'runs at': job.run_at.toISOString(),
        tenant: job.tenant_id ?? '',
        error: (job.last_error ?? '').split('\n')[0]?.slice(0, errorWidth),
      })),
    )
  const counts = states.map((state) => `${found.filter((job) => job.state === state).length} ${state}`)
  console.log(`${found.length} jobs: ${counts.join(', ')}.`)
}
