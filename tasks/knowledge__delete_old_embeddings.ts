// After a source has changed its embedding model: deletes the vectors of the old one, some at a time.

import { z } from 'zod'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), sourceId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ tenantId, sourceId }, { withPgClient }) => {
  for (let last: string | null = '0'; last !== null; ) {
    const { rows } = await withPgClient((client) =>
      client.query<{ last: string | null }>('select knowledge.delete_old_embeddings($1, $2, $3) as last', [
        tenantId,
        sourceId,
        last,
      ]),
    )
    last = rows[0]?.last ?? null
  }
}
