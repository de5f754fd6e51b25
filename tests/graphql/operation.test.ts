// The server in operation: what it logs, how long a statement may run, how it ends.

import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})
beforeAll(async () => {
  // something slow that everyone may ask for
  await db.pool.query(`create or replace function app_public.current_tenant() returns app_public.tenants language sql stable security definer
    set search_path to pg_catalog, pg_temp as $$ select t.* from pg_sleep(0.4), app_public.tenants t where t.id = core.current_tenant_id() $$`)
})

describe('a log', () => {
  it('has a line for each request with its id, user, tenant and operation, and no token, variable or text of the query', async () => {
    const lines: string[] = []
    server = await startTestServer(db.url, {}, (line) => lines.push(line))
    const token = await server.token('owner@acme.test')
    await server.ask(
      'owner@acme.test',
      'query FindAgent ($name: String) { agents(filter: {name: {equalTo: $name}}) { totalCount } }',
      { name: 'top-secret' },
      { 'x-request-id': 'logged-1' },
    )
    await server.ask(
      undefined,
      '{ agents(filter: {name: {equalTo: "also-secret"}}) { totalCount } }',
      {},
      { authorization: 'Bearer a.wrong.token' },
    )
    const requests = () => lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
    // a request is logged when its connection has the last byte, which may be after we have read it
    while (requests().length < 2) await new Promise((resolve) => setImmediate(resolve))
    const [good, bad] = requests()
    expect(good).toMatchObject({
      level: 'info',
      request: 'logged-1',
      route: 'graphql',
      status: 200,
      user: db.acme.owner.userId,
      tenant: db.acme.id,
    })
    expect(bad).toMatchObject({ status: 401 })
    for (const secret of ['top-secret', 'also-secret', 'a.wrong.token', token])
      expect(lines.join('\n')).not.toContain(secret)
  })
})

describe('a statement', () => {
  it('that runs longer than STATEMENT_TIMEOUT_MS is stopped with a code, and the next request is served', async (context) => {
    needsServer(context, 'it has no statement_timeout')
    server = await startTestServer(db.url, { STATEMENT_TIMEOUT_MS: '100' })
    const { errors } = await server.ask('owner@acme.test', '{ currentTenant { slug } }')
    expect(errors?.[0]?.extensions.code).toBe('57014')
    expect((await server.ask('owner@acme.test', '{ agents { totalCount } }')).errors).toBeUndefined()
    expect(server.busyConnections()).toBe(0)
  })
})

describe('an end', () => {
  it('lets the requests that run finish, and takes no new ones', async () => {
    const ending = await startTestServer(db.url)
    const running = ending.ask('owner@acme.test', '{ currentTenant { slug } }')
    while (ending.busyConnections() === 0) await new Promise((resolve) => setImmediate(resolve))
    const closed = ending.close()
    await expect(fetch(`${ending.url}/healthz`)).rejects.toThrow()
    expect((await running).data).toEqual({ currentTenant: { slug: 'acme' } })
    await closed
  })
})
