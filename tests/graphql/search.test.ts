// Search as a client of the API sees it: every argument, the fields beside a hit, what the index tells of a chunk.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Transaction, transaction, useDatabase } from '../helpers/index.ts'
import { withTexts } from '../helpers/knowledge.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    const t: Transaction = transaction(client)
    await withTexts(db, t, ['boundary layer flow', 'heat flow in a plate', 'a plate'], { tags: ['physics'] })
    await client.query('commit')
  } finally {
    client.release()
  }
})
afterAll(() => server?.close())

const ask = async (query: string, person = 'viewer@acme.test') => {
  const { data, errors } = await server.ask(person, query)
  expect(errors).toBeUndefined()
  return data as never as Record<string, { nodes: Record<string, never>[] }>
}

describe('search over GraphQL', () => {
  it('takes the question, its mode, filters, page, fusion and explanation', async () => {
    const { search } = await ask(`{
      search(query: "flow -heat", mode: hybrid, limit: 5,
             filter: {tags: ["physics"], createdAfter: "2000-01-01T00:00:00Z", metadata: {}}, options: {fusion: convex, explain: true, skip: 0}) {
        nodes { rank score bm25Rank title content snippet explanation document { title } source { name } }
      }
    }`)
    expect(search?.nodes[0]).toMatchObject({
      rank: 1,
      content: 'boundary layer flow',
      snippet: 'boundary layer <mark>flow</mark>',
      explanation: { fusion: 'convex', terms: [{ term: 'flow', df: 2, tf: 1 }] },
      document: { title: '0001' },
    })
    expect(search?.nodes.map(({ content }) => content)).not.toContain('heat flow in a plate')
  })

  it('tells the mode that was chosen for a search that names none', async () => {
    const { search } = await ask('{ search(query: "flow") { nodes { mode vectorRank } } }')
    expect(search?.nodes).toEqual(Array(2).fill({ mode: 'bm25', vectorRank: null }))
  })

  it('goes on where a page ended', async () => {
    const { search } = await ask(
      `{ search(query: "plate", mode: bm25, limit: 1, options: {skip: 1}) { nodes { rank content } } }`,
    )
    expect(search?.nodes).toEqual([{ rank: 2, content: 'heat flow in a plate' }])
  })

  it('groups by document, gives context and weighs by age', async () => {
    const { search } = await ask(`{
      search(query: "flow plate", mode: bm25, options: {groupByDocument: true, context: 1, freshnessHalfLife: {days: 30}, explain: true}) {
        totalCount
        nodes { content context furtherHitCount explanation }
      }
    }`)
    expect(search).toMatchObject({
      totalCount: 3,
      nodes: [
        { content: 'heat flow in a plate', context: 'heat flow in a plate', furtherHitCount: 0 },
        { content: expect.any(String), explanation: { decay: expect.any(Number) } },
        { furtherHitCount: 0 },
      ],
    })
  })

  it.each(['', ', mode: bm25', ', mode: vector', ', mode: hybrid'])('counts facets%s', async (mode) => {
    const { searchFacets } = await ask(`{
      searchFacets(query: "heat", field: tag${mode}) { totalCount nodes { value documentCount hitCount } }
    }`)
    const count = mode.includes('vector') || mode.includes('hybrid') ? 3 : 1
    expect(searchFacets).toEqual({
      totalCount: 1,
      nodes: [{ value: 'physics', documentCount: count, hitCount: count }],
    })
  })

  it('says in a code what is wrong with an argument', async () => {
    const { errors } = await server.ask(
      'viewer@acme.test',
      '{ search(query: "x", options: {skip: -1}) { nodes { rank } } }',
    )
    expect(errors?.[0]?.extensions.code).toBe('SR413')
  })

  it('is written down, also as a query that changes nothing', async () => {
    await ask('{ search(query: "written down", mode: bm25) { nodes { rank } } }')
    const { rows } = await db.pool.query('select search.store_query_logs() as count')
    expect(rows[0]?.count).toBeGreaterThan(0)
    const { queryLogs, knowledgeSources } = await ask(
      `{ queryLogs(last: 1) { nodes { mode hitCount latencyMs queryText } }
         knowledgeSources { nodes { queryCount avgRelevanceScore lastQueriedAt } } }`,
      'admin@acme.test',
    )
    expect(queryLogs?.nodes).toMatchObject([{ mode: 'bm25', hitCount: 0, queryText: null }])
    expect(Number(knowledgeSources?.nodes[0]?.queryCount)).toBeGreaterThan(0)
  })

  it('counts its hits without searching again', async () => {
    const calls = async (fields: string, more = ''): Promise<[number, unknown]> => {
      await db.pool.query('delete from search.query_log_buffer')
      const { search } = await ask(`{ search(query: "plate", mode: bm25${more}) { ${fields} } }`)
      const { rows } = await db.pool.query('select count(*)::int as count from search.query_log_buffer')
      return [rows[0].count, (search as unknown as { totalCount: number }).totalCount]
    }
    const both = 'nodes { rank } totalCount pageInfo { hasNextPage }'
    expect(await calls(both)).toEqual([1, 2])
    expect(await calls(both, ', first: 1')).toEqual([1, 2])
    expect(await calls(both, ', first: 1, offset: 1')).toEqual([1, 2])
    expect(await calls('totalCount')).toEqual([1, 2])
    expect(await calls(both, ', filter: {tags: ["nothing"]}')).toEqual([1, 0])
    // what only a second search can tell
    expect((await calls(both, ', first: 1, offset: 5'))[1]).toBe(2)
    expect((await calls(both, ', first: 0'))[1]).toBe(2)
  })

  it('tells what the index knows of a chunk and of all', async () => {
    const { documents, embeddingStatistics } = await ask(
      `{ documents(first: 1, orderBy: EXTERNAL_ID_ASC) { nodes { chunkCount chunks { nodes { termFrequencies idfScores } } } }
         embeddingStatistics { nodes { totalDocuments avgDocumentLength termDocumentCounts } } }`,
    )
    expect(documents?.nodes).toMatchObject([
      { chunkCount: 1, chunks: { nodes: [{ termFrequencies: { boundari: 1, flow: 1, layer: 1, '0001': 1 } }] } },
    ])
    expect(embeddingStatistics?.nodes).toMatchObject([
      { totalDocuments: 3, termDocumentCounts: { flow: 2, plate: 2, heat: 1 } },
    ])
  })
})
