// Runs the contenders in turn over the same queries: after a round to warm up, query by query, another one first each time.

import type pg from 'pg'
import { withProgress } from '../progress.ts'
import { type Percentiles, percentilesOf, timeLimitMs } from '../timing.ts'
import type { Hit, Ranker } from './contenders.ts'

/** A ranker of questions of one kind: lists of terms, where nothing else is said. */
export type Entrant<Q = string[]> = { contender: Ranker<Q>; client: pg.Client }
type Questions<Q> = { name: string; queries: Q[] }

export type Latency = Percentiles & {
  contender: string
  /** How many queries were measured, and how many hits they had together. */
  runs: number
  hits: number
}

export type SetResult = { set: string; latencies: Latency[]; differences: string[] }

/** What a slow contender may take in all, warming up and measured; then it answers fewer queries, but never fewer than 3. */
const warmUpBudgetMs = 15_000
const budgetMs = 60_000
const fewestRuns = 3

type Answer = { ms: number; hits: Hit[] | undefined }

export async function measureSet<Q = string[]>(entrants: Entrant<Q>[], set: Questions<Q>): Promise<SetResult> {
  const plans: { entrant: Entrant<Q>; runs: number; hits: number; times: number[] }[] = []
  await withProgress(`  ${set.name}: warming up`, entrants.length, async (bar) => {
    for (const entrant of entrants) {
      plans.push({ entrant, runs: await affordableRuns(entrant, set.queries), hits: 0, times: [] })
      bar.add(1)
    }
  })
  const differences: string[] = []
  await withProgress(`  ${set.name}`, set.queries.length, async (bar) => {
    for (const [i, terms] of set.queries.entries()) {
      const answers = new Map<string, Answer>()
      for (let turn = 0; turn < plans.length; turn++) {
        const plan = plans[(i + turn) % plans.length]
        if (!plan || i >= plan.runs) continue
        const answer = await ask(plan.entrant, terms)
        plan.times.push(answer.ms)
        plan.hits += answer.hits?.length ?? 0
        if (plan.entrant.contender.isBm25) answers.set(plan.entrant.contender.name, answer)
      }
      differences.push(...compare(terms, answers))
      bar.add(1)
    }
  })
  return {
    set: set.name,
    latencies: plans.map(({ entrant, hits, times }) => ({
      contender: entrant.contender.name,
      runs: times.length,
      hits,
      ...percentilesOf(times),
    })),
    differences,
  }
}

/** Asks without counting, and says how many queries the contender has time for. */
async function affordableRuns<Q>(entrant: Entrant<Q>, queries: Q[]): Promise<number> {
  let spent = 0
  let asked = 0
  for (const terms of queries) {
    spent += Math.min((await ask(entrant, terms)).ms, timeLimitMs)
    asked++
    if (spent > warmUpBudgetMs) break
  }
  const affordable = Math.max(fewestRuns, Math.floor(budgetMs / (spent / asked)))
  return Math.min(affordable, queries.length)
}

async function ask<Q>({ contender, client }: Entrant<Q>, terms: Q): Promise<Answer> {
  const started = performance.now()
  try {
    const hits = await contender.query(client, terms)
    return { ms: performance.now() - started, hits }
  } catch (error) {
    // cancelled for taking too long
    if ((error as { code?: string }).code === '57014') return { ms: Number.POSITIVE_INFINITY, hits: undefined }
    throw error
  }
}

/** Everyone who ranks by BM25 has the same scores as the first who does, place by place. */
function compare(terms: unknown, answers: Map<string, Answer>): string[] {
  const [first, ...others] = [...answers].filter(([, answer]) => answer.hits)
  if (!first) return []
  const expected = first[1].hits ?? []
  const differences: string[] = []
  for (const [name, { hits = [] }] of others) {
    const places = Math.max(expected.length, hits.length)
    for (let i = 0; i < places; i++) {
      const one = expected[i]?.score ?? Number.NaN
      const other = hits[i]?.score ?? Number.NaN
      if (Math.abs(one - other) <= 1e-6) continue
      differences.push(`${JSON.stringify(terms)}: place ${i + 1} has ${one} by ${first[0]}, ${other} by ${name}`)
      break
    }
  }
  return differences
}
