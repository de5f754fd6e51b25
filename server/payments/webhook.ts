// POST /webhooks/stripe: the signature is checked over the received bytes, then the database stores the event and applies it in
// one transaction. Stripe sends the event again after any answer except 200.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Pool } from 'pg'
import Stripe from 'stripe'
import type { Config } from '../config.ts'
import { PublicError } from '../errors.ts'
import { readBody, sendJson } from '../http-basics.ts'

const largestEvent = 1_000_000

export async function serveStripeWebhook(
  config: Config,
  pool: Pool,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST')
    throw new PublicError(405, 'LB405', 'Events are sent by POST.', 'Point the webhook of your Stripe account here.')
  }
  const body = await readBody(request, Math.min(largestEvent, config.BODY_LIMIT_BYTES))
  const event = verifiedEvent(body, request.headers['stripe-signature'], config.STRIPE_WEBHOOK_SECRET ?? '')
  const { rows } = await pool.query<{ outcome: string }>(
    `select billing.receive_payment_event('stripe', $1, $2, $3, $4) as outcome`,
    [event.id, event.type, new Date(event.created * 1000), JSON.stringify(event.data.object)],
  )
  sendJson(response, 200, { outcome: rows[0]?.outcome })
}

function verifiedEvent(body: string, signature: string | string[] | undefined, secret: string): Stripe.Event {
  try {
    return Stripe.webhooks.constructEvent(body, signature ?? '', secret)
  } catch {
    throw new PublicError(400, 'LB406', 'The signature of the event is not valid.', 'Check STRIPE_WEBHOOK_SECRET.')
  }
}
