// What watches a process asks /healthz, /readyz and /metrics: the server answers on its port, a worker on one of its own.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { PublicError } from './errors.ts'
import { isSecret, sendJson } from './http-basics.ts'
import type { Metrics } from './metrics.ts'
import type { ReadyState } from './readiness.ts'

export type Health = {
  metrics: Metrics
  /** What /metrics asks for; open without one. */
  metricsToken: string | undefined
  ready: () => Promise<ReadyState>
}

const paths = ['/healthz', '/readyz', '/metrics']

export const isHealthPath = (path: string | undefined): boolean => path !== undefined && paths.includes(path)

export async function answerHealth(
  path: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, metricsToken, ready }: Health,
): Promise<void> {
  if (path === '/healthz') return sendJson(response, 200, { status: 'ok' })
  if (path === '/readyz') {
    const state = await ready()
    // a part that only a worker needs does not take the server out of service
    if ('unready' in state) return sendJson(response, 503, { status: 'unavailable', ...state.unready })
    return sendJson(response, 200, { status: 'ok', parts: state.parts })
  }
  if (metricsToken && !isSecret(request.headers.authorization, `Bearer ${metricsToken}`))
    throw new PublicError(401, 'ID101', 'Authentication is required.', 'Send METRICS_TOKEN as bearer token.')
  response.setHeader('content-type', metrics.registry.contentType)
  response.end(await metrics.registry.metrics())
}
