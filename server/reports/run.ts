// Runs the statement of a report: a stranger's SQL. The walls are the database's (sql/11_observability/80_reports); here they are
// put up in order, and whatever happens, the transaction is rolled back.

import pg from 'pg'

export type Column = { name: string; kind: 'number' | 'text' | 'date' | 'time' | 'boolean' }
/** Every value is a text as JSON writes it, so that no digit is lost. */
export type Result = { columns: Column[]; rows: (string | null)[][] }
export type Statement = { statement: string; types: ParameterType[]; values: (string | null)[]; timezone: string }

export const limits = { rows: 10_000, bytes: 4_000_000, columns: 100, milliseconds: 30_000 }

/** The statement, or what it asks for, is why there is no result; the message is for the people of the tenant. */
export class ReportError extends Error {}

const parameterTypes = { text: 25, int: 23, numeric: 1700, date: 1082, timestamptz: 1184, uuid: 2950, boolean: 16 }
type ParameterType = keyof typeof parameterTypes

export async function runStatement(
  client: Pick<pg.ClientBase, 'query'>,
  tenantId: string,
  { statement, types, values, timezone }: Statement,
): Promise<Result> {
  await client.query('begin')
  try {
    await client.query(
      `select tenancy.begin_reporting($1), set_config('timezone', $2, true), set_config('statement_timeout', $3, true),
              set_config('search_path', 'pg_catalog, analytics, pg_temp', true)`,
      [tenantId, timezone, String(limits.milliseconds)],
    )
    await client.query('set local role rowhouse_reporter')
    await client.query('set transaction read only')
    // The extended protocol takes one statement, and whatever stands behind "for" can only be a query.
    await client.query({
      text: `declare report no scroll cursor for\n${statement}`,
      values,
      types: typesOf(types),
      queryMode: 'extended',
    } as pg.QueryConfig)
    const { fields } = await client.query('fetch 0 from report')
    if (fields.length > limits.columns) throw new ReportError(`The result has more than ${limits.columns} columns.`)
    const { rows } = await client.query<[(string | null)[]]>({
      text: 'select observability.fetch_report($1, $2)',
      values: [limits.rows, limits.bytes],
      rowMode: 'array',
    })
    return {
      columns: fields.map(({ name, dataTypeID }) => ({ name, kind: kindOf(dataTypeID) })),
      rows: rows.map(([row]) => row),
    }
  } catch (error) {
    throw asReportError(error)
  } finally {
    await client.query('rollback')
  }
}

/** What pg sends as the types of parameters, and asks for the parsers of a result. */
const typesOf = (types: ParameterType[]): unknown =>
  Object.assign(
    types.map((type) => parameterTypes[type]),
    { getTypeParser: pg.types.getTypeParser },
  )

const kinds: Record<number, Column['kind']> = {
  ...Object.fromEntries([20, 21, 23, 700, 701, 1700].map((oid) => [oid, 'number'])),
  16: 'boolean',
  1082: 'date',
  1114: 'time',
  1184: 'time',
}
const kindOf = (oid: number): Column['kind'] => kinds[oid] ?? 'text'

/** Faults of data and of syntax, of rights, of too much; everything else is the platform's. */
const faultOfStatement = /^(21|22|25006|42|44|54)/

function asReportError(error: unknown): unknown {
  const { code, message } = error as pg.DatabaseError
  if (code === '57014') return new ReportError(`It took longer than ${limits.milliseconds / 1000} seconds.`)
  if (code === '53200') return new ReportError('It needs more memory than there is.')
  return code && faultOfStatement.test(code) ? new ReportError(message) : error
}
