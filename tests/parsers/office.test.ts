// Office files, books and mails: what a reader sees of them, and what is said about files that are none.

import { describe, expect, it } from 'vitest'
import { ParseError, parse } from '../../server/parsers/index.ts'
import type { ParsedDocument } from '../../server/parsers/types.ts'
import {
  docxFile,
  epubFile,
  odfFile,
  paragraph,
  pptxFile,
  type SheetCell,
  wordTable,
  xlsxFile,
  zipped,
} from './office-files.ts'

const read = (name: string, bytes: Uint8Array): Promise<ParsedDocument> => parse({ name, bytes })
async function problem(name: string, bytes: Uint8Array): Promise<ParseError> {
  const error = await parse({ name, bytes }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ParseError)
  return error as ParseError
}
const runs = (...inner: string[]): string => `<w:p>${inner.map((one) => `<w:r>${one}</w:r>`).join('')}</w:p>`

describe('Word', () => {
  it('gives headings, paragraphs and tables, title and author', async () => {
    const body =
      paragraph('Kündigung & Fristen', 'Heading1') +
      paragraph('Drei Monate.') +
      wordTable([
        ['Mai', '2'],
        ['Juni', '3'],
      ])
    expect(await read('a.docx', docxFile(body, {}, { author: 'Ada' }))).toEqual({
      title: 'Kündigung & Fristen',
      text: 'Kündigung & Fristen\n\nDrei Monate.\n\nMai   2\nJuni   3',
      metadata: { author: 'Ada' },
    })
    expect((await read('a.docx', docxFile(body, {}, { title: 'Handbuch' }))).title).toBe('Handbuch')
  })

  it('joins the runs of a word, and knows tabs, line breaks and hyphens', async () => {
    const body = runs(
      '<w:t>Bun</w:t><w:softHyphen/><w:t>des</w:t>',
      '<w:t>tag</w:t><w:tab/><w:t>Berlin</w:t><w:br/><w:t>E</w:t><w:noBreakHyphen/><w:t>Mail</w:t>',
    )
    expect((await read('a.docx', docxFile(body))).text).toBe('Bundestag\tBerlin\nE-Mail')
  })

  it('leaves out what is deleted, hidden, computed or drawn twice', async () => {
    const body = `<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr><w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>
      <w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>
      <w:r><mc:AlternateContent><mc:Choice><w:t> box</w:t></mc:Choice><mc:Fallback><w:t>box again</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>`
    expect((await read('a.docx', docxFile(body))).text).toBe('new box')
  })

  it('has its notes, comments and footers behind the text, and the words for its pictures', async () => {
    const body = runs('<w:t>See</w:t>', '<w:drawing><wp:docPr id="1" descr="Quasar wiring"/></w:drawing>')
    const bytes = docxFile(body, {
      footnotes: `<w:footnote>${paragraph('A note.')}</w:footnote>`,
      comments: `<w:comment>${paragraph('A remark.')}</w:comment>`,
      footer: paragraph('Confidential'),
    })
    expect((await read('a.docx', bytes)).text).toBe('See Quasar wiring\n\nA note.\n\nA remark.\n\nConfidential')
  })

  it('keeps a word with its reading whole', async () => {
    const body = runs(
      '<w:ruby><w:rt><w:r><w:t>とうきょう</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>東京</w:t></w:r></w:rubyBase></w:ruby>',
      '<w:t>で食べる。</w:t>',
    )
    expect((await read('a.docx', docxFile(body))).text).toBe('東京で食べる。 (とうきょう)')
  })

  it('with macros is read without them', async () => {
    const bytes = zipped({
      'word/document.xml': `<w:document xmlns:w="w">${paragraph('Hello')}</w:document>`,
      'word/vbaProject.bin': 'Sub AutoOpen()',
    })
    expect((await read('a.docm', bytes)).text).toBe('Hello')
  })
})

describe('PowerPoint', () => {
  it('gives the slides in the order of the show, with their notes', async () => {
    const bytes = pptxFile([{ texts: ['Plan 2027', 'Grow'], notes: 'Smile.' }, { texts: ['End', 'Thanks'] }])
    expect(await read('a.pptx', bytes)).toEqual({
      title: 'Plan 2027',
      text: 'Plan 2027\n\nGrow\n\nSmile.\n\nEnd\n\nThanks',
      metadata: { slideCount: 2 },
    })
  })
})

