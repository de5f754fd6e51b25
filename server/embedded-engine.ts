// The embedded engine: PGlite with pgvector behind the multiplexer, for development and tests. A data directory belongs
// to one process at a time; a state file beside it says which, and how other processes (ingest, psql) reach it.

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, mkdir, open, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { PGlite } from '@electric-sql/pglite'
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin'
import { intarray } from '@electric-sql/pglite/contrib/intarray'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import { vector } from '@electric-sql/pglite-pgvector'
import { startMultiplexer } from './embedded-multiplexer.ts'

export type EmbeddedEngine = {
  connectionString: string
  /** All of the data as a tar, to open another engine with. */
  dump: () => Promise<Buffer>
  close: () => Promise<void>
}

export type EngineState = { pid: number; port: number; connectionString: string }

type Options = {
  /** Where the data lives; in memory when left out. */
  directory?: string
  /** What dump() gave, to start from; in memory only. */
  template?: Uint8Array
  /** 0 takes any free port of the loopback address. */
  port?: number
  idleInTransactionTimeoutMs?: number
}

// each task that optimizes WebAssembly takes up to 100 MB while it runs
setFlagsFromString('--wasm-num-compilation-tasks=1')

const extensions = { vector, pg_trgm, intarray, btree_gin }

export class EngineInUseError extends Error {
  constructor(state: EngineState) {
    super(`Rowhouse is running already (process ${state.pid}).`)
  }
}

export async function openEmbeddedEngine(options: Options): Promise<EmbeddedEngine> {
  const lock = options.directory ? await lockDirectory(options.directory) : undefined
  try {
    if (options.directory) await initializeData(join(options.directory, 'data'))
    const database = await PGlite.create({
      extensions,
      ...(options.directory ? { dataDir: join(options.directory, 'data') } : {}),
      ...(options.template ? { loadDataDir: new Blob([Buffer.from(options.template)]) } : {}),
    })
    const password = randomBytes(24).toString('base64url')
    const multiplexer = await startMultiplexer({
      database,
      password,
      port: options.port ?? 0,
      idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? 60_000,
    })
    const connectionString = `postgres://postgres:${password}@127.0.0.1:${multiplexer.port}/postgres`
    await lock?.publish({ pid: process.pid, port: multiplexer.port, connectionString })
    return {
      connectionString,
      dump: async () => Buffer.from(await (await database.dumpDataDir('none')).arrayBuffer()),
      close: async () => {
        await multiplexer.close()
        await database.close()
        await lock?.release()
      },
    }
  } catch (error) {
    await lock?.release()
    throw error
  }
}

async function initializeData(dataDirectory: string): Promise<void> {
  try {
    await access(join(dataDirectory, 'PG_VERSION'))
  } catch {
    await promisify(execFile)(process.execPath, [
      '--liftoff-only',
      join(import.meta.dirname, 'embedded-initdb.ts'),
      dataDirectory,
    ])
  }
}

const stateFile = (directory: string): string => join(directory, 'engine.json')

/** The engine that another process runs on this directory, if there is one. */
export async function findRunningEngine(directory: string): Promise<EngineState | undefined> {
  let state: EngineState
  try {
    state = JSON.parse(await readFile(stateFile(directory), 'utf8')) as EngineState
  } catch {
    return undefined
  }
  if (!isAlive(state.pid)) return undefined
  // a process that is still starting has no port yet; one that took over a dead one's number does not answer
  return state.port === 0 || (await answers(state.port)) ? state : undefined
}

async function lockDirectory(
  directory: string,
): Promise<{ publish: (state: EngineState) => Promise<void>; release: () => Promise<void> }> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = stateFile(directory)
  const claim = async () => {
    const file = await open(path, 'wx', 0o600)
    await file.writeFile(JSON.stringify({ pid: process.pid, port: 0, connectionString: '' }))
    await file.close()
  }
  try {
    await claim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const state = await findRunningEngine(directory)
    if (state) throw new EngineInUseError(state)
    // left by a process that was killed
    await rm(path, { force: true })
    await claim()
  }
  return {
    publish: async (state) => {
      const file = await open(path, 'w', 0o600)
      await file.writeFile(JSON.stringify(state))
      await file.close()
    },
    release: () => rm(path, { force: true }),
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
