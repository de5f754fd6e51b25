// Rowhouse's server and its worker as processes of their own, as in production, and how much memory each has.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { signDevelopmentToken } from '../../server/auth.ts'
import { loadConfig } from '../../server/config.ts'

const run = promisify(execFile)
const main = join(import.meta.dirname, '../../server.ts')
const longestStartMs = 120_000

export type Programs = {
  /** Of the server. */
  url: string
  tokenFor: (email: string) => Promise<string>
  /** Resident memory in bytes. */
  memory: () => Promise<Memory>
}
export type Memory = { server: number; worker: number }

export async function withPrograms<T>(databaseUrl: string, work: (programs: Programs) => Promise<T>): Promise<T> {
  const port = await freePort()
  const secret = randomBytes(48).toString('base64url')
  const config = loadConfig({ NODE_ENV: 'test', JWT_SECRET: secret })
  const shared = { DATABASE_URL: databaseUrl, JWT_SECRET: secret, LOG_LEVEL: 'error' }
  const server = start([], { ...shared, PORT: String(port), WORKER_CONCURRENCY: '0' })
  const worker = start(['--worker'], shared)
  const url = `http://127.0.0.1:${port}`
  try {
    await untilReady(`${url}/readyz`)
    return await work({
      url,
      tokenFor: (email) => signDevelopmentToken(config, { email }),
      memory: async () => ({ server: await residentBytes(server.pid), worker: await residentBytes(worker.pid) }),
    })
  } finally {
    await Promise.all([end(server), end(worker)])
  }
}

function start(args: string[], environment: Record<string, string>): ChildProcess {
  const { PATH, HOME, TMPDIR } = process.env
  const env = { PATH, HOME, TMPDIR, ...environment } as NodeJS.ProcessEnv
  return spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] })
}

async function end(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return
  const ended = new Promise((resolve) => program.once('exit', resolve))
  program.kill('SIGTERM')
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function untilReady(url: string): Promise<void> {
  for (const deadline = Date.now() + longestStartMs; Date.now() < deadline; await sleep(100)) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    )
    if (status === 200) return
  }
  throw new Error('The server did not start.')
}

async function residentBytes(pid: number | undefined): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)])
  return Number(stdout) * 1024
}
