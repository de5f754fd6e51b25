// The week before today in a demo tenant: its people ask an agent, the agent calls models and tools. The same day always gives
// the same week. It goes through the functions that programs record with, and is rolled up at once.

import type pg from 'pg'
import { type Actor, asUser } from './database.ts'

const days = 7
const sessionsPerDay = 6
const models = ['gpt-4o', 'gpt-4o-mini', 'gpt-4.1-mini']
const tools = ['calendar.lookup', 'handbook.search', 'ticket.create']
const dayMs = 86_400_000

export async function seedDemoWeek(pool: pg.Pool, actor: Actor, agentId: string, now = new Date()): Promise<void> {
  await asUser(pool, actor, async (client) => {
    const members = await client.query<{ user_id: string }>(
      `select m.user_id from app_public.user_tenants m join app_public.user_profiles p on p.id = m.user_id
        where m.tenant_id = $1 order by p.email`,
      [actor.tenant_id],
    )
    const week = sessions(
      agentId,
      members.rows.map((row) => row.user_id),
      now,
    )
    await record(client, 'record_usages', 'new_usage_event', week.map(usage))
    await record(client, 'record_agent_metrics', 'new_agent_metric', week.map(operation))
    await record(client, 'record_tool_executions', 'new_tool_execution', week.map(toolExecution))
    await record(client, 'record_events', 'new_analytics_event', week.map(event))
    await client.query(
      `select app_public.record_llm_usage(call)
         from jsonb_populate_recordset(null::app_public.new_llm_call, $1) as call`,
      [JSON.stringify(week.map(llmCall))],
    )
  })
  await pool.query('select metering.roll_up_usage($1)', [actor.tenant_id])
  await pool.query('select observability.roll_up_operations($1)', [actor.tenant_id])
}

type Session = {
  key: string
  at: string
  userId: string
  agentId: string
  model: string
  tool: string
  durationMs: number
  isSuccess: boolean
}

function sessions(agentId: string, userIds: string[], now: Date): Session[] {
  const today = Math.floor(now.getTime() / dayMs) * dayMs
  return Array.from({ length: days * sessionsPerDay }, (_, index) => ({
    key: `demo-${index}`,
    at: new Date(
      today - (1 + Math.floor(index / sessionsPerDay)) * dayMs + (8 + (index % sessionsPerDay)) * 3_600_000,
    ).toISOString(),
    userId: pick(userIds, index * 5),
    agentId,
    model: pick(models, index),
    tool: pick(tools, index * 7 + Math.floor(index / 3)),
    durationMs: 300 + ((index * 7919) % 2500),
    isSuccess: index % 11 !== 10,
  }))
}

function pick<T>(values: readonly T[], index: number): T {
  return values[index % values.length] as T
}

const usage = ({ key, at, userId, agentId, durationMs }: Session) => ({
  idempotency_key: key,
  usage_type: 'tool_call',
  quantity: 1,
  occurred_at: at,
  user_id: userId,
  agent_id: agentId,
  duration_ms: durationMs,
})

const operation = ({ key, at, userId, agentId, durationMs, isSuccess }: Session) => ({
  idempotency_key: key,
  created_at: at,
  user_id: userId,
  agent_id: agentId,
  operation_type: 'answer',
  response_time_ms: 2 * durationMs,
  success: isSuccess,
  error_type: isSuccess ? null : 'timeout',
})

const toolExecution = ({ key, at, userId, agentId, tool, durationMs, isSuccess }: Session) => ({
  idempotency_key: key,
  executed_at: at,
  user_id: userId,
  agent_id: agentId,
  tool_name: tool,
  status: isSuccess ? 'success' : 'timeout',
  duration_ms: durationMs,
})

const event = ({ key, at, userId }: Session) => ({
  idempotency_key: key,
  occurred_at: at,
  user_id: userId,
  session_id: key,
  event_name: 'question_asked',
})

const llmCall = ({ key, at, userId, agentId, model, durationMs, isSuccess }: Session) => ({
  idempotency_key: `${key}-llm`,
  model,
  input_tokens: 400 + durationMs,
  output_tokens: isSuccess ? 100 + Math.floor(durationMs / 10) : 0,
  occurred_at: at,
  user_id: userId,
  agent_id: agentId,
  response_time_ms: durationMs,
  success: isSuccess,
})

async function record(client: pg.ClientBase, name: string, type: string, rows: object[]): Promise<void> {
  await client.query(
    `select app_public.${name}(array(select r from jsonb_populate_recordset(null::app_public.${type}, $1) as r))`,
    [JSON.stringify(rows)],
  )
}
