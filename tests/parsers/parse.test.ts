// One file is one document: what each format becomes, and what is said about files that are none.

import { describe, expect, it } from 'vitest'
import { ParseError, parse } from '../../server/parsers/index.ts'
import { parseInChild } from '../../server/parsers/isolation.ts'
import type { ParsedDocument } from '../../server/parsers/types.ts'
import { pdfFile } from './pdf-file.ts'

const parseText = (name: string, text: string): Promise<ParsedDocument> => parse({ name, bytes: Buffer.from(text) })

async function problem(name: string, content: string | Uint8Array, mediaType?: string): Promise<ParseError> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const error = await parse({ name, bytes, ...(mediaType ? { mediaType } : {}) }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ParseError)
  return error as ParseError
}

describe('Markdown', () => {
  it('keeps headings, paragraphs, lists and code as lines, without the markup', async () => {
    const source =
      '# Travel\n\nBook **early**, see [the portal](https://x.test).\n\n- train\n- plane\n\n```sh\nls <dir>\n```\n'
    const { title, text } = await parseText('travel.md', source)
    expect(title).toBe('Travel')
    expect(text.split('\n').filter(Boolean)).toEqual([
      'Travel',
      'Book early, see the portal.',
      ' * train',
      ' * plane',
      'ls <dir>',
    ])
  })

  it.each(['\n', '\r\n'])('leaves out front matter with line ends %j', async (end) => {
    const { text } = await parseText('a.md', ['---', 'draft: true', '---', '# Travel', '', 'Book early.', ''].join(end))
    expect(text).not.toContain('draft')
    expect(text).toMatch(/^Travel\n+Book early\.$/)
  })
})

describe('HTML', () => {
  it('shows what a reader sees: no scripts, styles or navigation, tables as cells, entities decoded', async () => {
    const { title, text } = await parseText(
      'a.html',
      `<html><head><title>Pay &amp; leave</title><style>p { color: red }</style></head><body><nav>Menu</nav><script>steal()</script>
       <h1>Leave</h1><p>30 days<br>a year</p><table><tr><td>May</td><td>2</td></tr></table></body></html>`,
    )
    expect(title).toBe('Pay & leave')
    expect(text).toMatch(/^Leave\n+30 days\na year\n+May +2$/)
  })

  it('takes the first heading for the title when there is no other', async () => {
    expect((await parseText('a.html', '<h1>Leave</h1><p>x</p>')).title).toBe('Leave')
  })
})

describe('CSV and JSON', () => {
  it('puts every value of a row behind its column', async () => {
    const { text, metadata } = await parseText('a.csv', '\uFEFFname,city\nAda,"London, UK"\nBob,\n')
    expect(text).toBe('name: Ada\ncity: London, UK\n\nname: Bob')
    expect(metadata).toEqual({ rowCount: 2 })
  })

  it('puts every value of JSON behind its path', async () => {
    const { title, text } = await parseText(
      'a.json',
      '{"title": "Plan", "steps": [{"do": "pack"}, {"do": "go"}], "n": 0, "x": null}',
    )
    expect(title).toBe('Plan')
    expect(text).toBe('title: Plan\nsteps.do: pack\nsteps.do: go\nn: 0')
  })

  it('says what is wrong', async () => {
    expect((await problem('a.csv', 'a,b\n1,2,3\n')).message).toContain('line 2')
    expect((await problem('a.csv', 'a,b\n"1,2\n')).code).toBe('bad_csv')
    expect((await problem('a.json', '{"a":')).code).toBe('bad_json')
    expect((await problem('a.json', '['.repeat(100_000) + ']'.repeat(100_000))).code).toBe('bad_json')
  })

  it('leaves out characters that PostgreSQL cannot store', async () => {
    const { text } = await parseText('a.json', String.raw`{"a\u0000b": "x\u0000y", "c": "\ud83d"}`)
    expect(text).toBe('ab: xy\nc: \uFFFD')
  })
})

describe('PDF', () => {
  it('gives the text of all pages, their number, title and author', async () => {
    const bytes = pdfFile({ pages: ['Vacation (paid)', 'Thirty days'], title: 'Handbook', author: 'HR' })
    expect(await parse({ name: 'a.pdf', bytes })).toEqual({
      title: 'Handbook',
      text: 'Vacation (paid)\n\nThirty days',
      metadata: { pageCount: 2, author: 'HR' },
    })
  })

  it('has the name of the file for a title when it has none', async () => {
    expect((await parse({ name: 'scan 1.pdf', bytes: pdfFile({ pages: ['x'] }) })).title).toBe('scan 1.pdf')
  })

  it('tells encrypted, empty, broken and pretended files apart', async () => {
    expect((await problem('a.pdf', pdfFile({ pages: ['secret'], isEncrypted: true }))).code).toBe('encrypted_pdf')
    expect((await problem('a.pdf', pdfFile({ pages: ['', ''] }))).code).toBe('no_text')
    expect((await problem('a.pdf', '%PDF-1.7\nnothing follows')).code).toBe('not_a_pdf')
    expect((await problem('a.pdf', 'just text')).code).toBe('not_a_pdf')
  })
})

describe('encodings', () => {
  const text = 'Grüße, 世界 🙂'
  const utf16le = Buffer.from(`\uFEFF${text}`, 'utf16le')

  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte-order mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16, little end first', utf16le],
    ['UTF-16, big end first', Buffer.from(utf16le).swap16()],
  ])('reads %s', async (_, bytes) => {
    expect((await parse({ name: 'a.txt', bytes })).text).toBe(text)
  })

  it('refuses NUL bytes', async () => {
    expect((await problem('a.txt', 'a\0b')).code).toBe('nul_bytes')
  })
})

describe('files that are no document', () => {
  it.each([
    ['an empty one', 'a.txt', '', 'empty_file'],
    ['one of white space', 'a.md', ' \n\t\n', 'empty_file'],
    ['a type that is not supported', 'a.docx', 'PK', 'unsupported_type'],
    ['many documents', 'a.jsonl', '{"text": "x"}', 'many_documents'],
  ])('refuses %s', async (_, name, content, code) => {
    expect((await problem(name, content)).code).toBe(code)
  })

  it('refuses more than 50 MB before reading them', async () => {
    expect((await problem('a.txt', new Uint8Array(50 * 1024 * 1024 + 1))).code).toBe('too_large')
  })

  it('goes by the media type when the name has no known ending', async () => {
    const bytes = Buffer.from('<p>Hello</p>')
    expect((await parse({ name: 'page', mediaType: 'text/html; charset=utf-8', bytes })).text).toBe('Hello')
  })
})

describe('files made to do harm', () => {
  it('ends a parser that does not come to an end, and goes on with the next file', async () => {
    const endless = Buffer.from('*a _'.repeat(500_000))
    await expect(parseInChild('markdown', endless, 500)).rejects.toMatchObject({ code: 'too_complex' })
    expect((await parseText('a.md', 'Still *here*')).text).toBe('Still here')
  })

  it('survives nesting that overflows the stack', async () => {
    expect((await problem('a.html', `${'<div>'.repeat(100_000)}x`)).code).toBe('unreadable')
    expect((await parseText('a.html', '<p>Still here')).text).toBe('Still here')
  })

  it('reads many files at once, each with its own answer', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `file ${i}`)
    const documents = await Promise.all(names.map((name) => parseText('a.txt', name)))
    expect(documents.map(({ text }) => text)).toEqual(names)
  })
})
