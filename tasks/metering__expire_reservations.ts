// Gives back what expired reservations hold, and forgets the windows of rate limits that nobody uses any more.

import type { Task } from 'graphile-worker'

export const task: Task = async (_payload, { withPgClient }) => {
  await withPgClient(async (client) => {
    await client.query('select metering.expire_reservations()')
    await client.query('select metering.forget_rate_windows()')
  })
}
