// The fusion of search.rrf_score and search.convex_score, again and in its order of operations, so that a hundred settings can be compared
// over rankings that were fetched once. npm run eval checks what it finds against the database.

import { createHash } from 'node:crypto'

/** A chunk in a ranking, best first. */
export type Hit = { document: string; chunkId: number; score: number }
export type Fusion = { method: 'rrf' | 'convex'; weight: number; rrfK: number }

/** How far hybrid search reads either ranking for a page within the first hundred. */
export const depth = 100

export const parameterGrid = { k1: [0.4, 0.6, 0.9, 1.2, 1.6, 2], b: [0, 0.2, 0.4, 0.6, 0.75, 0.9] }
export const rrfKs = [60, 10, 20, 40, 100]
// the largest two are the vectors' ranking alone, for a model that is better than the words
const weights = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 10, 100]

/** Smaller weights first, and for each the usual method first: of equals the first is taken. */
export const fusionGrid: Fusion[] = weights.flatMap((weight) => [
  ...rrfKs.map((rrfK): Fusion => ({ method: 'rrf', weight, rrfK })),
  { method: 'convex', weight, rrfK: 60 },
])

/** The first of the settings that none exceeds. */
export function best<T>(settings: T[], gainOf: (setting: T) => number): { setting: T; gain: number } {
  let found: { setting: T; gain: number } | undefined
  for (const setting of settings) {
    const gain = gainOf(setting)
    // sums of the same numbers in another order are equal
    if (!found || gain > found.gain + 1e-9) found = { setting, gain }
  }
  if (!found) throw new Error('There is no setting to choose from.')
  return found
}

/** Two halves that depend on nothing but the ids and the seed: every second query in the order of their hashes. */
export function split<Q extends { id: string }>(queries: Q[], seed: number): { training: Q[]; other: Q[] } {
  const hash = ({ id }: Q): string => createHash('sha256').update(`${seed}:${id}`).digest('hex')
  const ordered = queries.map((query) => ({ query, hash: hash(query) })).sort((a, b) => (a.hash < b.hash ? -1 : 1))
  return {
    training: ordered.filter((_, i) => i % 2 === 0).map(({ query }) => query),
    other: ordered.filter((_, i) => i % 2 === 1).map(({ query }) => query),
  }
}

export function fuse(bm25: Hit[], vector: Hit[], { method, weight, rrfK }: Fusion): Hit[] {
  const highestBm25 = bm25[0]?.score ?? 0
  const highestVector = vector[0]?.score ?? 0
  const lowestVector = vector.at(-1)?.score ?? 0
  const range = highestVector - lowestVector
  type Parts = { hit: Hit; bm25: number; vector: number }
  const parts = new Map<number, Parts>()
  for (const [i, hit] of bm25.entries()) {
    const normalised = highestBm25 === 0 ? 0 : hit.score / highestBm25
    parts.set(hit.chunkId, { hit, bm25: method === 'rrf' ? 1 / (rrfK + i + 1) : normalised, vector: 0 })
  }
  for (const [i, hit] of vector.entries()) {
    const part = parts.get(hit.chunkId) ?? { hit, bm25: 0, vector: 0 }
    const normalised = range === 0 ? 1 : (hit.score - lowestVector) / range
    part.vector = method === 'rrf' ? weight / (rrfK + i + 1) : weight * normalised
    parts.set(hit.chunkId, part)
  }
  return [...parts.values()]
    .map(({ hit, bm25, vector }) => ({
      ...hit,
      score: method === 'rrf' ? bm25 + vector : (bm25 + vector) / (1 + weight),
    }))
    .sort((a, b) => b.score - a.score || a.chunkId - b.chunkId)
    .slice(0, depth)
}
