// record_tool_executions against COPY of the same rows into the same partitioned table, batch by batch in turn.

import type pg from 'pg'
import { count, figure } from '../format.ts'
import { copyIn } from '../metering/copy.ts'
import { medianOfRounds, type Part } from '../metering/part.ts'
import { type BenchTenant, createBenchTenant, createMonths } from '../metering/setup.ts'
import { between, mulberry32 } from '../random.ts'
import { withClient, withScratch } from '../scratch.ts'
import { inTurn, timed } from '../timing.ts'
import { makeRuns, type Run, recordRuns } from './runs.ts'

const copyStatement = `copy app_public.tool_executions (tenant_id, id, batch_id, executed_at, tool_name, user_id, status, duration_ms) from stdin`

function toRows(runs: Run[], tenant: BenchTenant, batchId: number): Buffer {
  const rows = runs.map((run) =>
    [
      tenant.id,
      crypto.randomUUID(),
      batchId,
      ...['executed_at', 'tool_name', 'user_id', 'status', 'duration_ms'].map((key) => run[key]),
    ].join('\t'),
  )
  return Buffer.from(`${rows.join('\n')}\n`)
}

export function measureIntake(serverUrl: string, rounds: number, batchSize: number): Promise<Part> {
  return withScratch(serverUrl, (url) => withClient(url, (client) => measure(client, rounds, batchSize)))
}

async function measure(client: pg.Client, rounds: number, batchSize: number): Promise<Part> {
  await createMonths(client)
  // side by side: both tenants' partitions grow alike
  const recorded = await createBenchTenant(client, 'recorded')
  const copied = await createBenchTenant(client, 'copied')
  const random = mulberry32(16)
  const lastWeeks = (dice: () => number): number => between(dice, 0, 28 * 86_400_000)
  const times: Record<'record' | 'copy', number[]> = { record: [], copy: [] }
  const turns = [
    async () => {
      const runs = makeRuns(random, recorded, batchSize, lastWeeks)
      times.record.push(await timed(() => recordRuns(client, recorded, runs)))
    },
    async (round: number) => {
      const rows = toRows(makeRuns(random, copied, batchSize, lastWeeks), copied, 1_000_000_000 + round)
      times.copy.push(await timed(() => copyIn(client, copyStatement, rows)))
    },
  ]
  await inTurn(rounds, turns)
  const perSecond = (all: number[]): number => (batchSize / medianOfRounds(all)) * 1000
  return {
    title: 'Taking events in',
    how: `record_tool_executions with ${count(batchSize)} runs, each with its idempotency key, which are checked, stored and queued for the counts; against COPY of the same rows into tool_executions with its indexes and checks, without keys. Rows per second, the median of ${rounds} rounds in turn.`,
    measured: [
      {
        name: 'record_tool_executions over COPY, rows per second',
        ours: figure(perSecond(times.record)),
        theirs: figure(perSecond(times.copy)),
        ratio: perSecond(times.record) / perSecond(times.copy),
        sign: '≥',
        bar: 0.4,
      },
    ],
  }
}
