// Documents for tests: through the front door, then through every stage as the worker does it, in this process.

import type { Person, TestDatabase, Transaction } from './index.ts'

export type NewDocument = { externalId: string; text: string; title?: string; metadata?: object }

export async function createSource(
  t: Transaction,
  person: Person,
  settings: Record<string, unknown> = {},
): Promise<string> {
  await t.become(person)
  const columns = { name: `source ${crypto.randomUUID()}`, ...settings }
  return t.value(
    `insert into app_public.rag_knowledge_sources (${Object.keys(columns).join(', ')})
     values (${Object.keys(columns)
       .map((_, i) => `$${i + 1}`)
       .join(', ')}) returning id`,
    Object.values(columns),
  )
}

export async function addDocuments(t: Transaction, person: Person, sourceId: string, documents: NewDocument[]) {
  await t.become(person)
  return t.query<{ external_id: string; document_id: string; outcome: string; error: string | null }>(
    'select * from app_public.create_documents($1, knowledge.new_documents($2))',
    [sourceId, JSON.stringify(documents)],
  )
}

/** Runs the stages for all of a tenant's documents that wait for them. */
export async function processDocuments(t: Transaction, tenantId: string): Promise<void> {
  await t.becomeSuperuser()
  const ids = await t.value<string[] | null>('select array_agg(id) from app_public.documents where tenant_id = $1', [
    tenantId,
  ])
  await t.becomeRole('rowhouse_worker')
  for (const stage of [
    'knowledge.chunk_documents',
    'knowledge.embed_builtin',
    'knowledge.finish_embedding',
    'search.index_documents',
  ]) {
    await t.query(`select ${stage}($1, $2)`, [tenantId, ids])
  }
}

export type Hit = {
  rank: number
  score: number
  bm25_score: number | null
  bm25_rank: number | null
  vector_score: number | null
  vector_rank: number | null
  chunk_id: string
  document_id: string
  title: string
  content: string
  snippet: string
}

export async function search(
  t: Transaction,
  person: Person,
  query: string,
  mode = 'bm25',
  limit = 10,
  more = '',
): Promise<Hit[]> {
  await t.become(person)
  return t.query<Hit>(`select * from app_public.search($1, $2, $3${more})`, [query, mode, limit])
}

/** A source with these texts, processed and searchable, in a transaction of its own that stays. */
export async function withTexts(
  db: TestDatabase,
  t: Transaction,
  texts: string[],
  settings: Record<string, unknown> = {},
): Promise<string> {
  const sourceId = await createSource(t, db.acme.member, settings)
  await addDocuments(
    t,
    db.acme.member,
    sourceId,
    texts.map((text, i) => ({ externalId: String(i + 1).padStart(4, '0'), text })),
  )
  await processDocuments(t, db.acme.id)
  return sourceId
}
