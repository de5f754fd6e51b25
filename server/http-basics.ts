// Reading a body without holding more than is allowed, sending JSON, and CORS.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { PublicError } from './errors.ts'

const tooLarge = (limit: number): PublicError =>
  new PublicError(413, 'WB604', `The request is larger than ${limit} bytes.`, 'Send less at once.')

export async function readBody(request: IncomingMessage, limit: number): Promise<string> {
  // said beforehand: refused without reading
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > limit) throw tooLarge(limit)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length })
  response.end(bytes)
}

/** Lets the configured origins call from a browser, and nobody else. Returns whether that was all that was asked. */
export function applyCors(request: IncomingMessage, response: ServerResponse, origins: readonly string[]): boolean {
  const { origin } = request.headers
  if (origins.length > 0) response.setHeader('vary', 'origin')
  const isAllowed = origin !== undefined && origins.includes(origin)
  if (isAllowed) response.setHeader('access-control-allow-origin', origin)
  if (request.method !== 'OPTIONS') return false
  if (isAllowed) {
    response.setHeader('access-control-allow-methods', 'POST')
    response.setHeader('access-control-allow-headers', 'authorization, content-type, x-tenant-id, x-request-id')
    response.setHeader('access-control-max-age', '600')
  }
  response.writeHead(204).end()
  return true
}
