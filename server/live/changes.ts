// Who is told of which change. Those who watch are found by tenant, table and row, so that an announcement costs nothing
// for anybody else.

import type { ClientConfig } from 'pg'
import { z } from 'zod'
import type { Logger } from '../logging.ts'
import { createLeases } from './leases.ts'
import { createListener } from './listener.ts'

/** What is watched: rows of a table in a tenant, all of them or those with this id or about this. */
export type Topic = { tenantId: string; table: string; key?: string | undefined }
/** Told of the id of a row that may have changed, or null when any may have. */
export type Tell = (id: string | null) => void

export type Changes = {
  /** From when this resolves every change is told. Call the result to watch no more. */
  watch: (topic: Topic, tell: Tell) => Promise<() => void>
  close: () => Promise<void>
}

/** Any session of the database can announce something, so it is looked at. */
const announcement = z.object({
  table: z.string(),
  tenant: z.string(),
  id: z.string().optional(),
  about: z.array(z.string()).optional(),
})

const nameOf = (tenantId: string, table: string): string => `${tenantId} ${table}`

/** In the place of a key for who watches all rows. */
const all = ''

export function createChanges(options: {
  connection: ClientConfig
  logger: Logger
  onGap?: (() => void) | undefined
}): Changes {
  /** By tenant and table, then by key. */
  const watchers = new Map<string, Map<string, Set<Tell>>>()

  function announce(payload: string): void {
    let change: z.infer<typeof announcement>
    try {
      change = announcement.parse(JSON.parse(payload))
    } catch {
      return
    }
    const { table, tenant, id, about = [] } = change
    const byKey = watchers.get(nameOf(tenant, table))
    if (!byKey) return
    const keys = id === undefined ? byKey.keys() : [all, id, ...about]
    const told = new Set([...keys].flatMap((key) => [...(byKey.get(key) ?? [])]))
    for (const tell of told) tell(id ?? null)
  }

  /** Whatever there is under these names may have changed. */
  function announceAll(names: Iterable<string>): void {
    for (const name of names)
      for (const tells of watchers.get(name)?.values() ?? []) for (const tell of tells) tell(null)
  }

  function announceGap(): void {
    options.onGap?.()
    announceAll(watchers.keys())
  }

  const listener = createListener({
    ...options,
    onAnnouncement: announce,
    onReconnected: async () => {
      leases.forget()
      await leases.take([...watchers.keys()])
      announceGap()
    },
    onTick: () => leases.keep(() => [...watchers.keys()]),
  })
  const leases = createLeases(listener.query, announceAll)

  function add({ tenantId, table, key = all }: Topic, tell: Tell): () => void {
    const name = nameOf(tenantId, table)
    const byKey = watchers.get(name) ?? new Map<string, Set<Tell>>()
    const tells = byKey.get(key) ?? new Set<Tell>()
    watchers.set(name, byKey.set(key, tells.add(tell)))
    return () => {
      tells.delete(tell)
      if (tells.size === 0) byKey.delete(key)
      if (byKey.size === 0) watchers.delete(name)
    }
  }

  return {
    watch: async (topic, tell) => {
      const remove = add(topic, tell)
      try {
        await listener.ready()
        await leases.take([nameOf(topic.tenantId, topic.table)])
      } catch (error) {
        remove()
        throw error
      }
      return remove
    },
    close: async () => {
      leases.close()
      await listener.close()
    },
  }
}
