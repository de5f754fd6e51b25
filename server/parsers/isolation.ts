// Files come from strangers, and no parser is safe from a file made to keep it busy: 80 kB of Markdown emphasis take
// minutes, 900 kB of PDF 3.5 GB. So files are parsed in processes of their own, with a limit of memory that the operating
// system keeps (a limit of V8's heap does not count buffers), a limit of time, and nothing of our environment.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChildAnswer, ChildContent, ChildRequest } from './child.ts'
import { ParseError } from './error.ts'
import type { DocumentFormat, Hints } from './types.ts'

const mebibyte = 1024 * 1024
const largestMemoryMb = 1024
const largestHeapMb = 768
/** What Node has of writable memory before it does anything; nearly all of it is reserved and never touched. */
const memoryOfNodeMb = 600
/** In seconds of processor time: ends a child whose parent was killed. */
const longestLifeSeconds = 600
const shortestLimitMs = 10_000
const limitPerMebibyteMs = 1_000
const longestLimitMs = 60_000
/** Starting is no work of the file's: a machine that is too busy for it is asked again later. */
const longestStartMs = 60_000
/** The limit is of processor time: on a busy machine a child waits for its turn, but not longer than so many limits. */
const mostLimits = 6
const msPerTick = 10
const mostAtOnce = 4
/** Children that wait for the next file; starting one costs more than most files do. */
const mostIdle = 2
/** A child that has worked for so long is replaced: what it holds by then, nobody knows. */
const retiredAfterMs = 120_000

type Child = { process: ChildProcess; isReady: boolean; workedMs: number; lastWords: string; isTooLarge: boolean }
const idle: Child[] = []
let running = 0
const waiting: (() => void)[] = []

export async function parseInChild(
  format: DocumentFormat,
  bytes: Uint8Array,
  limitMs?: number,
  hints: Hints = {},
): Promise<ChildContent> {
  if (running >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve))
  running += 1
  try {
    return await parseNow({ format, bytes, hints }, limitMs ?? timeLimit(bytes.length))
  } finally {
    running -= 1
    waiting.shift()?.()
  }
}

const timeLimit = (size: number): number =>
  Math.min(longestLimitMs, shortestLimitMs + Math.round((size / mebibyte) * limitPerMebibyteMs))

async function parseNow(request: ChildRequest, limitMs: number): Promise<ChildContent> {
  const child = idle.pop() ?? startChild()
  setReferenced(child, true)
  const stopWatching = watchMemory(child)
  try {
    if (!child.isReady) await readiness(child)
    const startedAt = performance.now()
    const answer = await answerOf(child, request, limitMs)
    child.workedMs += performance.now() - startedAt
    keep(child)
    if ('content' in answer) return answer.content
    throw new ParseError(answer.code, answer.message)
  } finally {
    stopWatching()
    if (!idle.includes(child)) child.process.kill('SIGKILL')
  }
}

/** A child says once that it has loaded what it needs. */
function readiness(child: Child): Promise<void> {
  const { process: worker } = child
  const done = new AbortController()
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The parsing process does not start.')), longestStartMs)
    const ended = (code: number | null): void =>
      reject(new Error(`The parsing process ended with code ${code}. ${child.lastWords}`))
    const ready = (): void => {
      child.isReady = true
      resolve()
    }
    worker.once('message', ready).once('error', reject).once('exit', ended)
    done.signal.addEventListener('abort', () => {
      clearTimeout(timer)
      worker.off('message', ready).off('error', reject).off('exit', ended)
    })
  }).finally(() => done.abort())
}

