// What makes answers of passages: each document once or a few times, the text around a hit, fresh documents first, and
// counts by value. The model is the plain search, which search.test.ts holds to exhaustive scoring, and arithmetic on it.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, type Hit as PlainHit, processDocuments, search } from '../helpers/knowledge.ts'

const db = useDatabase()

type Hit = PlainHit & {
  context: string | null
  further_hit_count: number | null
  explanation: { documentDate: string; decay: number } | null
}
type Facet = { value: string; document_count: number; hit_count: number }

const now = '2026-01-01T00:00:00Z'
const day = 24 * 3600 * 1000
const words = ['wing', 'flow', 'heat', 'plate', 'jet', 'drag']
const modes = ['bm25', 'vector', 'hybrid'] as const

/** A text of sentences, of which some three make a chunk of 100 characters. */
const sentence = fc
  .array(fc.constantFrom(...words), { minLength: 3, maxLength: 7 })
  .map((list) => `${list.join(' ').replace(/^./, (c) => c.toUpperCase())}.`)
const sentences = fc.array(sentence, { minLength: 1, maxLength: 15 })
const text = sentences.map((list) => list.join(' '))

async function withDocuments(
  t: Transaction,
  texts: string[],
  metadata: (object | undefined)[] = [],
  settings: Record<string, unknown> = {},
): Promise<string> {
  const sourceId = await createSource(t, db.acme.member, {
    language: 'en',
    chunk_size: 100,
    chunk_overlap: 40,
    ...settings,
  })
  await addDocuments(
    t,
    db.acme.member,
    sourceId,
    texts.map((one, i) => ({ externalId: `${i}`, title: 'Untitled', text: one, metadata: metadata[i] ?? {} })),
  )
  await processDocuments(t, db.acme.id)
  return sourceId
}

const ask = (t: Transaction, query: string, mode: string, options: string, limit = 100): Promise<Hit[]> =>
  search(t, db.acme.viewer, query, mode, limit, `, options => search.options(${options})`) as Promise<Hit[]>

const facets = async (t: Transaction, call: string): Promise<Facet[]> => {
  await t.become(db.acme.viewer)
  return t.query<Facet>(`select * from app_public.search_facets(${call})`)
}

const chunkIds = (hits: { chunk_id: string }[]): string[] => hits.map(({ chunk_id }) => chunk_id)

/** The first so many hits of each document, in the order of the hits. */
function firstOfEach(hits: Hit[], most: number): Hit[] {
  const seen = new Map<string, number>()
  return hits.filter(({ document_id }) => {
    seen.set(document_id, (seen.get(document_id) ?? 0) + 1)
    return (seen.get(document_id) as number) <= most
  })
}

const anyCollection = fc.record({
  texts: fc.array(text, { minLength: 1, maxLength: 8 }),
  mode: fc.constantFrom(...modes),
  question: fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 3 }).map((list) => list.join(' ')),
})

