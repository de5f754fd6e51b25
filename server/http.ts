// The HTTP server: GraphQL at /graphql, files at /files, spans at /v1/traces, Ruru at / in development, health and metrics.
// It reads, authenticates and answers; every rule is the database's.

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { GraphQLError } from 'graphql'
import type { Pool } from 'pg'
import type { Caller } from './asking.ts'
import { createNoteRefusal } from './audit/refusals.ts'
import { type Credentials, type Identity, unauthenticated, type VerifyToken } from './auth.ts'
import type { Config } from './config.ts'
import { type Admitted, createDoor, keyOf, type Visit } from './door.ts'
import { internalError, isTransient, meansTryAgain, PublicError, publicPart } from './errors.ts'
import { createFiles } from './files.ts'
import type { Executor } from './graphql/execute.ts'
import type { GraphQLRequest } from './graphql/request.ts'
import { answerHealth, isHealthPath } from './health.ts'
import { clientAddress, readBody, sendAndClose, sendJson, sendText } from './http-basics.ts'
import { allowOrigin, answerPreflight, createOriginCheck } from './http-cors.ts'
import { createListener, type Listener } from './http-listener.ts'
import { createLive } from './live/index.ts'
import type { Logger } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { checkExport, createTraces, sendStatus } from './otlp/traces.ts'
import { createOutageLog } from './outage-log.ts'
import { serveStripeWebhook } from './payments/webhook.ts'
import { type Admission, refuse, sendRateLimit } from './rate-limits.ts'
import type { ReadyState } from './readiness.ts'
import { runFor } from './request-pool.ts'
import { beginRequest, endRequest } from './tracing.ts'

export type HttpServerOptions = {
  config: Config
  pool: Pool
  executor: Executor
  verifyToken: VerifyToken
  logger: Logger
  metrics: Metrics
  /** The port, when it is open already and answers "starting". */
  listener?: Listener | undefined
  /** Whether the server can serve. */
  ready: () => Promise<ReadyState>
  /** Serves Ruru and its files; returns whether the request was for it. */
  serveRuru?: ((request: IncomingMessage, response: ServerResponse) => Promise<boolean>) | undefined
}

export type HttpServer = { url: string; close: () => Promise<void> }

/** The signal is aborted when the client hangs up. */
type Scope = Visit & { identity?: Identity; operation?: string | undefined }

/** What a client that hung up would have been answered with; only the log and the metrics see it. */
const statusOfHangUp = 499
const retryAfterSeconds = 2

