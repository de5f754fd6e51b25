// Times in milliseconds, and what they come to.

import type pg from 'pg'

export const timeLimitMs = 60_000

/** Milliseconds; null is longer than the limit. */
export type Percentiles = { p50: number | null; p95: number | null }

/** The same session for everyone: memory enough to hash and sort in it, no compiling of queries. */
export async function readySession(client: pg.Client): Promise<void> {
  await client.query(`set statement_timeout = ${timeLimitMs}`)
  await client.query(`set work_mem = '64MB'`)
  await client.query('set jit = off')
}

export const percentilesOf = (times: number[]): Percentiles => ({
  p50: percentile(times, 0.5),
  p95: percentile(times, 0.95),
})

/** Everyone once a round, another one first each time. There is a round more than is asked for, which warms up. */
export async function inTurn(rounds: number, turns: ((round: number) => Promise<void>)[]): Promise<void> {
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < turns.length; turn++) await turns[(round + turn) % turns.length]?.(round)
  }
}

/** Milliseconds. */
export async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** By nearest rank, so that it is a time that was measured. */
export function percentile(times: number[], share: number): number | null {
  const sorted = [...times].sort((a, b) => a - b)
  const time = sorted[Math.ceil(share * sorted.length) - 1]
  return time === undefined || time === Number.POSITIVE_INFINITY ? null : time
}
