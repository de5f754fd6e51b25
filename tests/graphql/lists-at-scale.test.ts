// What a list reads to show its first page, by every order and filter that the API offers. Beside acme, which is small, there
// are globex, which has half of all rows, and hundreds of other tenants. PostgreSQL says by auto_explain what it did; counted
// are the rows that a scan looked at, whether it kept them or not.

import { execute, hookArgs } from 'grafast'
import {
  type DocumentNode,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isRequiredArgument,
  parse,
} from 'graphql'
import pg from 'pg'
import { makeSchema } from 'postgraphile'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPreset } from '../../server/graphql/preset.ts'
import { isRealServer, needsServer, type Tenant, useDatabase } from '../helpers/index.ts'
import { fillTables } from '../rls/rows/index.ts'

const db = useDatabase()

const page = 20
const rowsOf = { large: 10_000, other: 500 }
/**
 * The other tenants. The planner takes each tenant for one of average size, and half of its rows for visible: of a large table
 * these must be some pages, because less than a page it reads whole and sorts.
 */
const tenantsOf = { large: 101, other: 401 }
/** One row in so many has the rare value of a closed list. */
const rarity = 500
/** Of each other value so many rows have the same. */
const values = 100
/** At most five short rows a tenant: of the tenants here they are three pages, which the planner rather reads whole. */
const fewRows = new Set(['memory_settings', 'memory_rules'])
/** So much more than a page a list may look at; it also covers lookups by key of the rows of a page. */
const mostRead = 10 * page

type Arguments = { orderBy?: string[]; filter?: object }
type Connection = {
  field: GraphQLField<unknown, unknown>
  document: DocumentNode
  orders: Arguments[]
  filters: Arguments[]
}
type Scan = { relation: string; read: number }

let pool: pg.Pool
let schema: GraphQLSchema
let resolvedPreset: GraphileConfig.ResolvedPreset
let large: Set<string>
let connections: Connection[] = []
let scans: Scan[] = []

beforeAll(async () => {
  if (!isRealServer()) return
  await fillTables(db)
  large = new Set(
    (await db.pool.query<{ name: string }>(largeTables)).rows.map(({ name }) => name.replace('app_public.', '')),
  )
  await multiplyRows()
  pool = explainingPool()
  ;({ schema, resolvedPreset } = await makeSchema(createPreset(pool)))
  connections = Object.values(schema.getQueryType()?.getFields() ?? {})
    .filter(
      ({ args }) =>
        args.some(({ name }) => name === 'orderBy') && !args.some((argument) => isRequiredArgument(argument)),
    )
    .map((field) => ({ field, document: documentOf(field), orders: ordersOf(field), filters: filtersOf(field) }))
}, 120_000)

afterAll(() => pool?.end())

describe('a small tenant beside a large one', () => {
  for (const offer of ['orders', 'filters'] as const)
    it(`reads no other tenant’s rows, by any of its ${offer}`, async (context) => {
      needsServer(context, 'has no auto_explain')
      const found: string[] = []
      for (const connection of connections) {
        for (const asked of connection[offer]) {
          await list(db.acme, connection, asked)
          found.push(
            ...tooMuch(mostRead)
              .filter(({ relation }) => !fewRows.has(relation))
              .map((scan) => told(connection, asked, inWords(scan))),
          )
        }
      }
      expect(found).toEqual([])
      expect(connections.length).toBeGreaterThan(50)
    }, 120_000)
})

describe('a tenant with very many rows', () => {
  for (const offer of ['orders', 'filters'] as const)
    it(`reads little more of a large table than it shows, by any of its ${offer}`, async (context) => {
      needsServer(context, 'has no auto_explain')
      const found: string[] = []
      let tried = 0
      for (const connection of await largeConnections()) {
        for (const asked of connection[offer]) {
          const listed = await list(db.globex, connection, asked)
          found.push(
            ...tooMuch(10 * (listed + 1)).map((scan) => told(connection, asked, `${listed} rows, ${inWords(scan)}`)),
          )
          tried++
        }
      }
      expect(found).toEqual([])
      expect(tried).toBeGreaterThan(40)
    }, 120_000)
})

const told = ({ field }: Connection, asked: Arguments, scan: string): string =>
  `${field.name} ${JSON.stringify(asked)}: ${scan}`

