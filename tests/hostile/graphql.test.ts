// What a signed-in member, or someone without a token, sends to bring the server down. Each is answered within bounds, and
// the server goes on.

import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildClientSchema, type GraphQLSchema, getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../server/config.ts'
import { readPersistedOperations } from '../../server/graphql/persisted.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { blockedBy, slowness } from './loop.ts'
import { type HostileQuery, hostileQuery } from './queries.ts'

const db = useDatabase()
const agentCount = 30
const largeBytes = 3_000_000
let server: TestServer
let largeAgent: string
beforeAll(async () => {
  server = await startTestServer(db.url)
  const { rows } = await db.pool.query<{ id: string }>(
    `insert into app_public.agents (tenant_id, name)
     select $1, 'agent ' || i from generate_series(1, $2::int) i returning id`,
    [db.acme.id, agentCount],
  )
  largeAgent = rows[0]?.id as string
})
afterAll(() => server.close())

const ask = (query: string, variables?: object) => server.ask('viewer@acme.test', query, variables)
const code = async (query: string, variables?: object): Promise<string | undefined> =>
  (await ask(query, variables)).errors?.[0]?.extensions.code
const times = (count: number, write: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => write(i)).join(' ')
const isAlive = async (): Promise<void> =>
  expect((await ask('{ currentTenant { slug } }')).data).toEqual({ currentTenant: { slug: 'acme' } })

describe('fields', () => {
  it('at the root are counted, aliases and those of fragments too', async () => {
    expect(await code(`{ ${times(1_600, (i) => `a${i}: agents { totalCount }`)} }`)).toBe('WB605')
    const fragments = times(2, (f) => `fragment f${f} on Query { ${times(26, (i) => `a${f}_${i}: __typename`)} }`)
    expect(await code(`{ ...f0 ...f1 } ${fragments}`)).toBe('WB605')
    expect(await code(`{ ${times(50, (i) => `a${i}: agents(first: 1) { totalCount }`)} }`)).toBeUndefined()
  })
  it('in all are counted, and those that are planned on their own count more', async () => {
    const agents = (fields: string): string => `{ agents(first: 1) { nodes { ${fields} } } }`
    expect(await code(agents(times(900, (i) => `a${i}: name`)))).toBeUndefined()
    expect(await code(agents(times(1_000, (i) => `a${i}: name`)))).toBe('WB605')
    expect(await code(agents(times(200, (i) => `a${i}: tenant { id }`)))).toBe('WB605')
  })
  it('that are the same in many fragments are one', async () => {
    const fragments = times(100, (i) => `fragment f${i} on Agent { id name createdAt ...g${i} }`)
    const inner = times(100, (i) => `fragment g${i} on Agent { id tenant { id name } }`)
    const query = `{ agents(first: 1) { nodes { ${times(100, (i) => `...f${i}`)} } } } ${fragments} ${inner}`
    expect(await code(query)).toBeUndefined()
  })
  it('cannot be multiplied by fragments in fragments, not even on a page of no rows', async () => {
    const doubling = times(30, (i) => `fragment f${i} on Agent { ...f${i + 1} ...f${i + 1} }`)
    const query = `{ agents(first: 0) { nodes { ...f0 } } } ${doubling} fragment f30 on Agent { id }`
    expect(await code(query)).toBe('WB605')
    expect(await code('{ agents { nodes { ...a } } } fragment a on Agent { copies { nodes { ...a } } }')).toMatch(
      /^WB402|WB605$/,
    )
    await isAlive()
  })
  it('have limits of their own', async () => {
    const strict = await startTestServer(db.url, { QUERY_ROOT_FIELDS_LIMIT: '2', QUERY_FIELDS_LIMIT: '12' })
    try {
      const codeOf = async (query: string) => (await strict.ask('viewer@acme.test', query)).errors?.[0]?.extensions.code
      expect(await codeOf('{ a: __typename b: __typename }')).toBeUndefined()
      expect(await codeOf('{ a: __typename b: __typename c: __typename }')).toBe('WB605')
      expect(await codeOf('{ agents { nodes { id name } } }')).toBeUndefined()
      expect(await codeOf('{ agents { nodes { id name createdAt } } }')).toBe('WB605')
    } finally {
      await strict.close()
    }
  })
  it('are counted in a text of bounded length', async () => {
    expect(await code(`{ currentTenant { id } } ${'#\n'.repeat(60_000)}`)).toBe('WB604')
  })
})

