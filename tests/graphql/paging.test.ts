// Pages lose no row and repeat none: for every orderBy value of every connection of Query, forward and backward, over rows
// with nulls and ties. A row is known by its cursor, which holds the values of its order and its key.

import { execute, hookArgs } from 'grafast'
import {
  type DocumentNode,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  isRequiredArgument,
  parse,
} from 'graphql'
import { makeSchema } from 'postgraphile'
import { beforeAll, expect, it } from 'vitest'
import { createPreset } from '../../server/graphql/preset.ts'
import { useDatabase } from '../helpers/index.ts'
import { fillTables } from '../rls/rows/index.ts'

const copies = 5
const db = useDatabase()
let schema: GraphQLSchema
let resolvedPreset: GraphileConfig.ResolvedPreset
let connections: GraphQLField<unknown, unknown>[]

beforeAll(async () => {
  await fillTables(db)
  await multiplyRows()
  ;({ schema, resolvedPreset } = await makeSchema(createPreset(db.pool)))
  const fields = Object.values(schema.getQueryType()?.getFields() ?? {})
  connections = fields.filter(
    ({ args }) => args.some(({ name }) => name === 'orderBy') && !args.some((argument) => isRequiredArgument(argument)),
  )
})

type Page = {
  edges: { cursor: string }[]
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean }
  totalCount: number
}

type Arguments = {
  order: string
  first?: number
  last?: number
  after?: string | undefined
  before?: string | undefined
}

/** One document a connection and direction, so that each is planned once. */
const documents = new Map<string, DocumentNode>()

function documentOf(field: string, isForward: boolean): DocumentNode {
  const key = `${field} ${isForward}`
  const known = documents.get(key)
  if (known) return known
  const orderBy = connections.find(({ name }) => name === field)?.args.find(({ name }) => name === 'orderBy')?.type
  const [size, cursor] = isForward ? ['first', 'after'] : ['last', 'before']
  const document = parse(`query ($order: ${orderBy}, $size: Int, $cursor: Cursor) {
    page: ${field}(orderBy: $order, ${size}: $size, ${cursor}: $cursor) {
      edges { cursor } pageInfo { hasNextPage hasPreviousPage } totalCount } }`)
  documents.set(key, document)
  return document
}

/** Asks as the owner of the tables, who sees everything of the tenant: what is tested is paging, not the policies. */
async function pageOf(field: string, { order, first, last, after, before }: Arguments): Promise<Page> {
  const args = {
    schema,
    document: documentOf(field, last === undefined),
    variableValues: { order: [order], size: first ?? last, cursor: after ?? before },
    resolvedPreset,
    contextValue: {},
    requestContext: { pgSettings: { role: 'rowhouse_owner', 'rowhouse.tenant_id': db.acme.id } },
  }
  // biome-ignore lint/suspicious/noExplicitAny: a result of any shape
  const { data, errors } = (await execute(await hookArgs(args as never))) as any
  if (errors) throw new Error(`${field} by ${order}: ${errors[0].originalError?.message ?? errors[0].message}`)
  return data.page
}

const cursorsOf = ({ edges }: Page): string[] => edges.map(({ cursor }) => cursor)

const keyOf = (cursor: string): string => JSON.parse(Buffer.from(cursor, 'base64').toString()).at(-1)

async function forward(field: string, order: string, size: number): Promise<string[]> {
  const seen: string[] = []
  for (let more = true; more; ) {
    const page = await pageOf(field, { order, first: size, after: seen.at(-1) })
    seen.push(...cursorsOf(page))
    more = page.pageInfo.hasNextPage && page.edges.length > 0
  }
  return seen
}

async function backward(field: string, order: string, size: number): Promise<string[]> {
  const seen: string[] = []
  for (let more = true; more; ) {
    const page = await pageOf(field, { order, last: size, before: seen[0] })
    seen.unshift(...cursorsOf(page))
    more = page.pageInfo.hasPreviousPage && page.edges.length > 0
  }
  return seen
}

const ordersOf = ({ args }: GraphQLField<unknown, unknown>): string[] => {
  const type = getNamedType(args.find(({ name }) => name === 'orderBy')?.type) as GraphQLEnumType
  return type.getValues().map(({ name }) => name)
}

it('every order of every connection, page by page, gives the whole list', async () => {
  const withRows: string[] = []
  let number = 0
  for (const connection of connections) {
    const orders = ordersOf(connection)
    // without a key there is no order to page by, and a cursor is refused
    if (!orders.includes('PRIMARY_KEY_ASC')) continue
    // a view may make its key of columns that the copies have in common
    const keys = cursorsOf(await pageOf(connection.name, { order: 'PRIMARY_KEY_ASC', first: 100 }))
    if (new Set(keys).size < keys.length) continue
    for (const order of orders) {
      if (order === 'NATURAL') continue
      const whole = await pageOf(connection.name, { order, first: 100 })
      const expected = cursorsOf(whole)
      // from one row a page to three, and a few pages of longer lists
      const size = (number++ % 3) + 1 + Math.floor(expected.length / 10)
      expect([connection.name, order, expected.length]).toEqual([connection.name, order, whole.totalCount])
      // an age grows while it is paged through, so its rows are compared by their keys
      const rowsOf = (cursors: string[]): string[] => (order.startsWith('AGE_') ? cursors.map(keyOf) : cursors)
      expect([connection.name, order, rowsOf(await forward(connection.name, order, size))]).toEqual([
        connection.name,
        order,
        rowsOf(expected),
      ])
      expect([connection.name, order, rowsOf(await backward(connection.name, order, size))]).toEqual([
        connection.name,
        order,
        rowsOf(expected),
      ])
      if (expected.length > copies && !withRows.includes(connection.name)) withRows.push(connection.name)
    }
  }
  expect(withRows.length).toBeGreaterThan(connections.length / 2)
})

