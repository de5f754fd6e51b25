// Required and excluded words bound what a search reads, and never what it finds: an independent model tells which texts
// match, and scoring every one of them tells their order.

import { describe, expect, it } from 'vitest'
import { mulberry32 } from '../../bench/random.ts'
import { merge } from '../helpers/corpus.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createSource } from '../helpers/knowledge.ts'

const db = useDatabase()

/** Words that "simple" leaves as they are; the first are in most texts. */
const vocabulary = 'wing flow heat layer shock wave body drag plate speed jet lift nose tail rotor blade'.split(' ')
type Random = () => number
const draw = (random: Random, count = vocabulary.length): string =>
  vocabulary[Math.floor(count ** random()) - 1] ?? (vocabulary[0] as string)
const words = (random: Random, length: number): string[] => Array.from({ length }, () => draw(random))

type Chunk = { id: string; title: string[]; text: string[] }

/** A document of these texts under a title; returns what the model needs to know. */
async function add(t: Transaction, sourceId: string, title: string[], texts: string[][]): Promise<Chunk[]> {
  const documentId = await t.value<string>(
    `insert into app_public.documents
       (tenant_id, source_id, external_id, title, content, size_bytes, content_hash, processing_stage, processing_status)
     values ($1, $2, gen_random_uuid(), $3, '-', 1, sha256('-'), 'done', 'completed') returning id`,
    [db.acme.id, sourceId, title.join(' ')],
  )
  const rows = await t.query<{ id: string }>(
    `insert into app_public.document_chunks
       (tenant_id, source_id, document_id, ordinal, content, start_offset, end_offset, content_tsvector, document_length)
     select $1, $2, $3, n, x, 0, 1, v, knowledge.token_count(v)
       from unnest($4::text[]) with ordinality as u (x, n), knowledge.search_vector('simple', $5, x) as v
     order by n returning id::text`,
    [db.acme.id, sourceId, documentId, texts.map((text) => text.join(' ')), title.join(' ')],
  )
  return texts.map((text, i) => ({ id: (rows[i] as { id: string }).id, title, text }))
}

type Condition = { kind: 'phrase' | 'title' | 'word' | 'not' | 'not phrase' | 'not title'; words: string[] }

const written = ({ kind, words }: Condition): string =>
  ({
    phrase: `"${words.join(' ')}"`,
    title: `title:${words[0]}`,
    word: words.join(' '),
    not: `-${words[0]}`,
    'not phrase': `-"${words.join(' ')}"`,
    'not title': `-title:${words[0]}`,
  })[kind]

const hasPhrase = (text: string[], phrase: string[]): boolean =>
  text.some((_, i) => phrase.every((word, n) => text[i + n] === word))

function meets({ title, text }: Chunk, { kind, words }: Condition): boolean {
  const all = [...title, ...text]
  const first = words[0] as string
  switch (kind) {
    case 'phrase':
      return hasPhrase(all, words)
    case 'title':
      return title.includes(first)
    case 'word':
      return true
    case 'not':
      return !all.includes(first)
    case 'not phrase':
      return !hasPhrase(all, words)
    case 'not title':
      return !title.includes(first)
  }
}

const kinds: Condition['kind'][] = ['phrase', 'title', 'word', 'not', 'not phrase', 'not title']

function makeQuestion(random: Random): Condition[] {
  const conditions = Array.from({ length: 1 + Math.floor(random() * 3) }, (): Condition => {
    const kind = kinds[Math.floor(random() * kinds.length)] as Condition['kind']
    return { kind, words: words(random, kind === 'phrase' || kind === 'not phrase' ? 1 + Math.floor(random() * 3) : 1) }
  })
  // A question of exclusions alone has no hits.
  return conditions.some(({ kind }) => !kind.startsWith('not'))
    ? conditions
    : [...conditions, { kind: 'word', words: words(random, 2) }]
}

/** How much each word of a question counts: plain words as often as they are there, required ones once, of a title twice. */
function weightsOf(question: Condition[]): Map<string, number> {
  const required = new Map<string, number>()
  const plain = new Map<string, number>()
  for (const { kind, words } of question)
    for (const word of words) {
      if (kind === 'word') plain.set(word, (plain.get(word) ?? 0) + 1)
      if (kind === 'phrase') required.set(word, Math.max(required.get(word) ?? 0, 1))
      if (kind === 'title') required.set(word, 2)
    }
  return new Map(
    [...new Set([...required.keys(), ...plain.keys()])].map((word) => [
      word,
      (required.get(word) ?? 0) + (plain.get(word) ?? 0),
    ]),
  )
}