describe('arguments', () => {
  const conditions = (count: number): object => ({
    or: Array.from({ length: count }, (_, i) => ({ name: { equalTo: `x${i}` } })),
  })
  it('of filters are counted, a variable as often as it is used', async () => {
    const query = (aliases: number): string =>
      `query ($filter: AgentFilter) { ${times(aliases, (i) => `a${i}: agents(filter: $filter, first: 1) { nodes { id } }`)} }`
    expect(await code(query(1), { filter: conditions(900) })).toBeUndefined()
    expect(await code(query(40), { filter: conditions(30) })).toBe('WB605')
    expect(await code(query(1), { filter: conditions(3_000) })).toBe('WB605')
    const literal = times(1_050, (i) => `{name: {equalTo: "x${i}"}}`)
    expect(await code(`{ agents(filter: {or: [${literal}]}) { nodes { id } } }`)).toBe('WB605')
  })
  it('may be as long as a body, not as many bodies', async () => {
    const mutation = (aliases: number): string =>
      `mutation ($text: String!) { ${times(aliases, (i) => `a${i}: createAgent(input: {agent: {name: "n${i}", description: $text}}) { agent { id } }`)} }`
    expect(await code(mutation(40), { text: 'x'.repeat(400_000) })).toBe('WB605')
  })
})

describe('introspection', () => {
  const standard = getIntrospectionQuery()
  it('by the standard query is served, and again', async () => {
    const [first, second] = [await ask(standard), await ask(standard)]
    expect(first.data.__schema.types.length).toBeGreaterThan(500)
    expect(second.data).toEqual(first.data)
  })
  it('asks for the schema once and for few types, by alias or fragment', async () => {
    expect(await code(`{ ${times(20, (i) => `a${i}: __schema { types { name } }`)} }`)).toBe('WB606')
    expect(await code('{ a: __schema { __typename } ...f } fragment f on Query { b: __schema { __typename } }')).toBe(
      'WB606',
    )
    expect(await code(`{ ${times(6, (i) => `a${i}: __type(name: "Agent") { name }`)} }`)).toBe('WB606')
    expect(
      await code(`{ ${times(5, (i) => `a${i}: __type(name: "Agent") { name fields { name } }`)} }`),
    ).toBeUndefined()
  })
  it('does not multiply lists by aliases', async () => {
    const fields = 'fields { name type { name ofType { name ofType { name } } } args { name type { name } } }'
    expect(await code(`{ __schema { ${times(12, (i) => `a${i}: types { name ${fields} }`)} } }`)).toBe('WB606')
  })
  it('without a token is served in development, and a flood of different ones is turned away', async () => {
    const guest = async (query: string) => (await server.ask(undefined, query)).errors?.[0]?.extensions.code
    expect(await guest(standard)).toBeUndefined()
    const codes: (string | undefined)[] = []
    for (let i = 0; i < 30; i += 1) codes.push(await guest(`{ a${i}: __schema { queryType { name } } }`))
    expect(codes[0]).toBeUndefined()
    expect(codes.at(-1)).toBe('ID101')
    // what was asked before is still there
    expect(await guest(standard)).toBeUndefined()
    expect(await guest('{ agents { totalCount } }')).toBe('ID101')
    expect(await guest('query ($name: String!) { __type(name: $name) { name } }')).toBe('ID101')
  })
})

