// Each night: deletes prompts and completions that are older than their tenant keeps them.

import type { Task } from 'graphile-worker'

export const task: Task = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query('select metering.drop_llm_texts()'))
}
