// A PostgreSQL server of its own, from this machine's binaries, for what one database of a shared server cannot show.

import { execFile } from 'node:child_process'
import { access, chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './processes.ts'

const run = promisify(execFile)
const script = join(import.meta.dirname, '../../scripts/postgres-debian.sh')

export type FreshServer = {
  url: string
  /** Where the cluster's files are. */
  directory: string
  /** Starts it again after it was killed. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}

export type LocalVersion = 15 | 17

export async function hasLocalServer(version: LocalVersion): Promise<boolean> {
  try {
    await run(script, [String(version), '--run', 'postgres', '--version'])
    if (version === 15) await access('/usr/share/postgresql/15/extension/vector.control')
    return true
  } catch {
    return false
  }
}

/** Between looking for a free port and taking it, another process may take it: then the next one is tried. */
export async function startFreshServer(version: LocalVersion = 15, attemptsLeft = 5): Promise<FreshServer> {
  const parent = await mkdtemp(join(tmpdir(), 'rowhouse-test-'))
  // run by root, the server is another user's, who must be let through
  await chmod(parent, 0o711)
  const directory = join(parent, 'cluster')
  const port = await freePort()
  const start = () => run(script, [String(version), '--start', directory, String(port)])
  let stdout: string
  try {
    stdout = (await start()).stdout
  } catch (error) {
    await rm(parent, { recursive: true, force: true })
    if (attemptsLeft === 1) throw error
    return startFreshServer(version, attemptsLeft - 1)
  }
  return {
    url: stdout.trim().slice('TEST_DATABASE_URL='.length),
    directory,
    restart: async () => void (await start()),
    stop: async () => {
      await run(script, [String(version), '--stop', directory])
      await rm(parent, { recursive: true, force: true })
    },
  }
}
