// The ways to rank that are compared, over the same staged texts. What a contender could be helped with, it gets: indexes
// built at once and vacuumed, statistics of the corpus for nothing.

import type pg from 'pg'
import { withProgress } from '../progress.ts'
import { createTenant, insertChunks, mergeIndex, type Tenant } from './load.ts'

export type Hit = { chunk_id: string; score: number }

export type Size = {
  /** What searches alone, in bytes; null when there is no index. */
  index: number | null
  /** With the rows and tsvectors that its queries read. */
  total: number
  /** What the index is made of. */
  parts?: Record<string, number>
}

export type Ranker<Q = string[]> = {
  name: string
  /** Whether its scores must be those of the others that say so. */
  isBm25: boolean
  query: (client: pg.Client, question: Q) => Promise<Hit[]>
}

export type Contender = Ranker & {
  /** Builds what it needs and leaves the session ready for queries. */
  prepare: (client: pg.Client) => Promise<void>
  size: (client: pg.Client) => Promise<Size>
}

const depth = 10
const k1 = 1.2
const b = 0.75

export const contenders = (): Contender[] => [rowhouse(), coveringBTree(), ginCoverDensity(), jsonbScan()]

const indexTables = ['blocks', 'block_chunks', 'postings', 'rare_postings', 'removals', 'terms', 'changes']

/** The end of a slice that begins here; slices end where documents do. */
const last = (first: number): number => first - (first % 100) + 15_999

/** Rowhouse's own ranking, below the API: terms in, ids and scores out. */
function rowhouse(): Contender {
  return {
    name: 'Rowhouse',
    isBm25: true,
    prepare: async (client) => enterTenant(client, await loadTenant(client)),
    query: rankInTenant,
    size: async (client) => {
      const { index, parts } = await sizeOfIndex(client)
      const vectors = await bytes(
        client,
        'select sum(pg_column_size(content_tsvector)) from app_public.document_chunks',
      )
      return { index, total: index + vectors, parts }
    },
  }
}

/** All staged texts as the chunks of one tenant. */
export async function loadTenant(client: pg.Client): Promise<Tenant> {
  const total = await countTexts(client)
  const tenant = await createTenant(client, 'bench')
  await withProgress('  Rowhouse', total, async (bar) => {
    // as in operation: a load is merged while it goes on, and autovacuum clears up behind it
    for (let first = 1; first <= total; first = last(first) + 1) {
      await insertChunks(client, tenant, { first, last: Math.min(last(first), total) }, bar)
      await mergeIndex(client, tenant)
      await client.query('vacuum search.changes, search.terms')
    }
  })
  return tenant
}

export async function sizeOfIndex(client: pg.Client): Promise<{ index: number; parts: Record<string, number> }> {
  const parts: Record<string, number> = {}
  for (const table of indexTables)
    parts[table] = await bytes(client, `select pg_total_relation_size('search.${table}')`)
  return { index: Object.values(parts).reduce((sum, part) => sum + part, 0), parts }
}

export async function enterTenant(client: pg.Client, tenant: Tenant): Promise<void> {
  await client.query('set role rowhouse_owner')
  await client.query(`select set_config('rowhouse.tenant_id', $1, false)`, [tenant.id])
}

export async function rankInTenant(client: pg.Client, terms: string[]): Promise<Hit[]> {
  const { rows } = await client.query<Hit>(
    'select chunk_id, score from search.bm25_ranking($1::text[], $2::float8[], search.scope_of(), $3)',
    [terms, terms.map(() => 1), depth],
  )
  return rows
}

/** What one builds in SQL for BM25: a posting is a row, and an index alone answers. */
export function coveringBTree(): Contender {
  let corpus = { count: 0, average: 0 }
  return {
    name: 'covering B-tree',
    isBm25: true,
    prepare: async (client) => {
      await build(client, 'covering B-tree', [
        'create unlogged table bench.postings (term text collate "C", chunk_id bigint, tf int, length int)',
        `insert into bench.postings
         select l.lexeme, t.id, cardinality(l.positions), t.length from bench.texts t, unnest(t.vector) l`,
        'create index postings_covering on bench.postings (term, chunk_id) include (tf, length)',
        'vacuum analyze bench.postings',
      ])
      corpus = await corpusOf(client)
    },
    query: async (client, terms) => {
      const { rows } = await client.query<Hit>(
        `with weighted as materialized (
           select q.term, ln(1 + ($2::float8 - f.df + 0.5) / (f.df + 0.5)) * (${k1}::float8 + 1) as weight
             from unnest($1::text[]) as q (term)
            cross join lateral (
              select count(*)::float8 as df from bench.postings p where p.term = q.term collate "C" offset 0) f
           offset 0
         )
         select p.chunk_id,
                sum(w.weight * p.tf / (p.tf + ${k1}::float8 * (1 - ${b}::float8 + ${b}::float8 * p.length / $3::float8))) as score
           from weighted w
           join bench.postings p on p.term = w.term collate "C"
          group by p.chunk_id
          order by score desc, p.chunk_id
          limit ${depth}`,
        [terms, corpus.count, corpus.average],
      )
      return rows
    },
    size: async (client) => ({
      index: await bytes(client, `select pg_relation_size('bench.postings_covering')`),
      total: await bytes(client, `select pg_total_relation_size('bench.postings')`),
    }),
  }
}

