// A panel of three agents in a demo tenant, from its question to its synthesis. What they say is written in seeds/panel.json, because the
// built-in model knows nothing; it is handed in by the functions by which a worker hands in what a model says.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { type Actor, asUser } from './database.ts'

type Script = {
  question: string
  options: string[]
  moderator: string
  agents: string[]
  /** What each agent says in its turns, in their order. */
  said: Record<string, string[]>
  synthesis: string
}

type Claimed = { tenant_id: string; message_id: string; agent_id: string; lease_token: string }

const scriptPath = join(import.meta.dirname, '..', 'seeds', 'panel.json')
const worker = { role: 'rowhouse_worker', user_id: '', tenant_id: '' }

export async function seedDemoPanel(pool: pg.Pool, starter: Actor): Promise<void> {
  const script = JSON.parse(await readFile(scriptPath, 'utf8')) as Script
  const panel = await asUser(pool, starter, async (client) => {
    const { rows: agents } = await client.query<{ id: string; name: string }>(
      'select id, name from catalog.visible_agents() where name = any ($1)',
      [[script.moderator, ...script.agents]],
    )
    const ids = new Map(agents.map(({ id, name }) => [name, id]))
    const { rows } = await client.query<{ id: string }>(
      'select id from app_public.start_panel($1, $2, $3, $4, idempotency_key => $5)',
      [script.question, script.agents.map((name) => ids.get(name)), ids.get(script.moderator), script.options, 'demo'],
    )
    const turns = new Map(script.agents.map((name) => [ids.get(name), [...(script.said[name] ?? [])]]))
    turns.set(ids.get(script.moderator), [script.synthesis])
    return { id: rows[0]?.id, turns }
  })
  // A job of a worker would do this after each answer.
  const advance = () =>
    asUser(pool, worker, (client) =>
      client.query('select conversation.advance_panel($1, $2)', [starter.tenant_id, panel.id]),
    )
  while (await answer(pool, (agentId) => panel.turns.get(agentId)?.shift() ?? '')) await advance()
}

/** Answers what is asked next; false when nothing is. */
async function answer(pool: pg.Pool, say: (agentId: string) => string): Promise<boolean> {
  const next = await asUser(pool, worker, async (client) => {
    const { rows } = await client.query<Claimed>(`select * from conversation.claim_answer('demo')`)
    return rows[0]
  })
  if (!next) return false
  const lease = [next.tenant_id, next.message_id, next.lease_token]
  await asUser(pool, worker, (client) => client.query('select conversation.prepare_answer($1, $2, $3)', lease))
  await asUser(pool, worker, (client) =>
    client.query('select conversation.complete_answer($1, $2, $3, $4)', [
      ...lease,
      JSON.stringify([{ kind: 'text', text: say(next.agent_id) }]),
    ]),
  )
  return true
}
