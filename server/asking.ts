// Statements of requests that are not GraphQL's: of files and of spans.

import type { Pool, QueryConfig, QueryResultRow } from 'pg'
import { queryInContext, type Settings } from './in-context.ts'
import { isConnectionLost } from './lost-connection.ts'
import { runFor } from './request-pool.ts'
import type { Shares } from './shares.ts'

/** For whom it is asked. */
export type Caller = { key: string; settings: Settings; signal: AbortSignal }

/** One statement of a caller and its first row, on a connection that is held no longer than it takes. */
export const createAsk =
  (pool: Pool, shares: Shares) =>
  <R extends QueryResultRow>({ key, settings, signal }: Caller, statement: QueryConfig): Promise<R | undefined> =>
    runFor({ shares, key, signal }, async () => {
      const client = await pool.connect()
      let isBroken = false
      try {
        return (await queryInContext<R>(client, settings, statement)).rows[0]
      } catch (error) {
        isBroken = isConnectionLost(error)
        throw error
      } finally {
        client.release(isBroken)
      }
    })
