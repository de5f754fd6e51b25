// Charges due invoices: the one that the payload names, or else all. A charge is written down first, so a charge that was
// interrupted is requested again under the same key.

import type { WithPgClient } from 'graphile-worker'
import { z } from 'zod'
import { paymentProvider } from '../server/payments/index.ts'
import { invoicePayload } from '../server/worker/payload.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

type Due = { tenantId: string; invoiceId: string }
type Begun = {
  payment_id: string
  provider: string
  amount_minor: string
  customer_id: string
  currency: string
  provider_method_id: string
  invoice_number: string
  attempted_at: Date
  is_repeated: boolean
}

/** One invoice, or none when all are meant. */
export const payload = z.union([invoicePayload, noPayload])
export const cron = '*/5 * * * *'

export const task: TaskOf<typeof payload> = async (given, { withPgClient, logger }) => {
  const one = invoicePayload.safeParse(given)
  const due = one.success ? [one.data] : await dueInvoices(withPgClient)
  let failures = 0
  for (const invoice of due) {
    try {
      await collect(invoice, withPgClient)
    } catch (error) {
      failures += 1
      logger.error(`Charging invoice ${invoice.invoiceId} was interrupted: ${(error as Error).message}`)
    }
  }
  // an interrupted charge stays written down, and it is requested again when its lease has expired
  if (failures > 0) throw new Error(`${failures} charges were interrupted; the log says which`)
}

async function dueInvoices(withPgClient: WithPgClient): Promise<Due[]> {
  const { rows } = await withPgClient((client) =>
    client.query<Due>('select tenant_id as "tenantId", invoice_id as "invoiceId" from billing.payments_to_collect()'),
  )
  return rows
}

async function collect({ tenantId, invoiceId }: Due, withPgClient: WithPgClient): Promise<void> {
  const { rows } = await withPgClient((client) =>
    client.query<Begun>('select * from billing.begin_payment($1, $2)', [tenantId, invoiceId]),
  )
  const begun = rows[0]
  if (!begun) return
  const outcome = await paymentProvider(begun.provider).charge({
    tenantId,
    paymentId: begun.payment_id,
    invoiceNumber: begun.invoice_number,
    amountMinor: Number(begun.amount_minor),
    currency: begun.currency,
    customerId: begun.customer_id,
    methodId: begun.provider_method_id,
    attemptedAt: begun.attempted_at,
    isRepeated: begun.is_repeated,
  })
  const failure = outcome.status === 'failed' ? outcome : undefined
  await withPgClient((client) =>
    client.query('select billing.finish_payment($1, $2, $3, $4, $5, $6)', [
      tenantId,
      begun.payment_id,
      outcome.status,
      outcome.providerId,
      failure?.code,
      failure?.message,
    ]),
  )
}
