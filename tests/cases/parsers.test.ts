// Small inputs that other systems, and once this one, got wrong: each with what is right.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BadEntry, type Entry, openCollection } from '../../server/parsers/collection.ts'
import { parse } from '../../server/parsers/index.ts'
import type { ParsedDocument } from '../../server/parsers/types.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rowhouse-cases-'))
})
afterAll(() => rm(directory, { recursive: true }))

const read = (name: string, content: string): Promise<ParsedDocument> => parse({ name, bytes: Buffer.from(content) })

async function entries(name: string, content: string): Promise<(Entry | BadEntry)[]> {
  const path = join(directory, name)
  await writeFile(path, content)
  const found: (Entry | BadEntry)[] = []
  for await (const entry of (await openCollection(path)) ?? []) found.push(entry)
  return found
}

describe('a PDF whose font names a predefined character map', () => {
  it.each([
    ['05-jp_rksj', '返品は七日以内です。'],
    ['05-cn_gbk', '退款政策说明'],
    ['05-jp_utf16', '返品は七日以内です。'],
    ['06-cjk-cmap-mixed', 'Annual report 2026\n返品は七日以内です。'],
  ])('%s has its text', async (name, text) => {
    const bytes = await readFile(join(import.meta.dirname, `../fixtures/${name}.pdf`))
    expect((await parse({ name: `${name}.pdf`, bytes })).text).toBe(text)
  })
})

describe('Markdown', () => {
  it('that begins with a rule keeps what follows it', async () => {
    const { text } = await read(
      'a.md',
      '---\n\nImportant notice about refunds: keep the receipt.\n\n---\n\nShipping takes three days.\n',
    )
    expect(text).toBe('Important notice about refunds: keep the receipt.\n\nShipping takes three days.')
  })

  it('with empty front matter keeps the chapter before the next rule', async () => {
    const source = '---\n---\n# Manual\n\nThe zebra setting is under Options.\n\n---\n\nAppendix.\n'
    expect(await read('a.md', source)).toMatchObject({
      title: 'Manual',
      text: 'Manual\n\nThe zebra setting is under Options.\n\nAppendix.',
    })
  })

  it('has the title and the metadata of its front matter', async () => {
    const source =
      '---\ntitle: Kündigungsfristen im Mietrecht\ntags: [Wohnung, Miete]\nsummary: Wie lange vorher.\n---\n\nDrei Monate.\n'
    expect(await read('front.md', source)).toEqual({
      title: 'Kündigungsfristen im Mietrecht',
      text: 'Drei Monate.',
      metadata: { tags: ['Wohnung', 'Miete'], summary: 'Wie lange vorher.' },
    })
  })

  it('keeps the words for a picture', async () => {
    const { text } = await read('a.md', '# Setup\n\n![Diagram of the quasar wiring](x.png)\n\nSee above.\n')
    expect(text).toBe('Setup\n\nDiagram of the quasar wiring\n\nSee above.')
  })
})

describe('a table with long cells', () => {
  const covered =
    'The manufacturer replaces every defective battery pack free of charge during the first twenty-four months.'
  const excluded = 'Damage caused by salt water, by unauthorised repairs or by charging with third-party adapters.'
  it.each([
    ['a.md', `| Covered | Excluded |\n|---|---|\n| ${covered} | ${excluded} |\n`],
    [
      'a.html',
      `<table><tr><th>Covered</th><th>Excluded</th></tr><tr><td>${covered}</td>\n<td>${excluded}</td></tr></table>`,
    ],
  ])('in %s keeps each in one piece', async (name, source) => {
    expect((await read(name, source)).text).toBe(`Covered   Excluded\n${covered}   ${excluded}`)
  })
})

describe('CSV', () => {
  it('with two columns of one name keeps the values of both', async () => {
    const source = 'Question,Answer,Answer\nreset?,hold the button for ten seconds,or unplug it\n'
    expect((await read('a.csv', source)).text).toBe(
      'Question: reset?\nAnswer: hold the button for ten seconds\nAnswer: or unplug it',
    )
  })

  it('with semicolons, as Excel writes it in most of Europe, is a document a row', async () => {
    const source = 'id;text\n1;Der Laden öffnet um neun.\n2;Der Laden schließt um acht.\n'
    expect(await entries('a.csv', source)).toMatchObject([
      { externalId: '1', text: 'Der Laden öffnet um neun.' },
      { externalId: '2', text: 'Der Laden schließt um acht.' },
    ])
  })
})

it('ids above 2^53 stay different', async () => {
  const lines = ['1146213870912942081', '1146213870912942082'].map((id) => `{"id": ${id}, "text": "about ${id}"}`)
  expect(await entries('ids.jsonl', lines.join('\n'))).toMatchObject([
    { externalId: '1146213870912942081' },
    { externalId: '1146213870912942082' },
  ])
})

describe('HTML', () => {
  it('is not named after an icon', async () => {
    const source =
      '<!doctype html><html><head><meta charset=utf-8></head><body><svg><title>Hamburger icon</title><path/></svg><h1>Annual leave rules</h1><p>Thirty days.</p></body></html>'
    expect((await read('a.html', source)).title).toBe('Annual leave rules')
  })

  it('has words without their soft hyphens', async () => {
    const source = '<p>Das Bun&shy;des&shy;ver&shy;fas&shy;sungs&shy;ge&shy;richt ent&shy;schei&shy;det.</p>'
    expect((await read('a.html', source)).text).toBe('Das Bundesverfassungsgericht entscheidet.')
  })
})
