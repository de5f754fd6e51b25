// PDF: the text layer, by pdf.js.

import { extractText, getDocumentProxy, getMeta } from 'unpdf'
import { ParseError } from './error.ts'
import { storable } from './storable.ts'
import type { Content } from './types.ts'

const longestAuthor = 1_000

export async function parsePdf(bytes: Uint8Array): Promise<Content> {
  if (!Buffer.from(bytes.subarray(0, 1024)).includes('%PDF-'))
    throw new ParseError('not_a_pdf', 'The file is not a PDF.')
  const { text, pageCount, title, author } = await read(bytes)
  if (!/\S/.test(text)) {
    throw new ParseError(
      'no_text',
      'The PDF has no text, perhaps only scanned pages. Run text recognition (OCR) on it first.',
    )
  }
  return {
    title,
    text,
    metadata: { pageCount, ...(author ? { author: storable(author).slice(0, longestAuthor) } : {}) },
  }
}

type Reading = { text: string; pageCount: number; title: string | undefined; author: string | undefined }

async function read(bytes: Uint8Array): Promise<Reading> {
  try {
    // 0: errors only; pdf.js warns about much that does not matter
    const pdf = await getDocumentProxy(bytes, { verbosity: 0 })
    try {
      const { text, totalPages } = await extractText(pdf, { mergePages: false })
      const { info } = await getMeta(pdf)
      return {
        text: text.join('\n\n'),
        pageCount: totalPages,
        title: filled(info?.Title),
        author: filled(info?.Author),
      }
    } finally {
      await pdf.loadingTask.destroy()
    }
  } catch (error) {
    // the memory is the file's doing too, but says something else about it
    if (error instanceof RangeError) throw error
    if (error instanceof Error && error.name === 'PasswordException')
      throw new ParseError('encrypted_pdf', 'The PDF is protected by a password. Save it without one.')
    throw new ParseError('not_a_pdf', 'The PDF is damaged and cannot be read. Save or print it as a PDF again.')
  }
}

const filled = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() ? value : undefined)
