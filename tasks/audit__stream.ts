// Each minute: sends the sealed entries of the audit to the SIEM, at least once and in order.

import { deliver, nameOf } from '../server/audit/destinations.ts'
import { loadConfig } from '../server/config.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

const entriesATime = 500

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  const { AUDIT_STREAM: stream } = loadConfig(process.env)
  if (!stream) return
  const destination = nameOf(stream)
  for (;;) {
    const { rows } = await withPgClient((client) =>
      client.query<{ id: string; line: string }>('select * from audit.entries_to_stream($1, $2)', [
        destination,
        entriesATime,
      ]),
    )
    if (rows.length === 0) return
    await deliver(
      stream,
      rows.map(({ line }) => line),
    )
    await withPgClient((client) => client.query('select audit.delivered($1, $2)', [destination, rows.at(-1)?.id]))
  }
}
