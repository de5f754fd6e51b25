// Every call to an address that a tenant named goes out through here. It reaches the public internet and what the operator
// allows (OUTGOING_ALLOW), never what is near the server: each address is checked after the name is resolved, by the very
// lookup the connection is made with, so that a name cannot answer once for the check and otherwise for the call. Redirects
// are followed here, each by the same rules. Time and bytes are bounded, also those that a small body unpacks to.

import { lookup as resolveName } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import { isPublic, isWithin, rangesOf } from './outgoing-addresses.ts'

export type OutgoingFault =
  | 'address' // not one that may be called
  | 'unreachable'
  | 'time'
  | 'size'
  | 'redirects'
  | 'content_type'
  | 'unreadable'
  | 'robots'

/** The message may be shown to whoever named the address: it says nothing about what is near the server. */
export class OutgoingError extends Error {
  readonly fault: OutgoingFault
  constructor(fault: OutgoingFault, message: string) {
    super(message)
    this.fault = fault
  }
}

export type OutgoingOptions = {
  /** Names, addresses and ranges that may be called though they are not public. */
  allow?: readonly string[]
  /** How names are resolved; for tests. */
  resolve?: LookupFunction
  limits?: Partial<typeof defaultLimits>
}

export type OutgoingRequest = {
  headers?: Record<string, string>
  largestBytes: number
  /** Whether a body of this media type is wanted; else it is not read. */
  accepts?: (mediaType: string) => boolean
  /** Throws when an address must not be fetched; asked for the first and for each that a redirect names. */
  permit?: (url: URL) => Promise<void>
  signal?: AbortSignal | undefined
}

export type OutgoingResponse = {
  status: number
  /** Where it was found after redirects. */
  url: string
  headers: Readonly<Record<string, string>>
  /** Lower case, without parameters; empty when it is not said. */
  mediaType: string
  /** Empty unless the status is 200. */
  bytes: Uint8Array
}

export type OutgoingMessage = {
  headers: Record<string, string>
  body: string
  /** So much of the answer is read, and what comes after it is not waited for. */
  prefixBytes: number
  signal?: AbortSignal | undefined
}

export type OutgoingCall = Pick<OutgoingRequest, 'headers' | 'largestBytes' | 'permit' | 'signal'> & {
  method: string
  body?: string | undefined
  /** For everything, its body included; what all calls have by default. */
  totalMs?: number
}

export type OutgoingAnswer = Omit<OutgoingResponse, 'bytes'> & {
  /** Unpacked, as it comes. The limits of bytes and time hold until its end; leaving it early closes it. */
  body: AsyncIterable<Uint8Array>
}

export type Outgoing = {
  get: (url: string, request: OutgoingRequest) => Promise<OutgoingResponse>
  /** Any method, whatever the status. A redirect is followed when nothing is sent with it, else it is the answer. */
  call: (url: string, call: OutgoingCall) => Promise<OutgoingAnswer>
  /** Sends a body, to this address only: a redirect is its answer. */
  post: (url: string, message: OutgoingMessage) => Promise<{ status: number; prefix: string }>
  close: () => Promise<void>
}

const defaultLimits = {
  connectMs: 10_000,
  headersMs: 20_000,
  /** between two parts of a body */
  bodyMs: 20_000,
  /** for everything, so that a body in drips ends as well */
  totalMs: 120_000,
  redirects: 5,
  connectionsPerHost: 2,
}
export const userAgent = 'Rowhouse/1.0'
const webPorts = new Set([80, 443])
const firstUserPort = 1024
const redirectStatuses = new Set([301, 302, 303, 307, 308])
const refusal = 'This address must not be called: only web addresses of the public internet may be.'

