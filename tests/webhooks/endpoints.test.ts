// Webhook endpoints over GraphQL and SQL: who may have them, which, how many, and what is shown of their secrets.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asUser } from '../../server/database.ts'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { useMailServer } from '../helpers/mail-server.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { startTestWorker } from '../helpers/worker.ts'
import { actorOf, createEndpoint } from './receiver.ts'

const db = useDatabase()
const smtp = useMailServer()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

const create = (t: Transaction, kinds: string[] = ['invoice.paid'], url = 'https://hook.test/a') =>
  t.value<string>('select endpoint_id from app_public.create_webhook_endpoint($1, $2)', [url, kinds])

describe('an endpoint', () => {
  it('is made, read, changed and deleted by those with can_manage_settings, and by no one else', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const id = await create(t)
      expect(await t.query('select url, kinds from app_public.webhook_endpoints')).toHaveLength(1)
      expect(await t.query('select from app_public.webhook_deliveries')).toEqual([])
      for (const person of [db.acme.member, db.acme.viewer, db.globex.owner]) {
        await t.become(person)
        expect(await t.query('select from app_public.webhook_endpoints')).toEqual([])
        expect(await t.query(`update app_public.webhook_endpoints set url = 'https://mine.test' returning 1`)).toEqual(
          [],
        )
        expect(await t.query('delete from app_public.webhook_endpoints returning 1')).toEqual([])
        const isForeign = person === db.globex.owner
        for (const name of [
          'rotate_webhook_secret',
          'enable_webhook_endpoint',
          'disable_webhook_endpoint',
          'send_test_webhook',
        ])
          expect([name, await t.errorCode(`select app_public.${name}($1)`, [id])]).toEqual([
            name,
            isForeign ? 'WH301' : 'ID203',
          ])
        expect(await t.errorCode('select app_public.replay_webhook_deliveries($1, now())', [id])).toBe(
          isForeign ? 'WH301' : 'ID203',
        )
      }
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`select app_public.create_webhook_endpoint('https://a.test', '{invoice.paid}')`)).toBe(
        'ID203',
      )
      await t.become(db.acme.admin)
      expect(
        await t.query(`update app_public.webhook_endpoints set kinds = '{invoice.voided}' returning 1`),
      ).toHaveLength(1)
      expect(await t.query('delete from app_public.webhook_endpoints returning 1')).toHaveLength(1)
    }))

  it('names kinds that exist, at least one, and a web address', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const attempt = (kinds: unknown, url = 'https://hook.test') =>
        t.errorCode('select app_public.create_webhook_endpoint($1, $2)', [url, kinds])
      expect(await attempt(['invoice.paid', 'no.kind'])).toBe('WH401')
      expect(await attempt(['invoice.paid', null])).toBe('WH401')
      expect(await attempt([])).toBe('23514')
      expect(await attempt(Array.from({ length: 101 }, () => 'invoice.paid'))).toBe('23514')
      for (const url of [
        'ftp://a.test',
        'https://user:word@a.test/',
        'javascript:alert(1)',
        '',
        `https://a.test/${'x'.repeat(2000)}`,
      ])
        expect([url, await attempt(['invoice.paid'], url)]).toEqual([url, '23514'])
      await create(t)
      expect(await t.errorCode(`update app_public.webhook_endpoints set kinds = '{no.kind}'`)).toBe('WH401')
      for (const column of ['of_all_tenants', 'disabled_reason', 'failure_count', 'tenant_id'])
        expect([column, await t.errorCode(`update app_public.webhook_endpoints set ${column} = null`)]).toEqual([
          column,
          '42501',
        ])
    }))

  it('has a secret that nobody reads again', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await create(t)
      expect(await t.errorCode('select from vault.webhook_endpoints')).toBe('42501')
      await t.becomeRole('rowhouse_worker', db.acme.id)
      expect(await t.errorCode('select from vault.webhook_endpoints')).toBe('42501')
    }))

  it('of all tenants is for staff in the platform tenant, and seen by nobody else', () =>
    db.inTransaction(async (t) => {
      const ofAll = `select app_public.create_webhook_endpoint('https://hook.test', '{invoice.paid}', null, true)`
      await t.become(db.acme.owner)
      expect(await t.errorCode(ofAll)).toBe('WH201')
      await t.become(db.platform.owner)
      expect(await t.errorCode(ofAll)).toBe('TN205')
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.errorCode(ofAll)).toBe('WH201')
      await t.become(db.platform.owner, 'rowhouse_admin')
      await t.query(ofAll)
      await t.becomeSuperuser()
      await t.query(`select webhooks.emit($1, 'invoice.paid', $1, '{}')`, [db.acme.id])
      for (const [role, count] of [
        ['rowhouse_admin', 1],
        ['rowhouse_user', 0],
      ] as const) {
        await t.become(db.platform.owner, role)
        for (const table of ['webhook_endpoints', 'webhook_deliveries'])
          expect([role, await t.query(`select from app_public.${table}`)]).toEqual([role, Array(count).fill({})])
        expect(await t.query(`update app_public.webhook_endpoints set description = 'x' returning 1`)).toHaveLength(
          count,
        )
      }
    }))

  it('cannot be the twenty-first, also when two are added at once', async (context) => {
    needsServer(context)
    for (let n = 0; n < 19; n += 1) await createEndpoint(db, db.globex.owner, 'https://hook.test', ['invoice.paid'])
    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, () => createEndpoint(db, db.globex.owner, 'https://hook.test', ['invoice.paid'])),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'WH601' })
    await db.pool.query('delete from app_public.webhook_endpoints')
  })

  it('of a suspended tenant cannot be tested, switched off or replayed to', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const id = await create(t)
      await t.becomeSuperuser()
      await t.query(`select tenancy.set_tenant_status($1, 'suspended', 'late')`, [db.acme.id])
      await t.become(db.acme.owner)
      for (const name of [
        'send_test_webhook',
        'disable_webhook_endpoint',
        'enable_webhook_endpoint',
        'rotate_webhook_secret',
      ])
        expect([name, await t.errorCode(`select app_public.${name}($1)`, [id])]).toEqual([name, 'TN202'])
      expect(await t.errorCode(`select app_public.create_webhook_endpoint('https://a.test', '{invoice.paid}')`)).toBe(
        'TN202',
      )
    }))

  it('that is disabled by a person gets nothing until it is enabled', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const id = await create(t)
      await t.query('select app_public.send_test_webhook($1)', [id])
      expect(await t.value('select disabled_reason from app_public.disable_webhook_endpoint($1)', [id])).toBe('manual')
      expect(await t.query('select status from app_public.webhook_deliveries')).toEqual([{ status: 'skipped' }])
      expect(await t.errorCode('select app_public.send_test_webhook($1)', [id])).toBe('WH501')
      await t.becomeSuperuser()
      await t.query(`select webhooks.emit($1, 'invoice.paid', $1, '{}')`, [db.acme.id])
      await t.become(db.acme.owner)
      await t.query('select app_public.enable_webhook_endpoint($1)', [id])
      expect(await t.query('select from app_public.webhook_deliveries')).toHaveLength(1)
    }))
})

