// How many subscriptions there may be at once: of a person, of a tenant, and on this server.

import { PublicError } from '../errors.ts'

export type LiveLimits = { perUser: number; perTenant: number; onServer: number }

export type Places = {
  /** Takes a place, or refuses; call the result to give it back. */
  take: (identity: { userId: string; tenantId: string }) => () => void
}

export function createPlaces(limits: LiveLimits): Places {
  const taken = new Map<string, number>()
  return {
    take: ({ userId, tenantId }) => {
      const wanted = [
        { key: `user ${userId}`, most: limits.perUser, whose: 'You have' },
        { key: `tenant ${tenantId}`, most: limits.perTenant, whose: 'This tenant has' },
        { key: 'server', most: limits.onServer, whose: 'This server has' },
      ]
      for (const { key, most, whose } of wanted) if ((taken.get(key) ?? 0) >= most) throw tooMany(whose, most)
      for (const { key } of wanted) taken.set(key, (taken.get(key) ?? 0) + 1)
      let isGiven = false
      return () => {
        if (isGiven) return
        isGiven = true
        for (const { key } of wanted) {
          const left = (taken.get(key) ?? 1) - 1
          if (left > 0) taken.set(key, left)
          else taken.delete(key)
        }
      }
    },
  }
}

export const tooMany = (whose: string, most: number): PublicError =>
  new PublicError(
    429,
    'RN685',
    `${whose} ${most} subscriptions open, which is the limit.`,
    'End one, or watch a list instead of many rows.',
  )
