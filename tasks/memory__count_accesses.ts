// Each minute: adds recalls to the counts of memories, a batch a transaction. Tenants take turns.

import { noPayload, type TaskOf } from '../server/worker/task.ts'
import { takeTurns } from '../server/worker/turns.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = (_payload, helpers) =>
  takeTurns(helpers, 'select memory.tenants_with_accesses() as id', 'select memory.count_accesses($1) as count')
