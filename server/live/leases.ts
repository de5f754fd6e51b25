// What this process watches, as the database knows it: changes are announced only of what is leased (core.watches). A
// transaction that was under way when a lease began may not have seen it, so what it watches counts as changed when the
// last of these has ended.

import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Listener } from './listener.ts'

export type Leases = {
  /** Of tables in tenants, each named "tenant table". */
  take: (names: string[]) => Promise<void>
  /** Renews those that are watched still, and gives back all others. */
  keep: (watched: () => string[]) => Promise<void>
  /** The connection is another one, and nothing of before counts. */
  forget: () => void
  close: () => void
}

type Unsettled = { writers: string[]; names: string[] }

const firstWaitMs = 20
const longestWaitMs = 1_000

export function createLeases(query: Listener['query'], onSettled: (names: string[]) => void): Leases {
  const watcher = randomUUID()
  const closing = new AbortController()
  const leased = new Set<string>()
  const unsettled: Unsettled[] = []
  let settling = false
  let last: Promise<unknown> = Promise.resolve()

  /** One after another: what one gives back, the next must not take for leased. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work, work)
    last = done.catch(() => {})
    return done
  }

  const call = (name: 'watch_changes' | 'keep_watches', names: string[]): Promise<unknown> => {
    const parts = names.map((each) => each.split(' '))
    return query(`select core.${name}($1, $2, $3)`, [
      watcher,
      parts.map(([tenant]) => tenant),
      parts.map(([, table]) => table),
    ])
  }

  async function take(names: string[]): Promise<void> {
    const missing = names.filter((name) => !leased.has(name))
    if (missing.length === 0) return
    await call('watch_changes', missing)
    for (const name of missing) leased.add(name)
    const tables = missing.map((name) => name.split(' ')[1])
    const [found] = await query<{ writers: string[] }>('select core.writers_of($1) as writers', [tables])
    if (!found || found.writers.length === 0) return
    unsettled.push({ writers: found.writers, names: missing })
    if (!settling) void settle()
  }

  /** Waits for the end of the transactions that had written when leases began. */
  async function settle(): Promise<void> {
    settling = true
    for (let ms = firstWaitMs; unsettled.length > 0 && !closing.signal.aborted; ms = Math.min(ms * 2, longestWaitMs)) {
      await wait(ms, undefined, { signal: closing.signal }).catch(() => {})
      const writers = unsettled.flatMap((each) => each.writers)
      const found = await query<{ running: string[] }>('select core.still_running($1) as running', [writers]).catch(
        () => [],
      )
      const running = new Set(found[0]?.running ?? writers)
      for (const each of unsettled.splice(0)) {
        if (each.writers.some((writer) => running.has(writer))) unsettled.push(each)
        else onSettled(each.names)
      }
    }
    settling = false
  }

  return {
    take: (names) => (names.every((name) => leased.has(name)) ? Promise.resolve() : inTurn(() => take(names))),
    keep: (watched) =>
      inTurn(async () => {
        // what began meanwhile is taken in its own turn
        const kept = watched().filter((name) => leased.has(name))
        leased.clear()
        for (const name of kept) leased.add(name)
        await call('keep_watches', kept)
      }),
    forget: () => {
      leased.clear()
      unsettled.splice(0)
    },
    close: () => closing.abort(),
  }
}
