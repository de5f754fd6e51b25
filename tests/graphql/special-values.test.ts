// Infinite dates and numbers that are none can be read, and only numbers can be written.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  for (const column of ['period_start', 'period_end']) {
    await db.pool.query(`comment on column app_public.quota_tracking.${column} is '@infiniteIsNull'`)
  }
  server = await startTestServer(db.url)
})
afterAll(() => server?.close())

const ask = async (query: string, variables?: object) => {
  const { data, errors } = await server.ask('owner@acme.test', query, variables)
  expect(errors).toBeUndefined()
  return data
}

const createQuota = `mutation ($limit: BigFloat!) {
  createUsageQuota(input: {usageQuota: {quotaType: documents, period: none, quotaLimit: $limit, isHardLimit: true}}) {
    usageQuota { id quotaLimit } } }`

describe('values that JSON has no word for', () => {
  it('a period without an end is null where its column says so, and the list is whole', async () => {
    await ask(createQuota, { limit: '1000' })
    const { quotaTrackings } = await ask(
      '{ quotaTrackings { nodes { quotaType periodStart periodEnd currentUsage } totalCount } }',
    )
    expect(quotaTrackings.nodes).toHaveLength(quotaTrackings.totalCount)
    expect(quotaTrackings.nodes).toContainEqual(
      expect.objectContaining({ quotaType: 'documents', periodStart: null, periodEnd: null }),
    )
  })

  it('elsewhere an infinite time is a text, in the row and in its cursor', async () => {
    await insertLog('infinity', 1)
    await insertLog('-infinity', 2)
    const seen: string[] = []
    for (let after: string | null = null; ; ) {
      const { queryLogs } = await ask(
        `query ($after: Cursor) { queryLogs(orderBy: [CREATED_AT_DESC], first: 1, after: $after) {
           nodes { createdAt } pageInfo { hasNextPage endCursor } } }`,
        { after },
      )
      seen.push(...queryLogs.nodes.map(({ createdAt }: { createdAt: string }) => createdAt))
      if (!queryLogs.pageInfo.hasNextPage) break
      after = queryLogs.pageInfo.endCursor
    }
    expect(seen).toEqual(['infinity', '-infinity'])
    const { queryLogs } = await ask(
      '{ queryLogs(filter: { createdAt: { greaterThan: "2026-01-01T00:00:00Z" } }) { nodes { createdAt } } }',
    )
    expect(queryLogs.nodes).toEqual([{ createdAt: 'infinity' }])
  })

  it('a number that is none cannot be given', async () => {
    for (const limit of ['NaN', 'Infinity', '-Infinity', 'many', '']) {
      const { errors } = await server.ask('owner@acme.test', createQuota, { limit })
      expect([limit, errors?.[0]?.extensions.code]).toEqual([limit, 'WB402'])
    }
  })

  it('a Float that JSON cannot say is the largest one, or null', async () => {
    await db.pool.query('delete from app_public.query_logs')
    await insertLog('2026-01-02', 'Infinity', ['-Infinity', 'NaN', 0.5])
    const { queryLogs } = await ask('{ queryLogs { nodes { latencyMs sourceRelevances } } }')
    expect(queryLogs.nodes).toEqual([{ latencyMs: Number.MAX_VALUE, sourceRelevances: [-Number.MAX_VALUE, null, 0.5] }])
  })
})

async function insertLog(
  createdAt: string,
  latencyMs: number | string,
  relevances: (number | string)[] = [],
): Promise<void> {
  const ids = relevances.map(() => db.acme.id)
  await db.pool.query(
    `insert into app_public.query_logs (tenant_id, created_at, mode, latency_ms, hit_count, source_ids,
                                        source_hit_counts, source_relevances)
     values ($1, $2, 'bm25', $3, 0, $4, $5, $6)`,
    [db.acme.id, createdAt, latencyMs, ids, relevances.map(() => 0), relevances],
  )
}
