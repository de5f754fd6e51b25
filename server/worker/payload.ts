// The payloads of tasks.

import { z } from 'zod'

/** What the stages of a document hand to each other. */
export const documentsPayload = z.strictObject({
  tenantId: z.uuid(),
  documentIds: z.array(z.uuid()).min(1).max(1000),
})

export const tenantPayload = z.strictObject({ tenantId: z.uuid() })

export const modelPayload = z.strictObject({ modelId: z.uuid() })

/** None is named when all are meant; what the clock queues says when it was due. */
export const viewPayload = z.strictObject({ name: z.string().nullish(), _cron: z.unknown().optional() })
