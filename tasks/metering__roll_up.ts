// Each minute: adds what was used since to the roll-ups, a batch a transaction. Tenants take turns, so that a large one
// does not keep the others waiting; a second worker skips the tenant that another one is at.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, abortSignal }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ id: string }>('select id from metering.tenants_to_roll_up() as id'),
  )
  let waiting = rows.map(({ id }) => id)
  while (waiting.length > 0) {
    const left: string[] = []
    for (const id of waiting) {
      if (abortSignal?.aborted) return
      const counted = await withPgClient((client) =>
        client.query<{ count: number }>('select metering.roll_up_usage($1) as count', [id]),
      )
      if (counted.rows[0]?.count) left.push(id)
    }
    waiting = left
  }
}
