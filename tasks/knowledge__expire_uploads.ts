// Forgets the upload tickets that nobody used in time.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '*/10 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select knowledge.delete_expired_tickets()'))
}
