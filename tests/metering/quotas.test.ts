// Quotas: counts that follow their rows, amounts that are used up in a period, and who may set what.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Person, type Tenant, type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource } from '../helpers/knowledge.ts'

const db = useDatabase()

type Quota = Record<string, unknown> & { quota_type: string; quota_limit: number | null }

/** A limit, set by the superuser: by default a hard one of the tenant's plan. */
async function limit(t: Transaction, tenant: Tenant | string, quota: Quota): Promise<string> {
  await t.becomeSuperuser()
  const isCount = ['users', 'agents', 'documents', 'storage'].includes(quota.quota_type)
  const columns = {
    tenant_id: typeof tenant === 'string' ? tenant : tenant.id,
    period: isCount ? 'none' : 'month',
    source: 'plan',
    ...quota,
  }
  return t.value(
    `insert into app_public.usage_quotas (${Object.keys(columns).join(', ')})
     values (${Object.keys(columns).map((_, i) => `$${i + 1}`)}) returning id`,
    Object.values(columns),
  )
}

async function used(t: Transaction, tenantId: string, type: string, scopeId = tenantId): Promise<number | undefined> {
  await t.becomeSuperuser()
  const rows = await t.query<{ current_usage: string }>(
    `select current_usage from app_public.quota_tracking where tenant_id = $1 and quota_type = $2 and scope_id = $3 order by period_start desc limit 1`,
    [tenantId, type, scopeId],
  )
  return rows[0] && Number(rows[0].current_usage)
}

const createAgent = (t: Transaction, name: string): Promise<string | undefined> =>
  t.errorCode('insert into app_public.agents (name) values ($1)', [name])
const consume = (t: Transaction, type: string, amount: number | string) =>
  t.errorCode('select * from app_public.consume_quota($1, $2)', [type, amount])
const faults = async (t: Transaction) => {
  await t.becomeSuperuser()
  return t.query('select * from metering.verify_quotas()')
}

async function childOf(t: Transaction, parentId: string, slug: string): Promise<string> {
  await t.becomeSuperuser()
  const id = await t.value<string>('select id from tenancy.provision_tenant($1, $1, $2)', [slug, `owner@${slug}.test`])
  await t.query('update app_public.tenants set parent_tenant_id = $2 where id = $1', [id, parentId])
  return id
}
const addAgents = (t: Transaction, tenantId: string, number: number) =>
  t.errorCode(
    `insert into app_public.agents (tenant_id, name) select $1, 'a' || gen_random_uuid() from generate_series(1, $2::int)`,
    [tenantId, number],
  )

