// Rows of runs of workflows.

import type { Fill } from './types.ts'

export const fillWorkflowRuns: Fill = async (t, tenant) => {
  const plan = await t.value(
    `insert into runtime.workflow_plans (tenant_id, workflow_id, version, content_hash, content)
     values ($1, gen_random_uuid(), '1.0.0', sha256('x'), '{}') returning id`,
    [tenant.id],
  )
  await t.query(
    `insert into runtime.workflow_plan_nodes (tenant_id, plan_id, node_id, ordinal, kind, config, chain)
     values ($1, $2, 'a', 1, 'search', '{}', '{a}')`,
    [tenant.id, plan],
  )
  await t.query(
    `insert into runtime.workflow_plan_edges (tenant_id, plan_id, ordinal, from_node, to_node, to_chain, level, level_from, level_to)
     values ($1, $2, 1, '', 'a', '{a}', '', '', 'a')`,
    [tenant.id, plan],
  )
  const run = await t.value(
    `insert into app_public.workflow_runs (
       tenant_id, id, workflow_id, workflow_name, plan_id, input, root_run_id, started_by_user_id, started_at, deadline_at)
     select $1, id, gen_random_uuid(), 'x', $2, '{}', id, $3, now(), now() from gen_random_uuid() as id returning id`,
    [tenant.id, plan, tenant.member.userId],
  )
  await t.query(
    `insert into app_public.workflow_step_runs (
       tenant_id, run_id, root_run_id, sequence, node_id, kind, status, available_at, created_at)
     values ($1, $2, $2, 1, 'a', 'search', 'ready', now(), now())`,
    [tenant.id, run],
  )
}
