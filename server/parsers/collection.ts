// Files that hold many documents: .jsonl, a JSON array, a CSV with a text column. They are split while they are read, so
// a large one needs little memory, and a bad entry is reported with its line while the others go on.

import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { digitsOf, isNumber, parseExactly } from '../exact-json.ts'
import { csvObjects, csvTable, describeSeparator, separatorOfName } from './csv.ts'
import { decode, decodeText, describeEncoding } from './decode.ts'
import { formatOf } from './formats.ts'
import { withoutInvisible } from './invisible.ts'
import { jsonValue } from './json.ts'
import { mergeMetadata } from './metadata.ts'
import type { Hints } from './types.ts'

export type Entry = { externalId: string | undefined; title: string; text: string; metadata: Record<string, unknown> }
export type BadEntry = { line: number; error: string }

/** The documents of a file, or undefined when the file is one document. */
export async function openCollection(
  path: string,
  { encoding: told, separator = separatorOfName(path) }: Hints = {},
): Promise<AsyncIterable<Entry | BadEntry> | undefined> {
  const format = formatOf(path)
  if (format === 'jsonl') return fromLines(path, told)
  if (format === 'json') {
    const start = await firstCharacter(path)
    if (start !== '[') return undefined
    const decoded = await decode(await readFile(path), { told })
    const values = jsonValue(decoded.text) as unknown[]
    return values.some((value) => hasText(value)) ? fromValues(path, values, describeEncoding(decoded)) : undefined
  }
  if (format === 'csv') {
    const decoded = await decode(await readFile(path), { told })
    const table = csvTable(decoded.text, separator)
    if (!table.columns.includes('text')) return undefined
    return fromValues(path, csvObjects(table), mergeMetadata(describeEncoding(decoded), describeSeparator(table)))
  }
  return undefined
}

const hasText = (value: unknown): boolean => typeof value === 'object' && value !== null && 'text' in value

async function firstCharacter(path: string): Promise<string | undefined> {
  for await (const chunk of createReadStream(path, { end: 1023 }))
    return (chunk as Buffer)
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .trim()[0]
  return undefined
}

async function* fromLines(path: string, told: string | undefined): AsyncGenerator<Entry | BadEntry> {
  let line = 0
  // latin1 keeps the bytes, so that each line is decoded strictly and alone
  const lines = createInterface({ input: createReadStream(path, 'latin1'), crlfDelay: Number.POSITIVE_INFINITY })
  for await (const bytes of lines) {
    line += 1
    if (bytes.trim() === '') continue
    try {
      const raw = Buffer.from(bytes, 'latin1')
      yield entryOf(path, parseExactly(told ? (await decode(raw, { told })).text : decodeText(raw)))
    } catch (error) {
      yield { line, error: error instanceof Error ? error.message : String(error) }
    }
  }
}

async function* fromValues(
  path: string,
  values: unknown[],
  howRead: Record<string, unknown>,
): AsyncGenerator<Entry | BadEntry> {
  for (const [index, value] of values.entries()) {
    try {
      const entry = entryOf(path, value)
      yield { ...entry, metadata: mergeMetadata(entry.metadata, howRead) }
    } catch (error) {
      yield { line: index + 1, error: error instanceof Error ? error.message : String(error) }
    }
  }
}

function entryOf(path: string, value: unknown): Entry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object')
  const { id, title, text, ...metadata } = value as Record<string, unknown>
  if (typeof text !== 'string') throw new Error('text is missing')
  if (text.trim() === '') throw new Error('text is empty')
  JSON.stringify(value, refuseUnstorable)
  const externalId = typeof id === 'string' ? id : isNumber(id) ? digitsOf(id) : undefined
  const heading = typeof title === 'string' ? title.trim().slice(0, 1000) : ''
  return { externalId, title: heading || externalId || basename(path), text: withoutInvisible(text), metadata }
}

/** One NUL, or half a surrogate pair, would refuse the whole batch (see storable.ts). */
function refuseUnstorable(key: string, value: unknown): unknown {
  for (const text of [key, value]) {
    if (typeof text !== 'string') continue
    if (text.includes('\0')) throw new Error('has a NUL character')
    if (!text.isWellFormed()) throw new Error('has half of a surrogate pair: the text was cut inside a character')
  }
  return value
}