/** PostgreSQL's own full-text search. Its ranking knows nothing of the corpus, so its scores are others. */
export function ginCoverDensity(): Contender {
  return {
    name: 'GIN + ts_rank_cd',
    isBm25: false,
    prepare: (client) =>
      build(client, 'GIN + ts_rank_cd', [
        'create unlogged table bench.vectors (chunk_id bigint primary key, vector tsvector)',
        'insert into bench.vectors select id, vector from bench.texts order by id',
        'create index vectors_gin on bench.vectors using gin (vector)',
        'vacuum analyze bench.vectors',
      ]),
    query: async (client, terms) => {
      const { rows } = await client.query<Hit>(
        `select chunk_id, ts_rank_cd(vector, $1::tsquery)::float8 as score
           from bench.vectors where vector @@ $1::tsquery order by score desc, chunk_id limit ${depth}`,
        [terms.map(tsqueryTerm).join(' | ')],
      )
      return rows
    },
    size: async (client) => ({
      index: await bytes(client, `select pg_relation_size('bench.vectors_gin')`),
      total: await bytes(client, `select pg_total_relation_size('bench.vectors')`),
    }),
  }
}

export const tsqueryTerm = (term: string): string => `'${term.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/** Frequencies as jsonb beside each text, scored by a function row by row: the design this project started from. */
function jsonbScan(): Contender {
  let corpus = { count: 0, average: 0 }
  return {
    name: 'jsonb row by row',
    isBm25: true,
    prepare: async (client) => {
      await build(client, 'jsonb row by row', [
        'create unlogged table bench.frequencies (chunk_id bigint primary key, term_frequencies jsonb, document_length int)',
        `insert into bench.frequencies
         select t.id, f.frequencies, t.length
           from bench.texts t
          cross join lateral (select jsonb_object_agg(lexeme, cardinality(positions)) from unnest(t.vector)) as f (frequencies)`,
        'vacuum analyze bench.frequencies',
      ])
      corpus = await corpusOf(client)
    },
    query: async (client, terms) => {
      const { rows: counts } = await client.query<{ df: number }>(
        `select coalesce(t.document_count, 0) as df
           from unnest($1::text[]) with ordinality as q (term, i) left join bench.terms t using (term) order by q.i`,
        [terms],
      )
      const scores = terms.map(
        (_, i) => `search.bm25_score((term_frequencies ->> ($1::text[])[${i + 1}])::float8, ($2::int[])[${i + 1}],
                     $3, document_length, $4, ${k1}, ${b})`,
      )
      const { rows } = await client.query<Hit>(
        `select chunk_id, ${scores.join(' + ')} as score
           from bench.frequencies where term_frequencies ?| $1::text[] order by score desc, chunk_id limit ${depth}`,
        [terms, counts.map((row) => row.df), corpus.count, corpus.average],
      )
      return rows
    },
    size: async (client) => ({
      index: null,
      total: await bytes(client, `select pg_total_relation_size('bench.frequencies')`),
    }),
  }
}

export async function build(client: pg.Client, name: string, statements: string[]): Promise<void> {
  await client.query(`set maintenance_work_mem = '256MB'`)
  await withProgress(`  ${name}: building`, statements.length, async (bar) => {
    for (const statement of statements) {
      await client.query(statement)
      bar.add(1)
    }
  })
}

async function corpusOf(client: pg.Client): Promise<{ count: number; average: number }> {
  const { rows } = await client.query<{ count: number; average: number }>(
    'select count(*)::int as count, avg(length)::float8 as average from bench.texts',
  )
  return rows[0] ?? { count: 0, average: 0 }
}

async function countTexts(client: pg.Client): Promise<number> {
  return (await corpusOf(client)).count
}

export async function bytes(client: pg.Client, query: string): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(`select (${query})::text as bytes`)
  return Number(rows[0]?.bytes ?? 0)
}
