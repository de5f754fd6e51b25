// Documents from a PostgreSQL database that the operator has opened to this tenant (SOURCE_DATABASES). source_config says its
// name under connection, and under query a select with the columns id, text and, if they like, title; further columns become
// metadata. The query runs read-only, in an order that stays the same, a few rows at a time.

import pg from 'pg'
import { loadConfig } from '../config.ts'
import { SourceError, type SourceReader } from './types.ts'

const rowsAtOnce = 100
const longestStatementMs = 60_000
const connectMs = 10_000

type Row = { id?: unknown; title?: unknown; text?: unknown } & Record<string, unknown>

export const databaseReader: SourceReader = {
  async *read({ tenantId, config }, { known, mostPages }) {
    const { connection, query } = config
    if (typeof connection !== 'string' || typeof query !== 'string')
      throw new SourceError('sourceConfig needs connection, the name of a database, and query, a select.')
    const connectionString = loadConfig(process.env).SOURCE_DATABASES?.[`${tenantId}/${connection}`]
    if (connectionString === undefined)
      throw new SourceError('There is no database of this name for this tenant. Ask the operator to open one.')
    const client = new pg.Client({
      connectionString,
      statement_timeout: longestStatementMs,
      connectionTimeoutMillis: connectMs,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query('begin read only')
      // as a prepared statement it can be one statement only, so that it cannot end the transaction
      const cursor = {
        text: `declare documents no scroll cursor for select * from (${query}\n) d order by id`,
        values: [],
        queryMode: 'extended',
      }
      await client.query(cursor as pg.QueryConfig)
      for (let count = 0; ; ) {
        const { rows } = await client.query<Row>(`fetch ${rowsAtOnce} from documents`)
        for (const { id, title, text, ...metadata } of rows) {
          if (id == null) throw new SourceError('The query has a row without an id.')
          const externalId = String(id)
          count += 1
          if (count > mostPages) {
            yield { kind: 'unlisted', externalId, error: `The query has more than ${mostPages} rows (maxPages).` }
            return
          }
          if ((await known(externalId)).isDone) continue
          yield {
            kind: 'text',
            externalId,
            title: title == null ? null : String(title),
            text: String(text ?? ''),
            metadata,
          }
        }
        if (rows.length < rowsAtOnce) return
      }
    } catch (error) {
      // what the database says of the query is for whoever wrote it
      if (error instanceof pg.DatabaseError) throw new SourceError(`The query failed: ${error.message}`)
      throw error
    } finally {
      await client.end().catch(() => {})
    }
  },
}
