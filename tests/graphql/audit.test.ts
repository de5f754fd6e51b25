// The audit over HTTP: requests name themselves in it, and refusals are in it although nothing else of them is left.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

/** Refusals are recorded beside the answer: asked for until they are there. */
async function eventOf(requestId: string): Promise<Record<string, unknown>> {
  for (;;) {
    const { rows } = await db.pool.query('select * from audit.ledger where request_id = $1', [requestId])
    if (rows[0]) return rows[0]
  }
}

const createTag = 'mutation { createTag(input: {tag: {name: "Tag", slug: "tag"}}) { tag { id } } }'

describe('a request', () => {
  it('is named in the audit by its person, its id and its address, and read by who may', async () => {
    const made = await server.ask('owner@acme.test', createTag, {}, { 'x-request-id': 'made-1' })
    expect(made.errors).toBeUndefined()
    const answer = await server.ask(
      'owner@acme.test',
      `{ searchAudit(first: 1, rowKey: "${made.data.createTag.tag.id}", kind: data, actorUserId: "${db.acme.owner.userId}",
                     tableName: "app_public.tags", fromAt: "2020-01-01T00:00:00Z") {
           nodes { kind operation tableName changes actor actorUserId requestId ip } } }`,
    )
    expect(answer.errors).toBeUndefined()
    expect(answer.data.searchAudit.nodes).toMatchObject([
      {
        operation: 'insert',
        tableName: 'app_public.tags',
        actorUserId: db.acme.owner.userId,
        requestId: 'made-1',
        ip: '127.0.0.1',
      },
    ])
    const hidden = await server.ask('viewer@acme.test', '{ searchAudit(first: 1) { nodes { id } } }')
    expect(hidden.data.searchAudit.nodes).toEqual([])
  })
})

describe('a refusal', () => {
  it('of a token is a failed login', async () => {
    await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer forged', 'x-request-id': 'login-1' },
      body: '{"query":"{ __typename }"}',
    })
    expect(await eventOf('login-1')).toMatchObject({ kind: 'security', operation: 'login_failed', ip: '127.0.0.1' })
  })

  it('of who sends spans is one, too', async () => {
    await fetch(`${server.url}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer forged', 'x-request-id': 'spans-1' },
      body: '{}',
    })
    expect(await eventOf('spans-1')).toMatchObject({ kind: 'security', operation: 'login_failed' })
  })

  it('of another tenant is recorded in the tenant that was tried', async () => {
    await server.ask(
      'owner@acme.test',
      '{ currentTenant { id } }',
      {},
      { 'x-tenant-id': 'globex', 'x-request-id': 'cross-1' },
    )
    expect(await eventOf('cross-1')).toMatchObject({ tenant_id: db.globex.id, operation: 'tenant_refused' })
  })

  it('of a permission names the person', async () => {
    const answer = await server.ask(
      'viewer@acme.test',
      '{ verifyAudit(first: 1) { nodes { problem } } }',
      {},
      {
        'x-request-id': 'permission-1',
      },
    )
    expect(answer.errors?.[0]?.extensions.code).toBe('ID203')
    expect(await eventOf('permission-1')).toMatchObject({
      tenant_id: db.acme.id,
      operation: 'permission_refused',
      actor: 'system',
      actor_user_id: db.acme.viewer.userId,
      details: { code: 'ID203' },
    })
  })
})