export function createOutgoing({
  allow = [],
  resolve = resolveName as LookupFunction,
  limits: given,
}: OutgoingOptions = {}): Outgoing {
  const limits = { ...defaultLimits, ...given }
  const isRange = (entry: string): boolean => isIP(entry.split('/', 1)[0] as string) !== 0
  const allowedRanges = rangesOf(allow.filter(isRange))
  const allowedNames = new Set(allow.filter((entry) => !isRange(entry)).map((name) => name.toLowerCase()))
  const mayCall = (host: string, address: string): boolean =>
    isPublic(address) || allowedNames.has(host.toLowerCase()) || isWithin(allowedRanges, address)

  const lookup: LookupFunction = (host, options, done) =>
    resolve(host, { ...options, all: true }, (error, found) => {
      const addresses = found as { address: string; family: number }[]
      if (error) return done(error, '')
      // one that is refused refuses all: a name that is public and private at once is made to deceive
      if (addresses.length === 0 || !addresses.every(({ address }) => mayCall(host, address)))
        return done(new OutgoingError('address', refusal), '')
      if (options.all) return done(null, addresses)
      done(null, addresses[0]?.address as string, addresses[0]?.family)
    })
  const connect = buildConnector({ timeout: limits.connectMs, lookup })
  const agent = new Agent({
    connections: limits.connectionsPerHost,
    pipelining: 1,
    maxOrigins: 1_000,
    headersTimeout: limits.headersMs,
    bodyTimeout: limits.bodyMs,
    // an address that is written as numbers is connected to without a lookup
    connect: (options, done) => {
      const host = options.hostname.replace(/^\[|\]$/g, '')
      if (isIP(host) !== 0 && !mayCall(host, host)) return done(new OutgoingError('address', refusal), null)
      connect(options, done)
    },
  })

  async function inTime<Answer>(
    given: AbortSignal | undefined,
    call: (signal: AbortSignal, faultOf: FaultOf) => Promise<Answer>,
    totalMs = limits.totalMs,
  ): Promise<Answer> {
    const deadline = AbortSignal.timeout(totalMs)
    const faultInTime: FaultOf = (error) => {
      given?.throwIfAborted()
      return deadline.aborted ? new OutgoingError('time', 'The address did not answer in time.') : faultOf(error)
    }
    try {
      return await call(given ? AbortSignal.any([given, deadline]) : deadline, faultInTime)
    } catch (error) {
      throw faultInTime(error)
    }
  }

  const get: Outgoing['get'] = (url, request) =>
    inTime(request.signal, async (signal) => {
      const found = await follow(parseAddress(url), { ...request, method: 'GET' }, signal)
      return receive(found.url, found.response, request)
    })

  const call: Outgoing['call'] = (url, request) =>
    inTime(
      request.signal,
      async (signal, fault) => {
        const found = await follow(parseAddress(url), request, signal)
        found.response.body.on('error', () => {})
        const body = bounded(found.response, request.largestBytes, fault)
        return { ...headOf(found.url, found.response), body }
      },
      request.totalMs,
    )

  const post: Outgoing['post'] = (url, message) =>
    inTime(message.signal, async (signal) => {
      const { origin, pathname, search } = parseAddress(url)
      const response = await agent.request({
        origin,
        path: `${pathname}${search}`,
        method: 'POST',
        headers: { ...message.headers, 'user-agent': userAgent },
        body: message.body,
        signal,
      })
      return { status: response.statusCode, prefix: await readPrefix(response.body, message.prefixBytes) }
    })

  async function follow(
    first: URL,
    request: OutgoingCall,
    signal: AbortSignal,
  ): Promise<{ url: URL; response: Dispatcher.ResponseData }> {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    let url = first
    for (let redirects = 0; ; redirects += 1) {
      if (redirects > limits.redirects) throw new OutgoingError('redirects', 'The address redirects too often.')
      await request.permit?.(url).catch((error) => {
        throw new NotPermitted(error)
      })
      const response = await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: request.method as Dispatcher.HttpMethod,
        // what belongs to one host is not told to another
        headers: { ...(url.origin === first.origin ? request.headers : {}), ...ownHeaders },
        body: request.body ?? null,
        signal,
      })
      const location = headerOf(response, 'location')
      if (!isRead || !redirectStatuses.has(response.statusCode) || location === '') return { url, response }
      response.body.on('error', () => {}).destroy()
      url = parseAddress(location, url)
    }
  }

  return { get, call, post, close: () => agent.destroy() }
}

type FaultOf = (error: unknown) => unknown

/** What permit throws is its own, and reaches the caller as it is. */
class NotPermitted {
  readonly reason: unknown
  constructor(reason: unknown) {
    this.reason = reason
  }
}

const ownHeaders = { 'user-agent': userAgent, 'accept-encoding': 'gzip, deflate, br' }

