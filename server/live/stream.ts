// The answers of one subscription. A change names a row; the row is read again as the subscriber, after asking whether the
// subscriber may still be here, and the answer is sent when the subscriber sees something new. The next change is looked at
// when the answer before has been taken, so a slow client gets fewer and newer states, and never a queue of old ones.

import { setTimeout as wait } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Door } from '../door.ts'
import { keyOf } from '../door.ts'
import { isTransient, publicPart } from '../errors.ts'
import type { Answer, Watch } from '../graphql/execute.ts'
import { runFor } from '../request-pool.ts'
import type { Changes } from './changes.ts'
import { createPending } from './pending.ts'
import type { Session } from './session.ts'

/** Bodies of answers, as JSON. */
export type Stream = AsyncIterableIterator<string, void> & { return: () => Promise<IteratorResult<string, void>> }

export type StreamOptions = {
  door: Door
  changes: Changes
  session: Session
  watch: Watch
  /** A subscriber was sent an answer with these codes of errors. */
  onAnswer: (codes: string[]) => void
  /** Called once; with the reason, unless the client ended it. */
  onEnd: (reason?: unknown) => void
}

/** More rows than these, and the subscriber is told to read again what it shows. */
const mostPending = 100
/** A row that changes all the time is read so often at most. */
const leastPauseMs = 50
const retryMs = 1_000
/** So many rows of a list are remembered, to tell when one is gone. */
const mostRemembered = 500

export async function openStream(options: StreamOptions): Promise<Stream> {
  const { changes, session, watch, onEnd } = options
  const left = new AbortController()
  const signal = AbortSignal.any([session.signal, left.signal])
  const pending = createPending(mostPending)
  const { tenantId } = session.identity
  // watched first and read then, so that nothing is missed in between
  const unwatch = await changes.watch({ tenantId, table: watch.table, key: watch.key }, pending.add)
  pending.add(null)

  const answerTo = createAnswering(options, signal)
  let hasEnded = false
  const end = (reason?: unknown): void => {
    if (hasEnded) return
    hasEnded = true
    unwatch()
    onEnd(reason)
  }

  async function* answers(): AsyncGenerator<string, void> {
    try {
      for (;;) {
        for (const id of await pending.take(signal)) {
          const body = await answerTo(id).catch(async (error: unknown) => {
            if (signal.aborted || !isTransient(publicPart(error)?.extensions.code)) throw error
            pending.add(id)
            await wait(retryMs, undefined, { signal })
          })
          if (body !== undefined) yield body
        }
        await wait(leastPauseMs, undefined, { signal })
      }
    } catch (error) {
      if (left.signal.aborted) return
      const reason = session.signal.aborted ? session.signal.reason : error
      end(reason)
      throw reason
    } finally {
      end()
    }
  }

  const generator = answers()
  const stream: Stream = {
    next: () => generator.next(),
    // a generator that waits for a change would end only after the next one
    return: () => {
      left.abort()
      end()
      return generator.return()
    },
    [Symbol.asyncIterator]: () => stream,
  }
  return stream
}

/** Reads what a change is about, as the subscriber. The result is undefined when there is nothing new to see. */
function createAnswering({ door, session, watch, onAnswer }: StreamOptions, signal: AbortSignal) {
  let last: string | undefined
  const seen = new LRUCache<string, true>({ max: mostRemembered })

  function isNews(id: string | null, { body, isOfRow }: { body: string; isOfRow: boolean }): boolean {
    if (watch.isOfOneRow) {
      const isNew = body !== last
      last = body
      return isNew
    }
    if (id === null) return true
    if (!isOfRow) return seen.delete(id)
    seen.set(id, true)
    return true
  }

  return async (changed: string | null): Promise<string | undefined> => {
    await session.check()
    const id = watch.isOfOneRow ? (watch.key ?? null) : changed
    const share = { shares: door.shares, key: keyOf(session.identity), signal }
    const pgSettings = door.settingsFor(session.identity, session.visit)
    const answer = await runFor(share, () => watch.answer(id, { pgSettings }))
    const codes = codesOf(answer)
    const transient = codes.find(isTransient)
    if (transient) throw Object.assign(new Error('The row could not be read.'), { code: transient })
    if (!isNews(id, answer)) return undefined
    onAnswer(codes)
    return answer.body
  }
}

const codesOf = ({ errors }: Answer): string[] => errors.map(({ extensions }) => String(extensions.code ?? 'GRAPHQL'))
