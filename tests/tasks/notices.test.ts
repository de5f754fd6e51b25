// The mails of billing notices and quota alerts, sent by real workers to a real SMTP server in this process: to whom they
// belong, once, whichever worker dies.

import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import PostalMime from 'postal-mime'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../server/config.ts'
import { sendMail } from '../../server/mail.ts'
import { noticeMail } from '../../server/mail-notice.ts'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { useMailServer } from '../helpers/mail-server.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { startTestWorker, type TestWorker } from '../helpers/worker.ts'

const db = useDatabase()
const smtp = useMailServer()
const task = 'billing__send_notice'
let server: TestServer
let workers: TestWorker[] = []
let tried = 0

beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(async () => {
  await server.close()
})

beforeEach(() => {
  tried = 0
})
afterEach(async () => {
  for (const worker of workers) await worker.stop()
  workers = []
  await db.pool.query('delete from graphile_worker._private_jobs')
  await db.pool.query('delete from app_public.notice_mails')
  await db.pool.query('delete from app_public.billing_notices')
  await db.pool.query('delete from app_public.quota_alerts')
  await db.pool.query(`update app_public.user_profiles set notification_settings = '{}'`)
  await db.pool.query(`update app_public.user_tenants set permissions = '{}'`)
})

async function startAWorker(): Promise<void> {
  workers.push(
    await startTestWorker(db.url, (name) => {
      if (name === task) tried += 1
    }),
  )
}
/** Waits until the workers have tried to send this often. */
async function until(times: number): Promise<void> {
  while (tried < times) await db.pool.query('select')
}
const notify = (kind: string, message: string, tenantId = db.acme.id) =>
  db.pool.query(
    `insert into app_public.billing_notices (tenant_id, kind, subject_key, message, occurred_at) values ($1, $2, $3, $4, now())`,
    [tenantId, kind, randomUUID(), message],
  )
const alert = (change: { threshold?: number; tenantId?: string } = {}) =>
  db.pool.query(
    `insert into app_public.quota_alerts (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, threshold_percentage, quota_limit, usage_at_alert)
     values ($1, 'api_calls', 'tenant', $1, false, 'billing', '2027-05-01', $2, 1000, 800)`,
    [change.tenantId ?? db.acme.id, change.threshold ?? 80],
  )
const states = async (): Promise<unknown[]> =>
  (
    await db.pool.query(
      `select u.email, n.status, n.attempts, n.error from app_public.notice_mails n join app_public.user_profiles u on u.id = n.user_id order by u.email`,
    )
  ).rows
const recipients = () => smtp.mails.map(({ to }) => to?.[0]?.address).sort()
const allow = (email: string, permissions: object) =>
  db.pool.query(
    `update app_public.user_tenants set permissions = $2 where tenant_id = $3 and user_id = (select id from app_public.user_profiles where email = $1)`,
    [email, JSON.stringify(permissions), db.acme.id],
  )
const prefer = (email: string, settings: object) =>
  db.pool.query('update app_public.user_profiles set notification_settings = $2 where email = $1', [
    email,
    JSON.stringify(settings),
  ])

