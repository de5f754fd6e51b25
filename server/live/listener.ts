// The one connection of this process on which announcements of changes come. When it breaks, another one is made, and all
// who watch are told that they may have missed something: PostgreSQL keeps no announcement for who is away.

import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { databaseAway } from '../errors.ts'
import type { Logger } from '../logging.ts'

export type Listener = {
  /** Resolves when announcements come; fails when the database is away for long. */
  ready: () => Promise<void>
  /** One statement on the connection that listens. */
  query: <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) => Promise<Row[]>
  close: () => Promise<void>
}

export type ListenerOptions = {
  connection: pg.ClientConfig
  logger: Logger
  onAnnouncement: (payload: string) => void
  /** After an interruption: what was announced meanwhile is missed. */
  onReconnected: () => Promise<void>
  /** Now and then; a failure means that the connection is of no use. */
  onTick: () => Promise<void>
}

const channel = 'rowhouse_changes'
const firstDelayMs = 100
const longestDelayMs = 10_000
const longestConnectMs = 5_000
/** A network that went silent is found out within this, and a lease of core.watches is renewed in time. */
const tickMs = 15_000

export function createListener({
  connection,
  logger,
  onAnnouncement,
  onReconnected,
  onTick,
}: ListenerOptions): Listener {
  const closing = new AbortController()
  let client: pg.Client | undefined
  let listening: Promise<void> | undefined

  /** Tries until it listens. */
  async function listen(): Promise<void> {
    for (let delay = firstDelayMs; ; delay = Math.min(delay * 2, longestDelayMs)) {
      try {
        client = await open()
        return
      } catch (error) {
        closing.signal.throwIfAborted()
        logger.warn({ err: error }, 'no announcements of changes: the database cannot be listened to')
        // not all processes at once
        await wait(delay * (0.5 + Math.random()), undefined, { signal: closing.signal })
      }
    }
  }

  async function open(): Promise<pg.Client> {
    const opened = new pg.Client({
      ...connection,
      application_name: 'rowhouse_live',
      keepAlive: true,
      connectionTimeoutMillis: longestConnectMs,
    })
    let tick: NodeJS.Timeout | undefined
    opened.on('notification', ({ payload }) => onAnnouncement(payload ?? ''))
    opened.on('error', () => lost(opened))
    opened.on('end', () => {
      clearInterval(tick)
      lost(opened)
    })
    try {
      await within(longestConnectMs, opened.connect())
      await within(longestConnectMs, opened.query(`listen ${channel}`))
    } catch (error) {
      destroy(opened)
      throw error
    }
    tick = setInterval(() => {
      within(longestConnectMs, onTick()).catch(() => destroy(opened))
    }, tickMs)
    return opened
  }

  function lost(broken: pg.Client): void {
    if (client !== broken) return
    client = undefined
    if (closing.signal.aborted) return
    logger.warn({}, 'announcements of changes are interrupted')
    listening = listen()
    const here = listening
    // what could not be said on the new connection is said on the next one
    here.then(onReconnected).catch(() => listening === here && client && destroy(client))
  }

  return {
    ready: async () => {
      listening ??= listen()
      await within(longestConnectMs, listening)
    },
    query: async (text, values) => {
      if (!client) throw databaseAway()
      return (await within(longestConnectMs, client.query(text, values))).rows as never
    },
    close: async () => {
      closing.abort()
      await client?.end().catch(() => {})
    },
  }
}

/** Not end(): a network that went silent would never answer it. */
function destroy(client: pg.Client): void {
  ;(client as unknown as { connection: { stream: { destroy: () => void } } }).connection.stream.destroy()
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(databaseAway()), limitMs)
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