/** BM25 of every chunk that meets the question and has one of its words, the best first. */
function rank(chunks: Map<string, Chunk>, question: Condition[]): number[] {
  const [k1, b] = [1.2, 0.75]
  const texts = [...chunks.values()].map((chunk) => ({ chunk, all: [...chunk.title, ...chunk.text] }))
  const average = texts.reduce((sum, { all }) => sum + all.length, 0) / texts.length
  const weights = [...weightsOf(question)].map(([word, weight]) => {
    const df = texts.filter(({ all }) => all.includes(word)).length
    return { word, weight: weight * Math.log(1 + (texts.length - df + 0.5) / (df + 0.5)) * (k1 + 1) }
  })
  return texts
    .filter(({ chunk }) => question.every((condition) => meets(chunk, condition)))
    .map(({ all }) =>
      weights.reduce((sum, { word, weight }) => {
        const tf = all.filter((other) => other === word).length
        return sum + (weight * tf) / (tf + k1 * (1 - b + (b * all.length) / average))
      }, 0),
    )
    .filter((score) => score > 0)
    .sort((one, other) => other - one)
}

/** Where the search does not find what the model says, for some random questions. */
async function differences(
  t: Transaction,
  chunks: Map<string, Chunk>,
  random: Random,
  count: number,
): Promise<string[]> {
  const found: string[] = []
  for (let i = 0; i < count; i++) {
    const question = makeQuestion(random)
    const limit = [1, 10, 1000][i % 3] as number
    const text = question.map(written).join(' ')
    const hits = await t.query<{ chunk_id: string; score: number }>(
      `select chunk_id::text, score from app_public.search($1, 'bm25', $2) order by rank`,
      [text, limit],
    )
    const expected = rank(chunks, question).slice(0, limit)
    if (hits.length !== expected.length) found.push(`${text}: ${hits.length} hits instead of ${expected.length}`)
    else if (hits.some(({ score }, place) => Math.abs(score - (expected[place] as number)) > 1e-6))
      found.push(`${text}: other scores`)
    else if (
      hits.some(({ chunk_id }) => question.some((condition) => !meets(chunks.get(chunk_id) as Chunk, condition)))
    )
      found.push(`${text}: a hit that does not match`)
  }
  return found
}

/** A source of acme; what follows runs as the superuser in acme's context. */
async function begin(t: Transaction): Promise<string> {
  const sourceId = await createSource(t, db.acme.member, { language: 'und' })
  await t.becomeRole('none', db.acme.id)
  return sourceId
}

async function load(t: Transaction, sourceId: string, random: Random, chunks: Map<string, Chunk>, count: number) {
  const perDocument = 50
  for (let left = count; left > 0; left -= perDocument) {
    const texts = Array.from({ length: Math.min(left, perDocument) }, () => words(random, 1 + Math.floor(random() * 8)))
    for (const chunk of await add(t, sourceId, words(random, 1 + Math.floor(random() * 2)), texts))
      chunks.set(chunk.id, chunk)
  }
}

