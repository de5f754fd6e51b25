// Each minute: does what is due of runs of workflows, a tree of runs at a time. Leases that ended
// give their steps back, waits and pauses end, deadlines pass.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  for (let isDue = true; isDue; ) {
    const { rows } = await withPgClient((client) =>
      client.query<{ is_due: boolean }>('select runtime.wake_workflow_run() as is_due'),
    )
    isDue = rows[0]?.is_due ?? false
  }
}
