// The bars that the search was built against, each with what was measured.

import { count, figure, ratio } from '../format.ts'
import { timeLimitMs } from '../timing.ts'
import { isSeen } from './cold.ts'
import { latencyOf, type Report } from './results.ts'

/** Whether a limit is kept, or by which of the measured figures where only some keep it. */
type Met = 'yes' | 'no' | string

export type Bar = {
  name: string
  measured: string
  sign: '≤' | '≥'
  bar: number
  met: Met
  stretch?: number
  stretchMet?: Met
}

type Limits = { sign?: '≤' | '≥'; bar: number; stretch?: number }
/** A figure as it is compared and as it is shown. */
type Measured = { value: number; text: string; chunks?: number }

export function toBars(report: Report): Bar[] {
  return [
    ...latencies(report),
    ...growth(report),
    ...classes(report),
    ...cold(report),
    ...among(report),
    ...size(report),
    ...indexing(report),
    ...nearest(report),
    ...hybrid(report),
    ...requests(report),
  ]
}

function bar(name: string, all: Measured[], { sign = '≤', ...limits }: Limits): Bar[] {
  if (all.length === 0) return []
  const met = (limit: number): Met => {
    const within = all.filter(({ value }) => (sign === '≤' ? value <= limit : value >= limit))
    if (within.length === all.length) return 'yes'
    return within.length === 0 ? 'no' : `at ${within.map(({ chunks = 0 }) => count(chunks)).join(', ')}`
  }
  return [
    {
      name,
      measured: all.map(({ text }) => text).join(', '),
      sign,
      ...limits,
      met: met(limits.bar),
      ...(limits.stretch === undefined ? {} : { stretchMet: met(limits.stretch) }),
    },
  ]
}

const plain = (value: number): Measured => ({ value, text: figure(value) })

/** null is longer than the limit: of the other one that makes the ratio a bound that is safe to compare. */
function quotient(one: number | null, other: number | null): Measured {
  return {
    value: one === null ? Number.POSITIVE_INFINITY : one / (other ?? timeLimitMs),
    text: ratio(one, other) || 'neither in time',
  }
}

const madeCorpora = ({ corpora }: Report) =>
  corpora.filter(({ corpus }) => corpus === 'made').sort((a, b) => a.chunks - b.chunks)

const atSize = (measured: Measured, chunks: number): Measured => ({
  ...measured,
  chunks,
  text: `${measured.text} (${count(chunks)})`,
})

const contenderLimits: [contender: string, limits: Limits][] = [
  ['covering B-tree', { bar: 0.3, stretch: 0.1 }],
  ['GIN + ts_rank_cd', { bar: 0.1, stretch: 0.02 }],
  ['jsonb row by row', { bar: 0.1, stretch: 0.02 }],
]

function latencies(report: Report): Bar[] {
  const corpora = madeCorpora(report)
  const sets = corpora[0]?.sets.map(({ set }) => set) ?? []
  return contenderLimits.flatMap(([contender, limits]) =>
    sets.flatMap((set) =>
      (['p50', 'p95'] as const).flatMap((percentile) => {
        const all = corpora.map((corpus) =>
          atSize(
            quotient(
              latencyOf(corpus, set, 'Rowhouse')?.[percentile] ?? null,
              latencyOf(corpus, set, contender)?.[percentile] ?? null,
            ),
            corpus.chunks,
          ),
        )
        return bar(`${set}, ${percentile}: ours / ${contender}`, all, limits)
      }),
    ),
  )
}

function growth(report: Report): Bar[] {
  const corpora = madeCorpora(report)
  const smallest = corpora[0]
  const largest = corpora.at(-1)
  if (!smallest || !largest || smallest === largest) return []
  const times = figure(largest.chunks / smallest.chunks)
  return smallest.sets.flatMap(({ set }) => {
    const p95 = (corpus: typeof smallest) => latencyOf(corpus, set, 'Rowhouse')?.p95 ?? null
    return bar(`${set}, p95: ${times} times the chunks / one time`, [quotient(p95(largest), p95(smallest))], {
      bar: 4,
      stretch: 2,
    })
  })
}

/** Times of GIN that a class may take. */
const classLimits: [name: string, limits: Limits][] = [
  ['one rare word', { bar: 3 }],
  ['one common word', { bar: 0.08 }],
  ['three common', { bar: 0.03 }],
  ['common + middling + rare', { bar: 0.025 }],
  ['phrase, common + rare', { bar: 5 }],
  ['phrase, common + middling', { bar: 5 }],
  ['title:word and a common one', { bar: 5 }],
]

