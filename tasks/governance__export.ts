// Writes the file of an export, and begins it again when it was stopped.

import { z } from 'zod'
import { type Ask, writeExport } from '../server/exports.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), exportId: z.uuid() })

export const task: TaskOf<typeof payload> = async (wanted, { withPgClient }) => {
  const ask: Ask = (text, values) => withPgClient(async (client) => (await client.query(text, values)).rows as never)
  await writeExport(ask, wanted)
}
