// The server around GraphQL: health, metrics, CORS, errors that are masked, values that are stored as they came.

import { request } from 'node:http'
import type { PoolClient } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url, { CORS_ORIGINS: 'https://app.test', METRICS_TOKEN: 'metrics-token' })
})
afterAll(() => server.close())

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers })

describe('health', () => {
  it('is told by /healthz and /readyz', async () => {
    expect((await get('/healthz')).status).toBe(200)
    const ready = await get('/readyz')
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok', parts: { database: 'ok' } }])
  })

  it('/readyz tells how a part was that only workers need, and stays 200 when it fails', async () => {
    await db.pool.query(
      `insert into app_public.health_checks (part, name, status, message) values ('mail', 'mail_server', 'failing', 'It is away.')`,
    )
    const ready = await get('/readyz')
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 'ok', parts: { database: 'ok', mail: 'failing' } },
    ])
    await db.pool.query('delete from app_public.health_checks')
  })

  it('/readyz says 503 while the database is behind', async () => {
    await db.pool.query(`update rowhouse_migrations.rules set hash = 'x' || hash`)
    const response = await get('/readyz')
    expect([response.status, await response.json()]).toEqual([
      503,
      { status: 'unavailable', part: 'migrations', reason: 'The database is not at the state of this version.' },
    ])
    await db.pool.query(`update rowhouse_migrations.rules set hash = substr(hash, 2)`)
    expect((await get('/readyz')).status).toBe(200)
  })

  it('/metrics counts requests and errors, for whoever has the token', async () => {
    await server.ask(undefined, '{ agents { totalCount } }')
    expect((await get('/metrics')).status).toBe(401)
    const text = await (await get('/metrics', { authorization: 'Bearer metrics-token' })).text()
    expect(text).toMatch(/rowhouse_graphql_errors_total\{code="ID101"\} [1-9]/)
    expect(text).toMatch(/rowhouse_http_request_seconds_count\{route="graphql",status="401"\} [1-9]/)
    expect(text).toContain('rowhouse_pool_connections')
  })
})

describe('addresses and methods', () => {
  it('that do not exist are 404 and 405 with a code', async () => {
    const nothing = await get('/nothing')
    expect([
      nothing.status,
      ((await nothing.json()) as { errors: { extensions: object }[] }).errors[0]?.extensions,
    ]).toMatchObject([404, { code: 'WB301' }])
    expect((await get('/graphql')).status).toBe(405)
  })
  it('a form of a foreign page is not a request', async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '{"query":"{ __typename }"}',
    })
    expect(response.status).toBe(415)
  })
  it('Ruru is at / with its files', async () => {
    const page = await get('/')
    const html = await page.text()
    expect(page.headers.get('content-type')).toContain('text/html')
    const file = /\/ruru-static\/[\w.-]+\.js/.exec(html)?.[0]
    expect(file).toBeDefined()
    expect((await get(file as string)).status).toBe(200)
  })
  it('Ruru has a token for whoever sits at this machine, and for no name that merely points here', async () => {
    const pageFor = (host: string): Promise<string> =>
      new Promise((resolve, reject) => {
        request(server.url, { headers: { host } }, (response) => {
          let page = ''
          response.on('data', (chunk) => {
            page += chunk
          })
          response.on('end', () => resolve(page))
        })
          .on('error', reject)
          .end()
      })
    expect(await pageFor('localhost:4000')).toContain('Bearer ')
    expect(await pageFor('rebound.evil.test:4000')).not.toContain('Bearer ')
  })
  it('the schema can be read without a token in development, data cannot', async () => {
    expect((await server.ask(undefined, '{ __schema { queryType { name } } }')).data).toEqual({
      __schema: { queryType: { name: 'Query' } },
    })
    expect((await server.ask(undefined, '{ __typename agents { totalCount } }')).status).toBe(401)
  })
})

describe('answers', () => {
  it('are of the type that is asked for', async () => {
    const typeFor = async (accept: string): Promise<string | null> =>
      (await server.ask(undefined, '{ __typename }', {}, { accept })).headers.get('content-type')
    expect(await typeFor('application/json')).toBe('application/json; charset=utf-8')
    expect(await typeFor('application/graphql-response+json, application/json;q=0.9')).toBe(
      'application/graphql-response+json; charset=utf-8',
    )
  })
})

