// Which database: DATABASE_URL, the embedded engine of a process that is running, or an embedded engine of our own.

import pg from 'pg'
import type { Config } from './config.ts'

export type Database = {
  url: string
  /** The login that may migrate. */
  migrationUrl: string
  isEmbedded: boolean
  /** Whether this process runs the embedded engine: then no other worker can be alive from before. */
  isOwner: boolean
  /** Gives the planner statistics of what was just loaded, where nothing else does. */
  refreshStatistics: () => Promise<void>
  close: () => Promise<void>
}

export async function openDatabase(config: Config, options: { mayShare: boolean }): Promise<Database> {
  if (config.DATABASE_URL) {
    const url = config.DATABASE_URL
    return {
      url,
      migrationUrl: config.MIGRATION_DATABASE_URL ?? url,
      isEmbedded: false,
      isOwner: false,
      refreshStatistics: nothing,
      close: nothing,
    }
  }
  // loaded only when it is needed: PGlite is large
  const { findRunningEngine, openEmbeddedEngine } = await import('./embedded-engine.ts')
  const running = options.mayShare ? await findRunningEngine(config.ROWHOUSE_DATA_DIR) : undefined
  if (running) {
    const url = running.connectionString
    return { url, migrationUrl: url, isEmbedded: true, isOwner: false, refreshStatistics: nothing, close: nothing }
  }
  const engine = await openEmbeddedEngine({ directory: config.ROWHOUSE_DATA_DIR })
  const url = engine.connectionString
  const { keepStatistics } = await import('./embedded-statistics.ts')
  const statistics = keepStatistics(url)
  return {
    url,
    migrationUrl: url,
    isEmbedded: true,
    isOwner: true,
    refreshStatistics: statistics.refresh,
    close: async () => {
      await statistics.stop()
      await engine.close()
    },
  }
}

const nothing = async (): Promise<void> => {}

/** A pool whose connections start as this role, whatever the login is. */
export function createPool(url: string, role: 'rowhouse_authenticator' | 'rowhouse_worker', max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    options: `-c role=${role}`,
    application_name: role,
    // with every connection busy, an error is better than waiting without end
    connectionTimeoutMillis: 30_000,
  })
  // a connection that breaks while idle is replaced when it is needed again
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

export type Actor = { user_id: string; tenant_id: string; role: string }

/** A transaction inside the walls of a tenant, as one of its users. */
export async function asUser<T>(pool: pg.Pool, actor: Actor, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query(
      `select set_config('role', $1, true), set_config('rowhouse.user_id', $2, true), set_config('rowhouse.tenant_id', $3, true)`,
      [actor.role, actor.user_id, actor.tenant_id],
    )
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  } finally {
    client.release()
  }
}
