// Each minute: takes tasks from holders whose lease has ended, and gives those that took too long to supervisors, a batch a
// transaction. Two workers at once skip what the other has locked.

import type { JobHelpers } from 'graphile-worker'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, helpers) => {
  await forEachTenant(helpers, 'runtime.tenants_with_ended_leases', 'runtime.expire_leases_of')
  await forEachTenant(helpers, 'runtime.tenants_with_slow_tasks', 'runtime.escalate_tasks_of')
}

async function forEachTenant({ withPgClient, abortSignal }: JobHelpers, listed: string, work: string): Promise<void> {
  const { rows } = await withPgClient((client) => client.query<{ id: string }>(`select id from ${listed}() as id`))
  for (const { id } of rows) {
    for (let count = 1; count > 0 && !abortSignal?.aborted; ) {
      const done = await withPgClient((client) =>
        client.query<{ count: number }>(`select ${work}($1) as count`, [id]),
      )
      count = done.rows[0]?.count ?? 0
    }
  }
}
