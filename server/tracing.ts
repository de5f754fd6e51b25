// What the server tells of itself by OpenTelemetry: a span for each request, statement and job. Without an endpoint nobody
// listens and a span costs nothing. A span names what was done, and never has the text of a query, a value or a person.

import { AsyncLocalStorage } from 'node:async_hooks'
import type * as Api from '@opentelemetry/api'
import type { PoolClient } from 'pg'

/** The API comes with the tracer: whoever does not trace need not load it. */
type Tracing = { api: typeof Api; tracer: Api.Tracer }

const active = new AsyncLocalStorage<Api.Context>()
let tracing: Tracing | undefined

/** From now on spans go to this tracer, or nowhere. */
export function traceWith(next: Tracing | undefined): void {
  tracing = next
}

export type Begun = { api: typeof Api; span: Api.Span; run: <T>(work: () => T) => T }

type NewSpan = { name: string; kind: keyof typeof Api.SpanKind; attributes: Api.Attributes }

/** Begins a span below the parent, or as the root of a trace. */
function begin({ api, tracer }: Tracing, { name, kind, attributes }: NewSpan, parent?: Api.Context): Begun {
  const context = parent ?? api.ROOT_CONTEXT
  const span = tracer.startSpan(name, { kind: api.SpanKind[kind], attributes }, context)
  return { api, span, run: (work) => active.run(api.trace.setSpan(context, span), work) }
}

/** A span for a request, which is named when its route is known; below the client's own when it sent a traceparent. */
export function beginRequest(method: string, traceparent: string): Begun | undefined {
  const span: NewSpan = { name: method, kind: 'SERVER', attributes: { 'http.request.method': method } }
  return tracing && begin(tracing, span, contextOf(tracing, traceparent))
}

/** What a client says of its own trace (W3C Trace Context). */
function contextOf({ api }: Tracing, traceparent: string): Api.Context | undefined {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent) ?? []
  if (!traceId || !spanId || !flags) return undefined
  return api.trace.setSpanContext(api.ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
  })
}

export function endRequest(request: Begun, method: string, route: string, status: number): void {
  request.span.updateName(`${method} ${route}`)
  request.span.setAttributes({ 'http.route': route, 'http.response.status_code': status })
  end(request, status >= 500 ? String(status) : undefined)
}

/** Ends a span, as an error of this class when there is one. */
function end({ api, span }: Begun, error?: string): void {
  if (error !== undefined) {
    span.setAttribute('error.type', error)
    span.setStatus({ code: api.SpanStatusCode.ERROR })
  }
  span.end()
}

/** A job has a trace of its own: it may run long after what asked for it. */
export async function traceJob<T>(task: string, work: () => Promise<T>): Promise<T> {
  if (!tracing) return work()
  const begun = begin(tracing, { name: `job ${task}`, kind: 'CONSUMER', attributes: { 'rowhouse.task': task } })
  try {
    const result = await begun.run(work)
    end(begun)
    return result
  } catch (error) {
    end(begun, classOf(error))
    throw error
  }
}

/** Statements of this connection become spans, those of a request or a job below its own. */
export function traceStatements(client: PoolClient): void {
  const run = client.query.bind(client) as (...args: unknown[]) => unknown
  client.query = ((...args: unknown[]): unknown => {
    const parent = active.getStore()
    const begun = tracing && parent && beginStatement(tracing, args[0], parent)
    if (!begun) return run(...args)
    const last = args.at(-1)
    if (typeof last === 'function') {
      args[args.length - 1] = (error: unknown, ...results: unknown[]) => {
        end(begun, error ? classOf(error) : undefined)
        last(error, ...results)
      }
      return run(...args)
    }
    const result = run(...args)
    if (result instanceof Promise) {
      result.then(
        () => end(begun),
        (error: unknown) => end(begun, classOf(error)),
      )
    } else end(begun)
    return result
  }) as typeof client.query
}

function beginStatement(tracing: Tracing, query: unknown, parent: Api.Context): Begun {
  const { text = query, name } = (typeof query === 'object' ? query : {}) as { text?: unknown; name?: unknown }
  // only the first word, such as select or begin, and the name of a statement of ours
  const operation = (typeof text === 'string' && /^\s*([a-z]{1,20})\b/i.exec(text)?.[1]?.toLowerCase()) || 'statement'
  const ours = typeof name === 'string' && /^rowhouse_(\w+)$/.exec(name)?.[1]
  const attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': operation,
    ...(ours ? { 'db.query.summary': ours } : {}),
  }
  return begin(tracing, { name: ours ? `${operation} ${ours}` : operation, kind: 'CLIENT', attributes }, parent)
}

/** The code of an error of ours or the database, else its name; its message may quote values. */
const classOf = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : typeof name === 'string' ? name : '_OTHER'
}
