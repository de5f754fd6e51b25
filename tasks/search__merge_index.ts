// Folds a tenant's changes into its search index, a batch a transaction, until too few are left.

import { tenantPayload } from '../server/worker/payload.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = tenantPayload

export const task: TaskOf<typeof payload> = async ({ tenantId }, { withPgClient, abortSignal }) => {
  let merged: number | undefined
  do {
    const { rows } = await withPgClient((client) =>
      client.query<{ merged: number }>('select search.merge_index($1) as merged', [tenantId]),
    )
    merged = rows[0]?.merged
  } while (merged && !abortSignal?.aborted)
}
