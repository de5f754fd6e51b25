// Takes facts of agents that have expired out of the search, and brings in those that begin to hold.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '*/5 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select runtime.refresh_facts()'))
}
