// How good a search is: nDCG@10 with the judgements as linear gains (as trec_eval has it) and recall@100, averaged over
// the queries that have judgements.

export type Query = { id: string; text: string }
/** Query → document → grade; grades above 0 are relevant. */
export type Judgements = Map<string, Map<string, number>>

/** Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002. */
export function ndcg(ranking: string[], grades: Map<string, number>, depth = 10): number {
  const gain = (values: number[]): number =>
    values.slice(0, depth).reduce((sum, grade, i) => sum + Math.max(0, grade) / Math.log2(i + 2), 0)
  const ideal = gain([...grades.values()].sort((a, b) => b - a))
  return ideal === 0 ? 0 : gain(ranking.map((id) => grades.get(id) ?? 0)) / ideal
}

export function recall(ranking: string[], grades: Map<string, number>, depth = 100): number {
  const relevant = [...grades].filter(([, grade]) => grade > 0).map(([id]) => id)
  if (relevant.length === 0) return 0
  const found = new Set(ranking.slice(0, depth))
  return relevant.filter((id) => found.has(id)).length / relevant.length
}

export const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Mean of a - b, query by query, and its standard error. */
export function difference(a: number[], b: number[]): { mean: number; error: number } {
  const differences = a.map((value, i) => value - (b[i] ?? 0))
  const centre = mean(differences)
  const variance = differences.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (differences.length - 1 || 1)
  return { mean: centre, error: Math.sqrt(variance / differences.length) }
}
