// Sends one person the mail of one billing notice or quota alert. Taken again after a worker died, it sends the same
// mail, under the same Message-ID.

import type { Task } from 'graphile-worker'
import { loadConfig } from '../server/config.ts'
import { MailError, sendMail } from '../server/mail.ts'
import { type Notice, noticeMail } from '../server/mail-notice.ts'
import { noticeMailPayload } from '../server/worker/payload.ts'

export const task: Task = async (payload, { withPgClient, job, logger }) => {
  const { tenantId, mailId } = noticeMailPayload.parse(payload)
  const { rows } = await withPgClient((client) =>
    client.query<Notice & { attempt: number }>(
      `select attempt, email, tenant_name as "tenantName", subject, message, setting
         from app_private.begin_notice_mail($1, $2)`,
      [tenantId, mailId],
    ),
  )
  const notice = rows[0]
  // sent already, or not wanted any more
  if (!notice) return

  const config = loadConfig(process.env)
  const finish = (error: string | null, isLastAttempt: boolean) =>
    withPgClient((client) =>
      client.query('select app_private.finish_notice_mail($1, $2, $3, $4, $5)', [
        tenantId,
        mailId,
        notice.attempt,
        error,
        isLastAttempt,
      ]),
    )
  try {
    const path = await sendMail(config, noticeMail(config.APP_URL, mailId, notice))
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
