// Builds a model's vector index while others read and write. Only the table's owner may, and in no function, so the
// worker takes on the role that owns nothing else, for this one statement.

import type { Task } from 'graphile-worker'
import { modelPayload } from '../server/worker/payload.ts'

export const task: Task = async (payload, { withPgClient }) => {
  const { modelId } = modelPayload.parse(payload)
  await withPgClient(async (client) => {
    const { rows } = await client.query<{ drop_statement: string; create_statement: string }>(
      'select * from search.vector_index_statements($1)',
      [modelId],
    )
    const [statements] = rows
    if (!statements) return
    await client.query('set role rowhouse_indexer')
    try {
      // what a build that was killed left behind
      await client.query(statements.drop_statement)
      await client.query(statements.create_statement)
    } finally {
      await client.query('set role rowhouse_worker')
    }
  })
}
