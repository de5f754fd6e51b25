// Refusals are recorded in the audit after the transaction that refused was rolled back: by a call of their own, for which
// nobody waits. The database keeps a bounded number of them a minute (audit.record_refusal).

import type { IncomingMessage } from 'node:http'
import type { Pool } from 'pg'
import { ownCode } from '../errors.ts'
import { clientAddress } from '../http-basics.ts'
import type { Logger } from '../logging.ts'

export type Refused = {
  code: string
  requestId: string
  /** Of whoever got in. */
  userId?: string | undefined
  tenantId?: string | null | undefined
  /** An id or a slug, as the request named it. */
  requestedTenant?: string | undefined
  operation?: string | undefined
}
export type NoteRefusal = (request: IncomingMessage, refused: Refused) => void

/** Kinds 1 and 2 of our codes, and PostgreSQL's own. */
const isRefusal = (code: string): boolean => code === '42501' || (ownCode.test(code) && /^..[12]/.test(code))

/** More than this at once are not recorded: a flood must not take the connections of requests. */
const mostAtOnce = 3

export function createNoteRefusal(pool: Pool, logger: Logger, proxies: number): NoteRefusal {
  let current = 0
  return (request, { code, requestId, userId, tenantId, requestedTenant, operation }) => {
    // who sends no token has not tried to log in
    if (!isRefusal(code) || !request.headers.authorization || current >= mostAtOnce) return
    current += 1
    pool
      .query('select tenancy.record_refusal($1, $2, $3, $4, $5, $6, $7)', [
        code,
        tenantId ?? null,
        requestedTenant?.slice(0, 100) ?? null,
        userId ?? null,
        operation ?? null,
        requestId,
        clientAddress(request, proxies) || null,
      ])
      .catch((error: Error) => logger.warn({ error: error.message }, 'A refusal could not be recorded'))
      .finally(() => {
        current -= 1
      })
  }
}
