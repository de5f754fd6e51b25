// Removes a payment method at the provider after its owner removed it here.

import { paymentProvider } from '../server/payments/index.ts'
import { paymentMethodPayload } from '../server/worker/payload.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = paymentMethodPayload

export const task: TaskOf<typeof payload> = async ({ tenantId, paymentMethodId }, { withPgClient }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ provider: string; provider_method_id: string; status: string }>(
      'select provider, provider_method_id, status from billing.payment_method_for_provider($1, $2)',
      [tenantId, paymentMethodId],
    ),
  )
  const method = rows[0]
  if (method?.status === 'detached') await paymentProvider(method.provider).detachMethod(method.provider_method_id)
}
