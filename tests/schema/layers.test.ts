// Domains are layers: one may name what is below it and nothing above. The order is that of the folders of sql/. What a
// higher domain hangs on a lower one's table by itself, a trigger of its own, is the higher one's.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'

const root = join(import.meta.dirname, '../..')
const db = useDatabase()

let domains: string[] = []
/** The domain that defines an object of app_public; elsewhere the schema says it. */
const definedBy = new Map<string, string>()

beforeAll(async () => {
  domains = (await readdir(join(root, 'sql'))).sort().map((folder) => folder.replace(/^\d+_/, ''))
  for (const directory of ['migrations', 'sql']) {
    const entries = await readdir(join(root, directory), { recursive: true, withFileTypes: true })
    for (const entry of entries.filter(({ name }) => name.endsWith('.sql') && !name.endsWith('.down.sql'))) {
      const path = join(entry.parentPath, entry.name)
      const domain = /\d+_([a-z]+)/.exec(path.slice(root.length))?.[1] ?? ''
      const definitions = (await readFile(path, 'utf8')).matchAll(
        /create (?:or replace )?(?:unlogged )?(?:table|type|domain|view|function|procedure|aggregate) app_public\.([\w%$]+)/g,
      )
      // a name made by format(), such as delete_%1$s, stands for all that begin like it
      for (const [, name = ''] of definitions) if (!definedBy.has(name)) definedBy.set(name, domain)
    }
  }
})

function domainOf(schema: string, name: string): string | undefined {
  if (schema === 'vault') return undefined
  if (schema !== 'app_public') return domains.includes(schema) ? schema : undefined
  const exact = definedBy.get(name)
  if (exact) return exact
  for (const [pattern, domain] of definedBy) {
    const at = pattern.indexOf('%')
    if (at > 0 && name.startsWith(pattern.slice(0, at))) return domain
  }
  return undefined
}

const runsUpward = (from: string, to: string): boolean => domains.indexOf(to) > domains.indexOf(from)

type Dependency = { from_schema: string; from_name: string; to_schema: string; to_name: string }

const upward = (dependencies: Dependency[]): string[] => [
  ...new Set(
    dependencies.flatMap((d) => {
      const from = domainOf(d.from_schema, d.from_name)
      const to = domainOf(d.to_schema, d.to_name)
      return from && to && runsUpward(from, to)
        ? [`${from}: ${d.from_schema}.${d.from_name} → ${to}: ${d.to_schema}.${d.to_name}`]
        : []
    }),
  ),
]

it('a dependency of core on billing would be found', () => {
  const dependency = { from_schema: 'core', from_name: 'clock', to_schema: 'app_public', to_name: 'invoices' }
  expect(upward([dependency])).toEqual(['core: core.clock → billing: app_public.invoices'])
})

it('every object of the API has one domain', async () => {
  const { rows } = await db.pool.query<{ name: string }>(`
    select relname as name from pg_class where relnamespace = 'app_public'::regnamespace and relkind in ('r', 'p', 'v')
    union select proname from pg_proc where pronamespace = 'app_public'::regnamespace order by 1`)
  // the functions of a kind (agents_assigned_tags) are named after their table
  expect(
    rows.filter(
      ({ name }) => domainOf('app_public', name) === undefined && !/_(assigned_tags|shared_with)$/.test(name),
    ),
  ).toEqual([])
})

