// A small Stripe: an HTTP server that speaks the calls we make as Stripe documents them, with its idempotency keys, and
// signs its events. The SDK in front of it is the real one.

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Stripe from 'stripe'

export type Call = { method: string; path: string; body: Record<string, string>; key: string | undefined }
type Answer = { status: number; body: Record<string, unknown> }

export type FakeStripe = {
  url: string
  calls: Call[]
  /** How the next charges go: the decline code, or undefined for success. */
  declineWith: string | undefined
  /** Answers 500 or breaks the connection after having done the work, this many times. */
  failures: number
  intents: Map<string, Record<string, unknown>>
  close: () => Promise<void>
}

export const webhookSecret = 'whsec_of_the_tests'

export function signed(event: { id: string; type: string; object: object; created?: number }): {
  body: string
  signature: string
} {
  const body = JSON.stringify({
    id: event.id,
    object: 'event',
    type: event.type,
    created: event.created ?? 1_750_000_000,
    data: { object: event.object },
  })
  return { body, signature: Stripe.webhooks.generateTestHeaderString({ payload: body, secret: webhookSecret }) }
}

export async function startFakeStripe(): Promise<FakeStripe> {
  let serial = 0
  const remembered = new Map<string, Answer>()
  const server = createServer((request, response) => {
    read(request)
      .then((body) => {
        const path = (request.url ?? '').split('?')[0] as string
        const header = request.headers['idempotency-key']
        const key = typeof header === 'string' ? header : undefined
        fake.calls.push({ method: request.method ?? '', path, body, key })
        const answer = (key && remembered.get(key)) || serve(request.method ?? '', path, body)
        if (key) remembered.set(key, answer)
        if (fake.failures > 0) {
          fake.failures -= 1
          request.socket.destroy()
          return
        }
        response.writeHead(answer.status, { 'content-type': 'application/json', 'request-id': `req_${serial}` })
        response.end(JSON.stringify(answer.body))
      })
      .catch(() => request.socket.destroy())
  })

  const nextId = (prefix: string): string => {
    serial += 1
    return `${prefix}_${serial}`
  }
  const metadataOf = (body: Record<string, string>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(body).flatMap(([name, value]) => {
        const key = /^metadata\[(\w+)\]$/.exec(name)?.[1]
        return key ? [[key, value]] : []
      }),
    )
  const refusal = (status: number, error: object): Answer => ({ status, body: { error } })

  function serve(method: string, path: string, body: Record<string, string>): Answer {
    if (method === 'POST' && path === '/v1/customers') {
      return { status: 200, body: { id: nextId('cus'), object: 'customer', metadata: metadataOf(body) } }
    }
    const attached = /^\/v1\/payment_methods\/(\w+)\/(attach|detach)$/.exec(path)
    if (method === 'POST' && attached) {
      if (attached[1] === 'pm_unknown') {
        return refusal(404, {
          type: 'invalid_request_error',
          code: 'resource_missing',
          message: 'No such PaymentMethod.',
        })
      }
      const card = { brand: 'visa', last4: '4242', exp_month: 12, exp_year: 2030 }
      return { status: 200, body: { id: attached[1], object: 'payment_method', type: 'card', card } }
    }
    if (method === 'POST' && path === '/v1/payment_intents') {
      const intent: Record<string, unknown> = {
        id: nextId('pi'),
        object: 'payment_intent',
        amount: Number(body.amount),
        currency: body.currency,
        customer: body.customer,
        status: 'succeeded',
        amount_received: Number(body.amount),
        metadata: metadataOf(body),
      }
      fake.intents.set(intent.id as string, intent)
      if (!fake.declineWith) return { status: 200, body: intent }
      const error = {
        type: 'card_error',
        code: 'card_declined',
        decline_code: fake.declineWith,
        message: 'Your card was declined.',
      }
      Object.assign(intent, { status: 'requires_payment_method', amount_received: 0, last_payment_error: error })
      return refusal(402, { ...error, payment_intent: intent })
    }
    if (method === 'GET' && path === '/v1/payment_intents') {
      return { status: 200, body: { object: 'list', has_more: false, url: path, data: [...fake.intents.values()] } }
    }
    if (method === 'POST' && path === '/v1/refunds') {
      return {
        status: 200,
        body: {
          id: nextId('re'),
          object: 'refund',
          amount: Number(body.amount),
          payment_intent: body.payment_intent,
          status: 'succeeded',
          metadata: metadataOf(body),
        },
      }
    }
    return refusal(404, { type: 'invalid_request_error', message: `Unrecognized request URL (${method}: ${path}).` })
  }

  const fake: FakeStripe = {
    url: '',
    calls: [],
    declineWith: undefined,
    failures: 0,
    intents: new Map(),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return fake
}

async function read(request: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')))
}
