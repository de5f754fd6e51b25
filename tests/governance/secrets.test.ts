// Provider secrets: encrypted by the server, bound to tenant and row, opened by one function, re-wrapped by another master key.

import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../server/config.ts'
import {
  type KeyRing,
  loadKeyRing,
  openModelSecret,
  openSecret,
  parseKeyRing,
  type Queries,
  rewrapDataKeys,
} from '../../server/secrets.ts'
import { isRealServer, needsServer, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
const oldKey = `one:${Buffer.alloc(32, 1).toString('base64')}`
const newKey = `two:${Buffer.alloc(32, 2).toString('base64')}`
const canary = 'sk-canary-7f3a9c51d2e84b06'
const owner = 'owner@acme.test'
const ring = parseKeyRing(oldKey)
const logged: string[] = []
let server: TestServer

beforeAll(async () => {
  server = await startTestServer(db.url, { SECRETS_KEY: oldKey }, (line) => logged.push(line))
})
afterAll(() => server?.close())

const create = `mutation ($input: CreateSecretInput!) { createSecret(input: $input) { secret { id keyName keyPrefix currentDailyCalls } } }`
const rotate = `mutation ($input: RotateSecretInput!) { rotateSecret(input: $input) { secret { id lastRotatedAt } } }`
const revoke = `mutation ($input: IdInput!) { revokeSecret(input: $input) { secret { id revokedAt } } }`

async function store(keyName: string, input: object = {}, email = owner): Promise<string> {
  const { data, errors } = await server.ask(email, create, {
    input: { keyName, secret: canary, providerType: 'tool', ...input },
  })
  expect(errors).toBeUndefined()
  return data.createSecret.secret.id
}
const open = (keyName: string, caller: object = {}, keyRing: KeyRing | undefined = ring): Promise<string> =>
  openSecret(keyRing, db.pool, { tenantId: db.acme.id, ...caller }, keyName)

describe('a stored secret', () => {
  it('opens for the tenant and is counted', async () => {
    const id = await store('counted')
    expect(await open('counted')).toBe(canary)
    const { data } = await server.ask(
      owner,
      `{ secrets(filter: { id: { equalTo: "${id}" } }) { nodes { keyPrefix currentDailyCalls lastUsedAt } } }`,
    )
    expect(data.secrets.nodes[0]).toMatchObject({
      keyPrefix: 'sk-c',
      currentDailyCalls: 1,
      lastUsedAt: expect.any(String),
    })
  })

  it('is nowhere in a dump of the database, nor in the logs, errors included', async (context) => {
    needsServer(context, 'pg_dump')
    await store('dumped')
    const again = await server.ask(owner, create, {
      input: { keyName: 'dumped', secret: canary, providerType: 'tool' },
    })
    expect(again.errors?.[0]?.extensions.code).toBe('23505')
    const dump = execFileSync('pg_dump', [db.url], { encoding: 'utf8', maxBuffer: 1e9 })
    expect(dump).toContain('dumped')
    for (const form of [canary, Buffer.from(canary).toString('base64'), Buffer.from(canary).toString('hex')]) {
      expect(dump.includes(form)).toBe(false)
      expect(logged.join('\n').includes(form)).toBe(false)
      expect(JSON.stringify(again).includes(form)).toBe(false)
    }
  })

  it('does not open from another row or another tenant, nor when a bit is changed', async () => {
    const [from, to] = [await store('from'), await store('to')]
    const theirs = await store('from', {}, 'owner@globex.test')
    const move = (target: string): Promise<unknown> =>
      db.pool.query(
        `update vault.encrypted_api_keys t set encrypted_key = f.encrypted_key from vault.encrypted_api_keys f
          where f.id = $1 and t.id = $2`,
        [from, target],
      )
    await move(to)
    await expect(open('to')).rejects.toMatchObject({ extensions: { code: 'SE902' } })
    await move(theirs)
    await expect(open('from', { tenantId: db.globex.id })).rejects.toMatchObject({ extensions: { code: 'SE902' } })
    await db.pool.query(
      'update vault.encrypted_api_keys set encrypted_key = set_byte(encrypted_key, 15, get_byte(encrypted_key, 15) # 1) where id = $1',
      [from],
    )
    await expect(open('from')).rejects.toMatchObject({ extensions: { code: 'SE902' } })
  })

  it('does not open with the data key of another tenant', async () => {
    await store('swapped')
    await store('swapped', {}, 'owner@globex.test')
    const client = await db.pool.connect()
    try {
      await client.query('begin')
      await client.query(
        `update vault.data_keys t set wrapped_key = f.wrapped_key from vault.data_keys f where f.tenant_id = $1 and t.tenant_id = $2`,
        [db.globex.id, db.acme.id],
      )
      await expect(openSecret(ring, client, { tenantId: db.acme.id }, 'swapped')).rejects.toMatchObject({
        extensions: { code: 'SE902' },
      })
    } finally {
      await client.query('rollback')
      client.release()
    }
  })

  it('is replaced by rotation and gone with revocation', async () => {
    const id = await store('turned')
    const rotated = await server.ask(owner, rotate, { input: { id, secret: 'the second one' } })
    expect(rotated.data.rotateSecret.secret.lastRotatedAt).not.toBeNull()
    expect(await open('turned')).toBe('the second one')
    await server.ask(owner, revoke, { input: { id } })
    await expect(open('turned')).rejects.toMatchObject({ code: 'SE302' })
    const { rows } = await db.pool.query('select from vault.encrypted_api_keys where id = $1', [id])
    expect(rows).toEqual([])
    expect((await server.ask(owner, rotate, { input: { id, secret: 'x' } })).errors?.[0]?.extensions.code).toBe('SE301')
    expect((await store('turned')) !== id).toBe(true)
  })

  it('opens for none but the agents, people and addresses that are allowed', async () => {
    const agent = randomUUID()
    const userId = db.acme.member.userId
    await store('fenced', { allowedAgents: [agent], allowedUsers: [userId], allowedIps: ['10.1.0.0/16'] })
    const allowed = { agentId: agent, userId, ipAddress: '10.1.2.3' }
    expect(await open('fenced', allowed)).toBe(canary)
    for (const other of [
      { agentId: randomUUID() },
      { userId: randomUUID() },
      { ipAddress: '10.2.0.1' },
      { agentId: undefined },
    ])
      await expect(open('fenced', { ...allowed, ...other })).rejects.toMatchObject({ code: 'SE201' })
  })

  it('does not open when it has expired or is switched off', async () => {
    await store('late', { expiresAt: '2020-01-01T00:00:00Z' })
    await expect(open('late')).rejects.toMatchObject({ code: 'SE302' })
    const id = await store('off')
    await db.pool.query('update app_public.encrypted_api_keys set is_active = false where id = $1', [id])
    await expect(open('off')).rejects.toMatchObject({ code: 'SE302' })
  })

  it('opens as often a day as max_calls_per_day says, also for 20 at once', async () => {
    await store('rare', { maxCallsPerDay: 5 })
    const answers = await Promise.allSettled(Array.from({ length: isRealServer() ? 20 : 7 }, () => open('rare')))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
  })

  it('does not open any more on a day on which its calls cost as much as max_cost_per_day', async () => {
    const id = await store('dear', { maxCostPerDay: '1.50' })
    await open('dear')
    await db.pool.query('select governance.add_secret_cost($1, $2, 1.5)', [db.acme.id, id])
    await expect(open('dear')).rejects.toMatchObject({ code: 'SE601' })
  })

  it('can be stored, seen and replaced only by those with can_manage_settings', async () => {
    const id = await store('mine')
    const input = { keyName: 'theirs', secret: canary, providerType: 'tool' }
    expect((await server.ask('member@acme.test', create, { input })).errors?.[0]?.extensions.code).toBe('ID203')
    expect(
      (await server.ask('member@acme.test', rotate, { input: { id, secret: 'x' } })).errors?.[0]?.extensions.code,
    ).toBe('ID203')
    expect(
      (await server.ask('owner@globex.test', rotate, { input: { id, secret: 'x' } })).errors?.[0]?.extensions.code,
    ).toBe('SE301')
    const { data } = await server.ask('member@acme.test', '{ secrets { nodes { id } } }')
    expect(data.secrets.nodes).toEqual([])
  })

  it('is refused when it is empty or too long, or comes past the server', async () => {
    for (const secret of [' ', 'x'.repeat(10_001)]) {
      const answer = await server.ask(owner, create, { input: { keyName: 'odd', secret, providerType: 'tool' } })
      expect(answer.errors?.[0]?.extensions.code).toBe('SE402')
    }
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.create_secret('x', 'plain', 'tool')`)).toBe('SE401')
      expect(await t.errorCode('select * from vault.encrypted_api_keys')).toBe('42501')
      expect(await t.errorCode(`select governance.open_secret($1, 'mine')`, [db.acme.id])).toBe('42501')
    })
  })
})

describe('resolution', () => {
  it('is the calling tenant’s: one name is each tenant’s own secret', async () => {
    await store('shared-tool')
    await store('shared-tool', { secret: 'key of globex' }, 'owner@globex.test')
    expect(await open('shared-tool')).toBe(canary)
    expect(await open('shared-tool', { tenantId: db.globex.id })).toBe('key of globex')
    await expect(open('shared-tool', { tenantId: db.platform.id })).rejects.toMatchObject({ code: 'SE302' })
  })

  it('of a model is by its provider, and null for a tenant without a key for it', async () => {
    const { rows } = await db.pool.query(
      `with p as (insert into app_public.llm_providers (name, kind, base_url) values ('own', 'openai', 'https://own.test/v1') returning id)
       insert into app_public.llm_models (provider_id, name, kind, provider_model_name)
       select id, 'own-chat', 'chat', 'chat' from p returning id, provider_id`,
    )
    await store('own-key', { providerType: 'llm', providerId: rows[0].provider_id })
    const of = (tenantId: string) => openModelSecret(ring, db.pool, { tenantId }, rows[0].id)
    expect(await of(db.acme.id)).toBe(canary)
    expect(await of(db.globex.id)).toBeNull()
  })
})

describe('the master key', () => {
  it('can be rotated; a run that died in the middle goes on, and the old key is then not needed', async () => {
    await store('before')
    await store('before', {}, 'owner@globex.test')
    const both = parseKeyRing(`${newKey},${oldKey}`)
    let stored = 0
    const dying: Queries = {
      query: (text, values) => {
        if (text.includes('rewrap_data_key(') && stored++ > 0) throw new Error('the process dies')
        return db.pool.query(text, values)
      },
    }
    await expect(rewrapDataKeys(both, dying)).rejects.toThrow('the process dies')
    expect(await open('before', {}, both)).toBe(canary)
    expect(await open('before', { tenantId: db.globex.id }, both)).toBe(canary)
    expect(await rewrapDataKeys(both, db.pool)).toBe(1)
    expect(await rewrapDataKeys(both, db.pool)).toBe(0)
    expect(await open('before', {}, parseKeyRing(newKey))).toBe(canary)
    await expect(open('before')).rejects.toMatchObject({ extensions: { code: 'SE903' } })
    await rewrapDataKeys(parseKeyRing(`${oldKey},${newKey}`), db.pool)
  })

  it('must be set in production: without it a secret is refused, and the error names the setting', async () => {
    await store('locked')
    await expect(openSecret(undefined, db.pool, { tenantId: db.acme.id }, 'locked')).rejects.toMatchObject({
      extensions: { code: 'SE901', hint: expect.stringContaining('SECRETS_KEY') },
    })
    const config = { ...loadConfig({}), isProduction: true }
    expect(await loadKeyRing(config)).toBeUndefined()
  })

  it('is refused in any form but id:base64 of 32 bytes, and never quoted', () => {
    for (const text of ['', 'short:AAAA', canary, `${oldKey},${oldKey}`]) {
      expect(() => parseKeyRing(text)).toThrow(/SECRETS_KEY/)
      expect(() => parseKeyRing(text)).not.toThrow(canary)
    }
  })
})
