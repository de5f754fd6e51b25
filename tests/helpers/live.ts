// Subscribers for tests: the official clients of both protocols, with what they receive as it comes.

import { createClient as createSseClient } from 'graphql-sse'
import { createClient as createSocketClient } from 'graphql-ws'
import type { GraphQLAnswer, TestServer } from './server.ts'

export type Received = Pick<GraphQLAnswer, 'data' | 'errors'>
export type Subscriber = {
  /** The next answer; fails when the stream ends. */
  next: () => Promise<Received>
  /** How the subscription ended: undefined when it was completed, else what the client was told. */
  end: Promise<unknown>
  /** How the connection was closed. */
  closed: Promise<{ code: number; reason: string }>
  leave: () => void
}
export type Operation = { query: string; variables?: Record<string, unknown>; operationName?: string }
export type Who = { authorization?: string; tenant?: string }

type Sink = { next: (value: Received) => void; error: (error: unknown) => void; complete: () => void }

function collect(subscribe: (sink: Sink) => () => void): Omit<Subscriber, 'closed'> {
  const answers: Received[] = []
  const waiting: { resolve: (answer: Received) => void; reject: (error: unknown) => void }[] = []
  let ended: { reason: unknown } | undefined
  const ending = Promise.withResolvers<unknown>()
  const finish = (reason: unknown): void => {
    ended ??= { reason }
    ending.resolve(reason)
    for (const { reject } of waiting.splice(0)) reject(reason ?? new Error('The subscription was completed.'))
  }
  const leave = subscribe({
    next: (answer) => {
      const first = waiting.shift()
      if (first) first.resolve(answer)
      else answers.push(answer)
    },
    error: finish,
    complete: () => finish(undefined),
  })
  return {
    next: () => {
      const answer = answers.shift()
      if (answer) return Promise.resolve(answer)
      if (ended) return Promise.reject(ended.reason ?? new Error('The subscription was completed.'))
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    end: ending.promise,
    leave,
  }
}

export function openSocket(server: TestServer, { authorization, tenant }: Who) {
  const closed = Promise.withResolvers<{ code: number; reason: string }>()
  const client = createSocketClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    retryAttempts: 0,
    lazy: true,
    connectionParams: {
      ...(authorization ? { authorization } : {}),
      ...(tenant ? { 'x-tenant-id': tenant } : {}),
    },
    on: { closed: (event) => closed.resolve(event as CloseEvent) },
  })
  return {
    subscribe: (operation: Operation): Subscriber => ({
      ...collect((sink) => client.subscribe(operation as never, sink as never)),
      closed: closed.promise,
    }),
    close: () => client.dispose(),
  }
}

export function openEvents(server: TestServer, { authorization, tenant }: Who) {
  const client = createSseClient({
    url: `${server.url}/graphql`,
    retryAttempts: 0,
    headers: { ...(authorization ? { authorization } : {}), ...(tenant ? { 'x-tenant-id': tenant } : {}) },
  })
  return {
    subscribe: (operation: Operation): Subscriber => ({
      ...collect((sink) => client.subscribe(operation as never, sink as never)),
      closed: Promise.resolve({ code: 0, reason: '' }),
    }),
    close: () => client.dispose(),
  }
}

export const transports = { websocket: openSocket, sse: openEvents }
