// What is kept of a search, and what follows from it; what the index tells about its terms.

import { describe, expect, it } from 'vitest'
import { merge } from '../helpers/corpus.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { search, withTexts } from '../helpers/knowledge.ts'

const db = useDatabase()

async function store(t: Transaction): Promise<number> {
  await t.becomeRole('rowhouse_worker')
  return t.value('select search.store_query_logs()')
}

const logs = async (t: Transaction) => {
  await t.become(db.acme.admin)
  return t.query<Record<string, unknown>>('select * from app_public.query_logs order by id')
}

describe('query logs', () => {
  it('have each search once: who, how, how long, how many hits', () =>
    db.inTransaction(async (t) => {
      const sourceId = await withTexts(db, t, ['wing flow', 'wing', 'heat'])
      await search(t, db.acme.viewer, 'wing')
      await search(t, db.acme.member, 'nothing that is there', 'bm25')
      expect(await store(t)).toBe(2)
      expect(await store(t)).toBe(0)
      const [first, second] = await logs(t)
      expect(first).toMatchObject({
        tenant_id: db.acme.id,
        user_id: db.acme.viewer.userId,
        mode: 'bm25',
        hit_count: 2,
        query_text: null,
        source_ids: [sourceId],
        source_hit_counts: [2],
      })
      expect(first?.latency_ms).toBeGreaterThan(0)
      expect(second).toMatchObject({ user_id: db.acme.member.userId, hit_count: 0, source_ids: [] })
    }))

  it('are counted by quarter of an hour, each search once, also when it is stored late', () =>
    db.inTransaction(async (t) => {
      const made = [
        ['2027-05-01T10:00:00Z', 0],
        ['2027-05-01T10:14:59.999Z', 3],
        ['2027-05-01T10:15:00Z', 0],
        ['2027-05-01T10:07:00Z', 0],
      ]
      for (const [at, hits] of made) {
        await t.query(
          `insert into search.query_log_buffer (tenant_id, created_at, mode, latency_ms, hit_count, source_ids, source_hit_counts, source_relevances)
           values ($1, $2, 'bm25', 2, $3, '{}', '{}', '{}')`,
          [db.acme.id, at, hits],
        )
        await store(t)
        await t.becomeSuperuser()
      }
      expect(
        await t.query(
          `select starts_at, search_count::int, hitless_count::int, latency_ms from search.query_quarter_hours where tenant_id = $1 order by 1`,
          [db.acme.id],
        ),
      ).toEqual([
        { starts_at: new Date('2027-05-01T10:00:00Z'), search_count: 3, hitless_count: 2, latency_ms: 6 },
        { starts_at: new Date('2027-05-01T10:15:00Z'), search_count: 1, hitless_count: 1, latency_ms: 2 },
      ])
    }))

  it.each([
    ['hash', { query_text: null, query_hash: expect.any(Buffer) }],
    ['text', { query_text: ' Wing  FLOW ', query_hash: null }],
    ['none', { query_text: null, query_hash: null }],
  ])('keep the question as the tenant says: %s', (what, expected) =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing'])
      await t.become(db.acme.owner)
      await t.query(
        `update app_public.tenants set config = jsonb_build_object('search', jsonb_build_object('logQueries', $1::text))`,
        [what],
      )
      await search(t, db.acme.viewer, ' Wing  FLOW ')
      await search(t, db.acme.viewer, 'wing flow')
      await store(t)
      const [first, second] = await logs(t)
      expect(first).toMatchObject(expected)
      // equal questions can be counted without being read
      if (what === 'hash') expect(second?.query_hash).toEqual(first?.query_hash)
    }),
  )

  it('are for admins, and for nobody of another tenant', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing'])
      await search(t, db.acme.viewer, 'wing')
      await store(t)
      expect(await logs(t)).toHaveLength(1)
      for (const person of [db.acme.viewer, db.acme.member, db.globex.owner]) {
        await t.become(person)
        expect(await t.query('select * from app_public.query_logs')).toEqual([])
      }
    }))

  it('are not written by a search in a read-only transaction, which works nevertheless', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing'])
      await t.query('set transaction read only')
      expect(await search(t, db.acme.viewer, 'wing')).toHaveLength(1)
    }))

  it('refuse a setting that is not known', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      for (const config of [
        '{"search": {"logQueries": "all"}}',
        '{"search": {"titleBoost": -1}}',
        '{"search": {"exactVectorLimit": 1.5}}',
      ]) {
        expect(await t.errorCode('update app_public.tenants set config = $1', [config])).toBe('TN403')
      }
    }))
})

