// Builds a model's vector index. Searches go on meanwhile, and vectors are stored when it is complete. Of many vectors that
// takes longer than any other statement of a job.

import { z } from 'zod'
import { loadConfig } from '../server/config.ts'
import { queryWithin } from '../server/pool.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ modelId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ modelId }, { withPgClient }) => {
  const { INDEX_BUILD_TIMEOUT_MS } = loadConfig(process.env)
  await withPgClient((client) =>
    queryWithin(client, INDEX_BUILD_TIMEOUT_MS, 'select search.build_vector_index($1)', [modelId]),
  )
}
