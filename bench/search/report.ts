// What was measured, as Markdown. No date in it: two runs differ in their figures alone.

import { count, figure, ms, ratio, table } from '../format.ts'
import type { Percentiles } from '../timing.ts'
import { toBars } from './bars.ts'
import type { ClassesResult } from './classes.ts'
import { type ColdResult, isSeen } from './cold.ts'
import type { HybridResult } from './hybrid.ts'
import type { CorpusResult, TenantsResult } from './parts.ts'
import type { RequestsResult } from './requests.ts'
import { differencesOf, latencyOf, type Report } from './results.ts'
import type { SmallTenantsResult } from './small-tenants.ts'
import type { VectorsResult } from './vectors.ts'

export function toMarkdown(report: Report): string {
  const { server } = report
  const settings = Object.entries(server.settings).map(([name, value]) => `${name} ${value}`)
  const differences = differencesOf(report)
  return `${[
    '# Search, measured',
    `${server.engine}, pgvector ${server.pgvector}, ${report.cores} cores; ${settings.join(', ')}. How and what: [README](../README.md).`,
    differences.length === 0
      ? 'Everyone who ranks by BM25 gave the same ten scores to 1e-6 at each place, for every query.'
      : `**${differences.length} rankings differ:**\n\n${differences
          .slice(0, 20)
          .map((line) => `- ${line}`)
          .join('\n')}`,
    '## Bars',
    'What the search was built to reach, and what would be better still. In brackets: chunks, where a bar holds for several sizes of the made corpus.',
    table(
      ['', 'measured', 'bar', 'met', 'stretch', 'met'],
      toBars(report).map((bar) => [
        bar.name,
        bar.measured,
        `${bar.sign} ${bar.bar}`,
        bar.met === 'no' ? '**no**' : bar.met,
        bar.stretch === undefined ? '' : `${bar.sign} ${bar.stretch}`,
        bar.stretchMet ?? '',
      ]),
    ),
    '## Latency of the best ten, ms',
    'ours / its: Rowhouse’s time over the contender’s; below 1 Rowhouse is faster. A contender that is slow answers fewer queries.',
    table(
      ['corpus', 'chunks', 'query', 'contender', 'queries', 'p50', 'p95', 'ours / its p50', 'ours / its p95'],
      report.corpora.flatMap(latencyRows),
    ),
    ...growth(report),
    ...everyClass(report.classes),
    ...cold(report.cold),
    '## Size over that of the text',
    'index: what finds. with rows: with the rows and tsvectors that its queries read.',
    table(
      ['corpus', 'chunks', 'contender', 'index', 'with rows', 'ours / its index'],
      report.corpora.flatMap(sizeRows),
    ),
    'What Rowhouse’s index is made of, over the text:',
    partsOfIndex(report.corpora),
    '## Indexing',
    table(
      ['chunks', 'how', 'chunks/s', 'over GIN'],
      [
        ['insert, then merge', report.indexing.insertThenMerge] as const,
        ['merged beside the insert', report.indexing.mergedBeside] as const,
        ['GIN', report.indexing.gin] as const,
      ].map(([how, rate]) => [
        count(report.indexing.chunks),
        how,
        count(Math.round(rate)),
        how === 'GIN' ? '' : figure(rate / report.indexing.gin),
      ]),
    ),
    ...manyTenants(report.tenants),
    ...smallTenants(report.smallTenants),
    ...nearestNeighbours(report.vectors),
    ...endToEnd(report.hybrid),
    ...aroundASearch(report.requests),
  ].join('\n\n')}\n`
}

function latencyRows({ corpus, chunks, sets }: CorpusResult): string[][] {
  return sets.flatMap(({ set, latencies }) =>
    latencies.map((latency, i) => {
      const ours = latencies[0]
      return [
        corpus,
        count(chunks),
        set,
        latency.contender,
        String(latency.runs),
        ms(latency.p50),
        ms(latency.p95),
        i === 0 || !ours ? '' : ratio(ours.p50, latency.p50),
        i === 0 || !ours ? '' : ratio(ours.p95, latency.p95),
      ]
    }),
  )
}

function sizeRows({ corpus, chunks, textBytes, sizes }: CorpusResult): string[][] {
  const ours = sizes[0]?.index ?? 0
  return sizes.map(({ contender, index, total }, i) => [
    corpus,
    count(chunks),
    contender,
    index === null ? '' : figure(index / textBytes),
    figure(total / textBytes),
    i === 0 || index === null ? '' : figure(ours / index),
  ])
}