describe('over GraphQL, with the real worker', () => {
  it('an endpoint is created, tested, read with its log, replayed, rotated and deleted; gone, it is told of by mail', async () => {
    const calls: { headers: Record<string, string>; body: string }[] = []
    let answer = 200
    const receiver = createServer((request, response) => {
      let body = ''
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () => {
        calls.push({ headers: request.headers as Record<string, string>, body })
        response.writeHead(answer).end('thanks')
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    process.env.OUTGOING_ALLOW = '127.0.0.1'
    const worker = await startTestWorker(db.url)
    const ask = async (query: string, variables: object = {}) => {
      const { data, errors } = await server.ask('owner@acme.test', query, variables)
      expect(errors).toBeUndefined()
      return data
    }
    const until = async (count: number): Promise<void> => {
      while (
        (await db.pool.query(`select from app_public.webhook_deliveries where status <> 'pending'`)).rowCount !== count
      );
    }
    try {
      const kinds = await ask('{ webhookEventKinds { nodes { kind description payload } } }')
      expect(kinds.webhookEventKinds.nodes.length).toBeGreaterThan(15)
      const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`
      const made = await ask(
        `mutation ($url: String!) { createWebhookEndpoint(input: { url: $url, kinds: ["invoice.paid"] }) { endpointSecret { endpointId secret } } }`,
        { url },
      )
      const { endpointId: id, secret } = made.createWebhookEndpoint.endpointSecret
      await ask(`mutation ($id: UUID!) { sendTestWebhook(input: { endpointId: $id }) { delivery { id status } } }`, {
        id,
      })
      await until(1)
      expect(
        new Webhook(secret).verify(calls[0]?.body as string, calls[0]?.headers as Record<string, string>),
      ).toMatchObject({
        type: 'webhook.test',
        data: { endpoint_id: id },
      })
      const log = await ask(
        `query ($id: UUID!) { webhookDeliveries(filter: { endpointId: { equalTo: $id } }) { nodes { id status attempts responseStatus responseBody durationMs endpoint { url } } } }`,
        { id },
      )
      expect(log.webhookDeliveries.nodes).toMatchObject([
        { status: 'delivered', attempts: 1, responseStatus: 200, responseBody: 'thanks', endpoint: { url } },
      ])
      await ask(
        `mutation ($id: UUID!) { rotateWebhookSecret(input: { endpointId: $id }) { endpointSecret { secret } } }`,
        { id },
      )
      await ask(
        `mutation ($id: UUID!) { updateWebhookEndpoint(input: { id: $id, patch: { kinds: ["invoice.paid", "webhook.test"] } }) { webhookEndpoint { kinds } } }`,
        { id },
      )
      answer = 410
      const again = await ask(
        `mutation ($id: UUID!) { replayWebhookDeliveries(input: { endpointId: $id, since: "2020-01-01T00:00:00Z" }) { count } }`,
        { id },
      )
      expect(again.replayWebhookDeliveries.count).toBe(1)
      while (smtp.mails.length < 2) await db.pool.query('select')
      expect(smtp.mails.map(({ to }) => to?.[0]?.address).sort()).toEqual(['admin@acme.test', 'owner@acme.test'])
      expect(smtp.mails[0]?.subject).toBe('ACME: A webhook endpoint was disabled')
      expect(smtp.mails[0]?.text).toContain('410 Gone')
      const after = await ask('{ webhookEndpoints { nodes { disabledReason deliveries { nodes { status } } } } }')
      expect(after.webhookEndpoints.nodes).toEqual([
        { disabledReason: 'gone', deliveries: { nodes: [{ status: 'skipped' }] } },
      ])
      expect(calls[1]?.headers['webhook-id']).toBe(calls[0]?.headers['webhook-id'])
      await ask(`mutation ($id: UUID!) { deleteWebhookEndpoint(input: { id: $id }) { webhookEndpoint { id } } }`, {
        id,
      })
      expect((await db.pool.query('select from app_public.webhook_deliveries')).rowCount).toBe(0)
    } finally {
      delete process.env.OUTGOING_ALLOW
      await worker.stop()
      receiver.closeAllConnections()
      receiver.close()
    }
  })

  it('a form names the field that is wrong', async () => {
    const { errors } = await server.ask(
      'owner@acme.test',
      `mutation { createWebhookEndpoint(input: { url: "ftp://x", kinds: ["invoice.paid"] }) { endpointSecret { secret } } }`,
    )
    expect(errors?.[0]?.extensions).toMatchObject({ code: '23514' })
    expect(JSON.stringify(errors?.[0]?.extensions)).toContain('url')
  })

  it('a member who may not manage settings sees nothing', async () => {
    await asUser(db.pool, actorOf(db.acme.owner), (client) =>
      client.query(`select app_public.create_webhook_endpoint('https://hook.test', '{invoice.paid}')`),
    )
    const { data } = await server.ask(
      'member@acme.test',
      '{ webhookEndpoints { nodes { url } } webhookDeliveries { nodes { id } } }',
    )
    expect(data).toEqual({ webhookEndpoints: { nodes: [] }, webhookDeliveries: { nodes: [] } })
  })
})
