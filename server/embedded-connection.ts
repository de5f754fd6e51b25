// One client's connection to the embedded engine, up to the session: start-up, password, and what may go into its inbox.
// Whatever could hang or end the engine (foreign bytes, a COPY that would wait for data) is stopped here.

import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  copyFromClient,
  copyInResponse,
  createFramer,
  errorResponse,
  type Frame,
  message,
  negotiateProtocolVersion,
  readyForQuery,
  requestCode,
  startupParameters,
  startupSettings,
} from './embedded-protocol.ts'

export type Connection = {
  /** What the session must be set to before it is lent to this connection. */
  settings: [string, string][]
  /** Its prepared statements: the Parse message of each name. */
  statements: Map<string, Buffer>
  /** What it listens to. */
  channels: Set<string>
  isClosed: () => boolean
  hasMessages: () => boolean
  /** Too much of what was sent to it has not been read yet. */
  isFull: () => boolean
  /** The messages up to the next point where the client waits for an answer. */
  takeTurn: () => Frame[]
  send: (bytes: Uint8Array) => void
  /** Sends a notification, or ends a connection that does not read them. */
  notify: (bytes: Buffer) => void
  fail: (code: string, text: string) => void
  /** Ends it with a message of the engine. */
  end: (bytes: Buffer) => void
}

type Options = {
  password: string
  /** ParameterStatus messages of the engine. */
  parameters: Buffer
  /** There is something to do: messages to run, room for answers, or nobody left. */
  onChange: (connection: Connection) => void
}

/** CopyDone and CopyFail; with Query, Sync and FunctionCall they are what ReadyForQuery answers. */
const endsCopy = ['c', 'f']
export const endsPipeline = ['Q', 'S', 'F', ...endsCopy]
const isOfCopy = ['d', ...endsCopy]

const onlyUser = 'postgres'
const onlyDatabase = 'postgres'
const mebibyte = 1024 * 1024
const longestCopy = 256 * mebibyte
const fullInbox = 16 * mebibyte
const fullOutbox = mebibyte
const mostUnreadNotifications = 4 * mebibyte
const authenticationTimeoutMs = 30_000
const farewellMs = 1_000

