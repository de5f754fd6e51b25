// The payload that the stages of a document hand to each other.

import { z } from 'zod'

export const documentsPayload = z.strictObject({
  tenantId: z.uuid(),
  documentIds: z.array(z.uuid()).min(1).max(1000),
})
