// Excel: sheet after sheet. A row reads as in CSV, "column: value" by the names of the first row, or else as a line of its
// cells. Numbers are shown as they are stored, dates and percentages as they are meant.

import type { Archive } from './archive.ts'
import { rowText } from './blocks.ts'
import { ParseError } from './error.ts'
import { bodyOf, propertiesOf, relationshipsOf } from './office.ts'
import { type CellStyle, numberText, stylesOf } from './spreadsheet-numbers.ts'
import type { Content } from './types.ts'
import { attribute, prefixed, readXml } from './xml.ts'

const longestText = 10_000_000
const mostColumns = 16_384

type Book = { sheets: { name: string; part: string }[]; startsIn1904: boolean; shared: string[]; styles: CellStyle[] }
type Cell = { column: number; value: string; isText: boolean }

export async function parseXlsx(archive: Archive, part: string): Promise<Content> {
  const { title, metadata } = await propertiesOf(archive, 'docProps/core.xml')
  const book = await bookOf(archive, part)
  const texts: string[] = []
  for (const { name, part: sheet } of book.sheets) {
    const text = sheetText(await rowsOf(archive, sheet, book))
    const beside = await textsBeside(archive, sheet)
    const isNamed = book.sheets.length > 1 && (text !== '' || beside.length > 0)
    texts.push(...[isNamed ? name : '', text, ...beside].filter(Boolean))
  }
  return { title, text: texts.join('\n\n'), metadata: { ...metadata, sheetCount: book.sheets.length } }
}

async function bookOf(archive: Archive, part: string): Promise<Book> {
  const relationships = await relationshipsOf(archive, part)
  const partOf = (type: string): string => relationships.find((one) => one.type === type)?.target ?? ''
  const targets = new Map(relationships.map(({ id, target }) => [id, target]))
  const book: Book = { sheets: [], startsIn1904: false, shared: [], styles: [] }
  await readXml((await archive.read(part)) ?? new Uint8Array(), {
    open(name, attributes) {
      if (name === 'workbookPr') book.startsIn1904 = /^(1|true)$/.test(attribute(attributes, 'date1904') ?? '')
      const target = name === 'sheet' ? targets.get(prefixed(attributes, 'id') ?? '') : undefined
      if (target) book.sheets.push({ name: attribute(attributes, 'name') ?? '', part: target })
    },
  })
  book.shared = await sharedTexts(await archive.read(partOf('sharedStrings')))
  book.styles = await stylesOf(await archive.read(partOf('styles')))
  return book
}

/** Texts that cells refer to by their number. How they are pronounced (rPh) is no part of them. */
async function sharedTexts(bytes: Uint8Array | undefined): Promise<string[]> {
  const texts: string[] = []
  if (!bytes) return texts
  await readXml(bytes, {
    open: (name) => name === 'si' && texts.push(''),
    text: (text, outer) => {
      if (outer.at(-1) === 't' && !outer.includes('rPh')) texts[texts.length - 1] += text
    },
  })
  return texts
}

async function rowsOf(archive: Archive, part: string, book: Book): Promise<Cell[][]> {
  const rows: Cell[][] = []
  let attributes: Readonly<Record<string, string>> = {}
  let value = ''
  let next = 0
  let length = 0
  const bytes = await archive.read(part)
  if (!bytes) return rows
  await readXml(bytes, {
    open(name, given) {
      if (name === 'row') {
        rows.push([])
        next = 0
      } else if (name === 'c') {
        attributes = given
        value = ''
      }
    },
    text(text, outer) {
      const inner = outer.at(-1)
      if (inner === 'v' || (inner === 't' && outer.includes('is') && !outer.includes('rPh'))) value += text
    },
    close(name) {
      if (name !== 'c') return
      const column = columnOf(attribute(attributes, 'r')) ?? next
      next = column + 1
      const cell = cellOf(column, value, attributes, book)
      length += cell.value.length
      if (length > longestText) throw tooLong()
      if (cell.value !== '' && column < mostColumns) rows.at(-1)?.push(cell)
    },
  })
  return rows.filter((row) => row.length > 0)
}

const tooLong = (): ParseError =>
  new ParseError('too_large', 'The text of the file is longer than 10 million characters. Split it.')

/** 0 for A, 27 for AB. */
function columnOf(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0]
  if (!letters) return undefined
  let column = 0
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64
  return column - 1
}

function cellOf(column: number, value: string, attributes: Readonly<Record<string, string>>, book: Book): Cell {
  const text = (shown: string): Cell => ({ column, value: shown.trim(), isText: true })
  switch (attribute(attributes, 't')) {
    case 's':
      return text(book.shared[Number(value)] ?? '')
    case 'str':
    case 'inlineStr':
    case 'd':
      return text(value)
    case 'e':
      // #N/A and its like say nothing
      return { column, value: '', isText: false }
    case 'b':
      return { column, value: value === '1' ? 'TRUE' : 'FALSE', isText: false }
    default: {
      const style = book.styles[Number(attribute(attributes, 's') ?? 0)] ?? 'number'
      return { column, value: numberText(value.trim(), style, book.startsIn1904), isText: false }
    }
  }
}

/** Names are texts, each of them once, and there is something below them. */
function isHeader(row: Cell[], rows: Cell[][]): boolean {
  return (
    row.length > 1 &&
    rows.length > 1 &&
    row.every(({ isText }) => isText) &&
    new Set(row.map(({ value }) => value)).size === row.length
  )
}

function sheetText(rows: Cell[][]): string {
  const [first = [], ...rest] = rows
  if (!isHeader(first, rows)) return rows.map((row) => rowText(row.map(({ value }) => value))).join('\n')
  const names = new Map(first.map(({ column, value }) => [column, value]))
  const lineOf = ({ column, value }: Cell): string => (names.has(column) ? `${names.get(column)}: ${value}` : value)
  const text = rest.map((row) => row.map(lineOf).join('\n')).join('\n\n')
  // the name of every column is a column's beside every value of it
  if (text.length > longestText) throw tooLong()
  return text
}

/** Comments of cells, and what is written into drawings and charts. */
async function textsBeside(archive: Archive, sheet: string): Promise<string[]> {
  const texts: string[] = []
  for (const { type, target } of await relationshipsOf(archive, sheet)) {
    const bytes = /^(comments|drawing)$/.test(type) ? await archive.read(target) : undefined
    if (bytes) texts.push((await bodyOf(bytes)).text)
  }
  return texts.filter(Boolean)
}
