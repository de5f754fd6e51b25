// Closes the tickets of a tenant that nobody has touched for thirty days.

import { tenantPayload } from '../../../server/worker/payload.ts'
import type { TaskOf } from '../../../server/worker/task.ts'

export const payload = tenantPayload

export const task: TaskOf<typeof payload> = async ({ tenantId }, { withPgClient }) => {
  await withPgClient((client) => client.query(`select helpdesk.close_stale_tickets($1, '30 days')`, [tenantId]))
}
