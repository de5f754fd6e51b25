// Each hour: forgets the idempotency keys of events that are older than 35 days, a batch a transaction.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '23 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, abortSignal }) => {
  for (;;) {
    const { rows } = await withPgClient((client) =>
      client.query<{ count: number }>('select observability.forget_keys() as count'),
    )
    if (!rows[0]?.count || abortSignal?.aborted) return
  }
}
