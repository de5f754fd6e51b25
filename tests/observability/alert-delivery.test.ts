// Telling of alerts for real: a mail server, a receiver of webhooks and one of Slack's messages, and the tasks that reach them.

import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { queries, transaction, useDatabase } from '../helpers/index.ts'
import { useMailServer } from '../helpers/mail-server.ts'
import { runTask } from '../helpers/tasks.ts'
import { openReceiver, type Receiver } from '../webhooks/receiver.ts'
import { createRule, recordRun } from './alert-rules.ts'

const db = useDatabase()
const mail = useMailServer()
const all = queries(() => db.pool)
let pool: pg.Pool
let receiver: Receiver
let ruleId: string

beforeAll(async () => {
  pool = createPool(db.url, 'rowhouse_worker', 2)
  receiver = await openReceiver()
})
afterAll(async () => {
  await pool.end()
  await receiver.close()
})

/** Commits what it does. */
async function act(work: (t: ReturnType<typeof transaction>) => Promise<unknown>): Promise<void> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    await work(transaction(client))
    await client.query('commit')
  } finally {
    client.release()
  }
}
const evaluate = async () => {
  await all.query(`update observability.alert_states set evaluated_at = null`)
  await runTask(pool, 'observability__evaluate_alerts')
}
const notifications = () =>
  all.query<{ tenant_id: string; id: string; channel: string; status: string; error: string | null }>(
    'select tenant_id, id, channel, status, error from app_public.alert_notifications order by created_at, channel',
  )
const send = async (channel: string) => {
  for (const one of (await notifications()).filter(({ channel: c, status }) => c === channel && status === 'queued'))
    await runTask(pool, 'observability__send_alert', { tenantId: one.tenant_id, notificationId: one.id })
}

beforeEach(async () => {
  await all.query(`delete from app_public.alerts`)
  await all.query(`delete from graphile_worker._private_jobs`)
  await all.query(`delete from app_public.tool_executions`)
})
const fire = async (rule: object, tool = 'calculator') => {
  await act(async (t) => {
    ruleId = await createRule(t, db, { filter: { tool_name: tool }, window_minutes: 60, ...rule })
    await recordRun(t, db.acme.id, Date.now() - 1000, 100, tool)
  })
  await evaluate()
}

describe('mails', () => {
  it('go to each recipient once, when it fires and when it is over', async () => {
    await fire({ recipient_user_ids: null, name: 'The <calculator> is slow', description: 'Ask the team.' })
    await send('email')
    const settings = await all.query<{ email: string }>(
      `select u.email from app_public.user_tenants m join app_public.user_profiles u on u.id = m.user_id
        where m.tenant_id = $1 and m.status = 'active' and 'can_manage_settings' = any (tenancy.effective_permissions(m.role, m.permissions))`,
      [db.acme.id],
    )
    expect(mail.mails.map(({ to }) => to?.[0]?.address).sort()).toEqual(settings.map(({ email }) => email).sort())
    expect(mail.mails[0]?.subject).toContain('Warning: The <calculator> is slow')
    expect(mail.mails[0]?.text).toContain('tool_latency_ms is 100 (ms), and the limit is 50. Ask the team.')
    mail.mails.length = 0
    await all.query('update app_public.tool_executions set duration_ms = 1')
    await evaluate()
    await send('email')
    expect(mail.mails.map(({ subject }) => subject?.includes('Resolved: '))).toEqual(settings.map(() => true))
    await evaluate()
    await send('email')
    expect(mail.mails.length).toBe(settings.length)
  })

  it('of which the worker died in the middle are sent again under the same Message-ID', async () => {
    await fire({})
    const [one] = await notifications()
    const begin = `select attempt from observability.begin_notification($1, $2)`
    expect(await all.value(begin, [one?.tenant_id, one?.id])).toBe(1)
    await expect(all.value(begin, [one?.tenant_id, one?.id])).rejects.toMatchObject({ code: 'OB541' })
    await all.query('update app_public.alert_notifications set leased_until = null')
    await send('email')
    await send('email')
    expect(mail.mails.map(({ messageId }) => messageId)).toEqual([`<notice-${one?.id}@app.example.test>`])
  })

  it('that someone no longer wants are skipped', async () => {
    await fire({})
    await all.query(`update app_public.user_profiles set notification_settings = '{"email": false}' where id = $1`, [
      db.acme.admin.userId,
    ])
    await send('email')
    await all.query(`update app_public.user_profiles set notification_settings = '{}' where id = $1`, [
      db.acme.admin.userId,
    ])
    expect([mail.mails.length, (await notifications()).map(({ status }) => status)]).toEqual([0, ['skipped']])
  })
})

