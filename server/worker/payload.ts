// Payloads that several tasks share.

import { z } from 'zod'

/** What the stages of a document hand to each other. */
export const documentsPayload = z.strictObject({
  tenantId: z.uuid(),
  documentIds: z.array(z.uuid()).min(1).max(1000),
})

export const tenantPayload = z.strictObject({ tenantId: z.uuid() })

export const invoicePayload = z.strictObject({ tenantId: z.uuid(), invoiceId: z.uuid() })

export const paymentMethodPayload = z.strictObject({ tenantId: z.uuid(), paymentMethodId: z.uuid() })
