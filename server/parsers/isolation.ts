// Files come from strangers, and no parser is safe from a file made to keep it busy: 80 kB of Markdown emphasis take
// minutes. So parsing runs in a thread that is ended after a time, or when it wants too much memory; the process goes on.

import { Worker } from 'node:worker_threads'
import { ParseError } from './error.ts'
import type { ThreadAnswer, ThreadRequest } from './thread.ts'
import type { Content, DocumentFormat } from './types.ts'

const longestParsingMs = 60_000
const largestHeapMb = 1024
/** Threads that wait for the next file; starting one costs more than most files do. */
const mostIdle = 2
const idle: Worker[] = []

export async function parseInThread(
  format: DocumentFormat,
  bytes: Uint8Array,
  timeoutMs = longestParsingMs,
): Promise<Content> {
  const thread = idle.pop() ?? startThread()
  thread.ref()
  const done = new AbortController()
  try {
    const answer = await new Promise<ThreadAnswer>((resolve, reject) => {
      const timer = setTimeout(() => reject(tooComplex(`takes longer than ${timeoutMs / 1000} seconds`)), timeoutMs)
      const failed = (error: NodeJS.ErrnoException): void =>
        reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooComplex(`takes more than ${largestHeapMb} MB`) : error)
      const ended = (): void => reject(new Error('The parsing thread ended without an answer.'))
      thread.once('message', resolve).once('error', failed).once('exit', ended)
      done.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        thread.off('message', resolve).off('error', failed).off('exit', ended)
      })
      // a copy that is handed over: a Buffer is often a view of memory that others use too
      const copy = new Uint8Array(bytes)
      thread.postMessage({ format, bytes: copy } satisfies ThreadRequest, [copy.buffer])
    })
    keep(thread)
    if ('content' in answer) return answer.content
    throw new ParseError(answer.code, answer.message)
  } finally {
    done.abort()
    if (!idle.includes(thread)) void thread.terminate()
  }
}

function startThread(): Worker {
  const thread = new Worker(new URL('./thread.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: largestHeapMb },
  })
  // a library may fail after it has answered: that ends the thread and nothing else
  thread.on('error', () => {})
  thread.once('exit', () => {
    if (idle.includes(thread)) idle.splice(idle.indexOf(thread), 1)
  })
  return thread
}

function keep(thread: Worker): void {
  if (idle.length >= mostIdle) return
  // an idle thread does not keep the process alive
  thread.unref()
  idle.push(thread)
}

const tooComplex = (what: string): ParseError =>
  new ParseError('too_complex', `The file ${what} to read. Split it, or save it in another format.`)
