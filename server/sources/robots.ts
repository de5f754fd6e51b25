// What the hosts allow (robots.txt, RFC 9309): each is asked once in a run. A host that has no such file allows everything;
// one whose file cannot be had allows nothing for now.

import { setTimeout as pause } from 'node:timers/promises'
import robotsParser, { type Robot } from 'robots-parser'
import { type Outgoing, OutgoingError, userAgent } from '../outgoing.ts'

/** Rules are matched one by one for each page, so a file without end would keep the process. */
const largestRobots = 131_072
const longestDelayMs = 10_000

// the package is a function; its types say a module with a default
const parseRobots = robotsParser as unknown as (address: string, text: string) => Robot

type Host = { rules: Robot | undefined; delayMs: number; lastAt: number }

/** Throws when a page must not be fetched, and waits where the host asks for a pause between two. */
export function createRobots(outgoing: Outgoing, signal?: AbortSignal): (url: URL) => Promise<void> {
  const hosts = new Map<string, Host>()

  async function ask(url: URL): Promise<Host> {
    const address = new URL('/robots.txt', url).href
    const { status, bytes } = await outgoing
      .get(address, { largestBytes: largestRobots, signal })
      .catch((error: unknown) => {
        if (error instanceof OutgoingError && error.fault !== 'address' && error.fault !== 'redirects')
          return { status: 500, bytes: undefined }
        throw error
      })
    if (status >= 400 && status < 500 && status !== 429) return { rules: undefined, delayMs: 0, lastAt: 0 }
    if (status !== 200 || !bytes)
      throw new OutgoingError('robots', 'The robots.txt of the host cannot be read, so that its pages are left alone.')
    const rules = parseRobots(address, Buffer.from(bytes).toString('utf8'))
    const delayMs = Math.min((rules.getCrawlDelay(userAgent) ?? 0) * 1000 || 0, longestDelayMs)
    return { rules, delayMs, lastAt: 0 }
  }

  return async (url) => {
    let host = hosts.get(url.origin)
    if (!host) {
      host = await ask(url)
      hosts.set(url.origin, host)
    }
    if (host.rules?.isAllowed(url.href, userAgent) === false)
      throw new OutgoingError('robots', 'The robots.txt of the host does not allow this page.')
    const wait = host.lastAt + host.delayMs - performance.now()
    if (host.lastAt > 0 && wait > 0) await pause(wait, undefined, signal ? { signal } : {})
    host.lastAt = performance.now()
  }
}