describe('a quota of agents', () => {
  const fillUp = async (t: Transaction): Promise<string> => {
    await limit(t, db.acme, { quota_type: 'agents', quota_limit: 2 })
    await t.become(db.acme.admin)
    expect([await createAgent(t, 'a'), await createAgent(t, 'b')]).toEqual([undefined, undefined])
    return t.value<string>(`select id from app_public.agents where name = 'a'`)
  }

  it('lets in as many as it says', () =>
    db.inTransaction(async (t) => {
      await fillUp(t)
      expect(await createAgent(t, 'c')).toBe('QT601')
      expect(await used(t, db.acme.id, 'agents')).toBe(2)
    }))

  it('has room again when one is deleted', () =>
    db.inTransaction(async (t) => {
      const a = await fillUp(t)
      await t.query('select app_public.delete_agent($1)', [a])
      expect(await createAgent(t, 'c')).toBeUndefined()
      expect(await faults(t)).toEqual([])
    }))

  it('lets a deleted one be restored only when there is room', () =>
    db.inTransaction(async (t) => {
      const a = await fillUp(t)
      await t.query('select app_public.delete_agent($1)', [a])
      expect(await createAgent(t, 'c')).toBeUndefined()
      expect(await t.errorCode('select app_public.restore_agent($1)', [a])).toBe('QT601')
      await t.query(`select app_public.delete_agent((select id from app_public.agents where name = 'b'))`)
      expect(await t.errorCode('select app_public.restore_agent($1)', [a])).toBeUndefined()
      expect(await used(t, db.acme.id, 'agents')).toBe(2)
      expect(await faults(t)).toEqual([])
    }))

  it('gives the place back when the transaction is rolled back', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 1 })
      await t.become(db.acme.member)
      await t.query('savepoint before')
      expect(await createAgent(t, 'a')).toBeUndefined()
      await t.query('rollback to savepoint before')
      expect(await createAgent(t, 'b')).toBeUndefined()
      expect(await createAgent(t, 'c')).toBe('QT601')
    }))

  it('counts each row of a statement, and takes all or none', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 5 })
      expect(await addAgents(t, db.acme.id, 6)).toBe('QT601')
      expect(await addAgents(t, db.acme.id, 5)).toBeUndefined()
      await t.query(`delete from app_public.agents where tenant_id = $1`, [db.acme.id])
      expect(await used(t, db.acme.id, 'agents')).toBe(0)
    }))

  it('that is set later counts what there is', () =>
    db.inTransaction(async (t) => {
      await addAgents(t, db.acme.id, 4)
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 5 })
      expect(await used(t, db.acme.id, 'agents')).toBe(4)
    }))

  it('that is lowered refuses new ones and leaves the old', () =>
    db.inTransaction(async (t) => {
      await addAgents(t, db.acme.id, 4)
      const id = await limit(t, db.acme, { quota_type: 'agents', quota_limit: 5 })
      await t.query('update app_public.usage_quotas set quota_limit = 3 where id = $1', [id])
      expect(await addAgents(t, db.acme.id, 1)).toBe('QT601')
      expect(
        await t.value(`select is_exceeded from app_public.quota_tracking where tenant_id = $1`, [db.acme.id]),
      ).toBe(true)
      expect(
        await t.errorCode('update app_public.agents set description = name where tenant_id = $1', [db.acme.id]),
      ).toBeUndefined()
      expect(await faults(t)).toEqual([])
    }))

  it('that is lifted and set again counts what came meanwhile', () =>
    db.inTransaction(async (t) => {
      await addAgents(t, db.acme.id, 4)
      const id = await limit(t, db.acme, { quota_type: 'agents', quota_limit: 4 })
      await t.query('delete from app_public.usage_quotas where id = $1', [id])
      expect(await used(t, db.acme.id, 'agents')).toBeUndefined()
      expect(await addAgents(t, db.acme.id, 3)).toBeUndefined()
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 100 })
      expect(await used(t, db.acme.id, 'agents')).toBe(7)
      expect(await faults(t)).toEqual([])
    }))

  describe('of each user', () => {
    const ofEach = async (t: Transaction): Promise<void> => {
      await limit(t, db.acme, { quota_type: 'agents', quota_scope: 'user', quota_limit: 1 })
      await limit(t, db.acme, {
        quota_type: 'agents',
        quota_scope: 'user',
        scope_id: db.acme.admin.userId,
        quota_limit: 3,
      })
    }
    const give = (name: string) => `update app_public.agents set owner_id = $1 where name = '${name}'`

    it('counts what each owns', () =>
      db.inTransaction(async (t) => {
        await ofEach(t)
        await t.become(db.acme.member)
        expect([await createAgent(t, 'a'), await createAgent(t, 'b')]).toEqual([undefined, 'QT601'])
        await t.become(db.acme.owner)
        expect(await createAgent(t, 'e')).toBeUndefined()
        expect(await faults(t)).toEqual([])
      }))

    it('is another for a user it names', () =>
      db.inTransaction(async (t) => {
        await ofEach(t)
        await t.become(db.acme.admin)
        expect([await createAgent(t, 'c'), await createAgent(t, 'd'), await createAgent(t, 'e')]).toEqual([
          undefined,
          undefined,
          undefined,
        ])
        expect(await createAgent(t, 'f')).toBe('QT601')
      }))

    it('moves with an agent that changes hands', () =>
      db.inTransaction(async (t) => {
        await ofEach(t)
        await t.become(db.acme.member)
        await createAgent(t, 'a')
        await t.become(db.acme.admin)
        expect([await createAgent(t, 'c'), await createAgent(t, 'd')]).toEqual([undefined, undefined])
        await t.query(give('a'), [db.acme.admin.userId])
        expect(await used(t, db.acme.id, 'agents', db.acme.member.userId)).toBe(0)
        expect(await used(t, db.acme.id, 'agents', db.acme.admin.userId)).toBe(3)
        expect(await faults(t)).toEqual([])
      }))

    it('refuses an agent that is given to who has no room', () =>
      db.inTransaction(async (t) => {
        await ofEach(t)
        await t.become(db.acme.admin)
        for (const name of ['a', 'c', 'd']) await createAgent(t, name)
        await t.become(db.acme.owner)
        expect(await createAgent(t, 'e')).toBeUndefined()
        await t.become(db.acme.admin)
        expect(await t.errorCode(give('e'), [db.acme.admin.userId])).toBe('QT601')
        expect(await faults(t)).toEqual([])
      }))
  })
})