describe('no dependency runs upward', () => {
  it('between tables: foreign keys', async () => {
    const { rows } = await db.pool.query<Dependency>(`
      select cn.nspname as from_schema, c.relname as from_name, fn.nspname as to_schema, f.relname as to_name
        from pg_constraint k
        join pg_class c on c.oid = k.conrelid join pg_namespace cn on cn.oid = c.relnamespace
        join pg_class f on f.oid = k.confrelid join pg_namespace fn on fn.oid = f.relnamespace
       where k.contype = 'f'`)
    expect(rows.length).toBeGreaterThan(50)
    expect(upward(rows)).toEqual([])
  })

  it('from tables and views to types, functions and relations: columns, defaults, checks, policies, queries', async () => {
    const { rows } = await db.pool.query<Dependency>(`
      with sources as (
        -- what belongs to a relation: itself, its defaults, its constraints, its policies, its query
        select c.oid as relation, 'pg_class'::regclass as class, c.oid as object from pg_class c
        union all select adrelid, 'pg_attrdef'::regclass, oid from pg_attrdef
        union all select conrelid, 'pg_constraint'::regclass, oid from pg_constraint where conrelid <> 0
        -- who reads the audit is said by tenancy, where permissions are known
        union all select polrelid, 'pg_policy'::regclass, oid from pg_policy where polrelid <> 'audit.ledger'::regclass
        union all select ev_class, 'pg_rewrite'::regclass, oid from pg_rewrite
      )
      select cn.nspname as from_schema, c.relname as from_name, tn.nspname as to_schema, t.name as to_name
        from sources s
        join pg_depend d on d.classid = s.class and d.objid = s.object
        join pg_class c on c.oid = s.relation join pg_namespace cn on cn.oid = c.relnamespace
        join (select 'pg_class'::regclass as class, oid, relnamespace as namespace, relname as name from pg_class
              union all select 'pg_proc'::regclass, oid, pronamespace, proname from pg_proc
              union all select 'pg_type'::regclass, oid, typnamespace, typname from pg_type) t
          on t.class = d.refclassid and t.oid = d.refobjid
        join pg_namespace tn on tn.oid = t.namespace`)
    expect(rows.length).toBeGreaterThan(500)
    expect(upward(rows)).toEqual([])
  })

  it('from functions to anything they name: their search path is pinned, so every name has its schema', async () => {
    const { rows } = await db.pool.query<{ schema: string; name: string; text: string }>(`
      select n.nspname as schema, p.proname as name,
             coalesce(p.prosrc, '') || coalesce(pg_get_function_sqlbody(p.oid), '') || ' ' || pg_get_function_arguments(p.oid)
               || ' ' || coalesce(pg_get_function_result(p.oid), '') as text
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where n.nspowner = 'rowhouse_owner'::regrole and p.prokind <> 'a'
         -- the migration writes a recorder and an announcer from a table that a higher domain has named
         and not (p.prorettype = 'trigger'::regtype
                  and (n.nspname = 'audit' and p.proname like 'record\\_%' or n.nspname = 'core' and p.proname like 'announce\\_%'))`)
    const qualified = new RegExp(`(?<![\\w.])(app_public|${domains.join('|')})\\.(\\w+)`, 'g')
    const dependencies = rows.flatMap(({ schema, name, text }) =>
      [...text.replaceAll(/--.*$/gm, '').matchAll(qualified)].map(
        ([, toSchema = '', toName = '']): Dependency => ({
          from_schema: schema,
          from_name: name,
          to_schema: toSchema,
          to_name: toName,
        }),
      ),
    )
    expect(dependencies.length).toBeGreaterThan(1000)
    expect(upward(dependencies)).toEqual([])
  })

  it('from PL/pgSQL to what plpgsql_check says it uses', async (context) => {
    needsServer(context, 'has no plpgsql_check')
    await db.pool.query('create extension if not exists plpgsql_check')
    const { rows } = await db.pool.query<Dependency>(`
      select n.nspname as from_schema, p.proname as from_name, d.schema as to_schema, d.name as to_name
        from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        join pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql'
       cross join lateral plpgsql_show_dependency_tb(p.oid) d
       where n.nspowner = 'rowhouse_owner'::regrole and p.prorettype <> 'trigger'::regtype`)
    expect(rows.length).toBeGreaterThan(500)
    expect(upward(rows)).toEqual([])
  })
})

it('no function has an overload, so that a name is enough to grant, comment and call it', async () => {
  const { rows } = await db.pool.query(`
    select n.nspname || '.' || p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspowner = 'rowhouse_owner'::regrole group by 1 having count(*) > 1`)
  expect(rows).toEqual([])
})
