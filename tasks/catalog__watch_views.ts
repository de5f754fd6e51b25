// Every five minutes: raises an alert for a materialized view that is too old, and has it refreshed.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '*/5 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, logger }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ raised: number }>('select observability.watch_materialized_views() as raised'),
  )
  if (rows[0]?.raised) logger.warn(`${rows[0].raised} materialized views are older than they may be`)
}
