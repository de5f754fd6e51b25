// Two owners that go at once: one of them stays.

import type pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { needsServer, type Person, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, untilBlocked } = useSessions(db)

const owners = async (): Promise<number> =>
  (
    await db.pool.query<{ count: number }>(
      `select count(*)::int as count from app_public.user_tenants where tenant_id = $1 and role = 'owner' and status = 'active'`,
      [db.acme.id],
    )
  ).rows[0]?.count as number

// both are owners, and nobody else is
beforeEach(async () => {
  for (const { email } of [db.acme.owner, db.acme.admin])
    await db.pool.query(`select tenancy.provision_member($1, $2, null, 'owner')`, [db.acme.id, email])
  await db.pool.query(
    `update app_public.user_tenants set status = 'active', role = case when user_id = any ($2) then 'owner' else 'viewer' end
      where tenant_id = $1`,
    [db.acme.id, [db.acme.owner.userId, db.acme.admin.userId]],
  )
})

describe.each([
  ['demotes the other', `select app_public.change_member_role($other, 'member')`],
  ['shuts the other out', 'select app_public.deactivate_member($other)'],
  ['removes the other', 'select app_public.remove_member($other)'],
  ['demotes themself', `select app_public.change_member_role($self, 'member')`],
  ['leaves', 'select app_public.leave_tenant()'],
  ['hands ownership to the same viewer', 'select app_public.transfer_ownership($viewer)'],
  ['demotes themself past the functions', `update app_public.user_tenants set role = 'member' where user_id = $self`],
])('each of two owners %s', (_name, statement) => {
  it.for(['read committed', 'repeatable read'])('in %s, and an owner is left', async (level, context) => {
    needsServer(context)
    const [first, second] = [db.acme.owner, db.acme.admin]
    const run = (client: pg.Client, me: Person, other: Person) =>
      client.query(
        statement
          .replace('$other', `'${other.userId}'`)
          .replace('$self', `'${me.userId}'`)
          .replace('$viewer', `'${db.acme.viewer.userId}'`),
      )
    const [a, b] = [await session(first), await session(second)]
    for (const client of [a, b]) {
      if (statement.startsWith('update')) await client.query(`select set_config('role', 'rowhouse_owner', false)`)
      await client.query(`begin isolation level ${level}`)
      await client.query('select count(*) from app_public.user_tenants')
    }
    await run(a, first, second)
    const later = run(b, second, first).then(
      () => 'done',
      (error: pg.DatabaseError) => error.code,
    )
    await untilBlocked(b)
    await a.query('commit')
    const outcome = await later
    await b.query(outcome === 'done' ? 'commit' : 'rollback')
    expect(await owners()).toBeGreaterThanOrEqual(1)
    if (statement.includes('transfer')) expect(outcome).toMatch(/^(done|40001)$/)
    else expect(outcome).toMatch(/^(ID203|ID204|ID202|ID501|40001)$/)
  })
})

it('ten owners who all leave at once leave one behind, without a deadlock', async (context) => {
  needsServer(context)
  const people: Person[] = []
  for (let i = 0; i < 10; i += 1) {
    const email = `owner${i}@many.test`
    if (i === 0) await db.pool.query('select tenancy.provision_tenant($1, $2, $3)', ['many', 'Many', email])
    const { rows } = await db.pool.query(
      `select * from tenancy.provision_member((select id from app_public.tenants where slug = 'many'), $1, null, 'owner')`,
      [email],
    )
    people.push({ userId: rows[0].user_id, tenantId: rows[0].tenant_id, tenant: 'many', email, role: 'owner' })
  }
  const clients = await Promise.all(people.map((person) => session(person)))
  const outcomes = await Promise.allSettled(clients.map((client) => client.query('select app_public.leave_tenant()')))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(9)
  expect(outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))).toEqual(['ID501'])
})
