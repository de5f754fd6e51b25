// CORS: which origins browsers may call from. Those of the environment hold for all tenants; the others are each tenant's
// own (tenant_config.allowed_origins). A preflight names no tenant, so any tenant's origin passes it; what decides
// whether a page may read an answer is the tenant the request turns out to be for.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Pool } from 'pg'

/** Whether a page of this origin may read what is answered for this tenant; for any tenant when none is known. */
export type IsAllowedOrigin = (origin: string, tenantId?: string) => Promise<boolean>

/** So long a change of a tenant's origins may take to be seen. */
const rememberedFor = 10_000
/** The longest origin that can be configured. */
const longestOrigin = 255

/** A page that a developer serves from this machine, whatever its port. */
const ofThisMachine = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/

export function createOriginCheck(
  pool: Pool,
  everywhere: readonly string[],
  options: { allowsThisMachine: boolean } = { allowsThisMachine: false },
): IsAllowedOrigin {
  const answers = new LRUCache<string, Promise<boolean>>({ max: 10_000, ttl: rememberedFor })
  return async (origin, tenantId) => {
    if (everywhere.includes(origin)) return true
    if (options.allowsThisMachine && ofThisMachine.test(origin)) return true
    // "null" and the like are asked by anyone and never configured
    if (origin.length > longestOrigin || !/^https?:\/\//.test(origin)) return false
    const key = `${tenantId ?? ''} ${origin}`
    let answer = answers.get(key)
    if (!answer) {
      answer = ask(pool, origin, tenantId)
      answers.set(key, answer)
      answer.catch(() => answers.delete(key))
    }
    return answer
  }
}

async function ask(pool: Pool, origin: string, tenantId: string | undefined): Promise<boolean> {
  const { rows } = await pool.query<{ is_allowed: boolean }>('select tenancy.is_allowed_origin($1, $2) as is_allowed', [
    origin,
    tenantId ?? null,
  ])
  return rows[0]?.is_allowed ?? false
}

/** Lets the page of an allowed origin read the answer, and no other. Returns whether it may. */
export async function allowOrigin(
  request: IncomingMessage,
  response: ServerResponse,
  isAllowed: IsAllowedOrigin,
  tenantId?: string,
): Promise<boolean> {
  response.setHeader('vary', 'origin')
  const { origin } = request.headers
  if (origin === undefined || !(await isAllowed(origin, tenantId))) return false
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-expose-headers', 'x-request-id')
  return true
}

/** Answers what a browser asks before it sends a request by one of these methods. */
export async function answerPreflight(
  request: IncomingMessage,
  response: ServerResponse,
  isAllowed: IsAllowedOrigin,
  methods = 'POST',
): Promise<void> {
  if (await allowOrigin(request, response, isAllowed)) {
    response.setHeader('access-control-allow-methods', methods)
    response.setHeader('access-control-allow-headers', 'authorization, content-type, x-tenant-id, x-request-id')
    response.setHeader('access-control-max-age', '600')
  }
  response.writeHead(204).end()
}
