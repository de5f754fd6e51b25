// Runs reminders, renewals and invoices of every tenant for which something is due, each tenant in its own transaction. An error
// of one tenant is logged and does not stop the others.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '*/5 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, logger }) => {
  let after: string | null = null
  let failures = 0
  for (;;) {
    const page: string[] = await withPgClient(async (client) => {
      const { rows } = await client.query<{ id: string }>('select billing.tenants_to_bill($1) as id', [after])
      return rows.map(({ id }) => id)
    })
    for (const tenantId of page) {
      try {
        await withPgClient((client) => client.query('select billing.run_billing($1)', [tenantId]))
      } catch (error) {
        failures += 1
        logger.error(`Billing of tenant ${tenantId} failed: ${(error as Error).message}`)
      }
    }
    after = page.at(-1) ?? null
    if (!after) break
  }
  if (failures > 0) throw new Error(`Billing failed for ${failures} tenants; the log says which`)
}
