// Runs in a thread of its own (see pdf.ts): reads one PDF and answers with its text.

import { parentPort, workerData } from 'node:worker_threads'
import { extractText, getDocumentProxy, getMeta } from 'unpdf'
import type { PdfAnswer } from './pdf.ts'

async function read(bytes: Uint8Array): Promise<PdfAnswer> {
  try {
    const pdf = await getDocumentProxy(new Uint8Array(bytes))
    const { text, totalPages } = await extractText(pdf, { mergePages: false })
    const { info } = await getMeta(pdf)
    const answer: PdfAnswer = { text: text.join('\n\n').replaceAll('\0', ''), pageCount: totalPages }
    if (typeof info?.Title === 'string' && info.Title.trim()) answer.title = info.Title
    if (typeof info?.Author === 'string' && info.Author.trim()) answer.author = info.Author
    return answer
  } catch (error) {
    return { error: String(error), name: error instanceof Error ? error.name : '' }
  }
}

parentPort?.postMessage(await read(workerData as Uint8Array))