it('null comes where PostgreSQL puts it: last ascending, first descending', async () => {
  for (const [direction, expected] of [
    ['asc', false],
    ['desc', true],
  ] as const) {
    const { rows } = await db.pool.query(
      `select id from app_public.tags where tenant_id = $1 order by color ${direction}, id ${direction} limit 1`,
      [db.acme.id],
    )
    const first = await pageOf('tags', { order: `COLOR_${direction.toUpperCase()}`, first: 1 })
    const [, isNull, , id] = JSON.parse(Buffer.from(first.edges[0]?.cursor ?? '', 'base64').toString())
    expect([String(isNull) === 'true', id]).toEqual([expected, rows[0].id])
  }
})

/** Copies a row of each table, with other keys, and with nulls and equal values in the other columns. */
async function multiplyRows(): Promise<void> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    await client.query(`set local session_replication_role = replica`)
    await client.query(dropConstraints)
    const { rows: tables } = await client.query<{ name: string }>(allTables)
    for (const { name } of tables) {
      const { rows: columns } = await client.query<Column>(columnsOf, [name])
      const sources = columns.map(({ column }) => column).join(', ')
      // those of the books hold for replication, too
      await client.query(`alter table ${name} disable trigger user`)
      const hasTenant = columns.some(({ column }) => column === 'tenant_id')
      await client.query(
        `insert into ${name} (${sources}) overriding system value
         select ${columns.map(copiedValue).join(', ')}
           from (select * from ${name} ${hasTenant ? `where tenant_id = '${db.acme.id}'` : ''} limit 1) as r,
                generate_series(1, ${copies}) as i
         on conflict do nothing`,
      )
    }
    await client.query('commit')
  } finally {
    client.release()
  }
}

type Column = { column: string; type: string; category: string; position: number; nullable: boolean; in_key: boolean }

/** The value of a copy's column, as SQL over the row r that is copied and the copy's number i. */
function copiedValue({ column, type, category, position, nullable, in_key }: Column): string {
  if (column === 'tenant_id') return 'r.tenant_id'
  const other: Record<string, string> = {
    S: `'b'`,
    N: `2`,
    B: `i % 2 = 0`,
    D: `'2026-01-02 03:04'`,
    E: `(enum_range(null::${type}))[2]`,
  }
  if (in_key) {
    if (type === 'uuid') return 'gen_random_uuid()'
    if (category === 'S') return `r.${column} || i`
    if (category === 'N') return `r.${column} + i`
    if (category === 'D') return `r.${column} + i * interval '1 second'`
    return `r.${column}`
  }
  const value = other[category] ? `(${other[category]})::${type}` : `r.${column}`
  return nullable
    ? `case (i + ${position}) % 3 when 0 then null when 1 then ${value} else r.${column} end`
    : category === 'S' || !other[category]
      ? `r.${column}`
      : `case (i + ${position}) % 2 when 0 then ${value} else r.${column} end`
}

const allTables = `
  select c.oid::regclass::text as name
    from pg_class c join pg_namespace n on n.oid = relnamespace
   where relkind in ('r', 'p') and not relispartition and nspname !~ '^(pg_|information_schema|graphile_worker|pgmigrations)'
     and relname <> 'pgmigrations'
   order by 1`

const columnsOf = `
  select quote_ident(attname) as column, format_type(atttypid, atttypmod) as type, case typtype when 'd' then 'X' else typcategory end as category,
         attnum as position, not attnotnull as nullable,
         exists (select from pg_index where indrelid = attrelid and indisprimary and attnum = any (indkey)) as in_key
    from pg_attribute join pg_type on pg_type.oid = atttypid
   where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`

/** Everything that would refuse a copy: foreign keys, checks, unique indexes other than primary keys. */
const dropConstraints = `
  do $$
  declare
    v_object record;
  begin
    for v_object in
      select conrelid::regclass as relation, conname
        from pg_constraint join pg_class on pg_class.oid = conrelid
        join pg_namespace on pg_namespace.oid = relnamespace
       where contype in ('f', 'c', 'u', 'x') and conparentid = 0 and coninhcount = 0
         and nspname !~ '^(pg_|information_schema|graphile_worker)'
       order by contype = 'u'
    loop
      execute format('alter table %s drop constraint if exists %I cascade', v_object.relation, v_object.conname);
    end loop;
    for v_object in
      select indexrelid::regclass as index
        from pg_index join pg_class on pg_class.oid = indexrelid join pg_namespace on pg_namespace.oid = relnamespace
       where indisunique and not indisprimary and not relispartition
         and nspname !~ '^(pg_|information_schema|graphile_worker)'
    loop
      execute format('drop index if exists %s', v_object.index);
    end loop;
  end $$`
