// chunk: cuts documents into chunks at sentence borders. All of it happens in the database.

import { documentsPayload } from '../server/worker/payload.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = documentsPayload

export const task: TaskOf<typeof payload> = async ({ tenantId, documentIds }, { withPgClient }) => {
  await withPgClient((client) => client.query('select knowledge.chunk_documents($1, $2)', [tenantId, documentIds]))
}
