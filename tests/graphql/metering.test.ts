// Metering as front ends use it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

describe('over GraphQL', () => {
  it('use is recorded once and shown in the reports', async () => {
    const mutation = `mutation ($key: String!) {
      recordUsage(input: { event: { idempotencyKey: $key, usageType: "api_call", quantity: "3", featureName: "export", outcome: success } }) {
        receipt { batchId ordinal isRepeated }
      }
      recordLlmUsage(input: { call: { idempotencyKey: "call", model: "hashing-384", inputTokens: "10", outputTokens: "5", totalTokens: "15" } }) {
        receipt { totalTokens totalCost isRepeated }
      }
    }`
    const first = await server.ask('member@acme.test', mutation, { key: 'k' })
    expect(first.errors).toBeUndefined()
    expect(first.data).toMatchObject({
      recordUsage: { receipt: { ordinal: 1, isRepeated: false } },
      recordLlmUsage: { receipt: { totalTokens: '15', totalCost: null, isRepeated: false } },
    })
    const second = await server.ask('member@acme.test', mutation, { key: 'k' })
    expect(second.data).toMatchObject({
      recordUsage: { receipt: { batchId: first.data.recordUsage.receipt.batchId, isRepeated: true } },
      recordLlmUsage: { receipt: { isRepeated: true } },
    })
    await db.pool.query('select metering.roll_up_usage($1)', [db.acme.id])
    const overview = `{
      usageMonths { nodes { totalApiCalls totalTokensUsed activeUsers } }
      usagePeriods(filter: { trackingPeriod: { equalTo: day } }) { nodes { requestCount tokenCount } }
      usageTokenMonths { nodes { totalTokens usageByModel } }
      usageFeatureDays { nodes { featureName usageCount } }
      usageCostDays { nodes { totalCost } }
      usageLlmCalls { nodes { model totalTokens userName } }
      usageLogs { totalCount }
    }`
    const { data, errors } = await server.ask('owner@acme.test', overview)
    expect(errors).toBeUndefined()
    expect(data.usageMonths.nodes).toEqual([{ totalApiCalls: '3', totalTokensUsed: '15', activeUsers: 1 }])
    expect(data.usagePeriods.nodes).toEqual([{ requestCount: '4', tokenCount: '15' }])
    expect(data.usageTokenMonths.nodes[0].totalTokens).toBe('15')
    expect(data.usageFeatureDays.nodes).toEqual([{ featureName: 'export', usageCount: '1' }])
    expect(data.usageLlmCalls.nodes).toEqual([{ model: 'hashing-384', totalTokens: '15', userName: 'member of acme' }])
    expect(data.usageLogs.totalCount).toBe(4)
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.query('select * from metering.verify_rollups()')).toEqual([])
    })
    const foreign = await server.ask('owner@globex.test', overview)
    expect(foreign.data.usageLogs.totalCount).toBe(0)
    expect(foreign.data.usageMonths.nodes).toEqual([])
  })

  it('a batch has a receipt for each event, and a refusal says which one and what to do', async () => {
    const mutation = `mutation ($events: [NewUsageEventInput]!) { recordUsages(input: { events: $events }) { receipts { idempotencyKey isRepeated } } }`
    const events = ['a', 'b'].map((idempotencyKey) => ({ idempotencyKey, usageType: 'search', quantity: '1' }))
    const { data } = await server.ask('member@acme.test', mutation, { events })
    expect(data.recordUsages.receipts).toEqual([
      { idempotencyKey: 'a', isRepeated: false },
      { idempotencyKey: 'b', isRepeated: false },
    ])
    const refused = await server.ask('member@acme.test', mutation, {
      events: [
        { ...events[0], idempotencyKey: 'c' },
        { ...events[1], quantity: '9' },
      ],
    })
    expect(refused.errors).toMatchObject([
      { message: expect.stringContaining('Event 2'), extensions: { code: 'MT501', hint: expect.any(String) } },
    ])
  })
})
