// LISTEN and NOTIFY for many connections on one session. The session listens to every channel that some connection
// listens to; a NotificationResponse in an answer is taken out of it and sent to the connections that asked for its
// channel, the idle ones included.
//
// Who listens to what is read from the statements themselves (LISTEN, UNLISTEN, DISCARD ALL) once their command tag says
// that they ran, and counts from the commit. A LISTEN inside a function or a DO block is not seen. What a transaction
// announces after it has itself said UNLISTEN reaches nobody else.

import type { Connection } from './embedded-connection.ts'
import { type AnswerWatch, type Frame, query, sqlOf } from './embedded-protocol.ts'

type Act = { channel: string; listens: boolean }

const everyChannel = '*'
/** More is a mistake of the client, and each costs every handover. */
const mostChannels = 1_000
/** Longer ones are not looked into. */
const longestStatement = 10_000

export type Notifications = {
  /** Watches one turn's answer: notes what its connection listens to, and sends on what is announced. */
  watch: (connection: Connection, turn: Frame[]) => AnswerWatch
  /** Between two turns: what the session must be told so that it listens for all, or nothing. */
  pending: () => Buffer | undefined
  /** The session was opened again, or a connection that listened is gone. */
  forget: () => void
}

export function createNotifications(connections: ReadonlySet<Connection>): Notifications {
  /** What the owner's open transaction has asked for so far. */
  let acts: Act[] = []
  let isStale = false

  function apply(connection: Connection): void {
    for (const { channel, listens } of acts.splice(0)) {
      if (listens) connection.channels.add(channel)
      else if (channel === everyChannel) connection.channels.clear()
      else connection.channels.delete(channel)
      // an UNLISTEN was the session's too, and the others still listen
      if (!listens) isStale = true
    }
    if (connection.channels.size > mostChannels)
      connection.fail('53400', `a connection listens to at most ${mostChannels} channels on the embedded engine`)
  }

  return {
    watch: (connection, turn) => {
      let asked: Act[] | undefined
      return {
        onTag: (tag) => {
          if (tag === 'COMMIT') apply(connection)
          else if (tag === 'ROLLBACK') acts = []
          else if (tag === 'LISTEN' || tag === 'UNLISTEN' || tag === 'DISCARD ALL') {
            asked ??= actsOf(connection, turn)
            const act = asked.shift()
            if (act) acts.push(act)
          }
        },
        onFailure: () => {
          acts = []
        },
        onReady: (status) => {
          if (status === 'I') apply(connection)
        },
        onNotification: (notification) => {
          // it comes after the commit
          apply(connection)
          const channel = channelOf(notification)
          for (const other of connections)
            if (other !== connection && other.channels.has(channel)) other.notify(notification)
          return connection.channels.has(channel)
        },
      }
    },
    pending: () => {
      acts = []
      if (!isStale) return undefined
      isStale = false
      const channels = new Set([...connections].flatMap((connection) => [...connection.channels]))
      const listens = [...channels].map((channel) => `; listen "${channel.replaceAll('"', '""')}"`)
      return query(`unlisten *${listens.join('')}`)
    },
    forget: () => {
      isStale = true
    },
  }
}

/** The acts of a turn in the order in which it executes them. */
function actsOf(connection: Connection, turn: Frame[]): Act[] {
  const parsed = new Map([...connection.statements].map(([name, bytes]) => [name, { type: 'P', bytes }] as const))
  return turn.flatMap((frame) => {
    if (frame.type === 'Q') return actsIn(frame)
    if (frame.type === 'P') parsed.set(wordAt(frame.bytes, 5), { type: 'P', bytes: frame.bytes })
    if (frame.type !== 'B') return []
    const statement = parsed.get(wordAt(frame.bytes, frame.bytes.indexOf(0, 5) + 1))
    return statement ? actsIn(statement) : []
  })
}

function actsIn(frame: Frame): Act[] {
  if (frame.bytes.length > longestStatement) return []
  const bare = sqlOf(frame).replaceAll(/'(?:''|[^'])*'|\$(\w*)\$.*?\$\1\$|--[^\n]*|\/\*.*?\*\//gs, ' ')
  return [...bare.matchAll(statements)].map(([, verb, channel]) =>
    verb ? { channel: nameOf(channel ?? ''), listens: /^l/i.test(verb) } : { channel: everyChannel, listens: false },
  )
}

const statements = /(?<=^|;)\s*(?:(listen|unlisten)\s+("(?:""|[^"])+"|\*|[^\s;"]+)|discard\s+all)\s*(?=;|$)/gi

const nameOf = (word: string): string =>
  word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word.toLowerCase()

const wordAt = (bytes: Buffer, start: number): string => bytes.toString('utf8', start, bytes.indexOf(0, start))

/** Type, length and process id come first. */
const channelOf = (notification: Buffer): string => wordAt(notification, 9)
