// A chart of a result with one dimension: its first column, with one to five columns of numbers beside it. Days and times make
// lines, everything else bars. It is plain SVG, without scripts, and every text of it is escaped.

import { escapeHtml } from '../mail.ts'
import type { Result } from './run.ts'

const width = 800
const height = 400
const plot = { left: 80, right: 780, top: 60, bottom: 320 }
const colours = ['#1f5f8b', '#c8553d', '#588157', '#8e6c8a', '#e0a458']
const mostPoints = 200
const mostLabels = 12
const longestLabel = 20
const lines = 4

type Series = { name: string; colour: string; values: number[] }

/** The chart, or undefined when the result has not one dimension and some numbers. */
export function chartOf({ name, columns, rows }: Result & { name: string }): string | undefined {
  const [dimension, ...measures] = columns
  if (!dimension || dimension.kind === 'number' || rows.length < 2 || rows.length > mostPoints) return undefined
  if (measures.length < 1 || measures.length > colours.length || measures.some(({ kind }) => kind !== 'number'))
    return undefined
  const series = measures.map((measure, i) => ({
    name: measure.name,
    colour: colours[i] as string,
    values: rows.map((row) => finite(row[i + 1])),
  }))
  const scale = scaleOf(series.flatMap(({ values }) => values))
  const labels = rows.map((row) => row[0] ?? '')
  const isTime = dimension.kind === 'date' || dimension.kind === 'time'
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(plot.left, 22, name, 'start', ' font-size="16"'),
    ...series.map((one, i) => text(plot.left + i * 140, 44, short(one.name), 'start', ` fill="${one.colour}"`)),
    ...gridOf(scale),
    ...labelsOf(labels),
    ...series.map((one, i) => (isTime ? lineOf(one, scale) : barsOf(one, i, series.length, scale))),
    '</svg>\n',
  ].join('\n')
}

type Scale = { least: number; most: number; y: (value: number) => number }

/** From zero, or below it where there are negative values. */
function scaleOf(values: number[]): Scale {
  const least = Math.min(0, ...values)
  const highest = Math.max(0, ...values)
  const most = highest > least ? highest : least + 1
  // halves, so that the difference of two large numbers is still a number
  const y = (value: number): number =>
    plot.bottom - ((value / 2 - least / 2) / (most / 2 - least / 2)) * (plot.bottom - plot.top)
  return { least, most, y }
}

const x = (index: number, count: number): number => plot.left + ((index + 0.5) / count) * (plot.right - plot.left)
const finite = (value: string | null | undefined): number => {
  const number = Number(value ?? 0)
  return Number.isFinite(number) ? number : 0
}
const at = (value: number): string => value.toFixed(1)
const short = (label: string): string =>
  [...label].length <= longestLabel ? label : `${[...label].slice(0, longestLabel - 1).join('')}…`

// XML has no way to write most control characters, not even escaped.
const text = (left: number, top: number, content: string, anchor: string, more = ''): string =>
  `<text x="${at(left)}" y="${at(top)}" text-anchor="${anchor}"${more}>${escapeHtml(content.toWellFormed().replace(/[\p{Cc}\ufffe\uffff]/gu, ' '))}</text>`

function gridOf({ least, most, y }: Scale): string[] {
  return Array.from({ length: lines + 1 }, (_, i) => {
    const value = least * (1 - i / lines) + most * (i / lines)
    const label =
      Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 0.01)
        ? value.toExponential(1)
        : `${Math.round(value * 100) / 100}`
    return `<line x1="${plot.left}" x2="${plot.right}" y1="${at(y(value))}" y2="${at(y(value))}" stroke="#ddd"/>${text(plot.left - 8, y(value) + 4, label, 'end')}`
  })
}

function labelsOf(labels: string[]): string[] {
  const step = Math.ceil(labels.length / mostLabels)
  return labels.flatMap((label, i) => {
    if (i % step !== 0) return []
    const left = x(i, labels.length)
    return [
      text(left, plot.bottom + 16, short(label), 'end', ` transform="rotate(-30 ${at(left)} ${plot.bottom + 16})"`),
    ]
  })
}

const lineOf = ({ colour, values }: Series, { y }: Scale): string =>
  `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${values.map((value, i) => `${at(x(i, values.length))},${at(y(value))}`).join(' ')}"/>`

function barsOf({ colour, values }: Series, index: number, count: number, { y }: Scale): string {
  const bar = ((plot.right - plot.left) / values.length / count) * 0.8
  return values
    .map((value, i) => {
      const left = x(i, values.length) + (index - count / 2) * bar
      const [top, bottom] = [Math.min(y(value), y(0)), Math.max(y(value), y(0))]
      return `<rect x="${at(left)}" y="${at(top)}" width="${at(bar)}" height="${at(bottom - top)}" fill="${colour}"/>`
    })
    .join('')
}
