// A scratch tenant that has a test collection as its knowledge, and searches in it. Every search is rolled back: what it
// changes for itself, a model's weight above all, no other session ever sees, and a measurement that is killed leaves it.

import type pg from 'pg'
import type { Tool } from '../cli.ts'
import { type Actor, asUser, createPool } from '../database.ts'
import { embedderFor, type ModelRow } from '../embedders/index.ts'
import { type Judgements, mean, ndcg, type Query, recall } from '../evaluation.ts'
import { findOrCreateSource, loadFiles } from '../ingest.ts'
import { operatorIdentity } from '../seed.ts'
import { processSource } from '../worker/drain.ts'
import { readCollection } from './collection.ts'
import type { Fusion, Hit } from './fusion.ts'

export type Model = {
  id: string
  name: string
  dimension: number
  fusion_weight: number
  vector_quantization: 'none' | 'halfvec' | 'binary'
}
export type SearchSettings = {
  mode: 'bm25' | 'vector' | 'hybrid'
  limit: number
  /** For mode hybrid; without it the model's weight counts, by rrf. */
  fusion?: Fusion
  /** Uses the model's index for however few vectors; the planner would compare them one by one. */
  prefersIndex?: boolean
}
/** Query → its hits, best first. */
export type Rankings = Map<string, Hit[]>
/** Means over the queries, and each query's nDCG@10 in their order. */
export type Figures = { ndcg: number; recall: number; gains: number[] }
export type Scratch = {
  admin: pg.Pool
  model: Model
  /** Those that have judgements. */
  queries: Query[]
  judgements: Judgements
  /** Chunks that the document with the most of them has. */
  mostChunks: number
  /** Sets tenants.config.search. */
  configure: (settings: object) => Promise<void>
  search: (queries: Query[], settings: SearchSettings) => Promise<Rankings>
  figures: (queries: Query[], rankings: Rankings) => Figures
}
type Options = { directory: string; split: string | undefined; language: string; model: string; signal: AbortSignal }

/** Searches at once; a server has a few cores, the embedded engine takes them one after the other. */
const lanes = 4
const embeddingRetries = 5

export async function withScratchTenant(
  { config, database, pool, admin }: Tool,
  { directory, split, language, model: modelName, signal }: Options,
  work: (scratch: Scratch) => Promise<void>,
): Promise<void> {
  const { queries, judgements, withDocuments } = await readCollection(directory, split)

  const slug = `eval-${Date.now()}`
  await admin.query('select tenancy.provision_tenant($1, $2, $3)', [slug, 'Evaluation', `${slug}@eval.test`])
  const workerPool = createPool(database.url, 'rowhouse_worker', lanes)
  try {
    const actor = await operatorIdentity(pool, slug)
    const sourceId = await findOrCreateSource(pool, actor, 'collection', {
      language,
      embeddingModel: modelName,
      // a document is a chunk, so that documents are what is ranked
      chunkSize: 16_000,
      chunkOverlap: 0,
    })
    const report = await withDocuments((file) => loadFiles(pool, actor, sourceId, [file]))
    const counts = await processSource({ config, database, pool, workerPool, actor, sourceId }, () =>
      signal.throwIfAborted(),
    )
    for (const problem of [...report.problems, ...counts.errors]) console.error(`  ${problem}`)
    console.log(`${counts.completed} documents, ${queries.length} judged queries, ${language}, ${modelName}\n`)

    const { model, mostChunks } = await describe(pool, actor, modelName)
    const vectors = await queryVectors(pool, actor, queries)
    await work({
      admin,
      model,
      queries,
      judgements,
      mostChunks,
      configure: async (settings) => {
        await asUser(pool, actor, (client) =>
          client.query(`update app_public.tenants set config = jsonb_set(config, '{search}', $1)`, [
            JSON.stringify(settings),
          ]),
        )
      },
      search: (some, settings) => searchAll(pool, actor, model, some, vectors, settings, signal),
      figures: (some, rankings) => figures(judgements, some, rankings),
    })
  } finally {
    await workerPool.end()
    await admin.query('select tenancy.delete_tenant($1)', [slug])
  }
}

