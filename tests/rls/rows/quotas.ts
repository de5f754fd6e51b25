// Rows of quotas and rate limits.

import type { Fill } from './types.ts'

export const fillQuotas: Fill = async (t, tenant) => {
  await t.query(
    `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit) values ($1, 'agents', 'none', 50)`,
    [tenant.id],
  )
  const counter = await t.value(
    `update app_public.quota_tracking set reserved = 1 where tenant_id = $1 and quota_type = 'agents' returning id`,
    [tenant.id],
  )
  const reservation = await t.value(
    `insert into app_public.quota_reservations (tenant_id, quota_type, amount, expires_at) values ($1, 'tokens', 1, now()) returning id`,
    [tenant.id],
  )
  await t.query(`insert into metering.quota_holds values ($1, $2, $1, $3, null, 1, now())`, [
    tenant.id,
    counter,
    reservation,
  ])
  await t.query(`insert into metering.quota_keys values ($1, 'k', 0, '[]', null, now())`, [tenant.id])
  await t.query(
    `insert into app_public.quota_alerts (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, threshold_percentage, quota_limit, usage_at_alert)
     values ($1, 'agents', 'tenant', $1, false, 'none', '-infinity', 80, 50, 40)`,
    [tenant.id],
  )
  await t.query(`insert into metering.api_call_buffer (tenant_id, called_at) values ($1, now())`, [tenant.id])
  // also makes a row of rate_limit_rules
  const config = await t.value(
    `insert into app_public.rate_limit_config (tenant_id, per_minute) values ($1, 1000) returning id`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.rate_limit_usage (tenant_id, config_id, scope_id, window_seconds, past_buckets, window_start, window_end)
     values ($1, $2, $1, 60, '{}', now(), now())`,
    [tenant.id, config],
  )
}
