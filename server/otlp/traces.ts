// OTLP over HTTP: POST /v1/traces takes spans in Protocol Buffers or JSON, also in gzip, and answers as the protocol says:
// with what was rejected, or with a Status that says why nothing was taken. What a span means is the database's.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Pool } from 'pg'
import { type Caller, createAsk } from '../asking.ts'
import { PublicError } from '../errors.ts'
import { readBytes, sendAndClose, sendText, tooLarge } from '../http-basics.ts'
import type { Metrics } from '../metrics.ts'
import { prepared } from '../prepared.ts'
import type { Shares } from '../shares.ts'
import { decodeJson } from './json.ts'
import { decodeProtobuf, encodeResponse, encodeStatus } from './protobuf.ts'
import type { Span } from './spans.ts'

type Options = { pool: Pool; shares: Shares; metrics: Metrics; bodyLimit: number }
type Outcome = {
  stored_count: number
  repeated_count: number
  ignored_count: number
  rejected_count: number
  message: string | null
}

/** Recorded in one transaction: as many as an exporter sends by default, so that a large batch meets no time limit. */
const spansAtOnce = 512

const recordSpans =
  'select stored_count, repeated_count, ignored_count, rejected_count, message from observability.record_spans($1)'

/** Refuses what is no export of spans, before anything is read. */
export function checkExport(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST')
    throw new PublicError(405, 'OB432', 'Spans are sent by POST.', 'Point an OTLP/HTTP exporter here.')
  }
  if (typeOf(request) === undefined || !/^(gzip|identity)?$/i.test(encodingOf(request))) {
    throw new PublicError(
      415,
      'OB433',
      'Spans are application/x-protobuf or application/json, as they are or in gzip.',
      'Set the headers content-type and content-encoding.',
    )
  }
}

export function createTraces({ pool, shares, metrics, bodyLimit }: Options) {
  const ask = createAsk(pool, shares)
  const record = async (caller: Caller, spans: Span[]): Promise<Outcome> =>
    (await ask<Outcome>(caller, prepared('record_spans', recordSpans, [JSON.stringify(spans)]))) as Outcome

  /**
   * Whoever sends again after a failure half-way finds the first parts recorded, and they are not recorded twice. Without
   * a span the database is asked as well: it says whether the caller may record.
   */
  async function recordAll(caller: Caller, spans: Span[]): Promise<Outcome> {
    const total: Outcome = { stored_count: 0, repeated_count: 0, ignored_count: 0, rejected_count: 0, message: null }
    for (let at = 0; at === 0 || at < spans.length; at += spansAtOnce) {
      const part = await record(caller, spans.slice(at, at + spansAtOnce))
      total.stored_count += part.stored_count
      total.repeated_count += part.repeated_count
      total.ignored_count += part.ignored_count
      total.rejected_count += part.rejected_count
      total.message ??= part.message
    }
    return total
  }

  async function serve(request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void> {
    const bytes = await inflated(await readBytes(request, bodyLimit), encodingOf(request), bodyLimit)
    const isJson = typeOf(request) === 'json'
    const { spans, otherCount } = isJson ? decodeJson(bytes.toString('utf8')) : decodeProtobuf(bytes)
    const outcome = await recordAll(caller, spans)
    metrics.spans.inc({ outcome: 'stored' }, outcome.stored_count)
    metrics.spans.inc({ outcome: 'repeated' }, outcome.repeated_count)
    metrics.spans.inc({ outcome: 'ignored' }, outcome.ignored_count + otherCount)
    metrics.spans.inc({ outcome: 'rejected' }, outcome.rejected_count)
    const { rejected_count: rejectedSpans, message } = outcome
    const partialSuccess = { rejectedSpans: String(rejectedSpans), errorMessage: message ?? '' }
    response.setHeader('content-type', isJson ? 'application/json' : 'application/x-protobuf')
    sendText(
      response,
      200,
      isJson
        ? JSON.stringify(rejectedSpans > 0 ? { partialSuccess } : {})
        : encodeResponse(rejectedSpans, message ?? ''),
    )
  }
  return { serve }
}

/** Answers with a Status in the format of the request. */
export function sendStatus(response: ServerResponse, status: number, code: string, message: string): void {
  const isJson = typeOf(response.req) === 'json'
  const text = `${code}: ${message}`
  response.setHeader('content-type', isJson ? 'application/json' : 'application/x-protobuf')
  const body = isJson
    ? JSON.stringify({ code: codeOf[status] ?? 13, message: text })
    : encodeStatus(codeOf[status] ?? 13, text)
  const send = response.req.complete ? sendText : sendAndClose
  send(response, status, body)
}

/** gRPC's codes for HTTP's. */
const codeOf: Record<number, number> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  405: 12,
  409: 10,
  413: 8,
  415: 3,
  429: 8,
  503: 14,
}

function typeOf(request: IncomingMessage): 'json' | 'protobuf' | undefined {
  const [, type] = /^application\/(json|x-protobuf)\s*(?:;|$)/i.exec(request.headers['content-type'] ?? '') ?? []
  return type === undefined ? undefined : type.toLowerCase() === 'json' ? 'json' : 'protobuf'
}

const encodingOf = (request: IncomingMessage): string => request.headers['content-encoding'] ?? ''

async function inflated(bytes: Buffer, encoding: string, limit: number): Promise<Buffer> {
  if (!/^gzip$/i.test(encoding)) return bytes
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: limit })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit)
    throw new PublicError(
      400,
      'OB434',
      'The request is no readable gzip.',
      'Send it again, or without content-encoding.',
    )
  }
}
