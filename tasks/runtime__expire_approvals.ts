// Each minute: gives approvals to which nobody answered in time their default answer.

import { forEachTenant } from '../server/worker/each-tenant.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = (_payload, helpers) =>
  forEachTenant(helpers, 'runtime.tenants_with_expired_approvals', 'runtime.expire_approvals')
