// Sends one person the mail about one billing notice or quota alert. When it runs again after a worker died, it sends the same
// mail under the same Message-ID.

import { z } from 'zod'
import { type Notice, noticeMail } from '../server/mail-notice.ts'
import { deliverMail } from '../server/worker/deliver-mail.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), mailId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ tenantId, mailId }, helpers) => {
  const { withPgClient } = helpers
  const { rows } = await withPgClient((client) =>
    client.query<Notice & { attempt: number }>(
      `select attempt, email, tenant_name as "tenantName", subject, message, setting
         from billing.begin_notice_mail($1, $2)`,
      [tenantId, mailId],
    ),
  )
  const notice = rows[0]
  // the mail was already sent, or it is no longer wanted
  if (!notice) return

  await deliverMail(
    helpers,
    (appUrl) => noticeMail(appUrl, mailId, notice),
    (error, isLastAttempt) =>
      withPgClient((client) =>
        client.query('select billing.finish_notice_mail($1, $2, $3, $4, $5)', [
          tenantId,
          mailId,
          notice.attempt,
          error,
          isLastAttempt,
        ]),
      ),
  )
}
