// Files that are made to take all of the time or all of the memory: each is reported, within bounds of both, the others
// are read, and the server answers meanwhile.

import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { ParseError, parse } from '../../server/parsers/index.ts'
import { type RunningWorker, startWorker } from '../../server/worker/index.ts'
import { isRealServer, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { pdfBomb } from './bombs.ts'

const db = useDatabase()
// The limit is of processor time. On a busy machine a child waits for its turn, but no longer than six limits.
const mostWaits = 6
const limitMs = 14_000 * mostWaits
const drawn = 'BT /F1 12 Tf 72 720 Td (x) Tj ET\n'

async function problem(name: string, bytes: Uint8Array): Promise<{ code: string; ms: number }> {
  const startedAt = performance.now()
  const error = await parse({ name, bytes }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ParseError)
  return { code: (error as ParseError).code, ms: performance.now() - startedAt }
}

/** The most memory that a child of this process has had, in MB, while work ran. */
async function peakOfChildren(work: () => Promise<void>): Promise<number> {
  let peak = 0
  const look = (): void => {
    for (const thread of readdirSync('/proc/self/task')) {
      for (const pid of readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean)) {
        try {
          peak = Math.max(
            peak,
            Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
          )
        } catch {
          // it has ended
        }
      }
    }
  }
  const timer = setInterval(look, 10)
  await work()
  clearInterval(timer)
  return peak
}

describe('one file', () => {
  it('of 300,000 nested elements is given up in time', async () => {
    const { code, ms } = await problem('a.html', Buffer.from(`${'<div>'.repeat(300_000)}x`))
    expect(code).toBe('unreadable')
    expect(ms).toBeLessThan(2_000 * mostWaits)
  })

  it('of 300,000 nested elements of many names is given up in time', async () => {
    const names = Array.from({ length: 300_000 }, (_, i) => `<x${i % 100}>`)
    const { code, ms } = await problem('a.html', Buffer.from(`${names.join('')}x`))
    expect(code).toMatch(/too_complex|unreadable/)
    expect(ms).toBeLessThan(limitMs)
  })

  it('of 400,000 titles is read in time', async () => {
    const startedAt = performance.now()
    const { text } = await parse({ name: 'a.html', bytes: Buffer.from('<title>'.repeat(400_000)) })
    expect(text.length).toBeGreaterThan(2_000_000)
    expect(performance.now() - startedAt).toBeLessThan(3_000 * mostWaits)
  })

  it.each([
    ['draws ten million times', pdfBomb(drawn, 300)],
    ['is 3 GB of spaces', pdfBomb(' ', 3_000)],
    ['is 3 GB of nothing known', pdfBomb('(x) (y) [1 2 3] ', 3_000)],
  ])('a PDF of a few MB that %s is given up in time and in memory', async (_name, bytes) => {
    expect(bytes.length).toBeLessThan(8_000_000)
    let answer = { code: '', ms: 0 }
    const peak = await peakOfChildren(async () => {
      answer = await problem('a.pdf', bytes)
    })
    expect(answer.code).toBe('too_complex')
    expect(answer.ms).toBeLessThan(limitMs + 5_000)
    // limited is the memory that may be written to; the program itself comes on top
    expect(peak).toBeLessThan(1_400)
  })

  it('of JSON whose text would be a thousand times its size is refused', async () => {
    const key = 'k'.repeat(10_000)
    const { code } = await problem('a.json', Buffer.from(`{"${key}": [${Array(500_000).fill(1).join()}]}`))
    expect(code).toMatch(/too_large|too_complex/)
  })

  it('leaves nothing of this process in reach of what reads it', async () => {
    process.env.SECRET_OF_PARENT = 'hidden'
    await parse({ name: 'a.txt', bytes: Buffer.from('x') })
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean)
    expect(children.length).toBeGreaterThan(0)
    for (const pid of children) expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('hidden')
  })
})

describe('a worker that is given such files', () => {
  let server: TestServer
  let worker: RunningWorker
  let pool: ReturnType<typeof createPool>
  beforeAll(async () => {
    server = await startTestServer(db.url)
    pool = createPool(db.url, 'rowhouse_worker', 4)
    const log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }
    worker = await startWorker({ pool, concurrency: 2, pollIntervalMs: 50, isEmbedded: !isRealServer(), log })
  })
  afterAll(async () => {
    await worker?.stop()
    await pool?.end()
    await server?.close()
  })

  it('reports each with its reason, reads the others, and answers meanwhile', async () => {
    const ask = (query: string, variables?: object) => server.ask('member@acme.test', query, variables)
    const { data } = await ask(
      'mutation { createKnowledgeSource(input: {knowledgeSource: {name: "hostile"}}) { knowledgeSource { id } } }',
    )
    const source = data.createKnowledgeSource.knowledgeSource.id
    const files: [string, Buffer][] = [
      ['div.html', Buffer.from(`${'<div>'.repeat(300_000)}x`)],
      ['spaces.pdf', pdfBomb(' ', 3_000)],
      ['drawn.pdf', pdfBomb(drawn, 300)],
      ['note.txt', Buffer.from('A note about rudders.')],
    ]
    for (const [name, bytes] of files) {
      const uploaded = await ask(
        'mutation ($s: UUID!, $f: String!, $c: String!) { uploadFile(input: {sourceId: $s, fileName: $f, contentBase64: $c}) { receipt { outcome } } }',
        { s: source, f: name, c: bytes.toString('base64') },
      )
      expect(uploaded.data.uploadFile.receipt.outcome).toBe('created')
    }
    let slowest = 0
    for (;;) {
      const startedAt = performance.now()
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
      slowest = Math.max(slowest, performance.now() - startedAt)
      const counts = await ask(
        'query ($id: UUID!) { knowledgeSource(id: $id) { processingCounts { pending processing completed failed } } }',
        { id: source },
      )
      const { pending, processing } = counts.data.knowledgeSource.processingCounts
      if (pending + processing === 0) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(slowest).toBeLessThan(500)
    const { rows } = await db.pool.query(
      'select external_id, processing_error from app_public.documents where source_id = $1 order by 1',
      [source],
    )
    const tooComplex = expect.stringMatching(/takes (longer|more|too much)/)
    expect(Object.fromEntries(rows.map((row) => [row.external_id, row.processing_error]))).toEqual({
      'div.html': expect.stringContaining('nested too deeply'),
      'drawn.pdf': tooComplex,
      'note.txt': null,
      'spaces.pdf': tooComplex,
    })
  })
})