describe('a quota of users, documents, storage', () => {
  it('counts active members only', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'users', quota_limit: 4 })
      expect(await used(t, db.acme.id, 'users')).toBe(4)
      const add = (email: string) => t.errorCode('select tenancy.provision_member($1, $2)', [db.acme.id, email])
      expect(await add('new@acme.test')).toBe('QT601')
      await t.query(
        `update app_public.user_tenants set status = 'suspended' where tenant_id = $1 and role = 'viewer'`,
        [db.acme.id],
      )
      expect(await add('new@acme.test')).toBeUndefined()
      expect(
        await t.errorCode(
          `update app_public.user_tenants set status = 'active' where tenant_id = $1 and role = 'viewer'`,
          [db.acme.id],
        ),
      ).toBe('QT601')
      // the same person again is no new member
      expect(await add('new@acme.test')).toBeUndefined()
      expect(await faults(t)).toEqual([])
    }))

  it('counts documents and their bytes through every change', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await limit(t, db.acme, { quota_type: 'documents', quota_limit: 3 })
      await limit(t, db.acme, { quota_type: 'storage', quota_limit: 100 })
      await limit(t, db.acme, { quota_type: 'storage', quota_scope: 'user', quota_limit: 90 })
      const put = (externalId: string, length: number) =>
        addDocuments(t, db.acme.member, source, [{ externalId, text: 'x'.repeat(length) }])
      await put('a', 30)
      await put('b', 30)
      expect(await used(t, db.acme.id, 'documents')).toBe(2)
      expect(await used(t, db.acme.id, 'storage')).toBe(60)
      await put('a', 60)
      expect(await used(t, db.acme.id, 'storage')).toBe(90)
      await t.query('savepoint before')
      await expect(put('c', 5)).rejects.toMatchObject({ code: 'QT601' })
      await t.query('rollback to savepoint before')
      await put('a', 10)
      await put('c', 10)
      await t.query('savepoint before')
      await expect(put('d', 10)).rejects.toMatchObject({ code: 'QT601' })
      await t.query('rollback to savepoint before')
      await t.becomeSuperuser()
      await t.query(`delete from app_public.documents where external_id = 'b' and tenant_id = $1`, [db.acme.id])
      expect(await used(t, db.acme.id, 'storage')).toBe(20)
      expect(await used(t, db.acme.id, 'storage', db.acme.member.userId)).toBe(20)
      expect(await faults(t)).toEqual([])
    }))
})

