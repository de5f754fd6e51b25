// A conversation of a demo tenant's owner with its agent, answered by the built-in echo model. The handbook is assigned to the agent:
// what is asked once its documents are read is answered with passages of it.

import type pg from 'pg'
import { createAnswerRunner } from './conversation/index.ts'
import { type Actor, asUser } from './database.ts'
import { asWorker } from './demo-run.ts'
import { modelOutgoing } from './models/index.ts'
import { createOutgoing } from './outgoing.ts'

const questions = ['Hello! What can you tell me?', 'How many vacation days do I have?']

export async function seedDemoConversation(pool: pg.Pool, person: Actor): Promise<void> {
  const conversationId = await asUser(pool, person, async (client) => {
    await client.query(
      `insert into app_public.agent_knowledge_sources (agent_id, source_id)
       select a.id, s.id from app_public.agents a, app_public.rag_knowledge_sources s
        where a.tenant_id = $1 and s.tenant_id = $1 and s.name = 'Handbook'`,
      [person.tenant_id],
    )
    const { rows } = await client.query<{ id: string }>(
      `select c.id from app_public.agents a, app_public.start_conversation(a.id) c
        where a.tenant_id = $1 order by a.created_at limit 1`,
      [person.tenant_id],
    )
    return rows[0]?.id as string
  })
  for (const question of questions) {
    await asUser(pool, person, (client) =>
      client.query(`select app_public.send_message($1, array[row($2, null)::app_public.new_message_part])`, [
        ...[conversationId, question],
      ]),
    )
    await answer(pool)
  }
}

async function answer(pool: pg.Pool): Promise<void> {
  const [tools, models] = [createOutgoing(), modelOutgoing()]
  const never = new AbortController().signal
  try {
    await createAnswerRunner({ keyRing: undefined, tools, models, stopping: never }).work(asWorker(pool), never)
  } finally {
    await Promise.all([tools.close(), models.close()])
  }
}
