// Runs the statement of a feature set, as that of a report, and stores its rows. A fault of the statement is kept with the set; a
// fault of the platform is tried again.

import { z } from 'zod'
import { ReportError, type Result, runStatement, type Statement } from '../server/reports/run.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({
  tenantId: z.uuid(),
  featureSetId: z.uuid(),
  at: z.iso.datetime(),
  isBackfill: z.boolean(),
})

export const task: TaskOf<typeof payload> = async ({ tenantId, featureSetId, at, isBackfill }, { withPgClient }) => {
  const { rows } = await withPgClient((client) =>
    client.query<Statement>('select statement, types, "values", timezone from ml.begin_computation($1, $2, $3)', [
      tenantId,
      featureSetId,
      at,
    ]),
  )
  const statement = rows[0]
  // the set is gone, or has no statement any more
  if (!statement) return

  const finish = (result: Result | undefined, error: string | null): Promise<unknown> =>
    withPgClient((client) =>
      client.query('select ml.finish_computation($1, $2, $3, $4, $5, $6, $7)', [
        tenantId,
        featureSetId,
        at,
        isBackfill,
        result?.columns.map(({ name }) => name),
        result && JSON.stringify(result.rows),
        error,
      ]),
    )
  try {
    await finish(await withPgClient((client) => runStatement(client, tenantId, statement)), null)
  } catch (error) {
    if (!(error instanceof ReportError)) throw error
    await finish(undefined, error.message)
  }
}
