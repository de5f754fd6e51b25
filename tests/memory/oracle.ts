// What recall must answer, the slow way: every memory is scored by the formulas of docs/recall.md. Only the reading of texts
// into terms is the database's own.

import type { Queries } from '../helpers/index.ts'

type Row = {
  id: string
  number: number
  session: string | null
  importance: number
  ageDays: number
  asks: boolean
  content: [string, number][]
  speaker: [string, number][]
  date: [string, number][]
  context: [string, number][]
}
export type Right = { id: string; score: number; words: number; around: number }

const [k1, b, usualLength] = [1.2, 0.4, 12]
const weights = { relevance: 1, recency: 0.1, importance: 0.1, halfLifeDays: 30 }
const neighbors: [number, number][] = [
  [-1, 0.4],
  [1, 0.15],
  [-2, 0.1],
  [2, 0.05],
]

export type Oracle = (query: string, depth: number) => Promise<Right[]>

/** Reads what there is; its answers are of that moment. */
export async function openOracle(t: Pick<Queries, 'query'>, userId: string): Promise<Oracle> {
  const terms = (text: string) =>
    `(select coalesce(json_agg(json_build_array(memory.base_form('english', term), place)), '[]') from knowledge.terms('english', ${text}))`
  const rows = await t.query<Row>(
    `select m.id, e.number, m.session_id as session, m.importance_score::float8 as importance,
            extract(epoch from core.clock() - coalesce(m.occurred_at, m.valid_from))::float8 / 86400 as "ageDays",
            m.content ~ '\\?$' as asks, ${terms('m.content')} as content, ${terms(`coalesce(m.speaker, '')`)} as speaker, ${terms(`coalesce(m.context, '')`)} as context,
            ${terms(`coalesce(to_char(m.occurred_at at time zone 'UTC', 'FMDD FMMonth YYYY FMDay'), '')`)} as date
       from app_public.user_memory m join memory.entries e on e.memory_id = m.id
      where m.user_id = $1 and m.valid_from <= core.clock() and m.ended_at > core.clock()`,
    [userId],
  )
  const texts = rows.map((row) => ({ row, impacts: impactsOf(row) }))
  return async (query, depth) => rank(rows, texts, await termsOf(t, query), depth)
}

const termsOf = async (t: Pick<Queries, 'query'>, query: string): Promise<string[]> => {
  const asked = await t.query<{ term: string }>(
    `select memory.base_form('english', term) as term from knowledge.terms('english', $1, true)`,
    [query],
  )
  return asked.map(({ term }) => term)
}

function rank(
  rows: Row[],
  texts: { row: Row; impacts: Map<string, number> }[],
  asked: string[],
  depth: number,
): Right[] {
  const idf = (term: string): number => {
    const count = texts.filter(({ impacts }) => impacts.has(term)).length
    return count === 0 ? 0 : Math.log(1 + (texts.length - count + 0.5) / (count + 0.5))
  }
  const idfs = asked.map((term) => [term, idf(term)] as const)
  const idfSum = idfs.reduce((sum, [, idf]) => sum + idf, 0)
  const own = new Map(
    texts.map(({ row, impacts }) => [
      row.number,
      {
        session: row.session,
        words: (row.asks ? 0.8 : 1) * idfs.reduce((sum, [term, idf]) => sum + idf * (impacts.get(term) ?? 0), 0),
        spoken: [...new Set(asked)].filter((term) => row.speaker.some(([name]) => name === term)).length * 0.3 * idfSum,
      },
    ]),
  )
  const scored = rows.map((row) => {
    const words = own.get(row.number)?.words ?? 0
    const around = neighbors.reduce((sum, [distance, share]) => {
      const other = own.get(row.number + distance)
      return sum + (row.session !== null && other?.session === row.session ? share * other.words : 0)
    }, 0)
    return { row, words: words + (own.get(row.number)?.spoken ?? 0), around }
  })
  const highest = Math.max(...scored.map(({ words, around }) => words + around), Number.MIN_VALUE)
  return scored
    .filter(({ words, around }) => words + around > 0)
    .map(({ row, words, around }) => ({
      id: row.id,
      number: row.number,
      words,
      around,
      score:
        (weights.relevance * ((words + around) / highest) +
          weights.recency * 0.5 ** (Math.max(0, row.ageDays) / weights.halfLifeDays) +
          weights.importance * row.importance) /
        (weights.relevance + weights.recency + weights.importance),
    }))
    .sort((x, y) => y.score - x.score || y.number - x.number)
    .slice(0, depth)
}

function impactsOf(row: Row): Map<string, number> {
  const frequencies = new Map<string, number>()
  const add = (terms: [string, number][], weight: number) => {
    for (const [term] of terms) frequencies.set(term, (frequencies.get(term) ?? 0) + weight)
  }
  add(row.content, 1)
  add(row.speaker, 0.9)
  add(row.date, 0.5)
  add(row.context, 0.3)
  const length = new Set(row.content.map(([, place]) => place)).size
  return new Map(
    [...frequencies].map(([term, tf]) => [term, (tf * (k1 + 1)) / (tf + k1 * (1 - b + (b * length) / usualLength))]),
  )
}
