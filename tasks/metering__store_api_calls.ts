// Each minute: books the requests served since as usage, some thousands a transaction.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, abortSignal }) => {
  while (!abortSignal?.aborted) {
    const { rows } = await withPgClient((client) =>
      client.query<{ count: string }>('select metering.store_api_calls() as count'),
    )
    if (rows[0]?.count === '0') return
  }
}
