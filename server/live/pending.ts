// Changes that a subscriber was not told of yet. A row that changes again while it waits is still one, because it is read
// only when its turn comes. Of too many rows only this is kept: that any may have changed.

export type Pending = {
  add: (id: string | null) => void
  /** What waits, as soon as there is something; null stands for all rows. */
  take: (signal: AbortSignal) => Promise<(string | null)[]>
}

export function createPending(most: number): Pending {
  let ids = new Set<string | null>()
  let wake: (() => void) | undefined

  return {
    add: (id) => {
      if (ids.has(null)) return
      if (id === null || ids.size >= most) ids = new Set([null])
      else ids.add(id)
      wake?.()
    },
    take: async (signal) => {
      signal.throwIfAborted()
      if (ids.size === 0) {
        await new Promise<void>((resolve, reject) => {
          const onAbort = (): void => reject(signal.reason)
          signal.addEventListener('abort', onAbort, { once: true })
          wake = () => {
            signal.removeEventListener('abort', onAbort)
            resolve()
          }
        })
        wake = undefined
      }
      const taken = [...ids]
      ids = new Set()
      return taken
    },
  }
}
