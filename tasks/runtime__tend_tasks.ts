// Each minute: takes tasks from holders whose lease has ended, and gives those that took too long to supervisors, a batch a
// transaction. Two workers at once skip what the other has locked.

import { forEachTenant } from '../server/worker/each-tenant.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, helpers) => {
  await forEachTenant(helpers, 'runtime.tenants_with_ended_leases', 'runtime.expire_leases_of')
  await forEachTenant(helpers, 'runtime.tenants_with_slow_tasks', 'runtime.escalate_tasks_of')
}
