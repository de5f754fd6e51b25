// Latency by size of the corpus as SVG, both axes logarithmic: one panel a kind of query, one line a contender.

import { timeLimitMs } from '../timing.ts'
import type { CorpusResult } from './parts.ts'
import { latencyOf } from './results.ts'

const panel = { width: 360, height: 300, left: 60, top: 50, gap: 80 }
const colours = ['#0b6e4f', '#b5542c', '#3b5ba5', '#7a5195']

/** p95 of the made corpora. */
export function toSvg(corpora: CorpusResult[]): string {
  const made = corpora.filter(({ corpus }) => corpus === 'made').sort((a, b) => a.chunks - b.chunks)
  const sets = made[0]?.sets.map(({ set }) => set) ?? []
  const contenders = made[0]?.sets[0]?.latencies.map(({ contender }) => contender) ?? []
  const times = made.flatMap(({ sets }) =>
    sets.flatMap(({ latencies }) => latencies.map(({ p95 }) => p95 ?? timeLimitMs)),
  )
  const sizes = made.map(({ chunks }) => chunks)
  const x = logScale(sizes, panel.width)
  const y = logScale(times, -panel.height)
  const width = panel.left + sets.length * (panel.width + panel.gap)
  const height = panel.top + panel.height + 80

  const panels = sets.map((set, i) => {
    const lines = contenders.map((contender, c) => {
      const points = made.map((result): [number, number] => {
        const p95 = latencyOf(result, set, contender)?.p95 ?? timeLimitMs
        return [x.at(result.chunks), panel.height + y.at(p95)]
      })
      const colour = colours[c % colours.length]
      return `<polyline points="${points.map((p) => p.map(round).join(',')).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>
${points.map(([px, py]) => `<circle cx="${round(px)}" cy="${round(py)}" r="3.5" fill="${colour}"/>`).join('')}`
    })
    return `<g transform="translate(${panel.left + i * (panel.width + panel.gap)} ${panel.top})">
<text x="0" y="-14" font-weight="bold">${set}</text>
${y.ticks.map((tick) => grid(0, panel.height + y.at(tick), panel.width, panel.height + y.at(tick), `${tick} ms`, 'end', -8, 4)).join('\n')}
${x.ticks.map((tick) => grid(x.at(tick), 0, x.at(tick), panel.height, tick.toLocaleString('en-US'), 'middle', 0, panel.height + 18)).join('\n')}
${lines.join('\n')}
</g>`
  })
  const legend = contenders.map((contender, c) => {
    const at = panel.left + c * 170
    return `<circle cx="${at}" cy="${height - 24}" r="5" fill="${colours[c % colours.length]}"/><text x="${at + 10}" y="${height - 20}">${contender}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#222" role="img" aria-label="p95 latency by number of chunks">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${panel.left}" y="18" font-size="14">p95 of the best ten, by number of chunks (logarithmic; ${timeLimitMs / 1000} s is the limit)</text>
${panels.join('\n')}
${legend.join('\n')}
</svg>
`
}

type Scale = { at: (value: number) => number; ticks: number[] }

/** From the power of ten below the least to the one above the greatest; ticks there and at every power between. */
function logScale(values: number[], length: number): Scale {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  return {
    at: (value) => ((Math.log10(value) - low) / (high - low)) * length,
    ticks: Array.from({ length: high - low + 1 }, (_, i) => Number((10 ** (low + i)).toPrecision(1))),
  }
}

function grid(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  label: string,
  anchor: 'end' | 'middle',
  dx: number,
  dy: number,
): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="#ddd"/><text x="${round(x1 + dx)}" y="${round(y1 + dy)}" text-anchor="${anchor}" fill="#555">${label}</text>`
}

const round = (value: number): string => value.toFixed(1)
