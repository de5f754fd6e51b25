// Who gets in over HTTP, and in which tenant.

import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createTokenVerifier } from '../../server/auth.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer, testSecret } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

const who = '{ currentTenant { slug } currentUserProfile { email } }'
const secret = new TextEncoder().encode(testSecret)
const claims = { email: 'owner@acme.test', email_verified: true }
const good = (alg = 'HS256'): SignJWT =>
  new SignJWT(claims)
    .setProtectedHeader({ alg })
    .setSubject('owner@acme.test')
    .setIssuer(server.config.JWT_ISSUER)
    .setAudience(server.config.JWT_AUDIENCE)
    .setExpirationTime('1h')
const askWith = (token: string, headers: Record<string, string> = {}) =>
  server.ask(undefined, who, {}, { authorization: `Bearer ${token}`, ...headers })

describe('a token', () => {
  it('that is good lets its user into their tenant', async () => {
    expect(await askWith(await good().sign(secret))).toMatchObject({
      status: 200,
      data: { currentTenant: { slug: 'acme' }, currentUserProfile: { email: 'owner@acme.test' } },
    })
  })

  it('that is missing is an error with a code, not an empty success', async () => {
    const answer = await server.ask(undefined, who)
    expect(answer.status).toBe(401)
    expect(answer.data).toBeUndefined()
    expect(answer.errors?.[0]?.extensions.code).toBe('ID101')
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })

  it('that was good is good no longer when it has expired, and not at all with another signature', async () => {
    const verify = await createTokenVerifier(server.config)
    const token = await good().setExpirationTime('1m').sign(secret)
    expect((await verify(token)).sub).toBe('owner@acme.test')
    expect(await verify(token)).toBe(await verify(token))
    await expect(verify(`${token.slice(0, -4)}AAAA`)).rejects.toThrow('signature')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 66_000 })
    try {
      await expect(verify(token)).rejects.toThrow('exp')
    } finally {
      vi.useRealTimers()
    }
  })

  const header = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const bad: [string, () => Promise<string> | string][] = [
    [
      'has expired',
      () =>
        good()
          .setExpirationTime(Math.floor(Date.now() / 1000) - 60)
          .sign(secret),
    ],
    ['is not valid yet', () => good().setNotBefore('1h').sign(secret)],
    ['has another issuer', () => good().setIssuer('https://elsewhere').sign(secret)],
    ['has another audience', () => good().setAudience('other').sign(secret)],
    ['is signed with another key', () => good().sign(new TextEncoder().encode('x'.repeat(43)))],
    [
      'says alg none',
      () =>
        new UnsecuredJWT(claims).setSubject('x').setIssuer(server.config.JWT_ISSUER).setExpirationTime('1h').encode(),
    ],
    ['says alg HS512', () => good('HS512').sign(new TextEncoder().encode(testSecret.repeat(2)))],
    [
      'never expires',
      () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256' })
          .setSubject('owner@acme.test')
          .setIssuer(server.config.JWT_ISSUER)
          .setAudience(server.config.JWT_AUDIENCE)
          .sign(secret),
    ],
    [
      'is of an unknown person',
      () =>
        good()
          .setSubject('nobody')
          .setIssuedAt()
          .sign(secret)
          .then(() =>
            new SignJWT({ email: 'nobody@acme.test', email_verified: true })
              .setProtectedHeader({ alg: 'HS256' })
              .setSubject('nobody')
              .setIssuer(server.config.JWT_ISSUER)
              .setAudience(server.config.JWT_AUDIENCE)
              .setExpirationTime('1h')
              .sign(secret),
          ),
    ],
    [
      'names an e-mail address nobody verified',
      () =>
        new SignJWT({ email: 'admin@acme.test' })
          .setProtectedHeader({ alg: 'HS256' })
          .setSubject('unverified')
          .setIssuer(server.config.JWT_ISSUER)
          .setAudience(server.config.JWT_AUDIENCE)
          .setExpirationTime('1h')
          .sign(secret),
    ],
    [
      'was tampered with',
      async () =>
        (await good().sign(secret)).replace(/\.[^.]+\./, `.${header({ ...claims, email: 'owner@globex.test' })}.`),
    ],
    ['is not a token', () => 'hello'],
    ['is far too long', () => `${'x'.repeat(9000)}.y.z`],
  ]

  it.each(bad)('that %s is refused with one and the same answer', async (_name, token) => {
    const answer = await askWith(await token())
    expect({ status: answer.status, errors: answer.errors, data: answer.data }).toEqual({
      status: 401,
      data: undefined,
      errors: [
        {
          message: 'Authentication is required.',
          extensions: { code: 'ID101', hint: 'Send a valid bearer token of a registered user.' },
        },
      ],
    })
  })
})

