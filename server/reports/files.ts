// The result of a report as a file: CSV, a workbook, or a chart.

import writeWorkbook, { type SheetData } from 'write-excel-file/node'
import { chartOf } from './chart.ts'
import type { Column, Result } from './run.ts'

export type Format = 'csv' | 'xlsx' | 'svg'
export type ReportFile = { file_name: string; media_type: string; content: Buffer }
export type NamedResult = Result & { name: string; at: Date }

const mediaTypes: Record<Format, string> = {
  csv: 'text/csv',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  svg: 'image/svg+xml',
}

/** A file of a result; none when a chart is asked for and the result has not the form of one. */
export async function fileOf(result: NamedResult, format: Format): Promise<ReportFile | undefined> {
  const content = await { csv: csvOf, xlsx: workbookOf, svg: chartOf }[format](result)
  if (content === undefined) return undefined
  const title =
    result.name
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 100) || 'report'
  return {
    file_name: `${title}-${result.at.toISOString().slice(0, 10)}.${format}`,
    media_type: mediaTypes[format],
    content: Buffer.from(content),
  }
}

/** RFC 4180. */
export function csvOf({ columns, rows }: Result): string {
  const lines = [
    columns.map(({ name }) => quoted(harmless(name))),
    ...rows.map((row) => row.map((value, i) => (value === null ? '' : quoted(cell(value, columns[i] as Column))))),
  ]
  return lines.map((line) => `${line.join(',')}\r\n`).join('')
}

const cell = (value: string, { kind }: Column): string =>
  kind === 'number' && /^-?\d/.test(value) ? value : harmless(value)

/** A spreadsheet takes a text that begins so for a formula, which can send what else is on the sheet elsewhere. */
const harmless = (text: string): string => (/^[\s\p{Cc}]*[=+\-@＝＋－＠]|^[\t\r\n]/u.test(text) ? `'${text}` : text)

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Texts have the type of a text here, so none is a formula. */
function workbookOf({ columns, rows }: Result): Promise<Buffer> {
  const sheet: SheetData = [
    columns.map(({ name }) => ({ value: cellText(name), type: String, fontWeight: 'bold' })),
    ...rows.map((row) => row.map((value, i) => (value === null ? null : workbookCell(value, columns[i] as Column)))),
  ]
  return writeWorkbook(sheet, { stickyRowsCount: 1 }).toBuffer()
}

function workbookCell(value: string, { kind }: Column): SheetData[number][number] {
  if (kind === 'boolean') return { value: value === 'true', type: Boolean }
  // a workbook's number is a double, and what that cannot hold stays a text with all its digits
  if (kind === 'number' && isDouble(value)) return { value: Number(value), type: Number }
  return { value: cellText(value), type: String }
}

const digitsOfDouble = 15
const longestCell = 32_767

const isDouble = (text: string): boolean =>
  Number.isFinite(Number(text)) &&
  (String(Number(text)) === text ||
    text.replace(/e.*$/i, '').replace(/\D/g, '').replace(/^0+/, '').replace(/0+$/, '').length <= digitsOfDouble)

/** Without what XML cannot have, and no longer than a cell can be. */
function cellText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  const written = text.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd')
  return written.length <= longestCell ? written : `${written.slice(0, longestCell - 1).toWellFormed()}…`
}
