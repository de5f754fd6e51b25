// Each minute: adds what was used since to the roll-ups, a batch a transaction. Tenants take turns, so that a large one
// does not keep the others waiting; a second worker skips the tenant that another one is at.

import { noPayload, type TaskOf } from '../server/worker/task.ts'
import { takeTurns } from '../server/worker/turns.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = (_payload, helpers) =>
  takeTurns(helpers, 'select metering.tenants_to_roll_up() as id', 'select metering.roll_up_usage($1) as count')
