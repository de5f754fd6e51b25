// Builds a model's vector index. Searches go on meanwhile, and vectors are stored when it is complete.

import { z } from 'zod'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ modelId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ modelId }, { withPgClient }) => {
  await withPgClient((client) => client.query('select search.build_vector_index($1)', [modelId]))
}
