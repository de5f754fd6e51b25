// record_usages against COPY of the same rows into the same partitioned table, batch by batch in turn.

import type pg from 'pg'
import { count, figure } from '../format.ts'
import { between, mulberry32, pick, type Random } from '../random.ts'
import { withClient, withScratch } from '../scratch.ts'
import { inTurn, timed } from '../timing.ts'
import { copyIn } from './copy.ts'
import { type Measured, medianOfRounds, type Part } from './part.ts'
import { type BenchTenant, becomeOwner, createBenchTenant, createMonths } from './setup.ts'

const types = ['api_call', 'search', 'tool_call', 'input_tokens', 'output_tokens']

type Event = Record<string, string | number>

/** What an agent's platform sends: calls and tokens of the last month, by some people and agents. */
function makeEvents(random: Random, tenant: BenchTenant, batch: number, size: number): Event[] {
  const now = Date.now()
  return Array.from({ length: size }, (_, i) => {
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

export function measureBulk(serverUrl: string, rounds: number, batchSize: number): Promise<Part> {
  return withScratch(serverUrl, (url) => withClient(url, (client) => measure(client, rounds, batchSize)))
}

async function measure(client: pg.Client, rounds: number, batchSize: number): Promise<Part> {
  await createMonths(client)
  // side by side: both tables of partitions grow alike
  const recorded = await createBenchTenant(client, 'recorded')
  const copied = await createBenchTenant(client, 'copied')
  const random = mulberry32(1)
  const times: Record<'count' | 'receipts' | 'copy', number[]> = { count: [], receipts: [], copy: [] }
  const record = async (round: number, what: 'count' | 'receipts'): Promise<void> => {
    const events = JSON.stringify(makeEvents(random, recorded, round, batchSize))
    times[what].push(
      await timed(async () => {
        await client.query('begin')
        await becomeOwner(client, recorded)
        await client.query(
          `select ${what === 'count' ? 'count(*)' : '*'} from app_public.record_usages(
          array(select e from jsonb_populate_recordset(null::app_public.new_usage_event, $1) as e))`,
          [events],
        )
        await client.query('commit')
      }),
    )
  }
  const copy = async (round: number): Promise<void> => {
    const rows = toRows(makeEvents(random, copied, round, batchSize), copied, 1_000_000_000 + round)
    times.copy.push(await timed(() => copyIn(client, copyStatement, rows)))
  }
  const turns = [(n: number) => record(n, 'count'), copy, (n: number) => record(n, 'receipts')]
  await inTurn(rounds, turns)
  const perSecond = (all: number[]): number => (batchSize / medianOfRounds(all)) * 1000
  const theirs = perSecond(times.copy)
  const against = (name: string, all: number[]): Measured => ({
    name,
    ours: figure(perSecond(all)),
    theirs: figure(theirs),
    ratio: perSecond(all) / theirs,
    sign: '≥',
    bar: 0.3,
  })
  return {
    title: 'Recording in bulk',
    how: `record_usages with ${count(batchSize)} events, each with its idempotency key, two fifths of them tokens that get a cost; against COPY of the same rows into usage_events with its indexes and checks, without keys, costs, roll-up queue or access checks. Events per second, the median of ${rounds} rounds in turn. COPY answers with a number, and so does the first of the two; the second sends as many receipts back, which this client turns into objects.`,
    measured: [
      against('record_usages over COPY, events per second', times.count),
      against('the same, all receipts read', times.receipts),
    ],
  }
}
