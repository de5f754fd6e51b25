// The rules of the tables as the catalogue has them: which columns a constraint is about, and what it says in words. Read
// once at the start, because a server is started again when its database is migrated.

import { camelCase } from 'graphile-build'
import type { Pool } from 'pg'

export type Column = { name: string; field: string; type: string; isKey: boolean }
export type Constraint = { columns: string[]; rule: string | undefined }

export type Constraints = {
  /** By the names that PostgreSQL's errors carry. */
  constraint: (schema: string, table: string, name: string) => Constraint | undefined
  columns: (schema: string, table: string) => readonly Column[]
  /** Whether the database can be asked for all violations of an input. */
  canCheckAll: boolean
}

/** What GraphQL calls a column. */
export const fieldOf = (column: string): string => camelCase(column)

export async function loadConstraints(pool: Pool): Promise<Constraints> {
  const [constraints, columns, check] = await Promise.all([
    pool.query<{ key: string; columns: string[]; comment: string | null }>(constraintsOfTables),
    pool.query<{ key: string; name: string; type: string; is_key: boolean }>(columnsOfTables),
    pool.query<{ exists: boolean }>(
      `select exists (select from pg_proc where pronamespace::regnamespace::text = 'core' and proname = 'check_violations')`,
    ),
  ])
  const constraintsByKey = new Map(
    constraints.rows.map(({ key, columns, comment }) => [key, { columns, rule: withoutTags(comment) }]),
  )
  const columnsByTable = Map.groupBy(
    columns.rows.map(({ key, name, type, is_key }) => ({ key, name, field: fieldOf(name), type, isKey: is_key })),
    ({ key }) => key,
  )
  return {
    constraint: (schema, table, name) => constraintsByKey.get(`${schema}.${table}.${name}`),
    columns: (schema, table) => columnsByTable.get(`${schema}.${table}`) ?? [],
    canCheckAll: check.rows[0]?.exists ?? false,
  }
}

/** A comment begins with lines for PostGraphile, such as @behavior -*. */
const withoutTags = (comment: string | null): string | undefined =>
  comment
    ?.split('\n')
    .filter((line) => !line.startsWith('@'))
    .join('\n')
    .trim() || undefined

const ownTables = `
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
 where relkind in ('r', 'p') and nspname !~ '^(pg_|information_schema|graphile_worker)'`

const columnsOfTables = `
  select nspname || '.' || relname as key, attname as name, format_type(atttypid, atttypmod) as type,
         exists (select from pg_index where indrelid = attrelid and indisprimary and attnum = any (indkey)) as is_key
  ${ownTables}`

// a unique index without a constraint is reported under its own name, as if it were one
const constraintsOfTables = `
  select nspname || '.' || relname || '.' || rules.name as key, rules.comment,
         array_agg(attname::text order by array_position(rules.columns, attnum)) as columns
    from (
      select conrelid as relation, conname as name, conkey as columns, obj_description(oid, 'pg_constraint') as comment
        from pg_constraint where conrelid <> 0
      union all
      select indrelid, index.relname, indkey::int2[], obj_description(indexrelid, 'pg_class')
        from pg_index join pg_class as index on index.oid = indexrelid
       where indisunique and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
    ) as rules
    join pg_class on pg_class.oid = rules.relation
    join pg_namespace on pg_namespace.oid = relnamespace
    join pg_attribute on attrelid = rules.relation and attnum = any (rules.columns)
   where nspname !~ '^(pg_|information_schema|graphile_worker)'
   group by nspname, relname, rules.name, rules.comment`
