// Each hour: the errors and the drift of the models that answer.

import { forEachTenant } from '../server/worker/each-tenant.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '7 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, helpers) => {
  await forEachTenant(helpers, 'ml.tenants_to_measure', 'ml.measure_models_of')
}
