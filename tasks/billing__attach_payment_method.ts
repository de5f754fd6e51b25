// Creates the customer of a tenant at the provider, once, and attaches a payment method to it.

import { paymentProvider } from '../server/payments/index.ts'
import { type AttachedMethod, PaymentMethodError } from '../server/payments/provider.ts'
import { paymentMethodPayload } from '../server/worker/payload.ts'
import type { TaskOf } from '../server/worker/task.ts'

type Job = {
  provider: string
  provider_method_id: string
  status: string
  customer_id: string | null
  name: string | null
  email: string | null
}

export const payload = paymentMethodPayload

export const task: TaskOf<typeof payload> = async ({ tenantId, paymentMethodId }, { withPgClient }) => {
  const { rows } = await withPgClient((client) =>
    client.query<Job>('select * from billing.payment_method_for_provider($1, $2)', [tenantId, paymentMethodId]),
  )
  const job = rows[0]
  if (job?.status !== 'pending') return
  const provider = paymentProvider(job.provider)
  let customerId = job.customer_id
  if (!customerId) {
    const created = await provider.createCustomer({ tenantId, name: job.name, email: job.email })
    customerId = await withPgClient(async (client) => {
      const stored = await client.query<{ id: string }>('select billing.store_payment_customer($1, $2, $3) as id', [
        tenantId,
        job.provider,
        created,
      ])
      return stored.rows[0]?.id ?? created
    })
  }
  let method: AttachedMethod | undefined
  let failure: string | null = null
  try {
    method = await provider.attachMethod(customerId, job.provider_method_id)
  } catch (error) {
    if (!(error instanceof PaymentMethodError)) throw error
    failure = error.message
  }
  await withPgClient((client) =>
    client.query('select billing.finish_attaching_method($1, $2, $3, $4, $5, $6, $7)', [
      tenantId,
      paymentMethodId,
      method?.brand,
      method?.last4,
      method?.expiresMonth,
      method?.expiresYear,
      failure,
    ]),
  )
}