function classes({ classes: results }: Report): Bar[] {
  const bySize = [...results].sort((a, b) => a.chunks - b.chunks)
  const latenciesOf = (result: (typeof bySize)[number], name: string) =>
    result.classes.find((other) => other.name === name)?.latencies ?? []
  return [
    ...classLimits.flatMap(([name, limits]) =>
      bar(
        `${name}, search, p50: ours / GIN`,
        bySize.map((result) => {
          const [ours, gin] = latenciesOf(result, name)
          return atSize(quotient(ours?.p50 ?? null, gin?.p50 ?? null), result.chunks)
        }),
        limits,
      ),
    ),
    ...bar(
      'every class: p95 / p50, the worst',
      bySize.map((result) => {
        const all = result.classes.map(({ latencies: [ours] }) => quotient(ours?.p95 ?? null, ours?.p50 ?? null))
        return atSize(
          all.reduce((one, other) => (other.value > one.value ? other : one)),
          result.chunks,
        )
      }),
      { bar: 2 },
    ),
  ]
}

function cold({ cold: { http, silenceSeconds } }: Report): Bar[] {
  const kept = http.find(({ keeps }) => keeps)
  if (!kept) return []
  const after = `the first search after ${silenceSeconds} s / one in a row`
  const { warm, first } = kept
  return [
    ...bar(`HTTP, p50: ${after}`, [quotient(first.elapsed.p50, warm.elapsed.p50)], { bar: 1.5 }),
    ...(isSeen(warm, first)
      ? bar(`HTTP, PostgreSQL’s processor, p50: ${after}`, [quotient(first.processor.p50, warm.processor.p50)], {
          bar: 1.5,
        })
      : []),
  ]
}

function among({ tenants }: Report): Bar[] {
  const small = (tenants?.sets ?? []).map(({ among }) => plain(among.p50 ?? Number.POSITIVE_INFINITY))
  const slowest = small.reduce<Measured[]>(([one], other) => [one && one.value > other.value ? one : other], [])
  const perSet = (tenants?.sets ?? []).flatMap((result) =>
    bar(
      `${result.set}, p95: among ${count(tenants?.tenants ?? 0)} tenants / alone`,
      [quotient(result.among.p95, result.alone.p95)],
      { bar: 1.3, stretch: 1.1 },
    ),
  )
  return [
    ...bar(`a small tenant among ${count(tenants?.tenants ?? 0)}, one to three words, p50, ms, the slowest`, slowest, {
      bar: 1.5,
    }),
    ...perSet,
  ]
}

function size(report: Report): Bar[] {
  const { smallTenants } = report
  const all = madeCorpora(report).map(({ chunks, textBytes, sizes }) =>
    atSize(plain((sizes[0]?.index ?? Number.NaN) / textBytes), chunks),
  )
  return [
    ...bar('size of the index / text', all, { bar: 1, stretch: 0.5 }),
    ...(smallTenants
      ? bar(
          `size of the index / text, ${count(smallTenants.tenants)} tenants of 200 to 1,000 chunks`,
          [plain(smallTenants.index / smallTenants.textBytes)],
          { bar: 1, stretch: 0.5 },
        )
      : []),
  ]
}

function indexing({ indexing: { insertThenMerge, mergedBeside, gin } }: Report): Bar[] {
  const limits: Limits = { sign: '≥', bar: 0.5, stretch: 1 }
  return [
    ...bar('indexing, insert, then merge: ours / GIN', [plain(insertThenMerge / gin)], limits),
    ...bar('indexing, merged beside the insert: ours / GIN', [plain(mergedBeside / gin)], limits),
  ]
}

function nearest({ vectors }: Report): Bar[] {
  const small = vectors?.tenants[0]
  if (!small) return []
  return bar(
    `recall@10 of a tenant with ${count(small.vectors)} of ${count(vectors.vectors)} vectors`,
    [plain(small.chosen.recall)],
    {
      sign: '≥',
      bar: 0.95,
      stretch: 0.99,
    },
  )
}

function hybrid({ hybrid: result }: Report): Bar[] {
  if (!result) return []
  const p95 = (mode: string) => result.modes.find((other) => other.mode === mode)?.p95 ?? null
  const [words, vectors] = [p95('bm25'), p95('vector')]
  const slower = words === null || vectors === null ? null : Math.max(words, vectors)
  return bar('hybrid / the slower of its parts, p95', [quotient(p95('hybrid'), slower)], { bar: 2.5, stretch: 1.2 })
}

function requests({ requests: { log, graphql } }: Report): Bar[] {
  const overhead = (log.logged.p50 ?? Number.POSITIVE_INFINITY) / (log.unlogged.p50 ?? timeLimitMs)
  const added = (graphql.graphql.p50 ?? Number.POSITIVE_INFINITY) - (graphql.sql.p50 ?? 0)
  return [
    // a bar that close to 1 needs its digits
    ...bar('a search that is written down / one that is not, p50', [{ value: overhead, text: overhead.toFixed(3) }], {
      bar: 1.05,
    }),
    ...bar('GraphQL - SQL, p50, ms', [plain(added)], { bar: 5, stretch: 2 }),
  ]
}
