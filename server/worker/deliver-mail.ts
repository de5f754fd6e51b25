// The end of every task that sends a mail: it goes out or is tried again, and the database is told which.

import type { JobHelpers } from 'graphile-worker'
import { type Config, loadConfig } from '../config.ts'
import { type Mail, MailError, sendMail } from '../mail.ts'

export async function deliverMail(
  { job, logger }: Pick<JobHelpers, 'job' | 'logger'>,
  makeMail: (appUrl: Config['APP_URL']) => Mail,
  finish: (error: string | null, isLastAttempt: boolean) => Promise<unknown>,
): Promise<void> {
  const config = loadConfig(process.env)
  try {
    const path = await sendMail(config, makeMail(config.APP_URL))
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
