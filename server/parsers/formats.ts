// Which format a file is in: by its bytes where they say so, else by its name, else by its media type.

import { ParseError } from './error.ts'
import { looksLikeHtml, sniff } from './sniff.ts'
import type { DocumentFormat, Format, InputFile } from './types.ts'

const formatByEnding: Record<string, Format> = {
  md: 'markdown',
  markdown: 'markdown',
  txt: 'text',
  text: 'text',
  log: 'text',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  pdf: 'pdf',
  csv: 'csv',
  tsv: 'csv',
  tab: 'csv',
  json: 'json',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  eml: 'eml',
  docx: 'zip',
  docm: 'zip',
  dotx: 'zip',
  pptx: 'zip',
  pptm: 'zip',
  ppsx: 'zip',
  xlsx: 'zip',
  xlsm: 'zip',
  xltx: 'zip',
  odt: 'zip',
  ods: 'zip',
  odp: 'zip',
  ott: 'zip',
  epub: 'zip',
}
const formatByMediaType: Record<string, Format> = {
  'text/markdown': 'markdown',
  'text/plain': 'text',
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'text/tab-separated-values': 'csv',
  'application/json': 'json',
  'application/jsonl': 'jsonl',
  'application/x-ndjson': 'jsonl',
  'message/rfc822': 'eml',
  'application/epub+zip': 'zip',
}
/** The types of Office Open XML and OpenDocument. */
const archiveType = /^application\/vnd\.(openxmlformats-officedocument|oasis\.opendocument|ms-\w+\.\w+\.macroenabled)/

export const supported =
  '.md, .txt, .html, .pdf, .csv, .tsv, .json, .jsonl, .docx, .pptx, .xlsx, .odt, .ods, .odp, .epub and .eml'

/** The format that a name, or else a media type, says; what the bytes say is known when they are read. */
export function formatOf(name: string, mediaType?: string): Format | undefined {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  const type = mediaType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return formatByEnding[ending] ?? formatByMediaType[type] ?? (archiveType.test(type) ? 'zip' : undefined)
}

/** The format of a file that is one document. */
export function identify({ name, mediaType, bytes }: InputFile): DocumentFormat {
  const sniffed = sniff(bytes)
  const named = formatOf(name, mediaType)
  if (sniffed && 'unsupported' in sniffed)
    throw new ParseError(
      /password/.test(sniffed.unsupported) ? 'encrypted_file' : 'unsupported_type',
      `The file is ${sniffed.unsupported}.`,
    )
  const format = sniffed?.format ?? (named === 'pdf' && looksLikeHtml(bytes) ? 'html' : named)
  if (!format)
    throw new ParseError('unsupported_type', `This type of file is not supported. Supported are ${supported}.`)
  if (format === 'jsonl')
    throw new ParseError(
      'many_documents',
      'A .jsonl file holds many documents. Load it with npm run ingest, or send its lines to createDocuments.',
    )
  if (format === 'zip' && !sniffed)
    throw new ParseError('unsupported_type', 'The file is not what its name says. Save it again in its program.')
  return format
}

const mediaTypeByFormat: Record<DocumentFormat, string> = {
  markdown: 'text/markdown',
  text: 'text/plain',
  html: 'text/html',
  pdf: 'application/pdf',
  csv: 'text/csv',
  json: 'application/json',
  eml: 'message/rfc822',
  zip: 'application/zip',
}

/** The media type of a file that can be read: what was said, where it agrees with what was found; what else was said is kept. */
export function typeFoundIn(file: InputFile): string {
  const format = identify(file)
  const { mediaType = '' } = file
  return formatOf('', mediaType) === format ? mediaType : mediaTypeByFormat[format] + mediaType.replace(/^[^;]*/, '')
}
