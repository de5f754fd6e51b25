// A run of the roll-ups over 10,000 new events, with more and more history behind it.

import type pg from 'pg'
import { count, figure } from '../search/format.ts'
import { withProgress } from '../search/progress.ts'
import { between, mulberry32, pick } from '../search/random.ts'
import { withClient } from '../search/scratch.ts'
import { timed } from '../search/timing.ts'
import { median, type Part } from './part.ts'
import { type BenchTenant, becomeOwner, createBenchTenant, createMonths } from './setup.ts'

const newEvents = 10_000
const eventsPerBatch = 1_000
const fillAtOnce = 200_000

/** History as it would have been recorded: batches in the queue, spread over three months, and then rolled up. */
async function fill(client: pg.Client, tenant: BenchTenant, from: number, to: number): Promise<void> {
  await withProgress(`  ${count(to)} events of history`, to - from, async (bar) => {
    for (let done = from; done < to; done += fillAtOnce) {
      const size = Math.min(fillAtOnce, to - done)
      await client.query(
        `with events as (
           insert into app_public.usage_events (tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id, agent_id, model_id, duration_ms, outcome)
           select $1, 1000000000 + (i / ${eventsPerBatch}), i % ${eventsPerBatch} + 1,
                  now() - interval '90 days' + (i * 7919 % 7776000) * interval '1 second',
                  ($5::text[])[1 + i % 5], 1 + i % 100, ($3::uuid[])[1 + i % 20], ($4::uuid[])[1 + i % 10], $2, i % 1000, 'success'
             from generate_series($6::bigint, $7::bigint) as i
           returning batch_id, occurred_at
         )
         insert into app_private.usage_queue
         select $1, batch_id, count(*), min(occurred_at), max(occurred_at) from events group by batch_id`,
        [
          tenant.id,
          tenant.modelId,
          tenant.userIds,
          tenant.agentIds,
          ['api_call', 'llm_call', 'search', 'input_tokens', 'output_tokens'],
          done,
          done + size - 1,
        ],
      )
      await rollUp(client, tenant)
      bar.add(size)
    }
  })
  await client.query(
    'vacuum analyze app_public.usage_events, app_private.usage_minutes, app_private.usage_days, app_private.usage_queue',
  )
}

async function rollUp(client: pg.Client, tenant: BenchTenant): Promise<number> {
  for (let total = 0; ; ) {
    const { rows } = await client.query<{ n: number }>('select app_private.roll_up_usage($1) as n', [tenant.id])
    if (!rows[0]?.n) return total
    total += rows[0].n
  }
}

export async function measureRollUps(url: string, sizes: number[], rounds: number): Promise<Part> {
  return withClient(url, async (client) => {
    await createMonths(client)
    const tenant = await createBenchTenant(client, 'rolled')
    const random = mulberry32(2)
    const results: { size: number; ms: number }[] = []
    let filled = 0
    let serial = 0
    for (const size of sizes) {
      await fill(client, tenant, filled, size)
      filled = size
      const times: number[] = []
      for (let round = 0; round <= rounds; round++) {
        const now = Date.now()
        const events = Array.from({ length: newEvents }, () => ({
          idempotency_key: `new-${serial++}`,
          usage_type: pick(random, ['api_call', 'llm_call', 'search', 'input_tokens', 'output_tokens']),
          quantity: between(random, 1, 100),
          // nine of ten of the last minutes, one late by up to two months
          occurred_at: new Date(
            now - (random() < 0.9 ? between(random, 0, 300_000) : between(random, 0, 60 * 86_400_000)),
          ).toISOString(),
          user_id: pick(random, tenant.userIds),
          agent_id: pick(random, tenant.agentIds),
          model_id: tenant.modelId,
        }))
        await client.query('begin')
        await becomeOwner(client, tenant)
        await client.query('select count(*) from app_public.record_usages($1)', [JSON.stringify(events)])
        await client.query('commit')
        times.push(await timed(async () => void (await rollUp(client, tenant))))
      }
      results.push({ size, ms: median(times.slice(1)) })
    }
    const [first, last] = [results[0], results.at(-1)] as { size: number; ms: number }[]
    if (!first || !last) throw new Error('no size was measured')
    return {
      title: 'Rolling up',
      how: `One run over ${count(newEvents)} new events of one tenant, a tenth of them late by up to two months, with ${results.map(({ size }) => count(size)).join(' and ')} events of three months behind it: ${results.map(({ size, ms }) => `${figure(ms)} ms at ${count(size)}`).join(', ')}. The median of ${rounds} runs.`,
      measured: [
        {
          name: `a run at ${count(last.size)} events over one at ${count(first.size)}, ms`,
          ours: figure(last.ms),
          theirs: figure(first.ms),
          ratio: last.ms / first.ms,
          sign: '≤',
          bar: 1.5,
        },
      ],
    }
  })
}
