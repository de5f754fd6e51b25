// Many connections, one session. PGlite is a single PostgreSQL session; this server lends it to one connection at a
// time: from the first message of a pipeline until ReadyForQuery says that no transaction is open. Who vanishes, or sits
// in a transaction too long, is rolled back. Before the session changes hands it is reset and the next connection's
// start-up settings (its role above all) are set, so nobody inherits another's role, settings, statements or locks.
//
// What one session cannot do: two transactions at once, notifications between connections, statement_timeout, and named
// prepared statements that outlive another connection's turn (they fail with 26000; clients here use none).

import { timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'
import {
  copyFromClient,
  copyInResponse,
  createFramer,
  createStatusReader,
  errorResponse,
  type Frame,
  message,
  query,
  readyForQuery,
  requestCode,
  startupParameters,
  startupSettings,
  sync,
} from './embedded-protocol.ts'

export type MultiplexerOptions = {
  database: PGlite
  password: string
  port: number
  /** How long a connection may hold the session in a transaction without saying anything. */
  idleInTransactionTimeoutMs: number
}

export type Multiplexer = { port: number; close: () => Promise<void> }

type Connection = {
  socket: Socket
  framer: ReturnType<typeof createFramer>
  phase: 'startup' | 'password' | 'ready' | 'closed'
  settings: [string, string][]
  /** Messages of a COPY … FROM STDIN: the engine must get all of it at once. */
  copy: Frame[] | undefined
  inbox: Frame[]
  isWaiting: boolean
  /** Called when the connection says more or is gone, while the session waits for it. */
  wake: (() => void) | undefined
}

const parameterNames = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'is_superuser',
  'session_authorization',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'standard_conforming_strings',
]
/** CopyDone and CopyFail; with Sync and Query they are what ReadyForQuery answers. */
const endsCopy = ['c', 'f']
const endsPipeline = ['S', 'Q', ...endsCopy]
const longestCopy = 256 * 1024 * 1024
const forgetEverything =
  'reset session authorization; reset all; deallocate all; close all; unlisten *; discard temp; select pg_advisory_unlock_all()'

