// Builds a model's vector index while others read and write. Only the table's owner may, and in no function, so the
// worker takes on the role that owns nothing else, for this one statement.

import { z } from 'zod'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ modelId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ modelId }, { withPgClient }) => {
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