describe('an answer', () => {
  beforeAll(async () => {
    // no value may be as large, but many values of a row are
    await db.pool.query('alter table app_public.agents drop constraint metadata_is_not_too_large')
    await db.pool.query(
      `update app_public.agents set metadata = jsonb_build_object('text', repeat('x', $2::int)) where tenant_id = $1`,
      [db.acme.id, largeBytes],
    )
  })
  const agent = (fields: string): string => `{ agent(id: "${largeAgent}") { ${fields} } }`
  it('may be large', async () => {
    const { data } = await ask(agent(times(5, (i) => `a${i}: metadata`)))
    expect(Object.values(data.agent).map((value) => JSON.stringify(value).length)).toEqual(
      Array.from({ length: 5 }, () => expect.toSatisfy((length: number) => length > largeBytes)),
    )
  })
  it('is stopped when aliases repeat a large value', async () => {
    const { data, errors, status } = await ask(agent(times(120, (i) => `a${i}: metadata`)))
    expect([status, data]).toEqual([400, undefined])
    expect(errors).toHaveLength(1)
    expect(errors?.[0]?.extensions.code).toBe('WB607')
    await isAlive()
  })
  it('is stopped while its rows are read', async () => {
    const before = process.memoryUsage().rss
    expect(await code('{ agents { nodes { metadata } } }')).toBe('WB607')
    const filters = times(
      25,
      (i) => `a${i}: agents(filter: {name: {equalTo: "agent ${i + 1}"}}) { nodes { metadata } }`,
    )
    expect(await code(`{ ${filters} }`)).toBe('WB607')
    // not the 90 and the 75 MB that they are, as texts, values and JSON
    expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000)
    expect(server.busyConnections()).toBe(0)
    await isAlive()
  })
  it('counts the names of its fields', async () => {
    const strict = await startTestServer(db.url, { RESPONSE_LIMIT_BYTES: '20000' })
    try {
      const query = (length: number): string => `{ agents { nodes { ${'a'.repeat(length)}: id } } }`
      const codeOf = async (length: number) =>
        (await strict.ask('viewer@acme.test', query(length))).errors?.[0]?.extensions.code
      expect(await codeOf(100)).toBeUndefined()
      expect(await codeOf(1_000)).toBe('WB607')
    } finally {
      await strict.close()
    }
  })
})

describe('API calls', () => {
  const served = async (): Promise<number> => {
    const { rows } = await db.pool.query<{ count: number }>(
      'select coalesce(sum(calls), 0)::int as count from metering.api_call_buffer where tenant_id = $1',
      [db.globex.id],
    )
    return rows[0]?.count ?? 0
  }
  const asGlobex = (query: string) => server.ask('viewer@globex.test', query)
  it('are as many as a query costs', async () => {
    const before = await served()
    await asGlobex('{ agents(first: 10) { nodes { id } } }')
    expect(await served()).toBe(before + 1)
    // 500 rows of 24 fields: 12,000, and a little
    await asGlobex(`{ agents(first: 500) { nodes { ${times(24, (i) => `a${i}: name`)} } } }`)
    expect(await served()).toBe(before + 1 + 3)
  })
  const setLimit = async (perMinute: number): Promise<void> => {
    await db.pool.query('delete from app_public.rate_limit_config where tenant_id = $1', [db.globex.id])
    // a limit that is set again goes on with its windows
    await db.pool.query('delete from app_public.rate_limit_usage where tenant_id = $1', [db.globex.id])
    await db.pool.query(
      `insert into app_public.rate_limit_config (tenant_id, source, per_minute) values ($1, 'plan', $2)`,
      [db.globex.id, perMinute],
    )
  }
  /** 500 rows of so many fields: 7 calls with 60 of them, and another text each time for another name. */
  const dear = (name: string): string =>
    `query ${name} { agents(first: 500) { nodes { ${times(60, (i) => `a${i}: name`)} } } }`
  const refusal = async (query: string) => {
    const { status, errors, headers } = await asGlobex(query)
    return [status, errors?.[0]?.extensions.code, headers.has('retry-after')]
  }
  it('that are more than the whole limit refuse the query, and say that waiting does not help', async () => {
    await setLimit(6)
    const before = await served()
    // of a text that is new its first call is charged before it is looked at, of one that is known nothing
    expect(await refusal(dear('a'))).toEqual([400, 'RL603', false])
    expect(await served()).toBe(before + 1)
    expect(await refusal(dear('a'))).toEqual([400, 'RL603', false])
    expect(await served()).toBe(before + 1)
    // it is the whole that counts, not what is left to charge
    await setLimit(7)
    expect(await refusal(dear('a'))).toEqual([200, undefined, false])
    await setLimit(6)
    expect(await refusal(dear('b'))).toEqual([400, 'RL603', false])
  })
  it('that are not there now refuse the query, all or none, and say when to try again', async () => {
    await setLimit(10)
    const before = await served()
    expect(await refusal(dear('a'))).toEqual([200, undefined, false])
    expect(await refusal(dear('a'))).toEqual([429, 'RL601', true])
    expect(await served()).toBe(before + 7)
    expect((await asGlobex('{ currentTenant { slug } }')).headers.get('ratelimit-remaining')).toBe('2')
  })
  it('that are more than a whole quota, or than what is left of it, refuse the query', async () => {
    await db.pool.query('delete from app_public.rate_limit_config where tenant_id = $1', [db.globex.id])
    const setQuota = (quotas: object) =>
      db.pool.query('update app_public.tenants set quotas = $2 where id = $1', [db.globex.id, quotas])
    await setQuota({ max_api_calls_per_month: 6 })
    const before = await served()
    expect(await refusal(dear('a'))).toEqual([400, 'RL603', false])
    await setQuota({ max_api_calls_per_month: 10 })
    expect(await refusal(dear('a'))).toEqual([200, undefined, false])
    expect(await refusal(dear('a'))).toEqual([429, 'QT601', true])
    expect(await served()).toBe(before + 7)
    const { rows } = await db.pool.query(
      `select current_usage::int as used from app_public.quota_tracking where tenant_id = $1 and quota_type = 'api_calls'`,
      [db.globex.id],
    )
    expect(rows).toEqual([{ used: 7 }])
    await setQuota({})
  })
})

