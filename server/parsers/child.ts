// Runs in a process of its own (see isolation.ts): turns one file after the other into text.

import { type Decoded, declaredInMarkup, decode, describeEncoding } from './decode.ts'
import { ParseError, type ParseErrorCode } from './error.ts'
import { identify } from './formats.ts'
import { withoutInvisible } from './invisible.ts'
import { parseJson } from './json.ts'
import { mergeMetadata } from './metadata.ts'
import { storable, storableValue } from './storable.ts'
import type { Content, DocumentFormat, Hints } from './types.ts'

export type ChildRequest = { format: DocumentFormat; bytes: Uint8Array; hints: Hints }
/** As it is stored; the metadata as JSON. */
export type ChildContent = { title: string; text: string; metadata: string }
export type ChildAnswer = { content: ChildContent } | { code: ParseErrorCode; message: string }

const longestText = 10_000_000
const longestTitle = 10_000

type Parser = (bytes: Uint8Array, hints: Hints) => Content | Promise<Content>

/** A format that is text: it is decoded first, and its metadata says how. */
const ofText =
  (
    parseText: (text: string, hints: Hints) => Promise<Content>,
    declaredIn?: (bytes: Uint8Array) => string | undefined,
  ): Parser =>
  async (bytes, hints) => {
    const decoded: Decoded = await decode(bytes, { told: hints.encoding, declared: declaredIn?.(bytes) })
    const { title, text, metadata = {} } = await parseText(decoded.text, hints)
    return { title, text, metadata: mergeMetadata(metadata, describeEncoding(decoded)) }
  }

// libraries are loaded when there is such a file
const parsers: Record<DocumentFormat, Parser> = {
  markdown: ofText(async (text) => (await import('./markdown.ts')).parseMarkdown(text)),
  text: ofText(async (text) => ({ text })),
  html: ofText(async (text) => (await import('./html.ts')).parseHtml(text), declaredInMarkup),
  csv: ofText(async (text, { separator }) => (await import('./csv.ts')).parseCsv(text, separator)),
  json: ofText(async (text) => parseJson(text)),
  pdf: async (bytes) => (await import('./pdf.ts')).parsePdf(bytes),
  zip: async (bytes) => (await import('./zip.ts')).parseZip(bytes),
  eml: async (bytes) => (await import('./eml.ts')).parseEml(bytes, readAttachment),
}

/** Mails within mails are attachments of attachments, and not read on. */
async function readAttachment(name: string, mediaType: string, bytes: Uint8Array): Promise<Content | undefined> {
  const format = identify({ name, mediaType, bytes })
  return format === 'eml' ? undefined : parsers[format](bytes, {})
}

/** As it is stored, and no longer than it may be: the parent must not have to hold more. */
async function contentOf({ format, bytes, hints }: ChildRequest): Promise<ChildContent> {
  // a Buffer where the parent had one, which pdf.js does not take
  const array = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  const { title, text, metadata = {} } = await parsers[format](array, hints)
  const clean = shown(text).replaceAll(/\r\n?/g, '\n').trim()
  if (clean === '') throw new ParseError('empty_file', 'The file has no text.')
  if (clean.length > longestText)
    throw new ParseError('too_large', 'The text of the file is longer than 10 million characters. Split it.')
  return {
    title: shown(title ?? '').slice(0, longestTitle),
    text: clean,
    metadata: JSON.stringify(storableValue(metadata)),
  }
}

const shown = (text: string): string => withoutInvisible(storable(text))

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
process.send?.('ready')
