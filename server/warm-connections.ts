// A pool opens a connection when one is needed. This opens those that it keeps (the pool's min) before, at the start and
// when one was lost, so that no request waits for a connection and for what its first search has to plan.

import type { Pool } from 'pg'

const lookEveryMs = 30_000

export type WarmConnections = {
  /** Opens what is missing. */
  look: () => Promise<void>
  stop: () => void
}

export function keepWarmConnections(pool: Pool): WarmConnections {
  const look = async (): Promise<void> => {
    const missing = Math.max(0, (pool.options.min ?? 0) - pool.totalCount)
    const opened = await Promise.allSettled(Array.from({ length: missing }, () => pool.connect()))
    // all at once: one that is given back early would be lent again
    for (const outcome of opened) if (outcome.status === 'fulfilled') outcome.value.release()
  }
  void look()
  const timer = setInterval(() => void look(), lookEveryMs)
  timer.unref()
  return { look, stop: () => clearInterval(timer) }
}
