// Files of every format, damaged anywhere or made to do harm: each is read or refused with a reason, within bounds, and the
// next file is read as if nothing had been.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ParseError, parse } from '../../server/parsers/index.ts'
import { docxFile, epubFile, odfFile, paragraph, pptxFile, wordTable, xlsxFile, zipped } from './office-files.ts'
import { pdfFile } from './pdf-file.ts'

const mail = Buffer.from(
  'From: a@b.test\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>there\r\n--b--',
)
const files: Record<string, Uint8Array> = {
  'a.md': Buffer.from('---\ntitle: A\n---\n# Übersicht\n\n| a | b |\n|---|---|\n| c | d |\n'),
  'a.html': Buffer.from('<html><head><title>A</title></head><body><ruby>東<rt>と</rt></ruby><table><tr><td>ä'),
  'a.csv': Buffer.from('name;text\nÄrger;"a ""quoted""\nline"\n'),
  'a.json': Buffer.from('{"title": "A", "n": 1146213870912942081, "list": [1.10, {"ä": null}]}'),
  'a.txt': Buffer.from('Schöne Grüße', 'latin1'),
  'a.pdf': pdfFile({ pages: ['Hello', 'there'], title: 'A' }),
  'a.docx': docxFile(paragraph('Hello', 'Title') + wordTable([['a', 'b']]), { footnotes: paragraph('note') }),
  'a.pptx': pptxFile([{ texts: ['Hello'], notes: 'there' }]),
  'a.xlsx': xlsxFile({
    S: [
      ['a', 'b'],
      ['c', { v: '1' }],
    ],
  }),
  'a.odt': odfFile('text', '<text:h>Hello</text:h><text:p>there</text:p>'),
  'a.epub': epubFile(['<h1>Hello</h1>']),
  'a.eml': mail,
}

/** Reads the file: with a text, or with a reason; anything else fails the test. */
async function outcome(name: string, bytes: Uint8Array): Promise<string> {
  try {
    const { text } = await parse({ name, bytes })
    expect(text).not.toBe('')
    return 'read'
  } catch (error) {
    expect(error).toBeInstanceOf(ParseError)
    const { code, message } = error as ParseError
    expect(message).toMatch(/\.$/)
    return code
  }
}

describe.each(Object.entries(files))('%s', (name, bytes) => {
  it('is read whole', async () => {
    expect(await outcome(name, bytes)).toBe('read')
  })

  it('is read or refused when it ends early', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
        await outcome(name, bytes.subarray(0, length))
      }),
      { numRuns: 40, seed: 5 },
    )
  })

  it('is read or refused when bytes of it are others', async () => {
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const damaged = Buffer.from(bytes)
        for (const [at, byte] of changes) damaged[at] = byte
        await outcome(name, damaged)
      }),
      { numRuns: 40, seed: 5 },
    )
  })

  it('is read or refused when it is noise behind its first bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (noise) => {
        await outcome(name, Buffer.concat([bytes.subarray(0, 8), noise]))
      }),
      { numRuns: 20, seed: 5 },
    )
  })
})

