// Who owns a data directory. The lock is one that the operating system holds for the process and drops when it dies,
// however it dies, so nothing can be stale: no recycled process id, no race of two that both find a dead owner. SQLite
// is the portable way to such a lock in Node. The state file beside it only says how to reach the owner.

import { access, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

const engineState = z.object({
  pid: z.number(),
  port: z.number(),
  connectionString: z.string(),
  /** Whether its database is migrated and seeded. */
  isReady: z.boolean().default(true),
})
export type EngineState = z.infer<typeof engineState>

export class EngineInUseError extends Error {
  constructor(state: EngineState | undefined) {
    super(state ? `Rowhouse is running already (process ${state.pid}).` : 'Rowhouse is being started already.')
  }
}

export type DirectoryLock = {
  publish: (state: EngineState) => Promise<void>
  /** Calls back once when the folder is not the one that was locked any more: deleted, or another in its place. */
  watch: (onLost: () => void) => void
  release: () => Promise<void>
}

const lockFile = (directory: string): string => join(directory, 'engine.lock')
const stateFile = (directory: string): string => join(directory, 'engine.json')

/** Longer than a look at the lock takes, which must not look like an owner. */
const patienceMs = 500
const longestStartMs = 60_000
const longestPreparationMs = 300_000
const noticeAfterMs = 2_000
const lookMs = 250
const pollMs = 50

export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const lock = new DatabaseSync(lockFile(directory), { timeout: patienceMs })
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    throw new EngineInUseError(await readState(directory))
  }
  // of an owner that was killed
  await rm(stateFile(directory), { force: true })
  const identity = await identityOf(lockFile(directory))
  let timer: NodeJS.Timeout | undefined
  return {
    watch: (onLost) => {
      timer = setInterval(async () => {
        if ((await identityOf(lockFile(directory))) === identity || !timer) return
        clearInterval(timer)
        onLost()
      }, lookMs)
      timer.unref()
    },
    publish: async (state) => {
      // readers see all of it or nothing
      const draft = `${stateFile(directory)}.new`
      await rm(draft, { force: true })
      await writeFile(draft, JSON.stringify(state), { mode: 0o600 })
      await rename(draft, stateFile(directory))
    },
    release: async () => {
      clearInterval(timer)
      timer = undefined
      await rm(stateFile(directory), { force: true })
      lock.close()
    },
  }
}

/** The engine that a process runs on this directory, if there is one; waits for one that is just being started. */
export async function findRunningEngine(directory: string): Promise<EngineState | undefined> {
  for (let waitedMs = 0; waitedMs < longestStartMs; waitedMs += pollMs) {
    if (!(await isLocked(directory))) return undefined
    const state = await readState(directory)
    if (state) return state
    await sleep(pollMs)
  }
  throw new Error('Another process has been starting Rowhouse for a minute. End it, then try again.')
}

async function isLocked(directory: string): Promise<boolean> {
  try {
    await access(lockFile(directory))
  } catch {
    return false
  }
  const lock = new DatabaseSync(lockFile(directory), { readOnly: true, timeout: 0 })
  try {
    lock.prepare('select 1 from sqlite_schema').get()
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    lock.close()
  }
}

/** The engine of another process, once its database is ready; undefined when that process ended first. */
export async function waitUntilReady(directory: string): Promise<EngineState | undefined> {
  let isTold = false
  for (let waitedMs = 0; waitedMs < longestPreparationMs; waitedMs += pollMs) {
    const state = await findRunningEngine(directory)
    if (!state || state.isReady) return state
    if (waitedMs >= noticeAfterMs && !isTold) {
      console.error('Rowhouse is being started by another process; waiting until its database is ready …')
      isTold = true
    }
    await sleep(pollMs)
  }
  throw new Error('Another process has been preparing the database for five minutes. End it, then try again.')
}

/** Which file a path leads to, or undefined when to none. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true })
    return `${dev} ${ino}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function readState(directory: string): Promise<EngineState | undefined> {
  try {
    return engineState.parse(JSON.parse(await readFile(stateFile(directory), 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const isBusy = (error: unknown): boolean => (error as { errcode?: number }).errcode === 5
