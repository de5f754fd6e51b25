// Pays a refund back through the provider of the payment.

import type { Task } from 'graphile-worker'
import { paymentProvider } from '../server/payments/index.ts'
import { refundPayload } from '../server/worker/payload.ts'

type Refund = { provider: string; provider_payment_id: string; amount_minor: string }

export const task: Task = async (payload, { withPgClient }) => {
  const { tenantId, refundId } = refundPayload.parse(payload)
  const { rows } = await withPgClient((client) =>
    client.query<Refund>('select * from billing.refund_for_provider($1, $2)', [tenantId, refundId]),
  )
  const refund = rows[0]
  if (!refund) return
  const outcome = await paymentProvider(refund.provider).refund({
    tenantId,
    refundId,
    providerPaymentId: refund.provider_payment_id,
    amountMinor: Number(refund.amount_minor),
  })
  await withPgClient((client) =>
    client.query('select billing.finish_refund($1, $2, $3, $4, $5)', [
      tenantId,
      refundId,
      outcome.status,
      outcome.providerId,
      outcome.status === 'failed' ? outcome.message : null,
    ]),
  )
}
