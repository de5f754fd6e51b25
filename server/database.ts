// Which database: DATABASE_URL, the embedded engine of a process that is running, or an embedded engine of our own.

import type pg from 'pg'
import type { Config } from './config.ts'

export { createPool } from './pool.ts'

export type Database = {
  url: string
  /** The login that may migrate. */
  migrationUrl: string
  isEmbedded: boolean
  /** Whether this process runs the embedded engine: then no other worker can be alive from before. */
  isOwner: boolean
  /** Gives the planner statistics of what was just loaded, where nothing else does. */
  refreshStatistics: () => Promise<void>
  /** The database is migrated and seeded: other processes, which have waited for that, may use it. */
  markReady: () => Promise<void>
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
      markReady: nothing,
      close: nothing,
    }
  }
  return openEmbedded(config.ROWHOUSE_DATA_DIR, options.mayShare)
}

async function openEmbedded(directory: string, mayShare: boolean): Promise<Database> {
  // loaded only when it is needed: PGlite is large
  const { EngineInUseError, openEmbeddedEngine, waitUntilReady } = await import('./embedded-engine.ts')
  for (;;) {
    const running = mayShare ? await waitUntilReady(directory) : undefined
    if (running) {
      const url = running.connectionString
      return {
        url,
        migrationUrl: url,
        isEmbedded: true,
        isOwner: false,
        refreshStatistics: nothing,
        markReady: nothing,
        close: nothing,
      }
    }
    try {
      const engine = await openEmbeddedEngine({ directory, onLost: end })
      const url = engine.connectionString
      const { keepStatistics } = await import('./embedded-statistics.ts')
      const statistics = keepStatistics(url)
      return {
        url,
        migrationUrl: url,
        isEmbedded: true,
        isOwner: true,
        refreshStatistics: statistics.refresh,
        markReady: engine.markReady,
        close: async () => {
          await statistics.stop()
          await engine.close()
        },
      }
    } catch (error) {
      // two tools at once: the other was first
      if (!mayShare || !(error instanceof EngineInUseError)) throw error
    }
  }
}

/** At once: every other way to end would write to the folder. */
function end(message: string): void {
  console.error(message)
  process.exit(1)
}

const nothing = async (): Promise<void> => {}

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

/** Work of a migration as another role, whatever becomes of it. */
export async function asRole(client: pg.Client, role: string, work: () => Promise<unknown>): Promise<void> {
  await client.query(`set role ${client.escapeIdentifier(role)}`)
  try {
    await work()
  } finally {
    await client.query('reset role')
  }
}