describe('a source', () => {
  /** Two sources, the first found by two searches with two hits each, the other by one with one. */
  const searched = async (t: Transaction): Promise<{ source: string; other: string }> => {
    const source = await withTexts(db, t, ['wing wing', 'wing and much else that makes it longer'])
    const other = await withTexts(db, t, ['heat'])
    for (const query of ['wing', 'wings', 'heat']) await search(t, db.acme.viewer, query)
    await store(t)
    await t.become(db.acme.admin)
    return { source, other }
  }

  it('knows how often, when and how relevantly it was found', () =>
    db.inTransaction(async (t) => {
      const { source, other } = await searched(t)
      const rows = await t.query<{ id: string; count: number; relevance: string; at: Date | null }>(
        `select s.id, s.query_count::int as count, s.avg_relevance_score as relevance, s.last_queried_at as at
           from app_public.rag_knowledge_sources s where id = any ($1) order by count desc`,
        [[source, other]],
      )
      expect(rows).toMatchObject([
        { id: source, count: 2, at: expect.any(Date) },
        { id: other, count: 1, relevance: '1.0000' },
      ])
      expect(Number(rows[0]?.relevance)).toBeGreaterThan(0.5)
      expect(Number(rows[0]?.relevance)).toBeLessThan(1)
    }))

  it('is in rag_usage_analytics by day, with its queries and hits', () =>
    db.inTransaction(async (t) => {
      const { source, other } = await searched(t)
      expect(
        await t.query(
          `select source_id, mode, query_count::int, hit_count::int from app_public.rag_usage_analytics order by query_count desc`,
        ),
      ).toEqual([
        { source_id: source, mode: 'bm25', query_count: 2, hit_count: 4 },
        { source_id: other, mode: 'bm25', query_count: 1, hit_count: 1 },
      ])
    }))
})

describe.each(['unmerged', 'merged'])('of %s chunks', (state) => {
  it('embedding_statistics, term_frequencies and idf_scores are the index’s', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing wing flow', 'wing heat'])
      if (state === 'merged') {
        await t.becomeRole('rowhouse_worker')
        await merge(t, db.acme.id)
      }
      await t.become(db.acme.viewer)
      const [statistics] = await t.query<Record<string, unknown>>('select * from app_public.embedding_statistics')
      expect(statistics).toMatchObject({
        collection_id: db.acme.id,
        total_documents: 2,
        avg_document_length: 3.5,
        term_document_counts: { wing: 2, flow: 1, heat: 1, '0001': 1, '0002': 1 },
      })
      await t.becomeRole('rowhouse_owner', db.acme.id)
      const chunks = await t.query<{ tf: Record<string, number>; idf: Record<string, number> }>(
        `select app_public.document_chunks_term_frequencies(c) as tf, app_public.document_chunks_idf_scores(c) as idf
           from app_public.document_chunks c where content like '%flow'`,
      )
      expect(chunks[0]?.tf).toEqual({ '0001': 1, flow: 1, wing: 2 })
      expect(chunks[0]?.idf.wing).toBeCloseTo(Math.log(1 + 0.5 / 2.5), 12)
      expect(chunks[0]?.idf.flow).toBeCloseTo(Math.log(1 + 1.5 / 1.5), 12)
    }))
})
