// Sends what the database says is due to webhook endpoints and reports each answer. Which deliveries are due, how many an
// endpoint and a tenant may have under way, and when one is tried again is decided by sql/10_webhooks/40_sending.sql.

import { type Outgoing, OutgoingError } from './outgoing.ts'
import { createSideBySide, type SideBySide, type WithPgClient } from './worker/side-by-side.ts'

type Claimed = {
  tenant_id: string
  delivery_id: string
  attempt: number
  url: string
  message_id: string
  sent_at: string
  signatures: string
  body: string
}

export type Sender = {
  /** Sends until nothing is due; false when the signal ended it before. */
  send: SideBySide['work']
}

const mostAtOnce = 100
/** Enough for the 1,000 characters that are kept, whatever bytes they have. */
const prefixBytes = 4_000

export function createSender(outgoing: Outgoing): Sender {
  const calls = createSideBySide<Claimed>({
    ...{ mostAtOnce, claim },
    run: (withPgClient, one) => deliver(outgoing, withPgClient, one),
  })
  return { send: calls.work }
}

async function claim(withPgClient: WithPgClient, room: number): Promise<Claimed[]> {
  const { rows } = await withPgClient((client) =>
    client.query<Claimed>('select * from webhooks.claim_deliveries($1)', [room]),
  )
  return rows
}

async function deliver(outgoing: Outgoing, withPgClient: WithPgClient, one: Claimed): Promise<void> {
  const startedAt = performance.now()
  const answer = await outgoing
    .post(one.url, {
      headers: {
        'content-type': 'application/json',
        'webhook-id': one.message_id,
        'webhook-timestamp': one.sent_at,
        'webhook-signature': one.signatures,
      },
      body: one.body,
      prefixBytes,
    })
    .catch((error: unknown) => {
      if (!(error instanceof OutgoingError)) throw error
      return { status: null, prefix: null, error: error.message }
    })
  await withPgClient((client) =>
    client.query('select webhooks.finish_delivery($1, $2, $3, $4, $5, $6, $7)', [
      one.tenant_id,
      one.delivery_id,
      one.attempt,
      answer.status,
      answer.prefix,
      Math.round(performance.now() - startedAt),
      'error' in answer ? answer.error : null,
    ]),
  )
}