describe('a tenant', () => {
  it('that one is no member of looks like one that does not exist', async () => {
    const token = await good().sign(secret)
    const foreign = await askWith(token, { 'x-tenant-id': 'globex' })
    const unknown = await askWith(token, { 'x-tenant-id': 'nowhere' })
    const injected = await askWith(token, { 'x-tenant-id': `globex' or '1'='1` })
    expect(foreign.status).toBe(403)
    expect(foreign.errors?.[0]?.extensions.code).toBe('ID201')
    expect(unknown.errors).toEqual(foreign.errors)
    expect(injected.errors).toEqual(foreign.errors)
  })

  it('is chosen by the x-tenant-id header, as id or slug, or by the token’s claim', async () => {
    await db.pool.query(`select tenancy.provision_member($1, 'owner@acme.test', null, 'viewer')`, [db.globex.id])
    expect((await server.ask('owner@acme.test', who)).errors?.[0]?.extensions.code).toBe('ID401')
    for (const tenant of ['globex', 'GLOBEX', db.globex.id]) {
      const answer = await server.ask('owner@acme.test', who, {}, { 'x-tenant-id': tenant })
      expect(answer.data.currentTenant.slug).toBe('globex')
    }
    expect((await askWith(await server.token('owner@acme.test', 'globex'))).data.currentTenant.slug).toBe('globex')
    expect(
      (await askWith(await server.token('owner@acme.test', 'globex'), { 'x-tenant-id': 'acme' })).data.currentTenant
        .slug,
    ).toBe('acme')
    expect((await askWith(await server.token('owner@acme.test', 'acme'))).data.currentUserProfile.email).toBe(
      'owner@acme.test',
    )
    const mine = await server.ask('owner@acme.test', '{ myTenants { nodes { slug } } }', {}, { 'x-tenant-id': 'acme' })
    expect(mine.data.myTenants.nodes).toEqual([{ slug: 'acme' }, { slug: 'globex' }])
    await db.pool.query(`delete from app_public.user_tenants where tenant_id = $1 and user_id = $2`, [
      db.globex.id,
      db.acme.owner.userId,
    ])
  })

  it('is closed to a removed member with the next request, whatever the token says', async () => {
    const token = await server.token('viewer@globex.test', 'globex')
    expect((await askWith(token)).status).toBe(200)
    await db.pool.query(
      `update app_public.user_tenants set status = 'inactive' where id = (select id from app_public.user_tenants where tenant_id = $1 and user_id = $2)`,
      [db.globex.id, db.globex.viewer.userId],
    )
    expect((await askWith(token)).errors?.[0]?.extensions.code).toBe('ID201')
    await db.pool.query(`delete from app_public.user_tenants where tenant_id = $1 and user_id = $2`, [
      db.globex.id,
      db.globex.viewer.userId,
    ])
    const answer = await askWith(token)
    expect(answer.status).toBe(403)
    expect(answer.data).toBeUndefined()
  })

  it('can be entered by platform staff, and every such request is recorded', async () => {
    const answer = await server.ask(
      'admin@platform.test',
      who,
      {},
      { 'x-tenant-id': 'acme', 'x-request-id': 'staff-1' },
    )
    expect(answer.data.currentTenant.slug).toBe('acme')
    const { rows } = await db.pool.query('select tenant_id, admin_user_id, request_id from tenancy.admin_access_log')
    expect(rows).toEqual([{ tenant_id: db.acme.id, admin_user_id: db.platform.admin.userId, request_id: 'staff-1' }])
    expect(
      (await server.ask('member@platform.test', who, {}, { 'x-tenant-id': 'acme' })).errors?.[0]?.extensions.code,
    ).toBe('ID201')
  })

  it('is created by platform staff and by nobody else', async () => {
    const create =
      'mutation ($slug: String!) { createTenant(input: {slug: $slug, name: "New", ownerEmail: "founder@new.test"}) { tenant { slug } } }'
    expect((await server.ask('owner@acme.test', create, { slug: 'new' })).errors?.[0]?.extensions.code).toBe('TN205')
    expect((await server.ask('owner@platform.test', create, { slug: 'new' })).data.createTenant.tenant.slug).toBe('new')
    expect((await server.ask('owner@platform.test', create, { slug: 'new' })).errors?.[0]?.extensions.code).toBe(
      '23505',
    )
    expect((await server.ask('owner@platform.test', create, { slug: 'No good' })).errors?.[0]?.extensions.code).toBe(
      '23514',
    )
    expect((await server.ask('founder@new.test', who)).data.currentTenant.slug).toBe('new')
  })
})

