// Each minute: writes down on the knowledge sources how far their documents are.

import type { Task } from 'graphile-worker'

export const task: Task = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select knowledge.refresh_sources()'))
}
