// index: writes the postings of documents, which makes them findable.

import type { Task } from 'graphile-worker'
import { documentsPayload } from '../server/worker/payload.ts'

export const task: Task = async (payload, { withPgClient }) => {
  const { tenantId, documentIds } = documentsPayload.parse(payload)
  await withPgClient((client) => client.query('select app_private.index_documents($1, $2)', [tenantId, documentIds]))
}
