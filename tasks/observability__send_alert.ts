// Sends one notification of an alert: a mail to one person, or a message to the tenant's Slack. When it runs again after a worker
// died, it sends the same mail under the same Message-ID.

import { z } from 'zod'
import { type AlertMessage, slackMessage } from '../server/alert-message.ts'
import { loadConfig } from '../server/config.ts'
import { noticeMail } from '../server/mail-notice.ts'
import { createOutgoing, OutgoingError } from '../server/outgoing.ts'
import { deliverMail } from '../server/worker/deliver-mail.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), notificationId: z.uuid() })

type Begun = AlertMessage & { attempt: number; channel: 'email' | 'slack'; email: string; slackUrl: string }

const longestAnswerMs = 15_000

export const task: TaskOf<typeof payload> = async ({ tenantId, notificationId }, helpers) => {
  const { withPgClient, job } = helpers
  const { rows } = await withPgClient((client) =>
    client.query<Begun>(
      `select attempt, channel, email, slack_url as "slackUrl", tenant_name as "tenantName", subject, message, severity, state
         from observability.begin_notification($1, $2)`,
      [tenantId, notificationId],
    ),
  )
  const notification = rows[0]
  // it was already sent, or it is no longer wanted
  if (!notification) return

  const finish = (error: string | null, isLastAttempt: boolean): Promise<unknown> =>
    withPgClient((client) =>
      client.query('select observability.finish_notification($1, $2, $3, $4, $5)', [
        tenantId,
        notificationId,
        notification.attempt,
        error,
        isLastAttempt,
      ]),
    )
  if (notification.channel === 'email')
    return deliverMail(
      helpers,
      (appUrl) => noticeMail(appUrl, notificationId, { ...notification, setting: 'email' }),
      finish,
    )
  const error = await sendToSlack(notification)
  await finish(error, job.attempts >= job.max_attempts)
  if (error) throw new Error(error)
}

/** What went wrong, in words that the tenant's people may read; null when nothing did. */
async function sendToSlack(notification: Begun): Promise<string | null> {
  const { OUTGOING_ALLOW: allow, APP_URL: appUrl } = loadConfig(process.env)
  const outgoing = createOutgoing({ allow, limits: { totalMs: longestAnswerMs } })
  try {
    const { status } = await outgoing.post(notification.slackUrl, {
      headers: { 'content-type': 'application/json' },
      body: slackMessage(notification, appUrl),
      prefixBytes: 100,
    })
    return status >= 200 && status < 300 ? null : `Slack answered ${status}.`
  } catch (error) {
    if (error instanceof OutgoingError) return error.message
    throw error
  } finally {
    await outgoing.close()
  }
}
