// API keys over HTTP, from outside: made, shown, used, turned away.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { type GraphQLAnswer, startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
let lines: string[] = []
beforeAll(async () => {
  server = await startTestServer(db.url, { TRUST_PROXY: '1', CORS_ORIGINS: 'https://app.test' }, (line) =>
    lines.push(line),
  )
})
afterAll(() => server.close())

const createMutation = `mutation ($apiKey: NewApiKeyInput!) {
  createApiKey(input: { apiKey: $apiKey }) { issued { apiKeyId name key } } }`
type Issued = { apiKeyId: string; name: string; key: string }
const create = async (email: string, apiKey: object): Promise<Issued> => {
  const answer = await server.ask(email, createMutation, { apiKey: { name: 'Import', ...apiKey } })
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  return answer.data.createApiKey.issued
}
const who = '{ currentTenant { slug } currentUserProfile { email } myPermissions }'
const askWith = (
  key: string,
  query = who,
  variables = {},
  headers: Record<string, string> = {},
): Promise<GraphQLAnswer> =>
  server.ask(undefined, query, variables, {
    authorization: `Bearer ${key}`,
    'x-forwarded-for': '192.0.2.1',
    ...headers,
  })
const codeOf = (answer: GraphQLAnswer) => answer.errors?.[0]?.extensions.code
const revoke = 'mutation ($id: UUID!) { revokeApiKey(input: { id: $id }) { apiKey { status revokedAt } } }'

const neutral = {
  status: 401,
  data: undefined,
  errors: [
    {
      message: 'This API key is not accepted.',
      extensions: {
        code: 'KY101',
        hint: 'It may be unknown, revoked or expired, or not meant for this tenant, address or part of the server. The list of API keys tells.',
      },
    },
  ],
}
const refused = async (key: string, headers: Record<string, string> = {}): Promise<void> => {
  const { status, data, errors, headers: sent } = await askWith(key, who, {}, headers)
  expect({ status, data, errors }).toEqual(neutral)
  expect(sent.get('www-authenticate')).toBe('Bearer')
}

