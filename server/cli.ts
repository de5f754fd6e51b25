// What the command-line tools share: a database that is ready, an end without a stack trace.

import pg from 'pg'
import { type Config, loadConfig } from './config.ts'
import { createPool, type Database, openDatabase } from './database.ts'
import { requireRole } from './logins.ts'
import { prepareDatabase } from './prepare.ts'

export type Tool = {
  config: Config
  database: Database
  /** As rowhouse_authenticator: what the server may do. */
  pool: pg.Pool
  /** As the login that migrates: what an administrator may do. */
  admin: pg.Pool
}

/**
 * Runs a tool against the database of the environment: the running server's, or one that is opened for it. What uses
 * `admin` says that it needs the administrator's login.
 */
export async function withTool(
  work: (tool: Tool) => Promise<void>,
  as: 'server' | 'administrator' = 'server',
): Promise<void> {
  await orFail(async () => {
    const config = loadConfig(process.env)
    const database = await openDatabase(config, { mayShare: true })
    const pool = createPool(database.url, 'rowhouse_authenticator', 4, {
      isEmbedded: database.isEmbedded,
      // nobody waits behind a tool, and what it asks may be large
      statementTimeoutMs: config.WORKER_STATEMENT_TIMEOUT_MS,
    })
    const admin = new pg.Pool({ connectionString: database.migrationUrl, max: 2 })
    admin.on('error', () => {})
    try {
      if (as === 'administrator') await requireRole(database.migrationUrl, 'rowhouse_owner')
      else await requireRole(database.url, 'rowhouse_authenticator')
      await prepareDatabase(config, database, { migrate: false })
      await work({ config, database, pool, admin })
    } finally {
      await Promise.all([pool.end(), admin.end()])
      await database.close()
    }
  })
}

export async function orFail(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string }
    console.error(hint ? `${message}\n${hint}` : message)
    process.exitCode = 1
  }
}

export class UsageError extends Error {}

export function required<T>(value: T | undefined, usage: string): T {
  if (value === undefined || value === '') throw new UsageError(`Usage: ${usage}`)
  return value
}
