// Gives back what expired reservations hold, and forgets the windows of rate limits that nobody uses any more.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  await withPgClient(async (client) => {
    await client.query('select metering.expire_reservations()')
    await client.query('select metering.forget_rate_windows()')
  })
}
