// The payloads of tasks.

import { z } from 'zod'

/** What the stages of a document hand to each other. */
export const documentsPayload = z.strictObject({
  tenantId: z.uuid(),
  documentIds: z.array(z.uuid()).min(1).max(1000),
})

export const invitationPayload = z.strictObject({
  tenantId: z.uuid(),
  invitationId: z.uuid(),
  deliveryNumber: z.int().min(1),
})

export const noticeMailPayload = z.strictObject({ tenantId: z.uuid(), mailId: z.uuid() })

export const tenantPayload = z.strictObject({ tenantId: z.uuid() })

export const modelPayload = z.strictObject({ modelId: z.uuid() })

export const invoicePayload = z.strictObject({ tenantId: z.uuid(), invoiceId: z.uuid() })

export const refundPayload = z.strictObject({ tenantId: z.uuid(), refundId: z.uuid() })

export const paymentMethodPayload = z.strictObject({ tenantId: z.uuid(), paymentMethodId: z.uuid() })

/** None is named when all are meant; what the clock queues says when it was due. */
export const viewPayload = z.strictObject({ name: z.string().nullish(), _cron: z.unknown().optional() })
