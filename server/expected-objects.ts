// What a whole database has: the objects of generated/schema.sql by their names, read from the file that pg_dump wrote.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Kind =
  | 'table'
  | 'view'
  | 'materialized view'
  | 'sequence'
  | 'type'
  | 'function'
  | 'constraint'
  | 'index'
  | 'policy'
  | 'trigger'
  | 'row level security'

export type SchemaObject = {
  kind: Kind
  /** schema.name, and "name on schema.table" for what belongs to a table. */
  name: string
  /** The statement that makes it, where that is all it needs. */
  statement?: string
}

const name = String.raw`((?:\w+|"[^"]+")(?:\.(?:\w+|"[^"]+"))?)`
const pattern = (text: string): RegExp => new RegExp(`^${text.replaceAll('NAME', name)}`)

const ofOneName: [Kind, RegExp][] = [
  ['materialized view', pattern('CREATE MATERIALIZED VIEW NAME')],
  ['view', pattern('CREATE (?:OR REPLACE )?VIEW NAME')],
  ['sequence', pattern('CREATE SEQUENCE NAME')],
  ['type', pattern('CREATE (?:TYPE|DOMAIN) NAME')],
  ['function', pattern(String.raw`CREATE (?:FUNCTION|PROCEDURE|AGGREGATE) NAME\(`)],
]
const ofATable: [Kind, RegExp][] = [
  ['policy', pattern('CREATE POLICY NAME ON NAME')],
  [
    'trigger',
    pattern('CREATE (?:CONSTRAINT )?TRIGGER NAME .*? ON NAME (?:DEFERRABLE|NOT DEFERRABLE|FOR EACH|FROM|REFERENCING)'),
  ],
]
const table = pattern('CREATE (?:UNLOGGED )?TABLE NAME')
const index = pattern('CREATE (?:UNIQUE )?INDEX NAME ON (?:ONLY )?NAME')
const alteredTable = pattern('ALTER TABLE (?:ONLY )?NAME')
const constraint = /^ {4}(?:ADD )?CONSTRAINT (\w+|"[^"]+") (?:PRIMARY KEY|UNIQUE|FOREIGN KEY|EXCLUDE|CHECK)/
const rowSecurity = /(ENABLE|FORCE) ROW LEVEL SECURITY;$/

export function objectsOf(text: string): SchemaObject[] {
  const found: SchemaObject[] = []
  // the table that the lines are about
  let target = ''
  for (const line of text.split('\n')) {
    const [, ofTable] = table.exec(line) ?? alteredTable.exec(line) ?? []
    if (ofTable) target = ofTable
    if (ofTable && line.startsWith('CREATE')) found.push({ kind: 'table', name: ofTable })
    const [, how] = rowSecurity.exec(line) ?? []
    if (how) found.push({ kind: 'row level security', name: `${how === 'FORCE' ? 'forced' : 'enabled'} on ${target}` })
    const [, ofConstraint] = constraint.exec(line) ?? []
    if (ofConstraint) found.push({ kind: 'constraint', name: `${ofConstraint} on ${target}` })
    const [, ofIndex, indexed = ''] = index.exec(line) ?? []
    if (ofIndex)
      found.push({
        kind: 'index',
        name: `${indexed.split('.')[0]}.${ofIndex}`,
        statement: line.replace(' ON ONLY ', ' ON '),
      })
    for (const [kind, expression] of ofOneName) {
      const [, one] = expression.exec(line) ?? []
      if (one) found.push({ kind, name: one })
    }
    for (const [kind, expression] of ofATable) {
      const [, one, on] = expression.exec(line) ?? []
      if (one) found.push({ kind, name: `${one} on ${on}` })
    }
  }
  return found
}

let expected: Promise<SchemaObject[]> | undefined

export function expectedObjects(): Promise<SchemaObject[]> {
  expected ??= readFile(join(import.meta.dirname, '../generated/schema.sql'), 'utf8').then(objectsOf)
  return expected
}

/** The names of the objects that a database has, in the words of objectsOf. */
export const presentObjects = `
  with own as (
    select n.oid, n.nspname from pg_namespace n where n.nspowner = 'rowhouse_owner'::regrole
  ),
  relation as (
    select c.oid, c.relkind, c.relrowsecurity, c.relforcerowsecurity,
           quote_ident(own.nspname) || '.' || quote_ident(c.relname) as name
      from pg_class c join own on own.oid = c.relnamespace
  )
  select case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                      when 'i' then 'index' when 'I' then 'index' else 'table' end as kind, name
    from relation where relkind in ('r', 'p', 'v', 'm', 'S', 'i', 'I')
  union all
  select 'row level security', 'enabled on ' || name from relation where relrowsecurity
  union all
  select 'row level security', 'forced on ' || name from relation where relforcerowsecurity
  union all
  select 'type', quote_ident(own.nspname) || '.' || quote_ident(t.typname) from pg_type t join own on own.oid = t.typnamespace
  union all
  select 'function', quote_ident(own.nspname) || '.' || quote_ident(p.proname) from pg_proc p join own on own.oid = p.pronamespace
  union all
  select 'constraint', quote_ident(k.conname) || ' on ' || r.name from pg_constraint k join relation r on r.oid = k.conrelid
  union all
  select 'policy', quote_ident(p.polname) || ' on ' || r.name from pg_policy p join relation r on r.oid = p.polrelid
  union all
  select 'trigger', quote_ident(t.tgname) || ' on ' || r.name from pg_trigger t join relation r on r.oid = t.tgrelid`
