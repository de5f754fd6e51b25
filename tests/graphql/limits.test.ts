// What a request may be: how large, how deep, how costly, and what each excess is answered with.

import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  await db.pool.query(`comment on table app_public.query_logs is '@aggregates on'`)
  server = await startTestServer(db.url, {
    PAGE_SIZE_DEFAULT: '3',
    PAGE_SIZE_MAX: '10',
    QUERY_COST_LIMIT: '1000',
    BODY_LIMIT_BYTES: '200000',
  })
  for (let i = 0; i < 8; i += 1) {
    await db.pool.query(`insert into app_public.agents (tenant_id, name) values ($1, $2)`, [db.acme.id, `agent ${i}`])
  }
})
afterAll(() => server.close())

const ask = (query: string, variables?: object) => server.ask('owner@acme.test', query, variables)
const code = async (query: string, variables?: object): Promise<string | undefined> =>
  (await ask(query, variables)).errors?.[0]?.extensions.code
const isAlive = async (): Promise<void> =>
  expect((await ask('{ currentTenant { slug } }')).data).toEqual({ currentTenant: { slug: 'acme' } })

describe('pages', () => {
  it('have a default size, nested ones too', async () => {
    await db.pool.query(`update app_public.agents a set copied_from_id = o.id from app_public.agents o
      where o.name = 'agent 0' and a.name <> 'agent 0'`)
    const { data } = await ask(
      `{ agents { nodes { name } totalCount }
         named: agents(filter: {name: {equalTo: "agent 0"}}) { nodes { copies { nodes { name } } } } }`,
    )
    expect(data.agents.nodes).toHaveLength(3)
    expect(data.agents.totalCount).toBe(8)
    expect(data.named.nodes[0].copies.nodes).toHaveLength(3)
  })
  it('can be read on by cursor to the end', async () => {
    const names: string[] = []
    let after: string | null = null
    do {
      const { data } = await ask(
        'query ($after: Cursor) { agents(first: 3, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } } }',
        { after },
      )
      names.push(...data.agents.nodes.map(({ name }: { name: string }) => name))
      after = data.agents.pageInfo.hasNextPage ? data.agents.pageInfo.endCursor : null
    } while (after)
    expect(names).toHaveLength(8)
    expect(new Set(names).size).toBe(8)
  })
  it('have a maximum size, by literal and by variable, forwards and backwards', async () => {
    expect(await code('{ agents(first: 11) { nodes { id } } }')).toBe('WB603')
    expect(await code('query ($n: Int) { agents(first: $n) { nodes { id } } }', { n: 1_000_000 })).toBe('WB603')
    expect(await code('{ agents(last: 11) { nodes { id } } }')).toBe('WB603')
    expect(await code('{ search(query: "x", first: 11) { nodes { rank } } }')).toBe('WB603')
    expect(await code('{ agents(first: -1) { nodes { id } } }')).toBe('WB403')
    expect(await code('query ($n: Int) { agents(offset: $n) { nodes { id } } }', { n: -1 })).toBe('WB403')
    expect((await ask('{ agents(last: 2) { nodes { name } } }')).data.agents.nodes).toHaveLength(2)
  })
  it('whose size is null, or a variable without a value, have the default size', async () => {
    const query = 'query ($n: Int, $m: Int) { agents(first: $n, last: $m) { nodes { id } } }'
    for (const [variables, size] of [
      [{}, 3],
      [{ n: null, m: null }, 3],
      [{ n: 5 }, 5],
      [{ m: 2 }, 2],
    ] as const) {
      expect((await ask(query, variables)).data.agents.nodes).toHaveLength(size)
    }
    expect((await ask('{ agents(first: null) { nodes { id } } }')).data.agents.nodes).toHaveLength(3)
    expect(await code(query, { n: 11 })).toBe('WB603')
  })
  it('with a cursor that is none, or of another order, are refused with a code', async () => {
    expect(await code('{ agents(after: "garbage") { nodes { id } } }')).toBe('WB402')
    const { data } = await ask('{ agents(orderBy: NAME_ASC) { pageInfo { endCursor } } }')
    const { endCursor } = data.agents.pageInfo
    expect(
      await code('query ($c: Cursor) { agents(orderBy: CREATED_AT_ASC, after: $c) { nodes { id } } }', {
        c: endCursor,
      }),
    ).toBe('WB402')
    expect(await code('{ agents(offset: 1, last: 1) { nodes { id } } }')).toBe('WB402')
  })
  it('limit grouped aggregates too: more groups than a page are an error', async () => {
    const insertLogs = (from: number, to: number): Promise<unknown> =>
      db.pool.query(
        `insert into app_public.query_logs (tenant_id, created_at, mode, latency_ms, hit_count, source_ids,
                                            source_hit_counts, source_relevances)
         select $1, now(), 'bm25', 1, i, '{}', '{}', '{}' from generate_series($2::int, $3) as i`,
        [db.acme.id, from, to],
      )
    const grouped = '{ queryLogs { groupedAggregates(groupBy: [HIT_COUNT]) { keys } } }'
    await insertLogs(1, 8)
    expect((await ask(grouped)).data.queryLogs.groupedAggregates).toHaveLength(8)
    await insertLogs(9, 11)
    const { data, errors } = await ask(grouped)
    expect([data.queryLogs.groupedAggregates, errors?.[0]?.extensions.code]).toEqual([null, 'WB603'])
    const byMode = await ask('{ queryLogs { groupedAggregates(groupBy: [MODE]) { distinctCount { hitCount } } } }')
    expect(byMode.data.queryLogs.groupedAggregates).toEqual([{ distinctCount: { hitCount: '11' } }])
  })
})

