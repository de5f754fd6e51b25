// The server's pool as a request sees it: within the share of its tenant (shares.ts), and only while somebody waits for
// the answer. Whoever hangs up has their statement cancelled.

import { AsyncLocalStorage } from 'node:async_hooks'
import { connect, type Socket } from 'node:net'
import type { Pool, PoolClient } from 'pg'
import { isConnectionLost } from './lost-connection.ts'
import type { Shares } from './shares.ts'

/** For whom connections are taken: everything that is awaited within runFor() belongs to it. */
export type RequestScope = { shares: Shares; key: string; signal: AbortSignal }

const scopes = new AsyncLocalStorage<RequestScope>()

export const runFor = <T>(scope: RequestScope, work: () => Promise<T>): Promise<T> => scopes.run(scope, work)

/** So often a statement is cancelled until it ends: a cancellation between two statements hits none. */
const cancelAgainMs = 500
const longestCancelMs = 5_000

export function createRequestPool(pool: Pool): Pool {
  async function connectWithin(scope: RequestScope): Promise<PoolClient> {
    const leave = await scope.shares.enter(scope.key, scope.signal)
    try {
      return lend(await pool.connect(), scope.signal, leave)
    } catch (error) {
      leave()
      throw error
    }
  }
  const connectForWhom = (): Promise<PoolClient> => {
    const scope = scopes.getStore()
    return scope ? connectWithin(scope) : pool.connect()
  }
  const query = async (...args: unknown[]): Promise<unknown> => {
    const client = await connectForWhom()
    let isBroken = false
    try {
      return await (client.query as (...args: unknown[]) => Promise<unknown>)(...args)
    } catch (error) {
      isBroken = isConnectionLost(error)
      throw error
    } finally {
      client.release(isBroken)
    }
  }
  return new Proxy(pool, {
    get: (target, name) => {
      if (name === 'connect') return connectForWhom
      if (name === 'query') return query
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function lend(client: PoolClient, signal: AbortSignal, leave: () => void): PoolClient {
  const { release } = client
  let timer: NodeJS.Timeout | undefined
  const cancel = (): void => {
    cancelStatement(client)
    timer ??= setInterval(() => cancelStatement(client), cancelAgainMs)
  }
  if (signal.aborted) cancel()
  else signal.addEventListener('abort', cancel)
  client.release = (isBroken) => {
    signal.removeEventListener('abort', cancel)
    clearInterval(timer)
    // a cancellation that arrives late must not hit the next one's statement
    release(signal.aborted || isBroken)
    leave()
  }
  return client
}

const cancelRequestCode = 80_877_102

function cancelStatement(client: PoolClient): void {
  const { processID, secretKey, host, port } = client as unknown as {
    processID: number | null
    secretKey: number | null
    host: string
    port: number
  }
  if (processID === null || secretKey === null) return
  const message = Buffer.alloc(16)
  for (const [i, value] of [16, cancelRequestCode, processID].entries()) message.writeInt32BE(value, i * 4)
  message.writeInt32BE(secretKey, 12)
  const socket: Socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
  socket.setTimeout(longestCancelMs, () => socket.destroy())
  socket.on('error', () => {})
  socket.once('connect', () => socket.end(message))
}
