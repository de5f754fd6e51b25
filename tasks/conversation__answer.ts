// Gives answers in conversations, of all tenants, until none waits. A job comes with each message that is sent; the clock is a net, for
// answers that a worker left behind. Answers that come slowly are beside each other, in one slot of the worker.

import { z } from 'zod'
import { loadConfig } from '../server/config.ts'
import { createAnswerRunner } from '../server/conversation/index.ts'
import { modelOutgoing } from '../server/models/index.ts'
import { createOutgoing } from '../server/outgoing.ts'
import { workerKeyRing } from '../server/secrets.ts'
import type { SideBySide } from '../server/worker/side-by-side.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid().optional(), _cron: z.unknown().optional() })
export const cron = '* * * * *'

/** After this time another job goes on, so that others get the slot. */
const turnMs = 60_000
/** No tool may take longer (tools.timeout_seconds); each has its own limit. */
const longestMs = 3_600_000
const connectionsPerHost = 16

/** One for all jobs of a worker, so that one slot is enough for all answers; the signal is the worker's, and ends when it stops. */
const runners = new WeakMap<AbortSignal, Promise<SideBySide>>()

async function openRunner(stopping: AbortSignal): Promise<SideBySide> {
  return createAnswerRunner({
    keyRing: await workerKeyRing(),
    tools: createOutgoing({
      allow: loadConfig(process.env).OUTGOING_ALLOW,
      limits: { headersMs: longestMs, totalMs: longestMs, connectionsPerHost },
    }),
    models: modelOutgoing(),
    stopping,
  })
}

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, abortSignal, addJob }) => {
  const opened = runners.get(abortSignal) ?? openRunner(abortSignal)
  runners.set(abortSignal, opened)
  const runner = await opened
  const turn = AbortSignal.any([abortSignal, AbortSignal.timeout(turnMs)])
  if (!(await runner.work(withPgClient, turn))) await addJob('conversation__answer', {})
}
