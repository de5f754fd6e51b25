// Files that hold many documents: .jsonl, a JSON array, a CSV with a text column. They are split while they are read, so
// a large one needs little memory, and a bad entry is reported with its line while the others go on.

import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { csvRows } from './csv.ts'
import { decodeText } from './decode.ts'
import { formatOf } from './index.ts'
import { jsonValue } from './json.ts'

export type Entry = { externalId: string | undefined; title: string; text: string; metadata: Record<string, unknown> }
export type BadEntry = { line: number; error: string }

/** The documents of a file, or undefined when the file is one document. */
export async function openCollection(path: string): Promise<AsyncIterable<Entry | BadEntry> | undefined> {
  const format = formatOf(path)
  if (format === 'jsonl') return fromLines(path)
  if (format === 'json') {
    const start = await firstCharacter(path)
    if (start !== '[') return undefined
    const values = jsonValue(decodeText(await readFile(path))) as unknown[]
    return values.some((value) => hasText(value)) ? fromValues(path, values) : undefined
  }
  if (format === 'csv') {
    const rows = csvRows(decodeText(await readFile(path)))
    return rows[0] && 'text' in rows[0] ? fromValues(path, rows) : undefined
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

async function* fromLines(path: string): AsyncGenerator<Entry | BadEntry> {
  let line = 0
  // latin1 keeps the bytes, so that each line is decoded strictly and alone
  const lines = createInterface({ input: createReadStream(path, 'latin1'), crlfDelay: Number.POSITIVE_INFINITY })
  for await (const bytes of lines) {
    line += 1
    if (bytes.trim() === '') continue
    try {
      yield entryOf(path, JSON.parse(decodeText(Buffer.from(bytes, 'latin1'))))
    } catch (error) {
      yield { line, error: error instanceof Error ? error.message : String(error) }
    }
  }
}

async function* fromValues(path: string, values: unknown[]): AsyncGenerator<Entry | BadEntry> {
  for (const [index, value] of values.entries()) {
    try {
      yield entryOf(path, value)
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
  const externalId = typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
  const heading = typeof title === 'string' ? title.trim().slice(0, 1000) : ''
  return { externalId, title: heading || externalId || basename(path), text, metadata }
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
