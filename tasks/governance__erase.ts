// Erases a person or a tenant, a batch a transaction, until it is done or a legal hold keeps the rest.

import { z } from 'zod'
import { carryOutErasure } from '../server/erasures.ts'
import type { Ask } from '../server/exports.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), erasureId: z.uuid() })

export const task: TaskOf<typeof payload> = async (wanted, { withPgClient }) => {
  const ask: Ask = (text, values) => withPgClient(async (client) => (await client.query(text, values)).rows as never)
  await carryOutErasure(ask, wanted)
}
