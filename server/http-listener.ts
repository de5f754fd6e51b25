// The port. It is opened first of all, so that one that is taken is known before a database is made, and a thread of its
// own answers "starting" there: building the GraphQL schema keeps the main thread busy for seconds.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Worker } from 'node:worker_threads'
import type { Config } from './config.ts'
import { PublicError } from './errors.ts'
import type { StartingAnswer, StartingRequest } from './starting-thread.ts'

/** So long a file of 50 MB takes at 1.4 Mbit/s; what has less to say has less time (readBody). */
const longestRequestMs = 300_000

type Handle = (request: IncomingMessage, response: ServerResponse) => void
type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export type Listener = {
  /** Answers requests from now on, those for a WebSocket too. Returns where. */
  serve: (handle: Handle, upgrade?: Upgrade) => Promise<string>
  closeIdleConnections: () => void
  /** Takes no more requests and waits for those that run, but not longer than this. */
  close: (longestWaitMs: number) => Promise<void>
}

export function createListener(
  { HOST, PORT }: Pick<Config, 'HOST' | 'PORT'>,
  beforeServing = async () => {},
): Listener {
  const server = createServer({ requestTimeout: longestRequestMs, headersTimeout: 10_000, keepAliveTimeout: 5_000 })
  return {
    serve: async (handle, upgrade) => {
      server.on('request', handle)
      if (upgrade) server.on('upgrade', upgrade)
      await beforeServing()
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(PORT, HOST, resolve)
      })
      const { port } = server.address() as { port: number }
      return `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`
    },
    closeIdleConnections: () => server.closeIdleConnections(),
    close: async (longestWaitMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), longestWaitMs)
      await closed
      clearTimeout(timer)
    },
  }
}

/** Opens the port now; what comes before there is someone to serve it is told that the server is starting. */
export async function listenWhileStarting({ HOST, PORT }: Config): Promise<Listener> {
  const { message, extensions } = new PublicError(
    503,
    'WB902',
    'The server is starting.',
    'Try again in a few seconds.',
  )
  const thread = new Worker(new URL('./starting-thread.ts', import.meta.url), {
    workerData: { host: HOST, port: PORT, message, extensions } satisfies StartingRequest,
  })
  const [answer] = (await once(thread, 'message')) as [StartingAnswer]
  if ('error' in answer) throw Object.assign(new Error(answer.error.message), { code: answer.error.code })
  return createListener({ HOST, PORT: answer.port }, async () => {
    // between its end and our beginning lies a millisecond
    const ended = once(thread, 'exit')
    thread.postMessage('end')
    await ended
  })
}
