// The formulas, against values worked out by hand and against properties that must always hold.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const bm25 = async (...values: (number | null)[]): Promise<number> => {
  const { rows } = await db.pool.query<{ score: number }>(
    `select search.bm25_score(${values.map((_, i) => `$${i + 1}`).join(', ')}) as score`,
    values,
  )
  return rows[0]?.score as number
}
const rrf = async (vector: (number | null)[] | null, text: (number | null)[] | null, k = 60) =>
  (
    await db.pool.query<{ idx: number; score: number }>('select * from search.reciprocal_rank_fusion($1, $2, $3)', [
      vector,
      text,
      k,
    ])
  ).rows

describe('bm25_score', () => {
  it('is the value worked out by hand', async () => {
    // idf = ln(1 + (10 - 3 + 0.5) / 3.5) = ln(3.142857…); tf part = 2 · 2.2 / (2 + 1.2 · (0.25 + 0.75 · 8 / 10))
    expect(await bm25(2, 3, 10, 8, 10)).toBeCloseTo(
      Math.log(1 + 7.5 / 3.5) * (4.4 / (2 + 1.2 * (0.25 + 0.75 * 0.8))),
      12,
    )
  })
  it('takes k1 and b', async () => {
    expect(await bm25(1, 1, 4, 5, 5, 0.9, 0.4)).toBeCloseTo(Math.log(1 + 3.5 / 1.5), 12)
  })
  it('is not negative for a term in every document', async () => {
    expect(await bm25(1, 100, 100, 5, 5)).toBeGreaterThan(0)
  })
  it('is 0 on an empty collection instead of dividing by zero', async () => {
    expect(await bm25(1, 0, 0, 0, 0)).toBe(0)
    expect(await bm25(null, null, null, null, null)).toBe(0)
  })
  it('grows with the term’s frequency and shrinks with the document’s length and the term’s commonness', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 400 }),
        async (tf, df, length) => {
          const score = await bm25(tf, df, 500, length, 100)
          expect(await bm25(tf + 1, df, 500, length, 100)).toBeGreaterThan(score)
          expect(await bm25(tf, df, 500, length + 1, 100)).toBeLessThan(score)
          if (df < 500) expect(await bm25(tf, df + 1, 500, length, 100)).toBeLessThan(score)
        },
      ),
      { numRuns: 50, seed: 1 },
    )
  })
})

describe('reciprocal_rank_fusion', () => {
  it('is the value worked out by hand', async () => {
    expect(await rrf([0.9, 0.1, 0.5], [1, 3, 2])).toEqual([
      { idx: 1, score: 1 / 61 + 1 / 63 },
      { idx: 2, score: 1 / 63 + 1 / 61 },
      { idx: 3, score: 1 / 62 + 1 / 62 },
    ])
  })
  it('gives an item nothing from a list that does not have it', async () => {
    expect(await rrf([0.9, null], [null, 1, 2], 1)).toEqual([
      { idx: 1, score: 1 / 2 },
      { idx: 3, score: 1 / 2 },
      { idx: 2, score: 1 / 3 },
    ])
  })
  it('ranks equal scores by position', async () => {
    expect((await rrf([1, 1, 1], null)).map(({ idx }) => idx)).toEqual([1, 2, 3])
  })
  it('of nothing is nothing', async () => {
    expect(await rrf([], [])).toEqual([])
    expect(await rrf(null, null)).toEqual([])
  })
})

describe('term_frequency', () => {
  it('is the number of positions that a tsvector has of a term, weighted or not', async () => {
    const { rows } = await db.pool.query<{ found: number[]; positions: number[] }>(
      `select array[search.term_frequency(v, 'a'), search.term_frequency(v, 'b'), search.term_frequency(v, 'c')] as found,
              array[(select coalesce(sum(cardinality(positions)), 0) from unnest(v) where lexeme = 'a'),
                    (select coalesce(sum(cardinality(positions)), 0) from unnest(v) where lexeme = 'b'), 0]::int[] as positions
         from generate_series(0, 300) as n,
              lateral (select setweight(to_tsvector('simple', repeat('a ', n % 7)), 'A') || to_tsvector('simple', repeat('b a ', n))) as t (v)`,
    )
    expect(rows).toHaveLength(301)
    for (const { found, positions } of rows) expect(found).toEqual(positions)
    expect(Math.max(...rows.map(({ found }) => found[1] as number))).toBe(255)
  })
})
