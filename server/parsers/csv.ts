// CSV: a row reads as a paragraph of "column: value" lines, so that each value is found beside its name.

import { parse } from 'csv-parse/sync'
import { ParseError } from './error.ts'
import type { Content } from './types.ts'

export function csvRows(source: string): Record<string, string>[] {
  try {
    return parse(source, {
      columns: true,
      skip_empty_lines: true,
      trim: true,
      bom: true,
      relax_column_count_less: true,
    }) as Record<string, string>[]
  } catch (error) {
    throw new ParseError(
      'bad_csv',
      `The file is not valid CSV: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

export function parseCsv(source: string): Content {
  const rows = csvRows(source)
  const text = rows
    .map((row) =>
      Object.entries(row)
        .filter(([, value]) => value)
        .map(([column, value]) => `${column}: ${value}`)
        .join('\n'),
    )
    .join('\n\n')
  return { text, metadata: { rowCount: rows.length } }
}
