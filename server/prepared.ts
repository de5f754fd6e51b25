// Prepared statements of the connections of a pool. On the embedded engine there are none: a named statement is prepared
// anew at each turn there, which costs more than it saves.

import { escapeIdentifier, type PoolClient, type QueryConfig } from 'pg'

/** How many of the API's statements each connection keeps. Read when it is asked: server.ts says 0 for the embedded engine. */
export const mostPrepared = (): number => Number(process.env.DATAPLAN_PG_PREPARED_STATEMENT_CACHE_SIZE ?? 100)

/** A statement of ours, which each connection prepares once. */
export const prepared = (name: string, text: string, values: unknown[]): QueryConfig =>
  mostPrepared() > 0 ? { name: `rowhouse_${name}`, text, values } : { text, values }

/** pg's own list, which its types leave out. */
const parsedStatements = (client: PoolClient): Record<string, string> =>
  (client as unknown as { connection: { parsedStatements: Record<string, string> } }).connection.parsedStatements

export const isPrepared = (client: PoolClient, name: string): boolean => parsedStatements(client)[name] !== undefined

/** By connection, the names of the API's statements, the one used last at the end. */
const namesOf = new WeakMap<PoolClient, Set<string>>()

/** Notes that a statement will be used. When there are too many, the one that was not for longest is forgotten. */
export async function keepPrepared(client: PoolClient, name: string, most = mostPrepared()): Promise<void> {
  const names = namesOf.get(client) ?? new Set()
  namesOf.set(client, names)
  names.delete(name)
  names.add(name)
  const [oldest] = names
  if (names.size <= most || oldest === undefined) return
  names.delete(oldest)
  if (!isPrepared(client, oldest)) return
  await client.query(`deallocate ${escapeIdentifier(oldest)}`)
  delete parsedStatements(client)[oldest]
}