describe('CORS', () => {
  const preflight = (origin: string) =>
    fetch(`${server.url}/graphql`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
  it('lets the configured origins in, and no other', async () => {
    expect((await preflight('https://app.test')).headers.get('access-control-allow-origin')).toBe('https://app.test')
    expect((await preflight('https://evil.test')).headers.get('access-control-allow-origin')).toBeNull()
    expect((await preflight('null')).headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('errors', () => {
  it('that are nobody’s business are masked and carry an id', async () => {
    await db.pool.query(`create or replace function app_public.current_tenant() returns app_public.tenants language plpgsql stable security definer
      set search_path to pg_catalog, pg_temp as $$ begin raise exception 'the secret is 42' using errcode = 'XX000', detail = 'secret'; end $$`)
    const { errors } = await server.ask('owner@acme.test', '{ currentTenant { slug } }')
    expect(errors?.[0]).toMatchObject({
      message: 'An internal error occurred.',
      extensions: { code: 'INTERNAL', errorId: expect.stringMatching(/^[\w-]{36}$/) },
    })
    expect(JSON.stringify(errors)).not.toContain('secret')
  })
  it('of a constraint name it, and no value', async () => {
    const create = 'mutation ($name: String!) { createAgent(input: {agent: {name: $name}}) { agent { id } } }'
    await server.ask('owner@acme.test', create, { name: 'twice' })
    const { errors } = await server.ask('owner@acme.test', create, { name: 'twice' })
    expect(errors?.[0]).toMatchObject({
      message: 'name is taken by another one of this tenant',
      extensions: { code: '23505', constraint: 'agents_tenant_id_name_key' },
    })
    expect(JSON.stringify(errors)).not.toContain('twice')
    // the name is free in the other tenant
    expect((await server.ask('owner@globex.test', create, { name: 'twice' })).errors).toBeUndefined()
  })
  it('of a role that is too low say so', async () => {
    const { errors } = await server.ask(
      'viewer@acme.test',
      'mutation { createAgent(input: {agent: {name: "a"}}) { agent { id } } }',
    )
    expect(errors?.[0]?.extensions.code).toBe('42501')
  })
  it('of a text with a NUL character have a code and store nothing', async () => {
    const { errors } = await server.ask(
      'owner@acme.test',
      'mutation ($name: String!) { createAgent(input: {agent: {name: $name}}) { agent { id } } }',
      { name: 'a\0b' },
    )
    expect(errors?.[0]?.extensions.code).toBe('22021')
  })
})

describe('values that PostgreSQL refuses', () => {
  it.each([
    ['a time zone that does not exist', '{createdAt: {lessThan: "2020-01-01 00:00 Nowhere/City"}}', '22023'],
    ['a date that is none', '{createdAt: {lessThan: "soon"}}', '22007'],
  ])('%s is told with a code', async (_name, filter, code) => {
    const { errors } = await server.ask('owner@acme.test', `{ agents(filter: ${filter}) { nodes { id } } }`)
    expect(errors?.[0]?.extensions.code).toBe(code)
  })
})

describe('texts', () => {
  it.each([
    `Robert'); drop table app_public.agents; --`,
    '<script>alert(1)</script>',
    '"quoted" \\ {{braces}}',
    'Ünïcödé 🛩️ ‮',
    '%_$1',
  ])('%s is stored as it came', async (name) => {
    const { data } = await server.ask(
      'owner@acme.test',
      'mutation ($name: String!) { createAgent(input: {agent: {name: $name}}) { agent { id name } } }',
      { name },
    )
    expect(data.createAgent.agent.name).toBe(name)
    const read = await server.ask('owner@acme.test', 'query ($id: UUID!) { agent(id: $id) { name } }', {
      id: data.createAgent.agent.id,
    })
    expect(read.data.agent.name).toBe(name)
  })

  it.each([
    ['%', 'percent'],
    ['_$', 'underscore'],
    ['\\', 'backslash'],
    ['\\ {', 'brace'],
  ])('%s is looked for as it is', async (part, slug) => {
    const { data } = await server.ask(
      'owner@acme.test',
      `mutation ($name: String!, $slug: String!) {
         createTag(input: {tag: {name: $name, slug: $slug}}) { tag { name } }
         other: createTag(input: {tag: {name: "plain", slug: "plain-${slug}"}}) { tag { name } } }`,
      { name: `with ${part}`, slug },
    )
    expect(data.other.tag.name).toBe('plain')
    const found = await server.ask(
      'owner@acme.test',
      'query ($part: String!) { tags(filter: {name: {includesInsensitive: $part}}) { nodes { name } } }',
      { part },
    )
    const names: string[] = found.data.tags.nodes.map(({ name }: { name: string }) => name)
    expect(names).toContain(data.createTag.tag.name)
    expect(names.filter((name) => !name.includes(part))).toEqual([])
  })
})

describe('request ids', () => {
  it('are taken when they are harmless, and made otherwise', async () => {
    expect((await get('/healthz', { 'x-request-id': 'abc-1' })).headers.get('x-request-id')).toBe('abc-1')
    expect((await get('/healthz', { 'x-request-id': 'a b"c' })).headers.get('x-request-id')).toMatch(/^[\w-]{36}$/)
  })
})

describe('the end', () => {
  it('does not wait longer than SHUTDOWN_TIMEOUT_MS', async (context) => {
    needsServer(context)
    const ending = await startTestServer(db.url, { SHUTDOWN_TIMEOUT_MS: '50', STATEMENT_TIMEOUT_MS: '30000' })
    const lock = await db.pool.connect()
    try {
      await lock.query('begin')
      await lock.query('lock table app_public.agents in access exclusive mode')
      const running = ending.ask('owner@acme.test', '{ agents { totalCount } }').catch((error: Error) => error.message)
      await waiting(lock)
      const closed = ending.close()
      expect(await running).toBe('fetch failed')
      await lock.query('rollback')
      await closed
    } finally {
      lock.release()
    }
  })
})

/** Until somebody waits for what this session has locked. */
async function waiting(client: PoolClient): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ count: number }>(
      // not pg_stat_activity: within a transaction it stays as it was when first looked at
      `select count(*)::int as count from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))`,
    )
    if (rows[0]?.count) return
  }
}
