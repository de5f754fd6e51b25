// Figures and tables of the report.

import { timeLimitMs } from './timing.ts'

export function table(head: string[], rows: string[][]): string {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n')
}

export const count = (value: number): string => value.toLocaleString('en-US')
/** Three significant digits, without an exponent. */
export const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
export const ms = (value: number | null): string => (value === null ? `> ${timeLimitMs / 1000} s` : figure(value))

/** null stands for longer than the limit. */
export function ratio(one: number | null, other: number | null): string {
  if (one === null) return other === null ? '' : `> ${figure(timeLimitMs / other)}`
  return other === null ? `< ${figure(one / timeLimitMs)}` : figure(one / other)
}
