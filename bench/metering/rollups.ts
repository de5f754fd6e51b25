// A run of the roll-ups over new events, with more and more history behind it.

import { count } from '../format.ts'
import { between, mulberry32, pick, type Random } from '../random.ts'
import { timed } from '../timing.ts'
import { type History, measureGrowth, rollUpAll, withHistories } from './histories.ts'
import type { Measured, Part } from './part.ts'
import { type BenchTenant, becomeOwner } from './setup.ts'

const eventsPerBatch = 1_000
const rollUp = 'metering.roll_up_usage'
const types = ['api_call', 'llm_call', 'search', 'input_tokens', 'output_tokens']

/** How much of what is new is late, by up to two months. */
const lateShares = [0, 0.1]

/** Spread over three months. */
async function store({ client, tenant }: History, first: number, last: number): Promise<void> {
  await client.query(
    `with events as (
       insert into app_public.usage_events (tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id, agent_id, model_id, duration_ms, outcome)
       select $1, 1000000000 + (i / ${eventsPerBatch}), i % ${eventsPerBatch} + 1,
              now() - interval '90 days' + (i * 7919 % 7776000) * interval '1 second',
              ($5::text[])[1 + i % 5], 1 + i % 100, ($3::uuid[])[1 + i % 20], ($4::uuid[])[1 + i % 10], $2, i % 1000, 'success'
         from generate_series($6::bigint, $7::bigint) as i
       returning batch_id, occurred_at
     )
     insert into metering.usage_queue
     select $1, batch_id, count(*), min(occurred_at), max(occurred_at) from events group by batch_id`,
    [tenant.id, tenant.modelId, tenant.userIds, tenant.agentIds, types, first, last],
  )
}

const filling = {
  rows: 'events',
  store,
  rollUp,
  vacuum: ['app_public.usage_events, metering.usage_minutes', 'metering.usage_days, metering.usage_queue'],
}

function makeEvents(
  random: Random,
  { userIds, agentIds, modelId }: BenchTenant,
  newEvents: number,
  lateShare: number,
): object[] {
  const now = Date.now()
  return Array.from({ length: newEvents }, () => ({
    idempotency_key: `new-${random()}-${random()}`,
    usage_type: pick(random, types),
    quantity: between(random, 1, 100),
    occurred_at: new Date(
      now - (random() < lateShare ? between(random, 0, 60 * 86_400_000) : between(random, 0, 300_000)),
    ).toISOString(),
    user_id: pick(random, userIds),
    agent_id: pick(random, agentIds),
    model_id: modelId,
  }))
}

/** The duration of a run over these events. */
async function run(history: History, events: object[]): Promise<number> {
  const { client, tenant } = history
  await client.query('begin')
  await becomeOwner(client, tenant)
  await client.query(
    `select count(*) from app_public.record_usages(
       array(select e from jsonb_populate_recordset(null::app_public.new_usage_event, $1) as e))`,
    [JSON.stringify(events)],
  )
  await client.query('commit')
  return timed(() => rollUpAll(history, rollUp))
}

export const measureRollUps = (serverUrl: string, sizes: number[], rounds: number, newEvents: number): Promise<Part> =>
  withHistories(serverUrl, sizes, filling, async (histories) => {
    const random = mulberry32(2)
    const measured: Measured[] = []
    for (const lateShare of lateShares) {
      const nameOf = (largest: string, smallest: string): string =>
        `a run at ${largest} events over one at ${smallest}${lateShare ? ', a tenth of the new ones late' : ''}, ms`
      measured.push(
        await measureGrowth(histories, rounds, nameOf, (history) =>
          run(history, makeEvents(random, history.tenant, newEvents, lateShare)),
        ),
      )
    }
    return {
      title: 'Rolling up',
      how: `One run over ${count(newEvents)} new events of one tenant, with ${sizes.map(count).join(' and ')} events of the last three months behind it, each history in a database of its own, the runs in turn, the median of ${rounds}. The new events are of the last five minutes; or a tenth of them are late by up to two months, and so fall on minutes and days that nobody has touched for long.`,
      measured,
    }
  })
