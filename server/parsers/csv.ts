// CSV: a row reads as a paragraph of "column: value" lines, so that each value is found beside its name. The separator is
// the one that was told (by the caller, by a first line sep=; as Excel writes it), or the one that cuts the rows into as
// many values as there are columns.

import { parse } from 'csv-parse/sync'
import { ParseError } from './error.ts'
import type { Content } from './types.ts'

export type CsvTable = { columns: string[]; rows: string[][]; separator: string; isAssumed: boolean }

/** In the order of preference among those that fit equally well: a comma stands within numbers and names too. */
const candidates = ['\t', ';', ',', '|']
/** Stands in no text, so that a line is one value. */
const none = '\x1f'
const rowsOfSample = 200

type Options = { separator: string; startsAtLine: number; sample?: boolean }
type OnRecord = (record: string[], line: number) => void

export function csvTable(source: string, told?: string): CsvTable {
  // as Excel writes it: it says nothing but the separator
  const marked = /^\uFEFF?"?sep=(.)"?\r?(?:\n|$)/i.exec(source)
  const startsAtLine = marked ? 2 : 1
  const given = told ?? marked?.[1]
  const separator = given ?? separatorOf(source, startsAtLine)
  const [columns = [], ...rows] = records(source, { separator, startsAtLine })
  return {
    columns: columns.map((name) => name.trim()),
    rows,
    separator,
    isAssumed: given === undefined && separator !== ',' && separator !== none,
  }
}

/** What the name of a file tells. */
export const separatorOfName = (name: string): string | undefined => (/\.(tsv|tab)$/i.test(name) ? '\t' : undefined)

/** How the file was read, for the metadata of its documents. */
export function describeSeparator({ separator, isAssumed }: CsvTable): Record<string, unknown> {
  if (separator === ',' || separator === none) return {}
  return { separator: separator === '\t' ? 'tab' : separator, ...(isAssumed ? { assumed: ['separator'] } : {}) }
}

/** The rows as objects. Columns that share a name are told apart by a number; no value is lost. */
export function csvObjects({ columns, rows }: CsvTable): Record<string, string>[] {
  const names = uniqueNames(columns)
  return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? ''])))
}

export function parseCsv(source: string, told?: string): Content {
  const table = csvTable(source, told)
  const text = table.rows
    .map((row) =>
      row
        .map((value, i) => lineOf(table.columns[i], value))
        .filter(Boolean)
        .join('\n'),
    )
    .filter(Boolean)
    .join('\n\n')
  // a file of nothing but a header is its header
  const isHeaderOnly = table.rows.length === 0
  return {
    text: isHeaderOnly ? table.columns.filter(Boolean).join('\n') : text,
    metadata: { rowCount: table.rows.length, ...describeSeparator(table) },
  }
}

const lineOf = (column: string | undefined, value: string): string =>
  value.trim() === '' ? '' : column ? `${column}: ${value}` : value

function uniqueNames(columns: string[]): string[] {
  const taken = new Set(columns)
  const used = new Set<string>()
  return columns.map((column, i) => {
    const name = column || `column ${i + 1}`
    let unique = name
    for (let n = 2; used.has(unique) || (n > 2 && taken.has(unique)); n += 1) unique = `${name} (${n})`
    used.add(unique)
    return unique
  })
}

/** All rows, the header first, each with no more values than the header. */
function records(source: string, options: Options): string[][] {
  let width: number | undefined
  return read(source, options, (record, line) => {
    width ??= record.length
    // spreadsheets write separators behind the last value
    while (record.length > width && record.at(-1)?.trim() === '') record.pop()
    if (record.length > width) throw tooWide(record.length, width, line, options.separator)
  })
}

function tooWide(values: number, columns: number, line: number, separator: string): ParseError {
  const name = separator === '\t' ? 'a tab' : `"${separator}"`
  return new ParseError(
    'bad_csv',
    `The file is not valid CSV: line ${line} has ${values} values, the first line has ${columns} (separated by ${name}). Put values that contain the separator in double quotes.`,
  )
}

function read(source: string, { separator, startsAtLine, sample = false }: Options, onRecord: OnRecord): string[][] {
  let refusal: ParseError | undefined
  try {
    return parse(source, {
      delimiter: separator,
      from_line: startsAtLine,
      record_delimiter: ['\r\n', '\n', '\r'],
      bom: true,
      skip_empty_lines: true,
      // a tab is white space and a separator: the library would take empty values for space to trim
      trim: separator !== '\t',
      relax_column_count: true,
      relax_quotes: sample,
      max_record_size: 0,
      ...(sample ? { to: rowsOfSample } : {}),
      on_record: (record: string[], { lines }) => {
        try {
          onRecord(record, lines)
        } catch (error) {
          if (error instanceof ParseError) refusal = error
          throw error
        }
        return record
      },
    }) as string[][]
  } catch (error) {
    throw (
      refusal ??
      new ParseError(
        'bad_csv',
        `The file is not valid CSV: ${error instanceof Error ? error.message : String(error)} (separated by ${separator === '\t' ? 'a tab' : `"${separator}"`}).`,
      )
    )
  }
}

/** The separator that cuts the first rows best: most rows as wide as the header, and then the widest. */
function separatorOf(source: string, startsAtLine: number): string {
  let best = { separator: none, fitting: -1, width: 1 }
  for (const separator of candidates) {
    const { width, fitting } = fitOf(source, { separator, startsAtLine, sample: true })
    if (width < 2) continue
    if (fitting > best.fitting || (fitting === best.fitting && width > best.width)) best = { separator, fitting, width }
  }
  return best.separator
}

/** How wide the header is, and the share of rows that are as wide. */
function fitOf(source: string, options: Options): { width: number; fitting: number } {
  let width = 0
  let rows = 0
  let asWide = 0
  try {
    read(source, options, (record) => {
      if (width === 0) width = record.length
      else {
        rows += 1
        if (record.length === width) asWide += 1
      }
    })
  } catch {
    // a quote that is not closed, with this separator: what was read before it counts
  }
  return { width, fitting: rows === 0 ? 1 : asWide / rows }
}
