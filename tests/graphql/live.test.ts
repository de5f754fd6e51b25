// Live updates: whoever subscribes is sent what changes, as they may see it and as long as they may be here. The clients
// are the official ones of both protocols.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Person, type Tenant, useDatabase } from '../helpers/index.ts'
import { type Operation, type Subscriber, transports } from '../helpers/live.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
const logged: string[] = []
const sources = new Map<string, string>()
const open: { close: () => void }[] = []

beforeAll(async () => {
  server = await startTestServer(db.url, {}, (line) => logged.push(line))
  for (const tenant of [db.acme, db.globex]) {
    const { rows } = await db.pool.query<{ id: string }>(
      `insert into app_public.rag_knowledge_sources (tenant_id, name) values ($1, 'live') returning id`,
      [tenant.id],
    )
    sources.set(tenant.id, rows[0]?.id ?? '')
  }
})
afterAll(() => server?.close())
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

const bearer = async (person: Person): Promise<string> => `Bearer ${await server.token(person.email)}`

async function subscribe(
  person: Person,
  operation: Operation,
  transport: keyof typeof transports = 'websocket',
  at: TestServer = server,
): Promise<Subscriber> {
  const connection = transports[transport](at, { authorization: await bearer(person) })
  open.push(connection)
  return connection.subscribe(operation)
}

async function addDocument(tenant: Tenant, title = 'first', id: string = crypto.randomUUID()): Promise<string> {
  await db.pool.query(
    `insert into app_public.documents (tenant_id, id, source_id, external_id, title, size_bytes, content_hash, processing_stage)
     values ($1, $2, $3, gen_random_uuid()::text, $4, 1, sha256('x'), 'parse')`,
    [tenant.id, id, sources.get(tenant.id), title],
  )
  return id
}
const retitle = (id: string, title: string) =>
  db.pool.query('update app_public.documents set title = $2 where id = $1', [id, title])

async function addAlertLog(tenant: Tenant): Promise<string> {
  const { rows } = await db.pool.query<{ id: string }>(
    `with rule as (
       insert into app_public.alerts (tenant_id, name, metric, aggregation, threshold)
       values ($1, gen_random_uuid()::text, 'tool_runs', 'count', 1) returning tenant_id, id)
     insert into app_public.alert_logs (tenant_id, alert_id, ordinal, from_state, state, occurred_at)
     select tenant_id, id, 1, 'ok', 'firing', now() from rule returning id`,
    [tenant.id],
  )
  return rows[0]?.id ?? ''
}

const oneDocument = (id: string): Operation => ({
  query: 'subscription Watch ($id: UUID!) { documentChanged(id: $id) { id title } }',
  variables: { id },
})
const allDocuments: Operation = { query: 'subscription { documentChanged { id title } }' }
const alerts: Operation = { query: 'subscription { alertLogChanged { id } }' }

const codeOf = (end: unknown): unknown =>
  (end as { extensions?: { code: string } }[])[0]?.extensions?.code ??
  (end as { errors?: { extensions: { code: string } }[] }).errors?.[0]?.extensions.code

