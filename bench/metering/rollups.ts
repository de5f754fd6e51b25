// A run of the roll-ups over new events, with more and more history behind it: a database for each amount of
// history, and the runs in turn, so that what else the machine does falls on all of them.

import type pg from 'pg'
import { count, figure } from '../format.ts'
import { withProgress } from '../progress.ts'
import { between, mulberry32, pick, type Random } from '../random.ts'
import { withClient, withScratch } from '../scratch.ts'
import { timed } from '../timing.ts'
import { type Measured, median, type Part } from './part.ts'
import { type BenchTenant, becomeOwner, createBenchTenant, createMonths } from './setup.ts'

const eventsPerBatch = 1_000
const fillAtOnce = 200_000
const types = ['api_call', 'llm_call', 'search', 'input_tokens', 'output_tokens']

/** How much of what is new is late, by up to two months. */
const lateShares = [0, 0.1]

type Contender = { size: number; client: pg.Client; tenant: BenchTenant; times: number[][] }

/** History as it would have been recorded: batches in the queue, spread over three months, and then rolled up. */
async function fill(client: pg.Client, tenant: BenchTenant, size: number): Promise<void> {
  await withProgress(`  ${count(size)} events of history`, size, async (bar) => {
    for (let done = 0; done < size; done += fillAtOnce) {
      const last = Math.min(done + fillAtOnce, size) - 1
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
        [tenant.id, tenant.modelId, tenant.userIds, tenant.agentIds, types, done, last],
      )
      await rollUp(client, tenant)
      bar.add(last + 1 - done)
    }
  })
  await client.query('vacuum analyze app_public.usage_events, metering.usage_minutes')
  await client.query('vacuum analyze metering.usage_days, metering.usage_queue')
  await client.query('checkpoint')
}

async function rollUp(client: pg.Client, tenant: BenchTenant): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ n: number }>('select metering.roll_up_usage($1) as n', [tenant.id])
    if (!rows[0]?.n) return
  }
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

async function run({ client, tenant, times }: Contender, events: object[], lateIndex: number): Promise<void> {
  await client.query('begin')
  await becomeOwner(client, tenant)
  await client.query(
    `select count(*) from app_public.record_usages(
       array(select e from jsonb_populate_recordset(null::app_public.new_usage_event, $1) as e))`,
    [JSON.stringify(events)],
  )
  await client.query('commit')
  const ms = await timed(() => rollUp(client, tenant))
  times[lateIndex]?.push(ms)
}

export async function measureRollUps(
  serverUrl: string,
  sizes: number[],
  rounds: number,
  newEvents: number,
): Promise<Part> {
  const contenders: Contender[] = []
  const measure = async (): Promise<Part> => {
    const random = mulberry32(2)
    for (const [lateIndex, lateShare] of lateShares.entries()) {
      // the first round warms up
      for (let round = 0; round <= rounds; round++) {
        for (const contender of round % 2 ? contenders : [...contenders].reverse())
          await run(contender, makeEvents(random, contender.tenant, newEvents, lateShare), lateIndex)
      }
    }
    const ms = ({ times }: Contender, lateIndex: number): number => median((times[lateIndex] ?? []).slice(1))
    const [first, last] = [contenders[0], contenders.at(-1)]
    if (!first || !last) throw new Error('no size was measured')
    return {
      title: 'Rolling up',
      how: `One run over ${count(newEvents)} new events of one tenant, with ${contenders.map(({ size }) => count(size)).join(' and ')} events of the last three months behind it, each history in a database of its own, the runs in turn, the median of ${rounds}. The new events are of the last five minutes; or a tenth of them are late by up to two months, and so fall on minutes and days that nobody has touched for long.`,
      measured: lateShares.map(
        (lateShare, lateIndex): Measured => ({
          name: `a run at ${count(last.size)} events over one at ${count(first.size)}${lateShare ? ', a tenth of the new ones late' : ''}, ms`,
          ours: figure(ms(last, lateIndex)),
          theirs: figure(ms(first, lateIndex)),
          ratio: ms(last, lateIndex) / ms(first, lateIndex),
          sign: '≤',
          bar: 1.5,
        }),
      ),
    }
  }
  /** Opens one database inside of the other. */
  const open = (left: number[]): Promise<Part> => {
    const [size, ...others] = left
    if (size === undefined) return measure()
    return withScratch(serverUrl, (url) =>
      withClient(url, async (client) => {
        await createMonths(client)
        const tenant = await createBenchTenant(client, 'rolled')
        await fill(client, tenant, size)
        contenders.push({ size, client, tenant, times: lateShares.map(() => []) })
        return open(others)
      }),
    )
  }
  return open(sizes)
}