describe('conditions of a question', () => {
  it(
    'are met by all hits, and all that meet them are hits: merged, unmerged, removed, with common and with rare words',
    () =>
      db.inTransaction(async (t) => {
        const random = mulberry32(21)
        const chunks = new Map<string, Chunk>()
        const sourceId = await begin(t)
        await load(t, sourceId, random, chunks, 400)
        expect(await differences(t, chunks, random, 30), 'unmerged').toEqual([])
        await merge(t, db.acme.id)
        expect(await differences(t, chunks, random, 60), 'one block').toEqual([])
        await load(t, sourceId, random, chunks, 150)
        await merge(t, db.acme.id)
        await load(t, sourceId, random, chunks, 100)
        for (const [i, id] of [...chunks.keys()].entries()) {
          if (i % 5 > 0) continue
          await t.query('delete from app_public.document_chunks where tenant_id = $1 and id = $2', [db.acme.id, id])
          chunks.delete(id)
        }
        expect(await differences(t, chunks, random, 60), 'two blocks, some unmerged, some removed').toEqual([])
        await merge(t, db.acme.id)
        expect(await differences(t, chunks, random, 60), 'all merged').toEqual([])
      }),
    120_000,
  )

  it(
    'are exact where so many texts have the words that they are ranked by bounds',
    () =>
      db.inTransaction(async (t) => {
        const random = mulberry32(22)
        const chunks = new Map<string, Chunk>()
        const sourceId = await begin(t)
        for (const size of [4_000, 1_500]) {
          await load(t, sourceId, random, chunks, size)
          await merge(t, db.acme.id)
        }
        await load(t, sourceId, random, chunks, 100)
        expect(await differences(t, chunks, random, 36)).toEqual([])
      }),
    120_000,
  )

  it('are read in each language of the texts', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(23)
      const english = await createSource(t, db.acme.member, { language: 'en' })
      const german = await createSource(t, db.acme.member, { language: 'de' })
      await t.becomeRole('none', db.acme.id)
      for (const [sourceId, config, text] of [
        [english, 'english', 'the flying machines of heat'],
        [german, 'german', 'die flying machines der heat'],
      ] as const) {
        const id = await t.value<string>(
          `insert into app_public.documents
             (tenant_id, source_id, external_id, title, content, size_bytes, content_hash, language, processing_stage, processing_status)
           values ($1, $2, 'x', '-', '-', 1, sha256('-'), $3, 'done', 'completed') returning id`,
          [db.acme.id, sourceId, config === 'english' ? 'en' : 'de'],
        )
        await t.query(
          `insert into app_public.document_chunks
             (tenant_id, source_id, document_id, ordinal, content, start_offset, end_offset, content_tsvector, document_length)
           select $1, $2, $3, n, x, 0, 1, v, knowledge.token_count(v)
             from unnest($4::text[]) with ordinality as u (x, n), knowledge.search_vector($5::regconfig, '-', x) as v`,
          [db.acme.id, sourceId, id, [text, ...Array.from({ length: 200 }, () => words(random, 5).join(' '))], config],
        )
      }
      const hits = async (question: string): Promise<string[]> =>
        (await t.query<{ content: string }>(`select content from app_public.search($1, 'bm25', 1000)`, [question])).map(
          ({ content }) => content,
        )
      for (const state of ['unmerged', 'merged']) {
        expect((await hits('"flying machines"')).sort(), state).toEqual([
          'die flying machines der heat',
          'the flying machines of heat',
        ])
        // "die" is a stop word in German only, "the" in English only.
        expect(await hits('"die flying"'), state).toContain('die flying machines der heat')
        expect(await hits('heat -machines'), state).not.toContain('the flying machines of heat')
        expect(await hits('heat -machines'), state).not.toContain('die flying machines der heat')
        await merge(t, db.acme.id)
      }
    }))

  it('leave nothing to be read when no text has a required word', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(24)
      const sourceId = await begin(t)
      await load(t, sourceId, random, new Map(), 300)
      await merge(t, db.acme.id)
      for (const question of [
        '"wing unheard"',
        'title:unheard wing',
        'wing -wing',
        '"wing" -"wing"',
        'wing "the unheard"',
      ])
        expect(await t.query(`select from app_public.search($1, 'hybrid')`, [question]), question).toEqual([])
    }))

  it('all count when there are more of them than bound what is read', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(26)
      const chunks = new Map<string, Chunk>()
      await load(t, await begin(t), random, chunks, 300)
      await merge(t, db.acme.id)
      const letters = 'abcdefghijklmnopqrstuvwxyz'
      const others = Array.from({ length: 60 }, (_, i) => `-un${letters[i % 26]}${letters[Math.floor(i / 26)]}heard`)
      const hits = await t.query<{ score: number }>(`select score from app_public.search($1, 'bm25', 1000)`, [
        `wing ${others.join(' ')} -flow`,
      ])
      const expected = rank(chunks, [
        { kind: 'word', words: ['wing'] },
        { kind: 'not', words: ['flow'] },
      ])
      expect(hits).toHaveLength(expected.length)
      for (const [i, { score }] of hits.entries()) expect(score).toBeCloseTo(expected[i] as number, 6)
    }))

  it('bound what vectors rank as well', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(25)
      const chunks = new Map<string, Chunk>()
      const sourceId = await begin(t)
      await load(t, sourceId, random, chunks, 300)
      await merge(t, db.acme.id)
      await t.query(
        `insert into app_public.embeddings (tenant_id, chunk_id, model_id, embedding)
         select c.tenant_id, c.id, m.id, knowledge.hashing_embedding(c.content, m.dimension)
           from app_public.document_chunks c, app_public.llm_models m where m.name = 'hashing-384' and c.tenant_id = $1`,
        [db.acme.id],
      )
      for (let i = 0; i < 20; i++) {
        const question = makeQuestion(random)
        const hits = await t.query<{ chunk_id: string }>(
          `select chunk_id::text from app_public.search($1, 'vector', 1000)`,
          [question.map(written).join(' ')],
        )
        const expected = [...chunks.values()].filter((chunk) => question.every((condition) => meets(chunk, condition)))
        expect(hits.map(({ chunk_id }) => chunk_id).sort(), question.map(written).join(' ')).toEqual(
          expected.map(({ id }) => id).sort(),
        )
      }
    }))
})
