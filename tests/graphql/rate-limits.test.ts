// Limits over HTTP: every request is checked and counted, headers tell what is left, and 429 what to do.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Tenant, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url, { CORS_ORIGINS: 'https://app.test' })
})
afterAll(() => server.close())
afterEach(async () => {
  await db.pool.query('delete from app_public.rate_limit_config')
  await db.pool.query('delete from app_public.rate_limit_usage')
  await db.pool.query('delete from app_public.usage_quotas')
  await db.pool.query('delete from app_public.quota_tracking')
  await db.pool.query('delete from metering.api_call_buffer')
})

const query = '{ currentTenant { slug } }'
const limit = (tenant: Tenant, columns: Record<string, unknown>) =>
  db.pool.query(
    `insert into app_public.rate_limit_config (tenant_id, source, ${Object.keys(columns)}) values ($1, 'plan', ${Object.keys(columns).map((_, i) => `$${i + 2}`)})`,
    [tenant.id, ...Object.values(columns)],
  )
const calls = async (tenant: Tenant): Promise<number> =>
  (await db.pool.query('select count(*)::int as calls from metering.api_call_buffer where tenant_id = $1', [tenant.id]))
    .rows[0].calls

describe('a request', () => {
  it('of a tenant without a limit has no headers, and is counted', async () => {
    const { status, headers } = await server.ask('member@acme.test', query)
    expect(status).toBe(200)
    expect([...headers.keys()].filter((name) => name.startsWith('ratelimit'))).toEqual([])
    expect(await calls(db.acme)).toBe(1)
    const { rows } = await db.pool.query('select user_id from metering.api_call_buffer')
    expect(rows).toEqual([{ user_id: db.acme.member.userId }])
  })

  it('says what is left, and is turned away with 429 when nothing is', async () => {
    await limit(db.acme, { per_minute: 2 })
    const first = await server.ask('member@acme.test', query)
    expect(first.status).toBe(200)
    expect(first.headers.get('ratelimit-limit')).toBe('2')
    expect(first.headers.get('ratelimit-remaining')).toBe('1')
    expect(Number(first.headers.get('ratelimit-reset'))).toBeGreaterThan(0)
    expect(Number(first.headers.get('ratelimit-reset'))).toBeLessThanOrEqual(64)
    expect(first.headers.get('ratelimit-policy')).toBe('"tenant-requests";q=2;w=60')
    expect(first.headers.get('ratelimit')).toMatch(/^"tenant-requests";r=1;t=\d+$/)
    expect((await server.ask('admin@acme.test', query)).status).toBe(200)

    const refused = await server.ask('admin@acme.test', query, {}, { origin: 'https://app.test' })
    expect(refused.status).toBe(429)
    expect(refused.data).toBeUndefined()
    expect(refused.errors?.[0]?.extensions.code).toBe('RL601')
    expect(refused.headers.get('ratelimit-remaining')).toBe('0')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused.headers.get('access-control-expose-headers')).toContain('retry-after')
    // what was not served is not metered, and another tenant is not concerned
    expect(await calls(db.acme)).toBe(2)
    expect((await server.ask('member@globex.test', query)).status).toBe(200)
  })

  it('that fails has counted all the same', async () => {
    await limit(db.acme, { per_minute: 2 })
    const failing = 'mutation { deleteAgent(input: {id: "00000000-0000-0000-0000-000000000000"}) { agent { id } } }'
    expect((await server.ask('admin@acme.test', failing)).errors?.[0]?.extensions.code).toBe('RS301')
    expect((await server.ask('admin@acme.test', '{ nonsense }')).status).toBe(400)
    expect((await server.ask('admin@acme.test', query)).status).toBe(429)
  })

  it('under a limit that queues is told so', async () => {
    await limit(db.acme, { per_minute: 1, on_limit_action: 'queue' })
    await server.ask('member@acme.test', query)
    expect((await server.ask('member@acme.test', query)).errors?.[0]?.extensions.code).toBe('RL602')
  })

  it('beyond a soft limit passes', async () => {
    await limit(db.acme, { per_minute: 1, on_limit_action: 'throttle' })
    await server.ask('member@acme.test', query)
    const beyond = await server.ask('member@acme.test', query)
    expect([beyond.status, beyond.headers.get('ratelimit-remaining')]).toEqual([200, '0'])
  })

  it('uses the quota of API calls, and is turned away when it is used up', async () => {
    await db.pool.query(`update app_public.tenants set quotas = '{"max_api_calls_per_month": 2}' where id = $1`, [
      db.acme.id,
    ])
    expect((await server.ask('member@acme.test', query)).status).toBe(200)
    const second = await server.ask(
      'member@acme.test',
      '{ myQuotas { nodes { quotaType remaining periodEnd } } quotaTrackings { nodes { currentUsage } } }',
    )
    expect(second.errors).toBeUndefined()
    expect(second.data.myQuotas.nodes).toMatchObject([{ quotaType: 'api_calls', remaining: '0' }])
    expect(second.data.quotaTrackings.nodes).toEqual([{ currentUsage: '2' }])
    const third = await server.ask('member@acme.test', query)
    expect(third.status).toBe(429)
    expect(third.errors?.[0]?.extensions.code).toBe('QT601')
    expect(third.errors?.[0]?.message).toContain('api calls')
    await db.pool.query(`update app_public.tenants set quotas = '{}' where id = $1`, [db.acme.id])
  })

  it('that only manages plan, quotas and billing is served without API calls left, and the others are told when to come back', async () => {
    await db.pool.query(`update app_public.tenants set quotas = '{"max_api_calls_per_month": 0}' where id = $1`, [
      db.acme.id,
    ])
    const refused = await server.ask('owner@acme.test', query)
    expect([refused.status, refused.errors?.[0]?.extensions.code]).toEqual([429, 'QT601'])
    const seconds = Number(refused.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(31 * 24 * 3600)
    expect(refused.errors?.[0]?.extensions.hint).toContain('plans, quotas and billing can be managed meanwhile')
    const open = await server.ask(
      'owner@acme.test',
      '{ plans { nodes { slug } } entitlements { nodes { key } } ...more } fragment more on Query { myQuotas { nodes { remaining } } }',
    )
    expect([open.status, open.errors]).toEqual([200, undefined])
    expect(open.data.myQuotas.nodes).toEqual([{ remaining: '0' }])
    const buy = 'mutation { startSubscription(input: {plan: "none"}) { subscription { id } } }'
    expect((await server.ask('owner@acme.test', buy)).errors?.[0]?.extensions.code).toBe('LB301')
    // one field of another kind, and the whole operation is refused
    const mixed = '{ myQuotas { nodes { remaining } } agents { totalCount } }'
    expect((await server.ask('owner@acme.test', mixed)).errors?.[0]?.extensions.code).toBe('QT601')
    expect(await calls(db.acme)).toBe(0)
    await db.pool.query(`update app_public.tenants set quotas = '{}' where id = $1`, [db.acme.id])
  })

  it('of platform staff who visit a tenant is not the use of the tenant', async () => {
    await limit(db.acme, { per_minute: 1 })
    await db.pool.query(`update app_public.tenants set quotas = '{"max_api_calls_per_month": 1}' where id = $1`, [
      db.acme.id,
    ])
    for (let i = 0; i < 3; i += 1) {
      const visit = await server.ask('owner@platform.test', query, {}, { 'x-tenant-id': 'acme' })
      expect([visit.status, visit.data?.currentTenant.slug]).toEqual([200, 'acme'])
    }
    expect(await calls(db.acme)).toBe(0)
    expect((await server.ask('member@acme.test', query)).status).toBe(200)
    // at home they are counted like everybody
    expect((await server.ask('owner@platform.test', query)).status).toBe(200)
    expect(await calls(db.platform)).toBe(1)
    await db.pool.query(`update app_public.tenants set quotas = '{}' where id = $1`, [db.acme.id])
  })

  it('without a good token is neither counted nor limited', async () => {
    await limit(db.acme, { per_minute: 1 })
    for (let i = 0; i < 3; i += 1) expect((await server.ask(undefined, query)).status).toBe(401)
    expect((await server.ask('member@acme.test', query)).status).toBe(200)
  })
})