describe('a search by document', () => {
  it('shows the first hits of each document of the plain search, counts the others, and pages without a gap', () =>
    fc.assert(
      fc.asyncProperty(
        anyCollection,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        ({ texts, mode, question }, most, pageSize) =>
          db.inTransaction(async (t) => {
            await withDocuments(t, texts)
            const all = await ask(t, question, mode, '', 1000)
            const expected = firstOfEach(all, most)
            const found = await ask(t, question, mode, `max_per_document => ${most}`)
            expect(chunkIds(found)).toEqual(chunkIds(expected))
            for (const [i, hit] of found.entries()) {
              const ofDocument = all.filter(({ document_id }) => document_id === hit.document_id).length
              expect(hit).toMatchObject({
                rank: i + 1,
                score: expected[i]?.score,
                further_hit_count: Math.max(ofDocument - most, 0),
              })
            }
            const paged: Hit[] = []
            for (let skip = 0; skip < found.length; skip += pageSize)
              paged.push(...(await ask(t, question, mode, `max_per_document => ${most}, skip => ${skip}`, pageSize)))
            expect(paged).toEqual(found)
          }),
      ),
      { numRuns: 15, seed: 13 },
    ))

  it('is the same with group_by_document as with one chunk of each', () =>
    db.inTransaction(async (t) => {
      await withDocuments(t, ['Wing flow heat. '.repeat(30), 'A wing.', 'Heat.'])
      const grouped = await ask(t, 'wing', 'bm25', 'group_by_document => true')
      expect(grouped).toHaveLength(2)
      expect(grouped.map(({ further_hit_count }) => further_hit_count).sort()).toEqual([0, expect.any(Number)])
      expect(grouped).toEqual(await ask(t, 'wing', 'bm25', 'max_per_document => 1'))
      expect(grouped).toEqual(await ask(t, 'wing', 'bm25', 'group_by_document => true, max_per_document => 1'))
      expect(await ask(t, 'wing', 'bm25', 'group_by_document => false')).toEqual(await ask(t, 'wing', 'bm25', ''))
    }))

  it('reads on when one document has the first thousand hits', () =>
    db.inTransaction(async (t) => {
      await withDocuments(
        t,
        [
          `${'wing '.repeat(19).trim()}. `.repeat(1100),
          'A wing among many other words, which rank it last of all of them.',
        ],
        [],
        { chunk_overlap: 0 },
      )
      const hits = await ask(t, 'wing', 'bm25', 'group_by_document => true', 2)
      expect(hits.map(({ further_hit_count }) => further_hit_count)).toEqual([1099, 0])
    }))

  it.each([
    ['max_per_document => 0', 'SR418'],
    ['max_per_document => 1001', 'SR418'],
    ['max_per_document => 2, group_by_document => true', 'SR418'],
    ['context => -1', 'SR419'],
    ['context => 6', 'SR419'],
    [`freshness_half_life => '59 minutes'`, 'SR417'],
    [`freshness_half_life => '-1 day'`, 'SR417'],
    [`freshness_half_life => '101 years'`, 'SR417'],
  ])('refuses %s with %s', (options, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`select * from app_public.search('x', options => search.options(${options}))`)).toBe(
        code,
      )
    }),
  )

  it('gives no context with more than 100 hits', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      const call = (limit: number): string =>
        `select * from app_public.search('x', 'bm25', ${limit}, options => search.options(context => 1))`
      expect(await t.errorCode(call(101))).toBe('SR419')
      expect(await t.errorCode(call(100))).toBeUndefined()
    }))
})

describe('the context of a hit', () => {
  it('is what the document says from the first of these chunks to the last, nothing twice and nothing missing', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(sentence, { minLength: 1, maxLength: 15 }), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(' ', '\n\n', ' \n \n\n'),
        fc.integer({ min: 0, max: 45 }),
        fc.integer({ min: 1, max: 5 }),
        (lists, gap, overlap, context) =>
          db.inTransaction(async (t) => {
            // each sentence has a number of its own, so that no two are alike
            const texts = lists.map((list, d) => list.map((one, i) => `N${d}x${i} ${one}`).join(gap))
            await withDocuments(t, texts, [], { chunk_overlap: overlap })
            const hits = await ask(t, words.join(' '), 'bm25', `context => ${context}`)
            expect(hits).not.toEqual([])
            await t.becomeSuperuser()
            const expected = await t.query<{ id: string; text: string }>(
              `select c.id, substr(d.content, f.start_offset + 1, l.end_offset - f.start_offset) as text
                 from app_public.document_chunks c
                 join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
                cross join lateral (select max(ordinal) as n from app_public.document_chunks o where o.document_id = d.id) m
                 join app_public.document_chunks f on f.document_id = d.id and f.ordinal = greatest(c.ordinal - $2, 0)
                 join app_public.document_chunks l on l.document_id = d.id and l.ordinal = least(c.ordinal + $2, m.n)
                where c.tenant_id = $1`,
              [db.acme.id, context],
            )
            const textOf = new Map(expected.map(({ id, text }) => [id, text.replaceAll(/\s+/g, ' ')]))
            for (const hit of hits) expect(hit.context?.replaceAll(/\s+/g, ' ')).toBe(textOf.get(hit.chunk_id))
          }),
      ),
      { numRuns: 12, seed: 14 },
    ))

  it('is left out unless it is asked for', () =>
    db.inTransaction(async (t) => {
      await withDocuments(t, ['A wing.'])
      for (const options of ['', 'context => 0'])
        expect(await ask(t, 'wing', 'bm25', options)).toMatchObject([{ context: null, further_hit_count: null }])
      expect(await ask(t, 'wing', 'bm25', 'context => 5')).toMatchObject([{ context: 'A wing.' }])
    }))
})

