// Many connections, one session. PGlite is a single PostgreSQL session; this server lends it to one connection at a
// time: from the first message of a pipeline until ReadyForQuery says that no transaction is open. Who vanishes, or sits
// in a transaction too long, is rolled back. Before the session changes hands it is reset and the next connection's
// start-up settings (its role above all) are set, so nobody inherits another's role, settings, statements or locks.
//
// A connection's prepared statements are remembered and prepared again when it uses one and the session has changed
// hands since. Its other leftovers (SET, temporary tables, session locks) last only until somebody else has a turn.
//
// What one session cannot do: two transactions at once, statement_timeout, cancel.

import { createServer } from 'node:net'
import { setImmediate as breathe } from 'node:timers/promises'
import { type Connection, createConnection, endsPipeline } from './embedded-connection.ts'
import { createNotifications } from './embedded-notifications.ts'
import { type Frame, flush, message, query, statementOf, sync } from './embedded-protocol.ts'
import type { Session } from './embedded-session.ts'

export type MultiplexerOptions = {
  session: Session
  password: string
  port: number
  /** How long a connection may hold the session in a transaction without saying anything. */
  idleInTransactionTimeoutMs: number
}

export type Multiplexer = { port: number; close: () => Promise<void> }

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
/**
 * DISCARD ALL without its DISCARD PLANS, which would make every PL/pgSQL function plan its queries again. A session
 * without postmaster does not know whom it began as: it must be told, RESET SESSION AUTHORIZATION does nothing. It goes
 * on listening, for all.
 */
const forgetEverything =
  'set session authorization postgres; reset role; reset all; deallocate all; close all; discard temp; discard sequences; select pg_advisory_unlock_all()'
const lastTurnMs = 2_000
/** Statements run in this thread: so often the rest of the process gets its turn too. */
const breatheAfterMs = 10

