// What was measured, as Markdown. No date in it: two runs differ in their figures alone.

import type { CorpusResult, IndexingResult, TenantsResult } from './parts.ts'
import type { Server } from './scratch.ts'
import { type Latency, timeLimitMs } from './timing.ts'

export type Report = {
  server: Server
  cores: number
  corpora: CorpusResult[]
  indexing: IndexingResult
  tenants?: TenantsResult
}

export function differencesOf(report: Report): string[] {
  return report.corpora.flatMap(({ corpus, chunks, sets }) =>
    sets.flatMap(({ set, differences }) => differences.map((line) => `${corpus}, ${chunks} chunks, ${set}: ${line}`)),
  )
}

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
    '## Latency of the best ten, ms',
    'ours / its: Rowhouse’s time over the contender’s; below 1 Rowhouse is faster. A contender that is slow answers fewer queries.',
    table(
      ['corpus', 'chunks', 'query', 'contender', 'queries', 'p50', 'p95', 'ours / its p50', 'ours / its p95'],
      report.corpora.flatMap(latencyRows),
    ),
    ...growth(report),
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
      ['chunks', 'Rowhouse, chunks/s', 'GIN, chunks/s', 'ours / its'],
      [
        [
          count(report.indexing.chunks),
          count(Math.round(report.indexing.rowhouse)),
          count(Math.round(report.indexing.gin)),
          figure(report.indexing.rowhouse / report.indexing.gin),
        ],
      ],
    ),
    ...manyTenants(report.tenants),
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

export function latencyOf(result: CorpusResult, set: string, contender: string): Latency | undefined {
  return result.sets.find((other) => other.set === set)?.latencies.find((other) => other.contender === contender)
}

function manyTenants(result: TenantsResult | undefined): string[] {
  if (!result) return []
  return [
    '## One tenant among many',
    `The same queries to one tenant of ${count(result.chunksPerTenant)} chunks: alone in the database, and with ${count(result.tenants - 1)} others of its size.`,
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

function table(head: string[], rows: string[][]): string {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n')
}

const count = (value: number): string => value.toLocaleString('en-US')
/** Three significant digits, without an exponent. */
const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
const ms = (value: number | null): string => (value === null ? `> ${timeLimitMs / 1000} s` : figure(value))

/** null stands for longer than the limit. */
function ratio(one: number | null, other: number | null): string {
  if (one === null) return other === null ? '' : `> ${figure(timeLimitMs / other)}`
  return other === null ? `< ${figure(one / timeLimitMs)}` : figure(one / other)
}
