// The port of a worker that is a process of its own. Nothing but its health is there.

import type pg from 'pg'
import type { Config } from '../config.ts'
import { PublicError } from '../errors.ts'
import { answerHealth, isHealthPath } from '../health.ts'
import { sendJson } from '../http-basics.ts'
import { createListener } from '../http-listener.ts'
import type { Logger } from '../logging.ts'
import type { Metrics } from '../metrics.ts'
import { createReadiness } from '../readiness.ts'

const longestFarewellMs = 1_000

export async function serveWorkerHealth(
  { HOST, WORKER_PORT: PORT, METRICS_TOKEN: metricsToken }: Pick<Config, 'HOST' | 'WORKER_PORT' | 'METRICS_TOKEN'>,
  connection: pg.ClientConfig,
  metrics: Metrics,
  logger: Logger,
): Promise<{ url: string; close: () => Promise<void> } | undefined> {
  if (PORT === undefined) return undefined
  const readiness = createReadiness(connection)
  const listener = createListener({ HOST, PORT })
  const url = await listener.serve(async (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0]
    try {
      if (!isHealthPath(path))
        throw new PublicError(
          404,
          'WB301',
          'There is nothing at this address.',
          'A worker has /healthz, /readyz and /metrics.',
        )
      await answerHealth(path, request, response, { metrics, metricsToken, ready: readiness.look })
    } catch (error) {
      if (!(error instanceof PublicError)) {
        logger.error({ error: String(error), path }, 'The health of the worker could not be told')
        return void response.destroy()
      }
      sendJson(response, error.status, { errors: [{ message: error.message, extensions: error.extensions }] })
    }
  })
  return {
    url,
    close: async () => {
      readiness.close()
      await listener.close(longestFarewellMs)
    },
  }
}
