// How PostGraphile reaches the database: a statement and its context in one round trip, where its own adaptor takes four
// (begin, settings, statement, commit).

import type { Pool, PoolClient } from 'pg'
import type { PgAdaptor, PgClient, PgClientQuery, PgClientResult, WithPgClient } from 'postgraphile/@dataplan/pg'
import { makeWithPgClientViaPgClientAlreadyInTransaction as onConnection } from 'postgraphile/@dataplan/pg/adaptors/pg'
import { queryInContext, type Settings } from '../in-context.ts'
import { keepPrepared, mostPrepared } from '../prepared.ts'

/** The adaptor, but for how it runs statements. */
export function inOneRoundTrip<T extends PgAdaptor>(adaptor: T): T {
  return { ...adaptor, createWithPgClient: ({ pool }: { pool: Pool }) => withPgClientOf(pool) }
}

const withPgClientOf = (pool: Pool) =>
  (async (settings, work) => {
    const client = await pool.connect()
    try {
      // PostGraphile's own, on the connection that we have
      const own = onConnection(client) as unknown as WithPgClient
      return settings ? await work(clientInContext(client, settings, own)) : await own(null, work)
    } finally {
      client.release()
    }
  }) satisfies WithPgClient

const clientInContext = (client: PoolClient, settings: Settings, own: WithPgClient): PgClient =>
  ({
    rawClient: client,
    query: (statement: PgClientQuery) => run(client, settings, statement),
    withTransaction: (work: (client: PgClient) => Promise<unknown>) => own(settings, work),
  }) as never

async function run<TData>(
  client: PoolClient,
  settings: Settings,
  { text, values = [], arrayMode, name }: PgClientQuery,
): Promise<PgClientResult<TData>> {
  const isNamed = name !== undefined && mostPrepared() > 0
  if (isNamed) await keepPrepared(client, name)
  const { rows, rowCount } = await queryInContext(client, settings, {
    text,
    values,
    ...(isNamed ? { name } : {}),
    ...(arrayMode ? { rowMode: 'array' } : {}),
  })
  return { rows: rows as TData[], rowCount }
}
