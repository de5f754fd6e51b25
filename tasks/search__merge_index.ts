// Folds a tenant's changes into its search index, a batch a transaction, until too few are left.

import type { Task } from 'graphile-worker'
import { tenantPayload } from '../server/worker/payload.ts'

export const task: Task = async (payload, { withPgClient, abortSignal }) => {
  const { tenantId } = tenantPayload.parse(payload)
  let merged: number | undefined
  do {
    const { rows } = await withPgClient((client) =>
      client.query<{ merged: number }>('select search.merge_index($1) as merged', [tenantId]),
    )
    merged = rows[0]?.merged
  } while (merged && !abortSignal?.aborted)
}
