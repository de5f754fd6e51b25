// Whoever owns a table or a function decides what code runs when others use it: a trigger, a policy, a default, a body. So a
// role that a login can become must own nothing that a role with more rights uses. This walks the graph from each login.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

/** The roles a login comes to, each with the way; an edge leads from a role to one whose rights it can take. */
const walk = `
  with recursive object as (
    -- What a role controls: what it owns, and tables to which it may add triggers.
    select r.oid as role, c.oid::regclass::text as name, c.relname as word, c.oid as relation, null::oid as function
      from pg_class c join pg_roles r on r.oid = c.relowner or c.relkind in ('r', 'p', 'v') and r.oid = any (
        select (aclexplode(c.relacl)).grantee where exists (
          select from aclexplode(c.relacl) a where a.grantee = r.oid and a.privilege_type = 'TRIGGER'))
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
    union all
    select p.proowner, p.oid::regprocedure::text, p.proname, null, p.oid
      from pg_proc p where p.pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
    union all
    -- Who may create in a schema of ours can put a function there that code takes for another.
    select r.oid, 'create in ' || n.nspname, n.nspname, null, null
      from pg_namespace n join pg_roles r on n.nspowner <> r.oid and has_schema_privilege(r.oid, n.oid, 'create')
     where n.nspowner = 'rowhouse_owner'::regrole or n.nspname = 'graphile_worker'
  ), edge as (
    select m.member as from_role, m.roleid as to_role, 'is a member of' as way from pg_auth_members m
    union all
    select o.role, u.oid, 'controls ' || o.name || ', which it uses'
      from object o
      join pg_roles u on u.oid <> o.role and not u.rolsuper
     where has_table_privilege(u.oid, o.relation, 'select, insert, update, delete')
        or has_function_privilege(u.oid, o.function, 'execute')
           -- everyone may execute what an extension brings, and nobody but its owner can change it
           and not exists (select from pg_depend d where d.objid = o.function and d.deptype = 'e')
        -- or a function of that role names it
        or o.name like 'graphile_worker.%'
           and exists (select from pg_proc p where p.proowner = u.oid and p.prosrc ~ ('\\m' || o.word || '\\M'))
        or o.name like 'create in %' and u.rolname = 'rowhouse_owner'
    union all
    -- These may change any role or read and write the files of the server.
    select r.oid, 'rowhouse_owner'::regrole, 'has an attribute that gives everything'
      from pg_roles r
     where (r.rolsuper or r.rolcreaterole)
        or r.rolname ~ '^pg_(write_server_files|execute_server_program|read_server_files|database_owner)$' and r.rolname <> 'pg_database_owner'
  ), way as (
    select r.oid as login, r.oid as role, r.rolname::text as way, array[r.oid] as seen
      from pg_roles r where r.rolname = any ($1)
    union all
    select w.login, e.to_role, w.way || ' ' || e.way || ' ' || e.to_role::regrole, w.seen || e.to_role
      from way w join edge e on e.from_role = w.role
     where e.to_role <> all (w.seen) and cardinality(w.seen) < 6
       -- who has come there needs no further step
       and w.role <> all ($2::regrole[])
  )
  select distinct way from way where role = any ($2::regrole[]) order by way`

/** The owner, and those that read past the wall. */
const beyondTheWall = ['rowhouse_owner', 'rowhouse_platform', 'rowhouse_backup']

const ways = async (t: Transaction, ...logins: string[]): Promise<string[]> =>
  (await t.query<{ way: string }>(walk, [logins, beyondTheWall])).map(({ way }) => way)

const logins = ['rowhouse_authenticator', 'an_analyst']
const prepare = (t: Transaction) => t.query('create role an_analyst login in role rowhouse_analyst')

it('no login has a way to rowhouse_owner, rowhouse_platform or rowhouse_backup', () =>
  db.inTransaction(async (t) => {
    await prepare(t)
    expect(await ways(t, ...logins)).toEqual([])
  }))

