// Vectors to search: seeded points on the unit sphere around common centres, in a model of their own.

import type pg from 'pg'
import type { Progress } from '../progress.ts'
import { mulberry32, pick, type Random } from '../random.ts'
import type { Tenant } from './load.ts'

export const modelName = 'bench-64'
const dimension = 64
const centreCount = 200
/** Per dimension: two vectors of one centre have a cosine of about 0.6, two of different centres one of about 0. */
const noise = 0.1
const batchSize = 5_000

/** A model of 64 dimensions; its id. */
export async function createModel(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `insert into app_public.llm_models (provider_id, name, kind, provider_model_name, dimension)
     select id, $1, 'embedding', $1, $2 from app_public.llm_providers where kind = 'builtin' order by name limit 1
     returning id`,
    [modelName, dimension],
  )
  return rows[0]?.id as string
}

/** Vectors without end, as pgvector reads them; another seed gives others around the same centres. */
export function* makeVectors(seed: number): Generator<string> {
  const centreRandom = mulberry32(64)
  const centres = Array.from({ length: centreCount }, () => unit(gaussians(centreRandom, dimension)))
  const random = mulberry32(seed)
  for (;;) {
    const centre = pick(random, centres)
    const vector = unit(gaussians(random, dimension).map((value, i) => (centre[i] as number) + noise * value))
    yield `[${vector.map((value) => value.toFixed(5)).join(',')}]`
  }
}

export function takeVectors(vectors: Generator<string>, count: number): string[] {
  return Array.from({ length: count }, () => vectors.next().value as string)
}

/** By Box and Muller, two at a time. */
function gaussians(random: Random, count: number): number[] {
  return Array.from({ length: count / 2 }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()))
    const angle = 2 * Math.PI * random()
    return [radius * Math.cos(angle), radius * Math.sin(angle)]
  }).flat()
}

function unit(values: number[]): number[] {
  const length = Math.hypot(...values)
  return values.map((value) => value / length)
}

/** Chunks that have nothing but a vector. */
export async function insertBareVectors(
  client: pg.Client,
  tenant: Tenant,
  modelId: string,
  vectors: Generator<string>,
  count: number,
  bar: Progress,
): Promise<void> {
  await client.query(`select set_config('rowhouse.tenant_id', $1, false)`, [tenant.id])
  const { rows } = await client.query<{ id: string }>(
    `insert into app_public.documents
            (tenant_id, source_id, external_id, title, content, size_bytes, content_hash, processing_stage, processing_status)
     values ($1, $2, 'bench', 'bench', 'bench', 1, sha256('bench'), 'done', 'completed') returning id`,
    [tenant.id, tenant.sourceId],
  )
  for (let first = 0; first < count; first += batchSize) {
    const batch = takeVectors(vectors, Math.min(batchSize, count - first))
    await client.query(
      `with chunk as (
         insert into app_public.document_chunks
                (tenant_id, source_id, document_id, ordinal, content, start_offset, end_offset, content_tsvector, document_length)
         select $1, $2, $3, $4 + n, 'bench', 0, 5, '', 0 from generate_series(1, $5) n
         returning id, ordinal
       )
       insert into app_public.embeddings (tenant_id, model_id, chunk_id, embedding)
       select $1, $6, c.id, v.embedding::vector
         from unnest($7::text[]) with ordinality as v (embedding, n) join chunk c on c.ordinal = $4 + v.n`,
      [tenant.id, tenant.sourceId, rows[0]?.id, first, batch.length, modelId, batch],
    )
    bar.add(batch.length)
  }
}

/** A vector for each chunk of a tenant. */
export async function embedChunks(
  client: pg.Client,
  tenant: Tenant,
  modelId: string,
  vectors: Generator<string>,
  bar: Progress,
): Promise<void> {
  for (let last = '0'; ; ) {
    const { rows } = await client.query<{ id: string }>(
      'select id from app_public.document_chunks where tenant_id = $1 and id > $2 order by id limit $3',
      [tenant.id, last, batchSize],
    )
    if (rows.length === 0) return
    const ids = rows.map(({ id }) => id)
    await client.query(
      `insert into app_public.embeddings (tenant_id, model_id, chunk_id, embedding)
       select $1, $2, u.chunk_id, u.embedding::vector from unnest($3::bigint[], $4::text[]) as u (chunk_id, embedding)`,
      [tenant.id, modelId, ids, takeVectors(vectors, ids.length)],
    )
    last = ids.at(-1) as string
    bar.add(ids.length)
  }
}

export type VectorIndex = { seconds: number; bytes: number }

/** Builds the model's vector index anew, by the statements its worker runs. */
export async function buildVectorIndex(client: pg.Client, modelId: string): Promise<VectorIndex> {
  const { rows } = await client.query<{ drop_statement: string; create_statement: string }>(
    'select * from search.vector_index_statements($1)',
    [modelId],
  )
  const statements = rows[0]
  if (!statements) throw new Error('The model has no vector index.')
  await client.query(`set maintenance_work_mem = '1GB'`)
  await client.query(statements.drop_statement)
  const started = performance.now()
  await client.query(statements.create_statement)
  const seconds = (performance.now() - started) / 1000
  const { rows: built } = await client.query<{ is_ready: boolean; bytes: number }>(
    `select search.vector_index_is_ready($1) as is_ready,
            pg_relation_size('app_public.' || quote_ident(search.vector_index_name($1)))::float8 as bytes`,
    [modelId],
  )
  if (!built[0]?.is_ready) throw new Error('The vector index was built, and yet is not ready.')
  return { seconds, bytes: built[0].bytes }
}
