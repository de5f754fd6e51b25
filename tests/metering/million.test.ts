// A million events of one token each, through the door and to the reports: the sum is the price times the count, exactly.

import { expect, it } from 'vitest'
import { isRealServer, useDatabase } from '../helpers/index.ts'
import { createModel, rollUp, setPrice } from '../helpers/metering.ts'

const db = useDatabase()
// the embedded engine takes ten times as long to say the same
const events = (): number => (isRealServer() ? 1_000_000 : 50_000)

it('a million events of one token cost a million times the price of one', { timeout: 600_000 }, () =>
  db.inTransaction(async (t) => {
    const modelId = await createModel(t)
    await setPrice(db, t, modelId, { input: 0.15, output: 0.6 })
    await t.becomeRole('rowhouse_worker')
    for (let first = 0; first < events(); first += 10_000) {
      const [stored] = await t.query(
        `select count(*)::int as n from metering.record_tenant_usage($1, (
           select jsonb_agg(jsonb_build_object('idempotency_key', i, 'usage_type', 'input_tokens', 'quantity', 1, 'model_id', $2::uuid))
             from generate_series($3::int, $3::int + 9999) as i))`,
        [db.acme.id, modelId, first],
      )
      expect(stored).toEqual({ n: 10_000 })
    }
    expect(await rollUp(t, db.acme.id)).toBe(events())
    await t.become(db.acme.owner)
    const exactly = `${events()} * 0.15 / 1000000`
    expect(
      await t.query(
        `select (select sum(cost) from app_public.usage_events) = ${exactly} as events,
                (select total_cost from app_public.cost_tracking) = ${exactly} as costs,
                (select total_cost_usd from app_public.token_usage_summary) = ${exactly} as summary,
                (select sum(total_cost) from app_public.usage_tracking where tracking_period = 'hour') = ${exactly} as hours,
                (select total_tokens from app_public.token_usage_summary)::int as tokens`,
      ),
    ).toEqual([{ events: true, costs: true, summary: true, hours: true, tokens: events() }])
  }),
)