/** Those that read a large table, and nothing else that this tenant has many rows of. */
async function largeConnections(): Promise<Connection[]> {
  const found: Connection[] = []
  for (const connection of connections) {
    await list(db.globex, connection, {})
    if (scans.length > 0 && scans.every(({ relation }) => large.has(relation))) found.push(connection)
  }
  return found
}

/** The scans of the last list that looked at more rows than this. */
const tooMuch = (most: number): Scan[] => scans.filter(({ read }) => read > most)
const inWords = ({ relation, read }: Scan): string => `${relation} ${read}`

async function list(tenant: Tenant, { field, document }: Connection, asked: Arguments): Promise<number> {
  scans = []
  const args = {
    schema,
    document,
    variableValues: asked,
    resolvedPreset,
    contextValue: {},
    requestContext: {
      pgSettings: {
        role: 'rowhouse_user',
        'rowhouse.tenant_id': tenant.id,
        'rowhouse.user_id': tenant.owner.userId,
      },
    },
  }
  // biome-ignore lint/suspicious/noExplicitAny: a result of any shape
  const { data, errors } = (await execute(await hookArgs(args as never))) as any
  if (errors)
    throw new Error(`${field.name} ${JSON.stringify(asked)}: ${errors[0].originalError?.message ?? errors[0].message}`)
  return data.page.edges.length
}

/** One document a connection, so that each is planned once. */
function documentOf({ name, args }: GraphQLField<unknown, unknown>): DocumentNode {
  const given = args.filter((argument) => ['orderBy', 'filter'].includes(argument.name))
  return parse(`query (${given.map((argument) => `$${argument.name}: ${argument.type}`).join(', ')}) {
    page: ${name}(first: ${page}, ${given.map((argument) => `${argument.name}: $${argument.name}`).join(', ')}) {
      edges { cursor } } }`)
}

function ordersOf({ args }: GraphQLField<unknown, unknown>): Arguments[] {
  const type = getNamedType(args.find(({ name }) => name === 'orderBy')?.type) as GraphQLEnumType
  return type.getValues().map(({ name }) => ({ orderBy: [name] }))
}

/** For each column the conditions that are tried: each value of a closed list, the rare one too, and a value or a range. */
function filtersOf(field: GraphQLField<unknown, unknown>): Arguments[] {
  const type = getNamedType(field.args.find(({ name }) => name === 'filter')?.type) as
    | GraphQLInputObjectType
    | undefined
  const orders = new Set(ordersOf(field).flatMap(({ orderBy }) => orderBy))
  return Object.values(type?.getFields() ?? {}).flatMap(({ name, type: operators }): Arguments[] => {
    const { equalTo } = (getNamedType(operators) as GraphQLInputObjectType).getFields()
    if (!equalTo || ['and', 'or', 'not'].includes(name)) return []
    const value = getNamedType(equalTo.type)
    if (value.name !== 'Datetime') return valuesOf(value).map((one) => ({ filter: { [name]: { equalTo: one } } }))
    const order = `${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}_DESC`
    // A range is read in its own order. What may be null has none here, and is a mark that few rows have.
    return orders.has(order)
      ? [{ filter: { [name]: { lessThan: '2026-05-01T00:00:00Z' } }, orderBy: [order] }]
      : [{ filter: { [name]: { isNull: false } } }]
  })
}

function valuesOf(type: GraphQLNamedType): unknown[] {
  if (isEnumType(type)) return type.getValues().map(({ name }) => name)
  if (type.name === 'UUID') return [knownUuid]
  if (type.name === 'String') return ['b-1']
  if (type.name.startsWith('Big')) return ['7']
  return ['Int', 'Float'].includes(type.name) ? [7] : []
}

/** A pool that keeps of each statement's plan what its scans looked at. */
function explainingPool(): pg.Pool {
  const settings = [
    'session_preload_libraries=auto_explain',
    'auto_explain.log_min_duration=0',
    'auto_explain.log_analyze=on',
    'auto_explain.log_timing=off',
    'auto_explain.log_format=json',
    'client_min_messages=log',
    'jit=off',
  ]
  const explaining = new pg.Pool({
    connectionString: db.url,
    max: 1,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
  })
  explaining.on('error', () => {})
  explaining.on('connect', (client) =>
    client.on('notice', ({ message }) => {
      const plan = message?.match(/^duration: .*? plan:\n([\s\S]*)$/)?.[1]
      if (plan) scans.push(...scansOf((JSON.parse(plan) as { Plan: Node }).Plan))
    }),
  )
  return explaining
}

