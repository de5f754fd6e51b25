// What every request would say while something is away is said once, then every ten seconds with the number of requests
// it was true for, and, when it has not happened for a while, that it is over.

import type { Logger } from './logging.ts'

const intervalMs = 10_000
const overAfterMs = 5_000

export type OutageLog = {
  /** A request could not be served for the reason of this code. */
  failed: (code: string, error?: unknown) => void
  /** A request was served. */
  served: () => void
}

export function createOutageLog(logger: Logger): OutageLog {
  const outages = new Map<string, { since: number; failedAt: number; loggedAt: number; requests: number }>()
  return {
    failed: (code, error) => {
      const now = Date.now()
      const outage = outages.get(code) ?? { since: now, failedAt: now, loggedAt: 0, requests: 0 }
      outages.set(code, outage)
      outage.requests += 1
      outage.failedAt = now
      if (now - outage.loggedAt < intervalMs) return
      outage.loggedAt = now
      const { cause } = (error ?? {}) as { cause?: unknown }
      logger.error(
        { code, error: String(cause ?? error ?? ''), requests: outage.requests },
        'requests cannot be served',
      )
    },
    served: () => {
      for (const [code, { since, failedAt, requests }] of outages) {
        if (Date.now() - failedAt < overAfterMs) continue
        outages.delete(code)
        logger.info({ code, requests, seconds: Math.round((failedAt - since) / 1000) }, 'requests can be served again')
      }
    },
  }
}
