// Questions of every class that the search has, in its own language and as a tsquery for GIN. Words are drawn by how many
// texts have them, the same ranks at every size; phrases and titles are some that texts have.

import type pg from 'pg'
import { mulberry32, pick, type Random } from '../random.ts'
import { tsqueryTerm } from './contenders.ts'
import { bandsOf, drawRanks, termsAt } from './queries.ts'

export type Question = {
  /** In the language of app_public.search. */
  text: string
  /** Its plain words, for those who know nothing else. */
  terms: string[]
  tsquery: string
  /** The key of the documents' metadata that must be 0: one document of two, or of a thousand. */
  filter?: 'half' | 'sliver'
}

export type QuestionClass = {
  name: string
  /** plain: any word will do, so everyone can rank it; required: some must occur, so everyone has the same hits. */
  kind: 'plain' | 'required' | 'own'
  queries: Question[]
}

const wordsOfLongest = 30
const wordsOfLong = 14
const sampledTexts = 20_000

/** Needs bench.terms. */
export async function drawClasses(client: pg.Client, count: number): Promise<QuestionClass[]> {
  const { common, middling, rare } = await bandsOf(client)
  const draw = (bands: [number, number][]): Promise<string[][]> => termsAt(client, drawRanks(count, bands))
  const times = (n: number, band: [number, number]): [number, number][] => Array(n).fill(band)
  const plain = async (name: string, bands: [number, number][]): Promise<QuestionClass> => ({
    name,
    kind: 'plain',
    queries: (await draw(bands)).map(anyOf),
  })
  const pairs = await draw([common, middling])
  const triples = await draw([common, middling, common])
  const third = wordsOfLongest / 3
  const random = mulberry32(11)
  return [
    await plain('one rare word', [rare]),
    await plain('one middling word', [middling]),
    await plain('one common word', [common]),
    await plain('common + middling + rare', [common, middling, rare]),
    await plain('three common', times(3, common)),
    await plain('five mixed', [common, common, middling, middling, rare]),
    await plain('five common', times(5, common)),
    await plain(`${wordsOfLong} common`, times(wordsOfLong, common)),
    await plain(`${wordsOfLongest} words`, [...times(third, common), ...times(third, middling), ...times(third, rare)]),
    {
      name: 'phrase, common + rare',
      kind: 'required',
      queries: (await drawPhrases(client, common, rare, count)).map(phrase),
    },
    {
      name: 'phrase, common + middling',
      kind: 'required',
      queries: (await drawPhrases(client, common, middling, count)).map(phrase),
    },
    { name: 'title:word and a common one', kind: 'required', queries: await drawTitles(client, common, count) },
    {
      name: 'excluded common word',
      kind: 'required',
      queries: triples.map(([one = '', two = '', three = '']) => ({
        text: `${one} ${two} -${three}`,
        terms: [one, two],
        tsquery: `(${tsqueryTerm(one)} | ${tsqueryTerm(two)}) & !${tsqueryTerm(three)}`,
      })),
    },
    {
      name: 'filter of 50 %',
      kind: 'required',
      queries: pairs.map((terms) => ({ ...anyOf(terms), filter: 'half' as const })),
    },
    {
      name: 'filter of 0.1 %',
      kind: 'required',
      queries: pairs.map((terms) => ({ ...anyOf(terms), filter: 'sliver' as const })),
    },
    { name: 'prefix of two letters', kind: 'own', queries: (await draw([middling])).map(prefix) },
    { name: 'misspelt middling + common', kind: 'own', queries: pairs.map((terms) => misspelt(random, terms)) },
  ]
}

function anyOf(terms: string[]): Question {
  return { text: terms.join(' '), terms, tsquery: terms.map(tsqueryTerm).join(' | ') }
}

function phrase(terms: string[]): Question {
  return { text: `"${terms.join(' ')}"`, terms, tsquery: terms.map(tsqueryTerm).join(' <-> ') }
}

function prefix([term = '']: string[]): Question {
  const start = term.slice(0, 2)
  return { text: `${start}*`, terms: [start], tsquery: `${tsqueryTerm(start)}:*` }
}

/** One letter of the middling word is another. GIN has no other spellings, so it is asked for what is meant. */
function misspelt(random: Random, [common = '', middling = '']: string[]): Question {
  const at = 1 + Math.floor(random() * (middling.length - 2))
  const letter = pick(
    random,
    [...'aeiou'].filter((other) => other !== middling[at]),
  )
  return {
    ...anyOf([common, middling]),
    text: `${common} ${middling.slice(0, at)}${letter}${middling.slice(at + 1)}`,
  }
}

/** Two words that stand beside each other in some text, one of each band. */
async function drawPhrases(
  client: pg.Client,
  one: [number, number],
  other: [number, number],
  count: number,
): Promise<string[][]> {
  const { rows } = await client.query<{ terms: string[] }>(
    `with placed as materialized (
       select t.id, l.lexeme as term, p as place, r.rank
         from bench.texts t, unnest(t.vector) l, unnest(l.positions) p, bench.terms r
        where t.id <= $1 and r.term = l.lexeme and (r.rank between $2 and $3 or r.rank between $4 and $5)
     )
     select array[a.term, b.term] as terms
       from placed a
       join placed b on b.id = a.id and b.place = a.place + 1
      where a.rank between $2 and $3 and b.rank between $4 and $5
      group by a.term, b.term
      order by md5(a.term || b.term)
      limit $6`,
    [sampledTexts, ...one, ...other, count],
  )
  return rows.map(({ terms }) => terms)
}

/** A word of a document's title that other texts have as well, and a common word. */
async function drawTitles(client: pg.Client, common: [number, number], count: number): Promise<Question[]> {
  const { rows } = await client.query<{ word: string }>(
    `select l.lexeme as word
       from (select distinct on (title) title, vector from bench.texts order by title, id) t, unnest(t.vector) l, bench.terms r
      where 'A' = any (l.weights) and r.term = l.lexeme and r.rank > $1
      group by l.lexeme order by md5(l.lexeme) limit $2`,
    [common[1], count],
  )
  const others = await termsAt(client, drawRanks(rows.length, [common]))
  return rows.map(({ word }, i) => {
    const other = others[i]?.[0] ?? ''
    return { text: `title:${word} ${other}`, terms: [word, other], tsquery: `${tsqueryTerm(word)}:A` }
  })
}