describe('a billing notice', () => {
  it('is mailed to those with can_manage_billing, as text and as HTML, once', async () => {
    await allow('member@acme.test', { can_manage_billing: true })
    await notify('trial_ending', 'The trial ends in 3 days.')
    await startAWorker()
    await until(2)
    expect(recipients()).toEqual(['member@acme.test', 'owner@acme.test'])
    const [mail] = smtp.mails
    expect(mail?.from).toMatchObject({ name: 'Rowhouse', address: 'mail@rowhouse.test' })
    expect(mail?.subject).toBe('ACME: The trial ends soon')
    for (const part of [mail?.text, mail?.html])
      for (const said of ['ACME', 'The trial ends in 3 days.', 'https://app.example.test', 'billing'])
        expect(part).toContain(said)
    expect(await states()).toEqual([
      { email: 'member@acme.test', status: 'sent', attempts: 1, error: null },
      { email: 'owner@acme.test', status: 'sent', attempts: 1, error: null },
    ])
    const { data } = await server.ask(
      'owner@acme.test',
      '{ billingNotices { nodes { kind mails { nodes { status sentAt user { email } } } } } }',
    )
    expect(data.billingNotices.nodes[0].mails.nodes).toHaveLength(2)
    const denied = await server.ask('admin@acme.test', '{ noticeMails { nodes { status } } }')
    expect(denied.data.noticeMails.nodes).toEqual([])
  })

  it('shows names as they are, and runs nothing of them', async () => {
    const name = `<img src=x onerror=alert(1)> & "Co"`
    await db.pool.query('update app_public.tenants set name = $1 where id = $2', [name, db.acme.id])
    try {
      await notify('payment_failed', 'The payment for R-1 has failed.')
      await startAWorker()
      await until(1)
      expect(smtp.mails[0]?.html).not.toContain('<img')
      expect(smtp.mails[0]?.html).toContain('&lt;img src=x onerror=alert(1)&gt; &amp; &quot;Co&quot;')
      expect(smtp.mails[0]?.subject).toBe(`${name}: Payment failed`)
    } finally {
      await db.pool.query(`update app_public.tenants set name = 'ACME' where id = $1`, [db.acme.id])
    }
  })

  it.each([
    ['turned mails of billing off', () => prefer('owner@acme.test', { billing: false })],
    ['turned all mails off', () => prefer('owner@acme.test', { email: false })],
    ['lost the permission meanwhile', () => allow('owner@acme.test', { can_manage_billing: false })],
  ])('is not mailed to somebody who %s', async (_what, deed) => {
    await notify('invoice_overdue', 'R-1 is overdue.')
    await deed()
    await startAWorker()
    await until(1)
    expect(smtp.mails).toEqual([])
    expect(await states()).toEqual([{ email: 'owner@acme.test', status: 'skipped', attempts: 0, error: null }])
  })

  it('of a transaction that was rolled back is no mail', async () => {
    await db.inTransaction(async (t) => {
      await t.query(
        `insert into app_public.billing_notices (tenant_id, kind, subject_key, message, occurred_at) values ($1, 'payment_failed', 'x', 'x', now())`,
        [db.acme.id],
      )
      expect(await t.value('select count(*)::int from app_public.notice_mails')).toBe(1)
    })
    expect(await states()).toEqual([])
  })
})

describe('a quota alert', () => {
  it('is mailed to those with can_manage_tenant or can_manage_billing, in words', async () => {
    await allow('member@acme.test', { can_manage_tenant: true })
    await alert()
    await startAWorker()
    await until(2)
    expect(recipients()).toEqual(['member@acme.test', 'owner@acme.test'])
    expect(smtp.mails[0]?.subject).toBe('ACME: Quota nearly used up')
    expect(smtp.mails[0]?.text).toContain(
      '80% of the quota of api calls is used: 800 of 1000, in the billing period from 2027-05-01.',
    )
    const { data } = await server.ask(
      'owner@acme.test',
      '{ quotaAlerts { nodes { mails { nodes { status user { email } } } } } }',
    )
    expect(data.quotaAlerts.nodes[0].mails.nodes).toHaveLength(2)
    const manager = await server.ask('member@acme.test', '{ noticeMails { nodes { status } } }')
    expect(manager.data.noticeMails.nodes).toEqual([{ status: 'sent' }, { status: 'sent' }])
  })

  it('of a tenant above, passed by one below, is told to the one above', async () => {
    await db.inTransaction(async (t) => {
      await t.query('update app_public.tenants set parent_tenant_id = $1 where id = $2', [db.acme.id, db.globex.id])
      await t.query(
        `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit, applies_to_subtree) values ($1, 'tokens', 'month', 100, true)`,
        [db.acme.id],
      )
      await t.become(db.globex.member)
      await t.query(`select * from app_public.consume_quota('tokens', 85)`)
      await t.becomeSuperuser()
      expect(await t.query('select tenant_id, user_id from app_public.notice_mails')).toEqual([
        { tenant_id: db.acme.id, user_id: db.acme.owner.userId },
      ])
    })
  })

  it('is not mailed to somebody who turned those of quotas off', async () => {
    await prefer('owner@acme.test', { quotas: false })
    await alert({ threshold: 100 })
    await startAWorker()
    await until(1)
    expect(smtp.mails).toEqual([])
    expect(await states()).toMatchObject([{ status: 'skipped' }])
  })
})

