// Each hour: decides which memories of sessions are kept for the long term, a batch a transaction. Tenants take turns.

import { noPayload, type TaskOf } from '../server/worker/task.ts'
import { takeTurns } from '../server/worker/turns.ts'

export const payload = noPayload
export const cron = '37 * * * *'

export const task: TaskOf<typeof payload> = (_payload, helpers) =>
  takeTurns(helpers, 'select memory.tenants_to_consolidate() as id', 'select memory.consolidate($1) as count')
