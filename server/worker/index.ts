// The task worker: graphile-worker with the tasks of tasks/, plus a heartbeat, so that jobs of a killed worker are taken
// up again within seconds instead of hours, and a supervisor, so that no lost connection stops it for good.

import { EventEmitter } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type JobHelpers, Logger, type LogLevel, run, type TaskList, type WorkerEvents } from 'graphile-worker'
import type { Pool, PoolClient } from 'pg'
import { extensions, partOf } from '../extensions.ts'
import { traceJob } from '../tracing.ts'
import { lastingPool } from './lasting-pool.ts'
import { watchStrayJobs } from './stray-jobs.ts'
import type { TaskModule } from './task.ts'

const tasksDirectory = join(import.meta.dirname, '..', '..', 'tasks')
const heartbeatIntervalMs = 5_000
const silentFor = '30 seconds'
const shortestPauseMs = 500
const longestPauseMs = 30_000
const lookMs = 1_000
const failuresToGiveUp = 2

export type WorkerLog = Record<'error' | 'warn' | 'info' | 'debug', (fields: object, message: string) => void>

export type WorkerOptions = {
  /** Its connections start as rowhouse_worker. */
  pool: Pool
  concurrency: number
  pollIntervalMs: number
  /** The embedded engine gains nothing from named statements. */
  isEmbedded: boolean
  /** No other worker can be alive, so whatever is locked was left by a dead one. */
  isOnlyWorker?: boolean
  log: WorkerLog
  onJob?: (task: string, outcome: 'success' | 'error', seconds: number) => void
  /** Something went wrong that was mended, to be counted. */
  onTrouble?: (kind: Trouble) => void
}
export type Trouble = 'connection_lost' | 'runner_restarted' | 'job_given_back'

export type RunningWorker = { stop: () => Promise<void> }

/**
 * Starts the worker and keeps it running: when graphile-worker gives up, it is started again, after a pause that doubles
 * while it keeps happening.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { log } = options
  const tasks = await loadTasks()
  await recordHeartbeat(options, [], options.isOnlyWorker ? '0 seconds' : silentFor)
  let running = await startRunner(options, tasks)
  const ending = new AbortController()

  async function supervise(): Promise<void> {
    for (let pause = shortestPauseMs; ; pause = Math.min(pause * 2, longestPauseMs)) {
      const startedAt = Date.now()
      await running.ended
      if (ending.signal.aborted) return
      if (Date.now() - startedAt > longestPauseMs) pause = shortestPauseMs
      options.onTrouble?.('runner_restarted')
      log.error({ pauseMs: pause }, 'The worker stopped by itself and is started again')
      for (;;) {
        await sleep(pause, undefined, { signal: ending.signal }).catch(() => {})
        if (ending.signal.aborted) return
        try {
          running = await startRunner(options, tasks)
          break
        } catch (error) {
          pause = Math.min(pause * 2, longestPauseMs)
          log.error({ error: String(error), pauseMs: pause }, 'The worker could not be started again yet')
        }
      }
    }
  }
  void supervise()
  return {
    stop: async () => {
      ending.abort()
      await running.stop()
    },
  }
}

type Schedule = { tasks: TaskList; crontab: string }
type Runner = { ended: Promise<void>; stop: () => Promise<void> }

async function startRunner(options: WorkerOptions, { tasks, crontab }: Schedule): Promise<Runner> {
  const { pool, log, onTrouble } = options
  const events: WorkerEvents = new EventEmitter()
  const ids: string[] = []
  events.on('pool:create', ({ workerPool }) => ids.push(workerPool.id))
  events.on('job:complete', ({ job, error }) => {
    const seconds = (Date.now() - (job.locked_at?.getTime() ?? Date.now())) / 1000
    options.onJob?.(job.task_identifier, error ? 'error' : 'success', seconds)
  })
  const strayJobs = watchStrayJobs(pool, events)

  const runner = await run({
    pgPool: lastingPool(pool, (error) => {
      onTrouble?.('connection_lost')
      log.debug({ error: error.message }, 'A connection of the worker was lost')
    }),
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

  const beat = async (): Promise<void> => {
    try {
      await recordHeartbeat(options, ids, silentFor)
      for (const id of ids) {
        const count = await strayJobs.giveBack(id)
        for (let i = 0; i < count; i += 1) onTrouble?.('job_given_back')
        if (count > 0) log.warn({ jobs: count }, 'Gave back jobs whose connection broke while they were fetched')
      }
    } catch (error) {
      log.warn({ error: String(error) }, 'The worker could not say that it is alive')
    }
  }
  let beating = beat()
  await beating
  const timer = setInterval(() => {
    beating = beating.then(beat)
  }, heartbeatIntervalMs)

  const ended = runner.promise
    .catch((error: unknown) => log.error({ error: String(error) }, 'The worker ended with an error'))
    .then(async () => {
      clearInterval(timer)
      // what it still held is taken up when its last heartbeat is old: until then records of ended jobs may be on their way
      await beating
    })
  let isStopping = false
  return {
    ended,
    stop: async () => {
      if (isStopping) return ended
      isStopping = true
      // it may have stopped by itself at this very moment, which it calls an error
      const stopped = runner.stop().catch(() => {})
      await Promise.race([stopped.then(() => ended), databaseIsAway(pool, ended)])
      clearInterval(timer)
    },
  }
}

/**
 * Resolves when the database stays away while the worker stops: to try again for hours, as while it runs, would keep the
 * process. What could not be recorded is taken up when the last heartbeat is old.
 */
async function databaseIsAway(pool: Pool, ended: Promise<void>): Promise<void> {
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  for (let failures = 0; failures < failuresToGiveUp && !isOver; ) {
    await sleep(lookMs, undefined, { ref: false })
    if (isOver) break
    failures = await pool.query('select').then(
      () => 0,
      () => failures + 1,
    )
  }
}

/** Says that these are alive, and takes up the jobs of those that have said nothing for so long. */
async function recordHeartbeat({ pool, log }: WorkerOptions, ids: string[], silentFor: string): Promise<void> {
  const { rows } = await pool.query<{ released: number }>(
    'select core.release_dead_workers($1, $2::interval) as released',
    [ids, silentFor],
  )
  if (rows[0]?.released) log.warn({ workers: rows[0].released }, 'Took up the jobs of workers that fell silent')
}

/** One file a task; the file's name is the task's name. An extension's tasks begin with its name. */
export async function loadTasks(): Promise<Schedule> {
  const tasks: TaskList = {}
  const crontab: string[] = []
  for (const { directory, prefix } of taskDirectories()) {
    for (const file of (await readdir(directory)).sort()) {
      if (!file.endsWith('.ts')) continue
      const name = file.slice(0, -'.ts'.length)
      if (!name.startsWith(prefix)) throw new Error(`The task ${name} of an extension must begin with ${prefix}.`)
      const { payload, task, cron } = (await import(join(directory, file))) as TaskModule
      tasks[name] = (given, helpers) =>
        traceJob(name, async () => task(payload.parse(given ?? {}), named(name, helpers)))
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

/** The helpers whose connections say which task has them, so that the audit can name it. It costs no further round trip. */
function named(task: string, helpers: JobHelpers): JobHelpers {
  const withPgClient = <T>(work: (client: PoolClient) => Promise<T>): Promise<T> =>
    helpers.withPgClient((client) => {
      client.query(`select set_config('rowhouse.task', $1, false)`, [task]).catch(() => {})
      return work(client)
    })
  return { ...helpers, withPgClient }
}
