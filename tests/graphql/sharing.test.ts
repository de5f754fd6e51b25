// Sharing as clients of the API use it: shared, listed, searched, copied, revoked, and the audit.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments } from '../helpers/knowledge.ts'
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
const codeOf = async (person: string, query: string, variables?: object) =>
  (await server.ask(person, query, variables)).errors?.[0]?.extensions.code

it('an agent is shared, used, copied, revoked and audited', async () => {
  const { createAgent } = await ask(
    'member@acme.test',
    `mutation { createAgent(input: {agent: {name: "Reviewer", status: active}}) { agent { id } } }`,
  )
  const { id } = createAgent.agent
  const share = `mutation ($id: UUID!) { shareResource(input: {kind: agent, resourceId: $id, tenantSlug: "globex"}) {
    share { id resourceName granteeTenantSlug expiresAt } } }`
  expect(await codeOf('member@acme.test', share, { id })).toBe('ID203')
  const { shareResource } = await ask('admin@acme.test', share, { id })
  expect(shareResource.share).toMatchObject({ resourceName: 'Reviewer', granteeTenantSlug: 'globex', expiresAt: null })

  const seen = `query ($id: UUID!) { agent(id: $id) { name isShared sharedWith } agents { nodes { name tenantId } }
    receivedShares { nodes { resourceKind resourceName fromTenantSlug sharingMode } } resourceShares { nodes { id } } }`
  expect(await ask('viewer@globex.test', seen, { id })).toEqual({
    agent: { name: 'Reviewer', isShared: true, sharedWith: [] },
    agents: { nodes: [{ name: 'Reviewer', tenantId: db.acme.id }] },
    receivedShares: {
      nodes: [{ resourceKind: 'agent', resourceName: 'Reviewer', fromTenantSlug: 'acme', sharingMode: 'selected' }],
    },
    resourceShares: { nodes: [] },
  })
  const rename = `mutation ($id: UUID!) { updateAgent(input: {id: $id, patch: {name: "Mine"}}) { agent { name } } }`
  expect(await codeOf('owner@globex.test', rename, { id })).toBe('WB302')
  const { copyAgent } = await ask(
    'member@globex.test',
    `mutation ($id: UUID!) { copyAgent(input: {id: $id, name: "Ours"}) { agent { name tenantId copiedFromId sharingMode } } }`,
    { id },
  )
  expect(copyAgent.agent).toEqual({ name: 'Ours', tenantId: db.globex.id, copiedFromId: id, sharingMode: 'private' })

  const revoke = `mutation ($id: UUID!) { revokeShare(input: {id: $id}) { share { granteeTenantId } } }`
  expect(await codeOf('owner@globex.test', revoke, { id: shareResource.share.id })).toBe('RS362')
  await ask('admin@acme.test', revoke, { id: shareResource.share.id })
  expect(await ask('viewer@globex.test', seen, { id })).toMatchObject({ agent: null, receivedShares: { nodes: [] } })

  const { resourceSharingAudits } = await ask(
    'admin@acme.test',
    `{ resourceSharingAudits(orderBy: ID_ASC) { nodes { action resourceName otherTenantSlug user { email } } } }`,
  )
  expect(resourceSharingAudits.nodes.map(({ action }: { action: string }) => action)).toEqual([
    'granted',
    'mode_changed',
    'copied',
    'revoked',
    'mode_changed',
  ])
  expect(resourceSharingAudits.nodes[0].user.email).toBe('admin@acme.test')
  expect(resourceSharingAudits.nodes[2]).toMatchObject({ otherTenantSlug: 'globex', user: null })
  expect(
    (await ask('owner@globex.test', `{ resourceSharingAudits { nodes { action } } }`)).resourceSharingAudits.nodes,
  ).toEqual([])
  expect(
    await codeOf('member@acme.test', `mutation { deleteResourceShare(input: {id: "${id}"}) { clientMutationId } }`),
  ).toBe('WB402')
})

it('a mode is set and a share is declined', async () => {
  const { createTool } = await ask(
    'member@acme.test',
    `mutation { createTool(input: {tool: {name: "Finder", toolType: function}}) { tool { id } } }`,
  )
  const { id } = createTool.tool
  const set = `mutation ($id: UUID!, $mode: SharingMode!) { setSharingMode(input: {kind: tool, resourceId: $id, mode: $mode}) { sharingMode } }`
  expect((await ask('admin@acme.test', set, { id, mode: 'subtree' })).setSharingMode).toEqual({
    sharingMode: 'subtree',
  })
  expect(await codeOf('admin@acme.test', set, { id, mode: 'platform' })).toBe('RS262')
  await ask(
    'admin@acme.test',
    `mutation ($id: UUID!) { shareResource(input: {kind: tool, resourceId: $id, tenantSlug: "globex", expiresAt: "2999-01-01T00:00:00Z"}) { share { id } } }`,
    { id },
  )
  const { receivedShares } = await ask('admin@globex.test', '{ receivedShares { nodes { shareId } } }')
  const [{ shareId }] = receivedShares.nodes
  const decline = `mutation ($id: UUID!) { declineShare(input: {shareId: $id}) { receivedShare { declinedAt resourceName } } }`
  expect(await codeOf('member@globex.test', decline, { id: shareId })).toBe('ID203')
  expect((await ask('admin@globex.test', decline, { id: shareId })).declineShare.receivedShare).toMatchObject({
    resourceName: 'Finder',
    declinedAt: expect.any(String),
  })
  expect((await ask('admin@globex.test', '{ tools { nodes { name } } }')).tools.nodes).toEqual([])
  const { revokeShares } = await ask(
    'admin@acme.test',
    `mutation ($id: UUID!) { revokeShares(input: {kind: tool, resourceId: $id}) { count } }`,
    { id },
  )
  expect(revokeShares).toEqual({ count: 1 })
})

it('a shared source is searched', async () => {
  const client = await db.pool.connect()
  const t = transaction(client)
  await client.query('begin')
  const source = await createSource(t, db.acme.member, { name: 'Papers' })
  await addDocuments(t, db.acme.member, source, [{ externalId: '1', text: 'turbulent flow over a wing' }])
  await processDocuments(t, db.acme.id)
  await client.query('commit')
  client.release()
  await ask(
    'admin@acme.test',
    `mutation ($id: UUID!) { shareResource(input: {kind: knowledge_source, resourceId: $id, tenantSlug: "globex"}) { share { id } } }`,
    { id: source },
  )
  const { search } = await ask(
    'viewer@globex.test',
    `{ search(query: "wing") { nodes { content source { name } document { id } } } }`,
  )
  expect(search.nodes).toEqual([{ content: 'turbulent flow over a wing', source: { name: 'Papers' }, document: null }])
})