describe('tenants.quotas', () => {
  const set = (t: Transaction, quotas: object) =>
    t.errorCode('update app_public.tenants set quotas = $2 where id = $1', [db.acme.id, JSON.stringify(quotas)])

  it('is the short form of limits of the tenant', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 1 })
      expect(await set(t, { max_agents: 2, max_storage_gb: 0.5, max_api_calls_per_month: 100 })).toBeUndefined()
      expect(await addAgents(t, db.acme.id, 3)).toBe('QT601')
      expect(await addAgents(t, db.acme.id, 2)).toBeUndefined()
      expect(
        await t.query(
          `select quota_type, period, quota_limit::bigint::int from app_public.usage_quotas where source = 'tenant' and tenant_id = $1 order by 1`,
          [db.acme.id],
        ),
      ).toEqual([
        { quota_type: 'agents', period: 'none', quota_limit: 2 },
        { quota_type: 'api_calls', period: 'billing', quota_limit: 100 },
        { quota_type: 'storage', period: 'none', quota_limit: 536_870_912 },
      ])
      expect(await faults(t)).toEqual([])
    }))

  it('lifts the plan’s limit where it says null', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 1 })
      await set(t, { max_agents: 2 })
      expect(await addAgents(t, db.acme.id, 2)).toBeUndefined()
      expect(await set(t, { max_agents: null })).toBeUndefined()
      expect(await addAgents(t, db.acme.id, 20)).toBeUndefined()
      expect(await faults(t)).toEqual([])
    }))

  it('gives way to the plan’s limit where it says nothing', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 1 })
      await set(t, { max_agents: null })
      expect(await addAgents(t, db.acme.id, 20)).toBeUndefined()
      expect(await set(t, {})).toBeUndefined()
      expect(await addAgents(t, db.acme.id, 1)).toBe('QT601')
      expect(await faults(t)).toEqual([])
    }))

  it('may name limits of other kinds, and what is refused changes nothing', () =>
    db.inTransaction(async (t) => {
      expect(await set(t, { max_agents: 2, max_sub_tenants: 3 })).toBeUndefined()
      expect(await set(t, { max_agents: -1 })).toBeDefined()
      expect(await set(t, { max_agents: 'many' })).toBeDefined()
      expect(
        await t.value(`select quota_limit::int from app_public.usage_quotas where tenant_id = $1`, [db.acme.id]),
      ).toBe(2)
    }))
})

describe('of several limits', () => {
  it('the strictest decides, and the error says which', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'tokens', quota_limit: 1000 })
      await limit(t, db.acme, { quota_type: 'tokens', quota_limit: 100, period: 'day' })
      await limit(t, db.acme, { quota_type: 'tokens', quota_scope: 'user', quota_limit: 10 })
      await t.become(db.acme.member)
      await t.query('savepoint before')
      await expect(t.query(`select * from app_public.consume_quota('tokens', 11)`)).rejects.toMatchObject({
        code: 'QT601',
        message: 'The quota of tokens is used up: this user may have 10 a month.',
      })
      await t.query('rollback to savepoint before')
      await expect(t.query(`select * from app_public.consume_quota('tokens', 101)`)).rejects.toMatchObject({
        message: expect.stringMatching(/this (user|tenant) may have/),
      })
      await t.query('rollback to savepoint before')
      expect(await consume(t, 'tokens', 10)).toBeUndefined()
      await t.become(db.acme.admin)
      expect(await consume(t, 'tokens', 10)).toBeUndefined()
      // nothing of what was refused has been counted anywhere
      expect(
        await t.query(
          `select period, current_usage::int as used from app_public.quota_tracking where quota_scope = 'tenant' order by 1`,
        ),
      ).toEqual([
        { period: 'day', used: 20 },
        { period: 'month', used: 20 },
      ])
    }))

  const overridden = async (t: Transaction): Promise<void> => {
    await limit(t, db.acme, { quota_type: 'agents', quota_limit: 1 })
    await limit(t, db.acme, { quota_type: 'agents', quota_limit: 3, source: 'override' })
    await t.become(db.acme.admin)
  }
  const setOwn = `insert into app_public.usage_quotas (quota_type, period, quota_limit) values ('agents', 'none', $1)`

  it('the one of platform staff replaces the plan’s', () =>
    db.inTransaction(async (t) => {
      await overridden(t)
      expect([
        await createAgent(t, 'a'),
        await createAgent(t, 'b'),
        await createAgent(t, 'c'),
        await createAgent(t, 'd'),
      ]).toEqual([undefined, undefined, undefined, 'QT601'])
    }))

  it('the tenant’s own cannot widen the others', () =>
    db.inTransaction(async (t) => {
      await overridden(t)
      await t.query(setOwn, [1000])
      for (const name of ['a', 'b', 'c']) await createAgent(t, name)
      expect(await createAgent(t, 'd')).toBe('QT601')
    }))

  it('the tenant’s own can limit further', () =>
    db.inTransaction(async (t) => {
      await overridden(t)
      await t.query(setOwn, [2])
      expect(await t.value(`select hard_limit::int from app_public.quota_tracking`)).toBe(2)
      await t.query('update app_public.usage_quotas set quota_limit = 1')
      expect(await t.value(`select hard_limit::int from app_public.quota_tracking`)).toBe(1)
    }))
})