describe('once', () => {
  it('means once each with two workers at it', async (context) => {
    needsServer(context, 'needs two workers')
    await allow('member@acme.test', { can_manage_billing: true })
    for (let i = 0; i < 20; i += 1) await notify('subscription_renewed', `Period ${i} has begun.`)
    await startAWorker()
    await startAWorker()
    await until(40)
    expect(smtp.mails).toHaveLength(40)
    expect(new Set(smtp.mails.map(({ messageId }) => messageId)).size).toBe(40)
    expect(await states()).toHaveLength(40)
    // and again changes nothing
    await db.pool.query(
      `select graphile_worker.add_job('${task}', json_build_object('tenantId', tenant_id, 'mailId', id)) from app_public.notice_mails`,
    )
    await until(80)
    expect(smtp.mails).toHaveLength(40)
  })

  it('means that a worker leaves a mail alone that another one is sending, and sends it when that one died', async () => {
    await notify('payment_failed', 'The payment for R-1 has failed.')
    const { rows } = await db.pool.query<{ id: string }>('select id from app_public.notice_mails')
    const mailId = rows[0]?.id as string
    // a worker that handed the mail over and died before it could say so
    const begun = await db.pool.query('select * from billing.begin_notice_mail($1, $2)', [db.acme.id, mailId])
    const { tenant_name: tenantName, ...notice } = begun.rows[0]
    const config = loadConfig(process.env)
    await sendMail(config, noticeMail(config.APP_URL, mailId, { ...notice, tenantName }))
    await startAWorker()
    await until(1)
    expect(smtp.mails).toHaveLength(1)
    expect(await states()).toMatchObject([{ status: 'queued', attempts: 1 }])

    await db.pool.query(`update app_public.notice_mails set leased_until = now()`)
    await tryAgain()
    await until(2)
    expect(await states()).toMatchObject([{ status: 'sent', attempts: 2 }])
    expect(smtp.mails).toHaveLength(2)
    // to those who look at it, it is one mail
    expect(smtp.mails[0]?.messageId).toBe(`<notice-${mailId}@app.example.test>`)
    expect(smtp.mails[1]?.messageId).toBe(smtp.mails[0]?.messageId)
  })

  it('means that a late word of failure does not undo a success', async () => {
    await notify('payment_failed', 'The payment for R-1 has failed.')
    const mail = `(select id from app_public.notice_mails)`
    await db.pool.query(`select * from billing.begin_notice_mail($1, ${mail})`, [db.acme.id])
    await db.pool.query(`select billing.finish_notice_mail($1, ${mail}, 1)`, [db.acme.id])
    await db.pool.query(`select billing.finish_notice_mail($1, ${mail}, 1, 'late', true)`, [db.acme.id])
    expect(await states()).toMatchObject([{ status: 'sent', error: null }])
  })
})

/** The queue waits longer after each failure; here it does not, once the worker has let go of the job. */
async function tryAgain(attempts?: number): Promise<void> {
  for (;;) {
    const { rowCount } = await db.pool.query(
      `select from graphile_worker.reschedule_jobs(
         array(select id from graphile_worker._private_jobs where payload ->> 'mailId' is not null), run_at => now(), attempts => $1)`,
      [attempts ?? null],
    )
    if (rowCount) return
  }
}

describe('a mail server that refuses', () => {
  it('is asked again, and its answer stays its secret', async () => {
    smtp.refusal = { responseCode: 451 }
    await notify('payment_failed', 'The payment for R-1 has failed.')
    await startAWorker()
    await until(1)
    expect(await states()).toMatchObject([
      { status: 'queued', attempts: 1, error: 'The mail server refused the mail (451).' },
    ])
    smtp.refusal = undefined
    await tryAgain()
    await until(2)
    expect(await states()).toMatchObject([{ status: 'sent', attempts: 2, error: null }])
    expect(smtp.mails).toHaveLength(1)
  })

  it('for good is a failed mail', async () => {
    smtp.refusal = { responseCode: 550 }
    await notify('payment_failed', 'The payment for R-1 has failed.')
    await startAWorker()
    await until(1)
    await tryAgain(9)
    await until(2)
    expect(await states()).toMatchObject([{ status: 'failed', error: 'The mail server refused the mail (550).' }])
  })
})

describe('without a mail server', () => {
  it('mails are kept as files in development', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rowhouse-mail-'))
    try {
      delete process.env.SMTP_URL
      process.env.ROWHOUSE_DATA_DIR = directory
      await notify('invoice_finalised', 'R-1 is final.')
      await startAWorker()
      await until(1)
      const [file] = await readdir(join(directory, 'mail'))
      const mail = await PostalMime.parse(await readFile(join(directory, 'mail', file ?? '')))
      expect(mail.subject).toBe('ACME: New invoice')
      expect(await states()).toMatchObject([{ status: 'sent' }])
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
