// Rows of approvals and schedules.

import type { Fill } from './types.ts'

export const fillPeople: Fill = async (t, tenant, ids) => {
  await t.query('insert into app_public.approval_policies (tenant_id) values ($1)', [tenant.id])
  const approval = await t.value(
    `insert into app_public.agent_approvals (tenant_id, subject_kind, subject_id, title, cause, required_count, is_four_eyes, default_answer,
       expires_at, requested_by_user_id, created_at)
     values ($1, 'workflow_step', gen_random_uuid(), 'x', 'request', 1, false, 'rejected', now() + interval '1 day', $2, now()) returning id`,
    [tenant.id, tenant.member.userId],
  )
  await t.query(
    `insert into app_public.agent_approval_votes (tenant_id, approval_id, user_id, answer, created_at) values ($1, $2, $3, 'approved', now())`,
    [tenant.id, approval, tenant.admin.userId],
  )
  const schedule = await t.value(
    `insert into app_public.agent_scheduled_tasks (tenant_id, name, title, every, created_by_user_id)
     values ($1, 'x', 'x', '1 day', $2) returning id`,
    [tenant.id, tenant.member.userId],
  )
  await t.query(
    `insert into app_public.agent_scheduled_runs (tenant_id, scheduled_task_id, planned_at, status, task_id, created_at)
     values ($1, $2, now(), 'running', $3, now())`,
    [tenant.id, schedule, ids.task],
  )
}
