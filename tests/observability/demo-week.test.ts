// The week of events that the demo begins with.

import { beforeAll, expect, it } from 'vitest'
import { asUser } from '../../server/database.ts'
import { seedDemoWeek } from '../../server/demo-week.ts'
import { operatorIdentity } from '../../server/seed.ts'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const now = new Date()
const count = async (table: string, condition = 'true'): Promise<number> =>
  (await db.pool.query(`select count(*)::int as n from ${table} where tenant_id = $1 and ${condition}`, [db.acme.id]))
    .rows[0].n
const tables = ['agent_metrics', 'tool_executions', 'analytics_events', 'usage_events'].map((t) => `app_public.${t}`)
const counts = () =>
  Promise.all([...tables, 'metering.llm_calls', 'app_public.query_logs'].map((table) => count(table)))

let seedAgain: () => Promise<void>
beforeAll(async () => {
  const actor = await operatorIdentity(db.pool, 'acme')
  const agentId = await asUser(db.pool, actor, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      `insert into app_public.agents (name, status) values ('desk', 'active') returning id`,
    )
    return rows[0]?.id as string
  })
  seedAgain = () => seedDemoWeek(db.pool, actor, agentId, now)
  await seedAgain()
})

it('has operations and runs of tools on each of seven days, and a usage, a call and an event beside each', async () => {
  const { rows } = await db.pool.query(
    `select kind, count(distinct day)::int as days from observability.operation_days where tenant_id = $1 group by kind order by kind`,
    [db.acme.id],
  )
  expect(rows).toEqual([
    { kind: 'agent', days: 7 },
    { kind: 'event', days: 7 },
    { kind: 'tool', days: 7 },
  ])
  expect(await counts()).toEqual([42, 42, 42, expect.any(Number), 42, 42])
})

it('has events of registered types only', async () => {
  expect(await count('app_public.analytics_events', 'not is_known')).toBe(0)
  expect(await count('app_public.analytics_event_types')).toBe(2)
})

it('has searches, some of them without a hit', async () => {
  expect(await count('app_public.query_logs')).toBe(42)
  expect(await count('app_public.query_logs', 'hit_count = 0')).toBe(4)
  expect(await count('search.query_log_buffer')).toBe(0)
})

it('is rolled up at once', async () => {
  expect(await count('observability.operation_queue')).toBe(0)
  expect(await count('metering.usage_days')).toBeGreaterThan(0)
})

it('is the same again on the same day, so that a repeat stores nothing', async () => {
  const before = await counts()
  await seedAgain()
  expect(await counts()).toEqual(before)
})
