// Server-sent events, in the distinct connections mode of the GraphQL-SSE protocol: each subscription is a request of its
// own, whose answer is a stream of events named next and, at the end, complete.

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { GraphQLFormattedError } from 'graphql'
import { publicPart } from '../errors.ts'
import type { Stream } from './stream.ts'

/** A comment each so many milliseconds keeps proxies from closing a quiet stream. */
const keepAliveMs = 12_000
/** So long an answer may wait for a client that does not read. */
const longestStallMs = 30_000

export async function serveEventStream(response: ServerResponse, stream: Stream): Promise<void> {
  response.on('close', () => void stream.return())
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // nginx would hold the events back
    'x-accel-buffering': 'no',
  })
  response.flushHeaders()
  const keepAlive = setInterval(() => response.write(':\n\n'), keepAliveMs)
  try {
    for await (const body of stream) await send(response, 'next', body)
    await send(response, 'complete', '')
  } catch (error) {
    // what the client cannot mend by coming again is told as the last answer
    await send(response, 'next', JSON.stringify({ errors: [shown(error)] }))
    await send(response, 'complete', '')
  } finally {
    clearInterval(keepAlive)
    response.end()
  }
}

async function send(response: ServerResponse, event: string, data: string): Promise<void> {
  if (response.destroyed || response.write(`event: ${event}\ndata: ${data}\n\n`)) return
  const timer = setTimeout(() => response.destroy(), longestStallMs)
  await Promise.race([once(response, 'drain'), once(response, 'close')]).finally(() => clearTimeout(timer))
}

export const shown = (error: unknown): GraphQLFormattedError =>
  publicPart(error) ?? { message: 'An internal error occurred.', extensions: { code: 'INTERNAL' } }
