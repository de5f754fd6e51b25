// What is asked: terms drawn by their rank among the terms of the corpus, the same ranks at every size.

import type pg from 'pg'
import { between, mulberry32 } from '../random.ts'

export type QuerySet = { name: string; queries: string[][] }

type Band = [first: number, last: number]

/** Which ranks are common, middling and rare. Needs bench.terms. */
export async function bandsOf(client: pg.Client): Promise<{ common: Band; middling: Band; rare: Band }> {
  const { rows } = await client.query<{ terms: number }>('select count(*)::int as terms from bench.terms')
  const vocabulary = rows[0]?.terms ?? 0
  const common: Band = [10, 100]
  const middling: Band = [Math.min(1_000, Math.floor(vocabulary / 3)), Math.min(5_000, Math.floor(vocabulary / 1.5))]
  const rare: Band = vocabulary >= 40_000 ? [20_000, 40_000] : [Math.floor(vocabulary / 1.5), vocabulary]
  if (middling[0] <= common[1]) throw new Error(`${vocabulary} terms are too few to draw questions from.`)
  return { common, middling, rare }
}

/** Needs bench.terms. */
export async function drawQuerySets(client: pg.Client, count: number): Promise<QuerySet[]> {
  const { common, middling, rare } = await bandsOf(client)
  return [
    { name: 'three common', queries: await termsAt(client, drawRanks(count, [common, common, common])) },
    { name: 'common + middling + rare', queries: await termsAt(client, drawRanks(count, [common, middling, rare])) },
  ]
}

/** The questions of a collection, as the index knows their words. */
export async function questionSet(client: pg.Client, questions: string[], count: number): Promise<QuerySet> {
  const { rows } = await client.query<{ terms: string[] }>(
    `select tsvector_to_array(to_tsvector('english', q.text)) as terms
       from unnest($1::text[]) with ordinality as q (text, i) order by q.i`,
    [questions],
  )
  return {
    name: 'its own questions',
    queries: rows
      .map((row) => row.terms)
      .filter((terms) => terms.length > 0)
      .slice(0, count),
  }
}

export function drawRanks(count: number, bands: Band[]): number[][] {
  const random = mulberry32(7)
  return Array.from({ length: count }, () => {
    const ranks = new Set<number>()
    for (const [first, last] of bands) {
      const before = ranks.size
      while (ranks.size === before) ranks.add(between(random, first, last))
    }
    return [...ranks]
  })
}

export async function termsAt(client: pg.Client, ranks: number[][]): Promise<string[][]> {
  const { rows } = await client.query<{ rank: number; term: string }>(
    'select rank, term from bench.terms where rank = any ($1)',
    [ranks.flat()],
  )
  const terms = new Map(rows.map((row) => [row.rank, row.term]))
  return ranks.map((query) => query.map((rank) => terms.get(rank) as string))
}
