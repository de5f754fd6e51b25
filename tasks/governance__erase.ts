// Erases a person or a tenant, a batch a transaction, until it is done or a legal hold keeps the rest.

import { z } from 'zod'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), erasureId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ tenantId, erasureId }, { withPgClient }) => {
  for (let status = 'running'; status === 'running'; ) {
    const { rows } = await withPgClient((client) =>
      client.query<{ status: string }>('select governance.continue_erasure($1, $2) as status', [tenantId, erasureId]),
    )
    status = rows[0]?.status ?? 'completed'
  }
}
