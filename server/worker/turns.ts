// Work for many tenants, a batch of one tenant a transaction. Tenants take turns, so that a large one does not keep the others waiting.

import type { JobHelpers } from 'graphile-worker'

/** `tenants` selects the tenants that have work, as id; `work` does a batch for the tenant $1 and says as count how much it did. */
export async function takeTurns(
  { withPgClient, abortSignal }: Pick<JobHelpers, 'withPgClient' | 'abortSignal'>,
  tenants: string,
  work: string,
): Promise<void> {
  const { rows } = await withPgClient((client) => client.query<{ id: string }>(tenants))
  let waiting = rows.map(({ id }) => id)
  while (waiting.length > 0) {
    const left: string[] = []
    for (const id of waiting) {
      if (abortSignal?.aborted) return
      const done = await withPgClient((client) => client.query<{ count: number }>(work, [id]))
      if (done.rows[0]?.count) left.push(id)
    }
    waiting = left
  }
}
