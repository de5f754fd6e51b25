// Each hour: deletes webhook deliveries that are older than the log is kept, some thousands at a time.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '23 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  for (let deleted = 1; deleted > 0; ) {
    const { rows } = await withPgClient((client) =>
      client.query<{ count: number }>('select webhooks.expire_deliveries() as count'),
    )
    deleted = rows[0]?.count ?? 0
  }
}
