// Rules every object keeps, read from the catalogue: whoever adds one is told here what is missing.

import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const schemas = `(select nspname from pg_namespace where nspowner = 'rowhouse_owner'::regrole)`
const names = async (text: string): Promise<string[]> =>
  (await db.pool.query<{ name: string }>(text)).rows.map(({ name }) => name)

describe('every table', () => {
  it('is secured: forced row level security, a wall or a place in the list of global tables', async () => {
    expect((await db.pool.query('select * from core.security_gaps()')).rows).toEqual([])
  })

  it('of the data plane has tenant_id first in its primary key and in every unique index', async () => {
    const controlPlane = [
      'app_public.user_tenants',
      'app_public.agents',
      'app_public.rag_knowledge_sources',
      ...['tools', 'prompts', 'workflows', 'tool_categories', 'tags', 'avatars', 'icons'].map((t) => `app_public.${t}`),
      ...['model_configurations', 'departments', 'business_functions'].map((t) => `app_public.${t}`),
      ...['organizational_roles', 'personas'].map((t) => `app_public.${t}`),
      'app_public.tenant_config',
      'app_public.user_tenants',
      'app_public.invitations',
      'app_public.api_keys',
      'app_public.resource_shares',
      'app_public.workspaces',
      'app_public.projects',
      'app_public.institutions',
      'app_public.agents',
      'app_public.rag_knowledge_sources',
      'app_public.subscriptions',
      'app_public.llm_model_price_overrides',
      'app_public.usage_quotas',
      'app_public.rate_limit_config',
    ]
    expect(
      await names(`
        select i.indexrelid::regclass::text as name
          from pg_index i
          join pg_class c on c.oid = i.indrelid
          join pg_namespace n on n.oid = c.relnamespace and n.nspname in ${schemas}
         where i.indisunique
           and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
           and not (select a.attname = 'tenant_id' from pg_attribute a where a.attrelid = c.oid and a.attnum = i.indkey[0])
           -- a key names no tenant, so its hash alone has to say whose it is
           and i.indexrelid::regclass::text <> 'vault.api_keys_key_hash_idx'
           and not (i.indisprimary and c.oid::regclass::text = any ('{${controlPlane.join(',')}}'))`),
    ).toEqual([])
  })

  it('has an index for each of its foreign keys', async () => {
    expect(
      await names(`
        select conrelid::regclass || ' ' || conname as name
          from pg_constraint k join pg_namespace n on n.oid = k.connamespace
         where contype = 'f' and n.nspname in ${schemas}
           and not exists (
             select from pg_index i
              where i.indrelid = k.conrelid and i.indpred is null
                and (select array_agg(x order by x) from unnest(i.indkey[0:cardinality(k.conkey) - 1]) x)
                  = (select array_agg(x order by x) from unnest(k.conkey) x))`),
    ).toEqual([])
  })

  it('keeps times with their zone', async () => {
    expect(
      await names(`
        select attrelid::regclass || '.' || attname as name
          from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
         where nspname in ${schemas} and atttypid = 'timestamp'::regtype and not attisdropped`),
    ).toEqual([])
  })
})

describe('everything that is exposed', () => {
  it('has a comment: tables, views, functions, types', async () => {
    expect(
      await names(`
        select 'table ' || c.oid::regclass as name
          from pg_class c join pg_namespace n on n.oid = relnamespace
         where nspname in ${schemas} and relkind in ('r', 'p', 'v', 'm') and obj_description(c.oid, 'pg_class') is null
        union all
        select 'function ' || p.oid::regprocedure
          from pg_proc p join pg_namespace n on n.oid = pronamespace
         where nspname in ${schemas} and obj_description(p.oid, 'pg_proc') is null
        union all
        select 'type ' || t.oid::regtype
          from pg_type t join pg_namespace n on n.oid = typnamespace
         where nspname = 'app_public' and typtype = 'e' and obj_description(t.oid, 'pg_type') is null`),
    ).toEqual([])
  })

  it('has a comment on each column whose name does not say it all', async () => {
    expect(
      await names(`
        select c.oid::regclass || '.' || attname as name
          from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
         where nspname = 'app_public' and relkind in ('r', 'p') and attnum > 0 and not attisdropped
           and attname not in ('id', 'tenant_id', 'user_id')
           and col_description(c.oid, attnum) is null`),
    ).toEqual([])
  })
})

describe('every function', () => {
  it('exists once: no overload was left behind', async () => {
    expect(
      await names(`
        select p.proname as name from pg_proc p join pg_namespace n on n.oid = pronamespace
         where nspname in ${schemas} group by nspname, proname having count(*) > 1`),
    ).toEqual([])
  })

  it('is written in one place: no file replaces what another made', async () => {
    const { readdir, readFile } = await import('node:fs/promises')
    const root = new URL('../../sql/', import.meta.url)
    const made: string[] = []
    for (const file of await readdir(root, { recursive: true })) {
      if (!file.endsWith('.sql')) continue
      const text = await readFile(new URL(file, root), 'utf8')
      for (const [, name] of text.matchAll(/^create or replace (?:function|procedure) ([\w.]+)\(/gm))
        made.push(name as string)
    }
    expect(made.filter((name, i) => made.indexOf(name) !== i)).toEqual([])
  })

  it('pins its search_path, unless it is parsed at creation', async () => {
    expect(
      await names(`
        select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = pronamespace
         where nspname in ${schemas} and prosqlbody is null and prokind <> 'a'
           and not exists (select from unnest(proconfig) c where c like 'search\\_path=%')`),
    ).toEqual([])
  })

  it('passes plpgsql_check', async (context) => {
    const { rows } = await db.pool.query(`select from pg_available_extensions where name = 'plpgsql_check'`)
    if (rows.length === 0) context.skip('plpgsql_check is not available on this engine')
    await db.inTransaction(async (t) => {
      await t.query('create extension plpgsql_check')
      const found = await t.query(`
        select p.oid::regprocedure as function, x.level, x.message
          from pg_proc p
          join pg_namespace n on n.oid = pronamespace
          join pg_language l on l.oid = prolang and lanname = 'plpgsql'
          left join lateral (
            select tgrelid as relation, tgoldtable as old_rows, tgnewtable as new_rows from pg_trigger where tgfoid = p.oid
             -- one of several operations names the rows of them all
             order by (tgoldtable is null)::int + (tgnewtable is null)::int limit 1
          ) as r on p.prorettype = 'trigger'::regtype
         cross join lateral plpgsql_check_function_tb(
           p.oid, coalesce(r.relation, 0), oldtable => r.old_rows, newtable => r.new_rows,
           performance_warnings => false, extra_warnings => false) x
         where nspname in ${schemas} and x.level = 'error'`)
      expect(found).toEqual([])
    })
  })

  it('of the platform, the only role outside the wall, is named in docs/security.md', async () => {
    const { readFile } = await import('node:fs/promises')
    const documented = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8')
    const owned = await names(`
      select n.nspname || '.' || p.proname as name from pg_proc p join pg_namespace n on n.oid = pronamespace
       where pg_get_userbyid(proowner) = 'rowhouse_platform' order by 1`)
    expect(owned.length).toBeGreaterThan(0)
    // one that is made for each kind of resource is listed once, as catalog.shared_…s
    const patterns = [...documented.matchAll(/`([\w.]+)…(\w*)`/g)].map(
      ([, start, end]) => new RegExp(`^${start}\\w+${end}$`),
    )
    const isListed = (name: string): boolean =>
      documented.includes(`\`${name}\``) || patterns.some((pattern) => pattern.test(name))
    expect(owned.filter((name) => !isListed(name))).toEqual([])
  })
})
