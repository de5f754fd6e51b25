// parse: turns uploaded files into text. A file that cannot be parsed fails alone, with the reason for its owner.

import { ParseError, parse } from '../server/parsers/index.ts'
import { documentsPayload } from '../server/worker/payload.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = documentsPayload

export const task: TaskOf<typeof payload> = async ({ tenantId, documentIds }, { withPgClient, logger }) => {
  for (const documentId of documentIds) {
    // one at a time: a file may be large
    const file = await withPgClient(async (client) => {
      const { rows } = await client.query<{
        file_name: string
        media_type: string
        content: Uint8Array
        content_hash: Uint8Array
      }>('select file_name, media_type, content, content_hash from knowledge.begin_parsing($1, $2)', [
        tenantId,
        [documentId],
      ])
      return rows[0]
    })
    if (!file) continue
    try {
      const parsed = await parse({ name: file.file_name, mediaType: file.media_type, bytes: file.content })
      await withPgClient((client) =>
        client.query('select knowledge.finish_parsing($1, $2, $3, $4, $5, $6)', [
          tenantId,
          documentId,
          file.content_hash,
          parsed.title,
          parsed.text,
          JSON.stringify(parsed.metadata),
        ]),
      )
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      logger.warn(`Document ${documentId} cannot be parsed: ${error.code}`)
      await withPgClient((client) =>
        client.query(`select knowledge.fail_documents($1, $2, 'parse', $3, $4)`, [
          tenantId,
          [documentId],
          error.message,
          file.content_hash,
        ]),
      )
    }
  }
}
