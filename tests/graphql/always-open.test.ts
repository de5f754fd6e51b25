// What is served without API calls left is in the API: a field that is renamed would be refused without a word.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { alwaysOpenFields } from '../../server/graphql/always-open.ts'

it('every field that is always open is a field of the API', async () => {
  const list = await readFile(join(import.meta.dirname, 'root-fields.txt'), 'utf8')
  const known = new Set(list.split('\n').map((line) => line.replace(/^(Query|Mutation)\./, '')))
  expect([...alwaysOpenFields].filter((name) => name !== '__typename' && !known.has(name))).toEqual([])
})
