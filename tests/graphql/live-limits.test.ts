// How live updates end, what bounds them, and that nothing is missed without a word: hostile and unlucky clients, revoked
// keys, expired tokens, a database that goes away.

import { once } from 'node:events'
import { SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createPending } from '../../server/live/pending.ts'
import { needsServer, type Person, useDatabase } from '../helpers/index.ts'
import { type Operation, openEvents, openSocket, type Subscriber } from '../helpers/live.ts'
import { openProxy } from '../helpers/proxy.ts'
import { startTestServer, type TestServer, testSecret } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
const lines: string[] = []
const open: { close: () => void }[] = []

beforeAll(async () => {
  server = await startTestServer(db.url, { LIVE_LIMIT_PER_USER: '3', LIVE_LIMIT_PER_TENANT: '4' }, (line) =>
    lines.push(line),
  )
})
afterAll(() => server?.close())
afterEach(async () => {
  for (const each of open.splice(0)) each.close()
  await db.pool?.query('delete from app_public.rate_limit_config')
})

const bearer = async (person: Person): Promise<string> => `Bearer ${await server.token(person.email)}`
const connect = async (person: Person, at = server) => {
  const connection = openSocket(at, { authorization: await bearer(person) })
  open.push(connection)
  return connection
}

const allTasks: Operation = { query: 'subscription { taskChanged { id title status } }' }
const oneTask = (id: string): Operation => ({
  query: 'subscription ($id: UUID!) { taskChanged(id: $id) { title } }',
  variables: { id },
})
const addTask = async (title: string, agentId?: string): Promise<string> => {
  const { rows } = await db.pool.query<{ id: string }>(
    `insert into app_public.tasks (tenant_id, id, root_task_id, title, status, assigned_agent_id, available_at, created_at)
     select $1, id, id, $2, case when $3::uuid is null then 'pending' else 'assigned' end::app_public.task_status, $3, now(), now()
       from gen_random_uuid() as id returning id`,
    [db.acme.id, title, agentId ?? null],
  )
  return rows[0]?.id ?? ''
}
const retitle = (id: string, title: string) =>
  db.pool.query('update app_public.tasks set title = $2 where id = $1', [id, title])
const titleOf = async (subscriber: Subscriber): Promise<string> => (await subscriber.next()).data.taskChanged?.title

const codeOf = (end: unknown): unknown => (end as { extensions?: { code: string } }[])[0]?.extensions?.code

describe('a subscription to tasks', () => {
  it('of an agent is told of its tasks alone, and of one that is taken from it', async () => {
    const [mine, other] = [crypto.randomUUID(), crypto.randomUUID()]
    const connection = await connect(db.acme.member)
    const query = 'subscription ($agent: UUID!) { taskChanged(assignedAgentId: $agent) { title } }'
    const subscriber = connection.subscribe({ query, variables: { agent: mine } })
    await subscriber.next()
    await addTask('of another', other)
    const id = await addTask('of mine', mine)
    expect(await titleOf(subscriber)).toBe('of mine')
    await db.pool.query('update app_public.tasks set assigned_agent_id = $2 where id = $1', [id, other])
    expect(await subscriber.next()).toEqual({ data: { taskChanged: null } })
  })

  it('is not told of a lease that was extended, which shows nothing', async () => {
    const id = await addTask('leased')
    const watching = (await connect(db.acme.member)).subscribe(oneTask(id))
    expect(await titleOf(watching)).toBe('leased')
    await db.pool.query(
      `update app_public.tasks set status = 'in_progress', lease_expires_at = now() + interval '1 minute' where id = $1`,
      [id],
    )
    await db.pool.query(`update app_public.tasks set lease_expires_at = now() + interval '2 minutes' where id = $1`, [
      id,
    ])
    await retitle(id, 'again')
    expect(await titleOf(watching)).toBe('again')
  })
})

