// A plan is for a tenant and all below it together: sub-tenants are no way around its quotas, its features, paying, or the one
// trial.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource } from '../helpers/knowledge.ts'
import { addPlan, amountsOf, asStaff, differences, invoicesOf, payByInvoice, runBilling, use } from './helpers.ts'

const db = useDatabase()

const within = (person: Person, tenantId: string): Person => ({ ...person, tenantId })

/** acme on a plan with these quotas, and children a and b of it, all owned by acme's owner. */
async function family(t: Transaction, quotas: Record<string, number>): Promise<{ a: string; b: string }> {
  await t.becomeSuperuser()
  await addPlan(t, { slug: 'team', amount: 30, trialDays: 14 })
  await t.query(
    `insert into app_public.plan_entitlements (plan_id, kind, key, quota_limit)
     select p.id, 'quota', q.key, q.value::numeric from app_public.plans p, jsonb_each_text($1) as q where p.slug = 'team'`,
    [JSON.stringify(quotas)],
  )
  await payByInvoice(t, db.acme.id)
  await setClock(t, '2025-04-10Z')
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('team', 'monthly', true)`)
  const child = (slug: string) => t.value<string>('select id from app_public.create_sub_tenant($1, $1)', [slug])
  return { a: await child('a'), b: await child('b') }
}

const addAgents = async (t: Transaction, tenantId: string, number: number): Promise<string | undefined> => {
  await t.become(within(db.acme.owner, tenantId))
  return t.errorCode(
    `insert into app_public.agents (name) select gen_random_uuid()::text from generate_series(1, $1::int)`,
    [number],
  )
}
const faults = async (t: Transaction): Promise<unknown[]> => {
  await t.becomeSuperuser()
  return t.query('select * from metering.verify_quotas()')
}

describe('the quotas of a plan', () => {
  it('are for the tenant and all below it together, whichever tenant uses them', () =>
    db.inTransaction(async (t) => {
      const { a, b } = await family(t, { agents: 3 })
      expect([await addAgents(t, a, 1), await addAgents(t, b, 1), await addAgents(t, db.acme.id, 1)]).toEqual([
        undefined,
        undefined,
        undefined,
      ])
      for (const id of [a, b, db.acme.id]) expect(await addAgents(t, id, 1)).toBe('QT601')
      await t.become(within(db.acme.owner, a))
      const deep = await t.value<string>(`select id from app_public.create_sub_tenant('a-a', 'A')`)
      expect(await addAgents(t, deep, 1)).toBe('QT601')
      expect(await faults(t)).toEqual([])
    }))

  it('count an agent that is restored', () =>
    db.inTransaction(async (t) => {
      const { a, b } = await family(t, { agents: 3 })
      await addAgents(t, a, 3)
      await t.becomeSuperuser()
      await t.query(`update app_public.agents set deleted_at = now() where tenant_id = $1`, [a])
      expect(await addAgents(t, b, 2)).toBeUndefined()
      const restore = `update app_public.agents set deleted_at = null where id in (select id from app_public.agents where deleted_at is not null and tenant_id = '${a}' limit $1)`
      await t.becomeSuperuser()
      expect(await t.errorCode(restore, [2])).toBe('QT601')
      expect(await t.errorCode(restore, [1])).toBeUndefined()
      expect(await faults(t)).toEqual([])
    }))

  it.each([
    ['users', `select tenancy.provision_member($1, gen_random_uuid() || '@x.test')`],
    [
      'api_calls',
      `select from metering.use_quota(row($1::uuid, 'api_calls', 2, null, null, null, null, null, null)::metering.quota_use)`,
    ],
    [
      'tokens',
      `select from metering.use_quota(row($1::uuid, 'tokens', 2, null, null, null, null, null, null)::metering.quota_use)`,
    ],
    [
      'cost',
      `select from metering.use_quota(row($1::uuid, 'cost', 2, null, null, null, null, null, null)::metering.quota_use)`,
    ],
  ])('of %s reach the tenants below', (key, use) =>
    db.inTransaction(async (t) => {
      // two children have an owner each, and acme has four members
      const most = key === 'users' ? 7 : 3
      const { a, b } = await family(t, { [key]: most })
      await t.becomeSuperuser()
      expect([await t.errorCode(use, [a]), await t.errorCode(use, [b])]).toEqual([undefined, 'QT601'])
      expect(await faults(t)).toEqual([])
    }),
  )

  it.each([
    ['documents', 1, ['created', 'QT601']],
    ['storage_gb', 0, ['QT601', 'QT601']],
  ])('of %s reach the tenants below', (key, most, outcomes) =>
    db.inTransaction(async (t) => {
      const { a, b } = await family(t, { [key]: most })
      const add = async (id: string): Promise<string> => {
        const source = await createSource(t, within(db.acme.owner, id))
        await t.query('savepoint before')
        try {
          const [row] = await addDocuments(t, within(db.acme.owner, id), source, [{ externalId: 'x', text: 'x' }])
          return row?.outcome as string
        } catch (error) {
          await t.query('rollback to savepoint before')
          return (error as { code: string }).code
        }
      }
      expect([await add(a), await add(b)]).toEqual(outcomes)
      expect(await faults(t)).toEqual([])
    }),
  )

  it('go on holding when the plan is edited, whoever edits it and however', () =>
    db.inTransaction(async (t) => {
      const { a } = await family(t, { agents: 3 })
      await t.becomeSuperuser()
      await t.query(`update app_public.plan_entitlements set quota_limit = 1 where key = 'agents'`)
      expect(await addAgents(t, a, 2)).toBe('QT601')
      await t.becomeSuperuser()
      await t.query(`delete from app_public.plan_entitlements where key = 'agents'`)
      expect(await addAgents(t, a, 9)).toBeUndefined()
      expect(await faults(t)).toEqual([])
    }))

  it('refuse a tenant that moves in with more than there is room for', () =>
    db.inTransaction(async (t) => {
      const { a } = await family(t, { agents: 3 })
      await addAgents(t, a, 2)
      await t.becomeSuperuser()
      const g = await t.value<string>(`select id from tenancy.provision_tenant('g', 'G', 'o@g.test')`)
      await t.query(`insert into app_public.agents (tenant_id, name) values ($1, 'x'), ($1, 'y')`, [g])
      await asStaff(t, db, g)
      expect(await t.errorCode('select app_public.move_tenant($1, $2)', [g, a])).toBe('QT601')
      await t.becomeSuperuser()
      await t.query(`delete from app_public.agents where name = 'y'`)
      await asStaff(t, db, g)
      expect(await t.errorCode('select app_public.move_tenant($1, $2)', [g, a])).toBeUndefined()
      expect(await addAgents(t, a, 1)).toBe('QT601')
      expect(await faults(t)).toEqual([])
    }))
})

describe('a tenant below another one', () => {
  const start = `select app_public.start_subscription('team')`

  it('has no subscription of its own, shows the plan that pays for it, and gets it with the first tenant', () =>
    db.inTransaction(async (t) => {
      const { a } = await family(t, { agents: 3 })
      await payByInvoice(t, a)
      await t.become(within(db.acme.owner, a))
      expect(await t.errorCode(start)).toBe('LB525')
      expect(await t.query('select key, quota_limit::int, source, reason from app_public.entitlements()')).toEqual([
        { key: 'agents', quota_limit: 3, source: 'plan', reason: 'team' },
      ])
      const shown = 'select subscription_tier, subscription_status from app_public.tenants'
      expect(await t.query(shown)).toEqual([{ subscription_tier: 'standard', subscription_status: 'active' }])
      await t.become(db.acme.owner)
      await t.query('select app_public.cancel_subscription(false)')
      await t.become(within(db.acme.owner, a))
      expect(await t.query(shown)).toEqual([{ subscription_tier: 'standard', subscription_status: 'cancelled' }])
      expect(await t.query('select * from app_public.entitlements()')).toEqual([])
    }))

  it('has no trial, not even when it has become a first tenant', () =>
    db.inTransaction(async (t) => {
      const { a } = await family(t, { agents: 3 })
      await asStaff(t, db, a)
      await t.query('select app_public.move_tenant($1)', [a])
      await payByInvoice(t, a)
      await t.become(within(db.acme.owner, a))
      expect(await t.value(`select status from app_public.start_subscription('team')`)).toBe('active')
      // what it was cannot be denied by writing the column
      await t.becomeSuperuser()
      await t.query('update app_public.tenants set was_sub_tenant = false where id = $1', [a])
      expect(await t.value('select was_sub_tenant from app_public.tenants where id = $1', [a])).toBe(true)
    }))

  it('was not subscribed when it moved there, over the API and in SQL', () =>
    db.inTransaction(async (t) => {
      const { a } = await family(t, { agents: 3 })
      await payByInvoice(t, db.globex.id)
      await t.become(db.globex.owner)
      await t.query(start)
      await asStaff(t, db, db.globex.id)
      expect(await t.errorCode('select app_public.move_tenant($1, $2)', [db.globex.id, a])).toBe('LB526')
      await t.becomeSuperuser()
      const move = 'update app_public.tenants set parent_tenant_id = $2 where id = $1'
      expect(await t.errorCode(move, [db.globex.id, a])).toBe('LB526')
      await t.become(db.globex.owner)
      await t.query('select app_public.cancel_subscription(false)')
      await t.becomeSuperuser()
      expect(await t.errorCode(move, [db.globex.id, a])).toBeUndefined()
    }))

  it('can be limited further by staff, and not given more than the plan has', () =>
    db.inTransaction(async (t) => {
      const { a, b } = await family(t, { agents: 3 })
      await asStaff(t, db, a)
      await t.query(`select app_public.override_entitlement('quota', 'agents', quota_limit => 1)`)
      await asStaff(t, db, b)
      await t.query(`select app_public.override_entitlement('quota', 'agents', quota_limit => 99)`)
      expect([await addAgents(t, a, 2), await addAgents(t, b, 4), await addAgents(t, b, 3)]).toEqual([
        'QT601',
        'QT601',
        undefined,
      ])
      const limit = `select quota_limit::int from app_public.entitlements() where key = 'agents'`
      await t.become(within(db.acme.owner, a))
      expect(await t.value(limit)).toBe(1)
      await t.become(within(db.acme.owner, b))
      expect(await t.value(limit)).toBe(3)
      expect(await faults(t)).toEqual([])
    }))
})

describe('a tenant without a subscription', () => {
  it('has the plan free from the moment that there is one, and the platform has none', () =>
    db.inTransaction(async (t) => {
      const agents = (id: string) => addAgents(t, id, 2)
      await t.becomeSuperuser()
      await t.query(`select tenancy.provision_member($1, $2, null, 'owner')`, [db.platform.id, db.acme.owner.email])
      await t.query(`insert into app_public.plans (slug, name, tier) values ('free', 'Free', 'free')`)
      await t.query(
        `insert into app_public.plan_entitlements (plan_id, kind, key, quota_limit) select id, 'quota', 'agents', 1 from app_public.plans`,
      )
      const made = await t.value<string>(`select id from tenancy.provision_tenant('n', 'N', $1)`, [db.acme.owner.email])
      expect([await agents(db.acme.id), await agents(made), await agents(db.platform.id)]).toEqual([
        'QT601',
        'QT601',
        undefined,
      ])
      await t.becomeSuperuser()
      await t.query(`delete from app_public.plans where slug = 'free'`)
      expect(await agents(db.acme.id)).toBeUndefined()
    }))
})

describe('the bill', () => {
  it('has what all tenants below used while they were there, each unit once, also what came late', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await addPlan(t, {
        slug: 'metered',
        amount: 10,
        components: [{ usageType: 'search', model: 'per_unit', unitAmount: 1, included: 5 }],
      })
      for (const { id } of [db.acme, db.globex]) await payByInvoice(t, id)
      await setClock(t, '2025-04-01Z')
      for (const { owner } of [db.acme, db.globex]) {
        await t.become(owner)
        await t.query(`select app_public.start_subscription('metered')`)
      }
      await t.become(db.acme.owner)
      const a = within(db.acme.owner, await t.value<string>(`select id from app_public.create_sub_tenant('a', 'A')`))
      await setClock(t, '2025-04-10Z')
      await use(t, db.acme.owner, 'search', 4, '2025-04-09Z')
      await use(t, a, 'search', 3, '2025-04-09Z')
      await asStaff(t, db, a.tenantId)
      await t.query('select app_public.move_tenant($1, $2)', [a.tenantId, db.globex.id])
      await use(t, a, 'search', 6, '2025-04-10Z')
      for (const { id } of [db.acme, db.globex]) await runBilling(t, id, '2025-05-05Z')
      // of what is used after the period has become final, the one who pays then has it on the next invoice
      await setClock(t, '2025-05-06Z')
      await use(t, a, 'search', 2, '2025-04-11Z')
      for (const { id } of [db.acme, db.globex]) await runBilling(t, id, '2025-06-05Z')

      const usageOf = async (id: string): Promise<string[][]> =>
        (await invoicesOf(t, id)).map((invoice) => amountsOf(invoice).filter((line) => !line.startsWith('recurring')))
      expect(await usageOf(db.acme.id)).toEqual([[], ['overage 2.00'], ['overage 0.00']])
      expect(await usageOf(db.globex.id)).toEqual([[], ['overage 1.00'], ['overage 0.00', 'adjustment 2.00']])
      for (const { id } of [db.acme, db.globex]) expect(await differences(t, id)).toEqual([])
    }))
})