function partsOfIndex(corpora: CorpusResult[]): string {
  const names = Object.keys(corpora[0]?.sizes[0]?.parts ?? {})
  const rows = corpora.map(({ corpus, chunks, textBytes, sizes }) => [
    corpus,
    count(chunks),
    ...names.map((name) => ((sizes[0]?.parts?.[name] ?? 0) / textBytes).toFixed(3)),
  ])
  return table(['corpus', 'chunks', ...names], rows)
}

/** How the p95 grows from the smallest to the largest of the made corpora. */
function growth({ corpora }: Report): string[] {
  const made = corpora.filter(({ corpus }) => corpus === 'made').sort((a, b) => a.chunks - b.chunks)
  const smallest = made[0]
  const largest = made.at(-1)
  if (!smallest || !largest || smallest === largest) return []
  const times = largest.chunks / smallest.chunks
  const rows = largest.sets.flatMap(({ set, latencies }) =>
    latencies.map(({ contender, p95 }) => [
      set,
      contender,
      ratio(p95, latencyOf(smallest, set, contender)?.p95 ?? null),
    ]),
  )
  return [
    '## Growth',
    `p95 at ${count(largest.chunks)} chunks over p95 at ${count(smallest.chunks)}, ${figure(times)} times fewer.`,
    table(['query', 'contender', 'times'], rows),
  ]
}

function everyClass(results: ClassesResult[]): string[] {
  if (results.length === 0) return []
  const peers = [...new Set(results.map(({ peer }) => peer ?? 'none at hand'))]
  return [
    '## Every class of question',
    `\`app_public.search\` from question to snippets, ms; GIN gives ids, scores and texts; the B-tree and a peer rank plain words and give ids and scores. Peer: ${peers.join(', ')}.`,
    table(
      ['chunks', 'question', 'hits', 'contender', 'queries', 'p50', 'p95', 'ours / its p50'],
      results.flatMap(({ chunks, classes }) =>
        classes.flatMap(({ name, latencies }) =>
          latencies.map(({ contender, runs, hits, p50, p95 }, i) => [
            count(chunks),
            name,
            figure(hits / runs),
            contender,
            String(runs),
            ms(p50),
            ms(p95),
            i === 0 ? '' : ratio(latencies[0]?.p50 ?? null, p50),
          ]),
        ),
      ),
    ),
  ]
}

function cold({ chunks, silenceSeconds, rounds, sql, http }: ColdResult): string[] {
  const rows: [string, Percentiles][] = [
    ['SQL: the first search of a connection', sql.first],
    ['SQL: the first after search.warm_up()', sql.firstWarmed],
    ['SQL: search.warm_up() itself', sql.warmUp],
    ['SQL: later searches', sql.later],
    ...http.flatMap(({ keeps, warm, first }): [string, Percentiles][] => {
      const server = keeps ? 'HTTP, connections kept' : 'HTTP, connections closed after 10 s'
      return [
        [`${server}: searches in a row`, warm.elapsed],
        [`${server}: the first after the silence`, first.elapsed],
        ...(isSeen(warm, first)
          ? ([
              [`${server}: PostgreSQL’s processor for one in a row`, warm.processor],
              [`${server}: PostgreSQL’s processor for the first after the silence`, first.processor],
            ] as [string, Percentiles][])
          : []),
      ]
    }),
  ]
  return [
    '## Cold',
    `A tenant of ${count(chunks)} chunks, ${rounds} times; a silence of ${silenceSeconds} s, ms.`,
    table(
      ['', 'p50', 'p95'],
      rows.map(([what, { p50, p95 }]) => [what, ms(p50), ms(p95)]),
    ),
  ]
}

function manyTenants(result: TenantsResult | undefined): string[] {
  if (!result) return []
  return [
    '## One tenant among many',
    `The same queries to one tenant of ${count(result.chunks)} chunks: alone in the database, and with ${count(result.tenants - 1)} others of ${count(result.fewestChunks)} to ${count(result.chunks)}. The index of all is ${figure(result.indexBytes / result.textBytes)} times as large as their text.`,
    table(
      ['query', 'p50 alone', 'p50 among', 'p95 alone', 'p95 among', 'among / alone p95'],
      result.sets.map(({ set, alone, among }) => [
        set,
        ms(alone.p50),
        ms(among.p50),
        ms(alone.p95),
        ms(among.p95),
        ratio(among.p95, alone.p95),
      ]),
    ),
  ]
}

