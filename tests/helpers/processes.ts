// The programs as a person starts them, each in a process of its own that the test ends.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

export type Outcome = { code: number | null; output: string }
export type Running = {
  pid: number
  /** Resolves when the output has this text. */
  says: (text: string) => Promise<string>
  ended: Promise<Outcome>
  kill: (signal?: NodeJS.Signals) => void
}

export function start(script: string, args: string[], environment: Record<string, string>): Running {
  const { PATH, HOME, TMPDIR } = process.env
  const child: ChildProcess = spawn(process.execPath, [join(root, script), ...args], {
    cwd: root,
    env: { PATH, HOME, TMPDIR, ...environment } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const listeners = new Set<() => void>()
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
    for (const listener of listeners) listener()
  }
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  const ended = new Promise<Outcome>((resolve) => child.once('close', (code) => resolve({ code, output })))
  return {
    pid: child.pid as number,
    ended,
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!output.includes(text)) return
          listeners.delete(look)
          resolve(output)
        }
        listeners.add(look)
        void ended.then(() =>
          output.includes(text) ? resolve(output) : reject(new Error(`ended without saying "${text}":\n${output}`)),
        )
        look()
      }),
  }
}

export const run = (script: string, args: string[], environment: Record<string, string>): Promise<Outcome> =>
  start(script, args, environment).ended

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
