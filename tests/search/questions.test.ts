// What can be asked: words, "phrases", exclusions, prefixes, titles, misspelt words, codes; and where to look.

import { describe, expect, it } from 'vitest'
import { merge } from '../helpers/corpus.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, type Hit, processDocuments, search, withTexts } from '../helpers/knowledge.ts'

const db = useDatabase()

type Named = { title?: string; text: string; metadata?: object }

async function withDocuments(t: Transaction, documents: Record<string, Named>, settings: Record<string, unknown> = {}) {
  const sourceId = await createSource(t, db.acme.member, settings)
  await addDocuments(
    t,
    db.acme.member,
    sourceId,
    Object.entries(documents).map(([externalId, document]) => ({ externalId, ...document })),
  )
  await processDocuments(t, db.acme.id)
  return sourceId
}

const contents = async (t: Transaction, query: string, mode = 'bm25', more = ''): Promise<string[]> =>
  (await search(t, db.acme.viewer, query, mode, 10, more)).map(({ content }) => content).sort()

/** Everything twice: while chunks wait for a merge, and from blocks. */
const states = ['unmerged', 'merged'] as const
async function enter(t: Transaction, state: (typeof states)[number]): Promise<void> {
  if (state === 'unmerged') return
  await t.becomeRole('rowhouse_worker')
  await merge(t, db.acme.id)
}

describe.each(states)('of %s chunks, a question', (state) => {
  const texts = ['boundary layer flow', 'layer of the boundary', 'heat flow', 'flowing water']

  it('of words finds what has any of them', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, texts)
      await enter(t, state)
      expect(await contents(t, 'boundary water')).toEqual([
        'boundary layer flow',
        'flowing water',
        'layer of the boundary',
      ])
    }))

  it('with a "phrase" finds only what has its words one after the other', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, texts)
      await enter(t, state)
      expect(await contents(t, '"boundary layers"')).toEqual(['boundary layer flow'])
      expect(await contents(t, 'heat "boundary layer')).toEqual([
        'boundary layer flow',
        'heat flow',
        'layer of the boundary',
      ])
    }))

  it('with -words leaves out what has them, in every mode', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, texts)
      await enter(t, state)
      for (const mode of ['bm25', 'vector', 'hybrid']) {
        expect(await contents(t, 'flow -heat -"boundary layer"', mode)).toEqual(
          mode === 'bm25' ? ['flowing water'] : ['flowing water', 'layer of the boundary'],
        )
      }
      expect(await contents(t, 'boundary-layer')).toContain('boundary layer flow')
      expect(await contents(t, '-heat')).toEqual([])
    }))

  it('with a prefix* finds the words that begin so', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['aerodynamic', 'aeroelastic', 'aeroplane', 'aerated', 'water'])
      await enter(t, state)
      expect(await contents(t, 'aero*')).toEqual(['aerodynamic', 'aeroelastic', 'aeroplane'])
      expect(await contents(t, 'aeroz* water')).toEqual(['water'])
      for (const nothing of ['*', '**', '* *']) expect(await contents(t, nothing)).toEqual([])
    }))

  it('with title: finds only what has the word in its title, and counts it double', () =>
    db.inTransaction(async (t) => {
      await withDocuments(t, {
        a: { title: 'Parental leave', text: 'sixteen weeks' },
        b: { title: 'Holidays', text: 'parental leave is not a holiday' },
      })
      await enter(t, state)
      expect(await contents(t, 'title:parental')).toEqual(['sixteen weeks'])
      const [plain] = (await search(t, db.acme.viewer, 'parental')).filter(({ content }) => content === 'sixteen weeks')
      const [boosted] = await search(t, db.acme.viewer, 'title:parental')
      expect(boosted?.score).toBeCloseTo(2 * (plain?.score as number), 9)
      expect(await contents(t, 'title:"parental leave" -title:holidays')).toEqual(['sixteen weeks'])
    }))

  it('with a word that no text has is read as the words spelt almost like it', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['the turbulence of a jet', 'a plate'])
      await enter(t, state)
      expect(await contents(t, 'turbulense')).toEqual(['the turbulence of a jet'])
      expect(await contents(t, 'xylophone')).toEqual([])
      const [hit] = await explained(t, 'turbulense')
      expect(hit?.explanation.terms).toMatchObject([{ term: 'turbul', writtenAs: 'turbulens' }])
      // one that a text has is meant
      await withTexts(db, t, ['turbulense'])
      expect(await contents(t, 'turbulense')).toEqual(['turbulense'])
    }))

  it.each(['en', 'und'])('finds codes as they are written, in sources of language %s', (language) =>
    db.inTransaction(async (t) => {
      await withTexts(
        db,
        t,
        [
          'Submit a 510(k) now.',
          'Part 510 and annex (k).',
          'See 21 CFR 820.30(a) for design.',
          'CFR 21, part 820 and 30.',
          'ISO 13485:2016',
        ],
        { language },
      )
      await enter(t, state)
      expect(await contents(t, '"510(k)"')).toEqual(['Submit a 510(k) now.'])
      expect(await contents(t, '"21 CFR 820.30"')).toEqual(['See 21 CFR 820.30(a) for design.'])
      expect(await contents(t, '"iso 13485:2016"')).toEqual(['ISO 13485:2016'])
      expect((await search(t, db.acme.viewer, '820.30'))[0]?.content).toBe('See 21 CFR 820.30(a) for design.')
    }),
  )
})

