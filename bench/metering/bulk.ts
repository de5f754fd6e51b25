// record_usages against COPY of the same rows into the same partitioned table, batches of 10,000, in turn.

import { figure } from '../search/format.ts'
import { between, mulberry32, pick, type Random } from '../search/random.ts'
import { withClient } from '../search/scratch.ts'
import { timed } from '../search/timing.ts'
import { copyIn } from './copy.ts'
import { median, type Part } from './part.ts'
import { type BenchTenant, becomeOwner, createBenchTenant, createMonths } from './setup.ts'

const batchSize = 10_000
const types = ['api_call', 'search', 'tool_call', 'input_tokens', 'output_tokens']

type Event = Record<string, string | number>

/** What an agent's platform sends: calls and tokens of the last month, by some people and agents. */
function makeEvents(random: Random, tenant: BenchTenant, batch: number): Event[] {
  const now = Date.now()
  return Array.from({ length: batchSize }, (_, i) => {
    const usageType = pick(random, types)
    return {
      idempotency_key: `bench-${batch}-${i}-${Math.floor(random() * 1e9)}`,
      usage_type: usageType,
      quantity: usageType.endsWith('tokens') ? between(random, 1, 4000) : 1,
      occurred_at: new Date(now - between(random, 0, 30 * 86_400_000)).toISOString(),
      user_id: pick(random, tenant.userIds),
      agent_id: pick(random, tenant.agentIds),
      ...(usageType.endsWith('tokens') ? { model_id: tenant.modelId } : {}),
      duration_ms: between(random, 1, 5000),
    }
  })
}

const copyStatement = `copy app_public.usage_events (tenant_id, batch_id, ordinal, idempotency_key, usage_type, quantity,
  occurred_at, user_id, agent_id, model_id, duration_ms) from stdin`

function toRows(events: Event[], tenant: BenchTenant, batchId: number): Buffer {
  const rows = events.map((event, i) =>
    [
      tenant.id,
      batchId,
      i + 1,
      ...['idempotency_key', 'usage_type', 'quantity', 'occurred_at', 'user_id', 'agent_id'].map((key) => event[key]),
      event.model_id ?? '\\N',
      event.duration_ms,
    ].join('\t'),
  )
  return Buffer.from(`${rows.join('\n')}\n`)
}

export async function measureBulk(url: string, rounds: number): Promise<Part> {
  return withClient(url, async (client) => {
    await createMonths(client)
    // side by side: both tables of partitions grow alike
    const recorded = await createBenchTenant(client, 'recorded')
    const copied = await createBenchTenant(client, 'copied')
    const random = mulberry32(1)
    const times: { record: number[]; copy: number[] } = { record: [], copy: [] }
    const record = async (round: number): Promise<void> => {
      const events = JSON.stringify(makeEvents(random, recorded, round))
      times.record.push(
        await timed(async () => {
          await client.query('begin')
          await becomeOwner(client, recorded)
          await client.query('select * from app_public.record_usages($1)', [events])
          await client.query('commit')
        }),
      )
    }
    const copy = async (round: number): Promise<void> => {
      const rows = toRows(makeEvents(random, copied, round), copied, 1_000_000_000 + round)
      times.copy.push(await timed(() => copyIn(client, copyStatement, rows)))
    }
    for (let round = 0; round <= rounds; round++) {
      for (const turn of round % 2 === 0 ? [record, copy] : [copy, record]) await turn(round)
    }
    // the first round warms up
    const perSecond = (all: number[]): number => (batchSize / median(all.slice(1))) * 1000
    const [ours, theirs] = [perSecond(times.record), perSecond(times.copy)]
    return {
      title: 'Recording in bulk',
      how: `record_usages with 10,000 events, each with its idempotency key, two fifths of them tokens that get a cost, its 10,000 receipts read; against COPY of the same rows into usage_events with its indexes and checks, without keys, costs, roll-up queue or access checks. Events per second, the median of ${rounds} rounds in turn.`,
      measured: [
        {
          name: 'record_usages over COPY, events per second',
          ours: figure(ours),
          theirs: figure(theirs),
          ratio: ours / theirs,
          sign: '≥',
          bar: 0.3,
        },
      ],
    }
  })
}
