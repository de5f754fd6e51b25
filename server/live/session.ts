// A subscriber: somebody who was let in and stays. Whether they still may is asked of the database before each answer,
// every minute, and at once when their membership, their key or their tenant changed. Who may not is out, with the code
// that a request of theirs would get.

import type { Credentials, Identity } from '../auth.ts'
import type { Door, Visit } from '../door.ts'
import { isTransient, PublicError, publicPart } from '../errors.ts'
import type { Changes, Topic } from './changes.ts'

export type Session = {
  visit: Visit
  identity: Identity & { tenantId: string }
  /** Aborted with the reason when the subscriber may not stay. */
  signal: AbortSignal
  /** Asks whether the subscriber may stay; throws, and ends the session, when not. */
  check: () => Promise<void>
  close: () => void
}

const checkEveryMs = 60_000

export async function openSession(
  { door, changes }: { door: Door; changes: Changes },
  credentials: Credentials,
  arrival: Visit,
): Promise<Session> {
  const identity = inTenant(await door.recognize(credentials, arrival))
  // from now on it is this tenant, whatever other ones there may be later
  const visit = { ...arrival, requestedTenant: identity.tenantId }
  const end = new AbortController()
  const check = inTurn(async () => {
    end.signal.throwIfAborted()
    try {
      const now = await door.recognize(credentials, visit)
      if (now.role !== identity.role) throw anotherRole()
    } catch (error) {
      if (!isTransient(publicPart(error)?.extensions.code)) end.abort(asPublic(error))
      throw error
    }
  })
  const checkQuietly = (): void => void check().catch(() => {})
  const timers = [setInterval(checkQuietly, checkEveryMs), atExpiry(credentials, checkQuietly)]
  const watched = await Promise.allSettled(accessTopics(identity).map((topic) => changes.watch(topic, checkQuietly)))
  const close = (): void => {
    for (const timer of timers) clearTimeout(timer)
    for (const each of watched) if (each.status === 'fulfilled') each.value()
  }
  const failure = watched.find(({ status }) => status === 'rejected')
  if (failure) {
    close()
    throw (failure as PromiseRejectedResult).reason
  }
  return { visit, identity, signal: end.signal, check, close }
}

/** What decides whether somebody may be here. */
function accessTopics({ tenantId, userId, apiKeyId }: Session['identity']): Topic[] {
  return [
    { tenantId, table: 'app_public.user_tenants', key: userId },
    { tenantId, table: 'app_public.tenants' },
    // a key ends with any key above it
    ...(apiKeyId ? [{ tenantId, table: 'app_public.api_keys' }] : []),
  ]
}

/** Later than this no timer of Node waits. */
const longestTimerMs = 2_147_483_647
/** Beyond the tolerance of clocks (auth.ts). */
const afterExpiryMs = 6_000

function atExpiry(credentials: Credentials, work: () => void): NodeJS.Timeout | undefined {
  if (!('claims' in credentials)) return undefined
  const ms = Number(credentials.claims.exp) * 1_000 + afterExpiryMs - Date.now()
  return ms < longestTimerMs ? setTimeout(work, Math.max(ms, 0)) : undefined
}

/** One look at a time. Whoever asks while one is under way gets the answer of the next: theirs must begin after they asked. */
function inTurn(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const start = (): Promise<void> => {
    next = undefined
    running = work().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (!running) return start()
    next ??= running.then(start, start)
    return next
  }
}

function inTenant(identity: Identity): Session['identity'] {
  const { tenantId } = identity
  if (tenantId === null) {
    throw new PublicError(
      400,
      'RN485',
      'A subscription is about one tenant.',
      'Accept an invitation to a tenant first.',
    )
  }
  return { ...identity, tenantId }
}

const anotherRole = (): PublicError =>
  new PublicError(403, 'RN285', 'What you may do here has changed.', 'Subscribe again.')

const asPublic = (error: unknown): unknown => {
  const shown = publicPart(error)
  return shown ? new PublicError(403, shown.extensions.code ?? 'INTERNAL', shown.message, shown.extensions.hint) : error
}