type Explained = Hit & { explanation: { terms: Record<string, number | string>[] } & Record<string, unknown> }
const explained = (t: Transaction, query: string, mode = 'bm25', more = ''): Promise<Explained[]> =>
  search(t, db.acme.viewer, query, mode, 10, `, options => search.options(explain => true)${more}`) as Promise<
    Explained[]
  >

describe('a filter', () => {
  it('by source, agent, tags and category chooses the sources', () =>
    db.inTransaction(async (t) => {
      const a = await withTexts(db, t, ['wing of a'], { tags: ['x', 'y'], category: 'law' })
      const b = await withTexts(db, t, ['wing of b'], { tags: ['z'], category: 'physics' })
      await t.become(db.acme.member)
      const agent = await t.value<string>(`insert into app_public.agents (name) values ('reader') returning id`)
      await t.query('insert into app_public.agent_knowledge_sources (agent_id, source_id) values ($1, $2)', [agent, b])
      for (const mode of ['bm25', 'vector', 'hybrid']) {
        expect(await contents(t, 'wing', mode, `, filter => search.filter(source_ids => '{${a}}')`)).toEqual([
          'wing of a',
        ])
        expect(await contents(t, 'wing', mode, `, filter => search.filter(tags => '{y,q}')`)).toEqual(['wing of a'])
        expect(await contents(t, 'wing', mode, `, filter => search.filter(category => 'physics')`)).toEqual([
          'wing of b',
        ])
        expect(await contents(t, 'wing', mode, `, filter => search.filter(agent_id => '${agent}')`)).toEqual([
          'wing of b',
        ])
        expect(
          await contents(t, 'wing', mode, `, filter => search.filter(agent_id => '${agent}', category => 'law')`),
        ).toEqual([])
      }
    }))

  it('by document, date and metadata chooses the documents', () =>
    db.inTransaction(async (t) => {
      await withDocuments(t, {
        old: { text: 'old wing', metadata: { year: 1961, lang: 'en' } },
        new: { text: 'new wing', metadata: { year: 2020, lang: 'en' } },
      })
      await t.becomeSuperuser()
      await t.query(`update app_public.documents set created_at = '1961-01-01' where external_id = 'old'`)
      const id = await t.value(`select id from app_public.documents where external_id = 'new'`)
      for (const mode of ['bm25', 'vector', 'hybrid']) {
        expect(await contents(t, 'wing', mode, `, filter => search.filter(document_ids => '{${id}}')`)).toEqual([
          'new wing',
        ])
        expect(await contents(t, 'wing', mode, `, filter => search.filter(created_before => '1970-01-01')`)).toEqual([
          'old wing',
        ])
        expect(await contents(t, 'wing', mode, `, filter => search.filter(created_after => '1970-01-01')`)).toEqual([
          'new wing',
        ])
        expect(
          await contents(t, 'wing', mode, `, filter => search.filter(metadata => '{"lang": "en", "year": 1961}')`),
        ).toEqual(['old wing'])
        expect(await contents(t, 'wing', mode, `, filter => search.filter(metadata => '{"year": 1962}')`)).toEqual([])
      }
    }))

  it('never empties a result: it works inside the ranking, however many better chunks it leaves out', () =>
    db.inTransaction(async (t) => {
      const others = await withTexts(
        db,
        t,
        Array.from({ length: 450 }, (_, i) => `wing wing wing number${i}`),
      )
      const wanted = await withTexts(
        db,
        t,
        Array.from({ length: 30 }, (_, i) => `a body, a plate, a jet, a wing ${i}`),
      )
      for (const state of states) {
        await enter(t, state)
        for (const mode of ['bm25', 'vector', 'hybrid']) {
          expect(
            await search(t, db.acme.viewer, 'wing', mode, 20, `, filter => search.filter(source_ids => '{${wanted}}')`),
          ).toHaveLength(20)
          expect(
            await search(
              t,
              db.acme.viewer,
              'wing -body',
              mode,
              20,
              `, filter => search.filter(source_ids => '{${wanted},${others}}')`,
            ),
          ).toHaveLength(20)
        }
        expect(await search(t, db.acme.viewer, 'wing "a plate"', 'bm25', 20)).toHaveLength(20)
      }
    }))
})

