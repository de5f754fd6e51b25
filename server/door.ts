// The door: who comes in, what it costs them, and under what the database answers them. Requests and live streams come
// through it alike.

import type { Pool } from 'pg'
import {
  type Arrival,
  authenticate,
  type Charge,
  type Credentials,
  credentialsOf,
  type Identity,
  stillAuthentic,
  type VerifyToken,
} from './auth.ts'
import type { Config } from './config.ts'
import type { Admission } from './rate-limits.ts'
import { runFor } from './request-pool.ts'
import { createShares, type Shares } from './shares.ts'

export type Admitted = Identity & { admission: Admission }

/** Who comes: a request, or a live stream. */
export type Visit = {
  id: string
  /** The part of the server that it calls. */
  route: string
  /** Empty when it is not known. */
  address: string
  /** Aborted when nobody waits any more. */
  signal: AbortSignal
  requestedTenant?: string | undefined
}

export type Door = ReturnType<typeof createDoor>

export function createDoor(config: Config, pool: Pool, verifyToken: VerifyToken) {
  const { ofWork, ofAuthentication } = sharesOf(config)

  const arrivalOf = (credentials: Credentials, visit: Visit): Arrival => ({
    credentials,
    requestedTenant: visit.requestedTenant,
    requestId: visit.id,
    address: visit.address,
    service: visit.route,
  })

  function shareOf(credentials: Credentials, { requestedTenant, signal }: Visit) {
    const who = 'keyHash' in credentials ? credentials.keyHash.toString('base64') : String(credentials.claims.sub)
    return { shares: ofAuthentication, key: requestedTenant ?? who, signal }
  }

  return {
    /** The shares of the connections within which work is done. */
    shares: ofWork,
    credentialsOf: (authorization: string | undefined): Promise<Credentials> =>
      credentialsOf(authorization, verifyToken),
    /** The tenant that is asked for: what is said beside the credentials goes before what they say. */
    tenantAskedFor: (said: unknown, credentials: Credentials): string | undefined => {
      const tenant = said ?? ('claims' in credentials ? credentials.claims[config.JWT_TENANT_CLAIM] : undefined)
      return typeof tenant === 'string' ? tenant : undefined
    },
    /** Lets in who shows this, for what the visit is charged. */
    admit: (credentials: Credentials, visit: Visit, charge: Charge): Promise<Admitted> =>
      runFor(shareOf(credentials, visit), () => authenticate(pool, arrivalOf(credentials, visit), charge)),
    /** Who it is now, without a charge; the errors are those of admit(). */
    recognize: (credentials: Credentials, visit: Visit): Promise<Identity> =>
      runFor(shareOf(credentials, visit), () => stillAuthentic(pool, arrivalOf(credentials, visit))),
    /** Under what the database answers them. */
    settingsFor: (identity: Identity, visit: Visit): Record<string, string> => ({
      role: identity.role,
      'rowhouse.user_id': identity.userId,
      'rowhouse.tenant_id': identity.tenantId ?? '',
      'rowhouse.api_key_id': identity.apiKeyId ?? '',
      'rowhouse.request_id': visit.id,
      'rowhouse.ip': visit.address,
      statement_timeout: String(config.STATEMENT_TIMEOUT_MS),
    }),
  }
}

/** Some connections are left to authentication, so that it never waits behind the work of requests. */
function sharesOf(config: Config): { ofWork: Shares; ofAuthentication: Shares } {
  const size = config.POOL_SIZE
  const leftToAuthentication = Math.min(size - 1, Math.ceil(size / 5))
  const limits = {
    perKey: Math.max(1, Math.ceil((size * config.TENANT_POOL_PERCENT) / 100)),
    mostWaitingPerKey: 25 * size,
    longestWaitMs: config.QUEUE_TIMEOUT_MS ?? (config.DATABASE_URL ? 5_000 : 30_000),
  }
  return {
    ofWork: createShares({ ...limits, total: size - leftToAuthentication }),
    ofAuthentication: createShares({ ...limits, total: size }),
  }
}

/** Whose share of the connections someone takes. */
export const keyOf = (identity: Identity | undefined): string => identity?.tenantId ?? identity?.userId ?? ''
