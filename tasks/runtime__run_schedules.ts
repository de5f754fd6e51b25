// Each minute: runs the schedules that are due, and those that waited for the end of an earlier run. Two workers at once skip what
// the other has locked.

import { forEachTenant } from '../server/worker/each-tenant.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, helpers) => {
  await forEachTenant(helpers, 'runtime.tenants_with_due_schedules', 'runtime.run_due_schedules')
  await forEachTenant(helpers, 'runtime.tenants_with_open_runs', 'runtime.settle_runs')
}
