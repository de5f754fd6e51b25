// Each night: deletes prompts and completions that are older than their tenant keeps them.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '23 3 * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select metering.drop_llm_texts()'))
}
