// Whether the server can serve: asked over a connection of its own, so that a pool that is busy does not look like a
// database that is away, and answered in a bounded time.

import pg from 'pg'
import { isCurrent, migrationState } from './migrations.ts'

const longestLookMs = 1_500

export type Readiness = {
  /** Why the server cannot serve, or undefined when it can. */
  whyNot: () => Promise<string | undefined>
  close: () => void
}

export function createReadiness(connection: pg.ClientConfig): Readiness {
  let kept: pg.Client | undefined
  let looking: Promise<string | undefined> | undefined

  function drop(client: pg.Client | undefined): void {
    if (kept === client)
      kept = undefined
      // not end(): a network that went silent would never answer it
    ;(client as unknown as { connection: { stream: { destroy: () => void } } } | undefined)?.connection.stream.destroy()
  }

  async function look(): Promise<string | undefined> {
    let client = kept
    const ask = async (): Promise<string | undefined> => {
      if (!client) {
        client = new pg.Client({ ...connection, connectionTimeoutMillis: longestLookMs })
        const opened = client
        opened.on('error', () => drop(opened))
        await opened.connect()
        kept = opened
      }
      return isCurrent(await migrationState(client)) ? undefined : 'The database is not at the state of this version.'
    }
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('The database does not answer in time.')), longestLookMs)
    })
    try {
      return await Promise.race([ask(), tooLate])
    } catch {
      drop(client)
      return 'The database cannot be reached.'
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    // all who ask at once get the answer of one look
    whyNot: () => {
      looking ??= look().finally(() => {
        looking = undefined
      })
      return looking
    },
    close: () => drop(kept),
  }
}
