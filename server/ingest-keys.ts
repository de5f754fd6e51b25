// By which keys the documents of a load are known, and which documents of a source are no longer among them.

import { createHash } from 'node:crypto'
import type { Entry } from './parsers/collection.ts'

/**
 * Gives each row of a file its key: the file's, and the id of the row or, when it has none, a hash of what it says. So a row
 * that is inserted moves no other, and rows of two files never meet. A row that is there again gets a number. Keys are in NFC,
 * as all names.
 */
export function rowKeysOf(fileKey: string): (row: Entry) => string {
  const counts = new Map<string, number>()
  return (row) => {
    const name = row.externalId?.normalize('NFC') ?? hashOf(row)
    for (let count = (counts.get(name) ?? 0) + 1; ; count += 1) {
      counts.set(name, count)
      const numbered = count === 1 ? name : `${name}#${count}`
      if (count === 1 || !counts.has(numbered)) {
        counts.set(numbered, counts.get(numbered) ?? 1)
        return `${fileKey}#${numbered}`
      }
    }
  }
}

const hashOf = ({ title, text, metadata }: Entry): string =>
  createHash('sha256')
    .update(JSON.stringify([title, text, metadata]))
    .digest('hex')
    .slice(0, 32)

/** What a load has seen: the keys of its documents, and where it could not look. */
export type Present = {
  /** False when it was there before. */
  add: (key: string) => boolean
  /** Everything whose key begins so may be there still. */
  addUnknown: (prefix: string) => void
  has: (key: string) => boolean
  isEmpty: () => boolean
}

export function createPresent(): Present {
  const keys = new Set<string>()
  const unknown = new Set<string>()
  return {
    add: (key) => {
      const isNew = !keys.has(key)
      keys.add(key)
      return isNew
    },
    addUnknown: (prefix) => void unknown.add(prefix),
    isEmpty: () => keys.size === 0,
    has: (key) => keys.has(key) || [...prefixesOf(key)].some((prefix) => unknown.has(prefix)),
  }
}

/** '', and the key up to each of its slashes and number signs. */
function* prefixesOf(key: string): Generator<string> {
  yield ''
  for (const { index } of key.matchAll(/[/#]/g)) yield key.slice(0, index + 1)
}
