// Reading a body without holding more than is allowed, sending JSON, and who is at this machine.

import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { PublicError } from './errors.ts'

export const tooLarge = (limit: number): PublicError =>
  new PublicError(413, 'WB604', `The request is larger than ${limit} bytes.`, 'Send less at once.')

const longestBodyMs = 60_000

export async function readBody(request: IncomingMessage, limit: number): Promise<string> {
  return (await readBytes(request, limit)).toString('utf8')
}

export async function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  // said beforehand: refused without reading
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
  const chunks: Buffer[] = []
  let length = 0
  const timer = setTimeout(() => request.destroy(), longestBodyMs)
  try {
    // to stop reading must not end the connection, which still has to carry the answer
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > limit) throw tooLarge(limit)
      chunks.push(chunk)
    }
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks)
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, status, JSON.stringify(body))
}

/** Sends what is JSON already, or of the type that was set. */
export function sendText(response: ServerResponse, status: number, body: string | Uint8Array): void {
  response.end(writeHead(response, status, body))
}

const longestFarewell = 2_000

/**
 * Answers a client that is still sending, throws away what comes for a moment, then closes. Closed at once, the
 * connection would be reset, and the answer lost with it.
 */
export function sendAndClose(response: ServerResponse, status: number, body: string | Uint8Array): void {
  response.setHeader('connection', 'close')
  response.write(writeHead(response, status, body))
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, longestFarewell)
  response.req.once('close', end).resume()
}

/** Prepares the head, returns the body; as text, so that Node sends both at once. */
function writeHead<Body extends string | Uint8Array>(response: ServerResponse, status: number, body: Body): Body {
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json; charset=utf-8')
  response.writeHead(status, { 'content-length': Buffer.byteLength(body) })
  return body
}

/** Where a request comes from: its peer, or what the nearest of our own proxies saw. Empty when that is no address. */
export function clientAddress(request: IncomingMessage, proxies: number): string {
  const peer = request.socket.remoteAddress ?? ''
  const forwarded = String(request.headers['x-forwarded-for'] ?? '').split(',')
  // each proxy adds whom it was called by on the right; what stands left of ours anyone can have written
  const address = (proxies > 0 ? (forwarded.at(-proxies) ?? '') : peer).trim().replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(address) ? address : ''
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