describe('a stream ends', () => {
  it('with KY101 when its API key is revoked', async () => {
    const made = await server.ask(
      'admin@acme.test',
      `mutation { createApiKey(input: {apiKey: {name: "live"}}) { issued { apiKeyId key } } }`,
    )
    const { apiKeyId, key } = made.data.createApiKey.issued
    const connection = openSocket(server, { authorization: `Bearer ${key}` })
    open.push(connection)
    const subscriber = connection.subscribe(allTasks)
    await subscriber.next()
    await server.ask('admin@acme.test', 'mutation ($id: UUID!) { revokeApiKey(input: {id: $id}) { apiKey { id } } }', {
      id: apiKeyId,
    })
    expect(codeOf(await subscriber.end)).toBe('KY101')
    expect(await subscriber.closed).toMatchObject({ code: 4401, reason: expect.stringContaining('KY101') })
  })

  it('with ID101 at the next change when its token has expired', async () => {
    const expiring = await new SignJWT({ email: db.acme.owner.email, email_verified: true })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(db.acme.owner.email)
      .setIssuer(server.config.JWT_ISSUER)
      .setAudience(server.config.JWT_AUDIENCE)
      // within the tolerance of clocks, which is five seconds
      .setExpirationTime(Math.floor(Date.now() / 1_000) - 4)
      .sign(new TextEncoder().encode(testSecret))
    const connection = openSocket(server, { authorization: `Bearer ${expiring}` })
    open.push(connection)
    const subscriber = connection.subscribe(allTasks)
    await subscriber.next()
    expect(codeOf(await subscriber.end)).toBe('ID101')
    expect(await subscriber.closed).toMatchObject({ code: 4401 })
  })

  it('when the tenant is cancelled', async () => {
    const subscriber = (await connect(db.globex.member)).subscribe(allTasks)
    await subscriber.next()
    await db.pool.query(`update app_public.tenants set status = 'cancelled' where id = $1`, [db.globex.id])
    expect(codeOf(await subscriber.end)).toBe('ID201')
  })

  it('of a connection on which nothing is watched, too, when the member is removed', async () => {
    const connection = await connect(db.acme.viewer)
    const subscriber = connection.subscribe(allTasks)
    await subscriber.next()
    subscriber.leave()
    await db.pool.query(
      `update app_public.user_tenants set status = 'inactive', activated_at = null, deactivated_at = now() where user_id = $1`,
      [db.acme.viewer.userId],
    )
    expect((await subscriber.closed).code).toBeGreaterThanOrEqual(1000)
    await db.pool.query(
      `update app_public.user_tenants set status = 'active', activated_at = now(), deactivated_at = null where user_id = $1`,
      [db.acme.viewer.userId],
    )
  })

  it('at a shutdown, without a word that it was complete, so that clients come again', async () => {
    const other = await startTestServer(db.url)
    const [socket, events] = [
      openSocket(other, { authorization: await bearer(db.acme.member) }),
      openEvents(other, { authorization: await bearer(db.acme.member) }),
    ]
    const subscribers = [socket.subscribe(allTasks), events.subscribe(allTasks)]
    await Promise.all(subscribers.map(({ next }) => next()))
    await other.close()
    expect(await subscribers[0]?.closed).toMatchObject({ code: 1001 })
    expect(await subscribers[1]?.end).toBeInstanceOf(Error)
  })
})