describe('thirty generated queries', () => {
  const longestBlockMs = 200
  const longestHealthMs = 500
  let schema: GraphQLSchema
  beforeAll(async () => {
    schema = buildClientSchema((await ask(getIntrospectionQuery())).data)
    // code that has not run yet is slower
    for (let seed = 101; seed < 104; seed += 1) await send(hostileQuery(schema, seed, 300))
  })
  /** The answer is not parsed: that would be the client's work in the server's process. */
  const send = async ({ query, variables }: HostileQuery): Promise<string> => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await server.token('viewer@acme.test')}`,
      },
      body: JSON.stringify({ query, variables }),
    })
    return response.text()
  }
  it('never block the event loop for long, and the server says all the while that it is alive', async () => {
    let isDone = false
    const health: number[] = []
    const watch = async (): Promise<void> => {
      while (!isDone) {
        // from when it was due: in a loop that is blocked, a probe cannot even start
        const due = performance.now() + 20
        await new Promise((resolve) => setTimeout(resolve, 20))
        await (await fetch(`${server.url}/healthz`)).text()
        health.push(performance.now() - due)
      }
    }
    const watching = watch()
    const slow = [slowness()]
    let served = 0
    const blocks: { seed: number; clockMs: number; processorMs: number }[] = []
    for (let seed = 1; seed <= 30; seed += 1) {
      // from small to beyond what is served
      const query = hostileQuery(schema, seed, 100 + seed * 25)
      let answer = ''
      const block = await blockedBy(async () => {
        answer = await send(query)
      })
      slow.push(slowness())
      if (answer.startsWith('{"data":{')) served += 1
      else expect(answer).toMatch(/"code":"WB60[1-7]"/)
      blocks.push({ seed, ...block })
    }
    isDone = true
    await watching
    // most are served: it is no merit to refuse everything
    expect(served).toBeGreaterThan(15)
    expect(blocks.filter(({ processorMs }) => processorMs > longestBlockMs)).toEqual([])
    // The clock counts other processes, too. How much they take is measured beside the queries, not from them.
    const share = Math.max(...slow)
    console.log(
      `blocked at most ${Math.round(Math.max(...blocks.map(({ processorMs }) => processorMs)))} ms of processor time, ` +
        `${Math.round(Math.max(...blocks.map(({ clockMs }) => clockMs)))} ms by the clock; /healthz at most ` +
        `${Math.round(Math.max(...health))} ms; the machine ${share.toFixed(1)} times slower than alone; ${served} of 30 served`,
    )
    expect(blocks.filter(({ clockMs }) => clockMs > longestBlockMs * share)).toEqual([])
    expect(Math.max(...health)).toBeLessThan(longestHealthMs * share)
  })
})

describe('persisted operations', () => {
  const query = 'query Agents { agents(first: 1) { nodes { name } } }'
  const hash = createHash('sha256').update(query).digest('hex')
  let directory: string
  let only: TestServer
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rowhouse-persisted-'))
    await writeFile(join(directory, 'list.json'), JSON.stringify({ [hash]: query }))
    only = await startTestServer(db.url, {
      PERSISTED_OPERATIONS: join(directory, 'list.json'),
      PERSISTED_OPERATIONS_ONLY: 'true',
    })
  })
  afterAll(async () => {
    await only.close()
    await rm(directory, { recursive: true, force: true })
  })
  const post = async (to: TestServer, body: object) => {
    const response = await fetch(`${to.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await to.token('viewer@acme.test')}` },
      body: JSON.stringify(body),
    })
    const { data, errors } = (await response.json()) as {
      data?: object
      errors?: { extensions: { code: string } }[]
    }
    return { status: response.status, data, code: errors?.[0]?.extensions.code }
  }
  it.each([
    ['as Apollo sends it', { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } }],
    ['as documentId', { documentId: hash }],
    ['as documentId with its algorithm', { documentId: `sha256:${hash}` }],
    ['by its text', { query }],
    ['by both', { query, extensions: { persistedQuery: { version: 1, sha256Hash: hash } } }],
  ])('are run by their hash: %s', async (_name, body) => {
    expect(await post(only, body)).toMatchObject({ status: 200, data: { agents: { nodes: [{}] } } })
  })
  it('that are unknown are refused, and so is any other text, introspection too', async () => {
    const refused = { status: 404, code: 'WB303' }
    expect(await post(only, { documentId: '0'.repeat(64) })).toMatchObject(refused)
    expect(await post(only, { query: '{ __typename }' })).toMatchObject(refused)
    expect(await post(only, { query: getIntrospectionQuery() })).toMatchObject(refused)
    expect(await post(server, { documentId: hash })).toMatchObject(refused)
  })
  it('with a hash that is not of the text are refused', async () => {
    expect(await post(server, { query: '{ __typename }', documentId: hash })).toEqual({
      status: 400,
      data: undefined,
      code: 'WB406',
    })
  })
  it("are read from a folder, or from the manifest of Apollo's tool", async () => {
    await writeFile(join(directory, 'agents.graphql'), query)
    expect([...(await readPersistedOperations(directory))]).toEqual([[hash, query]])
    const manifest = join(directory, 'manifest.json')
    const operation = { id: hash, name: 'Agents', type: 'query', body: query }
    await writeFile(
      manifest,
      JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations: [operation] }),
    )
    expect([...(await readPersistedOperations(manifest))]).toEqual([[hash, query]])
  })
  it('with a wrong hash in the list, or none to serve only from, stop the start', async () => {
    const wrong = join(directory, 'wrong.json')
    await writeFile(wrong, JSON.stringify({ ['1'.repeat(64)]: query }))
    await expect(readPersistedOperations(wrong)).rejects.toThrow('is not the SHA-256')
    await writeFile(wrong, '[]')
    await expect(readPersistedOperations(wrong)).rejects.toThrow('PERSISTED_OPERATIONS')
    expect(() => loadConfig({ PERSISTED_OPERATIONS_ONLY: 'true' })).toThrow('PERSISTED_OPERATIONS')
  })
})
