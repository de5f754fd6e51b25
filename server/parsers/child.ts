// Runs in a process of its own (see isolation.ts): turns one file after the other into text.

import { parseCsv } from './csv.ts'
import { decodeText } from './decode.ts'
import { ParseError, type ParseErrorCode } from './error.ts'
import { parseHtml } from './html.ts'
import { parseJson } from './json.ts'
import { parseMarkdown } from './markdown.ts'
import { storable } from './storable.ts'
import type { Content, DocumentFormat } from './types.ts'

export type ChildRequest = { format: DocumentFormat; bytes: Uint8Array }
export type ChildAnswer = { content: Content } | { code: ParseErrorCode; message: string }

const longestText = 10_000_000
const longestTitle = 10_000

const parsers: Record<DocumentFormat, (bytes: Uint8Array) => Content | Promise<Content>> = {
  markdown: (bytes) => parseMarkdown(decodeText(bytes)),
  text: (bytes) => ({ text: decodeText(bytes) }),
  html: (bytes) => parseHtml(decodeText(bytes)),
  // pdf.js is large: it is loaded when there is a PDF
  pdf: async (bytes) => (await import('./pdf.ts')).parsePdf(bytes),
  csv: (bytes) => parseCsv(decodeText(bytes)),
  json: (bytes) => parseJson(decodeText(bytes)),
}

/** As it is stored, and no longer than it may be: the parent must not have to hold more. */
async function contentOf({ format, bytes }: ChildRequest): Promise<Content> {
  // a Buffer where the parent had one, which pdf.js does not take
  const array = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  const { title, text, metadata = {} } = await parsers[format](array)
  const clean = storable(text).replaceAll(/\r\n?/g, '\n').trim()
  if (clean === '') throw new ParseError('empty_file', 'The file has no text.')
  if (clean.length > longestText)
    throw new ParseError('too_large', 'The text of the file is longer than 10 million characters. Split it.')
  return { title: storable(title ?? '').slice(0, longestTitle), text: clean, metadata }
}

async function answer(request: ChildRequest): Promise<ChildAnswer> {
  try {
    return { content: await contentOf(request) }
  } catch (error) {
    if (error instanceof ParseError) return { code: error.code, message: error.message }
    if (error instanceof RangeError && /alloc|Invalid (string|array|typed array) length/i.test(error.message)) {
      return {
        code: 'too_complex',
        message: 'The file takes too much memory to read. Split it, or save it in another format.',
      }
    }
    // what a library throws, such as a stack overflow, is the file's doing: trying again would not help
    return {
      code: 'unreadable',
      message: 'The file is damaged, or nested too deeply, and cannot be read. Save it in another format.',
    }
  }
}

process.on('message', async (request: ChildRequest) => process.send?.(await answer(request)))
// nobody will ask any more
process.on('disconnect', () => process.exit())