describe('Excel', () => {
  const text = async (rows: SheetCell[][], options?: object): Promise<string> =>
    (await read('a.xlsx', xlsxFile({ Sheet1: rows }, options))).text

  it('puts every value of a row behind its column', async () => {
    expect(
      await text([
        ['name', 'city'],
        ['Ada', 'London'],
        ['Bob', ''],
      ]),
    ).toBe('name: Ada\ncity: London\n\nname: Bob')
  })

  it('shows rows as lines where the first has no names', async () => {
    expect(await text([['Report'], [{ v: '1' }, { v: '2' }]])).toBe('Report\n1   2')
    expect(
      await text([
        ['a', 'a'],
        ['b', 'c'],
      ]),
    ).toBe('a   a\nb   c')
  })

  it('names the sheets when there are several', async () => {
    const bytes = xlsxFile({ Sales: [['x']], Empty: [], Costs: [['y']] })
    expect(await read('a.xlsx', bytes)).toMatchObject({ text: 'Sales\n\nx\n\nCosts\n\ny', metadata: { sheetCount: 3 } })
  })

  it('keeps numbers as they are stored, without the noise of binary fractions', async () => {
    const values = ['1146213870912942081', '0.1', '0.30000000000000004', '1.5E-7', '-12', '1E+20']
    expect(await text([values.map((v) => ({ v }))])).toBe(
      '1146213870912942081   0.1   0.3   1.5e-7   -12   100000000000000000000',
    )
  })

  it('shows dates, times and percentages as they are meant', async () => {
    const styles =
      '<numFmts><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy"/><numFmt numFmtId="165" formatCode="0.0&quot; days&quot;"/><numFmt numFmtId="166" formatCode="[Red]#,##0.00"/><numFmt numFmtId="167" formatCode="[h]:mm"/></numFmts>' +
      '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/><xf numFmtId="9"/><xf numFmtId="22"/><xf numFmtId="167"/></cellXfs>'
    const cells: [string, number, string][] = [
      ['45000', 0, '45000'],
      ['45000', 1, '2023-03-15'],
      ['45000', 2, '2023-03-15'],
      ['3', 3, '3'],
      ['3', 4, '3'],
      ['0.12', 5, '12%'],
      ['45000.5625', 6, '2023-03-15 13:30:00'],
      ['0.25', 7, '06:00:00'],
      ['1', 1, '1900-01-01'],
      ['61', 1, '1900-03-01'],
      ['-1', 1, '-1'],
    ]
    const row = cells.map(([v, s]) => ({ v, s }))
    expect(await text([row], { styles })).toBe(cells.map(([, , shown]) => shown).join('   '))
    expect(
      await text(
        [
          [
            { v: '0', s: 1 },
            { v: '45000', s: 1 },
          ],
        ],
        { styles, startsIn1904: true },
      ),
    ).toBe('1904-01-01   2027-03-16')
  })

  it('reads texts of formulas and cells, truth values, and no errors', async () => {
    const cells: SheetCell[] = [
      { v: 'done', t: 'str' },
      { v: '1', t: 'b' },
      { v: '#N/A', t: 'e' },
      { v: '2024-01-02', t: 'd' },
    ]
    expect(await text([cells])).toBe('done   TRUE   2024-01-02')
  })
})

describe('OpenDocument', () => {
  it('gives headings, paragraphs, tables and notes of a text', async () => {
    const body = `<text:h>Leave</text:h><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>
      <text:p>Thirty<text:s text:c="9"/>days<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>A note.</text:p></text:note-body></text:note><text:tab/>a<text:line-break/>year</text:p>
      <table:table><table:table-row><table:table-cell><text:p>May</text:p></table:table-cell><table:table-cell table:number-columns-repeated="1000000000"><text:p>2</text:p></table:table-cell></table:table-row></table:table>
      <text:p><draw:frame><svg:desc>Quasar wiring</svg:desc></draw:frame></text:p>`
    expect(await read('a.odt', odfFile('text', body, { author: 'Ada' }))).toEqual({
      title: 'Leave',
      text: 'Leave\n\nA note.\n\nThirty days\ta\nyear\n\nMay   2\n\nQuasar wiring',
      metadata: { author: 'Ada' },
    })
  })

  it('shows numbers of a sheet whole', async () => {
    const body =
      '<table:table><table:table-row><table:table-cell office:value-type="float" office:value="1.23456"><text:p>1.23</text:p></table:table-cell><table:table-cell><text:p>kg</text:p></table:table-cell></table:table-row></table:table>'
    expect((await read('a.ods', odfFile('spreadsheet', body))).text).toBe('1.23456   kg')
  })

  it('that is encrypted says so', async () => {
    const bytes = zipped({
      mimetype: 'application/vnd.oasis.opendocument.text',
      'content.xml': 'noise',
      'META-INF/manifest.xml': '<manifest:manifest><manifest:encryption-data/></manifest:manifest>',
    })
    expect((await problem('a.odt', bytes)).code).toBe('encrypted_file')
  })
})

