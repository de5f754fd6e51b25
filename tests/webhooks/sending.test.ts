// Webhooks on their way: nothing is lost, sent too early, out of order or to where it must not go, whatever the receiver does
// and wherever a worker dies.

import { createHmac, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { asUser } from '../../server/database.ts'
import { needsServer, useDatabase } from '../helpers/index.ts'
import {
  actorOf,
  createEndpoint,
  emit,
  openReceiver,
  openWorkers,
  type Received,
  type Receiver,
  status,
  type Workers,
} from './receiver.ts'

const db = useDatabase()
let receiver: Receiver
let workers: Workers
beforeAll(async () => {
  await db.pool.query(`call webhooks.define_kind('test.happened', 'For tests.', '{"n": "anything"}')`)
})
beforeEach(async () => {
  receiver = await openReceiver()
  workers = openWorkers(db)
})
afterEach(async () => {
  await workers.close()
  await receiver.close()
  await db.pool.query('delete from app_public.webhook_endpoints')
  await db.pool.query(`delete from graphile_worker._private_jobs`)
})

const endpoint = (path = '/', person = db.acme.owner, kinds = ['invoice.paid']) =>
  createEndpoint(db, person, receiver.url + path, kinds)
const send = (signal?: AbortSignal) => workers.send(receiver.outgoing, signal)
const as = (text: string, values: unknown[] = [], person = db.acme.owner) =>
  asUser(db.pool, actorOf(person), async (client) => (await client.query(text, values)).rows)
const deliveries = async (endpointId?: string) =>
  (
    await db.pool.query(
      `select id, payload ->> 'n' as n, status, attempts, response_status, response_body, error, event_id, next_attempt_at
         from app_public.webhook_deliveries where $1::uuid is null or endpoint_id = $1 order by sequence`,
      [endpointId ?? null],
    )
  ).rows
const states = async (endpointId?: string) => (await deliveries(endpointId)).map((d) => `${d.n} ${d.status}`)
const endpointRow = async (id: string) =>
  (await db.pool.query('select * from app_public.webhook_endpoints where id = $1', [id])).rows[0]
const objectOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

describe('a message', () => {
  it('is signed as Standard Webhooks says, and its official library accepts it', async () => {
    const { secret } = await endpoint()
    await emit(db.pool, db.acme.id, 'ünï "code"')
    await send()
    const [call] = receiver.received as [Received]
    const message = new Webhook(secret).verify(call.body, call.headers as Record<string, string>) as Record<
      string,
      unknown
    >
    expect(message).toMatchObject({
      type: 'invoice.paid',
      version: 1,
      tenant_id: db.acme.id,
      object_id: objectOf(1),
      data: { n: 'ünï "code"' },
    })
    expect(new Date(message.timestamp as string).getTime()).toBeLessThanOrEqual(Date.now())
    expect(call.headers['content-type']).toBe('application/json')
    expect(call.headers['webhook-id']).toMatch(/^msg_[0-9a-f]{32}$/)
    expect(() => new Webhook(secret).verify(`${call.body} `, call.headers as Record<string, string>)).toThrow()
  })

  it('is signed by an HMAC that is that of Node, for keys and messages of any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.uint8Array({ maxLength: 200 }),
        async (key, message) => {
          const { rows } = await db.pool.query('select webhooks.hmac_sha256($1, $2) as hmac', [
            Buffer.from(key),
            Buffer.from(message),
          ])
          expect(rows[0].hmac).toEqual(createHmac('sha256', key).update(message).digest())
        },
      ),
      { seed: 14, numRuns: 30 },
    )
  })

  it('carries two signatures after a rotation, for a day, and then the new one only', async () => {
    const { id, secret } = await endpoint()
    const rotate = async () => (await as('select secret from app_public.rotate_webhook_secret($1)', [id]))[0].secret
    const fresh = await rotate()
    expect(fresh).not.toBe(secret)
    await emit(db.pool, db.acme.id, 1)
    await send()
    await emit(db.pool, db.acme.id, 2)
    workers.later(24 * 60 + 1)
    await send()
    const [both, one] = receiver.received.map(({ headers }) => headers['webhook-signature'] as string)
    expect(both?.split(' ')).toHaveLength(2)
    for (const key of [secret, fresh])
      expect(
        new Webhook(key).verify(
          receiver.received[0]?.body as string,
          receiver.received[0]?.headers as Record<string, string>,
        ),
      ).toBeTruthy()
    expect(one?.split(' ')).toHaveLength(1)
    // a second rotation at once leaves the last two
    await rotate()
    expect(
      (await db.pool.query('select count(*)::int as n from vault.webhook_endpoints where previous_secret is not null'))
        .rows,
    ).toEqual([{ n: 1 }])
  })
})

