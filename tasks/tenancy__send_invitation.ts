// Sends the mail of an invitation. Each attempt gets a token of its own, which is nowhere but in the mail. The message id is
// the same for all attempts: a worker may be killed after the mail server has taken the mail.

import { z } from 'zod'
import { type Invitation, invitationMail } from '../server/mail-invitation.ts'
import { deliverMail } from '../server/worker/deliver-mail.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({
  tenantId: z.uuid(),
  invitationId: z.uuid(),
  deliveryNumber: z.int().min(1),
})

export const task: TaskOf<typeof payload> = async ({ tenantId, invitationId, deliveryNumber }, helpers) => {
  const { withPgClient } = helpers
  const key = [tenantId, invitationId, deliveryNumber]
  const { rows } = await withPgClient((client) =>
    client.query<Invitation>(
      `select email, token, tenant_name as "tenantName", inviter_name as "inviterName", role, message, expires_at as "expiresAt"
         from tenancy.begin_invitation_delivery($1, $2, $3)`,
      key,
    ),
  )
  const invitation = rows[0]
  // revoked, expired, answered or sent anew since it was queued
  if (!invitation) return

  await deliverMail(
    helpers,
    (appUrl) => invitationMail(appUrl, invitation, `${invitationId}-${deliveryNumber}`),
    (error, isLastAttempt) =>
      withPgClient((client) =>
        client.query('select tenancy.finish_invitation_delivery($1, $2, $3, $4, $5)', [...key, error, isLastAttempt]),
      ),
  )
}
