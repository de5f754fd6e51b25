// Front matter: YAML about the text, between lines of --- at the very start of a Markdown file. A rule across the page is
// written with the same three hyphens, so only what reads as keys with values is taken for it; everything else is text.

import { isMap, isScalar, parseDocument, visit } from 'yaml'
import { digitsOf, exactNumber, isNumber } from '../exact-json.ts'

export type FrontMatter = { title: string | undefined; metadata: Record<string, unknown>; body: string }

/** Longer than what a person writes about a text; the library's time grows faster than what it reads. */
const longest = 64 * 1024
const deepest = 20

// a blank line behind the first rule is a paragraph's, and a # there a heading's; keys follow at once
const block = /(?<![\s\S])---[ \t]*\r?\n(?!\s*\r?\n|#)([\s\S]*?)(?:^|\r?\n)(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/m
/** A sentence such as "Important notice: keep the receipt" has a colon too, and more than one word before it. */
const key = /^[\p{L}_][\p{L}\p{N}\p{M}_.:-]{0,99}$/u

export function frontMatter(source: string): FrontMatter {
  const none = { title: undefined, metadata: {}, body: source }
  const start = source.slice(0, longest)
  const found = start.startsWith('---') ? block.exec(start) : null
  if (!found) return none
  const values = valuesOf(found[1] ?? '')
  if (!values) return none
  const body = source.slice(found[0].length)
  const { title, ...metadata } = values
  if (isNumber(title)) return { title: digitsOf(title), metadata, body }
  return typeof title === 'string' ? { title, metadata, body } : { title: undefined, metadata: values, body }
}

/** The keys and values; undefined when it is no front matter, or none that can be read without losing a part of it. */
function valuesOf(yaml: string): Record<string, unknown> | undefined {
  if (yaml.trim() === '') return {}
  try {
    const document = parseDocument(yaml, { version: '1.2', uniqueKeys: true, logLevel: 'silent' })
    const { contents, errors } = document
    if (errors.length > 0 || !isMap(contents)) return undefined
    if (!contents.items.every((pair) => isScalar(pair.key) && key.test(String(pair.key.value)))) return undefined
    const digits = new Map<string, unknown>()
    visit(document, {
      Scalar(_key, node) {
        // as it is written: a version 1.10 is not 1.1, and an id may have more digits than a number
        if (typeof node.value !== 'number' || node.source === undefined || String(node.value) === node.source) return
        const mark = `\uFDD0${digits.size}`
        digits.set(mark, /^-?(0|[1-9]\d*)(\.\d+)?$/.test(node.source) ? exactNumber(node.source) : node.source)
        node.value = mark
      },
    })
    return clean(document.toJS({ maxAliasCount: 20 }), digits, 0) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** Puts the numbers that were set aside back, and bounds the depth. */
function clean(value: unknown, digits: ReadonlyMap<string, unknown>, depth: number): unknown {
  if (depth > deepest) throw new RangeError('nested too deeply')
  if (typeof value === 'string') return digits.get(value) ?? value
  // .inf and .nan are no JSON
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => clean(item, digits, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, clean(inner, digits, depth + 1)]))
}