describe('an event', () => {
  it('of a transaction that is rolled back is never sent, and neither is its job there', async () => {
    await endpoint()
    const client = await db.pool.connect()
    await client.query('begin')
    await emit(client, db.acme.id, 1)
    await client.query('rollback')
    client.release()
    await send()
    expect(receiver.received).toEqual([])
    expect((await db.pool.query('select from graphile_worker._private_jobs')).rowCount).toBe(0)
  })

  it('that no endpoint wants leaves no row and no job, and so does one of another tenant', async () => {
    await endpoint('/', db.acme.owner, ['invoice.voided'])
    await emit(db.pool, db.acme.id, 1)
    await emit(db.pool, db.globex.id, 2, objectOf(1), 'invoice.voided')
    expect(await deliveries()).toEqual([])
    expect((await db.pool.query('select from graphile_worker._private_jobs')).rowCount).toBe(0)
  })

  it('of a transaction with many others asks for a worker once', async () => {
    await endpoint()
    const client = await db.pool.connect()
    await client.query('begin')
    for (let n = 0; n < 20; n += 1) await emit(client, db.acme.id, n)
    await client.query('commit')
    client.release()
    expect((await db.pool.query('select from graphile_worker._private_jobs')).rowCount).toBe(1)
  })

  it('does not wait for another transaction that emits to the same endpoint', async (context) => {
    needsServer(context)
    await endpoint()
    const client = await db.pool.connect()
    await client.query('begin')
    await emit(client, db.acme.id, 1)
    // It would wait for ever here, because the other one ends only afterwards.
    await emit(db.pool, db.acme.id, 2)
    await client.query('commit')
    client.release()
    expect(await deliveries()).toHaveLength(2)
  })

  it('neither waits for an endpoint that is being deleted nor fails with it', async (context) => {
    needsServer(context)
    await endpoint()
    const client = await db.pool.connect()
    await client.query('begin')
    await client.query('delete from app_public.webhook_endpoints')
    await emit(db.pool, db.acme.id, 1)
    await client.query('commit')
    client.release()
    expect(await deliveries()).toEqual([])
  })

  it('goes to each endpoint that wants it, as one event', async () => {
    await endpoint('/a')
    await endpoint('/b')
    await emit(db.pool, db.acme.id, 1)
    await send()
    expect(receiver.received.map(({ path }) => path).sort()).toEqual(['/a', '/b'])
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  it('whose data is larger than 64 kB says so in the place of its data', async () => {
    await endpoint()
    await emit(db.pool, db.acme.id, 'x'.repeat(70_000))
    await send()
    expect(JSON.parse(receiver.received[0]?.body as string).data).toEqual({ isTooLarge: true })
  })

  it('of a kind that is not registered is an error of whoever emits it', async () => {
    await expect(emit(db.pool, db.acme.id, 1, objectOf(1), 'no.kind')).rejects.toMatchObject({ code: 'WH901' })
  })

  it('beyond 10,000 that wait is skipped, and the one that caused it goes through', async () => {
    const { id } = await endpoint()
    await db.pool.query(
      `insert into app_public.webhook_deliveries (tenant_id, endpoint_id, event_id, kind, version, about_tenant_id, object_id, payload, occurred_at, next_attempt_at)
       select $1, $2, gen_random_uuid(), 'invoice.paid', 1, $1, gen_random_uuid(), '{"n": 0}', now(), now() from generate_series(1, 10000)`,
      [db.acme.id, id],
    )
    await emit(db.pool, db.acme.id, 'more')
    expect((await deliveries(id)).filter(({ n }) => n === 'more')).toMatchObject([{ status: 'skipped' }])
    await expect(as('select app_public.send_test_webhook($1)', [id])).rejects.toMatchObject({ code: 'WH602' })
  })
})

describe('a delivery that fails', () => {
  it('is tried ten times by the stated schedule, with the same id and body, and then has failed', async () => {
    receiver.answers.set('/', status(500, 'out of order'))
    const { id } = await endpoint()
    await emit(db.pool, db.acme.id, 1)
    const minutes = [1, 5, 30, 120, 300, 600, 840, 1200, 1440]
    await send()
    let at = 0
    for (const pause of minutes) {
      workers.later(at + pause - 0.5)
      await send()
      const before = receiver.received.length
      // the pause counts from the end of the attempt
      at += pause + 0.1
      workers.later(at)
      await send()
      expect(receiver.received.length).toBe(before + 1)
    }
    expect(receiver.received).toHaveLength(10)
    expect(new Set(receiver.received.map(({ headers, body }) => headers['webhook-id'] + body)).size).toBe(1)
    expect(await deliveries(id)).toMatchObject([
      {
        ...{ status: 'failed', attempts: 10, response_status: 500, response_body: 'out of order' },
        error: 'The endpoint answered 500.',
      },
    ])
  })

  it('holds back later events of its object only, and they follow in their order', async () => {
    const refused = new Set(['a1'])
    receiver.answers.set('/', (response, { body }) =>
      response.writeHead(refused.has(JSON.parse(body).data.n) ? 500 : 200).end(),
    )
    await endpoint()
    for (const [n, object] of [
      ['a1', 1],
      ['b1', 2],
      ['a2', 1],
      ['a3', 1],
      ['b2', 2],
    ] as const)
      await emit(db.pool, db.acme.id, n, objectOf(object))
    await send()
    expect(await states()).toEqual(['a1 pending', 'b1 delivered', 'a2 pending', 'a3 pending', 'b2 delivered'])
    refused.clear()
    receiver.received.length = 0
    workers.later(2)
    await send()
    expect(receiver.objects()).toEqual(['a1', 'a2', 'a3'])
  })

  it('makes an endpoint that is down be tried with one delivery a minute', async () => {
    receiver.answers.set('/', status(503))
    const { id } = await endpoint()
    for (let n = 0; n < 30; n += 1) await emit(db.pool, db.acme.id, n, objectOf(n))
    await send()
    const first = receiver.received.length
    expect(first).toBeLessThanOrEqual(8)
    await send()
    expect(receiver.received).toHaveLength(first)
    workers.later(1)
    await send()
    expect(receiver.received).toHaveLength(first + 1)
    receiver.answers.clear()
    workers.later(2)
    await send()
    expect(await endpointRow(id)).toMatchObject({ failing_since: null, failure_count: 0 })
    workers.later(10)
    await send()
    expect(new Set(await states()).size).toBe(30)
    expect((await deliveries()).every((d) => d.status === 'delivered')).toBe(true)
  })
})

describe('a receiver', () => {
  const failure = async (path: string, url = receiver.url): Promise<unknown> => {
    await createEndpoint(db, db.acme.owner, url + path, ['invoice.paid'])
    await emit(db.pool, db.acme.id, 1)
    await send()
    const [delivery] = await deliveries()
    return { status: delivery.status, response: delivery.response_status, error: delivery.error }
  }

  it('that hangs is given up', async () => {
    receiver.answers.set('/', () => {})
    await endpoint()
    await emit(db.pool, db.acme.id, 1)
    await workers.send(receiver.hasty)
    expect(await deliveries()).toMatchObject([
      { status: 'pending', response_status: null, error: 'The address did not answer in time.' },
    ])
  })

  it('that answers without an end has accepted by its status, and no more than a prefix is kept', async () => {
    receiver.answers.set('/huge', (response) => {
      response.writeHead(200)
      const more = (): void => {
        while (!response.destroyed && response.write('\0x'.repeat(10_000)));
        response.once('drain', more)
      }
      more()
    })
    expect(await failure('/huge')).toMatchObject({ status: 'delivered', response: 200 })
    expect((await deliveries())[0].response_body).toBe('x'.repeat(1000))
  })

  it('that redirects is not followed', async () => {
    receiver.answers.set('/moved', status(302, '', { location: `${receiver.url}/elsewhere` }))
    expect(await failure('/moved')).toEqual({ status: 'pending', response: 302, error: 'The endpoint answered 302.' })
    expect(receiver.received.map(({ path }) => path)).toEqual(['/moved'])
  })

  it('at a private address is never called, whether by name or by number', async () => {
    const refused = { status: 'pending', response: null, error: expect.stringContaining('must not be called') }
    expect(await failure('/', 'http://private.test')).toEqual(refused)
    await db.pool.query('delete from app_public.webhook_endpoints')
    expect(await failure('/', receiver.url.replace('hook.test', '127.0.0.1'))).toEqual(refused)
    expect(receiver.received).toEqual([])
  })

  it('that answers 410 is disabled, what waits is skipped, others hear of it, and mails are queued', async () => {
    receiver.answers.set('/gone', status(410))
    const { id } = await endpoint('/gone')
    await endpoint('/other', db.acme.owner, ['webhook.disabled'])
    await emit(db.pool, db.acme.id, 1)
    await emit(db.pool, db.acme.id, 2)
    await send()
    expect(await states(id)).toEqual(['1 skipped', '2 skipped'])
    expect(await endpointRow(id)).toMatchObject({ disabled_reason: 'gone' })
    expect(JSON.parse(receiver.received.find(({ path }) => path === '/other')?.body as string).data).toEqual({
      ...{ endpoint_id: id, reason: 'gone', url: `${receiver.url}/gone` },
    })
    const { rows } = await db.pool.query(
      `select payload from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
        where t.identifier = 'webhooks__send_alert'`,
    )
    expect(rows.map(({ payload }) => payload.userId).sort()).toEqual(
      [db.acme.owner.userId, db.acme.admin.userId].sort(),
    )
    await emit(db.pool, db.acme.id, 3)
    expect(await states(id)).toHaveLength(2)
  })

  it('that fails for five days is disabled, and what it missed can be replayed', async () => {
    receiver.answers.set('/', status(500))
    const { id } = await endpoint()
    for (let day = 0; day < 6; day += 1) {
      await emit(db.pool, db.acme.id, day, objectOf(day))
      for (const hour of [0, 1, 2]) {
        workers.later(day * 1440 + hour * 60)
        await send()
      }
    }
    expect(await endpointRow(id)).toMatchObject({ disabled_reason: 'failing' })
    await emit(db.pool, db.acme.id, 'missed')
    const all = await deliveries(id)
    expect(all.filter((d) => d.status === 'pending')).toEqual([])
    receiver.answers.clear()
    receiver.received.length = 0
    const replay = `select app_public.replay_webhook_deliveries($1, now() - interval '1 day') as count`
    await expect(as(replay, [id])).rejects.toMatchObject({ code: 'WH501' })
    await as('select app_public.enable_webhook_endpoint($1)', [id])
    expect(await as(replay, [id])).toEqual([{ count: all.length }])
    // again at once: they wait already
    expect(await as(replay, [id])).toEqual([{ count: 0 }])
    workers.later(10 * 1440)
    await send()
    expect(receiver.received).toHaveLength(all.length)
    expect((await deliveries(id)).every((d) => d.status === 'delivered')).toBe(true)
  })
})

describe('workers', () => {
  it('that are ten send each event of each object once and in order', async (context) => {
    needsServer(context)
    await endpoint()
    await endpoint('/', db.globex.owner)
    const sent: string[] = []
    for (let n = 0; n < 60; n += 1) {
      const tenant = n % 2 === 0 ? db.acme.id : db.globex.id
      await emit(db.pool, tenant, n, objectOf(n % 5))
      sent.push(`${tenant} ${n % 5} ${n}`)
    }
    const ten = openWorkers(db, 10)
    await Promise.all(Array.from({ length: 10 }, () => ten.send(receiver.outgoing)))
    await ten.send(receiver.outgoing)
    await ten.close()
    expect(receiver.received).toHaveLength(60)
    const got = receiver.received.map(({ body }) => JSON.parse(body))
    for (const tenant of [db.acme.id, db.globex.id])
      for (let object = 0; object < 5; object += 1) {
        const numbers = got
          .filter((m) => m.tenant_id === tenant && m.object_id === objectOf(object))
          .map((m) => m.data.n)
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
      }
  })

  it('that are killed in the middle leave what is sent again, with the same id', async () => {
    await endpoint()
    await emit(db.pool, db.acme.id, 1)
    await emit(db.pool, db.acme.id, 2)
    const claimed = await workers.withPgClient(
      async (client) => (await client.query('select * from webhooks.claim_deliveries(10)')).rows,
    )
    expect(claimed).toHaveLength(1)
    await send()
    expect(receiver.received).toEqual([])
    workers.later(2)
    await send()
    expect(receiver.objects()).toEqual([1, 2])
    expect(receiver.received[0]?.headers['webhook-id']).toBe(claimed[0].message_id)
    // the first one was only slow, and reports a failure too late
    await workers.withPgClient((client) =>
      client.query('select webhooks.finish_delivery($1, $2, 1, 500, null, 1)', [db.acme.id, claimed[0].delivery_id]),
    )
    expect(await states()).toEqual(['1 delivered', '2 delivered'])
  })

  it('go on with other tenants while one receiver hangs, which has four calls at most', async () => {
    const hanging: (() => void)[] = []
    let others = 0
    receiver.answers.set('/slow', (response) => {
      const answer = (): void => void response.writeHead(200).end()
      if (others < 20) hanging.push(answer)
      else answer()
    })
    receiver.answers.set('/fast', (response) => {
      others += 1
      response.writeHead(200).end()
      if (others === 20) for (const answer of hanging.splice(0)) answer()
    })
    await endpoint('/slow')
    await createEndpoint(db, db.globex.owner, `${receiver.url.replace('hook', 'slow')}/fast`, ['invoice.paid'])
    for (let n = 0; n < 20; n += 1) {
      await emit(db.pool, db.acme.id, n, objectOf(n))
      await emit(db.pool, db.globex.id, n, objectOf(n))
    }
    const { rows } = await db.pool.query(
      `select e.url from webhooks.claim_deliveries(100) c join app_public.webhook_endpoints e on e.tenant_id = c.tenant_id and e.url = c.url`,
    )
    expect(rows.filter(({ url }) => url.endsWith('/slow'))).toHaveLength(4)
    await db.pool.query('update app_public.webhook_deliveries set leased_until = null, attempts = 0')
    const ended = send()
    // the fast ones all end while the slow ones hang, or this waits for ever
    while (others < 20) await db.pool.query('select')
    await ended
    expect((await deliveries()).every((d) => d.status === 'delivered')).toBe(true)
  })

  it('go on with other tenants while someone holds an endpoint, and with it when it is free', async (context) => {
    needsServer(context)
    const { id } = await endpoint('/held')
    await endpoint('/free', db.globex.owner)
    await emit(db.pool, db.acme.id, 1)
    await emit(db.pool, db.globex.id, 2)
    const client = await db.pool.connect()
    await client.query('begin')
    await client.query(`update app_public.webhook_endpoints set description = 'mine' where id = $1`, [id])
    await send()
    expect(receiver.received.map(({ path }) => path)).toEqual(['/free'])
    await client.query('commit')
    client.release()
    await send()
    expect(receiver.received.map(({ path }) => path)).toEqual(['/free', '/held'])
  })

  it('look through a long queue of which nothing can be sent once in 30 seconds, and at once when the way is free', async (context) => {
    needsServer(context)
    const { id } = await endpoint()
    await emit(db.pool, db.acme.id, 0)
    await db.pool.query(
      `insert into app_public.webhook_deliveries (tenant_id, endpoint_id, event_id, kind, version, about_tenant_id, object_id, payload, occurred_at, next_attempt_at)
       select $1, $2, gen_random_uuid(), 'invoice.paid', 1, $1, $3, jsonb_build_object('n', n), now(), now() from generate_series(1, 500) n`,
      [db.acme.id, id, objectOf(1)],
    )
    receiver.answers.set('/', (response) => {
      void db.pool.query('select from webhooks.claim_deliveries(100)').then(async () => {
        if (receiver.received.length === 1) expect((await endpointRow(id)).rested_until).not.toBeNull()
        response.writeHead(200).end()
      })
    })
    await send()
    expect((await deliveries()).every((d) => d.status === 'delivered')).toBe(true)
    expect(receiver.objects()).toEqual(Array.from({ length: 501 }, (_, n) => n))
    expect((await endpointRow(id)).rested_until).toBeNull()
  })

  it('never have more than eight calls of one tenant under way', async () => {
    for (const path of ['/a', '/b', '/c', '/d']) await endpoint(path)
    for (let n = 0; n < 10; n += 1) await emit(db.pool, db.acme.id, n, objectOf(n))
    const { rows } = await db.pool.query('select * from webhooks.claim_deliveries(100)')
    expect(rows).toHaveLength(8)
  })

  it('find nothing to report when the endpoint was deleted while they sent', async () => {
    receiver.answers.set('/', (response) => {
      void db.pool.query('delete from app_public.webhook_endpoints').then(() => response.writeHead(500).end())
    })
    await endpoint()
    await emit(db.pool, db.acme.id, 1)
    expect(await send()).toBe(true)
    expect(await deliveries()).toEqual([])
  })

  it('that are told to stop finish their calls, claim nothing more and say that there is more', async () => {
    const stop = new AbortController()
    receiver.answers.set('/', (response) => {
      stop.abort()
      response.writeHead(200).end()
    })
    await endpoint()
    await emit(db.pool, db.acme.id, 1)
    await emit(db.pool, db.acme.id, 2)
    expect(await send(stop.signal)).toBe(false)
    expect(await states()).toEqual(['1 delivered', '2 pending'])
  })
})

describe('a tenant', () => {
  it('that is suspended gets its events when it is open again', async () => {
    await endpoint()
    const set = (to: string) => db.pool.query('select tenancy.set_tenant_status($1, $2, $3)', [db.acme.id, to, 'late'])
    await set('suspended')
    await emit(db.pool, db.acme.id, 1)
    await send()
    expect(receiver.received).toEqual([])
    await set('active')
    await send()
    expect(receiver.objects()).toEqual([1])
  })

  it('that is deleted takes its endpoints and deliveries along, and its last events go nowhere', async () => {
    const { rows } = await db.pool.query(
      `select tenancy.provision_tenant($1, 'Gone', 'owner@gone.test', 'Owner') as t`,
      [`gone-${randomUUID().slice(0, 8)}`],
    )
    const { rows: found } = await db.pool.query(
      `select t.id as "tenantId", m.user_id as "userId" from app_public.tenants t join app_public.user_tenants m on m.tenant_id = t.id where t.name = 'Gone'`,
    )
    expect(rows).toHaveLength(1)
    await createEndpoint(db, found[0], receiver.url, ['member.removed', 'member.joined'])
    await emit(db.pool, found[0].tenantId, 1, objectOf(1), 'member.joined')
    await db.pool.query('delete from app_public.tenants where id = $1', [found[0].tenantId])
    await send()
    expect(receiver.received).toEqual([])
    expect(await deliveries()).toEqual([])
  })
})

describe('the log', () => {
  it('replays one delivery with the same id, whether it was accepted before or not, and once when asked twice', async () => {
    const { id } = await endpoint()
    await emit(db.pool, db.acme.id, 1)
    await send()
    const [delivery] = await deliveries(id)
    for (let twice = 0; twice < 2; twice += 1) await as('select app_public.replay_webhook_delivery($1)', [delivery.id])
    await send()
    expect(receiver.received).toHaveLength(2)
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    await expect(
      as('select app_public.replay_webhook_delivery($1)', [delivery.id], db.globex.owner),
    ).rejects.toMatchObject({ code: 'WH302' })
  })

  it('is kept for 30 days', async () => {
    await endpoint()
    await emit(db.pool, db.acme.id, 1)
    await emit(db.pool, db.acme.id, 2)
    await db.pool.query(
      `update app_public.webhook_deliveries set created_at = now() - interval '31 days' where payload ->> 'n' = '1'`,
    )
    expect((await db.pool.query('select webhooks.expire_deliveries() as count')).rows).toEqual([{ count: 1 }])
    expect(await states()).toEqual(['2 pending'])
  })
})

it('over any sequence of failures, retries and crashes, what was emitted is accepted once or more, in order per object', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          object: fc.integer({ min: 1, max: 3 }),
          fails: fc.integer({ min: 0, max: 3 }),
          crash: fc.boolean(),
        }),
        {
          minLength: 1,
          maxLength: 12,
        },
      ),
      async (events) => {
        await db.pool.query('delete from app_public.webhook_endpoints')
        receiver.received.length = 0
        const accepted: { n: number; object: string }[] = []
        const left = events.map(({ fails }) => fails)
        receiver.answers.set('/', (response, { body }) => {
          const message = JSON.parse(body)
          if ((left[message.data.n] as number) > 0) {
            left[message.data.n] = (left[message.data.n] as number) - 1
            return void response.writeHead(500).end()
          }
          accepted.push({ n: message.data.n, object: message.object_id })
          response.writeHead(200).end()
        })
        await endpoint()
        let minutes = 0
        for (const [n, { object, crash }] of events.entries()) {
          await emit(db.pool, db.acme.id, n, objectOf(object))
          workers.later(minutes)
          // claimed by one that dies
          if (crash) await workers.withPgClient((client) => client.query('select from webhooks.claim_deliveries(2)'))
          else await send()
          minutes += 1
        }
        for (let round = 0; round < 120; round += 1) {
          minutes += 10
          workers.later(minutes)
          await send()
          if ((await deliveries()).every((d) => d.status === 'delivered')) break
        }
        for (const object of [1, 2, 3].map(objectOf)) {
          const numbers = accepted.filter((one) => one.object === object).map(({ n }) => n)
          expect(numbers).toEqual(events.flatMap((event, n) => (objectOf(event.object) === object ? [n] : [])))
        }
      },
    ),
    { seed: 14, numRuns: 15 },
  )
})
