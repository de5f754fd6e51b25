// The task worker: graphile-worker with the tasks of tasks/, plus a heartbeat, so that jobs of a killed worker are taken
// up again within seconds instead of hours.

import { EventEmitter } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Logger, type LogLevel, run, type TaskList, type WorkerEvents } from 'graphile-worker'
import type { Pool } from 'pg'
import { extensions, partOf } from '../extensions.ts'
import type { TaskModule } from './task.ts'

const tasksDirectory = join(import.meta.dirname, '..', '..', 'tasks')
const heartbeatIntervalMs = 5_000

export type WorkerLog = Record<'error' | 'warn' | 'info' | 'debug', (fields: object, message: string) => void>

export type WorkerOptions = {
  /** Its connections start as rowhouse_worker. */
  pool: Pool
  concurrency: number
  pollIntervalMs: number
  /** The embedded engine gains nothing from named statements and carries no notifications between connections. */
  isEmbedded: boolean
  /** No other worker can be alive, so whatever is locked was left by a dead one. */
  isOnlyWorker?: boolean
  log: WorkerLog
  onJob?: (task: string, outcome: 'success' | 'error', seconds: number) => void
}

export type RunningWorker = { stop: () => Promise<void>; stopped: Promise<void> }

export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { pool, log } = options
  const events: WorkerEvents = new EventEmitter()
  const ids: string[] = []
  events.on('pool:create', ({ workerPool }) => ids.push(workerPool.id))
  events.on('job:complete', ({ job, error }) => {
    const seconds = (Date.now() - (job.locked_at?.getTime() ?? Date.now())) / 1000
    options.onJob?.(job.task_identifier, error ? 'error' : 'success', seconds)
  })

  const beat = async (silentFor: string): Promise<void> => {
    const { rows } = await pool.query<{ released: number }>(
      'select core.release_dead_workers($1, $2::interval) as released',
      [ids, silentFor],
    )
    if (rows[0]?.released) log.warn({ workers: rows[0].released }, 'Took up the jobs of workers that fell silent')
  }
  await beat(options.isOnlyWorker ? '0 seconds' : '30 seconds')

  const { tasks, crontab } = await loadTasks()
  const runner = await run({
    pgPool: pool,
    taskList: tasks,
    concurrency: options.concurrency,
    pollInterval: options.pollIntervalMs,
    noPreparedStatements: options.isEmbedded,
    noHandleSignals: true,
    crontab,
    events,
    logger: new Logger((scope) => (level: LogLevel, message, meta) => {
      // the queue reports each start and end at info; that is one line a job too many
      const name = level === 'warning' ? 'warn' : level === 'info' ? 'debug' : level
      log[name]({ task: scope.taskIdentifier, job: scope.jobId, ...meta }, message)
    }),
  })
  await beat('30 seconds')
  const timer = setInterval(() => {
    beat('30 seconds').catch((error: unknown) => log.warn({ err: error }, 'The worker could not say that it is alive'))
  }, heartbeatIntervalMs)

  return {
    stop: async () => {
      clearInterval(timer)
      await runner.stop()
    },
    stopped: runner.promise.finally(() => clearInterval(timer)),
  }
}

/** One file a task; the file's name is the task's name. An extension's tasks begin with its name. */
export async function loadTasks(): Promise<{ tasks: TaskList; crontab: string }> {
  const tasks: TaskList = {}
  const crontab: string[] = []
  for (const { directory, prefix } of taskDirectories()) {
    for (const file of (await readdir(directory)).sort()) {
      if (!file.endsWith('.ts')) continue
      const name = file.slice(0, -'.ts'.length)
      if (!name.startsWith(prefix)) throw new Error(`The task ${name} of an extension must begin with ${prefix}.`)
      const { payload, task, cron } = (await import(join(directory, file))) as TaskModule
      tasks[name] = (given, helpers) => task(payload.parse(given ?? {}), helpers)
      if (cron) crontab.push(`${cron} ${name}`)
    }
  }
  return { tasks, crontab: crontab.join('\n') }
}

function taskDirectories(): { directory: string; prefix: string }[] {
  const others = extensions().flatMap((extension) => {
    const directory = partOf(extension, 'tasks')
    return directory ? [{ directory, prefix: `${extension.name}__` }] : []
  })
  return [{ directory: tasksDirectory, prefix: '' }, ...others]
}
