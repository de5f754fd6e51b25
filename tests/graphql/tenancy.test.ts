// Tenancy as front ends use it: settings, figures, sub-tenants, the life cycle, service tokens.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

it('a tenant shows its figures, its features and its configuration, and no secret', async () => {
  const { data, errors } = await server.ask(
    'admin@acme.test',
    `{ currentTenant { slug userCount activeUserCount totalApiCalls storageUsedGb tenantPath tenantLevel
         tenantConfig { allowedOrigins features rateLimitConfig } }
       isFeatureEnabled(feature: workflows) }`,
  )
  expect(errors).toBeUndefined()
  expect(data).toMatchObject({
    currentTenant: {
      slug: 'acme',
      userCount: 4,
      storageUsedGb: '0.000',
      tenantPath: 'acme',
      tenantLevel: 0,
      tenantConfig: { allowedOrigins: [], features: {}, rateLimitConfig: {} },
    },
    isFeatureEnabled: true,
  })
  for (const field of ['currentTenant { paymentMethodId }', 'tenantConfigs { nodes { serviceTokens } }'])
    expect((await server.ask('owner@acme.test', `{ ${field} }`)).errors?.[0]?.extensions.code).toBe('WB402')
})

it('a setting that is not known is refused with its key named', async () => {
  const { errors } = await server.ask(
    'admin@acme.test',
    'mutation ($id: UUID!, $config: JSON!) { updateTenant(input: {id: $id, patch: {config: $config}}) { tenant { config } } }',
    { id: db.acme.id, config: { search: { k2: 1 } } },
  )
  expect(errors?.[0]).toMatchObject({
    message: 'config.search.k2 is not a setting.',
    extensions: { code: 'TN402', hint: 'config.search can have: b, exactVectorLimit, k1, logQueries, titleBoost.' },
  })
})

it('origins are set by admins', async () => {
  const update = `mutation ($id: UUID!, $origins: [String!]!) {
    updateTenantConfig(input: {id: $id, patch: {allowedOrigins: $origins}}) { tenantConfig { allowedOrigins } } }`
  const { data } = await server.ask('admin@acme.test', '{ currentTenant { tenantConfig { id } } }')
  const { id } = data.currentTenant.tenantConfig
  const good = await server.ask('admin@acme.test', update, { id, origins: ['https://app.acme.test'] })
  expect(good.data.updateTenantConfig.tenantConfig.allowedOrigins).toEqual(['https://app.acme.test'])
  const bad = await server.ask('admin@acme.test', update, { id, origins: ['*'] })
  expect(bad.errors?.[0]?.extensions).toMatchObject({ code: '23514', constraint: 'allowed_origins_are_origins' })
})

it('an owner makes sub-tenants, sees the subtree, and moves one', async () => {
  const create =
    'mutation ($slug: String!) { createSubTenant(input: {slug: $slug, name: "Sub"}) { tenant { id tenantPath } } }'
  const ids: Record<string, string> = {}
  for (const slug of ['globex-eu', 'globex-us']) {
    const { data, errors } = await server.ask('owner@globex.test', create, { slug }, { 'x-tenant-id': 'globex' })
    expect([errors, data.createSubTenant.tenant.tenantPath]).toEqual([undefined, `globex.${slug}`])
    ids[slug] = data.createSubTenant.tenant.id
  }
  const moved = await server.ask(
    'owner@globex.test',
    'mutation ($a: UUID!, $b: UUID!) { moveTenant(input: {tenantId: $a, parentTenantId: $b}) { tenant { tenantPath } } }',
    { a: ids['globex-us'], b: ids['globex-eu'] },
    { 'x-tenant-id': 'globex' },
  )
  expect(moved.data.moveTenant.tenant.tenantPath).toBe('globex.globex-eu.globex-us')
  const subtree = await server.ask('admin@globex.test', '{ tenantSubtree { nodes { slug tenantLevel status } } }')
  expect(subtree.data.tenantSubtree.nodes).toEqual([
    { slug: 'globex-eu', tenantLevel: 1, status: 'active' },
    { slug: 'globex-us', tenantLevel: 2, status: 'active' },
  ])
})

it('staff suspend and reactivate the tenant they have entered; its auditors read the history', async () => {
  const inAcme = { 'x-tenant-id': 'acme' }
  const suspend = `mutation { suspendTenant(input: {reason: "Unpaid."}) { tenant { slug status suspensionReason } } }`
  expect((await server.ask('owner@acme.test', suspend)).errors?.[0]?.extensions.code).toBe('TN205')
  expect((await server.ask('owner@platform.test', suspend)).errors?.[0]?.extensions.code).toBe('TN502')
  expect((await server.ask('owner@platform.test', suspend, {}, inAcme)).data.suspendTenant.tenant).toEqual({
    slug: 'acme',
    status: 'suspended',
    suspensionReason: 'Unpaid.',
  })
  const back = await server.ask(
    'owner@platform.test',
    'mutation { reactivateTenant { tenant { status } } }',
    {},
    inAcme,
  )
  expect(back.data.reactivateTenant.tenant.status).toBe('active')
  const history = await server.ask(
    'admin@acme.test',
    '{ tenantStatusHistories(orderBy: CHANGED_AT_ASC) { nodes { fromStatus toStatus reason } } }',
  )
  expect(history.data.tenantStatusHistories.nodes.slice(1)).toEqual([
    { fromStatus: 'active', toStatus: 'suspended', reason: 'Unpaid.' },
    { fromStatus: 'suspended', toStatus: 'active', reason: null },
  ])
})

it('a service token is shown once', async () => {
  const made = await server.ask('admin@acme.test', 'mutation { createServiceToken(input: {name: "ci"}) { token } }')
  expect(made.data.createServiceToken.token).toMatch(/^rhs_/)
  const listed = await server.ask('admin@acme.test', '{ serviceTokens { nodes { name createdAt lastUsedAt } } }')
  expect(listed.data.serviceTokens.nodes).toEqual([{ name: 'ci', createdAt: expect.any(String), lastUsedAt: null }])
  const revoked = await server.ask('admin@acme.test', 'mutation { revokeServiceToken(input: {name: "ci"}) { name } }')
  expect(revoked.data.revokeServiceToken.name).toBe('ci')
})