describe('depth', () => {
  const nested = (levels: number): string =>
    `{ currentTenant ${'{ agents { nodes { tenant '.repeat(levels)} { id } ${'} } }'.repeat(levels)} }`
  it('200 levels are refused, and the server goes on', async () => {
    expect(await code(nested(66))).toBe('WB601')
    expect(await code(`{ ${'a { '.repeat(200)} b ${'} '.repeat(200)} }`)).toBe('WB601')
    expect(await code(`${'{ a '.repeat(20_000)}`)).toBe('WB601')
    await isAlive()
  })
  it('cannot be hidden in fragments, not even in ones that go in circles', async () => {
    const chain = Array.from(
      { length: 30 },
      (_, i) => `fragment f${i} on Tenant { agents { nodes { tenant { ...f${i + 1} } } } }`,
    ).join(' ')
    expect(await code(`{ currentTenant { ...f0 } } ${chain} fragment f30 on Tenant { id }`)).toBe('WB601')
    expect(await code('{ currentTenant { ...a } } fragment a on Tenant { ...b } fragment b on Tenant { ...a }')).toBe(
      'WB402',
    )
  })
})

describe('cost', () => {
  it('counts page sizes around fields, aliases too', async () => {
    expect(
      await code(
        '{ agents(first: 10) { nodes { copies(first: 10) { nodes { tenant { id } copies(first: 10) { nodes { id } } } } } } }',
      ),
    ).toBe('WB602')
    const aliases = Array.from({ length: 40 }, (_, i) => `a${i}: agents(first: 10) { nodes { id } }`).join(' ')
    expect(await code(`{ ${aliases} }`)).toBe('WB602')
  })
  it('is higher for a search, and counted once a page for what a page has once', async () => {
    const searches = (count: number): string =>
      `{ ${Array.from({ length: count }, (_, i) => `s${i}: search(query: "x", first: 1) { nodes { rank } }`).join(' ')} }`
    expect(await code(searches(1))).toBeUndefined()
    expect(await code(searches(2))).toBe('WB602')
    expect(await code('{ agents(first: 10) { totalCount nodes { id } } }')).toBeUndefined()
    expect(await code('{ agents(first: 10) { nodes { department { agents { totalCount } } } } }')).toBeUndefined()
    expect(
      await code(
        '{ agents(first: 10) { nodes { department { a: agents { totalCount } b: agents { totalCount } } } } }',
      ),
    ).toBe('WB602')
  })
})

