// embed: gives every chunk its vector. The built-in model works in the database; others are called over HTTP, one batch
// after the other, and each batch is kept with what it used: a job that is tried again goes on where it stopped.

import pgvector from 'pgvector'
import { embedderFor, type ModelRow } from '../server/embedders/index.ts'
import { embeddingEvent } from '../server/embedders/usage.ts'
import { openModelSecret, workerKeyRing } from '../server/secrets.ts'
import { documentsPayload } from '../server/worker/payload.ts'
import type { TaskOf } from '../server/worker/task.ts'

type Chunk = ModelRow & { chunk_id: string; content: string; model_id: string; max_retries: number }

export const payload = documentsPayload

export const task: TaskOf<typeof payload> = async ({ tenantId, documentIds }, { withPgClient, job, abortSignal }) => {
  try {
    await withPgClient((client) => client.query('select knowledge.embed_builtin($1, $2)', [tenantId, documentIds]))
    for (;;) {
      const chunks = await withPgClient(async (client) => {
        const { rows } = await client.query<Chunk>('select * from knowledge.chunks_to_embed($1, $2, 256)', [
          tenantId,
          documentIds,
        ])
        return rows
      })
      const model = chunks[0]
      if (!model) break
      const batch = chunks.filter((chunk) => chunk.model_id === model.model_id).slice(0, model.batch_size)
      const keyRing = await workerKeyRing()
      const ownKey = await withPgClient((client) => openModelSecret(keyRing, client, { tenantId }, model.model_id))
      const started = performance.now()
      const texts = batch.map((chunk) => chunk.content)
      const { vectors, tokenCount } = await embedderFor(model, model.max_retries, ownKey).embed(texts, abortSignal)
      await withPgClient((client) =>
        client.query('select knowledge.store_embeddings($1, $2, $3, $4, $5), metering.record_embedding($1, $6)', [
          tenantId,
          model.model_id,
          batch.map((chunk) => chunk.chunk_id),
          vectors.map((vector) => pgvector.toSql([...vector])),
          Math.round(performance.now() - started),
          embeddingEvent({
            // a batch that was stored is never embedded again by the same job
            idempotencyKey: `embed:${job.id}:${model.model_id}:${model.chunk_id}`,
            modelId: model.model_id,
            texts,
            tokenCount,
          }),
        ]),
      )
    }
    await withPgClient((client) => client.query('select knowledge.finish_embedding($1, $2)', [tenantId, documentIds]))
  } catch (error) {
    // the queue tries again later; after the last try the documents say what was wrong
    if (job.attempts >= job.max_attempts) {
      await withPgClient((client) =>
        client.query(`select knowledge.fail_documents($1, $2, 'embed', $3)`, [
          tenantId,
          documentIds,
          error instanceof Error ? error.message : String(error),
        ]),
      )
    }
    throw error
  }
}