async function describe(pool: pg.Pool, actor: Actor, name: string): Promise<{ model: Model; mostChunks: number }> {
  return asUser(pool, actor, async (client) => {
    const models = await client.query<Model>(
      'select id, name, dimension, fusion_weight, vector_quantization from app_public.llm_models where name = $1',
      [name],
    )
    const chunks = await client.query<{ most: number }>(
      `select coalesce(max(n), 1)::int as most
         from (select count(*) as n from app_public.document_chunks group by document_id) counted`,
    )
    return { model: models.rows[0] as Model, mostChunks: chunks.rows[0]?.most as number }
  })
}

/** What the server does for a search over GraphQL: SQL can call no endpoint. Nothing for the built-in model. */
async function queryVectors(pool: pg.Pool, actor: Actor, queries: Query[]): Promise<Map<string, string>> {
  const inputs: { id: string; input: string }[] = []
  let model: ModelRow | undefined
  for (const { id, text } of queries) {
    const { rows } = await asUser(pool, actor, (client) =>
      client.query<ModelRow & { input: string }>('select * from search.query_embedding_models($1, null, null)', [text]),
    )
    const [row] = rows
    if (!row) return new Map()
    model = row
    if (row.input) inputs.push({ id, input: row.input })
  }
  if (!model) return new Map()
  const { vectors } = await embedderFor(model, embeddingRetries).embed(inputs.map(({ input }) => input))
  return new Map(inputs.map(({ id }, i) => [id, JSON.stringify(vectors[i])]))
}

async function searchAll(
  pool: pg.Pool,
  actor: Actor,
  model: Model,
  queries: Query[],
  vectors: Map<string, string>,
  settings: SearchSettings,
  signal: AbortSignal,
): Promise<Rankings> {
  const rankings: Rankings = new Map()
  const waiting = [...queries]
  const lane = async (): Promise<void> => {
    for (let query = waiting.shift(); query; query = waiting.shift()) {
      signal.throwIfAborted()
      rankings.set(query.id, await search(pool, actor, model, query.text, vectors.get(query.id), settings))
    }
  }
  // all have stopped before anything is cleaned up
  const outcomes = await Promise.allSettled(Array.from({ length: lanes }, lane))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return rankings
}

async function search(
  pool: pg.Pool,
  actor: Actor,
  model: Model,
  text: string,
  vector: string | undefined,
  { mode, limit, fusion, prefersIndex }: SearchSettings,
): Promise<Hit[]> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    if (fusion) {
      await client.query('set local role rowhouse_admin')
      await client.query('update app_public.llm_models set fusion_weight = $1 where id = $2', [fusion.weight, model.id])
    }
    await client.query(
      `select set_config('role', $1, true), set_config('rowhouse.user_id', $2, true), set_config('rowhouse.tenant_id', $3, true)`,
      [actor.role, actor.user_id, actor.tenant_id],
    )
    if (prefersIndex) {
      await client.query('set local enable_sort to off')
      // so that the index's statistics say at once whether it was used
      await client.query('select pg_stat_force_next_flush()')
    }
    const { rows } = await client.query<{ document: string; chunk_id: string; score: number }>(
      `select substr(d.external_id, strpos(d.external_id, '#') + 1) as document, h.chunk_id, h.score
         from app_public.search($1, $2, $3,
           options => search.options(query_embedding => $4::public.vector, fusion => $5, rrf_k => $6)) h
         join app_public.documents d on d.tenant_id = $7 and d.id = h.document_id
        order by h.rank`,
      [text, mode, limit, vector ?? null, fusion?.method ?? 'rrf', fusion?.rrfK ?? 60, actor.tenant_id],
    )
    return rows.map(({ document, chunk_id, score }) => ({ document, chunkId: Number(chunk_id), score }))
  } finally {
    await client.query('rollback').catch(() => {})
    client.release()
  }
}

/** A document counts once, where its best chunk is. */
function figures(judgements: Judgements, queries: Query[], rankings: Rankings): Figures {
  const each = queries.map(({ id }) => {
    const documents = [...new Set(rankings.get(id)?.map(({ document }) => document))]
    const grades = judgements.get(id) ?? new Map<string, number>()
    return { gain: ndcg(documents, grades), found: recall(documents, grades) }
  })
  const gains = each.map(({ gain }) => gain)
  return { ndcg: mean(gains), recall: mean(each.map(({ found }) => found)), gains }
}