describe('variables', () => {
  const query = 'query ($filter: AgentFilter) { agents(filter: $filter) { nodes { id } } }'
  const nested = (levels: number): object =>
    levels === 0 ? { name: { equalTo: 'agent 1' } } : { and: [nested(levels - 1)] }
  it('may be nested and numerous as people need it, and not as to bring the server down', async () => {
    expect((await ask(query, { filter: nested(20) })).data.agents.nodes).toHaveLength(1)
    expect(await code(query, { filter: nested(60) })).toBe('WB601')
    const body = `{"query": "{ __typename }", "variables": {"a": ${'['.repeat(90_000)}${']'.repeat(90_000)}}}`
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await server.token('owner@acme.test')}` },
      body,
    })
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'WB601' } }] })
    const or = Array.from({ length: 6_000 }, () => ({ id: {} }))
    expect(await code(query, { filter: { or } })).toBe('WB602')
    await isAlive()
  })
})

describe('bodies', () => {
  const post = (
    length: number,
    headers: Record<string, string | number> = {},
  ): Promise<{ status: number | undefined; body: string }> =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${server.url}/graphql`,
        { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
        (response) => {
          let body = ''
          response.on('data', (chunk) => {
            body += chunk
          })
          response.on('end', () => resolve({ status: response.statusCode, body }))
        },
      )
      // the server answers and closes before it has read everything
      sent.on('error', (error: NodeJS.ErrnoException) =>
        ['EPIPE', 'ECONNRESET'].includes(error.code ?? '') ? undefined : reject(error),
      )
      const chunk = 'x'.repeat(64 * 1024)
      const write = (left: number): void => {
        if (left <= 0) sent.end()
        else if (sent.write(chunk)) setImmediate(write, left - chunk.length)
        else sent.once('drain', () => write(left - chunk.length))
      }
      write(length)
    })

  it('of 50 MB are refused without being read, whether the size is said or not', async () => {
    for (const headers of [{ 'content-length': 50 * 1024 * 1024 }, { 'transfer-encoding': 'chunked' }] as Record<
      string,
      string | number
    >[]) {
      const { status, body } = await post(50 * 1024 * 1024, headers)
      expect(status).toBe(413)
      expect(JSON.parse(body).errors[0].extensions.code).toBe('WB604')
    }
    await isAlive()
  })

  it('of 50 MB are refused just so by 20 clients at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(50 * 1024 * 1024)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 413))
  })

  it.each([
    ['not JSON', '{"query": ', 'WB401'],
    ['not an object', '[]', 'WB401'],
    ['a batch', '[{"query": "{ agents { totalCount } }"}]', 'WB401'],
    ['without a query', '{}', 'WB401'],
    ['with a query that is no text', '{"query": 5}', 'WB401'],
    ['with variables that are no object', '{"query": "{ __typename }", "variables": [1]}', 'WB401'],
    ['with malformed GraphQL', '{"query": "{ agents { "}', 'WB402'],
    ['with an unknown field', '{"query": "{ nothing }"}', 'WB402'],
    ['with an unknown operation', '{"query": "query a { __typename }", "operationName": "b"}', 'WB402'],
    ['with a missing variable', '{"query": "query ($id: UUID!) { agent(id: $id) { id } }"}', 'WB402'],
    [
      'with an invalid UUID',
      '{"query": "query ($id: UUID!) { agent(id: $id) { id } }", "variables": {"id": "1; drop table"}}',
      'WB402',
    ],
    ['with an empty query', '{"query": ""}', 'WB402'],
  ])('%s are answered with 400 and a code', async (_name, body, expected) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await server.token('owner@acme.test')}` },
      body,
    })
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] }
    expect([response.status, errors[0]?.extensions.code]).toEqual([400, expected])
  })
})
