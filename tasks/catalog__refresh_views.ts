// Each hour, and when asked: refreshes the materialized views, or the one that is named, while others read them.

import { z } from 'zod'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload.extend({ name: z.string().nullish() })
export const cron = '7 * * * *'

export const task: TaskOf<typeof payload> = async ({ name }, { withPgClient }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ name: string }>(
      'select name from observability.materialized_view_names() as name where name = $1 or $1 is null',
      [name],
    ),
  )
  // a transaction each, so that one that fails keeps none of the others back
  for (const view of rows) {
    await withPgClient((client) => client.query('select observability.refresh_materialized_view_now($1)', [view.name]))
  }
}
