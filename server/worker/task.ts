// What a file of tasks/ is: it exports its payload's schema, the task, and, if it runs by the clock, its cron line.

import type { JobHelpers } from 'graphile-worker'
import { z } from 'zod'

export type TaskOf<Payload extends z.ZodType> = (payload: z.infer<Payload>, helpers: JobHelpers) => Promise<void>

export type TaskModule<Payload extends z.ZodType = z.ZodType> = {
  /** A job whose payload does not fit fails before the task sees it. */
  payload: Payload
  task: TaskOf<Payload>
  /** When the clock runs it: five crontab fields, in UTC. */
  cron?: string
}

/** For a task that is given nothing; the clock adds when the job was due. */
export const noPayload = z.strictObject({ _cron: z.unknown().optional() })
