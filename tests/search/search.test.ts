// Search is exact: its BM25 equals scoring every chunk one by one, its vectors equal comparing with every vector.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments, search, withTexts } from '../helpers/knowledge.ts'

const db = useDatabase()

/** Scores every chunk of acme from its own text, in TypeScript. */
async function exhaustiveBm25(
  t: Transaction,
  query: string,
  k1 = 1.2,
  b = 0.75,
): Promise<{ chunk_id: string; score: number }[]> {
  await t.becomeSuperuser()
  const count = async (text: string) =>
    new Map(
      (
        await t.query<{ lexeme: string; n: number }>(
          `select lexeme, cardinality(positions) as n from unnest(to_tsvector('english', $1))`,
          [text],
        )
      ).map(({ lexeme, n }) => [lexeme, n]),
    )
  const rows = await t.query<{ id: string; text: string }>(
    `select c.id, d.title || ' ' || c.content as text from app_public.document_chunks c
       join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
      where c.tenant_id = $1 and d.processing_status = 'completed'`,
    [db.acme.id],
  )
  const chunks: { id: string; counts: Map<string, number> }[] = []
  for (const { id, text } of rows) chunks.push({ id, counts: await count(text) })
  const lengthOf = (counts: Map<string, number>): number => [...counts.values()].reduce((sum, n) => sum + n, 0)
  const average = chunks.reduce((sum, { counts }) => sum + lengthOf(counts), 0) / chunks.length
  const scores = chunks.map(({ id }) => ({ chunk_id: id, score: 0 }))
  for (const [term, times] of await count(query)) {
    const df = chunks.filter(({ counts }) => counts.has(term)).length
    for (const [i, { counts }] of chunks.entries()) {
      const tf = counts.get(term)
      if (!tf) continue
      const idf = Math.log(1 + (chunks.length - df + 0.5) / (df + 0.5))
      ;(scores[i] as { score: number }).score +=
        (times * idf * tf * (k1 + 1)) / (tf + k1 * (1 - b + (b * lengthOf(counts)) / average))
    }
  }
  return scores
    .filter(({ score }) => score > 0)
    .sort((a, z) => (Math.abs(z.score - a.score) > 1e-9 ? z.score - a.score : Number(a.chunk_id) - Number(z.chunk_id)))
}

const words = [
  'wing',
  'flow',
  'heat',
  'layer',
  'shock',
  'wave',
  'body',
  'drag',
  'the',
  'of',
  'plate',
  'speed',
  'jet',
  'lift',
]
const text = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 40 }).map((list) => list.join(' '))

describe('bm25', () => {
  it('equals exhaustive scoring, for random texts and questions, after additions, replacements and deletions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 15 }),
        fc.array(text, { maxLength: 5 }),
        fc.array(fc.nat(14), { maxLength: 3 }),
        fc.array(fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 6 }), { minLength: 3, maxLength: 3 }),
        (texts, replacements, deletions, questions) =>
          db.inTransaction(async (t) => {
            const sourceId = await withTexts(db, t, texts)
            await addDocuments(t, db.acme.member, sourceId, [
              ...replacements.map((replacement, i) => ({
                externalId: String(i + 1).padStart(4, '0'),
                text: replacement,
              })),
              { externalId: 'last', text: 'wing flow' },
            ])
            for (const position of deletions) {
              await t.query(
                `select app_public.delete_document(id) from app_public.documents where source_id = $1 and external_id = $2`,
                [sourceId, String(position + 1).padStart(4, '0')],
              )
            }
            await processDocuments(t, db.acme.id)
            for (const question of questions) {
              const found = await search(t, db.acme.viewer, question.join(' '), 'bm25', 1000)
              const expected = await exhaustiveBm25(t, question.join(' '))
              expect(found.map(({ chunk_id }) => chunk_id)).toEqual(expected.map(({ chunk_id }) => chunk_id))
              for (const [i, hit] of found.entries()) expect(hit.score).toBeCloseTo(expected[i]?.score as number, 9)
            }
          }),
      ),
      { numRuns: 25, seed: 7 },
    )
  })

  it('orders equal scores by id, and answers the same every time', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['same words here', 'same words here', 'same words here'], {})
      const ids = (await search(t, db.acme.viewer, 'words')).map(({ chunk_id }) => Number(chunk_id))
      expect(ids).toEqual([...ids].sort((a, z) => a - z))
      expect((await search(t, db.acme.viewer, 'words')).map(({ chunk_id }) => Number(chunk_id))).toEqual(ids)
    }))

  it('takes the tenant’s own k1 and b', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing wing wing flow', 'wing', 'jet plate speed'])
      await t.become(db.acme.owner)
      await t.query(`update app_public.tenants set config = '{"search": {"k1": 0.4, "b": 0}}'`)
      const found = await search(t, db.acme.viewer, 'wing')
      const expected = await exhaustiveBm25(t, 'wing', 0.4, 0)
      expect(found.map(({ score }) => score.toFixed(9))).toEqual(expected.map(({ score }) => score.toFixed(9)))
    }))

  it('finds a document by its title', () =>
    db.inTransaction(async (t) => {
      const sourceId = await createSource(t, db.acme.member)
      await addDocuments(t, db.acme.member, sourceId, [
        { externalId: 'x', title: 'Parental leave', text: 'Sixteen weeks.' },
      ])
      await processDocuments(t, db.acme.id)
      expect(await search(t, db.acme.viewer, 'parental')).toHaveLength(1)
    }))

  it('reads each source in its own language', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['Die Katzen schlafen.'], { language: 'de' })
      await withTexts(db, t, ['The cats are sleeping.'], { language: 'en' })
      expect((await search(t, db.acme.viewer, 'Katze')).map(({ content }) => content)).toEqual(['Die Katzen schlafen.'])
      expect((await search(t, db.acme.viewer, 'cat')).map(({ content }) => content)).toEqual(['The cats are sleeping.'])
    }))
})

