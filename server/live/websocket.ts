// WebSockets, in the protocol graphql-transport-ws of the package graphql-ws. A connection is of one person in one tenant:
// its first message shows the token or key, because browsers cannot send headers with a WebSocket.

import { randomUUID } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { GraphQLError, parse } from 'graphql'
import type { Context } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'
import type { Credentials } from '../auth.ts'
import { PublicError, publicPart } from '../errors.ts'
import { parseExactly } from '../exact-json.ts'
import type { GraphQLRequest } from '../graphql/request.ts'
import { clientAddress } from '../http-basics.ts'
import type { Admission } from '../rate-limits.ts'
import { shown } from './event-stream.ts'
import { tooMany } from './limits.ts'
import type { Session } from './session.ts'
import type { Stream } from './stream.ts'
import type { LiveOptions, Transport } from './types.ts'

export type WebSockets = {
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>
  close: () => Promise<void>
}

type Options = LiveOptions & {
  open: (credentials: Credentials, visit: Session['visit']) => Promise<Session>
  subscribe: (
    transport: Transport,
    credentials: Credentials,
    session: Session,
    request: GraphQLRequest,
    onAdmitted: (admission: Admission) => Promise<void>,
  ) => Promise<Stream>
}

/** A query is shorter than 100,000 characters (request.ts), and what a subscription takes besides is short. */
const longestMessage = 500_000
const longestInitMs = 5_000
const pingEveryMs = 12_000
const mostPerConnection = 50
const longestFarewellMs = 2_000
const closeCode = { goingAway: 1001, unauthenticated: 4401, forbidden: 4403, tooMany: 4429, internal: 4500 }

/** What the first message may say. */
const greeting = z.object({
  authorization: z.string().optional(),
  'x-tenant-id': z.string().optional(),
})

type Extra = { socket: WebSocket; request: IncomingMessage; entered?: Entered }
type Entered = { credentials: Credentials; session: Session; streams: number }

/** graphql-ws wants to know that it is a subscription; what it says is known to the stream. */
const anySubscription = parse('subscription { changes }')

export function createWebSockets(options: Options): WebSockets {
  const { config, door, executor, isAllowedOrigin, logger, metrics } = options
  const server = new WebSocketServer({ noServer: true, maxPayload: longestMessage })
  const extraOf = (context: Context): Extra => context.extra as Extra

  async function enter(context: Context): Promise<boolean> {
    const { request, socket } = extraOf(context)
    const hung = new AbortController()
    socket.once('close', () => hung.abort())
    const said = greeting.parse(context.connectionParams ?? {})
    const credentials = await door.credentialsOf(said.authorization)
    const visit = {
      id: randomUUID(),
      route: 'graphql',
      address: clientAddress(request, config.TRUST_PROXY),
      signal: hung.signal,
      requestedTenant: door.tenantAskedFor(said['x-tenant-id'], credentials),
    }
    const session = await options.open(credentials, visit)
    const entered = { credentials, session, streams: 0 }
    extraOf(context).entered = entered
    socket.once('close', session.close)
    if (socket.readyState !== socket.OPEN) session.close()
    if (!(await isWelcome(request, session.identity.tenantId))) throw foreignOrigin()
    session.signal.addEventListener('abort', () => {
      // the streams end first, each with the reason
      if (entered.streams === 0) closeFor(socket, session.signal.reason)
    })
    return true
  }

  /** Pages of the server's own address, and of the origins that may call it. Programs name no origin. */
  async function isWelcome({ headers: { origin, host } }: IncomingMessage, tenantId?: string): Promise<boolean> {
    return origin === undefined || new URL(origin).host === host || (await isAllowedOrigin(origin, tenantId))
  }

  async function begin(context: Context, payload: object): Promise<Stream> {
    const { entered } = extraOf(context)
    if (!entered) throw new Error('A subscription before its connection was let in.')
    if (entered.streams >= mostPerConnection) throw tooMany('This connection has', mostPerConnection)
    entered.streams += 1
    try {
      // whoever names a persisted operation must send some text all the same, which is empty
      const { query, ...rest } = payload as { query?: string }
      const request = executor.read(JSON.stringify(query === '' ? rest : payload))
      return await options.subscribe('websocket', entered.credentials, entered.session, request, async () => {})
    } catch (error) {
      entered.streams -= 1
      throw error
    }
  }

  const disposable = useServer(
    {
      connectionInitWaitTimeout: longestInitMs,
      onConnect: async (context) => {
        try {
          return await enter(context)
        } catch (error) {
          closeFor(extraOf(context).socket, error)
          return false
        }
      },
      onSubscribe: async (context, _id, payload) => {
        try {
          const contextValue = await begin(context, payload)
          return { schema: undefined as never, document: anySubscription, contextValue }
        } catch (error) {
          const codes = errorsOf(error)
          for (const { extensions } of codes) metrics.errors.inc({ code: String(extensions.code) })
          return codes
        }
      },
      subscribe: ({ contextValue }) => contextValue as never,
      onNext: (_context, _id, _payload, _args, body) => parseExactly(body as string) as never,
      onError: (_context, _id, _payload, errors) =>
        errors.map(({ originalError, ...error }) => (originalError ? shown(originalError) : error)) as never,
      onComplete: (context) => {
        const { entered, socket } = extraOf(context)
        if (!entered) return
        entered.streams -= 1
        if (entered.streams === 0 && entered.session.signal.aborted) closeFor(socket, entered.session.signal.reason)
      },
    },
    server,
    pingEveryMs,
  )
  server.on('error', (error) => logger.error({ err: error }, 'internal error'))

  return {
    upgrade: async (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      if (server.clients.size >= config.LIVE_LIMIT) return refuseUpgrade(socket, 503)
      if (!(await isWelcome(request).catch(() => false))) return refuseUpgrade(socket, 403)
      server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request))
    },
    close: async () => {
      const timer = setTimeout(() => {
        for (const client of server.clients) client.terminate()
      }, longestFarewellMs)
      await disposable.dispose()
      clearTimeout(timer)
    },
  }
}

function refuseUpgrade(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

const foreignOrigin = (): PublicError =>
  new PublicError(
    403,
    'RN286',
    'Pages of this origin may not subscribe.',
    "Allow the origin in the tenant's configuration.",
  )

/** Ends a connection with the reason that a request would get, as a code and in words of at most 123 bytes. */
function closeFor(socket: WebSocket, reason: unknown): void {
  const part = publicPart(reason)
  const code = part?.extensions.code
  const kind = code?.[2]
  const closing =
    kind === '1'
      ? closeCode.unauthenticated
      : kind === '6'
        ? closeCode.tooMany
        : part
          ? closeCode.forbidden
          : closeCode.internal
  const text = part ? `${code}: ${part.message}` : 'An internal error occurred.'
  socket.close(
    closing,
    Buffer.from(text)
      .subarray(0, 123)
      .toString()
      .replace(/\uFFFD$/, ''),
  )
}

function errorsOf(error: unknown): GraphQLError[] {
  if (error instanceof AggregateError) return error.errors as GraphQLError[]
  const { message, extensions } = shown(error)
  return [new GraphQLError(message, extensions ? { extensions } : {})]
}
