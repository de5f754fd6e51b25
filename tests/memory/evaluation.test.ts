// npm run eval -- --memory: what it reads, and how well made conversations are recalled.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Tool } from '../../server/cli.ts'
import { readConversations } from '../../server/evaluation/conversations.ts'
import { figuresOf, measureMemory, tableOf } from '../../server/evaluation/memory.ts'
import { useDatabase } from '../helpers/index.ts'
import { asSamples, makeConversation } from './conversations.ts'

const db = useDatabase()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-memory-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function file(content: unknown): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.json`)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}
const turns = [
  { speaker: 'Ann', dia_id: 'D1:1', text: 'Hello' },
  { speaker: 'Ben', dia_id: 'D1:2', text: '', blip_caption: 'a red kite' },
  { speaker: 'Ann', dia_id: 'D1:3', text: 'Lovely' },
]

describe('a file of conversations', () => {
  it('in the layout of LoCoMo gives its sessions in order, its dates, its pictures and the evidence there is', async () => {
    const [conversation] = await readConversations(
      await file([
        {
          sample_id: 'conv-1',
          conversation: {
            speaker_a: 'Ann',
            session_10: [{ speaker: 'Ann', dia_id: 'D10:1', text: 'Later' }],
            session_1_date_time: '1:56 pm on 8 May, 2023',
            session_1: turns,
          },
          qa: [
            { question: 'What flew?', answer: 'a kite', evidence: ['D1:2; D10:1'], category: 1 },
            { question: 'Who?', evidence: ['D9:9'], category: 5 },
          ],
        },
      ]),
    )
    expect(conversation).toEqual({
      name: 'conv-1',
      turns: [
        { id: 'D1:1', session: '1', speaker: 'Ann', text: 'Hello', at: new Date('2023-05-08T13:56:00Z') },
        { id: 'D1:2', session: '1', speaker: 'Ben', text: '[shows: a red kite]', at: new Date('2023-05-08T13:56:00Z') },
        { id: 'D1:3', session: '1', speaker: 'Ann', text: 'Lovely', at: new Date('2023-05-08T13:56:00Z') },
        { id: 'D10:1', session: '10', speaker: 'Ann', text: 'Later', at: undefined },
      ],
      questions: [{ text: 'What flew?', evidence: ['D1:2', 'D10:1'], category: '1' }],
    })
  })

  it('of lines gives turns and questions by conversation', async () => {
    const path = await file(
      [
        { conversation: 'a', id: 't1', text: 'Hello', at: '2026-05-08T13:56:00Z' },
        { conversation: 'b', id: 't1', session: 's', speaker: 'Ben', text: 'Bye' },
        { conversation: 'a', question: 'What was said?', evidence: ['t1'] },
      ]
        .map((line) => JSON.stringify(line))
        .join('\n\n'),
    )
    expect(await readConversations(path)).toMatchObject([
      { name: 'a', turns: [{ id: 't1', session: '1' }], questions: [{ evidence: ['t1'], category: 'all' }] },
      { name: 'b', turns: [{ speaker: 'Ben' }], questions: [] },
    ])
  })

  it.each([
    ['{"conversation": "a", "id": "1", "text": "x"}\nnonsense', /line 2: not JSON/],
    ['{"conversation": "a", "id": "1"}', /line 1/],
    ['{"conversation": "a", "id": "1", "text": "x", "at": "yesterday"}', /line 1/],
    ['[{"conversation": {}}]', /\[0\], qa/],
    ['[{"conversation": {"session_2": [{"text": "x"}]}, "qa": []}]', /\[0\]\.conversation\.session_2\[0\], dia_id/],
    ['[{"conversation": {"session_1_date_time": "soon", "session_1": []}, "qa": []}]', /session_1_date_time: "soon"/],
    ['[{"conversation": {"session_1": 5}, "qa": []}]', /\[0\]\.conversation\.session_1/],
  ])('that is wrong, %s, is refused by its place', async (content, message) => {
    await expect(readConversations(await file(content))).rejects.toThrow(message)
  })

  it('that is not there is refused', async () => {
    await expect(readConversations(join(folder, 'none'))).rejects.toThrow(/cannot be read/)
  })
})

describe('the figures', () => {
  it('are recall at 1, 5, 10 and 20, the hit rate and the mean reciprocal rank', () => {
    const asked = [
      { text: '', category: 'a', evidence: ['1', '2'], ranking: ['1', '9', '2'] },
      { text: '', category: 'b', evidence: ['3'], ranking: ['9', '8'] },
    ]
    expect(figuresOf(asked)).toEqual({ questions: 2, recall: [0.25, 0.5, 0.5, 0.5], hitRate: 0.5, mrr: 0.5 })
    expect(tableOf(new Map([['bm25', asked]])).split('\n')).toHaveLength(4)
  })
})

describe('made conversations', () => {
  it('are recalled by words, also what the turn before says, who said it and when; and leave no tenant', async () => {
    const path = await file(asSamples([1, 2].map((seed) => makeConversation(seed, 8))))
    const conversations = await readConversations(path)
    const tool = { pool: db.pool, admin: db.pool } as unknown as Tool
    const results = await measureMemory(tool, conversations, 'hashing-384', new AbortController().signal)
    const asked = results.get('bm25') ?? []
    const of = (category: string) => figuresOf(asked.filter((question) => question.category === category))
    expect(asked.length).toBe(64)
    expect(figuresOf(asked).recall[2]).toBeGreaterThan(0.95)
    expect(of('neighbor').recall[1]).toBeGreaterThan(0.8)
    expect(of('speaker').mrr).toBeGreaterThan(0.9)
    expect(of('date').mrr).toBeGreaterThan(0.8)
    expect(figuresOf(results.get('hybrid') ?? []).recall[2]).toBeGreaterThan(0.95)
    expect((await db.pool.query(`select from app_public.tenants where slug like 'eval-%'`)).rowCount).toBe(0)
  })
})
