// What a person who knows the file says about it, on the command line or in the media type.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openCollection } from '../../server/parsers/collection.ts'
import { hintsOf, mediaTypeOf, parse } from '../../server/parsers/index.ts'

it('the separator and the encoding reach a file that is one document by its media type', async () => {
  const mediaType = mediaTypeOf(hintsOf('koi8-r', 'tab')) ?? ''
  const bytes = Buffer.from('a,b\td\n', 'latin1')
  const cyrillic = Buffer.concat([bytes, Buffer.from([0xc4, 0xc1, 0x09, 0x31, 0x0a])])
  expect(await parse({ name: 'a.csv', mediaType, bytes: cyrillic })).toMatchObject({
    text: 'a,b: да\nd: 1',
    metadata: { rowCount: 1, encoding: 'koi8-r', separator: 'tab' },
  })
})

it('they reach a file of many documents', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rowhouse-hints-'))
  const path = join(directory, 'a.csv')
  await writeFile(path, Buffer.from('id:text\n1:Grüße, Köln\n', 'latin1'))
  const found: unknown[] = []
  for await (const entry of (await openCollection(path, hintsOf('latin1', ':'))) ?? []) found.push(entry)
  await rm(directory, { recursive: true })
  expect(found).toMatchObject([
    { externalId: '1', text: 'Grüße, Köln', metadata: { encoding: 'windows-1252', separator: ':' } },
  ])
})

it('an encoding that is told for many files is not that of those in UTF-8', async () => {
  const { text } = await parse({
    name: 'a.txt',
    mediaType: 'text/plain; charset=windows-1252',
    bytes: Buffer.from('Grüße'),
  })
  expect(text).toBe('Grüße')
})

it('nothing said is nothing told', () => {
  expect(mediaTypeOf(hintsOf(undefined, undefined))).toBeNull()
})

it.each([
  ['klingon', undefined],
  [undefined, ';;'],
  [undefined, '"'],
  [undefined, 'a'],
])('the encoding %s and the separator %s are refused', (encoding, separator) => {
  expect(() => hintsOf(encoding, separator)).toThrow(/encoding|separator/)
})
