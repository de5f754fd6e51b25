// CORS by tenant: a preflight passes with any tenant's origin, an answer is readable for the origins of its own tenant.

import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOriginCheck } from '../../server/http-cors.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  for (const tenant of [db.acme, db.globex])
    await db.pool.query('update app_public.tenant_config set allowed_origins = $1 where tenant_id = $2', [
      [`https://app.${tenant.slug}.test`],
      tenant.id,
    ])
  server = await startTestServer(db.url, { CORS_ORIGINS: 'https://everywhere.test' })
})
afterAll(() => server.close())

const allowed = (headers: Headers): string | null => headers.get('access-control-allow-origin')
const preflight = async (origin: string): Promise<Headers> =>
  (
    await fetch(`${server.url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    })
  ).headers
const ask = async (email: string | undefined, origin: string, headers: Record<string, string> = {}) =>
  server.ask(email, '{ currentTenant { slug } }', {}, { origin, ...headers })

describe('a preflight, which names no tenant', () => {
  it.each(['https://everywhere.test', 'https://app.acme.test', 'https://app.globex.test'])(
    'lets %s pass',
    async (origin) => {
      const headers = await preflight(origin)
      expect(allowed(headers)).toBe(origin)
      expect(headers.get('access-control-allow-headers')).toContain('authorization')
      expect(headers.get('access-control-allow-methods')).toBe('POST')
      expect(headers.get('vary')).toContain('origin')
    },
  )
  it.each([
    'https://evil.test',
    'http://app.acme.test',
    'https://app.acme.test:8443',
    'null',
    '*',
    '',
    'x'.repeat(5000),
  ])('lets %.40s not pass', async (origin) => {
    const headers = await preflight(origin)
    expect([allowed(headers), headers.get('access-control-allow-methods')]).toEqual([null, null])
  })
})

describe('an answer', () => {
  it('is readable for the origins of its own tenant and of the environment', async () => {
    expect(allowed((await ask('owner@acme.test', 'https://app.acme.test')).headers)).toBe('https://app.acme.test')
    expect(allowed((await ask('owner@acme.test', 'https://everywhere.test')).headers)).toBe('https://everywhere.test')
    expect(allowed((await ask('owner@acme.test', 'https://app.globex.test')).headers)).toBeNull()
    expect(allowed((await ask('owner@acme.test', 'https://evil.test')).headers)).toBeNull()
  })
  it('goes by the tenant that was entered, not by who asks', async () => {
    const acting = { 'x-tenant-id': 'globex' }
    expect(allowed((await ask('owner@platform.test', 'https://app.globex.test', acting)).headers)).toBe(
      'https://app.globex.test',
    )
    expect(allowed((await ask('owner@platform.test', 'https://app.acme.test', acting)).headers)).toBeNull()
  })
  it('of an error inside the tenant is as readable as any other', async () => {
    const { status, headers } = await server.ask('owner@acme.test', '{', {}, { origin: 'https://app.acme.test' })
    expect([status, allowed(headers)]).toEqual([400, 'https://app.acme.test'])
  })
  it('that turns a page away before a tenant is known can be read by it', async () => {
    const { status, headers, errors } = await ask(undefined, 'https://app.acme.test')
    expect([status, errors?.[0]?.extensions.code, allowed(headers)]).toEqual([401, 'ID101', 'https://app.acme.test'])
    expect(allowed((await ask(undefined, 'https://evil.test')).headers)).toBeNull()
  })
  it('without an Origin has no such header', async () => {
    const { status, headers } = await server.ask('owner@acme.test', '{ currentTenant { slug } }')
    expect([status, allowed(headers), headers.get('vary')]).toEqual([200, null, 'origin'])
  })
})

it('the database is asked once for many requests of one origin', async () => {
  let asked = 0
  const pool = {
    query: async () => {
      asked += 1
      return { rows: [{ is_allowed: true }] }
    },
  } as unknown as Pool
  const isAllowed = createOriginCheck(pool, ['https://everywhere.test'])
  const origins = ['https://a.test', 'https://everywhere.test', 'null', `https://${'a'.repeat(300)}.test`]
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => Promise.all(origins.map((origin) => isAllowed(origin)))),
  )
  expect(new Set(answers.map(String))).toEqual(new Set(['true,true,false,false']))
  expect(asked).toBe(1)
})

it('pages of this machine may call in development, and only if asked for', async () => {
  const pool = { query: async () => ({ rows: [{ is_allowed: false }] }) } as unknown as Pool
  const inDevelopment = createOriginCheck(pool, [], { allowsThisMachine: true })
  const origins = ['http://localhost:5173', 'https://127.0.0.1', 'http://[::1]:3000']
  for (const origin of origins) {
    expect(await inDevelopment(origin)).toBe(true)
    expect(await createOriginCheck(pool, [])(origin)).toBe(false)
  }
  for (const origin of ['http://localhost.evil.test', 'http://localhost:80@evil.test', 'http://127.0.0.1.evil.test'])
    expect(await inDevelopment(origin)).toBe(false)
})
