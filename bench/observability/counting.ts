// A run of the counts over new runs of tools, with more and more history behind it: a database for each amount of history, and
// the runs in turn, so that what else the machine does falls on all of them.

import type pg from 'pg'
import { count, figure } from '../format.ts'
import { median, type Part } from '../metering/part.ts'
import { type BenchTenant, createBenchTenant, createMonths } from '../metering/setup.ts'
import { withProgress } from '../progress.ts'
import { between, mulberry32 } from '../random.ts'
import { withClient, withScratch } from '../scratch.ts'
import { timed } from '../timing.ts'
import { makeRuns, recordRuns } from './runs.ts'

const runsPerBatch = 1_000
const fillAtOnce = 200_000

type Contender = { size: number; client: pg.Client; tenant: BenchTenant; times: number[] }

/** History as it would have been recorded: batches in the queue, spread over three months, and then counted. */
async function fill(client: pg.Client, tenant: BenchTenant, size: number): Promise<void> {
  await withProgress(`  ${count(size)} runs of history`, size, async (bar) => {
    for (let done = 0; done < size; done += fillAtOnce) {
      const last = Math.min(done + fillAtOnce, size) - 1
      await client.query(
        `with runs as (
           insert into app_public.tool_executions (tenant_id, id, batch_id, executed_at, tool_name, user_id, status, duration_ms)
           select $1, gen_random_uuid(), 1000000000 + (i / ${runsPerBatch}),
                  now() - interval '90 days' + (i * 7919 % 7776000) * interval '1 second',
                  (array['calculator', 'browser', 'search', 'interpreter', 'calendar'])[1 + i % 5], ($2::uuid[])[1 + i % 20],
                  case when i % 5 = 0 then 'error' else 'success' end, 1 + (i * 31) % 60000
             from generate_series($3::bigint, $4::bigint) as i
           returning batch_id, executed_at
         )
         insert into observability.operation_queue
         select $1, batch_id, 'tool', count(*), min(executed_at), max(executed_at) from runs group by batch_id`,
        [tenant.id, tenant.userIds, done, last],
      )
      await rollUp(client, tenant)
      bar.add(last + 1 - done)
    }
  })
  await client.query('vacuum analyze app_public.tool_executions, observability.operation_days')
  await client.query('vacuum analyze observability.operation_queue, observability.event_keys')
  await client.query('checkpoint')
}

async function rollUp(client: pg.Client, tenant: BenchTenant): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ n: number }>('select observability.roll_up_operations($1) as n', [tenant.id])
    if (!rows[0]?.n) return
  }
}

export async function measureCounting(
  serverUrl: string,
  sizes: number[],
  rounds: number,
  newRuns: number,
): Promise<Part> {
  const contenders: Contender[] = []
  const measure = async (): Promise<Part> => {
    const random = mulberry32(17)
    // the first round warms up
    for (let round = 0; round <= rounds; round++) {
      for (const { client, tenant, times } of round % 2 ? contenders : [...contenders].reverse()) {
        const late = (dice: () => number): number =>
          dice() < 0.1 ? between(dice, 0, 28 * 86_400_000) : between(dice, 0, 300_000)
        await recordRuns(client, tenant, makeRuns(random, tenant, newRuns, late))
        times.push(await timed(() => rollUp(client, tenant)))
      }
    }
    const [first, last] = [contenders[0], contenders.at(-1)]
    if (!first || !last) throw new Error('no size was measured')
    const ms = ({ times }: Contender): number => median(times.slice(1))
    return {
      title: 'Counting operations',
      how: `One run over ${count(newRuns)} new runs of tools, a tenth of them late by up to four weeks, with ${contenders.map(({ size }) => count(size)).join(' and ')} runs of the last three months behind it, each history in a database of its own, in turn, the median of ${rounds}.`,
      measured: [
        {
          name: `a run at ${count(last.size)} over one at ${count(first.size)}, ms`,
          ours: figure(ms(last)),
          theirs: figure(ms(first)),
          ratio: ms(last) / ms(first),
          sign: '≤',
          bar: 1.5,
        },
      ],
    }
  }
  /** Opens one database inside of the other. */
  const open = (left: number[]): Promise<Part> => {
    const [size, ...others] = left
    if (size === undefined) return measure()
    return withScratch(serverUrl, (url) =>
      withClient(url, async (client) => {
        await createMonths(client)
        const tenant = await createBenchTenant(client, 'counted')
        await fill(client, tenant, size)
        contenders.push({ size, client, tenant, times: [] })
        return open(others)
      }),
    )
  }
  return open(sizes)
}
