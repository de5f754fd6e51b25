// How well memory finds again what was said: each conversation is remembered turn by turn by a person of a tenant of its own,
// its questions are recalled in every mode, and the turns that answer them are looked for in the result.

import type pg from 'pg'
import type { Tool } from '../cli.ts'
import { type Actor, asUser } from '../database.ts'
import { mean } from '../evaluation.ts'
import { operatorIdentity } from '../seed.ts'
import type { Conversation, Question, Turn } from './conversations.ts'

export const modes = ['bm25', 'vector', 'hybrid'] as const
export type Mode = (typeof modes)[number]
export const depths = [1, 5, 10, 20] as const
const deepest = 20
const turnsAtOnce = 100

/** A question's ranking: the ids of turns, best first. */
export type Asked = Question & { ranking: string[] }
export type Figures = {
  questions: number
  /** Recall at each of the depths: the share of a question's evidence among the first so many, on average. */
  recall: number[]
  /** The share of the questions with some evidence among the first ten. */
  hitRate: number
  /** The mean of 1 / rank of the first evidence among the first twenty. */
  mrr: number
}

/** Mode → what was asked. */
export async function measureMemory(
  tool: Tool,
  conversations: Conversation[],
  model: string,
  signal: AbortSignal,
): Promise<Map<Mode, Asked[]>> {
  const asked = new Map<Mode, Asked[]>(modes.map((mode) => [mode, []]))
  for (const conversation of conversations) {
    signal.throwIfAborted()
    await inTenantOfItsOwn(tool, model, async (actor) => {
      const turnOf = await rememberTurns(tool.pool, actor, conversation.turns, signal)
      for (const mode of modes)
        for (const question of conversation.questions) {
          signal.throwIfAborted()
          asked.get(mode)?.push({ ...question, ranking: await recallTurns(tool.pool, actor, turnOf, question, mode) })
        }
    })
  }
  return asked
}

async function inTenantOfItsOwn(
  { pool, admin }: Tool,
  model: string,
  work: (actor: Actor) => Promise<void>,
): Promise<void> {
  const slug = `eval-${Date.now()}`
  await admin.query('select tenancy.provision_tenant($1, $2, $3)', [slug, 'Evaluation', `${slug}@eval.test`])
  try {
    const actor = await operatorIdentity(pool, slug)
    await asUser(pool, actor, async (client) => {
      const { rowCount } = await client.query(
        `insert into app_public.memory_settings (embedding_model_id) select id from app_public.llm_models where name = $1`,
        [model],
      )
      if (rowCount !== 1) throw new Error(`There is no embedding model ${model}.`)
      await client.query(`select app_public.give_consent('memory', 'evaluation')`)
    })
    await work(actor)
  } finally {
    await admin.query('select tenancy.delete_tenant($1)', [slug])
  }
}

/** Memory → the turn's id. */
async function rememberTurns(
  pool: pg.Pool,
  actor: Actor,
  turns: Turn[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const turnOf = new Map<string, string>()
  for (let start = 0; start < turns.length; start += turnsAtOnce) {
    signal.throwIfAborted()
    const some = turns.slice(start, start + turnsAtOnce)
    const given = some.map(({ session, speaker, text, at }) => ({
      memory_type: 'episode',
      content: text,
      speaker,
      session_id: session,
      occurred_at: at?.toISOString(),
    }))
    const { rows } = await asUser(pool, actor, (client) =>
      client.query<{ id: string }>(
        `select id from app_public.remember(
           array(select jsonb_populate_record(null::app_public.new_memory, g) from jsonb_array_elements($1) g))`,
        [JSON.stringify(given)],
      ),
    )
    for (const [i, { id }] of rows.entries()) turnOf.set(id, some[i]?.id ?? '')
  }
  return turnOf
}

async function recallTurns(
  pool: pg.Pool,
  actor: Actor,
  turnOf: Map<string, string>,
  question: Question,
  mode: Mode,
): Promise<string[]> {
  const { rows } = await asUser(pool, actor, (client) =>
    client.query<{ memory_id: string }>(
      `select memory_id from app_public.recall($1, "limit" => $2, mode => $3) order by rank`,
      [question.text, deepest, mode],
    ),
  )
  return rows.map(({ memory_id }) => turnOf.get(memory_id) ?? '')
}

export function figuresOf(asked: Asked[]): Figures {
  const found = (ranking: string[], evidence: string[], depth: number): number =>
    evidence.filter((id) => ranking.slice(0, depth).includes(id)).length
  return {
    questions: asked.length,
    recall: depths.map((depth) =>
      mean(asked.map(({ ranking, evidence }) => found(ranking, evidence, depth) / evidence.length)),
    ),
    hitRate: mean(asked.map(({ ranking, evidence }) => (found(ranking, evidence, 10) > 0 ? 1 : 0))),
    mrr: mean(
      asked.map(({ ranking, evidence }) => {
        const rank = ranking.findIndex((id) => evidence.includes(id))
        return rank < 0 ? 0 : 1 / (rank + 1)
      }),
    ),
  }
}

/** A line for each mode and category, and one for all of a mode. */
export function tableOf(results: Map<Mode, Asked[]>): string {
  const head = ['mode', 'category', 'questions', ...depths.map((depth) => `R@${depth}`), 'hit@10', 'MRR']
  const lines = [...results].flatMap(([mode, asked]) => {
    const categories = [...new Set(asked.map(({ category }) => category))].sort()
    const groups = [
      ...(categories.length > 1 ? categories : []).map(
        (category) => [category, asked.filter((question) => question.category === category)] as const,
      ),
      ['all', asked] as const,
    ]
    return groups.map(([name, group]) => {
      const { questions, recall, hitRate, mrr } = figuresOf(group)
      return [mode, name, String(questions), ...[...recall, hitRate, mrr].map((value) => value.toFixed(4))]
    })
  })
  return [head, ...lines]
    .map((cells) =>
      cells
        .map((cell) => cell.padEnd(9))
        .join(' ')
        .trimEnd(),
    )
    .join('\n')
}