type Node = {
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  Plans?: Node[]
}

function scansOf(node: Node): Scan[] {
  const own = node['Relation Name']
    ? [{ relation: node['Relation Name'], read: Math.round(lookedAt(node) * node['Actual Loops']) }]
    : []
  return [...own, ...(node.Plans ?? []).flatMap(scansOf)]
}

/** A scan of a bitmap has below it what the bitmap was made of, which may be more than the rows that were left of it. */
function lookedAt(node: Node): number {
  const kept =
    node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return Math.max(kept, ...(node.Plans ?? []).map(lookedAt))
}

const knownUuid = '00000000-0000-4000-8000-000000000007'

async function multiplyRows(): Promise<void> {
  const client = await db.pool.connect()
  try {
    await client.query('set session_replication_role = replica')
    await client.query(dropChecks)
    // these triggers are on in a replica, too
    await client.query('alter table app_public.wallet_entries disable trigger user')
    const { rows: tables } = await client.query<{ name: string }>(tenantTables)
    for (const { name } of tables) {
      const { rows: columns } = await client.query<Column>(columnsOf, [name])
      const targets = columns.map(({ column }) => column).join(', ')
      const size = large.has(name.replace('app_public.', '')) ? 'large' : 'other'
      await client.query(
        `insert into ${name} (${targets}) overriding system value
         select ${columns.map((column) => copiedValue(column, tenantsOf[size])).join(', ')}
           from (select * from ${name} where tenant_id = '${db.globex.id}' limit 1) as r,
                generate_series(1, ${rowsOf[size]}) as i
         on conflict do nothing`,
      )
    }
    await client.query('analyze')
  } finally {
    await client.query('reset session_replication_role')
    client.release()
  }
}

type Column = {
  column: string
  type: string
  category: string
  position: number
  in_key: boolean
  values: string[] | null
}

/** The value of a copy's column, as SQL over the row r that is copied and the copy's number i. */
function copiedValue({ column, type, category, in_key, values: closed }: Column, tenants: number): string {
  if (column === 'tenant_id')
    return `case i % 2 when 0 then r.tenant_id else md5('tenant ' || i % ${tenants})::uuid end`
  if (column === 'deleted_at') return `case i % ${rarity} when 0 then now() end`
  if (column === 'sharing_mode') return `'private'`
  if (closed) return `case i % ${rarity} when 0 then '${closed.at(-1)}' else '${closed[0]}' end::${type}`
  if (type === 'uuid')
    return in_key
      ? 'gen_random_uuid()'
      : `('00000000-0000-4000-8000-' || lpad((i / 2 % ${values})::text, 12, '0'))::uuid`
  if (type === 'timestamp with time zone') return `timestamptz '2026-06-01' - i * interval '1 hour'`
  if (in_key && category === 'S') return `'b-' || i`
  if (in_key && category === 'N') return `(r.${column} + i)::${type}`
  return `r.${column}`
}

const largeTables = `
  select c.oid::regclass::text as name from pg_class c where obj_description(c.oid, 'pg_class') ~ '(^|\\n)@large(\\n|$)'`

const tenantTables = `
  select c.oid::regclass::text as name
    from pg_class c
   where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'app_public'::regnamespace
     and exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant_id')
   order by 1`

const columnsOf = `
  select quote_ident(attname) as column, format_type(atttypid, atttypmod) as type, typcategory as category, attnum as position,
         exists (select from pg_index where indrelid = attrelid and indisunique and attnum = any (indkey)) as in_key,
         (select array(select m[1] from regexp_matches(pg_get_constraintdef(k.oid), '''([^'']*)''::text', 'g') m)
            from pg_constraint k
           where k.contypid = atttypid and pg_get_constraintdef(k.oid) ~ '^CHECK \\(\\(VALUE = ANY \\(ARRAY\\[') as values
    from pg_attribute join pg_type on pg_type.oid = atttypid
   where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`

/** Checks would refuse copies whose values do not go together. */
const dropChecks = `
  do $$
  declare
    v_object record;
  begin
    for v_object in
      select conrelid::regclass as target, conname from pg_constraint
       where contype = 'c' and conrelid <> 0 and connamespace = 'app_public'::regnamespace and conislocal
         and coninhcount = 0
    loop
      execute format('alter table %s drop constraint %I', v_object.target, v_object.conname);
    end loop;
  end
  $$`
