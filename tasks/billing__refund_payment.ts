// Pays a refund back through the provider of the payment.

import { z } from 'zod'
import { paymentProvider } from '../server/payments/index.ts'
import type { TaskOf } from '../server/worker/task.ts'

type Refund = { provider: string; provider_payment_id: string; amount_minor: string }

export const payload = z.strictObject({ tenantId: z.uuid(), refundId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ tenantId, refundId }, { withPgClient }) => {
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
