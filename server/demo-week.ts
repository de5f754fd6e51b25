// The week before today in a demo tenant: its people search and ask an agent, the agent calls models and tools. The same day
// always gives the same week. It goes through the functions that programs record with, and is rolled up at once.

import type pg from 'pg'
import { type Actor, asUser } from './database.ts'

const days = 7
const sessionsPerDay = 6
const models = ['gpt-4o', 'gpt-4o-mini', 'gpt-4.1-mini']
const tools = ['calendar.lookup', 'handbook.search', 'ticket.create']
const dayMs = 86_400_000
const properties = { type: 'object', properties: { tool: { type: 'string' } }, required: ['tool'] }
const eventTypes = [
  { name: 'question.answered', description: 'A question was answered.', properties_schema: properties },
  { name: 'question.given_up', description: 'A question got no answer in time.', properties_schema: properties },
]

export async function seedDemoWeek(pool: pg.Pool, actor: Actor, agentId: string, now = new Date()): Promise<void> {
  const week = await asUser(pool, actor, async (client) => {
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
    await client.query(
      `insert into app_public.analytics_event_types (name, description, properties_schema)
       select * from jsonb_to_recordset($1) as t (name text, description text, properties_schema jsonb)
       on conflict do nothing`,
      [JSON.stringify(eventTypes)],
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
    return week
  })
  await logSearches(pool, actor, week)
  await pool.query('select metering.roll_up_usage($1)', [actor.tenant_id])
  await pool.query('select observability.roll_up_operations($1)', [actor.tenant_id])
}

/** A search is logged by the database when it is made, so those of the week are put where a search puts its own. */
async function logSearches(pool: pg.Pool, actor: Actor, week: Session[]): Promise<void> {
  await asUser(pool, { ...actor, role: 'rowhouse_platform' }, async (client) => {
    await client.query(
      `insert into search.query_log_buffer (tenant_id, created_at, user_id, agent_id, mode, latency_ms, hit_count, source_ids,
         source_hit_counts, source_relevances)
       select $1, s.searched_at, s.user_id, s.agent_id, 'hybrid', s.latency_ms, s.hit_count, h.ids,
              array_fill(s.hit_count, array[cardinality(h.ids)]), array_fill(0.7, array[cardinality(h.ids)])
         from jsonb_to_recordset($2) as s (searched_at timestamptz, user_id uuid, agent_id uuid, latency_ms int, hit_count int)
        cross join lateral (select array(
          select k.id from app_public.rag_knowledge_sources k where k.tenant_id = $1 and s.hit_count > 0) as ids) as h
        where not exists (select from app_public.query_logs q where q.tenant_id = $1)`,
      [actor.tenant_id, JSON.stringify(week.map(search))],
    )
    await client.query('select search.store_query_logs()')
  })
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

const event = ({ key, at, userId, tool, isSuccess }: Session) => ({
  idempotency_key: key,
  occurred_at: at,
  user_id: userId,
  session_id: key,
  event_name: isSuccess ? 'question.answered' : 'question.given_up',
  properties: { tool },
})

/** Every ninth finds nothing. */
const search = ({ at, userId, agentId, durationMs }: Session, index: number) => ({
  searched_at: at,
  user_id: userId,
  agent_id: agentId,
  latency_ms: Math.ceil(durationMs / 100),
  hit_count: index % 9 === 8 ? 0 : 1 + (index % 5),
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
