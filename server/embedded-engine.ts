// The embedded engine: PGlite with pgvector behind the multiplexer, for development and tests. A data directory belongs
// to one process at a time; other processes (ingest, psql) find out from it how to reach the owner.
//
// What is committed survives kill -9 (the log is written before a commit is answered) but not a power cut: PGlite does
// not fsync. A statement runs in the process's own thread: while it runs nothing else does, and nothing can cancel it.

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { lockDirectory } from './embedded-lock.ts'
import { startMultiplexer } from './embedded-multiplexer.ts'
import { openSession } from './embedded-session.ts'

export { EngineInUseError, type EngineState, findRunningEngine, waitUntilReady } from './embedded-lock.ts'

export type EmbeddedEngine = {
  connectionString: string
  /** All of the data as a tar, to open another engine with; while nobody is in a transaction. */
  dump: () => Promise<Buffer>
  /** Tells other processes that the database is migrated and seeded. */
  markReady: () => Promise<void>
  close: () => Promise<void>
}

type Options = {
  /** Where the data lives; in memory when left out. */
  directory?: string
  /** What dump() gave, to start from; in memory only. */
  template?: Uint8Array
  /** 0 takes any free port of the loopback address. */
  port?: number
  idleInTransactionTimeoutMs?: number
  /** The folder was deleted or replaced. Nothing may be written any more, so the process has to end without closing it. */
  onLost?: (message: string) => void
}

export async function openEmbeddedEngine(options: Options): Promise<EmbeddedEngine> {
  const { directory, template } = options
  const lock = directory ? await lockDirectory(directory) : undefined
  try {
    if (directory) await initializeData(directory)
    const password = directory ? await keptPassword(directory) : newPassword()
    const session = await openSession({
      ...(directory ? { dataDirectory: join(directory, 'data') } : {}),
      ...(template ? { template } : {}),
    }).catch((error: unknown) => {
      throw directory ? cannotBeOpened(directory, error) : error
    })
    try {
      const multiplexer = await startMultiplexer({
        session,
        password,
        port: options.port ?? 0,
        idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? 60_000,
      })
      const connectionString = `postgres://postgres:${password}@127.0.0.1:${multiplexer.port}/postgres`
      const state = { pid: process.pid, port: multiplexer.port, connectionString }
      await lock?.publish({ ...state, isReady: false })
      if (options.onLost && directory) lock?.watch(() => options.onLost?.(lost(directory)))
      return {
        markReady: async () => {
          await lock?.publish({ ...state, isReady: true })
        },
        connectionString,
        dump: session.dump,
        close: async () => {
          await multiplexer.close()
          await session.close()
          await lock?.release()
        },
      }
    } catch (error) {
      await session.close()
      throw error
    }
  } catch (error) {
    await lock?.release()
    throw error
  }
}

/** Under another name until it is complete: a first start that is interrupted must not leave half a database. */
async function initializeData(directory: string): Promise<void> {
  const prefix = 'data-new-'
  for (const name of await readdir(directory)) {
    // its initdb may still be running and writing: then the next start removes it
    if (name.startsWith(prefix)) await rm(join(directory, name), { recursive: true, force: true }).catch(() => {})
  }
  const data = join(directory, 'data')
  const parts = await Promise.all(partsOfDatabase.map((name) => exists(join(data, name))))
  if (parts.every(Boolean)) return
  if (await exists(data)) {
    // what is left when a folder is deleted while it is written to; nothing could open it, but nothing is thrown away
    const aside = join(directory, `data-incomplete-${Date.now()}`)
    await rename(data, aside)
    console.error(`The database in ${data} was incomplete. It is now ${aside}, and a new one is made.`)
  }
  const draft = await mkdtemp(join(directory, prefix))
  const script = join(import.meta.dirname, 'embedded-initdb.ts')
  await promisify(execFile)(process.execPath, ['--liftoff-only', script, draft])
  await rename(draft, data)
}

const partsOfDatabase = ['PG_VERSION', 'global/pg_control', 'base', 'pg_wal']

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

const lost = (directory: string): string =>
  `The folder ${directory} was deleted or replaced while Rowhouse ran on it, so Rowhouse stops without writing to it.
Start it again, and it makes a new database or opens the one that is there now.`

const cannotBeOpened = (directory: string, error: unknown): Error =>
  new Error(
    `The embedded database in ${join(directory, 'data')} cannot be opened: it is damaged, or a copy made while it was in use.
Put a good copy in its place, or start with an empty one: rm -rf ${directory}`,
    { cause: error },
  )

const newPassword = (): string => randomBytes(24).toString('base64url')

/** Other users of the machine can reach the port but not this file. */
async function keptPassword(directory: string): Promise<string> {
  const path = join(directory, 'password')
  const kept = await readFile(path, 'utf8').catch(() => '')
  if (kept) return kept
  const password = newPassword()
  await writeFile(path, password, { mode: 0o600 })
  return password
}
