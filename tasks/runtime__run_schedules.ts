// Each minute: runs the schedules that are due, a tenant at a time, and those that waited for the end of an earlier run.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ id: string }>('select runtime.tenants_with_schedules_to_run() as id'),
  )
  for (const { id } of rows) {
    for (let run = 1; run > 0; ) {
      const answer = await withPgClient((client) =>
        client.query<{ count: number }>('select runtime.run_due_schedules($1) as count', [id]),
      )
      run = answer.rows[0]?.count ?? 0
    }
    await withPgClient((client) => client.query('select runtime.start_queued_runs($1)', [id]))
  }
}
