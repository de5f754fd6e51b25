// Operations that are known beforehand, by the SHA-256 of their text: the list that a front end's build makes. A client
// sends the hash, and a production server may take nothing else.

import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

export type PersistedOperations = ReadonlyMap<string, string>

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

const hash = z.string().regex(/^(sha256:)?[0-9a-f]{64}$/i)
/** A map of hashes to texts, or the manifest that Apollo's tool writes. */
const listFile = z.union([
  z.object({ operations: z.array(z.object({ id: hash, body: z.string() })) }),
  z.record(hash, z.string()),
])

/** The hash that a client sends, in any of its spellings. */
export const normalHash = (given: string): string => given.toLowerCase().replace(/^sha256:/, '')

/** Reads a JSON file of hashes and texts, or a folder of .graphql files, whose hashes are worked out here. */
export async function readPersistedOperations(path: string): Promise<PersistedOperations> {
  if ((await stat(path)).isDirectory()) {
    const names = (await readdir(path)).filter((name) => /\.(graphql|gql)$/.test(name)).sort()
    const texts = await Promise.all(names.map((name) => readFile(join(path, name), 'utf8')))
    return new Map(texts.map((text) => [hashOf(text), text]))
  }
  let list: z.infer<typeof listFile>
  try {
    list = listFile.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    throw new Error(`PERSISTED_OPERATIONS: ${path} is not a JSON object of SHA-256 hashes and their operations.`, {
      cause: error,
    })
  }
  const entries = Array.isArray(list.operations)
    ? list.operations.map(({ id, body }) => [id, body] as const)
    : Object.entries(list as Record<string, string>)
  for (const [id, text] of entries) {
    if (normalHash(id) !== hashOf(text)) {
      throw new Error(`PERSISTED_OPERATIONS: the hash ${id} in ${path} is not the SHA-256 of its operation.`)
    }
  }
  return new Map(entries.map(([id, text]) => [normalHash(id), text]))
}
