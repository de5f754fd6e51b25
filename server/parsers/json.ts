// JSON: every value on a line of its own behind the path to it, so that each is found beside its name.

import { digitsOf, isNumber, parseExactly } from '../exact-json.ts'
import { ParseError } from './error.ts'
import type { Content } from './types.ts'

const deepest = 100

export function jsonValue(source: string): unknown {
  try {
    return parseExactly(source)
  } catch (error) {
    throw new ParseError(
      'bad_json',
      `The file is not valid JSON: ${error instanceof Error ? error.message : String(error)}.`,
    )
  }
}

export function parseJson(source: string): Content {
  const value = jsonValue(source)
  const lines: string[] = []
  collect(value, [], 0, lines)
  const title =
    typeof value === 'object' && value !== null && 'title' in value && typeof value.title === 'string'
      ? value.title
      : undefined
  return { title, text: lines.join('\n') }
}

function collect(value: unknown, path: string[], depth: number, lines: string[]): void {
  if (depth > deepest) throw new ParseError('bad_json', `The JSON is nested deeper than ${deepest} levels.`)
  if (Array.isArray(value)) {
    // elements of a list share its name
    for (const element of value) collect(element, path, depth + 1, lines)
  } else if (typeof value === 'object' && value !== null && !JSON.isRawJSON(value)) {
    for (const [key, inner] of Object.entries(value)) collect(inner, [...path, key], depth + 1, lines)
  } else if (value !== null && value !== '') {
    const shown = isNumber(value) ? digitsOf(value) : String(value)
    lines.push(path.length > 0 ? `${path.join('.')}: ${shown}` : shown)
  }
}