describe('nothing is missed', () => {
  it('when the connection that listens is killed: what is watched is read again', async (context) => {
    needsServer(context, 'it has no backends to end one of')
    const id = await addTask('before')
    const connection = await connect(db.acme.member)
    const [one, all] = [connection.subscribe(oneTask(id)), connection.subscribe(allTasks)]
    await Promise.all([one.next(), all.next()])
    const { rowCount } = await db.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rowhouse_live' and datname = current_database()`,
    )
    expect(rowCount).toBe(1)
    await retitle(id, 'meanwhile')
    expect(await titleOf(one)).toBe('meanwhile')
    // a list is told of the change or to read again, by whether the change came before the new connection
    expect((await all.next()).data.taskChanged?.title ?? 'read again').toMatch(/^(meanwhile|read again)$/)
  })

  it('of a transaction that was under way when the subscription began', async (context) => {
    needsServer(context)
    // nobody has watched documents here before, so the writer announces nothing
    const { rows } = await db.pool.query<{ id: string }>(
      `with source as (
         insert into app_public.rag_knowledge_sources (tenant_id, name) values ($1, 'live') returning tenant_id, id)
       insert into app_public.documents (tenant_id, source_id, external_id, title, size_bytes, content_hash, processing_stage)
       select tenant_id, id, 'a', 'before', 1, sha256('x'), 'parse' from source returning id`,
      [db.acme.id],
    )
    const id = rows[0]?.id
    const writer = await db.pool.connect()
    try {
      await writer.query('begin')
      await writer.query(`update app_public.documents set title = 'committed later' where id = $1`, [id])
      const connection = await connect(db.acme.member)
      const query = 'subscription ($id: UUID) { documentChanged(id: $id) { title } }'
      const [one, all] = [{ id }, {}].map((variables) => connection.subscribe({ query, variables }))
      expect(await one?.next()).toEqual({ data: { documentChanged: { title: 'before' } } })
      expect(await all?.next()).toEqual({ data: { documentChanged: null } })
      await writer.query('commit')
      expect(await one?.next()).toEqual({ data: { documentChanged: { title: 'committed later' } } })
      expect(await all?.next()).toEqual({ data: { documentChanged: null } })
    } finally {
      writer.release()
    }
  })

  it('when the database is away for a while', async () => {
    const network = await openProxy(db.url)
    const distant = await startTestServer(network.url)
    try {
      const id = await addTask('before')
      const subscriber = (await connect(db.acme.member, distant)).subscribe(oneTask(id))
      expect(await titleOf(subscriber)).toBe('before')
      await network.cut()
      await retitle(id, 'while it was away')
      await network.mend()
      expect(await titleOf(subscriber)).toBe('while it was away')
      await retitle(id, 'afterwards')
      expect(await titleOf(subscriber)).toBe('afterwards')
    } finally {
      for (const each of open.splice(0)) each.close()
      await distant.close()
      await network.close()
    }
  })

  it('of many changes at once: the last state comes, whatever is left out before it', async () => {
    const id = await addTask('0')
    const subscriber = (await connect(db.acme.member)).subscribe(oneTask(id))
    await subscriber.next()
    for (let i = 1; i <= 300; i += 1) await retitle(id, String(i))
    let count = 0
    let last = ''
    while (last !== '300') {
      last = await titleOf(subscriber)
      count += 1
    }
    expect(count).toBeLessThanOrEqual(300)
  })

  it('of more rows than wait one by one: the client is told to read again', async () => {
    const subscriber = (await connect(db.acme.member)).subscribe(allTasks)
    await subscriber.next()
    await db.pool.query(
      `insert into app_public.tasks (tenant_id, id, root_task_id, title, status, available_at, created_at)
       select $1, id, id, 'bulk', 'pending', now(), now() from (select gen_random_uuid() as id from generate_series(1, 500)) n`,
      [db.acme.id],
    )
    expect(await subscriber.next()).toEqual({ data: { taskChanged: null } })
  })
})

describe('what waits for a slow client', () => {
  const take = (pending: ReturnType<typeof createPending>) => pending.take(new AbortController().signal)

  it('is each row once, in the order of their first changes', async () => {
    const pending = createPending(3)
    for (const id of ['a', 'b', 'a', 'a']) pending.add(id)
    expect(await take(pending)).toEqual(['a', 'b'])
  })

  it('is never more than the limit: beyond it, that any row may have changed', async () => {
    const pending = createPending(3)
    for (let i = 0; i < 10_000; i += 1) pending.add(String(i))
    expect(await take(pending)).toEqual([null])
    pending.add('later')
    expect(await take(pending)).toEqual(['later'])
  })

  it('is given up when nobody waits any more', async () => {
    const leaving = new AbortController()
    const taken = createPending(3).take(leaving.signal)
    leaving.abort(new Error('left'))
    await expect(taken).rejects.toThrow('left')
  })
})

