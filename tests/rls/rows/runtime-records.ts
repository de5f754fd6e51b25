// Rows of what agents report of themselves.

import type { Fill } from './types.ts'

export const fillRuntimeRecords: Fill = async (t, tenant, ids) => {
  const values = [tenant.id, ids.agent, tenant.owner.userId]
  await t.query(
    `insert into app_public.agent_execution_logs (tenant_id, id, started_at, agent_id, user_id, status, duration_ms)
     values ($1, gen_random_uuid(), now(), $2, $3, 'success', 1)`,
    values,
  )
  await t.query(
    `insert into app_public.agent_events (tenant_id, id, occurred_at, agent_id, user_id, event_name, severity)
     values ($1, gen_random_uuid(), now(), $2, $3, 'tool.unavailable', 'error')`,
    values,
  )
  // the trigger writes agent_patterns
  await t.query(
    `insert into app_public.agent_outcomes (tenant_id, id, observed_at, agent_id, user_id, pattern, is_success)
     values ($1, gen_random_uuid(), now(), $2, $3, 'ask first', true)`,
    values,
  )
  await t.query(`insert into app_public.agent_knowledge_base (tenant_id, agent_id, source_id) values ($1, $2, $3)`, [
    tenant.id,
    ids.agent,
    ids.source,
  ])
  await t.query(
    `insert into app_public.agent_knowledge (
       tenant_id, id, agent_id, subject, statement, valid_from, origin, about_user_id, recorded_by_user_id, recorded_at, ended_at)
     values ($1, gen_random_uuid(), $2, 'office', 'The office is in Basel.', now(), 'person', $3, $3, now(), now())`,
    values,
  )
}
