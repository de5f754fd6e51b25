// Each minute: writes down on the knowledge sources how far their documents are.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select knowledge.refresh_sources()'))
}
