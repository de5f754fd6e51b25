// From a file to text: one small parser a format, one error type for whatever is wrong with a file.

import { ParseError } from './error.ts'
import { parseInChild } from './isolation.ts'
import type { Format, InputFile, ParsedDocument } from './types.ts'

export { ParseError } from './error.ts'

const formatByEnding: Record<string, Format> = {
  md: 'markdown',
  markdown: 'markdown',
  txt: 'text',
  text: 'text',
  html: 'html',
  htm: 'html',
  pdf: 'pdf',
  csv: 'csv',
  json: 'json',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
}
const formatByMediaType: Record<string, Format> = {
  'text/markdown': 'markdown',
  'text/plain': 'text',
  'text/html': 'html',
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'application/json': 'json',
  'application/jsonl': 'jsonl',
  'application/x-ndjson': 'jsonl',
}

export function formatOf(name: string, mediaType?: string): Format | undefined {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  return formatByEnding[ending] ?? formatByMediaType[mediaType?.split(';', 1)[0]?.trim().toLowerCase() ?? '']
}

const largestFile = 50 * 1024 * 1024

/** The text of a file that is one document. Throws ParseError, and nothing else, when the file is at fault. */
export async function parse(file: InputFile): Promise<ParsedDocument> {
  const format = formatOf(file.name, file.mediaType)
  if (!format) {
    throw new ParseError(
      'unsupported_type',
      'This type of file is not supported. Supported are .md, .txt, .html, .pdf, .csv, .json and .jsonl.',
    )
  }
  if (format === 'jsonl') {
    throw new ParseError(
      'many_documents',
      'A .jsonl file holds many documents. Load it with npm run ingest, or send its lines to createDocuments.',
    )
  }
  if (file.bytes.length === 0) throw new ParseError('empty_file', 'The file is empty.')
  if (file.bytes.length > largestFile) throw new ParseError('too_large', 'The file is larger than 50 MB. Split it.')
  const { title = '', text, metadata = {} } = await parseInChild(format, file.bytes)
  return { title: title.replaceAll(/\s+/g, ' ').trim().slice(0, 1000) || file.name, text, metadata }
}
