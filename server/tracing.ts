// What the server tells of itself by OpenTelemetry: a span for each request, statement and job. Without an endpoint nobody
// listens and a span costs nothing. A span names what was done, and never has the text of a query, a value or a person.

import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { PoolClient } from 'pg'

const active = new AsyncLocalStorage<Context>()
let tracer: Tracer | undefined

/** From now on spans go to this tracer, or nowhere. */
export function traceWith(next: Tracer | undefined): void {
  tracer = next
}

export type Begun = { span: Span; run: <T>(work: () => T) => T }

/** Begins a span below the one that is active, or below the caller's own when a request came with a traceparent. */
function begin(name: string, kind: SpanKind, attributes: Attributes, parent = active.getStore()): Begun | undefined {
  if (!tracer) return undefined
  const context = parent ?? ROOT_CONTEXT
  const span = tracer.startSpan(name, { kind, attributes }, context)
  return { span, run: (work) => active.run(trace.setSpan(context, span), work) }
}

/** A span for a request, which is named when its route is known. */
export const beginRequest = (method: string, traceparent: string): Begun | undefined =>
  begin(method, SpanKind.SERVER, { 'http.request.method': method }, contextOf(traceparent))

/** What a client says of its own trace (W3C Trace Context). */
function contextOf(traceparent: string): Context | undefined {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent) ?? []
  if (!traceId || !spanId || !flags) return undefined
  return trace.setSpanContext(ROOT_CONTEXT, {
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
function end({ span }: Begun, error?: string): void {
  if (error !== undefined) {
    span.setAttribute('error.type', error)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}

/** A job has a trace of its own: it may run long after what asked for it. */
export async function traceJob<T>(task: string, work: () => Promise<T>): Promise<T> {
  const begun = begin(`job ${task}`, SpanKind.CONSUMER, { 'rowhouse.task': task }, ROOT_CONTEXT)
  if (!begun) return work()
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
    const begun = active.getStore() && beginStatement(args[0])
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

function beginStatement(query: unknown): Begun | undefined {
  const { text = query, name } = (typeof query === 'object' ? query : {}) as { text?: unknown; name?: unknown }
  // only the first word, such as select or begin, and the name of a statement of ours
  const operation = (typeof text === 'string' && /^\s*([a-z]{1,20})\b/i.exec(text)?.[1]?.toLowerCase()) || 'statement'
  const ours = typeof name === 'string' && /^rowhouse_(\w+)$/.exec(name)?.[1]
  return begin(ours ? `${operation} ${ours}` : operation, SpanKind.CLIENT, {
    'db.system.name': 'postgresql',
    'db.operation.name': operation,
    ...(ours ? { 'db.query.summary': ours } : {}),
  })
}

/** The code of an error of ours or the database, else its name; its message may quote values. */
const classOf = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : typeof name === 'string' ? name : '_OTHER'
}
