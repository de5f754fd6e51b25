// Sends what the database says is due to webhook endpoints and reports each answer. Which deliveries are due, how many an
// endpoint and a tenant may have under way, and when one is tried again is decided by sql/10_webhooks/40_sending.sql.

import type { JobHelpers } from 'graphile-worker'
import { type Outgoing, OutgoingError } from './outgoing.ts'

type WithPgClient = JobHelpers['withPgClient']

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
  /**
   * Sends until nothing is due; false when the signal ended it before. One call is at work at a time: another one tells it to
   * look again, and returns.
   */
  send: (withPgClient: WithPgClient, signal: AbortSignal) => Promise<boolean>
}

const mostAtOnce = 100
/** Enough for the 1,000 characters that are kept, whatever bytes they have. */
const prefixBytes = 4_000

export function createSender(outgoing: Outgoing): Sender {
  const underWay = new Set<Promise<void>>()
  let asked: PromiseWithResolvers<void> | undefined
  let hasBeenAsked = false

  async function work(withPgClient: WithPgClient, signal: AbortSignal): Promise<boolean> {
    let failure: unknown
    for (;;) {
      asked = Promise.withResolvers()
      hasBeenAsked = false
      const isOver = signal.aborted || failure !== undefined
      const claimed = isOver ? [] : await claim(withPgClient, mostAtOnce - underWay.size)
      for (const one of claimed) {
        const sent: Promise<void> = deliver(outgoing, withPgClient, one)
          .catch((error) => {
            failure ??= error
          })
          .finally(() => underWay.delete(sent))
        underWay.add(sent)
      }
      if (underWay.size > 0) await Promise.race(isOver ? underWay : [...underWay, asked.promise])
      else if (failure !== undefined) throw failure
      else if (isOver) return false
      else if (!hasBeenAsked) return true
    }
  }

  return {
    send: async (withPgClient, signal) => {
      hasBeenAsked = true
      asked?.resolve()
      if (asked) return true
      try {
        return await work(withPgClient, signal)
      } finally {
        asked = undefined
      }
    },
  }
}

async function claim(withPgClient: WithPgClient, room: number): Promise<Claimed[]> {
  if (room <= 0) return []
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
