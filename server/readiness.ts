// Whether the server can serve: asked over a connection of its own, so that a pool that is busy does not look like a
// database that is away, and answered in a bounded time.

import pg from 'pg'
import { isCurrent, migrationState } from './migrations.ts'

const longestLookMs = 1_500

/** Why a process cannot work, and the part that is at fault. */
export type Unready = { part: 'database' | 'migrations' | 'process'; reason: string }
/** What /readyz tells: why not, or how each part of the platform was when a worker last looked. */
export type ReadyState = { unready: Unready } | { parts: Record<string, string> }

export type Readiness = {
  look: () => Promise<ReadyState>
  close: () => void
}

export function createReadiness(connection: pg.ClientConfig): Readiness {
  let kept: pg.Client | undefined
  let looking: Promise<ReadyState> | undefined

  function drop(client: pg.Client | undefined): void {
    if (kept === client)
      kept = undefined
      // not end(): a network that went silent would never answer it
    ;(client as unknown as { connection: { stream: { destroy: () => void } } } | undefined)?.connection.stream.destroy()
  }

  async function look(): Promise<ReadyState> {
    let client = kept
    const ask = async (): Promise<ReadyState> => {
      if (!client) {
        client = new pg.Client({ ...connection, connectionTimeoutMillis: longestLookMs })
        const opened = client
        opened.on('error', () => drop(opened))
        await opened.connect()
        kept = opened
      }
      if (!isCurrent(await migrationState(client)))
        return { unready: { part: 'migrations', reason: 'The database is not at the state of this version.' } }
      const { rows } = await client.query<{ parts: Record<string, string> }>(
        'select observability.health_of_parts() as parts',
      )
      return { parts: { database: 'ok', ...rows[0]?.parts } }
    }
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('The database does not answer in time.')), longestLookMs)
    })
    try {
      return await Promise.race([ask(), tooLate])
    } catch {
      drop(client)
      return { unready: { part: 'database', reason: 'The database cannot be reached.' } }
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    // all who ask at once get the answer of one look
    look: () => {
      looking ??= look().finally(() => {
        looking = undefined
      })
      return looking
    },
    close: () => drop(kept),
  }
}
