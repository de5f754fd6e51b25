// The catalogue's search and figures as a client of the API sees them.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server?.close())

const ask = async (person: string, query: string, variables?: object) => {
  const { data, errors } = await server.ask(person, query, variables)
  expect(errors).toBeUndefined()
  return data
}

it('one query finds things of several kinds, counts them and reads on into them', async () => {
  await ask(
    'owner@acme.test',
    `mutation {
      a: createAgent(input: { agent: { name: "trial-designer", primaryCategory: "Clinical", tier: 2, therapeuticAreas: ["Oncology"], status: active } }) { agent { id } }
      b: createTool(input: { tool: { name: "trial-registry", toolType: function, category: "Clinical" } }) { tool { id } }
    }`,
  )
  const { searchCatalog } = await ask(
    'viewer@acme.test',
    `query ($query: String, $kinds: [ResourceKind]) {
      searchCatalog(query: $query, filter: { kinds: $kinds, categories: ["Clinical"] }, limit: 5) {
        totalCount
        hits { rank score kind name isOwn agent { name therapeuticAreas } tool { toolType } prompt { id } }
        facets { facet value count }
      }
    }`,
    { query: 'trial', kinds: ['agent', 'tool'] },
  )
  expect(searchCatalog.totalCount).toBe(2)
  expect(searchCatalog.hits).toEqual([
    {
      rank: 1,
      score: expect.any(Number),
      kind: 'agent',
      name: 'trial-designer',
      isOwn: true,
      agent: { name: 'trial-designer', therapeuticAreas: ['Oncology'] },
      tool: null,
      prompt: null,
    },
    {
      rank: 2,
      score: expect.any(Number),
      kind: 'tool',
      name: 'trial-registry',
      isOwn: true,
      agent: null,
      tool: { toolType: 'function' },
      prompt: null,
    },
  ])
  expect(searchCatalog.facets).toContainEqual({ facet: 'category', value: 'Clinical', count: 2 })
  expect(searchCatalog.facets).toContainEqual({ facet: 'therapeutic_area', value: 'Oncology', count: 1 })
})

it('says in a code what is wrong with an argument', async () => {
  const { errors } = await server.ask('viewer@acme.test', '{ searchCatalog(limit: 1000) { totalCount } }')
  expect(errors?.[0]?.extensions.code).toBe('RS472')
})

it('figures carry their age, and staff have them refreshed', async () => {
  await db.pool.query(`update app_public.agents set usage_count = 3 where name = 'trial-designer'`)
  const { refreshMaterializedView } = await ask(
    'owner@platform.test',
    'mutation { refreshMaterializedView(input: { name: "mv_popular_agents" }) { isQueued } }',
  )
  expect(refreshMaterializedView).toEqual({ isQueued: true })
  for (const name of ['mv_popular_agents', 'mv_tenant_resource_counts'])
    await db.pool.query('select observability.refresh_materialized_view_now($1)', [name])
  const { popularAgents, currentTenant, materializedViewStatuses } = await ask(
    'member@acme.test',
    `{ popularAgents(filter: { isInMyList: { equalTo: false } }) { nodes { rank usageCount ageSeconds refreshedAt agent { name } } }
       currentTenant { tenantResourceCount { agentCount toolCount ageSeconds } }
       materializedViewStatuses { nodes { name isStale rowCount } } }`,
  )
  expect(popularAgents.nodes).toEqual([
    {
      rank: 1,
      usageCount: '3',
      ageSeconds: expect.any(Number),
      refreshedAt: expect.any(String),
      agent: { name: 'trial-designer' },
    },
  ])
  expect(currentTenant.tenantResourceCount).toEqual({ agentCount: '1', toolCount: '1', ageSeconds: expect.any(Number) })
  expect(materializedViewStatuses.nodes).toHaveLength(3)
  const { errors } = await server.ask(
    'owner@acme.test',
    'mutation { refreshMaterializedView(input: { name: "mv_popular_agents" }) { isQueued } }',
  )
  expect(errors?.[0]?.extensions.code).toBe('TN205')
})
