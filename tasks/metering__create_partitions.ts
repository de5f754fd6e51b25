// Each hour: makes the partitions of this month and the next ones, and moves what had none out of the default partitions.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '7 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select metering.create_partitions()'))
}
