// Each minute: gives approvals to which nobody answered in time their default answer, a tenant at a time.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ id: string }>('select runtime.tenants_with_expired_approvals() as id'),
  )
  for (const { id } of rows) {
    for (let expired = 1; expired > 0; ) {
      const answer = await withPgClient((client) =>
        client.query<{ count: number }>('select runtime.expire_approvals($1) as count', [id]),
      )
      expired = answer.rows[0]?.count ?? 0
    }
  }
}
