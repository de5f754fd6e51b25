// Two real clients change the hierarchy, or a tenant's life, at once.

import { beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { codeOf, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, sessions, untilBlocked } = useSessions(db)
beforeEach((context) => needsServer(context))

async function createTenants(count: number): Promise<string[]> {
  const { rows } = await db.pool.query<{ id: string }>(
    `insert into app_public.tenants (slug, name) select 't' || replace(gen_random_uuid()::text, '-', ''), 'T' from generate_series(1, $1) returning id`,
    [count],
  )
  return rows.map(({ id }) => id)
}

/** Tenants whose chain of parents does not end, or whose stored place is not their place. */
async function misplaced(): Promise<unknown[]> {
  const { rows } = await db.pool.query(`
    with recursive placed as (
      select id, slug::text as path, 0 as level, array[]::uuid[] as above from app_public.tenants where parent_tenant_id is null
      union all
      select t.id, p.path || '.' || t.slug, p.level + 1, p.above || p.id from app_public.tenants t join placed p on t.parent_tenant_id = p.id
    )
    select t.id from app_public.tenants t left join placed p on p.id = t.id
     where p.id is null or (t.tenant_path, t.tenant_level, t.ancestor_ids) <> (p.path, p.level, p.above)`)
  return rows
}

const byApi = 'select app_public.move_tenant($1, $2)'
const bySql = 'update app_public.tenants set parent_tenant_id = $2 where id = $1'

describe('A moved below B while B is moved below A', () => {
  it.each([
    ['move_tenant', byApi, 'rowhouse_admin', 'read committed', 'TN503'],
    ['an update', bySql, 'none', 'read committed', 'TN503'],
    // the second transaction's snapshot is older than the first move: it must fail, not believe it
    ['an update, repeatable read', bySql, 'none', 'repeatable read', '40001'],
    ['an update, serializable', bySql, 'none', 'serializable', '40001'],
  ])('by %s is refused, after waiting for the first', async (_name, move, role, isolation, code) => {
    const [a, b] = (await createTenants(2)) as [string, string]
    const [first, second] = [await session(role), await session(role)]
    await second.query(`begin isolation level ${isolation}`)
    await second.query('select count(*) from app_public.tenants')
    await first.query(`begin isolation level ${isolation}`)
    await first.query(move, [a, b])
    const outcome = codeOf(second.query(move, [b, a]))
    await untilBlocked(second)
    await first.query('commit')
    expect(await outcome).toBe(code)
    await second.query('rollback')
    expect(await misplaced()).toEqual([])
  })

  it('the second is made when the first is rolled back', async () => {
    const [a, b] = (await createTenants(2)) as [string, string]
    const [first, second] = [await session('rowhouse_admin'), await session('rowhouse_admin')]
    await first.query('begin')
    await first.query(byApi, [a, b])
    const outcome = codeOf(second.query(byApi, [b, a]))
    await untilBlocked(second)
    await first.query('rollback')
    expect(await outcome).toBeUndefined()
    expect(await misplaced()).toEqual([])
  })
})

it('200 moves by 8 clients make no circle, no wrong path and no deadlock', async () => {
  const ids = await createTenants(8)
  let seed = 7
  const next = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed
  }
  const pick = (): string => ids[Math.floor(next() / 65_536) % ids.length] as string
  const clients = await sessions(ids.length, 'rowhouse_admin')
  const outcomes = await Promise.all(
    clients.map(async (client) => {
      const codes: (string | undefined)[] = []
      for (let i = 0; i < 25; i += 1)
        codes.push(await codeOf(client.query(byApi, [pick(), next() % 5 ? pick() : null])))
      return codes
    }),
  )
  expect([...new Set(outcomes.flat())].sort()).toEqual(['TN503', undefined].sort())
  expect(await misplaced()).toEqual([])
})

it('a child made below a tenant that is being moved gets the new path', async () => {
  const [a, b] = (await createTenants(2)) as [string, string]
  const [first, second] = [await session(), await session()]
  await first.query('begin')
  await first.query(bySql, [a, b])
  const child = second.query<{ id: string }>(
    `insert into app_public.tenants (slug, name, parent_tenant_id) values ('c' || replace(gen_random_uuid()::text, '-', ''), 'C', $1) returning id`,
    [a],
  )
  await untilBlocked(second)
  await first.query('commit')
  await child
  expect(await misplaced()).toEqual([])
})

it('of two last sub-tenants a quota allows, one is made', async () => {
  await db.pool.query(`update app_public.tenants set quotas = '{"max_sub_tenants": 1}' where id = $1`, [db.acme.id])
  const clients = await sessions(4, db.acme.owner)
  const codes = await Promise.all(
    clients.map((client, i) => codeOf(client.query(`select app_public.create_sub_tenant('acme-${i}', 'A')`))),
  )
  expect(codes.sort()).toEqual(['TN602', 'TN602', 'TN602', undefined])
})

describe('two who suspend a tenant at once', () => {
  it('suspend it once, and the later is refused', async () => {
    const [tenant] = (await createTenants(1)) as [string]
    const suspend = `select app_public.suspend_tenant('Unpaid.')`
    const [first, second] = [
      await session({ ...db.platform.admin, tenantId: tenant }, { role: 'rowhouse_admin' }),
      await session({ ...db.platform.owner, tenantId: tenant }, { role: 'rowhouse_admin' }),
    ]
    await first.query('begin')
    await first.query(suspend)
    const outcome = codeOf(second.query(suspend))
    await untilBlocked(second)
    await first.query('commit')
    expect(await outcome).toBe('TN501')
    const { rows } = await db.pool.query(
      `select changed_by_user_id from app_public.tenant_status_history where tenant_id = $1 and to_status = 'suspended'`,
      [tenant],
    )
    expect(rows).toEqual([{ changed_by_user_id: db.platform.admin.userId }])
  })
})

it('two tokens of one name made at once are one', async () => {
  const clients = await sessions(6, db.globex.admin)
  const codes = await Promise.all(
    clients.map((client) => codeOf(client.query(`select app_public.create_service_token('ci')`))),
  )
  expect(codes.filter((code) => code === undefined)).toHaveLength(1)
  expect(codes.filter((code) => code === 'TN505')).toHaveLength(5)
})
