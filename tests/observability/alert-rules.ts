// What tests of alerts share: a rule over the duration of one tool, measurements of it, and evaluations at a time.

import { setClock } from '../helpers/clock.ts'
import type { TestDatabase, Transaction } from '../helpers/index.ts'

export const start = Date.parse('2026-06-15T12:00:00Z')
export const minute = 60_000
export const iso = (at: number): string => new Date(at).toISOString()

/** Fires when a run of the tool in the last minute took more than 50 ms; without a run there are no data. */
export const slowTool = {
  name: 'The calculator is slow',
  metric: 'tool_latency_ms',
  aggregation: 'greatest',
  window_minutes: 1,
  threshold: 50,
}

export async function createRule(
  t: Transaction,
  db: TestDatabase,
  rule: Record<string, unknown> = {},
  tenant = db.acme,
): Promise<string> {
  await t.become(tenant.admin)
  const row: Record<string, unknown> = { ...slowTool, recipient_user_ids: [tenant.admin.userId], ...rule }
  const names = Object.keys(row)
  return t.value(
    `insert into app_public.alerts (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')}) returning id`,
    Object.values(row),
  )
}

export async function recordRun(t: Transaction, tenantId: string, at: number, ms: number, name = 'calculator') {
  await t.becomeSuperuser()
  await t.query(
    `insert into app_public.tool_executions (tenant_id, id, executed_at, batch_id, tool_name, status, duration_ms)
     values ($1, gen_random_uuid(), $2, 1, $4, 'success', $3)`,
    [tenantId, iso(at), ms, name],
  )
}

export async function evaluate(t: Transaction, tenantId: string, at: number): Promise<number> {
  await setClock(t, iso(at))
  await t.becomeRole('rowhouse_worker')
  return t.value('select observability.evaluate_alerts($1)', [tenantId])
}

/** A minute in which the tool was slow, quick, or did not run; evaluated at its end. */
export async function minuteOf(t: Transaction, db: TestDatabase, at: number, was: 'slow' | 'quick' | 'idle') {
  if (was !== 'idle') await recordRun(t, db.acme.id, at - minute / 2, was === 'slow' ? 100 : 1)
  await evaluate(t, db.acme.id, at)
}

export async function stateOf(t: Transaction, id: string): Promise<string> {
  await t.becomeSuperuser()
  return t.value('select state from observability.alert_states where alert_id = $1', [id])
}

/** What was told, in order: the state that was told, to how many. */
export async function told(t: Transaction, id: string): Promise<string[]> {
  await t.becomeSuperuser()
  const rows = await t.query<{ state: string }>(
    `select l.state from app_public.alert_notifications n
       join app_public.alert_logs l on l.tenant_id = n.tenant_id and l.id = n.alert_log_id
      where l.alert_id = $1 and n.status <> 'skipped' order by l.ordinal, n.user_id`,
    [id],
  )
  return rows.map(({ state }) => state)
}
