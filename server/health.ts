// What watches a process asks /healthz, /readyz and /metrics: the server answers on its port, a worker on one of its own.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { PublicError } from './errors.ts'
import { isSecret, sendJson } from './http-basics.ts'
import type { Metrics } from './metrics.ts'

export type Health = {
  metrics: Metrics
  /** What /metrics asks for; open without one. */
  metricsToken: string | undefined
  /** Why the process cannot work, or undefined when it can. */
  whyNotReady: () => Promise<string | undefined>
}

const paths = ['/healthz', '/readyz', '/metrics']

export const isHealthPath = (path: string | undefined): boolean => path !== undefined && paths.includes(path)

export async function answerHealth(
  path: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, metricsToken, whyNotReady }: Health,
): Promise<void> {
  if (path === '/healthz') return sendJson(response, 200, { status: 'ok' })
  if (path === '/readyz') {
    const reason = await whyNotReady()
    return sendJson(response, reason ? 503 : 200, reason ? { status: 'unavailable', reason } : { status: 'ok' })
  }
  if (metricsToken && !isSecret(request.headers.authorization, `Bearer ${metricsToken}`))
    throw new PublicError(401, 'ID101', 'Authentication is required.', 'Send METRICS_TOKEN as bearer token.')
  response.setHeader('content-type', metrics.registry.contentType)
  response.end(await metrics.registry.metrics())
}