function parseAddress(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined
  const port = Number(url?.port || (url?.protocol === 'https:' ? 443 : 80))
  const isWeb = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  // a request that reaches a mail server or a queue may be read as its commands
  if (!isWeb || (port < firstUserPort && !webPorts.has(port))) throw new OutgoingError('address', refusal)
  url.hash = ''
  return url
}

const headerOf = ({ headers }: Dispatcher.ResponseData, name: string): string => {
  const value = headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

function headOf(url: URL, response: Dispatcher.ResponseData): Omit<OutgoingResponse, 'bytes'> {
  const mediaType = (headerOf(response, 'content-type').split(';', 1)[0] as string).trim().toLowerCase()
  const headers = Object.fromEntries(Object.keys(response.headers).map((name) => [name, headerOf(response, name)]))
  return { status: response.statusCode, url: url.href, headers, mediaType }
}

async function receive(
  url: URL,
  response: Dispatcher.ResponseData,
  { largestBytes, accepts }: OutgoingRequest,
): Promise<OutgoingResponse> {
  const answer = headOf(url, response)
  const { status, mediaType } = answer
  const { body } = response
  body.on('error', () => {})
  try {
    if (status !== 200) return { ...answer, bytes: new Uint8Array() }
    if (accepts && !accepts(mediaType))
      throw new OutgoingError(
        'content_type',
        `A page of the type ${mediaType.slice(0, 100) || 'unknown'} cannot be read.`,
      )
    if (Number(headerOf(response, 'content-length')) > largestBytes) throw tooLarge(largestBytes)
    return { ...answer, bytes: await readBounded(unpack(body, headerOf(response, 'content-encoding')), largestBytes) }
  } finally {
    body.destroy()
  }
}

function unpack(body: Readable, encoding: string): Readable {
  const names = encoding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')
  const makers = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress }
  const make = makers[names[0] as keyof typeof makers]
  if (names.length === 0) return body
  if (names.length > 1 || !make)
    throw new OutgoingError('unreadable', 'The page is encoded in a way that cannot be read.')
  const unpacked = make()
  body.on('error', (error) => unpacked.destroy(error))
  return body.pipe(unpacked)
}

/** The parts of an answer as they come; what is wrong with them is told as a fault. */
async function* bounded(
  response: Dispatcher.ResponseData,
  largestBytes: number,
  faultOf: FaultOf,
): AsyncGenerator<Uint8Array> {
  try {
    yield* upTo(unpack(response.body, headerOf(response, 'content-encoding')), largestBytes)
  } catch (error) {
    throw faultOf(error)
  } finally {
    response.body.destroy()
  }
}

async function* upTo(stream: AsyncIterable<Uint8Array>, largestBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const part of stream) {
    size += part.length
    if (size > largestBytes) throw tooLarge(largestBytes)
    yield part
  }
}

/** The bytes of a stream, which ends as soon as there are too many. */
export async function readBounded(stream: AsyncIterable<Uint8Array>, largestBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of upTo(stream, largestBytes)) parts.push(part)
  return Buffer.concat(parts)
}

/** The beginning of a stream, as text; what cannot be read after the status was said is left out. */
async function readPrefix(stream: Readable, mostBytes: number): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const part of stream as AsyncIterable<Uint8Array>) {
      parts.push(part)
      size += part.length
      if (size >= mostBytes) break
    }
  } catch {
    // the status is the answer, the body only helps a reader
  } finally {
    stream.on('error', () => {}).destroy()
  }
  // PostgreSQL stores no zero character
  return Buffer.concat(parts).subarray(0, mostBytes).toString('utf8').replaceAll('\0', '')
}

const tooLarge = (bytes: number): OutgoingError =>
  new OutgoingError('size', `The page is larger than ${Math.floor(bytes / 1_048_576)} MB.`)

function faultOf(error: unknown): unknown {
  const { code = '', cause } = error as { code?: string; cause?: unknown }
  if (error instanceof NotPermitted) return error.reason
  if (!(error instanceof Error) || error instanceof OutgoingError) return error
  if (cause instanceof OutgoingError) return cause
  if (/^UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT$/.test(code))
    return new OutgoingError('time', 'The address did not answer in time.')
  if (/^(Z_|ERR__ERROR_|ERR_BROTLI|ERR_PADDING)/.test(code))
    return new OutgoingError('unreadable', 'The page is encoded in a way that cannot be read.')
  if (code !== '') return new OutgoingError('unreachable', 'The address cannot be reached.')
  return error
}
