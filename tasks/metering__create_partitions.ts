// Each hour: makes the partitions of this month and the next ones, and moves what had none out of the default partitions.

import type { Task } from 'graphile-worker'

export const task: Task = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select metering.create_partitions()'))
}