describe('EPUB', () => {
  it('gives the chapters in the order of the book', async () => {
    const bytes = epubFile(['<h1>Eins</h1><p>Erstes<br/>Kapitel</p>', '<h1>Zwei</h1>'], {
      title: 'Das Buch',
      author: 'Ada',
    })
    expect(await read('a.epub', bytes)).toEqual({
      title: 'Das Buch',
      text: 'Eins\n\nErstes\nKapitel\n\nZwei',
      metadata: { author: 'Ada', language: 'de' },
    })
  })

  it('whose chapters are encrypted says so, and one with scrambled fonts is read', async () => {
    const parts = (part: string): Record<string, string> => ({
      mimetype: 'application/epub+zip',
      'META-INF/container.xml': '<container><rootfile full-path="b.opf"/></container>',
      'META-INF/encryption.xml': `<encryption><EncryptedData><CipherReference URI="${part}"/></EncryptedData></encryption>`,
      'b.opf':
        '<package><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></package>',
      'a.xhtml': '<html><body>Hello</body></html>',
    })
    expect((await problem('a.epub', zipped(parts('a.xhtml')))).code).toBe('encrypted_file')
    expect((await read('a.epub', zipped(parts('font.otf')))).text).toBe('Hello')
  })
})

describe('e-mail', () => {
  const mail = (...lines: string[]): Buffer => Buffer.from(lines.join('\r\n'))

  it('gives who wrote what to whom, and the attachments that can be read', async () => {
    const bytes = mail(
      'From: =?UTF-8?Q?J=C3=B6rg?= <joerg@example.org>',
      'To: ada@example.org',
      'Subject: Umzug',
      'Date: Mon, 04 Mar 2024 10:00:00 +0000',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain; charset=iso-8859-1',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'Sch=F6ne Gr=FC=DFe',
      '--b',
      'Content-Type: application/octet-stream; name=list.csv',
      'Content-Disposition: attachment; filename=list.csv',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from('item;price\nchair;12,50\n').toString('base64'),
      '--b',
      'Content-Type: image/png; name=photo.png',
      'Content-Disposition: attachment; filename=photo.png',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1').toString('base64'),
      '--b--',
    )
    expect(await read('a.eml', bytes)).toEqual({
      title: 'Umzug',
      text: [
        'From: Jörg <joerg@example.org>\nTo: ada@example.org\nDate: 2024-03-04T10:00:00.000Z\nSubject: Umzug',
        'Schöne Grüße',
        'Attachment list.csv\n\nitem: chair\nprice: 12,50',
        'Attachment photo.png (not read: The file is a PNG picture. Run text recognition (OCR) on it first.)',
      ].join('\n\n'),
      metadata: {
        author: 'Jörg <joerg@example.org>',
        date: '2024-03-04T10:00:00.000Z',
        attachments: ['list.csv', 'photo.png'],
      },
    })
  })

  it('of HTML alone gives what a reader sees', async () => {
    const bytes = mail('Subject: x', 'Content-Type: text/html', '', '<style>p{}</style><p>Hello</p>')
    expect((await read('a.eml', bytes)).text).toBe('Subject: x\n\nHello')
  })
})

describe('the bytes, not the name, say what a file is', () => {
  it('whatever its name is', async () => {
    expect((await read('a.txt', docxFile(paragraph('Hello')))).text).toBe('Hello')
    expect((await read('a.docx', xlsxFile({ S: [['Hello']] }))).text).toBe('Hello')
    expect((await read('unnamed', epubFile(['Hello']))).text).toBe('Hello')
    expect((await read('a.pdf', Buffer.from('<!DOCTYPE html><html><p>Hello</html>'))).text).toBe('Hello')
  })

  it.each([
    ['a.docx', Buffer.from('just text'), 'unsupported_type'],
    ['a.txt', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'unsupported_type'],
    ['a.zip', zipped({ 'a.txt': 'x' }), 'unsupported_type'],
    ['a.docx', zipped({ 'a.txt': 'x' }), 'unsupported_type'],
    ['a.rtf', Buffer.from('{\\rtf1 x}'), 'unsupported_type'],
    ['a.xlsb', zipped({ 'xl/workbook.bin': 'x' }), 'unsupported_type'],
  ])('refuses %s by what is in it', async (name, bytes, code) => {
    expect((await problem(name, bytes)).code).toBe(code)
  })

  it('tells old and encrypted Office files from others', async () => {
    const compound = (stream: string): Buffer =>
      Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(500), Buffer.from(stream, 'utf16le')])
    expect((await problem('a.docx', compound('EncryptedPackage'))).code).toBe('encrypted_file')
    expect((await problem('a.doc', compound('WordDocument'))).message).toContain('.docx')
    expect((await problem('a.xls', compound('Workbook'))).message).toContain('.xlsx')
  })
})
