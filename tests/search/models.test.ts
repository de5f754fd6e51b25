// Sources with different embedding models in one search: each is ranked by its own vectors, and the rankings are fused.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import type { Transaction } from '../helpers/index.ts'
import { useDatabase } from '../helpers/index.ts'
import { type Hit, search, withTexts } from '../helpers/knowledge.ts'

const db = useDatabase()

/** A second built-in model, of 64 dimensions, and the weights of both. */
async function twoModels(t: Transaction, weight384 = 0.4, weight64 = 0.7): Promise<void> {
  await t.becomeSuperuser()
  await t.query(
    `insert into app_public.llm_models (provider_id, name, kind, provider_model_name, dimension)
     select provider_id, 'hashing-64', kind, 'hashing-64', 64 from app_public.llm_models where name = 'hashing-384'`,
  )
  await t.query(
    `update app_public.llm_models set fusion_weight = case name when 'hashing-384' then $1::float8 else $2 end
      where name in ('hashing-384', 'hashing-64')`,
    [weight384, weight64],
  )
}

type Place = { chunk_id: string; model: string; similarity: number }

/** By comparing every vector with the question, a model at a time. */
async function everyVector(t: Transaction, question: string): Promise<Place[]> {
  await t.becomeSuperuser()
  return t.query<Place>(
    `select e.chunk_id, m.name as model, 1 - (e.embedding <=> knowledge.hashing_embedding($2, m.dimension)) as similarity
       from app_public.embeddings e join app_public.llm_models m on m.id = e.model_id
      where e.tenant_id = $1 order by m.name, 3 desc, 1`,
    [db.acme.id, question],
  )
}

const rankIn = (places: Place[], chunkId: string): number => {
  const own = places.find(({ chunk_id }) => chunk_id === chunkId)
  return places.filter(({ model }) => model === own?.model).findIndex(({ chunk_id }) => chunk_id === chunkId) + 1
}

const one = ['wing flow heat', 'wing', 'heat plate']
const other = ['jet of speed', 'winged heat', 'flow of heat in a body', 'the wing of the other']

