// The mail of an invitation, sent by the real worker to a real SMTP server in this process.

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import PostalMime, { type Email } from 'postal-mime'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { useMailServer } from '../helpers/mail-server.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { startTestWorker, type TestWorker } from '../helpers/worker.ts'

const db = useDatabase()
const smtp = useMailServer()
let server: TestServer
let worker: TestWorker

beforeAll(async () => {
  server = await startTestServer(db.url)
  worker = await startTestWorker(db.url)
})
afterAll(async () => {
  await worker.stop()
  await server.close()
})

afterEach(async () => {
  // no mail of this test is tried again during the next
  for (;;) {
    const { rowCount } = await db.pool.query(
      `select from graphile_worker._private_jobs where payload ->> 'invitationId' is not null and locked_at is not null`,
    )
    if (!rowCount) break
  }
  await db.pool.query(`delete from graphile_worker._private_jobs where payload ->> 'invitationId' is not null`)
})

/** Does something that queues a mail, and waits until the worker has tried to send it. */
async function tried<T>(deed: () => Promise<T>): Promise<T> {
  const job = worker.nextJob('tenancy__send_invitation')
  const result = await deed()
  await job
  return result
}
const inviteUser = `mutation ($email: String!, $message: String) { inviteUser(input: {email: $email, role: admin, message: $message}) { invitation { id } } }`
const invite = (email: string, message = ''): Promise<string> =>
  tried(async () => {
    const { data } = await server.ask('owner@acme.test', inviteUser, { email, message })
    return data.inviteUser.invitation.id as string
  })
const delivery = async (id: string): Promise<Record<string, unknown>> =>
  (
    await server.ask(
      'owner@acme.test',
      '{ invitation(id: "ID") { status deliveryStatus deliveryAttempts deliveryError sentAt } }'.replace('ID', id),
    )
  ).data.invitation
