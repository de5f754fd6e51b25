// 20 clients of two tenants at once over HTTP: nobody sees a row of the other, nothing hangs, no connection is lost.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments } from '../helpers/knowledge.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
const seconds = Number(process.env.TEST_LOAD_SECONDS ?? 3)

beforeAll(async () => {
  const client = await db.pool.connect()
  for (const tenant of [db.acme, db.globex]) {
    await client.query('begin')
    const t = transaction(client)
    const source = await createSource(t, tenant.member)
    await addDocuments(
      t,
      tenant.member,
      source,
      Array.from({ length: 30 }, (_, i) => ({
        externalId: `${i}`,
        title: `${tenant.slug} ${i}`,
        text: `The wing number ${i} of ${tenant.slug}.`,
      })),
    )
    await processDocuments(t, tenant.id)
    await client.query('commit')
  }
  client.release()
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

it(`${seconds} s of searches, lists and writes by 20 clients of two tenants`, async () => {
  const until = Date.now() + seconds * 1000
  let requests = 0
  const client = async (slug: string, i: number): Promise<void> => {
    while (Date.now() < until) {
      const { status, data, errors } = await server.ask(
        `owner@${slug}.test`,
        `mutation ($name: String!) { createAgent(input: {agent: {name: $name}}) { agent { tenant { slug } } } }`,
        { name: `${slug} ${i} ${requests}-${Math.random()}` },
      )
      expect([status, errors, data.createAgent.agent.tenant.slug]).toEqual([200, undefined, slug])
      const read = await server.ask(
        `viewer@${slug}.test`,
        `{ search(query: "wing", mode: hybrid, limit: 20) { nodes { title content } } agents(last: 5) { nodes { name } } documents(first: 5) { nodes { title } } tenants { nodes { slug } } }`,
      )
      expect(read.errors).toBeUndefined()
      expect(read.data.tenants.nodes).toEqual([{ slug }])
      const texts = [...read.data.search.nodes, ...read.data.agents.nodes, ...read.data.documents.nodes].flatMap(
        (node: object) => Object.values(node),
      )
      expect(texts.length).toBeGreaterThan(40)
      for (const text of texts) expect(text).toContain(slug)
      requests += 2
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, i) => client(i % 2 ? 'acme' : 'globex', i)))
  expect(requests).toBeGreaterThanOrEqual(40)
  expect(server.busyConnections()).toBe(0)
})
