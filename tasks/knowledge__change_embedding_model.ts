// Embeds the chunks of a source by its new model, beside the vectors that are searched, and completes the change when each
// chunk has one. A job makes some batches and queues the next, so that it does not hold up what else its tenant waits for.

import type { PoolClient } from 'pg'
import pgvector from 'pgvector'
import { z } from 'zod'
import { embedderFor, type ModelRow } from '../server/embedders/index.ts'
import { embeddingEvent } from '../server/embedders/usage.ts'
import { openModelSecret, workerKeyRing } from '../server/secrets.ts'
import type { TaskOf } from '../server/worker/task.ts'

type Chunk = ModelRow & {
  chunk_id: string
  content: string
  model_id: string
  provider_kind: string
  max_retries: number
}

const batchesPerJob = 20
const chunksPerBatch = 256

export const payload = z.strictObject({
  tenantId: z.uuid(),
  sourceId: z.uuid(),
  afterChunkId: z.string().regex(/^\d{1,19}$/),
})

export const task: TaskOf<typeof payload> = async (
  { tenantId, sourceId, afterChunkId },
  { withPgClient, job, abortSignal },
) => {
  let last = afterChunkId
  let modelId: string | undefined
  try {
    for (let batches = 0; batches < batchesPerJob; batches++) {
      const { rows: chunks } = await withPgClient((client) =>
        client.query<Chunk>('select * from knowledge.chunks_to_embed_anew($1, $2, $3, $4)', [
          tenantId,
          sourceId,
          last,
          chunksPerBatch,
        ]),
      )
      const [model] = chunks
      if (!model) {
        const { rows } = await withPgClient((client) =>
          client.query<{ is_done: boolean }>('select knowledge.complete_model_change($1, $2) as is_done', [
            tenantId,
            sourceId,
          ]),
        )
        if (rows[0]?.is_done) return
        // documents were added meanwhile, or replaced by others
        last = '0'
        continue
      }
      modelId = model.model_id
      const batch = model.provider_kind === 'builtin' ? chunks : chunks.slice(0, model.batch_size)
      const started = performance.now()
      const { vectors, event } = await embed(tenantId, model, batch, job.id, withPgClient, abortSignal)
      await withPgClient((client) =>
        client.query('select knowledge.store_embeddings($1, $2, $3, $4, $5), metering.record_embedding($1, $6)', [
          tenantId,
          model.model_id,
          batch.map(({ chunk_id }) => chunk_id),
          vectors,
          Math.round(performance.now() - started),
          event,
        ]),
      )
      last = batch[batch.length - 1]?.chunk_id ?? last
    }
    await withPgClient((client) =>
      client.query('select knowledge.enqueue_model_change($1, $2, $3)', [tenantId, sourceId, last]),
    )
  } catch (error) {
    // the queue tries again later; meanwhile the source is searched by its old model, and the change says what is wrong
    await withPgClient((client) =>
      client.query('select knowledge.fail_model_change($1, $2, $3, $4)', [
        tenantId,
        sourceId,
        modelId,
        error instanceof Error ? error.message : String(error),
      ]),
    )
    throw error
  }
}

type WithClient = <Result>(work: (client: PoolClient) => Promise<Result>) => Promise<Result>

/** The vectors of chunks and the event of what they used, which is null for the built-in model. */
async function embed(
  tenantId: string,
  model: Chunk,
  chunks: Chunk[],
  jobId: string,
  withPgClient: WithClient,
  signal: AbortSignal | undefined,
): Promise<{ vectors: (string | null)[]; event: string | null }> {
  const contents = chunks.map(({ content }) => content)
  if (model.provider_kind === 'builtin') {
    const { rows } = await withPgClient((client) =>
      client.query<{ vector: string }>('select unnest(knowledge.hashing_embeddings($1, $2))::text as vector', [
        contents,
        model.dimension,
      ]),
    )
    return { vectors: rows.map(({ vector }) => vector), event: null }
  }
  const keyRing = await workerKeyRing()
  const ownKey = await withPgClient((client) => openModelSecret(keyRing, client, { tenantId }, model.model_id))
  const { vectors, tokenCount } = await embedderFor(model, model.max_retries, ownKey).embed(contents, signal)
  return {
    vectors: vectors.map((vector) => pgvector.toSql([...vector])),
    event: embeddingEvent({
      idempotencyKey: `embed-anew:${jobId}:${model.model_id}:${model.chunk_id}`,
      modelId: model.model_id,
      texts: contents,
      tokenCount,
    }),
  }
}
