// Who may use how many connections at once. No tenant gets more than its share, so another's request always finds one;
// who must wait waits in its tenant's own line, the tenants take turns, and a line that is too long or too slow is
// answered with "try again" instead of growing.

import { PublicError } from './errors.ts'

export type Shares = {
  /** Resolves when it is this key's turn; call the result when the connection is given back. */
  enter: (key: string, signal: AbortSignal) => Promise<() => void>
}

type Limits = { total: number; perKey: number; mostWaitingPerKey: number; longestWaitMs: number }
type Line = { running: number; waiting: (() => void)[] }

export function createShares({ total, perKey, mostWaitingPerKey, longestWaitMs }: Limits): Shares {
  /** In the order of their turns. */
  const lines = new Map<string, Line>()
  let running = 0

  function leave(key: string, line: Line): void {
    running -= 1
    line.running -= 1
    if (line.running === 0 && line.waiting.length === 0) lines.delete(key)
    for (const [nextKey, next] of lines) {
      if (running >= total) return
      const start = next.running < perKey ? next.waiting.shift() : undefined
      if (!start) continue
      // to the end, so that the others come before it is its turn again
      lines.delete(nextKey)
      lines.set(nextKey, next)
      start()
      return
    }
  }

  return {
    enter: (key, signal) => {
      signal.throwIfAborted()
      const line = lines.get(key) ?? { running: 0, waiting: [] }
      lines.set(key, line)
      const begin = (): (() => void) => {
        running += 1
        line.running += 1
        let hasLeft = false
        return () => {
          if (hasLeft) return
          hasLeft = true
          leave(key, line)
        }
      }
      if (running < total && line.running < perKey && line.waiting.length === 0) return Promise.resolve(begin())
      if (line.waiting.length >= mostWaitingPerKey) return Promise.reject(busy())
      return new Promise((resolve, reject) => {
        const start = (): void => {
          clear()
          resolve(begin())
        }
        const giveUp = (reason: unknown): void => {
          clear()
          line.waiting.splice(line.waiting.indexOf(start), 1)
          if (line.running === 0 && line.waiting.length === 0) lines.delete(key)
          reject(reason)
        }
        const onAbort = (): void => giveUp(signal.reason)
        const timer = setTimeout(() => giveUp(busy()), longestWaitMs)
        const clear = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
        }
        signal.addEventListener('abort', onAbort)
        line.waiting.push(start)
      })
    },
  }
}

const busy = (): PublicError =>
  new PublicError(
    503,
    'WB608',
    'Too many requests are running at once, so this one was not run.',
    'Try again in a few seconds.',
  )
