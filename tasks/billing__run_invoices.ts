// Runs the billing of every tenant for which something is due. An error of one tenant is logged and does not stop the others.

import { runBilling } from '../server/billing-run.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '*/5 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, logger }) => {
  const { failures } = await runBilling(
    (text, values) => withPgClient((client) => client.query(text, values)),
    (message) => logger.error(message),
  )
  if (failures > 0) throw new Error(`Billing failed for ${failures} tenants; the log says which`)
}
