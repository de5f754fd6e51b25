// Runs in a thread of its own (see isolation.ts): turns one file after the other into text.

import { parentPort } from 'node:worker_threads'
import { parseCsv } from './csv.ts'
import { decodeText } from './decode.ts'
import { ParseError, type ParseErrorCode } from './error.ts'
import { parseHtml } from './html.ts'
import { parseJson } from './json.ts'
import { parseMarkdown } from './markdown.ts'
import type { Content, DocumentFormat } from './types.ts'

export type ThreadRequest = { format: DocumentFormat; bytes: Uint8Array }
export type ThreadAnswer = { content: Content } | { code: ParseErrorCode; message: string }

const parsers: Record<DocumentFormat, (bytes: Uint8Array) => Content | Promise<Content>> = {
  markdown: (bytes) => parseMarkdown(decodeText(bytes)),
  text: (bytes) => ({ text: decodeText(bytes) }),
  html: (bytes) => parseHtml(decodeText(bytes)),
  // pdf.js is large: it is loaded when there is a PDF
  pdf: async (bytes) => (await import('./pdf.ts')).parsePdf(bytes),
  csv: (bytes) => parseCsv(decodeText(bytes)),
  json: (bytes) => parseJson(decodeText(bytes)),
}

async function answer({ format, bytes }: ThreadRequest): Promise<ThreadAnswer> {
  try {
    return { content: await parsers[format](bytes) }
  } catch (error) {
    if (error instanceof ParseError) return { code: error.code, message: error.message }
    // what a library throws, such as a stack overflow, is the file's doing: trying again would not help
    return {
      code: 'unreadable',
      message: 'The file is damaged, or nested too deeply, and cannot be read. Save it in another format.',
    }
  }
}

parentPort?.on('message', async (request: ThreadRequest) => parentPort?.postMessage(await answer(request)))