describe('a parent tenant', () => {
  it('that counts its subtree limits all below it together, and they see how much of that limit is left', () =>
    db.inTransaction(async (t) => {
      const [a, b] = [await childOf(t, db.acme.id, 'north'), await childOf(t, db.acme.id, 'south')]
      const grandchild = await childOf(t, a, 'north-east')
      await addAgents(t, a, 1)
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 4, applies_to_subtree: true })
      await limit(t, db.acme, { quota_type: 'tokens', quota_limit: 100, applies_to_subtree: true })
      expect(await used(t, db.acme.id, 'agents')).toBe(1)
      expect([await addAgents(t, b, 1), await addAgents(t, grandchild, 1), await addAgents(t, db.acme.id, 1)]).toEqual([
        undefined,
        undefined,
        undefined,
      ])
      await t.query('savepoint before')
      await expect(
        t.query(`insert into app_public.agents (tenant_id, name) values ($1, 'x')`, [grandchild]),
      ).rejects.toMatchObject({ code: 'QT601', message: expect.stringContaining('an organization above this tenant') })
      await t.query('rollback to savepoint before')
      const owner = await t.value<string>('select user_id from app_public.user_tenants where tenant_id = $1', [
        grandchild,
      ])
      await t.become({ ...db.acme.owner, tenantId: grandchild, userId: owner } as Person)
      const left = (from: string) => t.query(`select quota_type, scope_id, remaining::int from ${from}`)
      const tokens = { quota_type: 'tokens', scope_id: db.acme.id, remaining: 10 }
      expect(await left(`app_public.consume_quota('tokens', 90)`)).toEqual([tokens])
      expect(await consume(t, 'tokens', 11)).toBe('QT601')
      expect(await left('app_public.my_quotas()')).toEqual([
        { quota_type: 'agents', scope_id: db.acme.id, remaining: 0 },
        tokens,
      ])
      // the rows of the tenant above are as closed as all others
      expect(await t.query('select * from app_public.quota_tracking')).toEqual([])
      expect(await used(t, db.acme.id, 'tokens')).toBe(90)
      expect(await faults(t)).toEqual([])
    }))

  describe('of a parent whose child, with agents of its own and of a grandchild, belongs to acme', () => {
    let child: string
    let grandchild: string
    const move = (t: Transaction, to: string | null): Promise<string | undefined> =>
      t.errorCode('update app_public.tenants set parent_tenant_id = $2 where id = $1', [child, to])
    const withFamily = (globexLimit: number, work: (t: Transaction) => Promise<void>): Promise<void> =>
      db.inTransaction(async (t) => {
        child = await childOf(t, db.acme.id, 'north')
        grandchild = await childOf(t, child, 'north-east')
        await addAgents(t, child, 2)
        await addAgents(t, grandchild, 1)
        await limit(t, db.acme, { quota_type: 'agents', quota_limit: 10, applies_to_subtree: true })
        await limit(t, db.globex, { quota_type: 'agents', quota_limit: globexLimit, applies_to_subtree: true })
        expect(await used(t, db.acme.id, 'agents')).toBe(3)
        await work(t)
        expect(await faults(t)).toEqual([])
      })

    it('refuses a tenant that has more than there is room for', () =>
      withFamily(2, async (t) => {
        expect(await move(t, db.globex.id)).toBe('QT601')
      }))

    it('takes over what a tenant has when that moves to it', () =>
      withFamily(3, async (t) => {
        expect(await move(t, db.globex.id)).toBeUndefined()
        expect([await used(t, db.acme.id, 'agents'), await used(t, db.globex.id, 'agents')]).toEqual([0, 3])
        expect(await addAgents(t, grandchild, 1)).toBe('QT601')
      }))

    it('loses what a tenant has when that is deleted', () =>
      withFamily(3, async (t) => {
        await move(t, db.globex.id)
        await t.query('delete from app_public.tenants where id = $1', [grandchild])
        expect(await used(t, db.globex.id, 'agents')).toBe(2)
      }))

    it('loses what a tenant has when that moves away from every parent', () =>
      withFamily(3, async (t) => {
        await move(t, db.globex.id)
        expect(await move(t, null)).toBeUndefined()
        expect(await used(t, db.globex.id, 'agents')).toBe(0)
      }))
  })
})

