// Each quarter of an hour: verifies the audits of tenants that were not verified in the last hour. What does not verify raises an
// alert of the platform.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '*/15 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, abortSignal, logger }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ id: string }>('select id from observability.audits_to_verify() as id'),
  )
  for (const { id } of rows) {
    if (abortSignal?.aborted) return
    const verified = await withPgClient((client) =>
      client.query<{ count: number }>('select observability.verify_audit($1) as count', [id]),
    )
    if (verified.rows[0]?.count) logger.error(`The audit of the tenant ${id} does not verify`)
  }
}
