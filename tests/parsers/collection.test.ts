// One file holds many documents: they come one after the other, and a bad one is named and passed over.

import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BadEntry, type Entry, openCollection } from '../../server/parsers/collection.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rowhouse-collection-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function open(name: string, content: string | Uint8Array): Promise<AsyncIterable<Entry | BadEntry> | undefined> {
  const path = join(directory, name)
  await writeFile(path, content)
  return openCollection(path)
}

async function entries(name: string, content: string | Uint8Array): Promise<(Entry | BadEntry)[]> {
  const collection = await open(name, content)
  expect(collection).toBeDefined()
  return collection ? collect(collection) : []
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('JSON lines', () => {
  it('are a document each', async () => {
    const lines = '{"id": "a", "title": "Leave", "text": "Thirty days."}\r\n\n{"id": 2, "text": "Überstunden"}'
    expect(await entries('a.jsonl', lines)).toMatchObject([
      { externalId: 'a', title: 'Leave', text: 'Thirty days.' },
      { externalId: '2', title: '2', text: 'Überstunden' },
    ])
  })

  it('keep as metadata what is not id, title or text', async () => {
    const lines =
      '{"id": "a", "title": "Leave", "text": "Thirty days.", "team": "HR"}\n{"id": 2, "text": "Überstunden"}'
    expect(await entries('a.jsonl', lines)).toEqual([
      { externalId: 'a', title: 'Leave', text: 'Thirty days.', metadata: { team: 'HR' } },
      { externalId: '2', title: '2', text: 'Überstunden', metadata: {} },
    ])
  })

  it('without an id are known by file and line, so that loading again finds them', async () => {
    expect(await entries('b.jsonl', '\n{"text": "x"}\n')).toMatchObject([{ externalId: undefined, title: 'b.jsonl' }])
  })

  it('that are bad are reported with their number, and the others go on', async () => {
    const bad = [
      'not json',
      '["a list"]',
      '{"title": "no text"}',
      '{"text": "  "}',
      String.raw`{"text": "a\u0000b"}`,
      String.raw`{"text": "x", "note": {"deep": ["\u0000"]}}`,
      String.raw`{"text": "\ud83d"}`,
    ]
    const found = await entries('c.jsonl', [...bad, '{"id": "good", "text": "x"}'].join('\n'))
    expect(found.map((entry) => ('line' in entry ? entry.line : entry.externalId))).toEqual([
      ...bad.map((_, i) => i + 1),
      'good',
    ])
  })

  it('that are not UTF-8 are refused one by one', async () => {
    const content = Buffer.concat([Buffer.from('{"text": "Grüße"}\n', 'latin1'), Buffer.from('{"text": "Grüße"}\n')])
    expect(await entries('d.jsonl', content)).toMatchObject([
      { line: 1, error: expect.stringContaining('UTF-8') },
      { text: 'Grüße' },
    ])
  })

  it('are read as they come, however many follow', async () => {
    const pipe = join(directory, 'pipe.jsonl')
    await promisify(execFile)('mkfifo', [pipe])
    const writer = createWriteStream(pipe)
    const collection = (await openCollection(pipe)) as AsyncIterable<Entry | BadEntry>
    const found: (Entry | BadEntry)[] = []
    writer.write('{"id": "first", "text": "x"}\n')
    for await (const entry of collection) {
      // the second line is written when the first has arrived
      if (found.push(entry) === 1) writer.end('{"id": "second", "text": "y"}\n')
    }
    expect(found).toMatchObject([{ externalId: 'first' }, { externalId: 'second' }])
  })

  it('of a file that is gone are an error, not a crash', async () => {
    const collection = (await openCollection(join(directory, 'gone.jsonl'))) as AsyncIterable<Entry | BadEntry>
    await expect(collect(collection)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('a JSON file', () => {
  it('that is a list of objects with a text is a collection', async () => {
    expect(
      await entries('a.json', '\uFEFF [{"id": 1, "text": "x"}, "no object", {"id": 2, "text": "y"}]'),
    ).toMatchObject([{ externalId: '1' }, { line: 2 }, { externalId: '2' }])
  })

  it('that is anything else is one document', async () => {
    expect(await open('b.json', '{"text": "x"}')).toBeUndefined()
    expect(await open('c.json', '[1, 2, 3]')).toBeUndefined()
  })

  it('that is broken says so', async () => {
    await expect(open('d.json', '[{"text": "x"},')).rejects.toMatchObject({ code: 'bad_json' })
  })
})

describe('a CSV file', () => {
  it('with a column named text is a collection', async () => {
    expect(await entries('a.csv', 'id,title,text,team\n7,Leave,"Thirty, or more",HR\n8,Empty,,HR\n')).toEqual([
      { externalId: '7', title: 'Leave', text: 'Thirty, or more', metadata: { team: 'HR' } },
      { line: 2, error: 'text is empty' },
    ])
  })

  it('without one is one document', async () => {
    expect(await open('b.csv', 'name,city\nAda,London\n')).toBeUndefined()
  })
})

it('other files are one document', async () => {
  expect(await open('a.md', '# Leave')).toBeUndefined()
})