describe('what is used in a period', () => {
  it('begins anew with the period of the tenant: the first unit after it is 1', () =>
    db.inTransaction(async (t) => {
      await t.query(
        `update app_public.tenants set timezone = 'Europe/Berlin', subscription_started_at = '2026-01-31T12:00Z' where id = $1`,
        [db.acme.id],
      )
      await setClock(t, '2026-02-27T22:59:59Z')
      await limit(t, db.acme, { quota_type: 'tokens', quota_limit: 10, period: 'billing' })
      await t.become(db.acme.member)
      expect(await consume(t, 'tokens', 10)).toBeUndefined()
      expect(await consume(t, 'tokens', 1)).toBe('QT601')
      // midnight in Berlin, the last day of February
      await setClock(t, '2026-02-27T23:00:00Z')
      expect(await consume(t, 'tokens', 1)).toBeUndefined()
      expect(
        await t.query(
          `select period_start::text, period_end::text, current_usage::int from app_public.quota_tracking order by period_start`,
        ),
      ).toEqual([
        { period_start: '2026-01-31', period_end: '2026-02-28', current_usage: 10 },
        { period_start: '2026-02-28', period_end: '2026-03-31', current_usage: 1 },
      ])
    }))

  it('goes on counting under a new limit, and a past period keeps its own', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-02-10T12:00Z')
      const plan = await limit(t, db.acme, { quota_type: 'tokens', quota_limit: 10 })
      await t.become(db.acme.member)
      await consume(t, 'tokens', 8)
      await setClock(t, '2026-03-10T12:00Z')
      await consume(t, 'tokens', 8)
      await t.becomeSuperuser()
      await t.query('delete from app_public.usage_quotas where id = $1', [plan])
      await limit(t, db.acme, { quota_type: 'tokens', quota_limit: 20 })
      await t.become(db.acme.member)
      expect([await consume(t, 'tokens', 13), await consume(t, 'tokens', 12)]).toEqual(['QT601', undefined])
      expect(
        await t.query(
          `select hard_limit::int, current_usage::int from app_public.quota_tracking order by period_start`,
        ),
      ).toEqual([
        { hard_limit: 10, current_usage: 8 },
        { hard_limit: 20, current_usage: 20 },
      ])
    }))

  it('beyond a soft limit is allowed, and sold as overage where the plan says so', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'cost', quota_limit: 1, is_hard_limit: false, overage_allowed: true })
      await limit(t, db.acme, { quota_type: 'cost', quota_limit: 5 })
      await t.become(db.acme.member)
      expect(await consume(t, 'cost', '1.00000001')).toBeUndefined()
      expect(await consume(t, 'cost', 3)).toBeUndefined()
      expect(await consume(t, 'cost', 1)).toBe('QT601')
      expect(await t.query('select current_usage, overage, is_exceeded from app_public.quota_tracking')).toEqual([
        { current_usage: '4.00000001', overage: '3.00000001', is_exceeded: true },
      ])
    }))

  it.each([
    ['tokens', 0, 'QT403'],
    ['tokens', -5, 'QT403'],
    ['tokens', 1.5, 'QT403'],
    ['tokens', 'NaN', 'QT403'],
    ['cost', 'NaN', 'QT403'],
    ['cost', 'Infinity', 'QT403'],
    ['tokens', '1e18', 'QT403'],
    ['tokens', null, 'QT403'],
    ['agents', 1, 'QT402'],
    ['spoons', 1, '23514'],
    [null, 1, 'QT402'],
  ])('refuses %s of %s with %s', (type, amount, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode('select * from app_public.consume_quota($1, $2)', [type, amount])).toBe(code)
    }),
  )

  it('is not used by a viewer, nor for an agent of another tenant', () =>
    db.inTransaction(async (t) => {
      await t.become(db.globex.member)
      const agent = await t.value(`insert into app_public.agents (name) values ('a') returning id`)
      await t.become(db.acme.viewer)
      expect(await consume(t, 'tokens', 1)).toBe('ID203')
      await t.become(db.acme.member)
      expect(await t.errorCode(`select * from app_public.consume_quota('tokens', 1, $1)`, [agent])).toBe('MT301')
    }))
})

