// Mail: handed to the mail server of SMTP_URL; without one, in development, kept as a file that a mail program opens.

import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import type { Config } from './config.ts'
import type { Check } from './inspection.ts'

export type Mail = {
  to: string
  subject: string
  text: string
  html: string
  /** The same for each attempt, so that a mail that goes out twice is one mail to those who look at it. */
  messageId?: string
  attachments?: { file_name: string; media_type: string; content: Buffer }[]
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => escapes[character] as string)

/** Why a mail did not go out, in words that a tenant's administrators may read: nothing of the server's own answer. */
export class MailError extends Error {
  readonly isPermanent: boolean
  constructor(message: string, isPermanent: boolean, cause?: unknown) {
    super(message, { cause })
    this.isPermanent = isPermanent
  }
}

// a server that is not heard of must not keep a worker
const patience = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 }

/** Sends a mail, or keeps it; returns the file it is kept in. */
export async function sendMail(config: Config, mail: Mail): Promise<string | undefined> {
  const message = {
    from: config.MAIL_FROM,
    // as an object, so that nothing in an address is taken for a second one
    to: { name: '', address: mail.to },
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    messageId: mail.messageId,
    attachments: mail.attachments?.map(({ file_name: filename, media_type: contentType, content }) => ({
      filename,
      contentType,
      content,
    })),
    headers: { 'auto-submitted': 'auto-generated' },
  }
  if (config.SMTP_URL) {
    try {
      await createTransport({ url: config.SMTP_URL, ...patience }).sendMail(message)
    } catch (error) {
      throw new MailError(reasonOf(error), false, error)
    }
    return undefined
  }
  if (config.isProduction) throw new MailError('No mail server is set up (SMTP_URL).', true)
  const { message: bytes } = await createTransport({ streamTransport: true, buffer: true }).sendMail(message)
  const directory = join(config.ROWHOUSE_DATA_DIR, 'mail')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(
    directory,
    // two mails of the same moment are two files
    `${new Date().toISOString().replaceAll(':', '-')}-${randomUUID().slice(0, 8)}-${mail.to.replace(/[^\w.@-]/g, '_')}.eml`,
  )
  await writeFile(path, bytes as Buffer, { mode: 0o600 })
  return path
}

/** Whether the mail server takes our login, as a check of the platform's health. */
export async function checkMail(config: Config): Promise<Check> {
  const found = (status: string, message: string): Check => ({ part: 'mail', name: 'mail_server', status, message })
  if (!config.SMTP_URL) {
    return config.isProduction
      ? found('failing', 'No mail server is set up (SMTP_URL).')
      : found('ok', 'There is no mail server (SMTP_URL): mails are kept as files.')
  }
  try {
    await createTransport({ url: config.SMTP_URL, ...patience }).verify()
    return found('ok', 'The mail server answers.')
  } catch (error) {
    return found('failing', reasonOf(error))
  }
}

function reasonOf(error: unknown): string {
  const { responseCode, code } = error as { responseCode?: number; code?: string }
  // an answer to the login has a responseCode, too
  if (code === 'EAUTH') return 'The mail server refused the login.'
  if (responseCode) return `The mail server refused the mail (${responseCode}).`
  if (code === 'ETLS') return 'No secure connection to the mail server could be made.'
  return 'The mail server could not be reached.'
}