export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { config, logger, metrics } = options
  const isAllowedOrigin = createOriginCheck(options.pool, config.CORS_ORIGINS, {
    allowsThisMachine: config.NODE_ENV === 'development',
  })
  const outages = createOutageLog(logger)
  const noteRefusal = createNoteRefusal(options.pool, logger, config.TRUST_PROXY)
  const door = createDoor(config, options.pool, options.verifyToken)
  const files = createFiles(options.pool, door.shares)
  const traces = createTraces({ pool: options.pool, shares: door.shares, metrics, bodyLimit: config.BODY_LIMIT_BYTES })
  const live = createLive({ ...options, connection: options.pool.options, door, isAllowedOrigin })
  let isClosing = false
  const listener = options.listener ?? createListener(config)

  const url = await listener.serve((request, response) => {
    const started = performance.now()
    const client = new AbortController()
    const traced = isTraced(pathOf(request))
      ? beginRequest(request.method ?? '', String(request.headers.traceparent))
      : undefined
    const address = clientAddress(request, config.TRUST_PROXY)
    const scope: Scope = { id: requestId(request), route: 'other', address, signal: client.signal }
    response.setHeader('x-request-id', scope.id)
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('referrer-policy', 'no-referrer')
    if (isClosing) response.setHeader('connection', 'close')
    response.on('close', () => {
      // kept alive by a client, it would hold up the end
      if (isClosing) listener.closeIdleConnections()
      const status = response.writableFinished ? response.statusCode : statusOfHangUp
      if (!response.writableFinished) client.abort(new Error('The client hung up.'))
      const seconds = (performance.now() - started) / 1000
      metrics.requests.observe({ route: scope.route, status }, seconds)
      if (traced) endRequest(traced, request.method ?? '', scope.route, status)
      const level = scope.route === 'health' || scope.route === 'other' ? 'debug' : 'info'
      logger[level](
        {
          request: scope.id,
          route: scope.route,
          status,
          ms: Math.round(seconds * 1000),
          user: scope.identity?.userId,
          tenant: scope.identity?.tenantId ?? undefined,
          key: scope.identity?.apiKeyId,
          operation: scope.operation,
        },
        'request',
      )
    })
    const answer = (): Promise<void> =>
      handle(request, response, scope).catch((error: unknown) => fail(response, scope, error))
    if (traced) traced.run(answer)
    else answer()
  }, upgrade)

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (isClosing || pathOf(request) !== '/graphql') socket.destroy()
    else live.upgrade(request, socket, head).catch(() => socket.destroy())
  }

  async function handle(request: IncomingMessage, response: ServerResponse, scope: Scope): Promise<void> {
    const path = pathOf(request)
    const route = routesForPages.find(({ isAt }) => isAt(path))
    if (route) {
      scope.route = route.name
      if (request.method === 'OPTIONS') return answerPreflight(request, response, isAllowedOrigin, route.methods)
      try {
        await (route.name === 'graphql' ? serveGraphQL : serveFiles)(request, response, scope)
      } catch (error) {
        // turned away before a tenant was known, a page must still be able to read why
        if (!scope.identity) await allowOrigin(request, response, isAllowedOrigin).catch(() => {})
        throw error
      }
    } else if (path === '/v1/traces') {
      scope.route = 'traces'
      await serveTraces(request, response, scope)
    } else if (path === '/webhooks/stripe' && config.STRIPE_WEBHOOK_SECRET) {
      scope.route = 'webhook'
      await serveStripeWebhook(config, options.pool, request, response)
    } else if (isHealthPath(path)) {
      scope.route = 'health'
      const ready = async (): Promise<ReadyState> =>
        isClosing ? { unready: { part: 'process', reason: 'The server is shutting down.' } } : options.ready()
      await answerHealth(path, request, response, { metrics, metricsToken: config.METRICS_TOKEN, ready })
    } else if (!(await options.serveRuru?.(request, response))) {
      throw new PublicError(404, 'WB301', 'There is nothing at this address.', 'GraphQL is at /graphql.')
    }
  }

  async function serveFiles(request: IncomingMessage, response: ServerResponse, scope: Scope): Promise<void> {
    const identity = await letIn(request, scope)
    await allowOrigin(request, response, isAllowedOrigin, identity.tenantId ?? undefined)
    await files.serve(request, response, callerOf(identity, response, scope))
  }

  async function serveTraces(request: IncomingMessage, response: ServerResponse, scope: Scope): Promise<void> {
    checkExport(request, response)
    const identity = await letIn(request, scope)
    await traces.serve(request, response, callerOf(identity, response, scope))
  }

  /** Charges one API call, whatever the request asks for. */
  async function letIn(request: IncomingMessage, scope: Scope): Promise<Admitted> {
    const credentials = await door.credentialsOf(request.headers.authorization)
    scope.requestedTenant = door.tenantAskedFor(request.headers['x-tenant-id'], credentials)
    const identity = await door.admit(credentials, scope, { calls: 1, chargedCalls: 0 })
    scope.identity = identity
    return identity
  }

  /** Who is served, unless a limit refuses it. */
  function callerOf(identity: Admitted, response: ServerResponse, scope: Scope): Caller {
    sendRateLimit(response, identity.admission)
    refuse(response, identity.admission)
    return { key: keyOf(identity), settings: door.settingsFor(identity, scope), signal: scope.signal }
  }

  async function serveGraphQL(request: IncomingMessage, response: ServerResponse, scope: Scope): Promise<void> {
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      throw new PublicError(405, 'WB404', 'GraphQL is served over POST.', 'Send a POST request with a JSON body.')
    }
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
      // also what keeps a foreign page's form from calling us
      throw new PublicError(415, 'WB405', 'The request must be application/json.', 'Set the content-type header.')
    }
    if (/\bapplication\/graphql-response\+json\b/i.test(request.headers.accept ?? '')) {
      response.setHeader('content-type', 'application/graphql-response+json; charset=utf-8')
    }
    const { authorization } = request.headers
    // who has no good token or key is turned away before anything is read; in development the schema is open to tools
    const credentials = authorization || config.isProduction ? await door.credentialsOf(authorization) : undefined
    const body = options.executor.read(await readBody(request, config.BODY_LIMIT_BYTES))
    if (!credentials && !options.executor.isPublic(body)) throw unauthenticated()

    if (
      credentials &&
      /\btext\/event-stream\b/i.test(request.headers.accept ?? '') &&
      options.executor.isSubscription(body)
    ) {
      return serveEvents(request, response, scope, credentials, body)
    }
    const context: Partial<Grafast.RequestContext> = {}
    let admission: Admission | undefined
    let charge: ((calls: number) => Promise<void>) | undefined
    if (credentials) {
      scope.requestedTenant = door.tenantAskedFor(request.headers['x-tenant-id'], credentials)
      const chargedCalls = options.executor.knownCalls(body) ?? 1
      const identity = await door.admit(credentials, scope, { calls: chargedCalls, chargedCalls: 0 })
      scope.identity = identity
      admission = identity.admission
      charge = async (calls) => {
        if (calls <= chargedCalls) return
        const charged = await door.admit(credentials, scope, { calls: calls - chargedCalls, chargedCalls })
        sendRateLimit(response, charged.admission)
        refuse(response, charged.admission)
      }
      context.pgSettings = door.settingsFor(identity, scope)
    }
    await allowOrigin(request, response, isAllowedOrigin, scope.identity?.tenantId ?? undefined)
    if (admission) {
      sendRateLimit(response, admission)
      // who has no API calls left can still buy more, and is charged nothing for it
      if (admission.refusal_code === 'QT601' && options.executor.isAlwaysOpen(body)) charge = undefined
      else refuse(response, admission)
    }
    scope.operation = body.operationName?.slice(0, 100)
    const key = keyOf(scope.identity)
    const {
      status,
      body: answer,
      errors,
      operation,
    } = await runFor({ shares: door.shares, key, signal: scope.signal }, () =>
      options.executor.run(body, context, charge),
    )
    scope.operation ??= operation
    if (scope.signal.aborted) return
    const codes = errors.map(({ extensions }) => String(extensions.code ?? 'GRAPHQL'))
    for (const code of codes) metrics.errors.inc({ code })
    for (const code of new Set(codes)) recordRefusal(request, scope, code)
    const refusal = codes.find((code) => meansTryAgain.includes(code))
    if (refusal) {
      outages.failed(refusal)
      response.setHeader('retry-after', retryAfterSeconds)
    } else outages.served()
    sendText(response, refusal ? 503 : status, answer)
  }

  function serveEvents(
    request: IncomingMessage,
    response: ServerResponse,
    scope: Scope,
    credentials: Credentials,
    body: GraphQLRequest,
  ): Promise<void> {
    scope.requestedTenant = door.tenantAskedFor(request.headers['x-tenant-id'], credentials)
    scope.operation = body.operationName?.slice(0, 100)
    return live.serveEvents(response, credentials, { ...scope }, body, async ({ identity }, admission) => {
      // its duration says nothing about how fast requests are answered
      scope.route = 'live'
      scope.identity = identity
      await allowOrigin(request, response, isAllowedOrigin, identity.tenantId)
      sendRateLimit(response, admission)
      refuse(response, admission)
    })
  }

  const recordRefusal = (request: IncomingMessage, { id, identity, requestedTenant, operation }: Scope, code = '') =>
    noteRefusal(request, { code, requestId: id, ...identity, requestedTenant, operation })

  function fail(response: ServerResponse, scope: Scope, error: unknown): void {
    // it went wrong under way, or the client is gone
    if (response.headersSent || scope.signal.aborted || (response.req.destroyed && !response.req.complete)) {
      response.destroy()
      return
    }
    if (error instanceof AggregateError) {
      sendJson(response, 400, { errors: error.errors as GraphQLError[] })
      return
    }
    const shown = publicPart(error)
    const status = error instanceof PublicError ? error.status : statusOf(shown?.extensions.code)
    if (status === 401) response.setHeader('www-authenticate', 'Bearer')
    if (status === 503) {
      outages.failed(shown?.extensions.code ?? '', error)
      response.setHeader('retry-after', retryAfterSeconds)
    }
    const body =
      shown ?? internalError(error, (fields, message) => logger.error({ request: scope.id, ...fields }, message))
    metrics.errors.inc({ code: body.extensions.code ?? 'INTERNAL' })
    recordRefusal(response.req, scope, body.extensions.code)
    if (scope.route === 'traces') {
      sendStatus(response, status, body.extensions.code ?? 'INTERNAL', body.message)
      return
    }
    // a file may be long, and nobody reads on
    const isSending = scope.route === 'files' && !response.req.complete
    const send = status === 413 || isSending ? sendAndClose : sendText
    send(response, status, JSON.stringify({ errors: [body] }))
  }

  return {
    url,
    close: async () => {
      isClosing = true
      await live.close()
      await listener.close(config.SHUTDOWN_TIMEOUT_MS)
    },
  }
}

/** What pages of other origins may call, and how. */
const routesForPages = [
  { name: 'graphql', isAt: (path: string) => path === '/graphql', methods: 'POST' },
  { name: 'files', isAt: (path: string) => path.startsWith('/files/'), methods: 'GET, PUT' },
] as const

const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?', 1)[0] ?? '/'

/** Not the asking for health, and not the taking of spans: a server that reports to itself would never come to an end. */
const isTraced = (path: string): boolean => !isHealthPath(path) && path !== '/v1/traces'

/** The kind digit of our own codes is the status. */
function statusOf(code = ''): number {
  if (isTransient(code)) return 503
  return (
    { '1': 401, '2': 403, '3': 404, '4': 400, '5': 409, '6': 429 }[/^[A-Z]/.test(code) ? (code[2] ?? '') : ''] ?? 500
  )
}

function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,100}$/.test(given) ? given : randomUUID()
}
