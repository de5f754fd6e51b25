// Ends the sessions of people who went without a word.

import type { Task } from 'graphile-worker'

export const task: Task = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select tenancy.end_idle_sessions()'))
}
