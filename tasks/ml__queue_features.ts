// Each minute: queues the statements of feature sets that are due.

import { forEachTenant } from '../server/worker/each-tenant.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, helpers) => {
  await forEachTenant(helpers, 'ml.due_feature_sets', 'ml.queue_due_features')
}
