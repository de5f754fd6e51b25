// A real SMTP server in the test's process, which keeps what it gets and refuses when it is told to.

import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'

export type MailServer = {
  url: string
  mails: Email[]
  /** What it answers instead of taking a mail. */
  refusal: { responseCode: number } | undefined
  /** Called when the answer that a mail is taken is on its way. */
  onTaken: ((mail: Email) => void) | undefined
  close: () => Promise<void>
}

/** A mail server for the tests of a file: named by the environment, obliging, and without mails before each. */
export function useMailServer(): MailServer {
  const server = {} as MailServer
  const saved = { ...process.env }
  beforeAll(() => start(server))
  afterAll(() => server.close())
  beforeEach(() => {
    Object.assign(server, { mails: [], refusal: undefined, onTaken: undefined })
    process.env.SMTP_URL = server.url
    process.env.MAIL_FROM = 'Rowhouse <mail@rowhouse.test>'
    process.env.APP_URL = 'https://app.example.test/'
  })
  afterEach(() => {
    for (const name of ['SMTP_URL', 'MAIL_FROM', 'APP_URL', 'NODE_ENV', 'ROWHOUSE_DATA_DIR']) {
      if (saved[name] === undefined) delete process.env[name]
      else process.env[name] = saved[name]
    }
  })
  return server
}

async function start(server: MailServer): Promise<void> {
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onRcptTo: (_address, _session, callback) =>
      callback(server.refusal ? Object.assign(new Error('mailbox secret-host-17 is full'), server.refusal) : null),
    onData: (stream, _session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        const mail = await PostalMime.parse(Buffer.concat(chunks))
        server.mails.push(mail)
        callback()
        server.onTaken?.(mail)
      })
    },
  })
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve))
  const { port } = (smtp.server as unknown as { address: () => AddressInfo }).address()
  Object.assign(server, {
    url: `smtp://127.0.0.1:${port}`,
    mails: [],
    refusal: undefined,
    onTaken: undefined,
    close: () => new Promise<void>((resolve) => smtp.close(resolve)),
  })
}