it('roles that a login can become own no table, view, function or schema', () =>
  db.inTransaction(async (t) => {
    await prepare(t)
    const owned = await t.query(
      `with recursive role as (
         select oid from pg_roles where rolname = any ($1)
         union select m.roleid from role join pg_auth_members m on m.member = role.oid)
       select 'relation ' || c.oid::regclass as name from pg_class c join role on role.oid = c.relowner
       union all select 'function ' || p.oid::regprocedure from pg_proc p join role on role.oid = p.proowner
         -- what only its owner may call decides what no other role does
         where exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee <> p.proowner)
       union all select 'schema ' || n.nspname from pg_namespace n join role on role.oid = n.nspowner
       union all select 'type ' || y.oid::regtype from pg_type y join role on role.oid = y.typowner`,
      [logins],
    )
    expect(owned).toEqual([])
  }))

it.each([
  [
    'a table that the owner uses',
    'alter table app_public.embeddings owner to rowhouse_worker; grant select on app_public.embeddings to rowhouse_owner',
  ],
  [
    'a function that the owner calls',
    'alter function core.enqueue_job owner to rowhouse_worker; grant execute on function core.enqueue_job to rowhouse_owner',
  ],
  ['the functions of the queue', 'alter function graphile_worker.add_job owner to rowhouse_worker'],
  ['the right to add triggers', 'grant trigger on app_public.agents to rowhouse_user'],
  ['the right to create functions', 'grant create on schema app_public to rowhouse_worker'],
  ['a membership', 'grant rowhouse_platform to rowhouse_worker'],
  ['a membership of who reads all rows', 'grant rowhouse_backup to rowhouse_authenticator'],
  ['an attribute', 'alter role rowhouse_worker createrole'],
])('the walk finds %s', (_what, statement) =>
  db.inTransaction(async (t) => {
    await prepare(t)
    await t.query('grant usage, create on schema app_public, core, graphile_worker to rowhouse_worker')
    await t.query('revoke create on schema app_public, core, graphile_worker from rowhouse_worker')
    await t.query(statement)
    expect(await ways(t, ...logins)).not.toEqual([])
  }),
)

describe('rowhouse_backup, which reads the rows of all tenants and of vault', () => {
  const gapsAfter = (...statements: string[]) =>
    db.inTransaction(async (t) => {
      for (const statement of statements) await t.query(statement)
      return t.query('select object, gap from core.security_gaps()')
    })

  it('has no login, no attribute, nothing of its own, and no member where a superuser migrated', () =>
    db.inTransaction(async (t) => {
      const role = await t.query(
        `select rolcanlogin or rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication as is_more,
                array(select roleid::regrole::text from pg_auth_members where member = r.oid) as member_of,
                array(select dbid::text from pg_shdepend
                       where refclassid = 'pg_authid'::regclass and refobjid = r.oid and deptype = 'o') as owns
           from pg_roles r where rolname = 'rowhouse_backup'`,
      )
      expect(role).toEqual([{ is_more: false, member_of: [], owns: [] }])
    }))

  it('may execute no function of ours', () =>
    db.inTransaction(async (t) => {
      const allowed = await t.query(
        `select p.oid::regprocedure::text as name from pg_proc p
          where p.pronamespace in (select core.schemas()) and has_function_privilege('rowhouse_backup', p.oid, 'execute')`,
      )
      expect(allowed).toEqual([])
    }))

  it('a member who is not the administrator is a security gap', async () => {
    const [gap, ...others] = await gapsAfter('create role curious login in role rowhouse_backup')
    expect([gap?.object, others]).toEqual(['curious', []])
    expect(await gapsAfter('create role administrator login in role rowhouse_backup, rowhouse_owner')).toEqual([])
  })

  it.each([
    ['a login', 'alter role rowhouse_backup login'],
    ['the right to write', 'grant update on app_public.agents to rowhouse_backup'],
  ])('%s of its own is a security gap', async (_what, statement) => {
    expect(await gapsAfter(statement)).toHaveLength(1)
  })
})
