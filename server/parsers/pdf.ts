// PDF: the text layer, by pdf.js. It runs in a thread of its own, which is ended when a file keeps it busy too long.

import { Worker } from 'node:worker_threads'
import { ParseError } from './error.ts'
import type { Content } from './index.ts'

const longestParsingMs = 120_000

export type PdfAnswer =
  | { text: string; pageCount: number; title?: string; author?: string }
  | { error: string; name: string }

export async function parsePdf(bytes: Uint8Array): Promise<Content> {
  if (!Buffer.from(bytes.subarray(0, 1024)).includes('%PDF-'))
    throw new ParseError('not_a_pdf', 'The file is not a PDF.')
  const answer = await inThread(bytes)
  if ('error' in answer) {
    if (answer.name === 'PasswordException') {
      throw new ParseError('encrypted_pdf', 'The PDF is protected by a password. Save it without one.')
    }
    throw new ParseError('not_a_pdf', 'The PDF is damaged and cannot be read.')
  }
  if (!/\S/.test(answer.text)) {
    throw new ParseError(
      'no_text',
      'The PDF has no text, perhaps only scanned pages. Run text recognition (OCR) on it first.',
    )
  }
  const { title, author, pageCount } = answer
  return { title, text: answer.text, metadata: { pageCount, ...(author ? { author } : {}) } }
}

function inThread(bytes: Uint8Array): Promise<PdfAnswer> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./pdf-thread.ts', import.meta.url), {
      workerData: bytes,
      stdout: true,
      stderr: true,
    })
    const timer = setTimeout(() => {
      void thread.terminate()
      reject(new ParseError('not_a_pdf', 'The PDF takes too long to read.'))
    }, longestParsingMs)
    thread.once('message', (answer: PdfAnswer) => {
      clearTimeout(timer)
      resolve(answer)
    })
    thread.once('error', (error) => {
      clearTimeout(timer)
      resolve({ error: error.message, name: error.name })
    })
  })
}
