// Work that the clock does in all tenants: a function lists those that have some, another does a batch of one tenant's, a
// transaction each, until nothing is left. A tenant whose work fails keeps no other from its own.

import type { JobHelpers } from 'graphile-worker'

export async function forEachTenant(helpers: JobHelpers, listed: string, work: string): Promise<void> {
  const { withPgClient, abortSignal } = helpers
  const { rows } = await withPgClient((client) => client.query<{ id: string }>(`select id from ${listed}() as id`))
  const errors: unknown[] = []
  for (const { id } of rows) {
    try {
      for (let count = 1; count > 0 && !abortSignal?.aborted; ) {
        const done = await withPgClient((client) =>
          client.query<{ count: number }>(`select ${work}($1) as count`, [id]),
        )
        count = done.rows[0]?.count ?? 0
      }
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `${work} failed for ${errors.length} tenants: ${errors[0]}`)
}