describe('a key', () => {
  it('is shown once, acts as its maker with the permissions that it was given, and the log names it', async () => {
    const { key, apiKeyId } = await create('owner@acme.test', { permissions: ['can_create_agents'] })
    lines = []
    expect(await askWith(key)).toMatchObject({
      status: 200,
      data: {
        currentTenant: { slug: 'acme' },
        currentUserProfile: { email: 'owner@acme.test' },
        myPermissions: ['can_create_agents'],
      },
    })
    await expect.poll(() => lines.join('')).toContain(`"key":"${apiKeyId}"`)
    expect(lines.join('')).not.toContain(key)
    const { data } = await server.ask(
      'owner@acme.test',
      `query ($id: UUID!) { apiKey(id: $id) {
         name keyType environment prefix status role permissions allowedServices allowedIps maxCallsPerDay isUnused
         currentDailyCalls currentDailyCost recentCalls recentCost lastUsedAt createdByUser { email } } }`,
      { id: apiKeyId },
    )
    expect(data.apiKey).toMatchObject({
      name: 'Import',
      keyType: 'user',
      environment: 'live',
      prefix: key.slice(0, 12),
      status: 'active',
      role: 'member',
      permissions: ['can_create_agents'],
      allowedServices: null,
      allowedIps: null,
      maxCallsPerDay: null,
      isUnused: false,
      currentDailyCalls: '1',
      recentCost: '0',
    })
    expect(data.apiKey.lastUsedAt).not.toBeNull()
  })

  it('that is revoked fails with the next call, as do those below it', async () => {
    const top = await create('member@acme.test', {})
    const low = await create('member@acme.test', { parentKeyId: top.apiKeyId })
    expect((await askWith(low.key)).status).toBe(200)
    const answer = await server.ask('member@acme.test', revoke, { id: top.apiKeyId })
    expect(answer.data.revokeApiKey.apiKey.status).toBe('revoked')
    await refused(top.key)
    await refused(low.key)
  })

  it('that has expired fails', async () => {
    const { key, apiKeyId } = await create('member@acme.test', { expiresAt: '2099-01-01T00:00:00Z' })
    expect((await askWith(key)).status).toBe(200)
    await db.pool.query(`update app_public.api_keys set expires_at = now() where id = $1`, [apiKeyId])
    await refused(key)
  })

  it('fails from an address that is not allowed, whatever the client says of itself', async () => {
    const { key } = await create('member@acme.test', { allowedIps: ['203.0.113.0/24'] })
    const from = (address: string) => ({ 'x-forwarded-for': address })
    expect((await askWith(key, who, {}, from('203.0.113.9'))).status).toBe(200)
    expect((await askWith(key, who, {}, from('::ffff:203.0.113.9'))).status).toBe(200)
    await refused(key, from('198.51.100.1'))
    await refused(key, from('203.0.113.9, 198.51.100.1'))
    await refused(key, from('nonsense'))
  })

  it('fails out of its service', async () => {
    const { key } = await create('member@acme.test', { allowedServices: ['files'] })
    await refused(key)
    const file = await fetch(`${server.url}/files/${crypto.randomUUID()}`, {
      headers: { authorization: `Bearer ${key}` },
    })
    expect(file.status).toBe(404)
    const other = await create('member@acme.test', { allowedServices: ['graphql'] })
    const refusal = await fetch(`${server.url}/files/${crypto.randomUUID()}`, {
      headers: { authorization: `Bearer ${other.key}` },
    })
    expect([refusal.status, await refusal.json()]).toEqual([401, { errors: neutral.errors }])
  })

  it('fails in another tenant than its own', async () => {
    const { key } = await create('member@acme.test', {})
    expect((await askWith(key, who, {}, { 'x-tenant-id': 'acme' })).status).toBe(200)
    await refused(key, { 'x-tenant-id': 'globex' })
    await refused(key, { 'x-tenant-id': 'nowhere' })
  })

  it('loses a permission with its maker, in the next call', async () => {
    const { key } = await create('admin@acme.test', { permissions: ['can_delete_agents', 'can_create_agents'] })
    const add = 'mutation ($name: String!) { createAgent(input: { agent: { name: $name } }) { agent { id } } }'
    expect((await askWith(key, add, { name: 'one' })).errors).toBeUndefined()
    const setRole = (role: string) =>
      db.pool.query(`update app_public.user_tenants set role = $3 where tenant_id = $1 and user_id = $2`, [
        db.acme.id,
        db.acme.admin.userId,
        role,
      ])
    await setRole('viewer')
    expect(codeOf(await askWith(key, add, { name: 'two' }))).toBe('42501')
    expect((await askWith(key)).data.myPermissions).toEqual([])
    await setRole('admin')
  })

  it('dies with the membership of its maker', async () => {
    const { key } = await create('viewer@globex.test', { role: 'viewer' })
    expect((await askWith(key)).status).toBe(200)
    await db.pool.query(`delete from app_public.user_tenants where tenant_id = $1 and user_id = $2`, [
      db.globex.id,
      db.globex.viewer.userId,
    ])
    await refused(key)
  })

  it('is rotated with a grace period', async () => {
    const old = await create('member@acme.test', {})
    const rotate =
      'mutation ($id: UUID!, $graceSeconds: Int) { rotateApiKey(input: { id: $id, graceSeconds: $graceSeconds }) { issued { key } } }'
    const rotated = async (graceSeconds: number): Promise<string> =>
      (await server.ask('member@acme.test', rotate, { id: old.apiKeyId, graceSeconds })).data.rotateApiKey.issued.key
    const fresh = await rotated(60)
    expect((await askWith(old.key)).status).toBe(200)
    expect((await askWith(fresh)).status).toBe(200)
    const last = await rotated(0)
    await refused(old.key)
    await refused(fresh)
    expect((await askWith(last)).status).toBe(200)
  })

  it('that was never issued is refused with the same answer, however near it looks', async () => {
    const { key } = await create('member@acme.test', {})
    const swap = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
    // right in form and checksum, and unknown
    await refused('rh_live_00000000000000000000000000000000000000000000JeTK6'.slice(0, 57))
    await refused(swap(key, 20))
    await refused(swap(key, key.length - 1))
    await refused(key.slice(0, -1))
    await refused(`${key}x`)
    await refused(`rh_test_${key.slice(8)}`)
    await refused(`rh_${'x'.repeat(5000)}`)
  })

  it('has limits of calls, with the headers of a rate limit', async () => {
    const { key, apiKeyId } = await create('member@globex.test', { maxCallsPerDay: 2 })
    await db.pool.query(
      `insert into app_public.rate_limit_config (tenant_id, limit_scope, scope_id, per_minute) values ($1, 'api_key', $2, 50)`,
      [db.globex.id, apiKeyId],
    )
    const first = await askWith(key)
    expect(first.headers.get('ratelimit-policy')).toBe('"api_key-requests";q=50;w=60')
    expect(first.headers.get('ratelimit-remaining')).toBe('49')
    expect((await askWith(key)).status).toBe(200)
    const refusal = await askWith(key)
    expect([refusal.status, codeOf(refusal)]).toEqual([429, 'QT601'])
    expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await server.ask('member@globex.test', who)).status).toBe(200)
  })

  it('does not do what concerns a person, and makes no key without can_manage_settings', async () => {
    const { key } = await create('owner@acme.test', { permissions: ['can_manage_users'] })
    const leave = await askWith(key, 'mutation { leaveTenant { membership { role } } }')
    expect(codeOf(leave)).toBe('KY201')
    expect(codeOf(await askWith(key, createMutation, { apiKey: { name: 'More' } }))).toBe('ID203')
  })
})

describe('the list of keys', () => {
  it('has one’s own keys, all for who manages the settings, and for a key those below it', async () => {
    const top = await create('owner@globex.test', { name: 'Top', permissions: ['can_manage_settings'] })
    await create('member@globex.test', { name: 'Of a member' })
    const low = await askWith(top.key, createMutation, { apiKey: { name: 'Below' } })
    expect(low.errors).toBeUndefined()
    const list = '{ apiKeys(orderBy: NAME_ASC) { nodes { name } } }'
    const names = ({ data }: GraphQLAnswer): string[] => data.apiKeys.nodes.map(({ name }: { name: string }) => name)
    expect(names(await server.ask('owner@globex.test', list))).toEqual(
      expect.arrayContaining(['Top', 'Of a member', 'Below']),
    )
    expect(names(await server.ask('member@globex.test', list))).not.toContain('Top')
    expect(names(await askWith(top.key, list))).toEqual(['Below', 'Top'])
  })
})
