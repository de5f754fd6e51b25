// A conversation with a question, an answer that is on its way, and what the person thinks of an earlier one.

import type { Fill } from './types.ts'

export const fillConversations: Fill = async (t, tenant, ids) => {
  const person = tenant.member.userId
  ids.conversation = await t.value(
    `insert into app_public.expert_consultations (
       tenant_id, user_id, agent_id, agent_name, message_count, branch_count, last_message_at, created_at)
     values ($1, $2, gen_random_uuid(), 'Ada', 2, 1, now(), now()) returning id`,
    [tenant.id, person],
  )
  await t.query(
    `insert into conversation.branches (tenant_id, conversation_id, number, fork_depth, active_until) values ($1, $2, 1, 0, 2)`,
    [tenant.id, ids.conversation],
  )
  const question = await t.value(
    `insert into app_public.messages (
       tenant_id, conversation_id, user_id, sequence, branch, depth, role, status, parts, created_at, finished_at)
     values ($1, $2, $3, 1, 1, 1, 'user', 'complete', array[jsonb_populate_record(null::app_public.message_part, '{"kind": "text", "text": "Why?"}')], now(), now())
     returning id`,
    [tenant.id, ids.conversation, person],
  )
  const answer = await t.value(
    `insert into app_public.messages (
       tenant_id, conversation_id, user_id, sequence, parent_id, branch, depth, role, status, created_at)
     values ($1, $2, $3, 2, $4, 1, 2, 'assistant', 'pending', now()) returning id`,
    [tenant.id, ids.conversation, person, question],
  )
  await t.query(
    `insert into conversation.open_answers (tenant_id, message_id, conversation_id, user_id, agent_id, available_at)
     values ($1, $2, $3, $4, gen_random_uuid(), now())`,
    [tenant.id, answer, ids.conversation, person],
  )
  await t.query(
    `insert into app_public.message_feedback (tenant_id, message_id, user_id, rating) values ($1, $2, $3, 'up')`,
    [tenant.id, answer, person],
  )
}
