// The kinds of events: each is emitted when what it says happens, with the data that the registry and docs/webhooks.md say.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { addPlan, asStaff, payByInvoice, runBilling } from '../billing/helpers.ts'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

type Event = { kind: string; payload: Record<string, unknown>; object_id: string; about_tenant_id: string }

/** An endpoint of the tenant that wants every kind. */
async function wantAll(t: Transaction, tenantId: string, ofAllTenants = false): Promise<void> {
  await t.becomeSuperuser()
  await t.query(
    `insert into app_public.webhook_endpoints (tenant_id, url, kinds, of_all_tenants)
     select $1, 'https://hook.test', array_agg(kind), $2 from app_public.webhook_event_kinds`,
    [tenantId, ofAllTenants],
  )
}

async function eventsOf(t: Transaction, tenantId: string): Promise<Event[]> {
  await t.becomeSuperuser()
  const events = await t.query<Event & { fields: string[] }>(
    `select d.kind, d.payload, d.object_id, d.about_tenant_id, array(select jsonb_object_keys(k.payload)) as fields
       from app_public.webhook_deliveries d join app_public.webhook_event_kinds k using (kind)
      where d.tenant_id = $1 order by d.sequence`,
    [tenantId],
  )
  for (const { kind, payload, fields } of events)
    expect([kind, Object.keys(payload).sort()]).toEqual([kind, fields.sort()])
  return events
}
const kinds = (events: Event[]): string[] => events.map(({ kind }) => kind)

describe('people', () => {
  it('who join, leave, come back and are removed, and the invitation they accepted', async () => {
    await db.inTransaction(async (t) => {
      await wantAll(t, db.globex.id)
      const { userId } = db.acme.member
      const invitation = await t.value(
        `insert into app_public.invitations (tenant_id, email, role, expires_at, queued_at) values ($1, 'member@acme.test', 'viewer', 'infinity', now()) returning id`,
        [db.globex.id],
      )
      await t.query(
        `update app_public.invitations set status = 'accepted', accepted_at = now(), accepted_by_user_id = $2 where id = $1`,
        [invitation, userId],
      )
      const member = `where tenant_id = $1 and user_id = $2`
      await t.query(`insert into app_public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'viewer')`, [
        db.globex.id,
        userId,
      ])
      for (const status of ['inactive', 'active'])
        await t.query(`update app_public.user_tenants set status = $3 ${member}`, [db.globex.id, userId, status])
      await t.query(`update app_public.user_tenants set metadata = '{"a": 1}' ${member}`, [db.globex.id, userId])
      await t.query(`delete from app_public.user_tenants ${member}`, [db.globex.id, userId])
      const events = await eventsOf(t, db.globex.id)
      expect(kinds(events)).toEqual([
        'invitation.accepted',
        ...['member.joined', 'member.removed', 'member.joined', 'member.removed'],
      ])
      expect(events[1]).toMatchObject({ object_id: userId, payload: { user_id: userId, role: 'viewer' } })
    })
  })
})

describe('shares', () => {
  it('are told to the tenant that receives them, not to the one that shares', async () => {
    await db.inTransaction(async (t) => {
      await wantAll(t, db.acme.id)
      await wantAll(t, db.globex.id)
      await t.become(db.acme.owner)
      const agent = await t.value(
        `insert into app_public.agents (name, status) values ('helper', 'active') returning id`,
      )
      const share = await t.value(`select id from app_public.share_resource('agent', $1, 'globex')`, [agent])
      await t.query('select app_public.revoke_share($1)', [share])
      const events = await eventsOf(t, db.globex.id)
      expect(kinds(events)).toEqual(['share.received', 'share.revoked'])
      expect(events[0]?.payload).toMatchObject({ resource_id: agent, from_tenant_id: db.acme.id })
      expect(kinds(await eventsOf(t, db.acme.id))).toEqual([])
    })
  })
})

describe('knowledge and quotas', () => {
  it('documents that are processed or fail, syncs that end, thresholds that are reached', async () => {
    await db.inTransaction(async (t) => {
      await wantAll(t, db.acme.id)
      const source = await t.value(
        `insert into app_public.rag_knowledge_sources (tenant_id, name) values ($1, 's') returning id`,
        [db.acme.id],
      )
      for (const key of ['good', 'bad'])
        await t.query(
          `insert into app_public.documents (tenant_id, source_id, external_id, title, content, size_bytes, content_hash, processing_stage)
           values ($1, $2, $3, 'd', 'd', 1, sha256('d'), 'chunk')`,
          [db.acme.id, source, key],
        )
      await t.query(
        `update app_public.documents set processing_status = 'completed', processing_stage = 'done' where source_id = $1 and external_id = 'good'`,
        [source],
      )
      await t.query(
        `update app_public.documents set processing_status = 'failed', processing_error = 'It is empty.' where source_id = $1 and external_id = 'bad'`,
        [source],
      )
      await t.query(
        `insert into app_public.knowledge_syncs (tenant_id, source_id, requested_at, progressed_at) values ($1, $2, now(), now())`,
        [db.acme.id, source],
      )
      await t.query(`update app_public.knowledge_syncs set status = 'completed' where source_id = $1`, [source])
      await t.query(
        `insert into app_public.quota_alerts (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, threshold_percentage, quota_limit, usage_at_alert)
         values ($1, 'api_calls', 'tenant', $1, false, 'billing', '2027-05-01', 80, 1000, 800)`,
        [db.acme.id],
      )
      const events = await eventsOf(t, db.acme.id)
      expect(kinds(events)).toEqual([
        'document.processed',
        'document.failed',
        'source.synced',
        'quota.threshold_reached',
      ])
      expect(events[1]?.payload).toMatchObject({ external_id: 'bad', error: 'It is empty.' })
      expect(events[3]?.payload).toMatchObject({ threshold_percentage: '80', quota_limit: '1000', usage: '800' })
    })
  })
})

