// This checkout's version, and which of two is the newer one.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const version: string = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')).version

/** Whether a semantic version comes after another: 0.10.0 after 0.9.0, and 1.0.0 after 1.0.0-rc.1. */
export function isNewer(version: string, than: string): boolean {
  const [a, b] = [version, than].map(partsOf) as [Parts, Parts]
  for (const [i, number] of a.numbers.entries()) {
    const other = b.numbers[i] ?? 0
    if (number !== other) return number > other
  }
  if (a.preRelease === '' || b.preRelease === '') return a.preRelease === '' && b.preRelease !== ''
  return a.preRelease.localeCompare(b.preRelease, 'en', { numeric: true }) > 0
}

type Parts = { numbers: number[]; preRelease: string }

function partsOf(text: string): Parts {
  const [core = '', ...rest] = (text.split('+')[0] ?? '').split('-')
  return { numbers: core.split('.').map((part) => Number.parseInt(part, 10) || 0), preRelease: rest.join('-') }
}
