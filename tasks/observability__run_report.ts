// Makes one run of a report. A fault of its statement ends the run; a fault of the platform is tried again.

import { z } from 'zod'
import { ReportError, type Result, runStatement, type Statement } from '../server/reports/run.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), runId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ tenantId, runId }, { withPgClient, job }) => {
  const { rows } = await withPgClient((client) =>
    client.query<Statement & { attempt: number }>(
      'select attempt, statement, types, "values", timezone from observability.begin_report_run($1, $2)',
      [tenantId, runId],
    ),
  )
  const run = rows[0]
  // it is over, or was cancelled
  if (!run) return

  const finish = (result: Result | undefined, error: string | null): Promise<unknown> =>
    withPgClient((client) =>
      client.query('select observability.finish_report_run($1, $2, $3, $4, $5, $6)', [
        tenantId,
        runId,
        run.attempt,
        result && JSON.stringify(result.columns),
        result && JSON.stringify(result.rows),
        error,
      ]),
    )
  try {
    await finish(await withPgClient((client) => runStatement(client, tenantId, run)), null)
  } catch (error) {
    if (error instanceof ReportError) return void (await finish(undefined, error.message))
    if (job.attempts >= job.max_attempts) await finish(undefined, 'It could not be run.')
    throw error
  }
}