export async function startMultiplexer(options: MultiplexerOptions): Promise<Multiplexer> {
  const { database } = options
  const parameters: Buffer[] = []
  for (const name of parameterNames) {
    const { rows } = await database.query<{ value: string }>('select current_setting($1) as value', [name])
    parameters.push(message('S', name, rows[0]?.value ?? ''))
  }

  const connections = new Set<Connection>()
  const waiting: Connection[] = []
  let owner: Connection | undefined
  let lastOwner: Connection | undefined
  let isServing = false

  /** Runs messages in the engine and hands its answer on; returns the status it ended with and its last error. */
  async function execute(
    messages: Buffer[],
    onAnswer: (bytes: Uint8Array) => void,
  ): Promise<{ status: string | undefined; failure: Buffer | undefined }> {
    const reader = createStatusReader()
    await database.execProtocolRawStream(messages.length === 1 ? (messages[0] as Buffer) : Buffer.concat(messages), {
      onRawData: (bytes) => {
        reader.read(bytes)
        onAnswer(bytes)
      },
    })
    return { status: reader.status(), failure: reader.failure() }
  }
  const silently = (messages: Buffer[]) => execute(messages, () => {})

  const send = (connection: Connection, bytes: Uint8Array): void => {
    // a copy: the engine reuses its memory
    if (connection.phase !== 'closed') connection.socket.write(Buffer.from(bytes))
  }

  function fail(connection: Connection, code: string, text: string): void {
    if (connection.phase !== 'closed') connection.socket.end(errorResponse(code, text))
    disappear(connection)
  }

  function disappear(connection: Connection): void {
    connection.phase = 'closed'
    connection.inbox = []
    connections.delete(connection)
    const position = waiting.indexOf(connection)
    if (position >= 0) waiting.splice(position, 1)
    connection.wake?.()
  }

  function wantSession(connection: Connection): void {
    if (owner === connection) connection.wake?.()
    else if (!connection.isWaiting) {
      connection.isWaiting = true
      waiting.push(connection)
      void serve()
    }
  }

  /** Lends the session to one connection after the other, first come, first served. */
  async function serve(): Promise<void> {
    if (isServing) return
    isServing = true
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      owner = next
      next.isWaiting = false
      await lend(next)
      owner = undefined
      lastOwner = next
    }
    isServing = false
  }

  async function lend(connection: Connection): Promise<void> {
    if (lastOwner !== connection && !(await prepareSession(connection))) return
    let status: string | undefined = 'I'
    // 'open' while a pipeline has been begun and not yet ended by Sync
    let isOpen = false
    for (;;) {
      const turn = takeTurn(connection)
      if (turn.length > 0) {
        const isCopy = turn.some(({ type }) => endsCopy.includes(type))
        let isFirst = true
        const answer = await execute(
          turn.map(({ bytes }) => bytes),
          (bytes) => {
            // the client has had its CopyInResponse, or it would not have sent the data
            send(connection, isCopy && isFirst && bytes[0] === 0x47 /* G */ ? afterFirstMessage(bytes) : bytes)
            isFirst = false
          },
        )
        isOpen = !endsPipeline.includes(turn.at(-1)?.type ?? '')
        if (answer.status) status = answer.status
      }
      if (connection.phase === 'closed') {
        if (isOpen) ({ status } = await silently([sync]))
        if (status !== 'I') await silently([query('rollback')])
        return
      }
      if (connection.inbox.length > 0) continue
      if (status === 'I' && !isOpen) return
      if (!(await hearsMore(connection)))
        fail(connection, '25P03', 'terminating connection due to idle-in-transaction timeout')
    }
  }

  /** The messages up to the next point where the client waits for an answer. */
  function takeTurn(connection: Connection): Frame[] {
    const end = connection.inbox.findIndex(({ type }) => endsPipeline.includes(type) || type === 'H')
    return connection.inbox.splice(0, end < 0 ? connection.inbox.length : end + 1)
  }

  /** Resolves with true when the connection says more or is gone, with false when it has been silent too long. */
  function hearsMore(connection: Connection): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), options.idleInTransactionTimeoutMs)
      const done = (answer: boolean): void => {
        clearTimeout(timer)
        connection.wake = undefined
        resolve(answer)
      }
      connection.wake = () => done(true)
    })
  }

  async function prepareSession(connection: Connection): Promise<boolean> {
    await silently([query(forgetEverything)])
    for (const [name, value] of connection.settings) {
      const { failure } = await silently([query(`select set_config(${literal(name)}, ${literal(value)}, false)`)])
      if (failure) {
        if (connection.phase !== 'closed') connection.socket.end(failure)
        disappear(connection)
        lastOwner = undefined
        return false
      }
    }
    return true
  }

  function receive(connection: Connection): void {
    while (connection.phase === 'startup') {
      const packet = connection.framer.startup()
      if (!packet) return
      start(connection, packet)
    }
    while (connection.phase === 'password' || connection.phase === 'ready') {
      const frame = connection.framer.next()
      if (!frame) return
      if (connection.phase === 'password') checkPassword(connection, frame)
      else accept(connection, frame)
    }
  }

  function start(connection: Connection, packet: Buffer): void {
    const code = packet.readInt32BE(4)
    if (code === requestCode.ssl || code === requestCode.gssEncryption) {
      connection.socket.write('N')
    } else if (code === requestCode.cancel) {
      connection.socket.end()
      disappear(connection)
    } else if (code >> 16 !== 3) {
      fail(connection, '0A000', 'unsupported frontend protocol')
    } else {
      connection.settings = startupSettings(startupParameters(packet))
      connection.phase = 'password'
      connection.socket.write(message('R', 3))
    }
  }

  function checkPassword(connection: Connection, { type, bytes }: Frame): void {
    const given = bytes.subarray(5, -1)
    const wanted = Buffer.from(options.password)
    if (type !== 'p' || given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      fail(connection, '28P01', 'password authentication failed')
      return
    }
    connection.phase = 'ready'
    connection.socket.write(Buffer.concat([message('R', 0), ...parameters, message('K', 0, 0), readyForQuery]))
  }

  function accept(connection: Connection, frame: Frame): void {
    if (frame.type === 'X') {
      connection.socket.end()
      disappear(connection)
      return
    }
    if (connection.copy) {
      connection.copy.push(frame)
      connection.wake?.()
      if (frame.type !== 'c' && frame.type !== 'f') {
        if (connection.copy.reduce((size, { bytes }) => size + bytes.length, 0) > longestCopy) {
          fail(connection, '54000', 'COPY FROM STDIN takes at most 256 MB on the embedded engine')
        }
        return
      }
      // one turn: between its messages the engine could not wait
      const bytes = Buffer.concat(connection.copy.map((part) => part.bytes))
      connection.copy = undefined
      connection.inbox.push({ type: frame.type, bytes })
    } else {
      const copy = copyFromClient(frame)
      if (copy === 'alone') {
        connection.copy = [frame]
        send(connection, copyInResponse)
        return
      }
      if (copy === 'refused') {
        fail(
          connection,
          '0A000',
          'COPY FROM STDIN must be a statement of its own, sent by the simple protocol, on the embedded engine',
        )
        return
      }
      connection.inbox.push(frame)
    }
    wantSession(connection)
  }

  const server: Server = createServer((socket) => {
    const connection: Connection = {
      socket,
      framer: createFramer(),
      phase: 'startup',
      settings: [],
      copy: undefined,
      inbox: [],
      isWaiting: false,
      wake: undefined,
    }
    connections.add(connection)
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      connection.framer.push(chunk as Buffer)
      try {
        receive(connection)
      } catch (error) {
        fail(connection, '08P01', error instanceof Error ? error.message : 'protocol violation')
      }
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => disappear(connection))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })

  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const connection of connections)
        fail(connection, '57P01', 'terminating connection due to administrator command')
      await closed
    },
  }
}

const afterFirstMessage = (bytes: Uint8Array): Uint8Array =>
  bytes.subarray(1 + new DataView(bytes.buffer, bytes.byteOffset).getInt32(1))

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