describe('over GraphQL', () => {
  it('an admin sets a limit, reads it and its windows, and removes it', async () => {
    const made = await server.ask(
      'admin@acme.test',
      'mutation { createRateLimitConfig(input: {rateLimitConfig: {limitScope: user, perMinute: 100}}) { rateLimitConfig { id source isHardLimit } } }',
    )
    expect(made.errors).toBeUndefined()
    const { id, ...rest } = made.data.createRateLimitConfig.rateLimitConfig
    expect(rest).toEqual({ source: 'own', isHardLimit: true })
    const read = await server.ask(
      'admin@acme.test',
      '{ rateLimitUsages { nodes { usageCount scopeId windowSeconds } } }',
    )
    expect(read.data.rateLimitUsages.nodes).toEqual([
      { usageCount: 1, scopeId: db.acme.admin.userId, windowSeconds: 60 },
    ])
    const removed = await server.ask(
      'admin@acme.test',
      'mutation ($id: UUID!) { deleteRateLimitConfig(input: {id: $id}) { rateLimitConfig { id } } }',
      { id },
    )
    expect(removed.errors).toBeUndefined()
    expect((await server.ask('admin@acme.test', query)).headers.get('ratelimit-limit')).toBeNull()
  })

  it('a program asks, reserves and settles', async () => {
    await db.pool.query(
      `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit, source) values ($1, 'tokens', 'month', 100, 'plan')`,
      [db.acme.id],
    )
    const reserved = await server.ask(
      'member@acme.test',
      'mutation { checkRateLimit(input: {tokens: "50"}) { decision { isAllowed retryAfterMs } } reserveQuota(input: {quotaType: tokens, amount: "80"}) { reservation { id status } } }',
    )
    expect(reserved.errors).toBeUndefined()
    expect(reserved.data.checkRateLimit.decision).toEqual({ isAllowed: true, retryAfterMs: null })
    const { id, status } = reserved.data.reserveQuota.reservation
    expect(status).toBe('held')
    const settled = await server.ask(
      'member@acme.test',
      'mutation ($id: UUID!) { settleReservation(input: {reservationId: $id, usedAmount: "30"}) { reservation { status settledAmount } } consumeQuota(input: {quotaType: tokens, amount: "70"}) { quotas { remaining isWarning } } }',
      { id },
    )
    expect(settled.errors).toBeUndefined()
    expect(settled.data).toEqual({
      settleReservation: { reservation: { status: 'settled', settledAmount: '30' } },
      consumeQuota: { quotas: [{ remaining: '0', isWarning: true }] },
    })
    const refused = await server.ask(
      'member@acme.test',
      'mutation { consumeQuota(input: {quotaType: tokens, amount: "1"}) { quotas { remaining } } }',
    )
    expect(refused.errors?.[0]).toMatchObject({
      message: 'The quota of tokens is used up: this tenant may have 100 a month.',
      extensions: { code: 'QT601' },
    })
  })
})

