// Compares a source with the place its documents come from, for one turn of two minutes; what is left goes on in another job.

import { z } from 'zod'
import { loadConfig } from '../server/config.ts'
import { createOutgoing, type Outgoing } from '../server/outgoing.ts'
import { callOf, syncSource } from '../server/sources/sync.ts'
import { SourceError } from '../server/sources/types.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), sourceId: z.uuid(), run: z.int().positive() })

/** One for all jobs of this process, so that a host has few calls at once whoever names it. */
let outgoing: Outgoing | undefined

export const task: TaskOf<typeof payload> = async (run, helpers) => {
  outgoing ??= createOutgoing({ allow: loadConfig(process.env).OUTGOING_ALLOW })
  const call = callOf(run, helpers)
  const fail = (why: string): Promise<unknown> => call('knowledge.fail_sync($1, $2, $3, $4)', [why])
  try {
    if (!(await syncSource(run, outgoing, helpers))) await call('knowledge.continue_sync($1, $2, $3)')
  } catch (error) {
    if (error instanceof SourceError) {
      await fail(error.message)
      return
    }
    // the queue tries again later, and the run goes on where it was
    if (helpers.job.attempts >= helpers.job.max_attempts) await fail('The source could not be read to its end.')
    throw error
  }
}