describe('a search of sources with two embedding models', () => {
  it.each(['vector', 'hybrid'])('ranks each by its own vectors and fuses by weighted reciprocal ranks: %s', (mode) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('wing', 'heat', 'flow', 'jet', 'plate'), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        async (words, w384, w64) => {
          const weights: Record<string, number> = { 'hashing-384': w384 / 10, 'hashing-64': w64 / 10 }
          await db.inTransaction(async (t) => {
            await twoModels(t, weights['hashing-384'], weights['hashing-64'])
            await withTexts(db, t, one)
            await withTexts(db, t, other, { embedding_model: 'hashing-64' })
            const question = words.join(' ')
            const places = await everyVector(t, question)
            expect(places).toHaveLength(one.length + other.length)
            const hits = await search(t, db.acme.viewer, question, mode, 100)
            expect(hits).toHaveLength(places.length)
            const expected = (hit: Hit): number => {
              const place = places.find(({ chunk_id }) => chunk_id === hit.chunk_id) as Place
              expect(hit.vector_rank).toBe(rankIn(places, hit.chunk_id))
              expect(hit.vector_score).toBeCloseTo(place.similarity, 6)
              const byVectors = (weights[place.model] as number) / (60 + (hit.vector_rank as number))
              return byVectors + (mode === 'hybrid' && hit.bm25_rank ? 1 / (60 + hit.bm25_rank) : 0)
            }
            for (const hit of hits) expect(hit.score).toBeCloseTo(expected(hit), 12)
            expect(hits.map(({ score }) => score)).toEqual(hits.map(({ score }) => score).sort((a, z) => z - a))
          })
        },
      ),
      { numRuns: 8, seed: 11 },
    ),
  )

  it('fuses scores convexly, each similarity measured within its own model', () =>
    db.inTransaction(async (t) => {
      await twoModels(t)
      await withTexts(db, t, one)
      await withTexts(db, t, other, { embedding_model: 'hashing-64' })
      const places = await everyVector(t, 'wing heat')
      const hits = await search(
        t,
        db.acme.viewer,
        'wing heat',
        'hybrid',
        100,
        `, options => search.options(fusion => 'convex')`,
      )
      const highest = Math.max(...hits.map(({ bm25_score }) => bm25_score ?? 0))
      for (const hit of hits) {
        const { model, similarity } = places.find(({ chunk_id }) => chunk_id === hit.chunk_id) as Place
        const all = places.filter((place) => place.model === model).map((place) => place.similarity)
        const near = (similarity - Math.min(...all)) / (Math.max(...all) - Math.min(...all))
        const weight = model === 'hashing-64' ? 0.7 : 0.4
        expect(hit.score).toBeCloseTo(((hit.bm25_score ?? 0) / highest + weight * near) / 1.7, 6)
      }
    }))

  it('pages through all without a gap, and explains each hit by its own model', () =>
    db.inTransaction(async (t) => {
      await twoModels(t)
      await withTexts(db, t, one)
      await withTexts(db, t, other, { embedding_model: 'hashing-64' })
      const all = await search(t, db.acme.viewer, 'wing', 'hybrid', 100)
      const paged: Hit[] = []
      for (let skip = 0; skip < all.length; skip += 2)
        paged.push(
          ...(await search(t, db.acme.viewer, 'wing', 'hybrid', 2, `, options => search.options(skip => ${skip})`)),
        )
      expect(paged.map(({ chunk_id }) => chunk_id)).toEqual(all.map(({ chunk_id }) => chunk_id))
      const explained = await t.query<{ content: string; explanation: { model: string; vectorWeight: number } }>(
        `select * from app_public.search('wing', 'hybrid', options => search.options(explain => true))`,
      )
      for (const { content, explanation } of explained)
        expect(explanation).toMatchObject(
          one.includes(content)
            ? { model: 'hashing-384', vectorWeight: 0.4 }
            : { model: 'hashing-64', vectorWeight: 0.7 },
        )
    }))

  it('goes to the vectors of one model alone when it is named, and refuses a name that is none', () =>
    db.inTransaction(async (t) => {
      await twoModels(t)
      await withTexts(db, t, one)
      await withTexts(db, t, other, { embedding_model: 'hashing-64' })
      const named = `, options => search.options(embedding_model => 'hashing-64')`
      const hits = await search(t, db.acme.viewer, 'wing', 'vector', 100, named)
      expect(hits.map(({ content }) => content).sort()).toEqual([...other].sort())
      // with one model, similarities are compared as they are
      for (const hit of hits) expect(hit.score).toBe(hit.vector_score)
      expect(
        await t.errorCode(
          `select * from app_public.search('wing', options => search.options(embedding_model => 'nothing'))`,
        ),
      ).toBe('SR403')
    }))

  it('takes an embedding for each model, and one alone only with the name of its model', () =>
    db.inTransaction(async (t) => {
      await twoModels(t)
      await withTexts(db, t, one)
      await withTexts(db, t, other, { embedding_model: 'hashing-64' })
      const heat = (model: string, dimension: number): string =>
        `row ('${model}', knowledge.hashing_embedding('heat', ${dimension}))::app_public.query_embedding`
      await t.becomeSuperuser()
      const vectors = await t.value<string>(
        `select array[${heat('hashing-64', 64)}, ${heat('hashing-384', 384)}]::text as v`,
      )
      await t.become(db.acme.viewer)
      const given = await t.query<Hit>(
        `select * from app_public.search('wing', 'vector', options => search.options(query_embeddings => $1::app_public.query_embedding[]))`,
        [vectors],
      )
      const asked = await search(t, db.acme.viewer, 'heat', 'vector')
      expect(given.map(({ chunk_id, score }) => [chunk_id, score])).toEqual(
        asked.map(({ chunk_id, score }) => [chunk_id, score]),
      )
      const single = `query_embedding => '${JSON.stringify(Array(64).fill(1))}'`
      expect(
        await t.errorCode(`select * from app_public.search('wing', 'vector', options => search.options(${single}))`),
      ).toBe('SR402')
      expect(
        await t.query(
          `select * from app_public.search('wing', 'vector', options => search.options(${single}, embedding_model => 'hashing-64'))`,
        ),
      ).toHaveLength(other.length)
      expect(
        await t.errorCode(
          `select * from app_public.search('wing', options => search.options(
             query_embeddings => array_fill(row ('m', '[1]')::app_public.query_embedding, array[101])))`,
        ),
      ).toBe('SR421')
    }))
})

