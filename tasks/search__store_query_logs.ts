// Moves what searches wrote down from their buffer to query_logs.

import type { Task } from 'graphile-worker'

export const task: Task = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select search.store_query_logs()'))
}