describe('with keys by URL (production)', () => {
  it('takes RS256, ES256 and EdDSA signatures of a known key, and no HMAC with a public key', async () => {
    const keys = await Promise.all(
      (['RS256', 'ES256', 'EdDSA'] as const).map(async (alg) => ({
        alg,
        ...(await generateKeyPair(alg, { extractable: true })),
      })),
    )
    const jwks = {
      keys: await Promise.all(
        keys.map(async ({ alg, publicKey }) => ({ ...(await exportJWK(publicKey)), alg, kid: alg, use: 'sig' })),
      ),
    }
    const provider = createServer((_request, response) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(jwks)),
    )
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
    const address = provider.address() as { port: number }
    const production = await startTestServer(db.url, {
      JWT_SECRET: '',
      JWT_JWKS_URL: `http://127.0.0.1:${address.port}/`,
      JWT_ISSUER: 'https://provider.test',
      JWT_AUDIENCE: 'rowhouse',
    })
    const signed = (alg: string, kid: string) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg, kid })
        .setSubject('p1')
        .setIssuer('https://provider.test')
        .setAudience('rowhouse')
        .setExpirationTime('1h')
    const ask = async (token: string): Promise<number> =>
      (await production.ask(undefined, who, {}, { authorization: `Bearer ${token}` })).status
    try {
      for (const { alg, privateKey } of keys)
        expect([alg, await ask(await signed(alg, alg).sign(privateKey))]).toEqual([alg, 200])
      const confused = new TextEncoder().encode(JSON.stringify(jwks.keys[0]))
      expect(await ask(await signed('HS256', 'RS256').sign(confused))).toBe(401)
      const stranger = await generateKeyPair('RS256')
      expect(await ask(await signed('RS256', 'RS256').sign(stranger.privateKey))).toBe(401)
    } finally {
      await production.close()
      provider.close()
    }
  })

  it.each([
    ['nobody answers', undefined],
    ['the answer is an error', { status: 500, body: '{"keys": []}' }],
    ['the answer is not JSON', { status: 200, body: 'down for maintenance' }],
    ['the answer holds no keys', { status: 200, body: '{}' }],
  ])('says 503, not 401, when the keys cannot be had: %s', async (_name, reply) => {
    const { privateKey } = await generateKeyPair('RS256')
    const provider = createServer((_request, response) => response.writeHead(reply?.status ?? 200).end(reply?.body))
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
    const { port } = provider.address() as { port: number }
    if (!reply) await new Promise((resolve) => provider.close(resolve))
    const production = await startTestServer(db.url, { JWT_SECRET: '', JWT_JWKS_URL: `http://127.0.0.1:${port}/` })
    try {
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256' })
        .setExpirationTime('1h')
        .sign(privateKey)
      const answer = await production.ask(undefined, who, {}, { authorization: `Bearer ${token}` })
      expect([answer.status, answer.errors?.[0]?.extensions.code]).toEqual([503, 'ID901'])
    } finally {
      await production.close()
      provider.close()
    }
  })
})
