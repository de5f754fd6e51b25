// The one connection of this process on which announcements of changes come. When it breaks, another one is made, and all
// who watch are told that they may have missed something: PostgreSQL keeps no announcement for who is away.

import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { databaseAway } from '../errors.ts'
import type { Logger } from '../logging.ts'

export type Listener = {
  /** Resolves when announcements come; fails when the database is away for long. */
  ready: () => Promise<void>
  close: () => Promise<void>
}

export type ListenerOptions = {
  connection: pg.ClientConfig
  logger: Logger
  onAnnouncement: (payload: string) => void
  /** Announcements may have been missed. */
  onGap: () => void
}

const channel = 'rowhouse_changes'
const firstDelayMs = 100
const longestDelayMs = 10_000
const longestConnectMs = 5_000
/** A network that went silent is found out within this. */
const lookEveryMs = 15_000

export function createListener({ connection, logger, onAnnouncement, onGap }: ListenerOptions): Listener {
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
    let look: NodeJS.Timeout | undefined
    opened.on('notification', ({ payload }) => onAnnouncement(payload ?? ''))
    opened.on('error', () => lost(opened))
    opened.on('end', () => {
      clearInterval(look)
      lost(opened)
    })
    try {
      await within(longestConnectMs, opened.connect())
      await within(longestConnectMs, opened.query(`listen ${channel}`))
    } catch (error) {
      destroy(opened)
      throw error
    }
    look = setInterval(() => {
      within(longestConnectMs, opened.query('select')).catch(() => destroy(opened))
    }, lookEveryMs)
    return opened
  }

  function lost(broken: pg.Client): void {
    if (client !== broken) return
    client = undefined
    if (closing.signal.aborted) return
    logger.warn({}, 'announcements of changes are interrupted')
    listening = listen()
    listening.then(onGap, () => {})
  }

  return {
    ready: async () => {
      listening ??= listen()
      await within(longestConnectMs, listening)
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

async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(databaseAway()), limitMs)
  })
  try {
    await Promise.race([work, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
