// A PostgreSQL server of its own, from this machine's binaries, for what one database of a shared server cannot show.

import { execFile } from 'node:child_process'
import { access, chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const script = join(import.meta.dirname, '../../scripts/postgres-debian.sh')

export type FreshServer = { url: string; stop: () => Promise<void> }

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

export async function startFreshServer(port: number, version: LocalVersion = 15): Promise<FreshServer> {
  const parent = await mkdtemp(join(tmpdir(), 'rowhouse-test-'))
  // run by root, the server is another user's, who must be let through
  await chmod(parent, 0o711)
  const directory = join(parent, 'cluster')
  const { stdout } = await run(script, [String(version), '--start', directory, String(port)])
  return {
    url: stdout.trim().slice('TEST_DATABASE_URL='.length),
    stop: async () => {
      await run(script, [String(version), '--stop', directory])
      await rm(parent, { recursive: true, force: true })
    },
  }
}
