// Each morning: queues mails about obligations whose deadline is near or past.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '12 6 * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select governance.queue_deadline_reminders()'))
}