describe('requests that were served', () => {
  it('are taken out of their buffer once, summed', async () => {
    for (const person of ['member@acme.test', 'member@acme.test', 'admin@acme.test', 'member@globex.test'])
      await server.ask(person, query)
    // a dear one is as many calls
    const dear = `{ agents(first: 500) { nodes { ${Array.from({ length: 60 }, (_, i) => `a${i}: name`).join(' ')} } } }`
    await server.ask('member@globex.test', dear)
    const total = `select app_public.tenants_total_api_calls(t)::int as calls from app_public.tenants t where t.id = $1`
    expect((await db.pool.query(total, [db.globex.id])).rows).toEqual([{ calls: 8 }])
    const take = async () =>
      (await db.pool.query('select tenant_id, user_id, calls::int from metering.take_api_calls()')).rows
    const [a, b] = await Promise.all([take(), take()])
    const taken = [...a, ...b]
    expect(taken.reduce((sum, { calls: n }) => sum + n, 0)).toBe(4 + 7)
    expect(
      taken.filter(({ user_id }) => user_id === db.acme.member.userId).reduce((sum, { calls: n }) => sum + n, 0),
    ).toBe(2)
    expect(await take()).toEqual([])
  })

  it('become usage events, each request once, whichever of two workers books it', async () => {
    for (const person of ['member@acme.test', 'member@acme.test', 'admin@acme.test', 'member@globex.test'])
      await server.ask(person, query)
    const store = async (): Promise<number> => {
      const client = await db.pool.connect()
      try {
        await client.query('begin; set local role rowhouse_worker')
        const { rows } = await client.query('select metering.store_api_calls()::int as calls')
        await client.query('commit')
        return rows[0].calls
      } finally {
        client.release()
      }
    }
    const [a, b] = await Promise.all([store(), store()])
    expect((a as number) + (b as number)).toBe(4)
    expect(await store()).toBe(0)
    const { rows } = await db.pool.query(
      `select tenant_id = $1 as is_acme, user_id, sum(quantity)::int as calls from app_public.usage_events where usage_type = 'api_call' group by 1, 2 order by 3, 1`,
      [db.acme.id],
    )
    expect(rows).toEqual([
      { is_acme: false, user_id: db.globex.member.userId, calls: 1 },
      { is_acme: true, user_id: db.acme.admin.userId, calls: 1 },
      { is_acme: true, user_id: db.acme.member.userId, calls: 2 },
    ])
  })
})