describe('answers from sources with two embedding models', () => {
  const passages = Array.from(
    { length: 6 },
    (_, i) => `Wing of the flow ${'heat '.repeat(i + 1)}about the plate of a jet.`,
  )
  const halfLife = `freshness_half_life => '30 days'`

  async function longDocuments(t: Transaction): Promise<void> {
    await twoModels(t)
    for (const embedding_model of ['hashing-384', 'hashing-64'])
      await withTexts(db, t, [passages.join(' '), passages.toReversed().join(' ')], {
        embedding_model,
        chunk_size: 100,
        chunk_overlap: 20,
      })
    await setClock(t, '2200-01-01T00:00:00Z')
    await t.becomeSuperuser()
    await t.query(
      `update app_public.documents d
          set metadata = jsonb_build_object('date', case external_id when '0001' then '2199-12-02' else '2200-01-01' end)
        where tenant_id = $1`,
      [db.acme.id],
    )
  }

  it.each([
    ['vector', 'rrf'],
    ['hybrid', 'rrf'],
    ['hybrid', 'convex'],
  ])('show each document by its best chunk, the older half as much: %s, %s', (mode, fusion) =>
    db.inTransaction(async (t) => {
      await longDocuments(t)
      const ask = (options: string) =>
        search(
          t,
          db.acme.viewer,
          'wing heat',
          mode,
          100,
          `, options => search.options(fusion => '${fusion}'${options})`,
        )
      const plain = await ask('')
      const decayed = await ask(`, ${halfLife}, explain => true`)
      expect(decayed).toHaveLength(plain.length)
      const decays = new Set<number>()
      for (const hit of decayed) {
        const { decay } = (hit as Hit & { explanation: { decay: number } }).explanation
        decays.add(decay)
        expect(hit.score).toBeCloseTo(
          (plain.find(({ chunk_id }) => chunk_id === hit.chunk_id) as Hit).score * decay,
          12,
        )
      }
      expect([...decays].sort()).toEqual([0.5, 1])
      const grouped = await ask(`, ${halfLife}, group_by_document => true`)
      expect(grouped).toHaveLength(4)
      expect(grouped.map(({ chunk_id }) => chunk_id)).toEqual(
        decayed
          .filter((hit, i) => decayed.findIndex(({ document_id }) => document_id === hit.document_id) === i)
          .map(({ chunk_id }) => chunk_id),
      )
    }),
  )

  it('are counted by the vectors of both, by those that are given where they are', () =>
    db.inTransaction(async (t) => {
      await longDocuments(t)
      await t.become(db.acme.viewer)
      const facets = await t.query<{ document_count: number }>(
        `select * from app_public.search_facets('wing', 'source', mode => 'vector')`,
      )
      expect(facets.map(({ document_count }) => document_count)).toEqual([2, 2])
      const given = (embeddings: string): Promise<string | undefined> =>
        t.errorCode(
          `select * from app_public.search_facets('wing', 'source', mode => 'vector',
             options => search.options(query_embeddings => ${embeddings}))`,
        )
      expect(
        await given(
          `array[row ('hashing-64', array_fill(0, array[64])::real[]::public.vector)::app_public.query_embedding]`,
        ),
      ).toBe('SR411')
      expect(await given(`array_fill(row ('m', '[1]')::app_public.query_embedding, array[101])`)).toBe('SR421')
    }))
})