describe('freshness', () => {
  const dated = (ages: number[]) =>
    ages.map((age) => ({ date: new Date(Date.parse(now) - age * day).toISOString().slice(0, 10) }))

  it('multiplies each score of the plain search by 0.5 ^ (age / half-life), and says so', () =>
    fc.assert(
      fc.asyncProperty(
        anyCollection,
        fc.array(fc.integer({ min: -400, max: 4000 }), { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 20, max: 1000 }),
        ({ texts, mode, question }, ages, halfLife) =>
          db.inTransaction(async (t) => {
            const sourceId = await withDocuments(t, texts, dated(ages))
            await setClock(t, now)
            await t.becomeSuperuser()
            const documents = await t.query<{ id: string; n: number }>(
              'select id, external_id::int as n from app_public.documents where source_id = $1',
              [sourceId],
            )
            const decayOf = new Map(
              documents.map(({ id, n }) => [id, 0.5 ** (Math.max(ages[n] as number, 0) / halfLife)]),
            )
            const expected = new Map(
              (await ask(t, question, mode, '', 1000)).map(({ chunk_id, document_id, score }) => {
                const decay = decayOf.get(document_id) as number
                return [chunk_id, score >= 0 ? score * decay : score * (2 - decay)]
              }),
            )
            const found = await ask(
              t,
              question,
              mode,
              `freshness_half_life => '${halfLife} days', explain => true`,
              1000,
            )
            expect(chunkIds(found).sort()).toEqual([...expected.keys()].sort())
            for (const [i, hit] of found.entries()) {
              expect(hit.score).toBeCloseTo(expected.get(hit.chunk_id) as number, 9)
              expect(hit.explanation?.decay).toBeCloseTo(decayOf.get(hit.document_id) as number, 9)
              if (i > 0) expect(hit.score).toBeLessThanOrEqual(found[i - 1]?.score as number)
            }
          }),
      ),
      { numRuns: 12, seed: 15 },
    ))

  it('counts from the date in the metadata, and from the last change where there is none that can be read', () =>
    db.inTransaction(async (t) => {
      const dates = ['2024-01-01', '2024-01-01T10:00:00+02:00', '2024-02-31', 'last week', 20240101, null, '']
      const sourceId = await withDocuments(
        t,
        dates.map((_, i) => `A wing ${i}`),
        dates.map((date) => ({ date })),
      )
      await setClock(t, now)
      await t.becomeSuperuser()
      await t.query(`set local session_replication_role to replica`)
      await t.query(`update app_public.documents set updated_at = '2025-06-01' where source_id = $1`, [sourceId])
      const hits = await ask(t, 'wing', 'bm25', `freshness_half_life => '1 year', explain => true`)
      const changed = '2025-06-01T00:00:00.000Z'
      expect(
        hits
          .sort((a, z) => a.content.localeCompare(z.content))
          .map(({ explanation }) => new Date(explanation?.documentDate as string).toISOString()),
      ).toEqual(['2024-01-01T00:00:00.000Z', '2024-01-01T08:00:00.000Z', changed, changed, changed, changed, changed])
    }))

  it('never fails, however old a document is', () =>
    db.inTransaction(async (t) => {
      await withDocuments(t, ['A wing.', 'A wing.'], [{ date: '0001-01-01' }, { date: '4000-01-01 BC' }])
      for (const mode of modes) {
        const hits = await ask(t, 'wing', mode, `freshness_half_life => '1 hour'`)
        expect(hits).toHaveLength(2)
        expect(hits.every(({ score }) => score > 0 && score < 1e-29)).toBe(true)
      }
    }))
})

