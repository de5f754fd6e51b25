// Sends the mail of an invitation. Each attempt gets a token of its own, which is nowhere but in the mail.

import type { Task } from 'graphile-worker'
import { loadConfig } from '../server/config.ts'
import { MailError, sendMail } from '../server/mail.ts'
import { type Invitation, invitationMail } from '../server/mail-invitation.ts'
import { invitationPayload } from '../server/worker/payload.ts'

export const task: Task = async (payload, { withPgClient, job, logger }) => {
  const { tenantId, invitationId, deliveryNumber } = invitationPayload.parse(payload)
  const key = [tenantId, invitationId, deliveryNumber]
  const { rows } = await withPgClient((client) =>
    client.query<Invitation>(
      `select email, token, tenant_name as "tenantName", inviter_name as "inviterName", role, message, expires_at as "expiresAt"
         from app_private.begin_invitation_delivery($1, $2, $3)`,
      key,
    ),
  )
  const invitation = rows[0]
  // revoked, expired, answered or sent anew since it was queued
  if (!invitation) return

  const config = loadConfig(process.env)
  const finish = (error: string | null, isLastAttempt: boolean) =>
    withPgClient((client) =>
      client.query('select app_private.finish_invitation_delivery($1, $2, $3, $4, $5)', [...key, error, isLastAttempt]),
    )
  try {
    const path = await sendMail(config, invitationMail(config.APP_URL, invitation))
    if (path) logger.warn(`There is no mail server (SMTP_URL): the mail is in ${path}`)
  } catch (error) {
    const { message, isPermanent } =
      error instanceof MailError ? error : { message: 'The mail could not be made.', isPermanent: false }
    await finish(message, isPermanent || job.attempts >= job.max_attempts)
    if (isPermanent) return
    throw error
  }
  await finish(null, true)
}