describe('webhooks', () => {
  it('are emitted once for firing and once for the end', async () => {
    await act(async (t) => {
      await t.become(db.acme.admin)
      await t.query(
        `select app_public.create_webhook_endpoint('https://hook.test/alerts', array['alert.firing', 'alert.resolved', 'alert.no_data'])`,
      )
    })
    await fire({ channels: ['webhook'] })
    await evaluate()
    await all.query('update app_public.tool_executions set duration_ms = 1')
    await evaluate()
    await evaluate()
    const deliveries = await all.query<{ kind: string; payload: Record<string, unknown> }>(
      'select kind, payload from app_public.webhook_deliveries order by sequence',
    )
    expect(deliveries.map(({ kind }) => kind)).toEqual(['alert.firing', 'alert.resolved'])
    expect(deliveries[0]?.payload).toMatchObject({
      alert_id: ruleId,
      state: 'firing',
      value: '100',
      limit: '50',
      metric: 'tool_latency_ms',
    })
    expect(deliveries[0]?.payload.incident_id).toBe(deliveries[1]?.payload.incident_id)
  })
})

describe('Slack', () => {
  const setUrl = (url: string | null) =>
    act(async (t) => {
      await t.become(db.acme.admin)
      await t.query('select app_public.set_alert_slack_url($1)', [url])
    })
  const local = () => receiver.url.replace('hook.test', '127.0.0.1')
  beforeEach(() => {
    receiver.received.length = 0
    process.env.OUTGOING_ALLOW = '127.0.0.1'
    return () => {
      delete process.env.OUTGOING_ALLOW
    }
  })

  it('gets a message in which no name is a link or calls anyone', async () => {
    await setUrl(`${local()}/slack`)
    await fire({ channels: ['slack'], name: '<!channel> & more', severity: 'critical' })
    await send('slack')
    expect(receiver.received.map(({ path }) => path)).toEqual(['/slack'])
    const message = JSON.parse(receiver.received[0]?.body ?? '')
    expect(message.text).toContain('Critical: &lt;!channel&gt; &amp; more')
    expect(message.attachments[0]).toMatchObject({
      color: '#c0392b',
      text: 'tool_latency_ms is 100 (ms), and the limit is 50.',
    })
    expect((await notifications()).map(({ status }) => status)).toEqual(['sent'])
  })

  it('that refuses is tried again, and the log says what it answered', async () => {
    await setUrl(`${local()}/broken`)
    receiver.answers.set('/broken', (response) => response.writeHead(500).end())
    await fire({ channels: ['slack'] })
    await expect(send('slack')).rejects.toThrow('Slack answered 500.')
    expect(await notifications()).toMatchObject([{ status: 'queued', error: 'Slack answered 500.' }])
    receiver.answers.delete('/broken')
    await send('slack')
    expect(await notifications()).toMatchObject([{ status: 'sent', error: null }])
  })

  it('at an address near the server is not called', async () => {
    delete process.env.OUTGOING_ALLOW
    await setUrl('http://127.0.0.1:1/')
    await fire({ channels: ['slack'] })
    await expect(send('slack')).rejects.toThrow()
    expect(receiver.received).toEqual([])
  })

  it('without an address is skipped, and its address cannot be read', async () => {
    await setUrl(null)
    await fire({ channels: ['slack'] })
    await send('slack')
    expect(await notifications()).toMatchObject([{ status: 'skipped', error: 'The tenant has no address of Slack.' }])
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode('select url from vault.alert_slack')).toBe('42501')
      expect(await t.errorCode(`select app_public.set_alert_slack_url('file:///etc/passwd')`)).toBe('OB443')
      await t.become(db.acme.member)
      expect(await t.errorCode(`select app_public.set_alert_slack_url('https://hooks.slack.test/x')`)).toBe('ID203')
    })
  })
})
