// index: completes documents, whose words are searchable since they were chunked, and queues the merge of the search index
// when it is due. The queueing is a transaction of its own: its row would otherwise make the tenant's loads wait for each other.

import { enqueueMerge } from '../server/worker/enqueue-merge.ts'
import { documentsPayload } from '../server/worker/payload.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = documentsPayload

export const task: TaskOf<typeof payload> = async ({ tenantId, documentIds }, { withPgClient }) => {
  const isDue = await withPgClient(async (client) => {
    await client.query('select search.index_documents($1, $2)', [tenantId, documentIds])
    const { rows } = await client.query<{ due: boolean }>('select search.merge_is_due($1) as due', [tenantId])
    return rows[0]?.due
  })
  if (isDue) await withPgClient((client) => enqueueMerge(client, tenantId))
}