describe('vector', () => {
  it('equals comparing with every vector', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wings in a flow', 'heat in a plate', 'the drag of a body', 'winged bodies'])
      const found = await search(t, db.acme.viewer, 'wing body', 'vector', 1000)
      await t.becomeSuperuser()
      const expected = await t.query<{ chunk_id: string; similarity: number }>(
        `select chunk_id, 1 - (embedding <=> knowledge.hashing_embedding('wing body', 384)) as similarity
           from app_public.embeddings where tenant_id = $1 order by 2 desc, 1`,
        [db.acme.id],
      )
      expect(found.map(({ chunk_id }) => chunk_id)).toEqual(expected.map(({ chunk_id }) => chunk_id))
      for (const [i, hit] of found.entries()) expect(hit.score).toBeCloseTo(expected[i]?.similarity as number, 12)
    }))

  it('takes an embedding of the caller’s, and refuses one of another dimension or without direction', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing'])
      const given = (vector: string): string =>
        `select * from app_public.search('x wing', 'vector', options => search.options(query_embedding => '${vector}'))`
      await t.become(db.acme.viewer)
      expect(await t.query(given(JSON.stringify(Array(384).fill(1))))).toHaveLength(1)
      expect(await t.errorCode(given('[1, 2, 3]'))).toBe('SR410')
      expect(await t.errorCode(given(JSON.stringify(Array(384).fill(0))))).toBe('SR411')
    }))
})

describe('hybrid', () => {
  it('is the reciprocal rank fusion of both rankings, weighted by the model', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, [
        'wing flow heat',
        'wing',
        'heat plate',
        'jet of speed',
        'winged heat',
        'flow of heat in a body',
      ])
      await t.becomeSuperuser()
      await t.query(`update app_public.llm_models set fusion_weight = 1 where name = 'hashing-384'`)
      const hits = await search(t, db.acme.viewer, 'wing heat', 'hybrid', 100)
      const byChunk = [...hits].sort((a, z) => Number(a.chunk_id) - Number(z.chunk_id))
      const fused = await t.query<{ idx: number; score: number }>(
        'select * from search.reciprocal_rank_fusion($1, $2)',
        [byChunk.map(({ vector_score }) => vector_score), byChunk.map(({ bm25_score }) => bm25_score)],
      )
      expect(hits.map(({ chunk_id }) => chunk_id)).toEqual(fused.map(({ idx }) => byChunk[idx - 1]?.chunk_id))
      for (const [i, hit] of hits.entries()) expect(hit.score).toBeCloseTo(fused[i]?.score as number, 12)
    }))

  it('shows the part each ranking had', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing flow', 'heat plate'])
      const [first, second] = await search(t, db.acme.viewer, 'wing', 'hybrid')
      expect(first).toMatchObject({ rank: 1, bm25_rank: 1, vector_rank: 1 })
      expect(second).toMatchObject({ rank: 2, bm25_rank: null, bm25_score: null, vector_rank: 2 })
    }))
})

