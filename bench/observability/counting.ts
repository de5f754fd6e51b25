// A run of the counts over new runs of tools, with more and more history behind it.

import { count } from '../format.ts'
import { type History, measureGrowth, rollUpAll, withHistories } from '../metering/histories.ts'
import type { Part } from '../metering/part.ts'
import { between, mulberry32 } from '../random.ts'
import { timed } from '../timing.ts'
import { makeRuns, recordRuns } from './runs.ts'

const runsPerBatch = 1_000
const rollUp = 'observability.roll_up_operations'

/** Spread over three months. */
async function store({ client, tenant }: History, first: number, last: number): Promise<void> {
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
    [tenant.id, tenant.userIds, first, last],
  )
}

const filling = {
  rows: 'runs',
  store,
  rollUp,
  vacuum: [
    'app_public.tool_executions, observability.operation_days',
    'observability.operation_queue, observability.event_keys',
  ],
}

/** A tenth of the new runs is late by up to four weeks. */
const ageOf = (dice: () => number): number =>
  dice() < 0.1 ? between(dice, 0, 28 * 86_400_000) : between(dice, 0, 300_000)

export const measureCounting = (serverUrl: string, sizes: number[], rounds: number, newRuns: number): Promise<Part> =>
  withHistories(serverUrl, sizes, filling, async (histories) => {
    const random = mulberry32(17)
    const nameOf = (largest: string, smallest: string): string => `a run at ${largest} over one at ${smallest}, ms`
    const growth = await measureGrowth(histories, rounds, nameOf, async (history) => {
      await recordRuns(history.client, history.tenant, makeRuns(random, history.tenant, newRuns, ageOf))
      return timed(() => rollUpAll(history, rollUp))
    })
    return {
      title: 'Counting operations',
      how: `One run over ${count(newRuns)} new runs of tools, a tenth of them late by up to four weeks, with ${sizes.map(count).join(' and ')} runs of the last three months behind it, each history in a database of its own, in turn, the median of ${rounds}.`,
      measured: [growth],
    }
  })