export async function startMultiplexer(options: MultiplexerOptions): Promise<Multiplexer> {
  const { session } = options
  const settings = await session.currentSettings(parameterNames)
  const parameters = Buffer.concat(settings.map(([name, value]) => message('S', name, value)))

  const connections = new Set<Connection>()
  const notifications = createNotifications(connections)
  /** In the order in which they are served. */
  const waiting = new Set<Connection>()
  let owner: Connection | undefined
  let lastOwner: Connection | undefined
  /** Prepared statements that the session knows, all of them the last owner's. */
  let prepared = new Set<string>()
  let serving: Promise<void> | undefined
  /** Called when something changes for the owner while the session waits for it. */
  let wake: (() => void) | undefined

  function onChange(connection: Connection): void {
    if (connection.isClosed()) {
      if (connections.delete(connection) && connection.channels.size > 0) notifications.forget()
      waiting.delete(connection)
    }
    if (connection === owner) wake?.()
    else if (connection.hasMessages() && !connection.isFull()) {
      waiting.add(connection)
      // not at once: it must be known as serving before its first turn can change anything
      serving ??= Promise.resolve().then(serve)
    }
  }

  async function serve(): Promise<void> {
    let breathedAt = Date.now()
    for (;;) {
      const [next] = waiting
      if (!next) {
        serving = undefined
        return
      }
      waiting.delete(next)
      owner = next
      try {
        await lend(next)
        lastOwner = next
        if (await session.maintain()) prepared.delete('')
      } catch (error) {
        await recover(next, error)
      }
      owner = undefined
      // to the end of the queue: one that sends pipeline after pipeline must not keep the others out
      onChange(next)
      if (Date.now() - breathedAt > breatheAfterMs) {
        await breathe()
        breathedAt = Date.now()
      }
    }
  }

  /** The engine crashed: only the connection whose statement it was loses anything. */
  async function recover(culprit: Connection, error: unknown): Promise<void> {
    lastOwner = undefined
    prepared = new Set()
    notifications.forget()
    culprit.fail(
      'XX000',
      `the embedded engine crashed in this statement: ${error instanceof Error ? error.message : ''}`,
    )
    try {
      await session.restart()
    } catch (reason) {
      server.close()
      const why = reason instanceof Error ? reason.message : ''
      for (const connection of connections) connection.fail('57P02', `the embedded engine crashed; ${why}`)
    }
  }

  async function lend(connection: Connection): Promise<void> {
    if (lastOwner !== connection && !(await prepareSession(connection))) return
    let status: string | undefined = 'I'
    // while a pipeline has been begun and not yet ended by Sync
    let isOpen = false
    for (;;) {
      if (status === 'I' && !isOpen) await listenForAll()
      const turn = connection.isFull() ? [] : connection.takeTurn()
      if (turn.length > 0) {
        status = (await runTurn(connection, turn)) ?? status
        isOpen = !endsPipeline.includes(turn.at(-1)?.type ?? '')
      }
      if (connection.isClosed()) {
        // before the Sync, which would commit what a pipeline has done so far; skipped there after an error
        if (isOpen) ({ status } = await session.execute([query('rollback'), sync]))
        if (status !== 'I') await session.execute([query('rollback')])
        return
      }
      if (status === 'I' && !isOpen) return
      if (connection.hasMessages() && !connection.isFull()) continue
      if (!(await hearsMore())) connection.fail('25P03', 'terminating connection due to idle-in-transaction timeout')
    }
  }

  async function listenForAll(): Promise<void> {
    const listens = notifications.pending()
    if (!listens) return
    await session.execute([listens])
    prepared.delete('')
  }

  async function runTurn(connection: Connection, turn: Frame[]): Promise<string | undefined> {
    await prepareAgain(connection, turn)
    const isCopy = turn.at(-1)?.type === 'c' || turn.at(-1)?.type === 'f'
    let isFirst = true
    const answer = await session.execute(
      turn.map(({ bytes }) => bytes),
      (bytes) => {
        // the client has had its CopyInResponse, or it would not have sent the data
        connection.send(isCopy && isFirst && bytes[0] === 0x47 /* G */ ? afterFirstMessage(bytes) : bytes)
        isFirst = false
      },
      notifications.watch(connection, turn),
    )
    rememberStatements(connection, turn, answer.parsedCount)
    return answer.status
  }

  /** Prepares what the turn uses and the session does not know any more. */
  async function prepareAgain(connection: Connection, turn: Frame[]): Promise<void> {
    const known = new Set(prepared)
    for (const frame of turn) {
      const statement = statementOf(frame)
      if (!statement) continue
      const { act, name } = statement
      const parse = connection.statements.get(name)
      if (act === 'use' && !known.has(name) && parse) {
        const { failure, parsedCount } = await session.execute([parse, flush])
        // the engine now skips to Sync, so this is the answer to the turn
        if (failure) connection.send(failure)
        if (parsedCount > 0) prepared.add(name)
      }
      // from here on the name means what the turn itself makes of it
      known.add(name)
    }
  }

  function rememberStatements(connection: Connection, turn: Frame[], parsedCount: number): void {
    let parses = 0
    for (const frame of turn) {
      const statement = statementOf(frame)
      if (!statement) continue
      if (statement.act === 'define' && ++parses <= parsedCount) {
        connection.statements.set(statement.name, Buffer.from(frame.bytes))
        prepared.add(statement.name)
      } else if (statement.act === 'drop') {
        connection.statements.delete(statement.name)
        prepared.delete(statement.name)
      }
    }
  }

  /** Resolves with true when something changed for the owner, with false when it has been silent too long. */
  function hearsMore(): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (answer: boolean): void => {
        clearTimeout(timer)
        wake = undefined
        resolve(answer)
      }
      const timer = setTimeout(() => done(false), options.idleInTransactionTimeoutMs)
      wake = () => done(true)
    })
  }

  async function prepareSession(connection: Connection): Promise<boolean> {
    prepared = new Set()
    const forgotten = await session.execute([query(forgetEverything)])
    if (forgotten.failure) throw new Error('the session could not be reset')
    for (const [name, value] of connection.settings) {
      const set = query(`select pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`)
      const { failure } = await session.execute([set])
      if (failure) {
        connection.end(failure)
        return false
      }
    }
    return true
  }

  const server = createServer((socket) => {
    connections.add(createConnection(socket, { password: options.password, parameters, onChange }))
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
      const end = (connection: Connection): void =>
        connection.fail('57P01', 'terminating connection due to administrator command')
      for (const connection of connections) if (connection !== owner) end(connection)
      const timer = setTimeout(() => owner && end(owner), lastTurnMs)
      await serving
      clearTimeout(timer)
      for (const connection of connections) end(connection)
      await closed
    },
  }
}

const afterFirstMessage = (bytes: Uint8Array): Uint8Array =>
  bytes.subarray(1 + new DataView(bytes.buffer, bytes.byteOffset).getInt32(1))

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
