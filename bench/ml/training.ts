// Ridge regression in the database, beside the bare SQL of the same sums over the same rows.

import type pg from 'pg'
import { type Measured, median, type Part } from '../metering/part.ts'
import { withClient, withScratch } from '../scratch.ts'
import { inTurn, timed } from '../timing.ts'
import { createSet, openSession } from './rows.ts'

export const measureTraining = (serverUrl: string, rounds: number, rows: number, features: number): Promise<Part> =>
  withScratch(serverUrl, (url) => withClient(url, (client) => measure(url, client, rounds, rows, features)))

/** As an analyst would write it: every product of two columns, summed, in one pass. */
function bareSums(features: number): string {
  const columns = Array.from({ length: features + 1 }, (_, i) => i)
  const products = columns.flatMap((i) => columns.filter((j) => j >= i).map((j) => `sum(x${i} * x${j})`))
  return `select count(*), ${[...columns.map((i) => `sum(x${i})`), ...products].join(', ')}
    from (select ${columns.map((i) => `numbers[${i + 1}] as x${i}`).join(', ')} from app_public.ml_features
           where tenant_id = $1 and feature_set = 'law' and is_latest offset 0) r`
}

async function measure(url: string, client: pg.Client, rounds: number, rows: number, features: number): Promise<Part> {
  const set = await createSet(client, features, rows)
  const ours = await openSession(url, set, 'rowhouse_owner')
  const times = { fit: [] as number[], whole: [] as number[], bare: [] as number[] }
  try {
    await client.query('set max_parallel_workers_per_gather = 0')
    await client.query('set jit = off')
    await inTurn(rounds, [
      ...(['fit', 'whole'] as const).map((name) => async (round: number) => {
        const call = { fit: 'ml.fit_ridge(', whole: `ml.fit_model('ridge', ` }[name]
        const ms = await timed(async () => {
          await ours.query(`select ${call}s, '{"target": "y"}', 0) from app_public.ml_feature_sets s`)
        })
        if (round > 0) times[name].push(ms)
      }),
      async (round) => {
        const ms = await timed(async () => {
          await client.query(bareSums(features), [set.tenantId])
        })
        if (round > 0) times.bare.push(ms)
      },
    ])
  } finally {
    await ours.end()
  }
  return {
    title: 'Training',
    how: `Ridge regression on ${rows} rows of ${features} features, as the worker calls it: the means of the first rows, the sums over the four fifths that are not held out with their hash, and the solution. Beside it the sums of all products over all rows as a superuser writes them, without policies. The whole training also measures its intervals and what drift is compared with on the fifth that is held out; ${rounds} rounds in turn; a ratio is the median of the rounds' ratios. Nothing runs in parallel.`,
    measured: [
      compare(`ridge : bare sums, ${rows} × ${features}`, times.fit, times.bare, 1.2),
      compare(`the whole training : bare sums`, times.whole, times.bare, 3),
    ],
  }
}

const compare = (name: string, ours: number[], bare: number[], bar: number): Measured => ({
  name,
  ours: `${median(ours).toFixed(0)} ms`,
  theirs: `${median(bare).toFixed(0)} ms`,
  ratio: median(ours.map((ms, i) => ms / (bare[i] as number))),
  sign: '≤',
  bar,
})