describe('any mode', () => {
  const modes = ['bm25', 'vector', 'hybrid']

  it.each(modes)('%s finds nothing in an empty tenant', (mode) =>
    db.inTransaction(async (t) => expect(await search(t, db.acme.viewer, 'wing', mode)).toEqual([])),
  )

  it.each(modes)('%s finds nothing for a question of stop words', (mode) =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['the wing of the body'])
      expect(await search(t, db.acme.viewer, 'the of a', mode)).toEqual([])
    }),
  )

  it.each(modes)('%s never shows a document of another tenant', (mode) =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing of acme'])
      const sourceId = await createSource(t, db.globex.member)
      await addDocuments(t, db.globex.member, sourceId, [{ externalId: 'g', text: 'wing of globex' }])
      await processDocuments(t, db.globex.id)
      expect((await search(t, db.acme.viewer, 'wing globex', mode)).map(({ content }) => content)).toEqual([
        'wing of acme',
      ])
      expect((await search(t, db.globex.viewer, 'wing acme', mode)).map(({ content }) => content)).toEqual([
        'wing of globex',
      ])
      // nor by naming its source, nor do its words count in the statistics
      expect(
        await search(t, db.acme.viewer, 'wing', mode, 10, `, search.filter(array['${sourceId}']::uuid[])`),
      ).toEqual([])
      const [hit] = await search(t, db.acme.viewer, 'wing', 'bm25')
      expect(hit?.score).toBeCloseTo((await exhaustiveBm25(t, 'wing'))[0]?.score as number, 9)
    }),
  )

  it.each(modes)('%s leaves out what is switched off or deleted, at once', (mode) =>
    db.inTransaction(async (t) => {
      const sourceId = await withTexts(db, t, ['wing'])
      const found = async (): Promise<number> => (await search(t, db.acme.viewer, 'wing', mode)).length
      expect(await found()).toBe(1)
      await t.become(db.acme.owner)
      await t.query('update app_public.rag_knowledge_sources set enabled = false where id = $1', [sourceId])
      expect(await found()).toBe(0)
      await t.become(db.acme.owner)
      await t.query('update app_public.rag_knowledge_sources set enabled = true where id = $1', [sourceId])
      await t.query('select app_public.delete_knowledge_source($1)', [sourceId])
      expect(await found()).toBe(0)
      await t.become(db.acme.owner)
      await t.query('select app_public.restore_knowledge_source($1)', [sourceId])
      expect(await found()).toBe(1)
    }),
  )

  it('marks the words it found, and lets no markup of a document through', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['A <script>alert("wing")</script> & a wing'])
      const [hit] = await search(t, db.acme.viewer, 'wings')
      expect(hit?.snippet).toContain('<mark>wing</mark>')
      expect(hit?.snippet.replaceAll(/<\/?mark>/g, '')).not.toMatch(/[<>]/)
    }))

  it.each([
    [`''`, 'SR404'],
    [`e' \\n'`, 'SR404'],
    [`null`, 'SR404'],
    [`repeat('x ', 6000)`, 'SR405'],
    [`'x', 'bm25', 0`, 'SR406'],
    [`'x', 'bm25', 1001`, 'SR406'],
    [`'x', options => search.options(rrf_k => 0)`, 'SR407'],
  ])('refuses search(%s) with %s', (call, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`select * from app_public.search(${call})`)).toBe(code)
    }),
  )

  it('is safe against whatever a question contains', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, [`it's a "wing" & more`])
      for (const question of [
        `' or 1=1 --`,
        `wing & ! | ( )`,
        `"`,
        `\\`,
        `wing:*`,
        `'; drop table app_public.documents; --`,
        '🛩️ wing',
        `%_`,
      ]) {
        await search(t, db.acme.viewer, question, 'hybrid')
      }
      expect(await search(t, db.acme.viewer, `'wing'`)).toHaveLength(1)
    }))
})
