// Rows of governance.

import type { Fill } from './types.ts'

export const fillGovernance: Fill = async (t, tenant, ids) => {
  await fillRetention(t, tenant, ids)
}

const fillRetention: Fill = async (t, tenant) => {
  const user = tenant.owner.userId
  await t.query(`insert into app_public.retention_policies (tenant_id, kind, days) values ($1, 'sessions', 30)`, [
    tenant.id,
  ])
  const run = await t.value(
    `insert into app_public.data_retention_tracking (tenant_id, kind, kept_days, delete_before, due_count, status, started_at)
     values ($1, 'sessions', 30, now(), 0, 'completed', now()) returning id`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.retention_actions (tenant_id, tracking_id, action, table_name, row_count, reason, acted_at)
     values ($1, $2, 'deleted', 'app_public.user_sessions', 1, 'x', now())`,
    [tenant.id, run],
  )
  await t.query(
    `insert into app_public.legal_holds (tenant_id, user_id, reason, placed_by_user_id, placed_at, released_at)
     values ($1, $2, 'x', $2, now(), now())`,
    [tenant.id, user],
  )
  const exported = await t.value(
    `insert into app_public.data_exports (tenant_id, user_id, requested_by_user_id, status, requested_at)
     values ($1, $2, $2, 'cancelled', now()) returning id`,
    [tenant.id, user],
  )
  await t.query('insert into governance.export_parts values ($1, $2, 0, $3)', [tenant.id, exported, Buffer.from('x')])
  await t.query(
    `insert into governance.export_tickets (tenant_id, export_id, user_id, expires_at) values ($1, $2, $3, now())`,
    [tenant.id, exported, user],
  )
  await t.query(
    `insert into app_public.erasures (tenant_id, user_id, is_dry_run, status, requested_at) values ($1, $2, true, 'completed', now())`,
    [tenant.id, user],
  )
}
