// Requests that nobody thought of: queries of random aliases, depths, fragments and sizes over the real schema, then cut,
// doubled, nested and misspelt. Whatever comes, it is answered in JSON with a code that is a client's, the event loop goes
// on, and /healthz answers meanwhile. A failure is shrunk to the smallest request that shows it.

import fc from 'fast-check'
import { buildClientSchema, type GraphQLSchema, getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { blockedBy, slowness } from './loop.ts'
import { hostileQuery } from './queries.ts'

const db = useDatabase()
// planning a query of some three hundred fields that lead from table to table takes up to 230 ms on two slow cores
const longestBlockMs = 400
const longestHealthMs = 500
const mostBytes = 20_000_000
const seed = 20_261_128
let server: TestServer
let schema: GraphQLSchema
let authorization: string

beforeAll(async () => {
  server = await startTestServer(db.url)
  await db.pool.query(
    `insert into app_public.agents (tenant_id, name) select $1, 'agent ' || i from generate_series(1, 200) i`,
    [db.acme.id],
  )
  schema = buildClientSchema((await server.ask('viewer@acme.test', getIntrospectionQuery())).data)
  authorization = `Bearer ${await server.token('viewer@acme.test')}`
  // code that has not run yet is slower
  for (let warm = 901; warm < 904; warm += 1) await post(JSON.stringify(hostileQuery(schema, warm, 300)))
})
afterAll(() => server.close())

type Answer = { status: number; text: string }

async function post(body: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json', authorization }
  const response = await patiently(`${server.url}/graphql`, { method: 'POST', headers, body })
  return { status: response.status, text: await response.text() }
}

/** On a slow machine the server may close a kept connection at the moment that it is used again. */
const patiently = (url: string, init?: RequestInit): Promise<Response> => fetch(url, init).catch(() => fetch(url, init))

const health: { clockMs: number; share: number }[] = []

/** Sends it while someone asks whether the server is alive, and checks everything that holds for any request. */
async function isAnsweredWithinBounds(body: string): Promise<Answer> {
  let answer: Answer = { status: 0, text: '' }
  const share = slowness()
  const { processorMs } = await blockedBy(async () => {
    const startedAt = performance.now()
    const isAlive = async (): Promise<void> => {
      await (await patiently(`${server.url}/healthz`)).text()
      health.push({ clockMs: performance.now() - startedAt, share })
    }
    ;[answer] = await Promise.all([post(body), isAlive()])
  })
  expect([200, 400, 404, 413, 429, 503]).toContain(answer.status)
  expect(answer.text.length).toBeLessThan(mostBytes + 1_000_000)
  for (const code of codesOf(answer.text)) expect(code).toMatch(/^[A-Z0-9]{5}$/)
  expect(processorMs).toBeLessThan(longestBlockMs)
  return answer
}

/** An answer of rows is not parsed: that would be the client's work in the server's process. */
function codesOf(text: string): string[] {
  if (text.startsWith('{"data":{') && !text.includes('"errors":[')) return []
  const { errors } = JSON.parse(text) as { errors: { extensions?: { code?: string } }[] }
  return errors.map(({ extensions }) => extensions?.code ?? 'none')
}

const random = fc.integer({ min: 1, max: 1_000_000 })
const query = fc
  .record({
    random,
    weight: fc.integer({ min: 1, max: 1_500 }),
    first: fc.constantFrom(0, 1, 2, 50, 500, 501, 2_147_483_647),
  })
  .map(({ random: chosen, weight, first }) =>
    hostileQuery(schema, chosen, weight).query.replaceAll('first: 1', `first: ${first}`),
  )

/** A way to spoil a text, by a number that says where or how often. */
const spoilers: ((text: string, n: number) => string)[] = [
  (text, n) => text.slice(0, n % (text.length + 1)),
  (text, n) => text.slice(n % (text.length + 1)),
  (text, n) => `${text.slice(0, n % text.length)}{${text.slice(n % text.length)}`,
  (text) => `${text} ${text}`,
  (text, n) => text.replace(/\{/, `{ ${'...on Query{'.repeat(n % 400)} __typename ${'}'.repeat(n % 400)} `),
  (text, n) => text.replace(/__typename/, `__typename ${'@include(if: true) '.repeat(n % 400)}`),
  (text, n) => text.replace(/__typename/, `__typename ${'@skip(if: $no) '.repeat(1 + (n % 50))}`),
  (text, n) => text.replace(/first: \d+/, `filter: {or: ${'['.repeat(n % 2_000)}${']'.repeat(n % 2_000)}}`),
  (text, n) => text.replace(/first: \d+/, `filter: ${'{not: '.repeat(n % 500)}{}${'}'.repeat(n % 500)}`),
  (text, n) => text.replace(/first: \d+/, `first: ${'9'.repeat(1 + (n % 400))}`),
  (text, n) => text.replace(/first: \d+/, `first: 1, offset: ${n * 2_000}`),
  (text) => text.replace(/first: \d+/, 'first: -1'),
  (text) => text.replace(/first: \d+/, 'first: "\\u0000\\uD800"'),
  (text, n) => `query (${Array.from({ length: n % 500 }, (_, i) => `$v${i}: [[Int!]!]`).join(' ')}) ${text}`,
  (text, n) => `${text} fragment loop on Query { ${'...loop '.repeat(1 + (n % 300))} }`,
  (text, n) =>
    `${text} ${Array.from({ length: n % 300 }, (_, i) => `fragment c${i} on Query { ...c${i + 1} }`).join(' ')}`,
  (text, n) => text.replace(/a1: /, `${'a'.repeat(n % 50_000)}: `),
  (text, n) => `${'#'.repeat(n % 50_000)}\n${text}`,
  (text) => text.replace('{', 'mutation {'),
  (text) => text.replace('{', 'subscription {'),
]
const spoiled = fc
  .tuple(
    query,
    fc.array(fc.tuple(fc.constantFrom(...spoilers), fc.nat({ max: 100_000 })), { minLength: 1, maxLength: 3 }),
  )
  .map(([text, spoils]) => spoils.reduce((now, [spoil, n]) => (now === '' ? now : spoil(now, n)), text))

/** Anything nested up to thousands deep, which only JSON has to bear. */
const nested = fc
  .tuple(fc.nat({ max: 20_000 }), fc.constantFrom(['[', ']'], ['{"and":', '}'], ['{"or":[', ']}']))
  .map(([depth, [open, close]]) => `${open?.repeat(depth)}${open === '[' ? '' : '{}'}${close?.repeat(depth)}`)

it('queries of random aliases, depths, fragments and sizes', async () => {
  let served = 0
  const runs = 40
  const property = fc.asyncProperty(query, async (text) => {
    const { text: answer } = await isAnsweredWithinBounds(JSON.stringify({ query: text }))
    if (answer.startsWith('{"data":{')) served += 1
  })
  await fc.assert(property, { seed, numRuns: runs })
  // it is no merit to refuse everything
  expect(served).toBeGreaterThan(runs / 10)
})

it('queries that are cut, doubled, nested and misspelt', async () => {
  const property = fc.asyncProperty(spoiled, async (text) => {
    await isAnsweredWithinBounds(JSON.stringify({ query: text }))
  })
  await fc.assert(property, { seed, numRuns: 80 })
})

it('variables of any depth and kind', async () => {
  const text = JSON.stringify(
    'query ($filter: AgentFilter, $first: Int) { agents(filter: $filter, first: $first) { nodes { id } } }',
  )
  const filter = fc.oneof(
    nested,
    fc.json({ maxDepth: 5 }),
    fc.array(fc.string({ unit: 'binary' })).map((names) => JSON.stringify({ name: { in: names } })),
  )
  const first = fc.oneof(
    fc.constantFrom('1e400', '-0', '2147483648', '1.5', '"1"', 'null', '[1]'),
    fc.integer().map(String),
  )
  const property = fc.asyncProperty(filter, first, async (given, size) => {
    await isAnsweredWithinBounds(`{"query": ${text}, "variables": {"filter": ${given}, "first": ${size}}}`)
  })
  await fc.assert(property, { seed, numRuns: 60 })
})

it('bodies that are no requests', async () => {
  const part = fc.oneof(nested, fc.json(), fc.string({ unit: 'binary', maxLength: 2_000 }))
  const body = fc.oneof(
    part,
    fc
      .record({
        query: fc.jsonValue(),
        variables: fc.jsonValue(),
        operationName: fc.jsonValue(),
        extensions: fc.jsonValue(),
      })
      .map((value) => JSON.stringify(value)),
    fc.array(fc.constant({ query: '{ __typename }' }), { maxLength: 1_000 }).map((batch) => JSON.stringify(batch)),
  )
  await fc.assert(
    fc.asyncProperty(body, async (text) => {
      await isAnsweredWithinBounds(text)
    }),
    { seed, numRuns: 60 },
  )
})

it('left the server alive all the while, and as it was', async () => {
  // how much of the clock other processes take is measured beside each request, not from it
  expect(health.filter(({ clockMs, share }) => clockMs > longestHealthMs * share)).toEqual([])
  expect(health.length).toBeGreaterThan(200)
  expect(server.busyConnections()).toBe(0)
  expect((await server.ask('viewer@acme.test', '{ currentTenant { slug } }')).data).toEqual({
    currentTenant: { slug: 'acme' },
  })
})
