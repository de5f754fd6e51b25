// chunk: cuts documents into chunks at sentence borders, in the database. A text that takes too long says so in the end.

import { documentsPayload } from '../server/worker/payload.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = documentsPayload

const statementTimeout = '57014'

export const task: TaskOf<typeof payload> = async ({ tenantId, documentIds }, { withPgClient, job }) => {
  try {
    await withPgClient((client) => client.query('select knowledge.chunk_documents($1, $2)', [tenantId, documentIds]))
  } catch (error) {
    // the queue tries again later; after the last try the documents say what was wrong
    if (job.attempts >= job.max_attempts) {
      await withPgClient((client) =>
        client.query(`select knowledge.fail_documents($1, $2, 'chunk', $3)`, [
          tenantId,
          documentIds,
          (error as { code?: string }).code === statementTimeout
            ? 'It takes too long to cut the text into chunks.'
            : 'The text could not be cut into chunks.',
        ]),
      )
    }
    throw error
  }
}
