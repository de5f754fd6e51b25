// chunk: cuts documents into chunks at sentence borders. All of it happens in the database.

import type { Task } from 'graphile-worker'
import { documentsPayload } from '../server/worker/payload.ts'

export const task: Task = async (payload, { withPgClient }) => {
  const { tenantId, documentIds } = documentsPayload.parse(payload)
  await withPgClient((client) => client.query('select knowledge.chunk_documents($1, $2)', [tenantId, documentIds]))
}
