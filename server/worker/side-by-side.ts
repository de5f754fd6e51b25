// Work that mostly waits for others, such as calls of slow servers: many pieces side by side in one slot of the worker.

import type { JobHelpers } from 'graphile-worker'

export type WithPgClient = JobHelpers['withPgClient']

export type SideBySide = {
  /**
   * Works until nothing is left; false when the signal ended its turn before. One call is at work at a time: another one takes
   * over what is under way when the turn of the first has ended, else it tells the first to look again, and returns.
   */
  work: (withPgClient: WithPgClient, signal: AbortSignal) => Promise<boolean>
}

type Options<Piece> = {
  mostAtOnce: number
  claim: (withPgClient: WithPgClient, room: number) => Promise<Piece[]>
  run: (withPgClient: WithPgClient, piece: Piece) => Promise<void>
}

export function createSideBySide<Piece>({ mostAtOnce, claim, run }: Options<Piece>): SideBySide {
  const underWay = new Set<Promise<void>>()
  let current: Promise<boolean> | undefined
  let isOver = false
  let asked = Promise.withResolvers<void>()
  let hasBeenAsked = false
  let failure: unknown

  function begin(withPgClient: WithPgClient, piece: Piece): void {
    const running: Promise<void> = run(withPgClient, piece)
      .catch((error) => {
        failure ??= error
      })
      .finally(() => underWay.delete(running))
    underWay.add(running)
  }

  async function takeTurn(withPgClient: WithPgClient, signal: AbortSignal): Promise<boolean> {
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    failure = undefined
    for (;;) {
      asked = Promise.withResolvers()
      hasBeenAsked = false
      isOver = signal.aborted || failure !== undefined
      const room = isOver ? 0 : mostAtOnce - underWay.size
      if (room > 0) for (const piece of await claim(withPgClient, room)) begin(withPgClient, piece)
      if (underWay.size > 0) await Promise.race([...underWay, asked.promise, ...(isOver ? [] : [ended])])
      else if (failure !== undefined) throw failure
      else if (isOver) return false
      else if (!hasBeenAsked) return true
      // whoever asks now goes on with what is under way
      if (isOver && hasBeenAsked) return false
    }
  }

  return {
    work: async (withPgClient, signal) => {
      hasBeenAsked = true
      asked.resolve()
      while (current) {
        if (!isOver) return true
        await current.catch(() => {})
      }
      isOver = false
      current = takeTurn(withPgClient, signal).finally(() => {
        current = undefined
      })
      return current
    },
  }
}
