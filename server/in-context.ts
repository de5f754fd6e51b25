// A statement in the context of a request (role, user, tenant, time limit), in one round trip to the database. The context
// and the statement are sent together and end with one Sync, so for PostgreSQL they are one transaction without a begin and
// a commit: the settings hold until it ends, and when the context fails, the statement is not run (see docs/adr/0017).

import { type PoolClient, Query, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg'
import { isPrepared, prepared } from './prepared.ts'

/** What a request's context consists of: settings by name, local to a transaction. */
export type Settings = Readonly<Record<string, string | undefined>>

/** Sets everything, and returns no row. */
const setContext = 'select from json_each_text($1) as s (name, value) where set_config(name, value, true) is null'

const contextOf = (settings: Settings): QueryConfig => prepared('context', setContext, [JSON.stringify(settings)])

export async function queryInContext<R extends QueryResultRow>(
  client: PoolClient,
  settings: Settings,
  statement: QueryConfig & { rowMode?: 'array' },
): Promise<QueryResult<R>> {
  const context = contextOf(settings)
  // outside of a transaction what it sets is gone at once, so this only prepares it
  if (context.name && !isPrepared(client, context.name)) await client.query({ ...context, values: ['{}'] })
  return new Promise((resolve, reject) => {
    const query = new QueryInContext(context, statement)
    client.query(
      query as never,
      ((error: Error | null, result: QueryResult<R>) => (error ? reject(error) : resolve(result))) as never,
    )
  })
}

// ── the protocol: Bind and Execute of the context, before what pg sends for the statement up to its Sync ──

/** The parts of pg's Connection and Query that its types leave out; pg-cursor stands on the same. */
type Wire = {
  stream: { cork: () => void; uncork: () => void; destroy: (error: Error) => void }
  parse: (query: { text: string }) => void
  bind: (query: { statement?: string; values: unknown[] }) => void
  execute: (portal: object) => void
}
type PlainQuery = {
  submit(connection: Wire): Error | null
  handleCommandComplete(message: unknown, connection: Wire): void
}
const PlainQuery = Query as unknown as new (statement: QueryConfig & { queryMode: 'extended' }) => PlainQuery

class QueryInContext extends PlainQuery {
  readonly #context: QueryConfig
  #isEntered = false

  constructor(context: QueryConfig, statement: QueryConfig) {
    // else a statement without values would be a simple query, which is a transaction of its own
    super({ ...statement, queryMode: 'extended' })
    this.#context = context
  }

  override submit(connection: Wire): Error | null {
    connection.stream.cork()
    let fault: Error | null = null
    try {
      const { name, text, values = [] } = this.#context
      if (!name) connection.parse({ text })
      connection.bind({ ...(name ? { statement: name } : {}), values })
      connection.execute({})
      fault = super.submit(connection)
    } catch (error) {
      fault = error as Error
    }
    connection.stream.uncork()
    // without the Sync the context would stay, and be the next statement's
    if (fault) connection.stream.destroy(fault)
    return fault
  }

  override handleCommandComplete(message: unknown, connection: Wire): void {
    // the first one is the context's
    if (this.#isEntered) super.handleCommandComplete(message, connection)
    this.#isEntered = true
  }
}
