// npm run jobs -- list | summary | retry | cancel: the task queue from the command line, for whoever runs the database.

import { parseArgs } from 'node:util'
import type pg from 'pg'
import { UsageError, withTool } from '../server/cli.ts'
import { createPool } from '../server/database.ts'
import { operatorIdentity } from '../server/seed.ts'

const usage = `npm run jobs -- list [FILTER]                 the oldest ones, then how many there are
       npm run jobs -- summary [FILTER]              by task, state and error
       npm run jobs -- retry ID … | --failed [FILTER]
       npm run jobs -- cancel ID … | --failed [FILTER]
  FILTER is --task NAME, --tenant SLUG, and for list and summary --state waiting|later|running|failed`
const states = ['waiting', 'later', 'running', 'failed']

const shownJobs = 50
const errorWidth = 100

type Filter = [task: string | undefined, state: string | undefined, tenantId: string | undefined]
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
type Summary = { task: string; state: string; error: string | null; job_count: string; oldest_run_at: Date }

await withTool(async ({ database, pool: server }) => {
  const { command, ids, task, tenant, state, failed } = readArguments()
  const tenantId = tenant && (await operatorIdentity(server, tenant)).tenant_id
  const pool = createPool(database.url, 'rowhouse_worker', 1)
  try {
    if (command === 'list') await list(pool, [task, state, tenantId])
    else if (command === 'summary') await summarize(pool, [task, state, tenantId])
    else await change(pool, command, failed ? await failedIds(pool, [task, 'failed', tenantId]) : ids)
  } finally {
    await pool.end()
  }
})

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      task: { type: 'string' },
      tenant: { type: 'string' },
      state: { type: 'string' },
      failed: { type: 'boolean', default: false },
    },
  })
  const [command = '', ...ids] = positionals
  const { task, tenant, state, failed } = values
  const fits = ['retry', 'cancel'].includes(command)
    ? state === undefined &&
      ids.every((id) => /^\d{1,18}$/.test(id)) &&
      (failed ? ids.length === 0 : ids.length > 0 && !task && !tenant)
    : ['list', 'summary'].includes(command) &&
      ids.length === 0 &&
      !failed &&
      (state === undefined || states.includes(state))
  if (!fits) throw new UsageError(`Usage: ${usage}`)
  return { command: command as 'list' | 'summary' | 'retry' | 'cancel', ids, task, tenant, state, failed }
}

async function list(pool: pg.Pool, filter: Filter): Promise<void> {
  const { rows } = await pool.query<Job>('select * from core.jobs($1, $2, $3, $4)', [...filter, shownJobs])
  if (rows.length > 0)
    console.table(
      rows.map((job) => ({
        id: job.id,
        task: job.task,
        state: job.state,
        attempts: `${job.attempts}/${job.max_attempts}`,
        'runs at': job.run_at.toISOString(),
        tenant: job.tenant_id ?? '',
        error: (job.last_error ?? '').split('\n')[0]?.slice(0, errorWidth),
      })),
    )
  const summary = await summaryOf(pool, filter)
  const countOf = (state?: string): number =>
    summary.filter((row) => !state || row.state === state).reduce((sum, row) => sum + Number(row.job_count), 0)
  console.log(`${countOf()} jobs: ${states.map((state) => `${countOf(state)} ${state}`).join(', ')}.`)
}

async function summarize(pool: pg.Pool, filter: Filter): Promise<void> {
  const summary = await summaryOf(pool, filter)
  if (summary.length === 0) return console.log('0 jobs.')
  console.table(
    summary.map(({ task, state, job_count, oldest_run_at, error }) => ({
      task,
      state,
      jobs: Number(job_count),
      'oldest runs at': oldest_run_at.toISOString(),
      error: (error ?? '').slice(0, errorWidth),
    })),
  )
}

async function summaryOf(pool: pg.Pool, filter: Filter): Promise<Summary[]> {
  return (await pool.query<Summary>('select * from core.job_summary($1, $2, $3)', filter)).rows
}

async function failedIds(pool: pg.Pool, filter: Filter): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>('select id from core.jobs($1, $2, $3, null)', filter)
  return rows.map(({ id }) => id)
}

async function change(pool: pg.Pool, command: 'retry' | 'cancel', ids: string[]): Promise<void> {
  const { rows } = await pool.query<{ id: string }>(`select core.${command}_jobs($1) as id`, [ids])
  console.log(`${rows.length} ${command === 'retry' ? 'run now' : 'cancelled'}.`)
  const done = new Set(rows.map(({ id }) => id))
  const left = ids.filter((id) => !done.has(String(BigInt(id))))
  if (left.length > 0) throw new Error(`Running, or not in the queue: ${left.join(', ')}.`)
}
