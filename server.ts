// Rowhouse: configuration → database → GraphQL and worker → shutdown. Everything else has a file of its own in server/.

import { loadConfig } from './server/config.ts'
import { createPool, openDatabase } from './server/database.ts'
import { greet } from './server/greeting.ts'
import { listenWhileStarting } from './server/http-listener.ts'
import { createLogger } from './server/logging.ts'
import { prepareDatabase } from './server/prepare.ts'
import { endOnUncaughtErrors } from './server/uncaught.ts'

async function main(): Promise<void> {
  const config = loadConfig(process.env)
  const logger = createLogger(config.LOG_LEVEL)
  endOnUncaughtErrors(logger)
  const mode = { migrate: process.argv.includes('--migrate'), workerOnly: process.argv.includes('--worker') }
  // first of all: a port that is taken is known before a database is made, and health checks are answered meanwhile
  const listener = mode.workerOnly ? undefined : await listenWhileStarting(config)
  const database = await openDatabase(config, { mayShare: mode.workerOnly })
  // on the embedded engine a named statement is prepared anew at each turn, which costs more than it saves; both have to
  // be said before PostGraphile is loaded
  process.env.GRAPHILE_ENV ??= 'production'
  if (database.isEmbedded) process.env.DATAPLAN_PG_PREPARED_STATEMENT_CACHE_SIZE = '0'
  await prepareDatabase(config, database, mode)

  const { startHttp } = await import('./server/start-http.ts')
  const { loadTasks, startWorker } = await import('./server/worker/index.ts')
  const { createMetrics } = await import('./server/metrics.ts')
  const { startTelemetry } = await import('./server/telemetry.ts')
  const { watchQueue } = await import('./server/worker/watch-queue.ts')
  const { serveWorkerHealth } = await import('./server/worker/health.ts')

  const { isEmbedded } = database
  const pool = createPool(database.url, 'rowhouse_authenticator', config.POOL_SIZE, {
    isEmbedded,
    statementTimeoutMs: config.STATEMENT_TIMEOUT_MS,
    warmConnections: isEmbedded || mode.workerOnly ? 0 : config.POOL_WARM,
  })
  const concurrency = mode.workerOnly ? Math.max(1, config.WORKER_CONCURRENCY) : config.WORKER_CONCURRENCY
  const workerPool = createPool(database.url, 'rowhouse_worker', concurrency + 2, {
    isEmbedded,
    statementTimeoutMs: config.WORKER_STATEMENT_TIMEOUT_MS,
  })
  const metrics = createMetrics(mode.workerOnly ? workerPool : pool)
  const telemetry = await startTelemetry(config, metrics.registry)
  // what takes long to load is loaded while the thread still answers
  await loadTasks()
  const http = listener && (await startHttp(config, pool, logger, metrics, listener))
  const health = mode.workerOnly ? await serveWorkerHealth(config, pool.options, metrics, logger) : undefined
  const worker =
    concurrency === 0
      ? undefined
      : await startWorker({
          pool: workerPool,
          concurrency,
          pollIntervalMs: database.isEmbedded ? 100 : config.WORKER_POLL_INTERVAL_MS,
          isEmbedded: database.isEmbedded,
          isOnlyWorker: database.isOwner,
          log: logger,
          onJob: (task, outcome, seconds) => metrics.jobs.observe({ task, outcome }, seconds),
          onTrouble: (kind) => metrics.workerTroubles.inc({ kind }),
        })
  // a process without a worker looks, too: there may be no worker at all
  const watch = watchQueue(mode.workerOnly ? workerPool : pool, config.QUEUE_ALERT_SECONDS, logger)

  let isStopping = false
  const stop = async (signal: string): Promise<void> => {
    if (isStopping) return
    isStopping = true
    logger.info({ signal }, 'shutting down')
    // running requests and jobs end first, then what they stand on
    const timer = setTimeout(() => process.exit(1), config.SHUTDOWN_TIMEOUT_MS + 5_000)
    timer.unref()
    await Promise.all([http?.close(), worker?.stop(), health?.close(), watch.stop()])
    await telemetry.stop()
    await Promise.all([pool.end(), workerPool.end()])
    await database.close()
    logger.info({}, 'stopped')
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void stop(signal))
  // last: who waits for these lines may stop the process at once
  if (http) await greet(config, http.url, { hasDemo: database.isOwner || mode.migrate })
  else console.log(`The worker is running.${health ? ` Its health: ${health.url}/healthz /readyz /metrics` : ''}`)
}

main().catch((error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException
  console.error(
    code === 'EADDRINUSE'
      ? `${message}\nIs Rowhouse running already? Choose another port with PORT=…, or WORKER_PORT=… for a worker.`
      : message,
  )
  process.exit(1)
})