describe('paging', () => {
  it.each(['bm25', 'vector', 'hybrid'])('%s goes on where the page before ended', (mode) =>
    db.inTransaction(async (t) => {
      await withTexts(
        db,
        t,
        Array.from({ length: 60 }, (_, i) => `wing ${'flow '.repeat(i % 7)} ${i}`),
      )
      const all = (await search(t, db.acme.viewer, 'wing flow', mode, 60)).map(({ chunk_id, rank }) => [chunk_id, rank])
      const pages = [
        ...(await search(t, db.acme.viewer, 'wing flow', mode, 25)),
        ...(await search(t, db.acme.viewer, 'wing flow', mode, 25, ', options => search.options(skip => 25)')),
        ...(await search(t, db.acme.viewer, 'wing flow', mode, 25, ', options => search.options(skip => 50)')),
      ]
      expect(pages.map(({ chunk_id, rank }) => [chunk_id, rank])).toEqual(all)
      expect(await search(t, db.acme.viewer, 'wing flow', mode, 25, ', options => search.options(skip => 60)')).toEqual(
        [],
      )
    }),
  )

  it.each([
    [`'x', options => search.options(skip => -1)`, 'SR413'],
    [`'x', options => search.options(skip => 9001)`, 'SR413'],
    [`(select string_agg('w' || i, ' ') from generate_series(1, 1100) i)`, 'SR416'],
    [`'x', filter => search.filter(metadata => '[1]')`, 'SR415'],
  ])('and filters refuse search(%s) with %s', (call, code) =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing'])
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`select * from app_public.search(${call})`)).toBe(code)
    }),
  )
})

describe('an explanation', () => {
  it.each(states)('of %s chunks adds up to the score', (state) =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing wing flow', 'wing', 'heat flow'])
      await enter(t, state)
      const [hit] = await explained(t, 'wing wing flow plate')
      expect(hit?.explanation).toMatchObject({ chunkCount: 3, k1: 1.2, b: 0.75, length: 4 })
      expect(hit?.explanation.terms).toMatchObject([
        { term: 'flow', weight: 1, df: 2, tf: 1 },
        { term: 'wing', weight: 2, df: 2, tf: 2 },
      ])
      const sum = hit?.explanation.terms.reduce((total, { score }) => total + Number(score), 0)
      expect(sum).toBeCloseTo(hit?.score as number, 9)
    }),
  )

  it('of a hybrid search tells how it was fused', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing flow', 'heat'])
      const [hit] = await explained(t, 'wing', 'hybrid')
      expect(hit?.explanation).toMatchObject({ model: 'hashing-384', fusion: 'rrf', vectorWeight: 0.05, rrfK: 60 })
      expect(hit?.score).toBeCloseTo(1 / 61 + 0.05 / 61, 12)
      expect((await search(t, db.acme.viewer, 'wing'))[0]).toMatchObject({ explanation: null })
    }))
})

describe('convex fusion', () => {
  it('is the weighted mean of both scores, brought to 0..1', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing flow heat', 'wing', 'heat plate', 'jet of speed'])
      const hits = await search(
        t,
        db.acme.viewer,
        'wing heat',
        'hybrid',
        10,
        `, options => search.options(fusion => 'convex')`,
      )
      const similarities = hits.map(({ vector_score }) => vector_score as number)
      const [low, high] = [Math.min(...similarities), Math.max(...similarities)]
      const best = Math.max(...hits.map(({ bm25_score }) => bm25_score ?? 0))
      for (const hit of hits) {
        const expected = (hit.bm25_score ?? 0) / best + (0.05 * ((hit.vector_score as number) - low)) / (high - low)
        expect(hit.score).toBeCloseTo(expected / 1.05, 9)
      }
    }))

  it('of one hit is not a division by zero', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing'])
      expect(
        await search(t, db.acme.viewer, 'wing', 'hybrid', 10, `, options => search.options(fusion => 'convex')`),
      ).toMatchObject([{ score: 1 }])
    }))
})