/** The queue waits longer after each failure; here it does not, once the worker has let go of the job. */
async function tryAgain(id: string, attempts?: number): Promise<void> {
  for (;;) {
    const { rowCount } = await db.pool.query(
      `select from graphile_worker.reschedule_jobs(
         array(select id from graphile_worker._private_jobs where payload ->> 'invitationId' = $1), run_at => now(), attempts => $2)`,
      [id, attempts ?? null],
    )
    if (rowCount) return
  }
}
const tokenIn = (text: string | undefined): string =>
  text?.match(/https:\/\/app\.example\.test\/invitation#token=([\w-]{43})(?![\w-])/)?.[1] ?? ''
const accept = (email: string, token: string) =>
  server.ask(email, 'mutation ($token: String!) { acceptInvitation(input: {token: $token}) { tenant { slug } } }', {
    token,
  })

describe('the mail', () => {
  it('says who invites whom to what, as text and as HTML, with a link that works', async () => {
    const id = await invite('ann@example.test', 'Do come.\nWe have cake.')
    expect(await delivery(id)).toMatchObject({
      status: 'pending',
      deliveryStatus: 'sent',
      deliveryAttempts: 1,
      deliveryError: null,
      sentAt: expect.any(String),
    })
    expect(smtp.mails).toHaveLength(1)
    const mail = smtp.mails[0] as Email
    expect(mail.from).toMatchObject({ name: 'Rowhouse', address: 'mail@rowhouse.test' })
    expect(mail.to).toMatchObject([{ address: 'ann@example.test' }])
    expect(mail.subject).toBe('Invitation to ACME')
    for (const part of [mail.text, mail.html])
      for (const said of ['Owner of acme', 'ACME', 'an admin', 'We have cake.', 'ann@example.test'])
        expect(part).toContain(said)
    const token = tokenIn(mail.text)
    expect(mail.html).toContain(`"https://app.example.test/invitation#token=${token}"`)
    expect((await accept('ann@example.test', token)).data.acceptInvitation.tenant.slug).toBe('acme')
  })

  it('leaves the token nowhere in the database but as a hash', async () => {
    await invite('trace@example.test')
    const token = tokenIn(smtp.mails[0]?.text)
    const { rows: tables } = await db.pool.query<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = relnamespace
        where relkind in ('r', 'p') and (nspowner = 'rowhouse_owner'::regrole or nspname = 'graphile_worker')`,
    )
    for (const { name } of tables) {
      const { rows } = await db.pool.query(`select 1 from ${name} as t where t::text like '%' || $1 || '%'`, [token])
      expect([name, rows]).toEqual([name, []])
    }
  })

  it('shows names and messages as they are, and runs nothing of them', async () => {
    const name = `<script>alert("1")</script> & 'Co' <img src=x onerror=alert(2)>`
    await db.pool.query('update app_public.tenants set name = $1 where id = $2', [name, db.acme.id])
    await db.pool.query('update app_public.user_profiles set full_name = $1 where id = $2', [
      '"></p><a href="https://evil.example">Click</a>',
      db.acme.owner.userId,
    ])
    try {
      await invite('html@example.test', '</blockquote><h1>Pay here</h1>\r\nBcc: everyone@example.test')
      const mail = smtp.mails[0] as Email
      expect(mail.html).not.toMatch(/<script|<img|<h1|evil\.example"|<a href="https:\/\/evil/)
      expect(mail.html?.match(/<a /g)).toHaveLength(1)
      expect(mail.html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;Co&#39;')
      expect(mail.subject).toBe(`Invitation to ${name}`)
      expect(mail.text).toContain(name)
      expect(mail.to).toHaveLength(1)
      expect([mail.bcc ?? [], mail.cc ?? []]).toEqual([[], []])
    } finally {
      await db.pool.query(`update app_public.tenants set name = 'ACME' where id = $1`, [db.acme.id])
      await db.pool.query(`update app_public.user_profiles set full_name = 'Owner of acme' where id = $1`, [
        db.acme.owner.userId,
      ])
    }
  })

  it('is not sent for an invitation that was revoked meanwhile', async () => {
    smtp.refusal = { responseCode: 451 }
    const id = await invite('gone@example.test')
    smtp.refusal = undefined
    await server.ask('owner@acme.test', `mutation { revokeInvitation(input: {id: "${id}"}) { invitation { status } } }`)
    await tried(() => tryAgain(id))
    expect(smtp.mails).toEqual([])
  })
})

describe('a mail server that refuses', () => {
  it('is asked again, each time with a new token, and the answer stays its secret', async () => {
    smtp.refusal = { responseCode: 451 }
    const id = await invite('later@example.test')
    expect(await delivery(id)).toMatchObject({
      deliveryStatus: 'queued',
      deliveryAttempts: 1,
      deliveryError: 'The mail server refused the mail (451).',
      sentAt: null,
    })
    smtp.refusal = undefined
    await tried(() => tryAgain(id))
    expect(await delivery(id)).toMatchObject({ deliveryStatus: 'sent', deliveryAttempts: 2, deliveryError: null })
    expect((await accept('later@example.test', tokenIn(smtp.mails[0]?.text))).errors).toBeUndefined()
  })

  it('or a worker that is killed after the mail was sent makes a second mail, whose first link works', async () => {
    const id = await invite('twice@example.test')
    // what a killed worker leaves behind: nobody has recorded that the mail was sent
    await db.pool.query(`update app_public.invitations set delivery_status = 'queued', sent_at = null where id = $1`, [
      id,
    ])
    await tried(() =>
      db.pool.query(
        `select graphile_worker.add_job('tenancy__send_invitation',
           json_build_object('tenantId', tenant_id, 'invitationId', id, 'deliveryNumber', delivery_number))
           from app_public.invitations where id = $1`,
        [id],
      ),
    )
    expect(smtp.mails).toHaveLength(2)
    const [first, second] = smtp.mails
    expect(second?.messageId).toBe(first?.messageId)
    expect((await accept('twice@example.test', tokenIn(first?.text))).errors).toBeUndefined()
    // it works once, whichever link it was
    expect((await accept('twice@example.test', tokenIn(second?.text))).errors?.[0]?.extensions.code).toBe('ID303')
  })

  it('for good is a failed delivery, which can be asked for again', async () => {
    smtp.refusal = { responseCode: 550 }
    const id = await invite('full@example.test')
    await tried(() => tryAgain(id, 9))
    expect(await delivery(id)).toMatchObject({
      status: 'pending',
      deliveryStatus: 'failed',
      deliveryError: 'The mail server refused the mail (550).',
    })
    smtp.refusal = undefined
    await db.pool.query(
      `update app_public.invitations set queued_at = queued_at - interval '2 minutes' where id = $1`,
      [id],
    )
    await tried(() =>
      server.ask(
        'owner@acme.test',
        `mutation { resendInvitation(input: {id: "${id}"}) { invitation { deliveryStatus } } }`,
      ),
    )
    expect(await delivery(id)).toMatchObject({ deliveryStatus: 'sent', deliveryAttempts: 1 })
    expect(smtp.mails).toHaveLength(1)
  })

  it('or is not there at all is said so', async () => {
    process.env.SMTP_URL = 'smtp://127.0.0.1:1'
    const id = await invite('away@example.test')
    expect(await delivery(id)).toMatchObject({
      deliveryStatus: 'queued',
      deliveryError: 'The mail server could not be reached.',
    })
  })
})

describe('without a mail server', () => {
  it('mails are kept as files in development', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rowhouse-mail-'))
    try {
      delete process.env.SMTP_URL
      process.env.ROWHOUSE_DATA_DIR = directory
      const id = await invite('local@example.test')
      expect(await delivery(id)).toMatchObject({ deliveryStatus: 'sent' })
      const [file] = await readdir(join(directory, 'mail'))
      const path = join(directory, 'mail', file ?? '')
      expect((await stat(path)).mode & 0o777).toBe(0o600)
      const mail = await PostalMime.parse(await readFile(path))
      expect(file).toMatch(/local@example\.test\.eml$/)
      expect((await accept('local@example.test', tokenIn(mail.text))).errors).toBeUndefined()
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('the delivery fails in production, and says why', async () => {
    delete process.env.SMTP_URL
    Object.assign(process.env, {
      NODE_ENV: 'production',
      DATABASE_URL: db.url,
      JWT_ISSUER: 'i',
      JWT_AUDIENCE: 'a',
      JWT_JWKS_URL: 'https://provider.test/keys',
    })
    try {
      const id = await invite('production@example.test')
      expect(await delivery(id)).toMatchObject({
        deliveryStatus: 'failed',
        deliveryAttempts: 1,
        deliveryError: 'No mail server is set up (SMTP_URL).',
      })
    } finally {
      for (const name of ['DATABASE_URL', 'JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL']) delete process.env[name]
    }
  })
})
