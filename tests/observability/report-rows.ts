// What tests of reports share: a saved report, and some rows that it reads.

import type { Queries, TestDatabase, Transaction } from '../helpers/index.ts'

export async function createReport(
  t: Transaction,
  db: TestDatabase,
  report: Record<string, unknown>,
  tenant = db.acme,
): Promise<string> {
  await t.become(tenant.admin)
  const row: Record<string, unknown> = { name: `Report ${Math.random()}`, ...report }
  const names = Object.keys(row)
  return t.value(
    `insert into app_public.analytics_reports (${names.join(', ')})
     values (${names.map((name, i) => `$${i + 1}${name === 'parameters' ? '::app_public.report_parameter[]' : ''}`).join(', ')}) returning id`,
    Object.values(row),
  )
}

/** Parameters as PostgreSQL writes them: a name and a type, and what else there is. */
export const parameters = (...all: [name: string, type: string, isRequired?: boolean, standard?: string][]): string =>
  `{${all.map(([name, type, isRequired = false, standard = '']) => `"(${name},${type},${isRequired},${standard})"`).join(',')}}`

/** A cost of 2.5 a day on two days, in each tenant, as the roll-ups have it. */
export async function seedCosts(t: Queries, db: TestDatabase): Promise<void> {
  for (const { id, member } of [db.acme, db.globex]) {
    await t.query(
      `insert into metering.usage_days (tenant_id, used_on, usage_type, user_id, event_count, quantity, cost,
         duration_ms, timed_count, success_count, error_count, abandon_count, first_at, last_at)
       select $1, current_date - d, type, $2, 1, quantity, cost, 10, 1, 1, 0, 0, now(), now()
         from generate_series(0, 7, 7) d, (values ('llm_call', 1, 0), ('input_tokens', 1000, 2.5)) as u (type, quantity, cost)`,
      [id, member.userId],
    )
    await t.query(
      `insert into metering.usage_user_days select $1, current_date - d, $2, 2 from generate_series(0, 7, 7) d`,
      [id, member.userId],
    )
    await t.query('insert into metering.usage_users values ($1, $2)', [id, member.userId])
    await t.query(
      `insert into metering.usage_model_days select $1, current_date - d, null, null, null, 2.5, 1, 1, 1000 from generate_series(0, 7, 7) d`,
      [id],
    )
  }
}
