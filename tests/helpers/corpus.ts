// Chunks straight into the table, without documents being cut and embedded, and BM25 by scoring every one of them: for
// tests of the index.

import type { Queries } from './index.ts'

export type { Queries }

/** A word by its rank in a Zipf distribution: word(0) is in most texts, word(vocabulary - 1) in few. */
export const word = (rank: number): string => `w${String.fromCharCode(97 + (rank % 26))}${rank}`

export function zipfText(random: () => number, vocabulary = 120, length = 4 + Math.floor(random() * 30)): string {
  return Array.from({ length }, () => word(Math.floor(Math.exp(random() * Math.log(vocabulary + 1))) - 1)).join(' ')
}

/** A document of these chunks; returns its id. The tenant must be that of the session, which must be a superuser's. */
export async function addChunks(db: Queries, tenantId: string, sourceId: string, texts: string[]): Promise<string> {
  const documentId = await db.value<string>(
    `insert into app_public.documents
       (tenant_id, source_id, external_id, title, content, size_bytes, content_hash, processing_stage, processing_status)
     values ($1, $2, gen_random_uuid(), '-', '-', 1, sha256('-'), 'done', 'completed') returning id`,
    [tenantId, sourceId],
  )
  await db.query(
    `insert into app_public.document_chunks
       (tenant_id, source_id, document_id, ordinal, content, start_offset, end_offset, content_tsvector, document_length)
     select $1, $2, $3, n, t, 0, 1, v, knowledge.token_count(v)
       from unnest($4::text[]) with ordinality as u (t, n), knowledge.search_vector('simple', '-', t) as v`,
    [tenantId, sourceId, documentId, texts],
  )
  return documentId
}

export async function merge(db: Queries, tenantId: string, minimum = 1): Promise<number> {
  return db.value('select search.merge_index($1, $2)', [tenantId, minimum])
}

type Scored = { chunk_id: string; score: number }
export type Question = { terms: string[]; weights: number[]; depth: number }

export async function ranking(db: Queries, { terms, weights, depth }: Question): Promise<Scored[]> {
  return db.query(
    `select chunk_id::text, score from search.bm25_ranking($1, $2, search.scope_of(), $3) order by rank`,
    [terms, weights, depth],
  )
}

/** For each question every chunk of the tenant that has a term, scored with search.bm25_score. */
export async function exhaustiveRankings(db: Queries, questions: Question[]): Promise<Scored[][]> {
  const rows = await db.query<Scored & { question: number }>(
    `with chunk as materialized (
       select id, document_length, content_tsvector, (count(*) over ())::int as n, (avg(document_length) over ())::float8 as average
         from app_public.document_chunks where tenant_id = core.current_tenant_id()
     ), asked as materialized (
       select (e.n - 1)::int as question, (e.q ->> 'depth')::int as depth, t.term, (e.q -> 'weights' ->> (t.i - 1)::int)::float8 as weight
         from jsonb_array_elements($1) with ordinality as e (q, n), jsonb_array_elements_text(e.q -> 'terms') with ordinality as t (term, i)
     ), posting as materialized (
       select c.id, c.document_length, c.n, c.average, l.lexeme as term, cardinality(l.positions) as tf
         from chunk c, unnest(c.content_tsvector) l where l.lexeme = any (array(select term from asked))
     ), frequency as materialized (
       select term, count(*)::int as df from posting group by term
     ), scored as (
       select a.question, a.depth, p.id, sum(a.weight * search.bm25_score(p.tf, f.df, p.n, p.document_length, p.average, s.k1, s.b)) as score
         from posting p join frequency f using (term) join asked a using (term), search.settings() s
        group by a.question, a.depth, p.id
     ), ranked as (
       select *, row_number() over (partition by question order by score desc, id) as place from scored
     )
     select question, id::text as chunk_id, score from ranked where place <= depth order by question, place`,
    [JSON.stringify(questions)],
  )
  return questions.map((_, i) => rows.filter(({ question }) => question === i))
}

/** The scores at each place are the same; chunks of equal scores may have changed places. */
export function differenceOf(found: Scored[], expected: Scored[]): string | undefined {
  if (found.length !== expected.length) return `${found.length} hits instead of ${expected.length}`
  for (const [i, { score }] of expected.entries()) {
    const other = found[i] as Scored
    if (Math.abs(other.score - score) > 1e-6) return `place ${i + 1}: ${other.score} instead of ${score}`
  }
  return undefined
}
