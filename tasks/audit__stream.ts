// Each minute: sends the sealed entries of the audit to the SIEM, at least once and in order.

import { deliverAll } from '../server/audit/sealing.ts'
import { loadConfig } from '../server/config.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  const { AUDIT_STREAM: stream } = loadConfig(process.env)
  if (!stream) return
  await deliverAll(
    (text, values) => withPgClient(async (client) => (await client.query(text, values)).rows as never),
    stream,
    'entries_to_stream',
  )
}
