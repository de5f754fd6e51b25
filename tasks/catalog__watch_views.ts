// Every five minutes: raises an alert for a materialized view that is too old, and has it refreshed.

import type { Task } from 'graphile-worker'

export const task: Task = async (_payload, { withPgClient, logger }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ raised: number }>('select observability.watch_materialized_views() as raised'),
  )
  if (rows[0]?.raised) logger.warn(`${rows[0].raised} materialized views are older than they may be`)
}
