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

export { EngineInUseError, type EngineState, findRunningEngine } from './embedded-lock.ts'

export type EmbeddedEngine = {
  connectionString: string
  /** All of the data as a tar, to open another engine with; while nobody is in a transaction. */
  dump: () => Promise<Buffer>
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
    })
    try {
      const multiplexer = await startMultiplexer({
        session,
        password,
        port: options.port ?? 0,
        idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? 60_000,
      })
      const connectionString = `postgres://postgres:${password}@127.0.0.1:${multiplexer.port}/postgres`
      await lock?.publish({ pid: process.pid, port: multiplexer.port, connectionString })
      return {
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
  try {
    await access(join(data, 'PG_VERSION'))
    return
  } catch {
    // the first start
  }
  const draft = await mkdtemp(join(directory, prefix))
  const script = join(import.meta.dirname, 'embedded-initdb.ts')
  await promisify(execFile)(process.execPath, ['--liftoff-only', script, draft])
  await rename(draft, data)
}

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