describe('facets', () => {
  const anyMetadata = fc.record(
    {
      topic: fc.oneof(
        fc.constantFrom('a', 'b', 1, true, null, '1'),
        fc.array(fc.constantFrom('a', 'b', 'c', 2, null), { maxLength: 4 }),
        fc.constant({ nested: 'a' }),
      ),
    },
    { requiredKeys: [] },
  )
  const valuesOf = (metadata: { topic?: unknown } | undefined): string[] => [
    ...new Set(
      [metadata?.topic ?? []]
        .flat()
        .filter((v) => v !== null && typeof v !== 'object')
        .map(String),
    ),
  ]

  it('count the documents and hits of the plain search by the values of a key', () =>
    fc.assert(
      fc.asyncProperty(
        anyCollection,
        fc.array(anyMetadata, { minLength: 8, maxLength: 8 }),
        ({ texts, question, mode }, metadata) =>
          db.inTransaction(async (t) => {
            const sourceId = await withDocuments(t, texts, metadata)
            await t.becomeSuperuser()
            const documents = await t.query<{ id: string; n: number }>(
              'select id, external_id::int as n from app_public.documents where source_id = $1',
              [sourceId],
            )
            const hits = await ask(t, question, mode, '', 1000)
            const expected = new Map<string, Facet>()
            for (const { id, n } of documents) {
              const hitCount = hits.filter(({ document_id }) => document_id === id).length
              if (hitCount === 0) continue
              for (const value of valuesOf(metadata[n])) {
                const facet = expected.get(value) ?? { value, document_count: 0, hit_count: 0 }
                expected.set(value, {
                  value,
                  document_count: facet.document_count + 1,
                  hit_count: facet.hit_count + hitCount,
                })
              }
            }
            expect(await facets(t, `'${question}', 'metadata', 'topic', '${mode}'`)).toEqual(
              [...expected.values()].sort(
                (a, z) => z.document_count - a.document_count || (a.value < z.value ? -1 : 1),
              ),
            )
          }),
      ),
      { numRuns: 12, seed: 16 },
    ))

  it('count sources, categories, tags and languages, within the filter', () =>
    db.inTransaction(async (t) => {
      const one = await withDocuments(t, ['A wing.', 'Another wing.', 'Heat.'], [], {
        tags: ['physics', 'air'],
        category: 'science',
      })
      const other = await withDocuments(t, ['The wing of a house.'], [], { tags: ['air'] })
      const of = async (field: string, more = '') =>
        (await facets(t, `'wing', '${field}'${more}`)).map(({ value, document_count }) => [value, document_count])
      expect(await of('source')).toEqual([
        [one, 2],
        [other, 1],
      ])
      expect(await of('category')).toContainEqual(['science', 2])
      expect(await of('tag')).toEqual([
        ['air', 3],
        ['physics', 2],
      ])
      expect(await of('language')).toEqual([['en', 3]])
      expect(await of('tag', `, filter => search.filter(array['${other}']::uuid[])`)).toEqual([['air', 1]])
    }))

  it('are at most 50 values, of at most 100 elements of a list, none longer than 200 characters', () =>
    db.inTransaction(async (t) => {
      const many = Array.from({ length: 150 }, (_, i) => `v${String(i).padStart(3, '0')}`)
      await withDocuments(t, ['A wing.', 'A wing.'], [{ tag: many }, { tag: ['x'.repeat(200), 'x'.repeat(201)] }])
      expect((await facets(t, `'wing', 'metadata', 'tag'`)).map(({ value }) => value)).toEqual(many.slice(0, 50))
      await t.becomeSuperuser()
      const values = async (value: unknown) =>
        t.value<string[]>('select search.metadata_values($1)', [JSON.stringify(value)])
      expect(await values(many)).toHaveLength(100)
      expect(await values(['x'.repeat(200), 'x'.repeat(201)])).toEqual(['x'.repeat(200)])
    }))

  it('count what others share by source and language, and not by its metadata', () =>
    db.inTransaction(async (t) => {
      const shared = await createSource(t, db.globex.member, { language: 'de' })
      await addDocuments(t, db.globex.member, shared, [
        { externalId: '1', title: 'x', text: 'wing', metadata: { topic: 'secret' } },
      ])
      await processDocuments(t, db.globex.id)
      expect(await facets(t, `'wing', 'source'`)).toEqual([])
      await t.become(db.globex.admin)
      await t.query(`select app_public.share_resource('knowledge_source', $1, 'acme')`, [shared])
      expect(await facets(t, `'wing', 'source'`)).toEqual([{ value: shared, document_count: 1, hit_count: 1 }])
      expect(await facets(t, `'wing', 'language'`)).toMatchObject([{ value: 'de' }])
      expect(await facets(t, `'wing', 'metadata', 'topic'`)).toEqual([])
      expect(
        await ask(t, 'wing', 'bm25', `group_by_document => true, context => 1, freshness_half_life => '1 day'`),
      ).toMatchObject([{ content: 'wing', context: 'wing', further_hit_count: 0 }])
    }))

  it.each([
    [`'x', null`, 'SR420'],
    [`'x', 'metadata'`, 'SR420'],
    [`'x', 'metadata', ''`, 'SR420'],
    [`'x', 'metadata', repeat('k', 201)`, 'SR420'],
    [`'x', 'tag', 'key'`, 'SR420'],
    [`' ', 'tag'`, 'SR404'],
  ])('refuse search_facets(%s) with %s', (call, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`select * from app_public.search_facets(${call})`)).toBe(code)
    }),
  )
})
