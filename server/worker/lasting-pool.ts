// graphile-worker 0.18 records that a job ended without waiting for the answer (completeJob and failJob in its worker.ts):
// when the connection breaks just then, nobody handles the error, and Node ends the process. It does try again when it
// knows the error's code, so here every error that another try may mend gets such a code.

import type { Pool, PoolClient } from 'pg'
import { isConnectionLost } from '../lost-connection.ts'

/** cannot_connect_now: graphile-worker tries these a hundred times, after 3 seconds at first, after 2 minutes at last. */
const retriedCode = '57P03'

export function lastingPool(pool: Pool, onLost: (error: Error) => void): Pool {
  const retried = (error: unknown, isRecord = false): unknown => {
    if (!(error instanceof Error)) return error
    const isLost = isConnectionLost(error)
    if (isLost) onLost(error)
    return isLost || isRecord ? Object.assign(new Error(error.message, { cause: error }), { code: retriedCode }) : error
  }

  function lastingClient(client: PoolClient): PoolClient {
    const query = async (...args: unknown[]): Promise<unknown> => {
      try {
        return await (client.query as (...args: unknown[]) => Promise<unknown>)(...args)
      } catch (error) {
        throw retried(error, isRecordOfJob(args[0]))
      }
    }
    return new Proxy(client, {
      get: (target, name) => {
        if (name === 'query') return query
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  const connect = async (): Promise<PoolClient> => {
    // at the end of the process a record that is still tried has nowhere to go; the next start takes the job up
    if (pool.ending) return new Promise(() => {})
    try {
      return lastingClient(await pool.connect())
    } catch (error) {
      throw retried(error)
    }
  }
  return new Proxy(pool, {
    get: (target, name) => {
      if (name === 'connect') return (callback?: never) => (callback ? pool.connect(callback) : connect())
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** That a job ended must be recorded whatever is in the way, or it stays locked. */
const isRecordOfJob = (query: unknown): boolean =>
  typeof query === 'object' &&
  /^(with j as \(\s*)?(delete from|update) \S+_private_jobs\b/.test((query as { text: string }).text)