describe('alerts', () => {
  it('are written once a threshold and period, by soft and hard limits', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-02-10T12:00Z')
      await limit(t, db.acme, {
        quota_type: 'tokens',
        quota_limit: 100,
        is_hard_limit: false,
        alert_threshold_percentage: 50,
      })
      const alerts = async () => {
        await t.become(db.acme.admin)
        const rows = await t.query(
          `select period_start::text as month, threshold_percentage::int as threshold, usage_at_alert::int as used from app_public.quota_alerts order by 1, 2`,
        )
        return rows.map(({ month, threshold, used }) => `${month} ${threshold}% at ${used}`)
      }
      await t.become(db.acme.member)
      await consume(t, 'tokens', 49)
      expect(await alerts()).toEqual([])
      for (let i = 0; i < 3; i += 1) await consume(t, 'tokens', 5)
      expect(await alerts()).toEqual(['2026-02-01 50% at 54'])
      await consume(t, 'tokens', 100)
      await consume(t, 'tokens', 100)
      expect(await alerts()).toEqual(['2026-02-01 50% at 54', '2026-02-01 100% at 164'])
      await setClock(t, '2026-03-10T12:00Z')
      await consume(t, 'tokens', 100)
      expect(await alerts()).toEqual([
        '2026-02-01 50% at 54',
        '2026-02-01 100% at 164',
        '2026-03-01 50% at 100',
        '2026-03-01 100% at 100',
      ])
    }))

  it('are acknowledged once, by who may manage settings', () =>
    db.inTransaction(async (t) => {
      await addAgents(t, db.acme.id, 9)
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 10 })
      await t.become(db.acme.admin)
      const id = await t.value('select id from app_public.quota_alerts')
      await t.query('select app_public.acknowledge_quota_alert($1)', [id])
      await t.become(db.acme.owner)
      await t.query('select app_public.acknowledge_quota_alert($1)', [id])
      expect(await t.value('select acknowledged_by_user_id from app_public.quota_alerts')).toBe(db.acme.admin.userId)
      await t.become(db.acme.member)
      expect(await t.query('select * from app_public.quota_alerts')).toEqual([])
      expect(await t.errorCode('select app_public.acknowledge_quota_alert($1)', [id])).toBe('ID203')
      await t.become(db.globex.owner)
      expect(await t.errorCode('select app_public.acknowledge_quota_alert($1)', [id])).toBe('QT303')
    }))
})

