// The run of billing: reminders, renewals and invoices of every tenant for which something is due, in three steps,
// each in its own transaction, so that recording never waits while usage is added up. An error of one tenant does not stop the others.

import type { QueryResult, QueryResultRow } from 'pg'

/** Runs one statement as rowhouse_worker. */
type Query = <Row extends QueryResultRow>(text: string, values: unknown[]) => Promise<QueryResult<Row>>

export async function runBilling(
  query: Query,
  onFailure: (message: string) => void,
): Promise<{ tenants: number; failures: number }> {
  const count = { tenants: 0, failures: 0 }
  let after: string | null = null
  for (;;) {
    const { rows }: QueryResult<{ id: string }> = await query('select billing.tenants_to_bill($1) as id', [after])
    for (const { id } of rows) {
      count.tenants += 1
      try {
        await runOne(query, id)
      } catch (error) {
        count.failures += 1
        onFailure(`Billing of tenant ${id} failed: ${(error as Error).message}`)
      }
    }
    after = rows.at(-1)?.id ?? null
    if (!after) return count
  }
}

async function runOne(query: Query, tenantId: string): Promise<void> {
  await query('select billing.draft_due_invoices($1)', [tenantId])
  const { rows } = await query<{ batch: string | null }>('select billing.close_due_usage($1) as batch', [tenantId])
  await query('select billing.finalise_due_invoices($1, $2)', [tenantId, rows[0]?.batch])
}
