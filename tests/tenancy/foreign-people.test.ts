// Wherever a person can be named, only the tenant's own members can be. A person of another tenant gets the same answer as
// one who does not exist, so nobody learns who exists.

import { beforeAll, describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { fillTables } from '../rls/rows/index.ts'

const db = useDatabase()
beforeAll(() => fillTables(db))
const nobody = '00000000-0000-4000-8000-000000000000'

type Column = { relation: string; column: string; has_trigger: boolean }

/** The columns that refer to a person and that people, keys or staff can write. */
const writableColumns = (t: Transaction): Promise<Column[]> =>
  t.query(`
    select distinct c.oid::regclass::text as relation, a.attname as column, exists (
             select from pg_trigger g
              where g.tgrelid = c.oid and g.tgfoid = 'tenancy.tg__require_member'::regproc and g.tgenabled in ('O', 'A')
                and g.tgargs like convert_to(a.attname, 'utf8') || '\\000'::bytea || '%'::bytea) as has_trigger
      from pg_constraint k
      join pg_class c on c.oid = k.conrelid
      join pg_attribute a on a.attrelid = c.oid and a.attnum = any (k.conkey) and a.attname not like '%tenant_id'
     cross join unnest(array['rowhouse_user', 'rowhouse_admin']) as r (name)
     where k.contype = 'f' and k.confrelid in ('app_public.user_profiles'::regclass, 'app_public.user_tenants'::regclass)
       and exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id' and not t.attisdropped)
       and (has_column_privilege(r.name, c.oid, a.attnum, 'insert') or has_column_privilege(r.name, c.oid, a.attnum, 'update'))
     order by 1, 2`)

async function failure(t: Transaction, text: string, values: unknown[]): Promise<unknown> {
  await t.query('savepoint attempt')
  try {
    await t.query(text, values)
    await t.query('release savepoint attempt')
    return undefined
  } catch (error) {
    await t.query('rollback to savepoint attempt')
    const { code, message, hint, constraint } = error as Record<string, unknown>
    return { code, message, hint, constraint }
  }
}

describe('a column that names a person and can be written', () => {
  it('has the trigger of tenancy.require_member', () =>
    db.inTransaction(async (t) => {
      const columns = await writableColumns(t)
      expect(columns.length).toBeGreaterThanOrEqual(4)
      expect(columns.filter(({ has_trigger }) => !has_trigger)).toEqual([])
    }))

  it('refuses a person of another tenant as it refuses one who does not exist', () =>
    db.inTransaction(async (t) => {
      for (const { relation, column } of await writableColumns(t)) {
        const statement = `update ${relation} set ${column} = $1 where tenant_id = $2`
        const foreign = await failure(t, statement, [db.globex.owner.userId, db.acme.id])
        expect([relation, foreign]).toEqual([relation, expect.objectContaining({ code: 'ID301' })])
        expect([relation, foreign]).toEqual([relation, await failure(t, statement, [nobody, db.acme.id])])
      }
    }))

  it('refuses them at an insert, too, from a real member', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const statement = `insert into app_public.agents (name, owner_id) values ('of another', $1)`
      const foreign = await failure(t, statement, [db.globex.owner.userId])
      expect(foreign).toMatchObject({ code: 'ID301' })
      expect(foreign).toEqual(await failure(t, statement, [nobody]))
      expect(await t.errorCode(statement, [db.acme.viewer.userId])).toBeUndefined()
    }))

  it('refuses members who were shut out, and leaves what they own', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(`insert into app_public.agents (name, owner_id) values ('theirs', $1)`, [db.acme.member.userId])
      await t.query('select app_public.deactivate_member($1)', [db.acme.member.userId])
      expect(
        await t.errorCode(`insert into app_public.agents (name, owner_id) values ('late', $1)`, [
          db.acme.member.userId,
        ]),
      ).toBe('ID301')
      expect(await t.errorCode(`update app_public.agents set description = 'x' where name = 'theirs'`)).toBeUndefined()
      expect(
        await t.errorCode(`update app_public.agents set owner_id = owner_id where name = 'theirs'`),
      ).toBeUndefined()
    }))

  it('takes platform staff as the owner of an agent that they create', () =>
    db.inTransaction(async (t) => {
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.errorCode(`insert into app_public.agents (name) values ('by staff')`)).toBeUndefined()
    }))
})

it('a function that takes a person answers the same for one of another tenant and for none', () =>
  db.inTransaction(async (t) => {
    const functions = await t.query<{
      name: string
      arguments: { name: string; type: string; has_default: boolean }[]
    }>(`
      select p.oid::regproc::text as name,
             (select json_agg(json_build_object('name', p.proargnames[i], 'type', p.proargtypes[i - 1]::regtype::text,
                                                'has_default', i > p.pronargs - p.pronargdefaults) order by i)
                from generate_series(1, p.pronargs) i) as arguments
        from pg_proc p
       where p.pronamespace = 'app_public'::regnamespace and has_function_privilege('rowhouse_user', p.oid, 'execute')
         -- one that only reads finds nothing
         and p.provolatile = 'v'
         and exists (select from generate_series(1, p.pronargs) i
                      where p.proargnames[i] ~ '(^|_)(user|owner|member|person)_id$' and p.proargtypes[i - 1] = 'uuid'::regtype)
       order by 1`)
    expect(functions.length).toBeGreaterThanOrEqual(10)
    const workspace = await t.value(`select id from app_public.workspaces where tenant_id = $1 limit 1`, [db.acme.id])
    const institution = await t.value(`select id from app_public.institutions where tenant_id = $1 limit 1`, [
      db.acme.id,
    ])
    await t.become(db.acme.owner)
    for (const { name, arguments: all } of functions) {
      const given = all.filter((a) => !a.has_default || /(^|_)(user|owner|member|person)_id$/.test(a.name))
      const value = (a: { name: string; type: string }, person: string): unknown => {
        if (/(^|_)(user|owner|member|person)_id$/.test(a.name)) return person
        if (a.name === 'workspace_id') return workspace
        if (a.name === 'institution_id') return institution
        if (a.type.endsWith('role')) return 'viewer'
        if (a.type === 'bigint' || a.type === 'numeric' || a.type === 'integer') return 1
        return a.name === 'usage_type' ? 'search' : a.type === 'text' ? 'x' : null
      }
      const call = `select ${name}(${given.map((a, i) => `${a.name} => $${i + 1}`).join(', ')})`
      const answer = (person: string) =>
        failure(
          t,
          call,
          given.map((a) => value(a, person)),
        )
      const foreign = await answer(db.globex.owner.userId)
      expect([name, foreign]).toEqual([name, await answer(nobody)])
      expect([name, foreign]).not.toEqual([name, undefined])
    }
  }))
