// Sends what waits for webhook endpoints, of all tenants, until nothing is due. Calls wait for slow receivers beside each other,
// so a slow one takes one of many places and no worker's time. The clock runs it each minute, for what is to be tried again.

import { loadConfig } from '../server/config.ts'
import { createOutgoing } from '../server/outgoing.ts'
import { createSender, type Sender } from '../server/webhooks.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

/** After this time another job goes on, so that a worker can stop. */
const turnMs = 60_000
const longestAnswerMs = 15_000
/** Several tenants may have receivers at one host. */
const connectionsPerHost = 16

/** One for all jobs of this process, so that one slot of the worker is enough for all calls. */
let sender: Sender | undefined

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, abortSignal, addJob }) => {
  sender ??= createSender(
    createOutgoing({
      allow: loadConfig(process.env).OUTGOING_ALLOW,
      limits: { totalMs: longestAnswerMs, connectionsPerHost },
    }),
  )
  const turn = AbortSignal.any([abortSignal, AbortSignal.timeout(turnMs)])
  if (!(await sender.send(withPgClient, turn))) await addJob('webhooks__deliver', {})
}