describe('limits', () => {
  it('of subscriptions a person and a tenant: further ones are refused with RN685 until one ends', async () => {
    const connection = await connect(db.acme.owner)
    const three = [1, 2, 3].map(() => connection.subscribe(allTasks))
    await Promise.all(three.map(({ next }) => next()))
    expect(codeOf(await connection.subscribe(allTasks).end)).toBe('RN685')
    const other = await connect(db.acme.admin)
    const fourth = other.subscribe(allTasks)
    await fourth.next()
    expect(codeOf(await other.subscribe(allTasks).end)).toBe('RN685')
    three[0]?.leave()
    await logLine(({ msg, user, code }) => msg === 'subscription ended' && user === db.acme.owner.userId && !code)
    const fifth = other.subscribe(allTasks)
    expect(await fifth.next()).toEqual({ data: { taskChanged: null } })
  })

  it('of requests hold for starting a subscription, and not for its answers', async () => {
    await db.pool.query(
      `insert into app_public.rate_limit_config (tenant_id, source, per_minute) values ($1, 'plan', 1)`,
      [db.acme.id],
    )
    const connection = await connect(db.acme.member)
    const first = connection.subscribe(allTasks)
    await first.next()
    expect(codeOf(await connection.subscribe(allTasks).end)).toBe('RL601')
    await addTask('free')
    expect(await titleOf(first)).toBe('free')
  })

  it('of queries hold for subscriptions: what is wrong with one is told, and the connection stays', async () => {
    const connection = await connect(db.acme.member)
    const code = async (query: string) => codeOf(await connection.subscribe({ query }).end)
    expect(await code('subscription { nothingChanged { id } }')).toBe('WB402')
    expect(await code('subscription { taskChanged { id } documentChanged { id } }')).toBe('WB402')
    expect(await code('{ currentTenant { slug } }')).toBe('WB402')
    expect(await code(`subscription { taskChanged { ${'parentTask { '.repeat(30)} id ${'}'.repeat(30)} } }`)).toMatch(
      /^WB/,
    )
    expect(await connection.subscribe(allTasks).next()).toEqual({ data: { taskChanged: null } })
  })

  it('of a message: a longer one closes the connection', async () => {
    const { socket, closed } = await rawSocket()
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: 'x'.repeat(600_000) } }))
    expect(await closed).toBe(1009)
  })

  it('of time: a connection that does not say who it is is closed', async () => {
    const { closed } = await rawSocket()
    expect(await closed).toBe(4408)
  })

  it('of the protocol: nothing is served before a connection says who it is', async () => {
    const { socket, closed } = await rawSocket()
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: allTasks }))
    expect(await closed).toBe(4401)
  })
})

describe('the address of subscriptions', () => {
  it('is /graphql: elsewhere no WebSocket is opened, and from a foreign page none at all', async () => {
    const failed = async (path: string, headers = {}) => {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', { headers })
      const [error] = (await once(socket, 'error')) as [Error]
      return error.message
    }
    expect(await failed('/elsewhere')).toBeTruthy()
    expect(await failed('/graphql', { origin: 'https://evil.test' })).toContain('403')
  })

  it('refuses a subscription that is sent as a plain request, and says how to send it', async () => {
    const { status, errors } = await server.ask(db.acme.member.email, allTasks.query)
    expect(status).toBe(400)
    expect(errors?.[0]).toMatchObject({
      extensions: { code: 'WB402', hint: expect.stringContaining('text/event-stream') },
    })
  })
})

it('open subscriptions are counted in /metrics, and none is left when clients are gone', async () => {
  const connection = await connect(db.acme.member)
  await connection.subscribe(allTasks).next()
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text()
  expect(await metrics()).toMatch(/rowhouse_live_subscriptions\{transport="websocket"\} [1-9]/)
  const before = lines.length
  connection.close()
  await logLine(({ msg, user }) => msg === 'subscription ended' && user === db.acme.member.userId, before)
  while (!/rowhouse_live_subscriptions\{transport="websocket"\} 0/.test(await metrics()))
    await new Promise((resolve) => setImmediate(resolve))
  expect(server.busyConnections()).toBe(0)
})

/** Waits until the log has such a line. */
async function logLine(isIt: (line: Record<string, unknown>) => boolean, from = 0): Promise<void> {
  while (!lines.slice(from).some((line) => isIt(JSON.parse(line))))
    await new Promise((resolve) => setImmediate(resolve))
}

async function rawSocket() {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const closed = once(socket, 'close').then(([code]) => code as number)
  socket.on('error', () => {})
  await once(socket, 'open')
  return { socket, closed }
}
