// Each minute: adds the operations since then to the counts by day, a batch a transaction. Tenants take turns, so that a large
// one does not keep the others waiting; a second worker waits for the first at the same tenant.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, abortSignal }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ id: string }>('select id from observability.tenants_to_roll_up() as id'),
  )
  let waiting = rows.map(({ id }) => id)
  while (waiting.length > 0) {
    const left: string[] = []
    for (const id of waiting) {
      if (abortSignal?.aborted) return
      const counted = await withPgClient((client) =>
        client.query<{ count: number }>('select observability.roll_up_operations($1) as count', [id]),
      )
      if (counted.rows[0]?.count) left.push(id)
    }
    waiting = left
  }
}
