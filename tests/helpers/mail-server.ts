// A real SMTP server in the test's process, which keeps what it gets and refuses when it is told to.

import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'

export type MailServer = {
  url: string
  mails: Email[]
  /** What it answers instead of taking a mail. */
  refusal: { responseCode: number } | undefined
  close: () => Promise<void>
}

export async function startMailServer(): Promise<MailServer> {
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onRcptTo: (_address, _session, callback) =>
      callback(started.refusal ? Object.assign(new Error('mailbox secret-host-17 is full'), started.refusal) : null),
    onData: (stream, _session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        started.mails.push(await PostalMime.parse(Buffer.concat(chunks)))
        callback()
      })
    },
  })
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve))
  const { port } = (smtp.server as unknown as { address: () => AddressInfo }).address()
  const started: MailServer = {
    url: `smtp://127.0.0.1:${port}`,
    mails: [],
    refusal: undefined,
    close: () => new Promise<void>((resolve) => smtp.close(resolve)),
  }
  return started
}
