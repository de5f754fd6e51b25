// Moves what searches wrote down from their buffer to query_logs.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select search.store_query_logs()'))
}
