// Lets a panel go on when all turns of its step have ended. A job comes with each answer that ends.

import { z } from 'zod'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), panelId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ tenantId, panelId }, { withPgClient }) => {
  await withPgClient((client) => client.query('select conversation.advance_panel($1, $2)', [tenantId, panelId]))
}