function answerOf(child: Child, request: ChildRequest, limitMs: number): Promise<ChildAnswer> {
  const { process: worker } = child
  const done = new AbortController()
  return new Promise<ChildAnswer>((resolve, reject) => {
    void untilUsedUp(child, limitMs, done.signal).then(() =>
      reject(tooComplex(`takes longer than ${Math.round(limitMs / 1000)} seconds`)),
    )
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      // out of memory, V8 and malloc abort; the system kills
      const isOutOfMemory = signal !== null || child.isTooLarge
      reject(
        isOutOfMemory
          ? tooComplex(`takes more than ${largestMemoryMb} MB of memory`)
          : new Error(`The parsing process ended with code ${code}. ${child.lastWords}`),
      )
    }
    worker.once('message', resolve).once('error', reject).once('exit', ended)
    done.signal.addEventListener('abort', () => {
      worker.off('message', resolve).off('error', reject).off('exit', ended)
    })
    worker.send(request, (error) => error && reject(error))
  }).finally(() => done.abort())
}

/** Resolves when the child has worked for so long from now on, or when its answer has come. */
async function untilUsedUp({ process: worker }: Child, limitMs: number, done: AbortSignal): Promise<void> {
  const startedAt = performance.now()
  const usedBefore = (await processorMs(worker.pid)) ?? 0
  for (let leftMs = limitMs; leftMs > 0 && !done.aborted; ) {
    await sleep(leftMs, undefined, { signal: done }).catch(() => {})
    if (performance.now() - startedAt > limitMs * mostLimits) return
    const used = await processorMs(worker.pid)
    leftMs = used === undefined ? 0 : limitMs - (used - usedBefore)
  }
}

/** Processor time that a process has used, where the system tells it: on Linux. */
async function processorMs(pid: number | undefined): Promise<number | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const [userTicks, systemTicks] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number) as [number, number]
    return (userTicks + systemTicks) * msPerTick
  } catch {
    return undefined
  }
}

function startChild(): Child {
  const limits = `ulimit -c 0 -t ${longestLifeSeconds}; ulimit -d ${(memoryOfNodeMb + largestMemoryMb) * 1024}`
  const script = new URL('./child.ts', import.meta.url).pathname
  const worker = spawn(
    'sh',
    [
      '-c',
      `{ ${limits}; } 2>/dev/null; exec "$@"`,
      'sh',
      process.execPath,
      `--max-old-space-size=${largestHeapMb}`,
      // it may read files, and neither write them nor start programs
      '--permission',
      '--allow-fs-read=*',
      script,
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced', env: { PATH: process.env.PATH } },
  )
  const child: Child = { process: worker, isReady: false, workedMs: 0, lastWords: '', isTooLarge: false }
  worker.stderr?.on('data', (words: Buffer) => {
    child.lastWords = `${child.lastWords}${words}`.slice(-1000)
  })
  // a library may fail after it has answered, which ends the child and nothing else
  worker.on('error', () => {})
  worker.once('exit', () => {
    if (idle.includes(child)) idle.splice(idle.indexOf(child), 1)
  })
  try {
    // whoever waits for an answer comes before files
    if (worker.pid) setPriority(worker.pid, 10)
  } catch {
    // it may have ended already, which is told as its exit
  }
  return child
}

function keep(child: Child): void {
  if (idle.length >= mostIdle || child.workedMs > retiredAfterMs || !child.process.connected) return
  setReferenced(child, false)
  idle.push(child)
}

/** An idle child does not keep the process alive. */
function setReferenced({ process: worker }: Child, isReferenced: boolean): void {
  // the types do not say that the pipe is a socket
  const handles = [worker, worker.channel, worker.stderr] as (Pick<NodeJS.RefCounted, 'ref' | 'unref'> | null)[]
  for (const handle of handles) {
    if (isReferenced) handle?.ref()
    else handle?.unref()
  }
}

/** Where the system keeps no limit of data (all but Linux), we look at the child's size ourselves. */
function watchMemory(child: Child): () => void {
  if (process.platform === 'linux') return () => {}
  const timer = setInterval(() => {
    execFile('ps', ['-o', 'rss=', '-p', String(child.process.pid)], (_error, kilobytes) => {
      if (Number(kilobytes) < largestMemoryMb * 1024) return
      child.isTooLarge = true
      child.process.kill('SIGKILL')
    })
  }, 500)
  return () => clearInterval(timer)
}

const tooComplex = (what: string): ParseError =>
  new ParseError('too_complex', `The file ${what} to read. Split it, or save it in another format.`)
