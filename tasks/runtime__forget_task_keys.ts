// Each hour: deletes idempotency keys of tasks that have expired, some thousands at a time.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '41 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  for (let deleted = 1; deleted > 0; ) {
    const { rows } = await withPgClient((client) =>
      client.query<{ count: number }>('select runtime.forget_task_keys() as count'),
    )
    deleted = rows[0]?.count ?? 0
  }
}
