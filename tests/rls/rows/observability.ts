// Rows of observability.

import type { Fill } from './types.ts'

export const fillObservability: Fill = async (t, tenant, ids) => {
  const { userId } = tenant.owner
  await t.query(
    `insert into app_public.agent_metrics (tenant_id, id, created_at, batch_id, agent_id, user_id, operation_type, response_time_ms)
     values ($1, gen_random_uuid(), now(), 1, $2, $3, 'search', 1)`,
    [tenant.id, ids.agent, userId],
  )
  await t.query(
    `insert into app_public.tool_executions (tenant_id, id, executed_at, batch_id, tool_name, user_id, status)
     values ($1, gen_random_uuid(), now(), 1, 'calculator', $2, 'success')`,
    [tenant.id, userId],
  )
  await t.query(`insert into app_public.analytics_event_types (tenant_id, name) values ($1, 'report.opened')`, [
    tenant.id,
  ])
  await t.query(
    `insert into app_public.analytics_events (tenant_id, id, occurred_at, batch_id, event_name, user_id, is_known)
     values ($1, gen_random_uuid(), now(), 1, 'report.opened', $2, true)`,
    [tenant.id, userId],
  )
  await t.query(`insert into observability.event_keys values ($1, 'tool', 'k', 0, now())`, [tenant.id])
  await t.query(`insert into observability.operation_queue values ($1, 1, 'tool', 1, now(), now())`, [tenant.id])
  await t.query(
    `insert into observability.operation_days values ($1, current_date, 'tool', null, 'calculator', 1, 1, 1, 0, 1, 0, 0, now())`,
    [tenant.id],
  )
  await t.query(`insert into observability.operation_totals values ($1, 'agent', $2, 1, 1, 0, 1, 1, now())`, [
    tenant.id,
    ids.agent,
  ])
  await t.query(`insert into observability.rollup_state values ($1, 'UTC')`, [tenant.id])
  const alertId = (
    await t.query<{ id: string }>(
      `insert into app_public.alerts (tenant_id, name, metric, aggregation, threshold) values ($1, 'Runs', 'tool_runs', 'count', 1) returning id`,
      [tenant.id],
    )
  )[0]?.id
  const logId = (
    await t.query<{ id: string }>(
      `insert into app_public.alert_logs (tenant_id, alert_id, ordinal, from_state, state, occurred_at)
       values ($1, $2, 1, 'ok', 'firing', now()) returning id`,
      [tenant.id, alertId],
    )
  )[0]?.id
  await t.query(
    `insert into app_public.alert_notifications (tenant_id, alert_log_id, channel, status, send_at) values ($1, $2, 'slack', 'queued', now())`,
    [tenant.id, logId],
  )
  await t.query(`insert into vault.alert_slack (tenant_id, url) values ($1, 'https://hooks.slack.test/x')`, [tenant.id])
  await fillReports(t, tenant, ids)
}

const fillReports: Fill = async (t, tenant) => {
  const reportId = (
    await t.query<{ id: string }>(
      `insert into app_public.analytics_reports (tenant_id, name, statement) values ($1, 'One', 'select 1 as x') returning id`,
      [tenant.id],
    )
  )[0]?.id
  const runId = (
    await t.query<{ id: string }>(
      `insert into app_public.analytics_report_runs (tenant_id, report_id, status, arguments, created_at)
       values ($1, $2, 'completed', '{}', now()) returning id`,
      [tenant.id, reportId],
    )
  )[0]?.id
  await t.query(`insert into observability.report_results values ($1, $2, '[]', '[]')`, [tenant.id, runId])
  await t.query(`insert into observability.report_mails (tenant_id, run_id, user_id) values ($1, $2, $3)`, [
    tenant.id,
    runId,
    tenant.owner.userId,
  ])
  await t.query(
    `insert into observability.report_tickets (tenant_id, run_id, user_id, format, expires_at) values ($1, $2, $3, 'csv', now())`,
    [tenant.id, runId, tenant.owner.userId],
  )
  await t.query(`insert into tenancy.report_transactions values ($1, '1')`, [tenant.id])
}