export function createConnection(socket: Socket, options: Options): Connection {
  const framer = createFramer()
  let phase: 'startup' | 'password' | 'ready' | 'closed' = 'startup'
  let inbox: Frame[] = []
  let inboxBytes = 0
  /** Of a COPY … FROM STDIN: the engine must get all of it at once, for it cannot wait between its messages. */
  let copy: Buffer[] | undefined
  let copyBytes = 0
  /** Since its outbox was last empty. */
  let unreadNotifications = 0

  const connection: Connection = {
    settings: [],
    statements: new Map(),
    channels: new Set(),
    isClosed: () => phase === 'closed',
    hasMessages: () => inbox.length > 0,
    isFull: () => socket.writableLength > fullOutbox,
    takeTurn: () => {
      const end = inbox.findIndex(({ type }) => endsPipeline.includes(type) || type === 'H')
      const turn = inbox.splice(0, end < 0 ? inbox.length : end + 1)
      for (const { bytes } of turn) inboxBytes -= bytes.length
      if (inboxBytes <= fullInbox) socket.resume()
      return turn
    },
    send: (bytes) => {
      // a copy: the engine uses its memory again
      if (phase !== 'closed') socket.write(Buffer.from(bytes))
    },
    notify: (bytes) => {
      unreadNotifications = socket.writableLength > 0 ? unreadNotifications + bytes.length : 0
      if (unreadNotifications > mostUnreadNotifications)
        connection.fail('53200', 'too many notifications were not read')
      else connection.send(bytes)
    },
    fail: (code, text) => connection.end(errorResponse(code, text)),
    end: (bytes) => {
      if (phase === 'closed') return
      socket.end(bytes)
      close()
    },
  }

  function close(): void {
    if (phase === 'closed') return
    phase = 'closed'
    inbox = []
    copy = undefined
    socket.setTimeout(0)
    // what still comes is not wanted; who does not hang up is cut off
    socket.resume()
    setTimeout(() => socket.destroy(), farewellMs).unref()
    options.onChange(connection)
  }

  function receive(): void {
    while (phase === 'startup') {
      const packet = framer.startup()
      if (!packet) return
      start(packet)
    }
    while (phase === 'password' || phase === 'ready') {
      const frame = framer.next(phase === 'password')
      if (!frame) return
      if (phase === 'password') checkPassword(frame)
      else accept(frame)
    }
  }

  function start(packet: Buffer): void {
    const code = packet.readInt32BE(4)
    if (code === requestCode.ssl || code === requestCode.gssEncryption) {
      socket.write('N')
    } else if (code === requestCode.cancel) {
      // nothing can be cancelled: while a statement runs, nobody listens
      socket.end()
      close()
    } else if (code >> 16 !== 3) {
      connection.fail('0A000', 'unsupported frontend protocol')
    } else {
      const parameters = startupParameters(packet)
      const user = parameters.get('user') ?? ''
      const database = parameters.get('database') ?? user
      if (database !== onlyDatabase) {
        connection.fail(
          '3D000',
          `database "${database}" does not exist; the embedded engine has only "${onlyDatabase}"`,
        )
        return
      }
      connection.settings = [
        ...(user === onlyUser ? [] : ([['session_authorization', user]] as [string, string][])),
        ...startupSettings(parameters),
      ]
      phase = 'password'
      const unknown = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'))
      if ((code & 0xffff) > 0 || unknown.length > 0) socket.write(negotiateProtocolVersion(unknown))
      socket.write(message('R', 3))
    }
  }

  function checkPassword({ type, bytes }: Frame): void {
    const given = bytes.subarray(5, -1)
    const wanted = Buffer.from(options.password)
    if (type !== 'p' || given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      connection.fail('28P01', 'password authentication failed')
      return
    }
    phase = 'ready'
    socket.setTimeout(0)
    socket.write(Buffer.concat([message('R', 0), options.parameters, message('K', 0, 0), readyForQuery]))
  }

  function accept(frame: Frame): void {
    if (frame.type === 'X') {
      socket.end()
      close()
    } else if (copy) {
      collect(copy, frame)
    } else if (!isOfCopy.includes(frame.type)) {
      // CopyData and the like outside of a COPY are ignored, as a server does after one that failed
      const kind = copyFromClient(frame)
      if (kind === 'no') {
        put(frame)
      } else if (kind === 'alone' && inbox.length === 0) {
        copy = [Buffer.from(frame.bytes)]
        copyBytes = frame.bytes.length
        connection.send(copyInResponse)
      } else {
        connection.fail(
          '0A000',
          'COPY FROM STDIN must be a statement of its own, sent by the simple protocol, on the embedded engine',
        )
      }
    }
  }

  function collect(parts: Buffer[], { type, bytes }: Frame): void {
    if (isOfCopy.includes(type)) {
      parts.push(Buffer.from(bytes))
      copyBytes += bytes.length
    }
    if (copyBytes > longestCopy) {
      connection.fail('54000', 'COPY FROM STDIN takes at most 256 MB on the embedded engine')
    } else if (endsCopy.includes(type)) {
      copy = undefined
      put({ type, bytes: Buffer.concat(parts) })
    } else {
      // not silent: it may be in a transaction
      options.onChange(connection)
    }
  }

  function put(frame: Frame): void {
    inbox.push(frame)
    inboxBytes += frame.bytes.length
    if (inboxBytes > fullInbox) socket.pause()
    options.onChange(connection)
  }

  socket.setNoDelay(true)
  socket.setTimeout(authenticationTimeoutMs, () => connection.fail('08P01', 'authentication timeout'))
  socket.on('data', (chunk) => {
    if (phase === 'closed') return
    framer.push(chunk as Buffer)
    try {
      receive()
    } catch (error) {
      connection.fail('08P01', error instanceof Error ? error.message : 'protocol violation')
    }
  })
  socket.on('drain', () => options.onChange(connection))
  socket.on('error', () => socket.destroy())
  socket.on('close', close)
  return connection
}
