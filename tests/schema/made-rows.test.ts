// A caller can make a row of any table, as in jsonb_populate_record(null::app_public.tenants, '{"id": "…"}'), and pass it to
// a function. A function that works with the rights of its owner must not believe such a row.

import { beforeAll, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { fillTables } from '../rls/rows/index.ts'

const db = useDatabase()
beforeAll(() => fillTables(db))

type Candidate = { name: string; relation: string; owner: string; is_outside: boolean }

/** What people can call that takes a row of a table and works with the rights of its owner. */
async function candidates(t: Transaction): Promise<Candidate[]> {
  return t.query(`
    select p.oid::regproc::text as name, c.oid::regclass::text as relation, o.rolname as owner,
           o.rolbypassrls or o.rolsuper or pg_has_role(o.oid, 'rowhouse_platform', 'member') as is_outside
      from pg_proc p
      join pg_roles o on o.oid = p.proowner
     cross join unnest(p.proargtypes) as a (type)
      join pg_type y on y.oid = a.type
      join pg_class c on c.oid = y.typrelid and c.relkind in ('r', 'p', 'v', 'm')
     where p.prosecdef and p.pronamespace in (select core.schemas())
       and exists (
         select from unnest(array['rowhouse_user', 'rowhouse_admin', 'rowhouse_analyst']) as r (name)
          where has_function_privilege(r.name, p.oid, 'execute'))
     order by 1`)
}

/** The answer to a made row with every column of the real one, or with the keys replaced by those of no row. */
async function answer(t: Transaction, { name }: Candidate, row: unknown, person: Person): Promise<unknown> {
  await t.become(person)
  const { relation } = row as { relation: string }
  const value = await t.value(`select to_jsonb(${name}(jsonb_populate_record(null::${relation}, $1)))`, [
    JSON.stringify((row as { columns: object }).columns),
  ])
  await t.becomeSuperuser()
  return value
}

const rowsOf = async (t: Transaction, relation: string, tenantId: string): Promise<Record<string, unknown>[]> => {
  const key = relation === 'app_public.tenants' ? 'id' : 'tenant_id'
  const rows = await t.query<{ row: Record<string, unknown> }>(
    `select to_jsonb(r) as row from ${relation} r where ${key} = $1`,
    [tenantId],
  )
  return rows.map(({ row }) => row)
}

const unknownId = '00000000-0000-4000-8000-000000000000'
const unknown = (row: Record<string, unknown>): Record<string, unknown> => ({
  ...row,
  ...(row.id === undefined ? {} : { id: typeof row.id === 'number' ? -1 : unknownId }),
  ...(row.tenant_id === undefined ? {} : { tenant_id: unknownId }),
})

it('the functions outside the wall that take a row are those that a person has read', () =>
  db.inTransaction(async (t) => {
    const outside = (await candidates(t)).filter(({ is_outside }) => is_outside)
    expect(outside.map(({ name }) => name)).toEqual([
      'app_public.tenants_active_user_count',
      'app_public.tenants_status_above',
      'app_public.tenants_storage_used_gb',
      'app_public.tenants_total_api_calls',
      'app_public.tenants_user_count',
    ])
  }))

it('a made row with the keys of another tenant says no more than one with the keys of none', () =>
  db.inTransaction(async (t) => {
    let compared = 0
    for (const candidate of await candidates(t)) {
      const { name, relation } = candidate
      const foreign = await rowsOf(t, relation, db.globex.id)
      expect([name, foreign.length > 0]).toEqual([name, true])
      for (const row of foreign) {
        const other = await answer(t, candidate, { relation, columns: row }, db.acme.owner)
        const none = await answer(t, candidate, { relation, columns: unknown(row) }, db.acme.owner)
        expect([name, other]).toEqual([name, none])
        compared++
      }
    }
    expect(compared).toBeGreaterThanOrEqual(15)
  }))

it('a made row of the own tenant says no more than one of none to whoever may not read the row', () =>
  db.inTransaction(async (t) => {
    for (const candidate of await candidates(t)) {
      const { name, relation } = candidate
      for (const row of await rowsOf(t, relation, db.acme.id)) {
        await t.become(db.acme.viewer)
        const keys = Object.fromEntries(Object.entries(row).filter(([column]) => ['id', 'tenant_id'].includes(column)))
        const condition = Object.keys(keys).map((column) => `r.${column}::text = $1::jsonb ->> '${column}'`)
        const isReadable = await t.value(`select exists (select from ${relation} r where ${condition.join(' and ')})`, [
          JSON.stringify(keys),
        ])
        await t.becomeSuperuser()
        if (isReadable) continue
        const hidden = await answer(t, candidate, { relation, columns: row }, db.acme.viewer)
        const none = await answer(t, candidate, { relation, columns: unknown(row) }, db.acme.viewer)
        expect([name, hidden]).toEqual([name, none])
      }
    }
  }))

it('the figures of a tenant are right for who may read it: its members, staff, visitors from above', () =>
  db.inTransaction(async (t) => {
    const count = (slug: string): Promise<number> =>
      t.value(
        `select app_public.tenants_user_count(jsonb_populate_record(null::app_public.tenants, jsonb_build_object('id', $1::uuid)))`,
        [slug === 'acme' ? db.acme.id : db.globex.id],
      )
    await t.become(db.acme.viewer)
    expect([await count('acme'), await count('globex')]).toEqual([4, 0])
    await t.become(db.platform.owner, 'rowhouse_admin')
    expect([await count('acme'), await count('globex')]).toEqual([4, 4])
    await t.becomeSuperuser()
    // a tenant with a subscription stays at the top, and the members of one that moves need room
    await t.query(`delete from app_public.usage_quotas where quota_type = 'users'`)
    await t.query(`update app_public.subscriptions set status = 'cancelled', ended_at = now() where tenant_id = $1`, [
      db.globex.id,
    ])
    await t.query('update app_public.tenants set parent_tenant_id = $1 where id = $2', [db.acme.id, db.globex.id])
    await t.become(db.acme.owner)
    expect(await count('globex')).toBe(4)
    await t.become(db.acme.viewer)
    expect(await count('globex')).toBe(0)
  }))
