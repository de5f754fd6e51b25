// How long a piece of work keeps the event loop from everything else. On a machine that many share, the delay that a clock
// sees is also other processes' doing; the processor time between two turns of the loop is our own.

import { monitorEventLoopDelay } from 'node:perf_hooks'

const processorMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** The longest stretch without a turn of the event loop, in ms: by the clock, and of processor time. */
export async function blockedBy(work: () => Promise<unknown>): Promise<{ clockMs: number; processorMs: number }> {
  const delay = monitorEventLoopDelay({ resolution: 2 })
  let last = processorMs()
  let longest = 0
  const look = (): void => {
    const now = processorMs()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(look, 2)
  delay.enable()
  try {
    await work()
    // the turn after it is the one that tells
    await new Promise((resolve) => setTimeout(resolve, 20))
  } finally {
    look()
    clearInterval(timer)
    delay.disable()
  }
  return { clockMs: delay.max / 1e6, processorMs: longest }
}

/** How many times longer than its processor time something takes here and now; 1 on a machine of our own. */
export function slowness(): number {
  const started = performance.now()
  const before = processorMs()
  while (processorMs() - before < 20);
  return Math.max(1, (performance.now() - started) / 20)
}
