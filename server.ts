// Rowhouse: configuration → database → GraphQL and worker → shutdown. Everything else has a file of its own in server/.

import { loadConfig } from './server/config.ts'
import { createPool, openDatabase } from './server/database.ts'
import { greet } from './server/greeting.ts'
import { createLogger } from './server/logging.ts'
import { prepareDatabase } from './server/prepare.ts'

async function main(): Promise<void> {
  const config = loadConfig(process.env)
  const logger = createLogger(config.LOG_LEVEL)
  const mode = { migrate: process.argv.includes('--migrate'), workerOnly: process.argv.includes('--worker') }
  const database = await openDatabase(config, { mayShare: mode.workerOnly })
  // on the embedded engine a named statement is prepared anew at each turn, which costs more than it saves; both have to
  // be said before PostGraphile is loaded
  process.env.GRAPHILE_ENV ??= 'production'
  if (database.isEmbedded) process.env.DATAPLAN_PG_PREPARED_STATEMENT_CACHE_SIZE = '0'
  await prepareDatabase(config, database, mode)

  const { startHttp } = await import('./server/start-http.ts')
  const { startWorker } = await import('./server/worker/index.ts')
  const { createMetrics } = await import('./server/metrics.ts')

  const pool = createPool(database.url, 'rowhouse_authenticator', config.POOL_SIZE)
  const metrics = createMetrics(pool)
  const http = mode.workerOnly ? undefined : await startHttp(config, pool, logger, metrics)

  const concurrency = mode.workerOnly ? Math.max(1, config.WORKER_CONCURRENCY) : config.WORKER_CONCURRENCY
  const workerPool = createPool(database.url, 'rowhouse_worker', concurrency + 2)
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
        })
  if (http) await greet(config, http.url, { hasDemo: database.isOwner || mode.migrate })
  else console.log('The worker is running.')

  let isStopping = false
  const stop = async (signal: string): Promise<void> => {
    if (isStopping) return
    isStopping = true
    logger.info({ signal }, 'shutting down')
    // running requests and jobs end first, then what they stand on
    const timer = setTimeout(() => process.exit(1), config.SHUTDOWN_TIMEOUT_MS + 5_000)
    timer.unref()
    await Promise.all([http?.close(), worker?.stop()])
    await Promise.all([pool.end(), workerPool.end()])
    await database.close()
    logger.info({}, 'stopped')
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void stop(signal))
}

main().catch((error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException
  console.error(
    code === 'EADDRINUSE' ? `${message}\nIs Rowhouse running already? Choose another port with PORT=….` : message,
  )
  process.exit(1)
})
