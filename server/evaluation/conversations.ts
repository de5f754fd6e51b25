// Conversations with questions about them and the turns that answer them, as an evaluation of memory reads them: a JSON file
// in the layout of LoCoMo's, or a file of JSON lines, each a turn or a question. docs/recall.md describes both.

import { open } from 'node:fs/promises'
import { z } from 'zod'

export type Turn = { id: string; session: string; speaker?: string | undefined; text: string; at?: Date | undefined }
export type Question = { text: string; evidence: string[]; category: string }
export type Conversation = { name: string; turns: Turn[]; questions: Question[] }

const limits = { bytes: 100_000_000, conversations: 200, turns: 100_000, questions: 50_000 }
const longestText = 12_000

const text = z.string().trim().min(1).max(longestText)
const id = z.coerce.string().min(1).max(200)
const category = z.union([z.string(), z.number()]).transform(String).default('all')

const lineShape = z.union([
  z.strictObject({
    conversation: id,
    question: text,
    evidence: z.array(id).max(200),
    category,
    answer: z.unknown().optional(),
  }),
  z.strictObject({
    conversation: id,
    id,
    session: id.default('1'),
    speaker: z.string().max(255).optional(),
    text,
    at: z.iso.datetime({ offset: true }).optional(),
  }),
])

const turnShape = z.object({
  speaker: z.string().max(255).optional(),
  dia_id: id,
  text: z.string().max(longestText).default(''),
  /** What a picture that was sent shows. */
  blip_caption: z.string().max(longestText).optional(),
})
const questionShape = z.object({
  question: text,
  evidence: z.array(z.unknown()).max(200).default([]),
  category,
})
const sampleShape = z.object({
  sample_id: id.optional(),
  conversation: z.record(z.string(), z.unknown()),
  qa: z.array(z.unknown()),
})

export class FileFault extends Error {}

export async function readConversations(path: string): Promise<Conversation[]> {
  const content = await readBounded(path)
  const conversations = content.trimStart().startsWith('[') ? readSamples(path, content) : readLines(path, content)
  const count = (of: (conversation: Conversation) => unknown[]): number =>
    conversations.reduce((sum, conversation) => sum + of(conversation).length, 0)
  const counted = [
    ['conversations', conversations.length, limits.conversations],
    ['turns', count(({ turns }) => turns), limits.turns],
    ['questions', count(({ questions }) => questions), limits.questions],
  ] as const
  for (const [what, number, most] of counted)
    if (number > most) throw new FileFault(`${path}: ${number} ${what}; at most ${most} are read`)
  return conversations
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path).catch((error: Error) => {
    throw new FileFault(`${path}: cannot be read (${error.message})`)
  })
  try {
    if ((await file.stat()).size > limits.bytes)
      throw new FileFault(`${path}: more than ${limits.bytes / 1_000_000} MB`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

function readLines(path: string, content: string): Conversation[] {
  const found = new Map<string, Conversation>()
  for (const [i, line] of content.split('\n').entries()) {
    if (!line.trim()) continue
    const value = checked(lineShape, parsed(line, `${path}, line ${i + 1}`), `${path}, line ${i + 1}`)
    const conversation = found.get(value.conversation) ?? { name: value.conversation, turns: [], questions: [] }
    found.set(value.conversation, conversation)
    if ('question' in value)
      conversation.questions.push({ text: value.question, evidence: value.evidence, category: value.category })
    else conversation.turns.push({ ...value, at: value.at ? new Date(value.at) : undefined })
  }
  return [...found.values()].map((conversation) => withKnownEvidence(conversation))
}

function readSamples(path: string, content: string): Conversation[] {
  const samples = checked(z.array(z.unknown()), parsed(content, path), path)
  return samples.map((value, i) => {
    const where = `${path}, [${i}]`
    const sample = checked(sampleShape, value, where)
    const turns: Turn[] = []
    const sessions = Object.keys(sample.conversation)
      .map((key) => /^session_(\d+)$/.exec(key)?.[1])
      .filter((number) => number !== undefined)
      .sort((a, b) => Number(a) - Number(b))
    for (const number of sessions) {
      const key = `session_${number}`
      const at = dateOf(sample.conversation[`${key}_date_time`], `${where}.conversation.${key}_date_time`)
      const given = checked(z.array(z.unknown()), sample.conversation[key], `${where}.conversation.${key}`)
      for (const [j, said] of given.entries()) {
        const turn = checked(turnShape, said, `${where}.conversation.${key}[${j}]`)
        const shown = turn.blip_caption ? `[shows: ${turn.blip_caption}]` : ''
        const whole = `${turn.text} ${shown}`.trim()
        if (whole) turns.push({ id: turn.dia_id, session: number, speaker: turn.speaker, text: whole, at })
      }
    }
    const questions = sample.qa.map((asked, j) => {
      const { question, evidence, category } = checked(questionShape, asked, `${where}.qa[${j}]`)
      return {
        text: question,
        // some name several turns in one text: "D8:6; D9:17"
        evidence: evidence.flatMap((entry) => String(entry).split(/[;,\s]+/)).filter(Boolean),
        category,
      }
    })
    return withKnownEvidence({ name: sample.sample_id ?? String(i + 1), turns, questions })
  })
}

/** Without what no turn has: a question that nothing answers measures nothing. */
function withKnownEvidence(conversation: Conversation): Conversation {
  const known = new Set(conversation.turns.map(({ id }) => id))
  const questions = conversation.questions.map((question) => ({
    ...question,
    evidence: [...new Set(question.evidence)].filter((id) => known.has(id)),
  }))
  return { ...conversation, questions: questions.filter(({ evidence }) => evidence.length > 0) }
}

const months = 'january february march april may june july august september october november december'.split(' ')

/** "1:56 pm on 8 May, 2023", or a time in ISO 8601. */
function dateOf(value: unknown, where: string): Date | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const spoken = /^\s*(\d{1,2}):(\d{2})\s*([ap])m\s+on\s+(\d{1,2})\s+(\w+),?\s+(\d{4})\s*$/i.exec(String(value))
  const month = months.indexOf(spoken?.[5]?.toLowerCase() ?? '')
  if (spoken && month >= 0) {
    const [, hour, minute, half, day, , year] = spoken
    return new Date(
      Date.UTC(
        Number(year),
        month,
        Number(day),
        (Number(hour) % 12) + (half?.toLowerCase() === 'p' ? 12 : 0),
        Number(minute),
      ),
    )
  }
  const date = new Date(String(value))
  if (Number.isNaN(date.getTime()))
    throw new FileFault(`${where}: "${value}" is no time such as "1:56 pm on 8 May, 2023"`)
  return date
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new FileFault(`${where}: not JSON (${error instanceof Error ? error.message : ''})`)
  }
}

function checked<T>(shape: z.ZodType<T>, value: unknown, where: string): T {
  const result = shape.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new FileFault(`${where}${issue?.path.length ? `, ${issue.path.join('.')}` : ''}: ${issue?.message}`)
}
