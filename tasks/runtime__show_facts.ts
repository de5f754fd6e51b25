// Brings the facts of an agent that hold, and are not searched, into the search.

import { z } from 'zod'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), agentId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ tenantId, agentId }, { withPgClient }) => {
  await withPgClient((client) => client.query('select runtime.show_due_facts($1, $2)', [tenantId, agentId]))
}
