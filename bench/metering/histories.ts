// A run over what is new, with more and more history behind it: a database for each amount of history, all open at once, so
// that the runs can take turns and what else the machine does falls on all of them.

import type pg from 'pg'
import { count, figure } from '../format.ts'
import { withProgress } from '../progress.ts'
import { withClient, withScratch } from '../scratch.ts'
import { inTurn } from '../timing.ts'
import { type Measured, medianOfRounds } from './part.ts'
import { type BenchTenant, createBenchTenant, createMonths } from './setup.ts'

const rowsAtOnce = 200_000

export type History = { size: number; client: pg.Client; tenant: BenchTenant }

type Filling = {
  /** What the history consists of, such as events. */
  rows: string
  /** Stores the rows of these numbers. */
  store: (history: History, first: number, last: number) => Promise<void>
  /** The function that counts what was stored, and returns how much it was: 0 when nothing is left. */
  rollUp: string
  /** Tables, as vacuum takes them. */
  vacuum: string[]
}

/** Opens one database inside of the other. */
export async function withHistories<T>(
  serverUrl: string,
  [size, ...others]: number[],
  filling: Filling,
  work: (histories: History[]) => Promise<T>,
  open: History[] = [],
): Promise<T> {
  if (size === undefined) return work(open)
  return withScratch(serverUrl, (url) =>
    withClient(url, async (client) => {
      await createMonths(client)
      const history = { size, client, tenant: await createBenchTenant(client, 'counted') }
      await fill(history, filling)
      return withHistories(serverUrl, others, filling, work, [...open, history])
    }),
  )
}

/** As it would have been recorded: batches in the queue, and then rolled up. */
async function fill(history: History, { rows, store, rollUp, vacuum }: Filling): Promise<void> {
  const { size, client } = history
  await withProgress(`  ${count(size)} ${rows} of history`, size, async (bar) => {
    for (let done = 0; done < size; done += rowsAtOnce) {
      const last = Math.min(done + rowsAtOnce, size) - 1
      await store(history, done, last)
      await rollUpAll(history, rollUp)
      bar.add(last + 1 - done)
    }
  })
  for (const tables of vacuum) await client.query(`vacuum analyze ${tables}`)
  await client.query('checkpoint')
}

/** Calls a roll-up until nothing waits. */
export async function rollUpAll({ client, tenant }: History, rollUp: string): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ n: number }>(`select ${rollUp}($1) as n`, [tenant.id])
    if (!rows[0]?.n) return
  }
}

/** The histories take turns at a run, which says how long it took; then the largest is compared with the smallest. */
export async function measureGrowth(
  histories: History[],
  rounds: number,
  nameOf: (largest: string, smallest: string) => string,
  run: (history: History) => Promise<number>,
): Promise<Measured> {
  const contenders = histories.map((history) => ({ history, times: [] as number[] }))
  await inTurn(
    rounds,
    contenders.map(({ history, times }) => async () => {
      times.push(await run(history))
    }),
  )
  const [smallest, largest] = [contenders[0], contenders.at(-1)]
  if (!smallest || !largest) throw new Error('no size was measured')
  const [theirs, ours] = [medianOfRounds(smallest.times), medianOfRounds(largest.times)]
  return {
    name: nameOf(count(largest.history.size), count(smallest.history.size)),
    ours: figure(ours),
    theirs: figure(theirs),
    ratio: ours / theirs,
    sign: '≤',
    bar: 1.5,
  }
}