describe.each(['websocket', 'sse'] as const)('a subscription over %s', (transport) => {
  it('of one row begins with the row as it is, and sends it again each time that it changed', async () => {
    const id = await addDocument(db.acme)
    const subscriber = await subscribe(db.acme.member, oneDocument(id), transport)
    expect(await subscriber.next()).toEqual({ data: { documentChanged: { id, title: 'first' } } })
    await retitle(id, 'second')
    expect(await subscriber.next()).toEqual({ data: { documentChanged: { id, title: 'second' } } })
    await retitle(id, 'third')
    expect(await subscriber.next()).toEqual({ data: { documentChanged: { id, title: 'third' } } })
  })

  it('of a list begins with null, and then sends what is new and what has changed', async () => {
    const subscriber = await subscribe(db.acme.member, allDocuments, transport)
    expect(await subscriber.next()).toEqual({ data: { documentChanged: null } })
    const id = await addDocument(db.acme)
    expect(await subscriber.next()).toEqual({ data: { documentChanged: { id, title: 'first' } } })
    await retitle(id, 'second')
    expect(await subscriber.next()).toEqual({ data: { documentChanged: { id, title: 'second' } } })
  })

  it('sends null when a row that was sent is gone', async () => {
    const subscriber = await subscribe(db.acme.member, allDocuments, transport)
    await subscriber.next()
    const id = await addDocument(db.acme)
    await subscriber.next()
    await db.pool.query('delete from app_public.documents where id = $1', [id])
    expect(await subscriber.next()).toEqual({ data: { documentChanged: null } })
  })

  it('serves two tenants at once, each with its own rows alone', async () => {
    const inAcme = await subscribe(db.acme.member, allDocuments, transport)
    const inGlobex = await subscribe(db.globex.member, allDocuments, transport)
    await Promise.all([inAcme.next(), inGlobex.next()])
    const acmes = [await addDocument(db.acme, 'a1'), await addDocument(db.acme, 'a2')]
    const globexs = [await addDocument(db.globex, 'g1'), await addDocument(db.globex, 'g2')]
    const received = async (subscriber: Subscriber) => [
      (await subscriber.next()).data.documentChanged.id,
      (await subscriber.next()).data.documentChanged.id,
    ]
    expect(await received(inAcme)).toEqual(acmes)
    expect(await received(inGlobex)).toEqual(globexs)
  })

  it('never sends a row that a policy hides, and still sends the next one that it shows', async () => {
    const viewer = await subscribe(db.acme.viewer, alerts, transport)
    const owner = await subscribe(db.acme.owner, alerts, transport)
    await Promise.all([viewer.next(), owner.next()])
    const hidden = await addAlertLog(db.acme)
    expect(await owner.next()).toEqual({ data: { alertLogChanged: { id: hidden } } })
    // whoever looks late must not see it either, once the viewer may see more
    await db.pool.query('delete from app_public.alert_logs where id = $1', [hidden])
    await db.pool.query(
      `update app_public.user_tenants set permissions = '{"can_view_analytics": true}' where tenant_id = $1 and user_id = $2`,
      [db.acme.id, db.acme.viewer.userId],
    )
    const shown = await addAlertLog(db.acme)
    expect(await viewer.next()).toEqual({ data: { alertLogChanged: { id: shown } } })
    await db.pool.query(`update app_public.user_tenants set permissions = '{}' where user_id = $1`, [
      db.acme.viewer.userId,
    ])
  })

  it('ends at once with ID201 when the member is removed, without any change of a row', async () => {
    const subscriber = await subscribe(db.globex.viewer, allDocuments, transport)
    await subscriber.next()
    await setMembership(db.globex.viewer, 'inactive')
    const told = transport === 'sse' ? (await subscriber.next()).errors : await subscriber.end
    expect(codeOf(told)).toBe('ID201')
    await setMembership(db.globex.viewer, 'active')
    if (transport === 'websocket') expect(await subscriber.closed).toMatchObject({ code: 4403 })
    else await subscriber.end
  })

  it('is refused with the code of a request: without a token ID101, in a foreign tenant ID201', async () => {
    const nobody = transports[transport](server, {})
    const stranger = transports[transport](server, { authorization: await bearer(db.acme.owner), tenant: 'globex' })
    open.push(nobody, stranger)
    if (transport === 'websocket') {
      expect(await nobody.subscribe(allDocuments).end).toMatchObject({ code: 4401 })
      expect(await stranger.subscribe(allDocuments).end).toMatchObject({
        code: 4403,
        reason: expect.stringContaining('ID201'),
      })
    } else {
      expect(await statusOf(nobody.subscribe(allDocuments))).toBe(401)
      expect(await statusOf(stranger.subscribe(allDocuments))).toBe(403)
    }
  })
})

const statusOf = async (subscriber: Subscriber): Promise<unknown> =>
  ((await subscriber.end) as { response: Response }).response.status

const setMembership = (person: Person, status: 'active' | 'inactive') =>
  db.pool.query(
    `update app_public.user_tenants
        set status = $3::app_public.membership_status, activated_at = case when $3 = 'active' then now() end,
            deactivated_at = case when $3 = 'active' then null else now() end
      where tenant_id = $1 and user_id = $2`,
    [person.tenantId, person.userId, status],
  )
