// Exports and erasures over GraphQL, and the file of an export over HTTP, once.

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { work } from '../governance/helpers.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
const owner = 'owner@acme.test'
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url, {})
})
afterAll(() => server.close())

const get = async (person: string, path: string): Promise<Response> =>
  fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${await server.token(person)}` } })

describe('the file of an export', () => {
  it('is asked for, listed and downloaded once', async () => {
    const asked = await server.ask(owner, 'mutation { exportTenant { export { id status } } }')
    expect(asked.errors).toBeUndefined()
    const { id, status } = asked.data.exportTenant.export
    expect(status).toBe('queued')
    await work(db, 'governance__export', { tenantId: db.acme.id, exportId: id })
    const listed = await server.ask(owner, '{ dataExports { nodes { id status sizeBytes sha256 } } }')
    const [done] = listed.data.dataExports.nodes
    expect(done).toMatchObject({ id, status: 'completed' })
    const link = await server.ask(
      owner,
      `mutation ($id: UUID!) { createExportLink(input: {exportId: $id}) { link { id expiresAt } } }`,
      { id },
    )
    const path = `/files/exports/${link.data.createExportLink.link.id}`
    expect((await get('member@acme.test', path)).status).toBe(404)
    const response = await get(owner, path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-disposition')).toMatch(/tenant-\d{4}-\d\d-\d\d\.zip/)
    const bytes = Buffer.from(await response.arrayBuffer())
    expect([String(bytes.length), createHash('sha256').update(bytes).digest('hex')]).toEqual([
      String(done.sizeBytes),
      done.sha256,
    ])
    expect((await get(owner, path)).status).toBe(404)
  })
})

it('counts what an erasure would do, and shows no tag of the register in the documentation', async () => {
  const { data } = await server.ask(owner, 'mutation { erasePerson(input: {}) { erasure { isDryRun status counts } } }')
  expect(data.erasePerson.erasure).toMatchObject({ isDryRun: true, status: 'completed' })
  const described = await server.ask(owner, '{ __type(name: "UserSession") { fields { name description } } }')
  const texts: { name: string; description: string }[] = described.data.__type.fields
  expect(texts.find(({ name }) => name === 'ipAddress')?.description).toMatch(/^The IP address/)
  expect(JSON.stringify(texts)).not.toMatch(/@personal|@notPersonal/)
})