describe('who sets a quota', () => {
  const own = `insert into app_public.usage_quotas (quota_type, period, quota_limit, source) values ('tokens', 'day', 5, $1)`

  it('members set none', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(own, ['own'])).toBe('42501')
    }))

  it('admins set the tenant’s own and nothing it was sold', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'tokens', quota_limit: 7 })
      await t.become(db.acme.admin)
      expect([
        await t.errorCode(own, ['plan']),
        await t.errorCode(own, ['override']),
        await t.errorCode(own, ['own']),
      ]).toEqual(['42501', '42501', undefined])
      expect(
        await t.query(`update app_public.usage_quotas set quota_limit = 1e9 where source = 'plan' returning 1 as one`),
      ).toEqual([])
      expect(await t.query(`delete from app_public.usage_quotas where source = 'plan' returning 1 as one`)).toEqual([])
    }))

  it('admins neither allow overage nor set what was used', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'tokens', quota_limit: 7 })
      await t.become(db.acme.admin)
      expect(await t.errorCode(own, ['own'])).toBeUndefined()
      expect(
        await t.errorCode('update app_public.usage_quotas set overage_allowed = true, is_hard_limit = false'),
      ).toBe('42501')
      expect(await t.errorCode('update app_public.quota_tracking set current_usage = 0')).toBe('42501')
    }))

  it('staff set anything', () =>
    db.inTransaction(async (t) => {
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.errorCode(own, ['override'])).toBeUndefined()
    }))

  it.each([
    ['agents', 'none', -1, '{}', '23514'],
    ['agents', 'none', 1.5, '{}', '23514'],
    ['agents', 'none', 'NaN', '{}', '23514'],
    ['cost', 'day', 'Infinity', '{}', '23514'],
    ['agents', 'day', 1, '{}', '23514'],
    ['tokens', 'none', 1, '{}', '23514'],
    ['tokens', 'week', 1, '{}', '23514'],
    ['spoons', 'none', 1, '{}', '23514'],
    ['users', 'none', 1, '{"quota_scope": "user"}', '23514'],
    ['agents', 'none', 1, '{"quota_scope": "agent"}', '23514'],
    ['tokens', 'day', 1, '{"quota_scope": "user", "applies_to_subtree": true}', '23514'],
    ['tokens', 'day', 1, '{"quota_scope": "user", "scope_id": "00000000-0000-0000-0000-000000000000"}', 'MT301'],
  ])('refuses %s by %s of %s %s', (type, period, amount, more, code) =>
    db.inTransaction(async (t) => {
      const values = { tenant_id: db.acme.id, quota_type: type, period, quota_limit: amount, ...JSON.parse(more) }
      expect(
        await t.errorCode(
          `insert into app_public.usage_quotas (${Object.keys(values)}) values (${Object.keys(values).map((_, i) => `$${i + 1}`)})`,
          Object.values(values),
        ),
      ).toBe(code)
    }),
  )

  it('people see the limits that hold for them, with what is used', () =>
    db.inTransaction(async (t) => {
      await limit(t, db.acme, { quota_type: 'tokens', quota_scope: 'user', quota_limit: 10 })
      await limit(t, db.acme, { quota_type: 'agents', quota_limit: 3 })
      await t.become(db.acme.member)
      await consume(t, 'tokens', 9)
      const mine = `select quota_type, quota_scope, remaining::int, is_warning, period_start is null as is_forever from app_public.my_quotas()`
      expect(await t.query(mine)).toEqual([
        { quota_type: 'agents', quota_scope: 'tenant', remaining: 3, is_warning: false, is_forever: true },
        { quota_type: 'tokens', quota_scope: 'user', remaining: 1, is_warning: true, is_forever: false },
      ])
      await t.become(db.acme.viewer)
      expect((await t.query(mine))[1]).toMatchObject({ remaining: 10 })
      expect(await t.query(`select * from app_public.quota_tracking where quota_type = 'tokens'`)).toEqual([])
      await t.become(db.globex.owner)
      expect(await t.query(mine)).toEqual([])
    }))
})

it('verify_quotas finds a counter that is wrong, recount_quotas mends it', () =>
  db.inTransaction(async (t) => {
    await limit(t, db.acme, { quota_type: 'agents', quota_limit: 10 })
    await addAgents(t, db.acme.id, 2)
    await t.query(`update app_public.quota_tracking set current_usage = 5 where tenant_id = $1`, [db.acme.id])
    expect(await faults(t)).toMatchObject([
      { quota_type: 'agents', what: 'current_usage', is_value: '5', should_be: '2' },
    ])
    await t.query('select metering.recount_quotas($1)', [db.acme.id])
    expect(await faults(t)).toEqual([])
  }))

it('quotas are set at read committed, where what was waited for is seen', async () => {
  const client = await db.pool.connect()
  try {
    await client.query('begin isolation level repeatable read')
    await expect(
      client.query(
        `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit) values ($1, 'agents', 'none', 1)`,
        [db.acme.id],
      ),
    ).rejects.toMatchObject({ code: 'MT411' })
  } finally {
    await client.query('rollback')
    client.release()
  }
})
