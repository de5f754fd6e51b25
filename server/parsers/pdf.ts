// PDF: the text layer, by pdf.js. Fonts of East Asian programs name one of Adobe's character maps instead of bringing one;
// pdf.js ships these maps and must be told where they are.

import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { getDocument, type PDFDocumentProxy } from 'pdfjs-dist/legacy/build/pdf.mjs'
import { ParseError } from './error.ts'
import type { Content } from './types.ts'

const longestAuthor = 1_000
const longestText = 10_000_000
const mostPagesNamed = 100
const pdfjs = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'))

export async function parsePdf(bytes: Uint8Array): Promise<Content> {
  if (!Buffer.from(bytes.subarray(0, 1024)).includes('%PDF-'))
    throw new ParseError('not_a_pdf', 'The file is not a PDF.')
  // pdf.js takes the bytes over, and they are gone then
  const hasPictures = isIllustrated(bytes)
  const { pages, title, author } = await read(bytes)
  const empty = pages.flatMap((text, i) => (/\S/.test(text) ? [] : [i + 1]))
  if (empty.length === pages.length) {
    throw new ParseError(
      'no_text',
      hasPictures
        ? 'The PDF has only scanned pages: pictures without text. Run text recognition (OCR) on it first.'
        : 'The PDF has no text, perhaps only drawings. Run text recognition (OCR) on it first.',
    )
  }
  return {
    title,
    text: withoutLineHyphens(pages.join('\n\n')),
    metadata: {
      pageCount: pages.length,
      ...(author ? { author: author.slice(0, longestAuthor) } : {}),
      // scanned pages among others: their text is missing, and somebody may want to know
      ...(empty.length > 0 ? { pagesWithoutText: empty.slice(0, mostPagesNamed) } : {}),
    },
  }
}

/** A picture is a stream, and what describes a stream is never compressed. */
const isIllustrated = (bytes: Uint8Array): boolean =>
  /\/Subtype\s{0,20}\/Image\b/.test(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'))

type Reading = { pages: string[]; title: string | undefined; author: string | undefined }

async function read(bytes: Uint8Array): Promise<Reading> {
  try {
    const task = getDocument({
      data: bytes,
      // errors only; pdf.js warns about much that does not matter
      verbosity: 0,
      cMapUrl: `${pdfjs}/cmaps/`,
      cMapPacked: true,
      standardFontDataUrl: `${pdfjs}/standard_fonts/`,
      useSystemFonts: false,
      disableFontFace: true,
    })
    try {
      const pdf = await task.promise
      const info = (await pdf.getMetadata()).info as { Title?: unknown; Author?: unknown }
      return { pages: await pagesOf(pdf), title: filled(info.Title), author: filled(info.Author) }
    } finally {
      await task.destroy()
    }
  } catch (error) {
    // the memory is the file's doing too, but says something else about it
    if (error instanceof RangeError || error instanceof ParseError) throw error
    if (error instanceof Error && error.name === 'PasswordException')
      throw new ParseError('encrypted_pdf', 'The PDF is protected by a password. Save it without one.')
    throw new ParseError('not_a_pdf', 'The PDF is damaged and cannot be read. Save or print it as a PDF again.')
  }
}

async function pagesOf(pdf: PDFDocumentProxy): Promise<string[]> {
  const pages: string[] = []
  let length = 0
  for (let number = 1; number <= pdf.numPages; number += 1) {
    const page = await pdf.getPage(number)
    const { items } = await page.getTextContent()
    const text = items.map((item) => ('str' in item ? `${item.str}${item.hasEOL ? '\n' : ''}` : '')).join('')
    page.cleanup()
    pages.push(text)
    length += text.length
    if (length > longestText)
      throw new ParseError('too_large', 'The text of the PDF is longer than 10 million characters. Split it.')
  }
  return pages
}

/** Words that follow the hyphen of a shortened one: Haupt- und Nebenkosten, pre- or postpaid. */
const conjunction = /^(und|oder|bzw|sowie|bis|and|or|to|et|ou|y|o|e|en|of|och|eller|og|i|lub)$/i

/**
 * A word that was divided at the end of a line is one word again. Its hyphen stays where it is part of the word: before a
 * capital or a digit, and where the same word stands with a hyphen elsewhere.
 */
export function withoutLineHyphens(text: string): string {
  const hyphenated = new Set<string>()
  for (const [word] of text.matchAll(/\p{L}{1,50}-\p{L}{1,50}/gu)) hyphenated.add(word.toLowerCase())
  return text.replaceAll(
    /(\p{L}{1,50})([-\u2010\u00AD])[ \t]{0,20}\n[ \t]{0,20}([\p{L}\p{N}]{1,50})/gu,
    (_all, start: string, hyphen: string, end: string) => {
      if (hyphen === '\u00AD') return `${start}${end}`
      if (conjunction.test(end)) return `${start}${hyphen} ${end}`
      const isPart = /^[\p{Lu}\p{N}]/u.test(end) || hyphenated.has(`${start}-${end}`.toLowerCase())
      return isPart ? `${start}${hyphen}${end}` : `${start}${end}`
    },
  )
}

const filled = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() ? value : undefined)
