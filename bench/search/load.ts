// Puts texts into a scratch database: first into a staging table with their titles and tsvectors, as the product reads them,
// from where every contender takes them, then into Rowhouse as the chunks of a tenant, past the parsers and the queue.
// search.verify_index() finds nothing to complain of afterwards (checkIndex).

import type pg from 'pg'
import type { Progress } from '../progress.ts'

const batchSize = 2_000
const chunksPerDocument = 100
const chunksPerInsert = 20_000
/** A document is called by the words that its first text begins with. */
const wordsOfTitle = 5

/** The terms of a chunk, as a document's stages store them. */
const asTheProduct = (title: string, content: string): string =>
  `knowledge.search_vector('english', ${title}, ${content})`

/** Stages the first texts of a corpus under the ids from 1. */
export async function stage(client: pg.Client, texts: Iterable<string>, count: number, bar: Progress): Promise<void> {
  await client.query('create schema bench')
  await client.query(`
    create unlogged table bench.texts (
      id bigint primary key,
      title text not null,
      content text not null,
      vector tsvector not null,
      length int not null
    )`)
  let staged = 0
  let batch: string[] = []
  let titles: string[] = []
  let title = ''
  const flush = async (): Promise<void> => {
    await client.query(
      `insert into bench.texts (id, title, content, vector, length)
       select $1 + t.i, t.title, t.content, v.vector, knowledge.token_count(v.vector)
         from unnest($2::text[], $3::text[]) with ordinality as t (title, content, i)
        cross join lateral (select ${asTheProduct('t.title', 't.content')} offset 0) as v (vector)`,
      [staged, titles, batch],
    )
    staged += batch.length
    bar.add(batch.length)
    batch = []
    titles = []
  }
  for (const text of texts) {
    const id = staged + batch.length + 1
    if (id === 1 || id % chunksPerDocument === 0) title = text.split(/\s+/, wordsOfTitle).join(' ')
    batch.push(text)
    titles.push(title)
    const isLast = staged + batch.length === count
    if (isLast || batch.length === batchSize) await flush()
    if (isLast) break
  }
  await client.query('vacuum analyze bench.texts')
}

/** The terms by how many texts have them, the most frequent first. */
export async function rankTerms(client: pg.Client): Promise<void> {
  await client.query(`
    create unlogged table bench.terms as
    select lexeme as term, count(*)::int as document_count,
           row_number() over (order by count(*) desc, lexeme collate "C")::int as rank
      from bench.texts, unnest(vector)
     group by lexeme`)
  await client.query('create unique index on bench.terms (term)')
  await client.query('create unique index on bench.terms (rank)')
  await client.query('vacuum analyze bench.terms')
}

export type Tenant = { id: string; sourceId: string }

/** A tenant with one source; the session is left inside it. */
export async function createTenant(client: pg.Client, slug: string, model = 'hashing-384'): Promise<Tenant> {
  const { rows } = await client.query<Tenant>(
    `with tenant as materialized (select id from tenancy.provision_tenant($1, $1, $1 || '@bench.test'))
     select id, set_config('rowhouse.tenant_id', id::text, false) from tenant`,
    [slug],
  )
  const id = rows[0]?.id as string
  const source = await client.query<{ id: string }>(
    `insert into app_public.rag_knowledge_sources (tenant_id, name, embedding_model) values ($1, 'bench', $2) returning id`,
    [id, model],
  )
  return { id, sourceId: source.rows[0]?.id as string }
}

type Slice = {
  /** The first and last staged text to load. */
  first: number
  last: number
  /** Whether to make the tsvectors again, as an ingest does, instead of taking the staged ones. */
  isFromText?: boolean
  /** Chunks an insert statement. */
  step?: number
}

/** Inserts staged texts as chunks of a tenant, 100 a document. */
export async function insertChunks(client: pg.Client, tenant: Tenant, slice: Slice, bar?: Progress): Promise<void> {
  await client.query(
    `insert into app_public.documents
            (tenant_id, source_id, external_id, title, content, size_bytes, content_hash, language, metadata, processing_stage, processing_status)
     select $1, $2, d.number::text, t.title, 'bench', 1, sha256('bench'), 'en',
            jsonb_build_object('half', d.number % 2, 'sliver', d.number % 1000), 'done', 'completed'
       from generate_series($3::bigint, $4::bigint) as d (number)
       join bench.texts t on t.id = greatest(1, d.number * ${chunksPerDocument})`,
    [
      tenant.id,
      tenant.sourceId,
      Math.floor(slice.first / chunksPerDocument),
      Math.floor(slice.last / chunksPerDocument),
    ],
  )
  const vector = slice.isFromText ? asTheProduct('t.title', 't.content') : 't.vector'
  const length = slice.isFromText ? 'knowledge.token_count(v.vector)' : 't.length'
  const step = slice.step ?? chunksPerInsert
  for (let first = slice.first; first <= slice.last; first += step) {
    const last = Math.min(first + step - 1, slice.last)
    await client.query(
      `insert into app_public.document_chunks
              (tenant_id, source_id, document_id, ordinal, content, start_offset, end_offset, content_tsvector, document_length)
       select $1, $2, d.id, t.id % ${chunksPerDocument}, t.content, 0, length(t.content), v.vector, ${length}
         from bench.texts t
         join app_public.documents d
           on d.tenant_id = $1 and d.source_id = $2 and d.external_id = (t.id / ${chunksPerDocument})::text
        cross join lateral (select ${vector} offset 0) as v (vector)
        where t.id between $3 and $4
        order by t.id`,
      [tenant.id, tenant.sourceId, first, last],
    )
    bar?.add(last - first + 1)
  }
}

/** Folds everything a tenant has into its search index, as its worker does, one transaction a step. */
export async function mergeIndex(client: pg.Client, tenant: Tenant, bar?: Progress): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ merged: number }>('select search.merge_index($1, minimum => 1) as merged', [
      tenant.id,
    ])
    const merged = rows[0]?.merged ?? 0
    if (merged === 0) return
    bar?.add(merged)
  }
}

/** Leaves nothing for the server to do beside the queries. */
/** Fails when the index is not that of the texts. */
export async function checkIndex(client: pg.Client, tenant: Tenant): Promise<void> {
  const { rows } = await client.query<{ problem: string }>(
    `select p.problem, p.chunk_id, p.term, p.expected, p.found
       from (select set_config('rowhouse.tenant_id', $1, false)) as s, search.verify_index() p limit 3`,
    [tenant.id],
  )
  if (rows.length > 0) throw new Error(`The index is not that of the texts: ${JSON.stringify(rows)}`)
}

export async function settle(client: pg.Client): Promise<void> {
  await client.query('vacuum analyze')
  await client.query('checkpoint')
}
