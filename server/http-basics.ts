// Reading a body without holding more than is allowed, sending JSON, CORS, and who is at this machine.

import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PublicError } from './errors.ts'

const tooLarge = (limit: number): PublicError =>
  new PublicError(413, 'WB604', `The request is larger than ${limit} bytes.`, 'Send less at once.')

export async function readBody(request: IncomingMessage, limit: number): Promise<string> {
  // said beforehand: refused without reading
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
  const chunks: Buffer[] = []
  let length = 0
  // to stop reading must not end the connection, which still has to carry the answer
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > limit) throw tooLarge(limit)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.end(writeJson(response, status, body))
}

const longestFarewell = 2_000

/**
 * Answers a client that is still sending, throws away what comes for a moment, then closes. Closed at once, the
 * connection would be reset, and the answer lost with it.
 */
export function sendJsonAndClose(response: ServerResponse, status: number, body: unknown): void {
  response.setHeader('connection', 'close')
  response.write(writeJson(response, status, body))
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, longestFarewell)
  response.req.once('close', end).resume()
}

/** Writes the head, returns the body. */
function writeJson(response: ServerResponse, status: number, body: unknown): Buffer {
  const bytes = Buffer.from(JSON.stringify(body))
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json; charset=utf-8')
  response.writeHead(status, { 'content-length': bytes.length })
  return bytes
}

/** Lets the configured origins call from a browser, and nobody else. Returns whether that was all that was asked. */
export function applyCors(request: IncomingMessage, response: ServerResponse, origins: readonly string[]): boolean {
  const { origin } = request.headers
  if (origins.length > 0) response.setHeader('vary', 'origin')
  const isAllowed = origin !== undefined && origins.includes(origin)
  if (isAllowed) {
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader(
      'access-control-expose-headers',
      'x-request-id, ratelimit-limit, ratelimit-remaining, ratelimit-reset, ratelimit-policy, ratelimit, retry-after',
    )
  }
  if (request.method !== 'OPTIONS') return false
  if (isAllowed) {
    response.setHeader('access-control-allow-methods', 'POST')
    response.setHeader('access-control-allow-headers', 'authorization, content-type, x-tenant-id, x-request-id')
    response.setHeader('access-control-max-age', '600')
  }
  response.writeHead(204).end()
  return true
}

/** Compares a secret in a time that says nothing about it. */
export function isSecret(given: string | undefined, secret: string): boolean {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(secret)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Whether a request comes from this machine and names it so: a foreign name that points here is a rebinding attack. */
export function isLocal(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? ''
  return (
    /^(::1$|(::ffff:)?127\.)/.test(address) &&
    /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(request.headers.host ?? '')
  )
}