function smallTenants(result: SmallTenantsResult | undefined): string[] {
  if (!result) return []
  const { index, parts, gin, textBytes } = result
  const names = Object.keys(parts)
  const over = (bytes: number): string => (bytes / textBytes).toFixed(3)
  return [
    '## Size of many small tenants',
    `${count(result.tenants)} tenants of 200 to 1,000 chunks, ${count(result.chunks)} in all, no text twice: the index over the ${(textBytes / 1e6).toFixed(0)} MB of text, what it is made of, and one GIN index over the same tsvectors.`,
    table(['index', ...names, 'GIN'], [[over(index), ...names.map((name) => over(parts[name] ?? 0)), over(gin)]]),
  ]
}

function nearestNeighbours(result: VectorsResult | undefined): string[] {
  if (!result) return []
  return [
    '## Nearest neighbours',
    `Tenants that share one HNSW index of ${count(result.vectors)} vectors of 64 dimensions; the ten nearest, ${result.queries} queries, ms. exact: compared with all of the tenant. indexed: by the function that is for large tenants, whatever the size; HNSW: the share of it that PostgreSQL answers from the index and does not sort. chosen: as the engine does it.`,
    table(
      [
        'vectors',
        'exact p50',
        'exact p95',
        'indexed p50',
        'indexed p95',
        'recall@10',
        'HNSW',
        'chosen p50',
        'chosen p95',
        'recall@10',
        'HNSW',
      ],
      result.tenants.map(({ vectors, exact, indexed, chosen }) => [
        count(vectors),
        ms(exact.p50),
        ms(exact.p95),
        ms(indexed.p50),
        ms(indexed.p95),
        indexed.recall.toFixed(3),
        share(indexed.byIndex),
        ms(chosen.p50),
        ms(chosen.p95),
        chosen.recall.toFixed(3),
        share(chosen.byIndex),
      ]),
    ),
    'The same with the index’s vectors made shorter (`llm_models.vector_quantization`), as the engine chooses:',
    table(
      ['quantization', 'index, MB', 'built in, s', 'vectors', 'p50', 'p95', 'recall@10', 'HNSW'],
      result.quantizations.flatMap(({ quantization, bytes, seconds, tenants }) =>
        tenants.map(({ vectors, p50, p95, recall, byIndex }) => [
          quantization,
          (bytes / 1e6).toFixed(1),
          seconds.toFixed(1),
          count(vectors),
          ms(p50),
          ms(p95),
          recall.toFixed(3),
          share(byIndex),
        ]),
      ),
    ),
  ]
}

/** Of ten. */
const share = (tenths: number): string => `${tenths * 10} %`

function endToEnd(result: HybridResult | undefined): string[] {
  if (!result) return []
  return [
    '## Search from end to end',
    `\`app_public.search\` in a tenant of ${count(result.chunks)} chunks with vectors of 64 dimensions, ${result.queries} questions of three words, the question’s vector given, ms.`,
    table(
      ['mode', 'p50', 'p95'],
      result.modes.map(({ mode, p50, p95 }) => [mode, ms(p50), ms(p95)]),
    ),
  ]
}

function aroundASearch({ chunks, runs, log, graphql }: RequestsResult): string[] {
  const rows: [string, Percentiles][] = [
    ['SQL, written down', log.logged],
    ['SQL, read only: not written down', log.unlogged],
    ['GraphQL over HTTP', graphql.graphql],
    ['the same fields by SQL', graphql.sql],
  ]
  return [
    '## Around a search',
    `\`app_public.search\` by words in a tenant of ${count(chunks)} chunks, ${runs} times each, the first two in turn and the last two in turn, ms.`,
    table(
      ['', 'p50', 'p95'],
      rows.map(([how, { p50, p95 }]) => [how, ms(p50), ms(p95)]),
    ),
    `Pair by pair, the median: writing down takes ${signed(log.addedMs)} ms, GraphQL ${signed(graphql.addedMs)} ms. Where the machine has other work, these are steadier than the columns.`,
  ]
}

const signed = (value: number | null): string =>
  value === null ? '?' : `${value < 0 ? '-' : '+'}${figure(Math.abs(value))}`