describe('billing', () => {
  it('tells of a subscription, its invoices, and payments that come, fail and go back, the platform the same as the tenant', async () => {
    await db.inTransaction(async (t) => {
      await wantAll(t, db.acme.id)
      await wantAll(t, db.platform.id, true)
      await wantAll(t, db.globex.id)
      await addPlan(t, { slug: 'paid', amount: 30 })
      await payByInvoice(t, db.acme.id)
      await setClock(t, '2026-06-01T00:00:00Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.start_subscription('paid')`)
      for (const at of ['2026-06-01T06:00:00Z', '2026-06-03T00:00:00Z', '2026-08-20T00:00:00Z'])
        await runBilling(t, db.acme.id, at)
      await t.becomeSuperuser()
      const invoice = await t.value(
        `select id from app_public.invoices where tenant_id = $1 and status = 'finalised' order by sequence_number limit 1`,
        [db.acme.id],
      )
      await t.query(
        `with failed as (insert into app_public.payments (tenant_id, invoice_id, provider, currency, amount, attempted_at)
           values ($1, $2, 'manual', 'USD', 30, now()) returning id)
         select from failed`,
        [db.acme.id, invoice],
      )
      await t.query(
        `update app_public.payments set status = 'failed', failure_code = 'declined' where invoice_id = $1`,
        [invoice],
      )
      await asStaff(t, db, db.acme.id)
      await t.query('select app_public.record_payment($1, 30)', [invoice])
      await t.query(
        `select app_public.refund_payment((select id from app_public.payments where invoice_id = $1 and status = 'succeeded'), 12)`,
        [invoice],
      )
      const open = await t.value(`select id from app_public.invoices where status = 'finalised' limit 1`)
      await t.query(`select app_public.void_invoice($1, 'A mistake')`, [open])
      await t.become(db.acme.owner)
      await t.query('select app_public.cancel_subscription()')
      await runBilling(t, db.acme.id, '2026-10-20T00:00:00Z')

      const own = await eventsOf(t, db.acme.id)
      const billing = own.filter(({ kind }) => /^(subscription|invoice|payment)\./.test(kind))
      expect(new Set(kinds(billing))).toEqual(
        new Set([
          ...[
            'subscription.started',
            'subscription.changed',
            'subscription.cancelled',
            'invoice.finalized',
            'invoice.paid',
          ],
          ...['invoice.overdue', 'invoice.voided', 'payment.failed', 'payment.refunded'],
        ]),
      )
      expect(kinds(billing)[0]).toBe('subscription.started')
      expect(billing.find(({ kind }) => kind === 'payment.refunded')?.payload).toMatchObject({
        amount: '12.00',
        currency: 'USD',
      })
      const ofAll = await eventsOf(t, db.platform.id)
      expect(ofAll.map(({ kind, object_id, about_tenant_id }) => ({ kind, object_id, about_tenant_id }))).toEqual(
        own.map(({ kind, object_id }) => ({ kind, object_id, about_tenant_id: db.acme.id })),
      )
      expect(await eventsOf(t, db.globex.id)).toEqual([])
    })
  })
})

it('docs/webhooks.md says of each kind what the registry says', async () => {
  const { rows } = await db.pool.query<{ kind: string; description: string; payload: Record<string, string> }>(
    'select kind, description, payload from app_public.webhook_event_kinds order by kind',
  )
  const table = [
    '| kind | when | data |',
    '|---|---|---|',
    ...rows.map(({ kind, description, payload }) => {
      const fields = Object.entries(payload).map(([name, words]) => `\`${name}\` ${words}`)
      return `| \`${kind}\` | ${description} | ${fields.join('; ')} |`
    }),
  ].join('\n')
  const page = await readFile(join(import.meta.dirname, '../../docs/webhooks.md'), 'utf8')
  expect(/<!-- kinds -->\n([\s\S]*)\n<!-- end -->/.exec(page)?.[1]).toBe(table)
})