describe('an archive', () => {
  const large = Buffer.alloc(130 * 1024 * 1024)
  const bomb = (name: string): Uint8Array => zipped({ [name]: large })

  it.each([
    ['a.docx', 'word/document.xml'],
    ['a.xlsx', 'xl/workbook.xml'],
    ['a.odt', 'content.xml'],
  ])('%s that unpacks to a thousand times its size is refused', async (name, part) => {
    expect(await outcome(name, bomb(part))).toBe('too_large')
  })

  it('with a part that is much larger than it was packed is refused below the limit too', async () => {
    const part = Buffer.alloc(20 * 1024 * 1024, ' ')
    expect(await outcome('a.docx', zipped({ 'word/document.xml': part }))).toBe('too_large')
  })

  it('of too many parts is refused', async () => {
    const parts = Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [`p${i}`, '']))
    expect(await outcome('a.docx', zipped(parts, 0))).toBe('too_large')
  })

  it('that lies about the size of a part is refused', async () => {
    const bytes = Buffer.from(zipped({ 'word/document.xml': paragraph('Hello '.repeat(1000)) }))
    const directory = bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1'))
    bytes.writeUInt32LE(10, directory + 24)
    expect(await outcome('a.docx', bytes)).toBe('unreadable')
  })

  it('whose parts are encrypted says so', async () => {
    const bytes = Buffer.from(zipped({ 'word/document.xml': paragraph('Hello') }))
    const directory = bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1'))
    bytes.writeUInt16LE(bytes.readUInt16LE(directory + 8) | 1, directory + 8)
    expect(await outcome('a.docx', bytes)).toBe('encrypted_file')
  })

  it('cannot make a reader load a file or multiply a text', async () => {
    const doctype = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    const bytes = zipped({
      'word/document.xml': `${doctype}<w:document xmlns:w="w"><w:p><w:r><w:t>x&b;&f;y</w:t></w:r></w:p></w:document>`,
    })
    expect((await parse({ name: 'a.docx', bytes })).text).toBe('x&b;&f;y')
  })

  it('of a hundred thousand nested elements is refused', async () => {
    const deep = '<w:p><w:r>'.repeat(50_000)
    expect(await outcome('a.docx', zipped({ 'word/document.xml': `<w:document xmlns:w="w">${deep}` }))).toBe(
      'unreadable',
    )
  })

  it('that refers to itself, or out of itself, is read once', async () => {
    const bytes = zipped({
      '_rels/.rels':
        '<Relationships><Relationship Type="x/officeDocument" Target="word/document.xml"/></Relationships>',
      'word/document.xml': `<w:document xmlns:w="w">${paragraph('Hello')}</w:document>`,
      'word/_rels/document.xml.rels':
        '<Relationships><Relationship Type="x/footer" Target="document.xml"/><Relationship Type="x/header" Target="../../../../etc/passwd"/></Relationships>',
    })
    expect((await parse({ name: 'a.docx', bytes })).text).toBe('Hello')
  })

  it('with a cell in the last column of all, and a shared text that is not there, is read', async () => {
    const sheet =
      '<worksheet><sheetData><row><c r="XFD1"><v>1</v></c><c r="ZZZ1"><v>2</v></c><c t="s"><v>99</v></c></row></sheetData></worksheet>'
    const bytes = zipped({
      'xl/workbook.xml': '<workbook xmlns:r="r"><sheets><sheet name="S" r:id="a"/></sheets></workbook>',
      'xl/_rels/workbook.xml.rels':
        '<Relationships><Relationship Id="a" Type="x/worksheet" Target="s.xml"/></Relationships>',
      'xl/s.xml': sheet,
    })
    expect((await parse({ name: 'a.xlsx', bytes })).text).toBe('1')
  })
})

describe('text', () => {
  it.each([
    ['a.csv', `a;b\n"${'x'.repeat(2_000_000)}`],
    ['a.csv', `${'a;'.repeat(500_000)}\n`],
    ['a.md', `---\n${'a: {'.repeat(5_000)}\n---\nText`],
    ['a.md', `---\n${'- '.repeat(30_000)}\n---\nText`],
    ['a.html', `<table>${'<tr><td rowspan=65000 colspan=1000>x'.repeat(20_000)}`],
    ['a.html', '<ruby>'.repeat(4_000)],
    ['a.txt', '\u200D'.repeat(2_000_000)],
    ['a.txt', `${'a-\n'.repeat(500_000)}`],
    ['a.eml', `Subject: x\r\n${'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n'.repeat(2_000)}`],
    ['a.eml', `${'A: b\r\n'.repeat(200_000)}\r\nHello`],
  ])('%s made to take long is read or refused in time', async (name, text) => {
    expect(await outcome(name, Buffer.from(text))).not.toBe('too_complex')
  })
})

it('after all of them the next file is read', async () => {
  expect(await parse({ name: 'a.txt', bytes: Buffer.from('Still here') })).toMatchObject({ text: 'Still here' })
})
