// Connections to the database. Each has a time limit for its statements, its locks and its idle transactions on the
// server's side, and a deadline on ours: a network that went silent is an error after it, not a wait without end.

import type { Socket } from 'node:net'
import pg from 'pg'
import { traceStatements } from './tracing.ts'

export type PoolOptions = {
  /** Longest a statement may run. */
  statementTimeoutMs?: number
  /** So many connections are kept however long nobody needs them, and every one is made ready for a search at its start. */
  warmConnections?: number
  /** The embedded engine enforces no time limits, and while it runs a statement our own clock stands still. */
  isEmbedded?: boolean
}

type Limits = { statement: number; lock: number; idleInTransaction: number; connect: number }

const limitsOf: Record<Role, Limits> = {
  // someone waits for the answer: an early "try again" is better than a late one
  rowhouse_authenticator: { statement: 60_000, lock: 5_000, idleInTransaction: 30_000, connect: 5_000 },
  rowhouse_worker: { statement: 600_000, lock: 60_000, idleInTransaction: 120_000, connect: 30_000 },
}
/** So much longer than the database we wait for its answer. */
const graceMs = 5_000
/** Reading the catalogue for the GraphQL schema takes a second or two; what a request runs may be limited further. */
const leastStatementMs = 10_000
const keepAliveAfterMs = 10_000
/** What a connection has planned and compiled is worth more than its memory for so long. */
const warmIdleMs = 600_000
/** Making a connection ready takes some 60 ms of the database's processor; nobody waits for it much longer. */
const warmUpLimitMs = 1_000

type Role = 'rowhouse_authenticator' | 'rowhouse_worker'

/** A pool whose connections start as this role, whatever the login is. */
export function createPool(url: string, role: Role, max: number, options: PoolOptions = {}): pg.Pool {
  const limits = limitsOf[role]
  const statement = Math.max(options.statementTimeoutMs ?? limits.statement, leastStatementMs)
  const settings = {
    role,
    // a time without a zone means UTC, whatever the server's machine says
    timezone: 'UTC',
    // what policies add to a query looks dear to the planner, and compiling costs more than it ever saves here
    jit: 'off',
    ...(options.isEmbedded
      ? {}
      : {
          statement_timeout: statement,
          lock_timeout: Math.min(limits.lock, statement),
          idle_in_transaction_session_timeout: limits.idleInTransaction,
        }),
  }
  const isWarm = (options.warmConnections ?? 0) > 0
  const pool = new pg.Pool({
    connectionString: url,
    max,
    ...(isWarm
      ? { min: Math.min(max, options.warmConnections as number), idleTimeoutMillis: warmIdleMs, onConnect: warmUp }
      : {}),
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    application_name: role,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    connectionTimeoutMillis: options.isEmbedded ? limitsOf.rowhouse_worker.connect : limits.connect,
  })
  // a connection that breaks while idle is replaced when it is needed again
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    client.on('error', () => {})
    if (!options.isEmbedded) setDeadline(client, statement + graceMs)
    traceStatements(client)
  })
  return pool
}

/** A connection that cannot be warmed is still one that answers. */
async function warmUp(client: pg.ClientBase): Promise<void> {
  await client.query(`set local statement_timeout = ${warmUpLimitMs}; select search.warm_up()`).catch(() => {})
}

/** Gives up a connection whose statement has had no answer for so long. */
function setDeadline(client: pg.PoolClient, deadlineMs: number): void {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
  const run = client.query.bind(client) as (...args: unknown[]) => unknown
  const runInTime = (...args: unknown[]): unknown => {
    // the database rolls back by itself when a connection is lost; a second error would hide the first
    if (isRollback(args[0]) && stream.destroyed && typeof args.at(-1) !== 'function')
      return Promise.resolve({ rows: [] })
    const waitMs = (args[0] as Partial<LongQuery> | undefined)?.deadlineMs ?? deadlineMs
    const timer = setTimeout(() => stream.destroy(noAnswer(waitMs)), waitMs)
    timer.unref()
    const last = args.at(-1)
    if (typeof last === 'function') {
      args[args.length - 1] = (...results: unknown[]) => {
        clearTimeout(timer)
        last(...results)
      }
      return run(...args)
    }
    const result = run(...args)
    const clear = (): void => clearTimeout(timer)
    if (result instanceof Promise) result.then(clear, clear)
    else clear()
    return result
  }
  client.query = runInTime as typeof client.query
}

type LongQuery = pg.QueryConfig & { deadlineMs: number }

/** Runs one statement that may take longer than the pool allows, in a transaction of its own. */
export async function queryWithin(
  client: Pick<pg.ClientBase, 'query'>,
  limitMs: number,
  text: string,
  values: unknown[],
): Promise<void> {
  await client.query('begin')
  try {
    await client.query(`set local statement_timeout = ${Math.round(limitMs)}`)
    await client.query({ text, values, deadlineMs: limitMs + graceMs } as LongQuery)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  }
}

const isRollback = (query: unknown): boolean =>
  (typeof query === 'string' ? query : (query as { text?: unknown } | undefined)?.text) === 'rollback'

const noAnswer = (deadlineMs: number): Error =>
  Object.assign(new Error(`The database did not answer within ${deadlineMs} ms.`), { code: 'ETIMEDOUT' })
