// Rows of tasks and delegation. The trigger of tasks writes the transition.

import type { Fill } from './types.ts'

export const fillTasks: Fill = async (t, tenant, ids) => {
  const task = await t.value(
    `insert into app_public.tasks (tenant_id, id, root_task_id, title, status, available_at, created_by_user_id, created_at)
     select $1, id, id, 'x', 'pending', now(), $2, now() from gen_random_uuid() as id returning id`,
    [tenant.id, tenant.member.userId],
  )
  ids.task = task
  await t.query(
    `insert into app_public.task_idempotency_keys (tenant_id, idempotency_key, request_hash, task_id, created_at, expires_at)
     values ($1, 'x', sha256('x'), $2, now(), now() + interval '1 day')`,
    [tenant.id, task],
  )
  await t.query(
    `insert into app_public.task_delegation_history (tenant_id, task_id, to_agent_id, delegation_type, created_at)
     values ($1, $2, gen_random_uuid(), 'handoff', now())`,
    [tenant.id, task],
  )
  await t.query(
    `insert into app_public.agent_supervisors (tenant_id, agent_id, supervisor_agent_id)
     values ($1, gen_random_uuid(), gen_random_uuid())`,
    [tenant.id],
  )
}
