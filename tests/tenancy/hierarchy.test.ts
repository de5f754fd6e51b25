// Tenants within tenants: making, moving, looking down, and never up or across.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { createSource } from '../helpers/knowledge.ts'
import { eventsFrom } from '../helpers/metering.ts'

const db = useDatabase()

const create = async (t: Transaction, person: Person, slug: string): Promise<string> => {
  await t.become(person)
  return t.value('select id from app_public.create_sub_tenant($1, $1)', [slug])
}
const within = (person: Person, tenantId: string): Person => ({ ...person, tenantId })
const places = async (t: Transaction): Promise<unknown> => {
  await t.becomeSuperuser()
  return t.value(
    `select jsonb_object_agg(slug, tenant_level || ' ' || tenant_path) from app_public.tenants where slug like 'a%'`,
  )
}
const move = 'select tenant_path from app_public.move_tenant($1, $2)'

describe('create_sub_tenant', () => {
  it('makes a tenant below the caller’s, the caller its owner, with the features of the parent', () =>
    db.inTransaction(async (t) => {
      await t.query(
        `update app_public.tenants set features = '{"rag_enabled": false}', timezone = 'Europe/Berlin' where id = $1`,
        [db.acme.id],
      )
      const id = await create(t, db.acme.owner, 'acme-eu')
      await t.become(within(db.acme.owner, id))
      expect(
        await t.query(
          `select slug, parent_tenant_id, tenant_level, tenant_path, status, timezone from app_public.tenants`,
        ),
      ).toEqual([
        {
          slug: 'acme-eu',
          parent_tenant_id: db.acme.id,
          tenant_level: 1,
          tenant_path: 'acme.acme-eu',
          status: 'active',
          timezone: 'Europe/Berlin',
        },
      ])
      expect(await t.query('select user_id, role from app_public.user_tenants')).toEqual([
        { user_id: db.acme.owner.userId, role: 'owner' },
      ])
      // read live, so a later change reaches it too; what staff set for the tenant itself comes first
      const isOn = `select app_public.is_feature_enabled('rag_enabled')`
      expect(await t.value(isOn)).toBe(false)
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set features = '{"rag_enabled": true}' where id = $1`, [id])
      await t.become(within(db.acme.owner, id))
      expect(await t.value(isOn)).toBe(true)
    }))

  it('is for those who manage the tenant', () =>
    db.inTransaction(async (t) => {
      for (const person of [db.acme.admin, db.acme.member, db.acme.viewer, within(db.globex.owner, db.acme.id)]) {
        await t.become(person)
        expect(await t.errorCode(`select app_public.create_sub_tenant('a', 'A')`)).toBe('ID203')
      }
    }))

  it('refuses a slug that is taken or none, and more children than the quota', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.tenants set quotas = '{"max_sub_tenants": 1}' where id = $1`, [db.acme.id])
      await t.become(db.acme.owner)
      const call = 'select app_public.create_sub_tenant($1, $2)'
      expect(await t.errorCode(call, ['globex', 'G'])).toBe('23505')
      expect(await t.errorCode(call, ['no good', 'G'])).toBe('23514')
      expect(await t.errorCode(call, ['acme-1', ' '])).toBe('23514')
      expect(await t.errorCode(call, ['acme-1', 'One'])).toBeUndefined()
      expect(await t.errorCode(call, ['acme-2', 'Two'])).toBe('TN602')
    }))

  it('counts children of children to the quota, those that are made and those that are moved', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      const b = await create(t, within(db.acme.owner, a), 'a-b')
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set quotas = '{"max_sub_tenants": 2}' where id = $1`, [db.acme.id])
      await t.become(within(db.acme.owner, b))
      expect(await t.errorCode(`select app_public.create_sub_tenant('a-c', 'C')`)).toBe('TN602')
      // a move within the tree makes no tenant more; one from outside brings all that is below along
      expect(await t.errorCode(move, [b, db.acme.id])).toBeUndefined()
      await t.becomeSuperuser()
      await t.query(`select tenancy.provision_member($1, $2, null, 'owner')`, [db.globex.id, db.acme.owner.email])
      await t.query(`update app_public.tenants set quotas = '{"max_sub_tenants": 3}' where id = $1`, [db.acme.id])
      const g = await create(t, within(db.acme.owner, db.globex.id), 'g')
      const h = await create(t, within(db.acme.owner, g), 'g-h')
      await t.become(db.acme.owner)
      expect(await t.errorCode(move, [g, a])).toBe('TN602')
      expect(await t.errorCode(move, [h, a])).toBeUndefined()
    }))

  it('nests ten levels and no more', () =>
    db.inTransaction(async (t) => {
      let parent = db.acme.id
      for (let level = 1; level <= 9; level += 1) parent = await create(t, within(db.acme.owner, parent), `a${level}`)
      await t.become(within(db.acme.owner, parent))
      expect(await t.value('select tenant_path from app_public.tenants')).toBe('acme.a1.a2.a3.a4.a5.a6.a7.a8.a9')
      expect(await t.errorCode(`select app_public.create_sub_tenant('a10', 'A')`)).toBe('TN601')
      // nor by moving the whole subtree down
      await t.becomeSuperuser()
      expect(
        await t.errorCode('update app_public.tenants set parent_tenant_id = $1 where id = $2', [
          db.globex.id,
          db.acme.id,
        ]),
      ).toBe('TN601')
    }))
})

describe('move_tenant', () => {
  it('takes the whole subtree along, level and path', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      const b = await create(t, within(db.acme.owner, a), 'a-b')
      await create(t, within(db.acme.owner, b), 'a-c')
      const d = await create(t, db.acme.owner, 'a-d')
      await t.become(db.acme.owner)
      expect(await t.value(move, [b, d])).toBe('acme.a-d.a-b')
      expect(await places(t)).toEqual({
        acme: '0 acme',
        a: '1 acme.a',
        'a-d': '1 acme.a-d',
        'a-b': '2 acme.a-d.a-b',
        'a-c': '3 acme.a-d.a-b.a-c',
      })
      await t.query(`update app_public.tenants set slug = 'a-x' where id = $1`, [d])
      await t.query(`update app_public.tenants set tenant_path = 'wrong', tenant_level = 7 where id = $1`, [b])
      expect(await places(t)).toEqual({
        acme: '0 acme',
        a: '1 acme.a',
        'a-x': '1 acme.a-x',
        'a-b': '2 acme.a-x.a-b',
        'a-c': '3 acme.a-x.a-b.a-c',
      })
    }))

  it('refuses to put a tenant below itself, over the API and in SQL', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      const b = await create(t, within(db.acme.owner, a), 'a-b')
      await t.become(db.acme.owner)
      for (const below of [a, b]) expect(await t.errorCode(move, [a, below])).toBe('TN503')
      await t.becomeSuperuser()
      expect(
        await t.errorCode('update app_public.tenants set parent_tenant_id = $1 where id = $2', [b, db.acme.id]),
      ).toBe('TN503')
    }))

  it('needs can_manage_tenant in the tenant and in its new parent', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      const b = await create(t, db.acme.owner, 'b')
      const attempts: [Person, string, string | null, string | undefined][] = [
        [db.acme.owner, a, null, 'TN205'],
        [db.acme.owner, a, db.globex.id, 'TN301'],
        [db.acme.owner, db.globex.id, a, 'TN301'],
        [db.acme.admin, a, b, 'TN301'],
        [db.globex.owner, a, db.globex.id, 'TN301'],
        [db.acme.owner, a, b, undefined],
      ]
      for (const [person, tenant, parent, code] of attempts) {
        await t.become(person)
        expect([person.email, await t.errorCode(move, [tenant, parent])]).toEqual([person.email, code])
      }
    }))

  it('says of a tenant that is not there what it says of one that may not be moved', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      await t.become(db.acme.owner)
      expect(await t.errorCode(move, [a, crypto.randomUUID()])).toBe('TN301')
      expect(await t.errorCode(move, [crypto.randomUUID(), a])).toBe('TN301')
    }))

  it('can be asked for in any tenant by who manages both', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      await t.becomeSuperuser()
      await t.query(`select tenancy.provision_member($1, $2, null, 'owner')`, [db.globex.id, db.acme.owner.email])
      await t.become(db.acme.owner)
      expect(await t.errorCode(move, [a, db.globex.id])).toBeUndefined()
    }))

  it('goes into no tenant that is suspended', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      const b = await create(t, db.acme.owner, 'b')
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set status = 'suspended', suspension_reason = 'x' where id = $1`, [b])
      await t.become(db.acme.owner)
      expect(await t.errorCode(move, [a, b])).toBe('TN301')
    }))

  it('lets platform staff move any tenant anywhere, also to the top, but not the platform', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      await t.become(db.platform.owner, 'rowhouse_admin')
      expect(await t.value(move, [a, db.globex.id])).toBe('globex.a')
      expect(await t.value(move, [a, null])).toBe('a')
      expect(await t.errorCode(move, [db.platform.id, a])).toBe('TN301')
      expect(await t.errorCode(move, [crypto.randomUUID(), a])).toBe('TN301')
      expect(await t.errorCode(move, [a, crypto.randomUUID()])).toBe('TN301')
    }))
})

describe('the subtree', () => {
  it('is listed for those who may look down, each tenant after its parent', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      await create(t, within(db.acme.owner, a), 'a-b')
      const paths = 'select tenant_path from app_public.tenant_subtree()'
      for (const role of ['owner', 'admin'] as const) {
        await t.become(db.acme[role])
        expect(await t.query(paths)).toEqual([{ tenant_path: 'acme.a' }, { tenant_path: 'acme.a.a-b' }])
      }
      for (const role of ['member', 'viewer'] as const) {
        await t.become(db.acme[role])
        expect(await t.errorCode(paths)).toBe('ID203')
      }
      await t.become(db.globex.owner)
      expect(await t.query(paths)).toEqual([])
    }))

  it('may be entered from above by such a member, and never from below or from the side', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      const b = await create(t, within(db.acme.owner, a), 'a-b')
      const sibling = await create(t, db.acme.owner, 'a-s')
      await t.becomeSuperuser()
      const childOwner = await t.value<string>(
        `select user_id from tenancy.provision_member($1, 'child@acme.test', null, 'owner')`,
        [a],
      )
      const may = (user: string, tenant: string): Promise<boolean> =>
        t.value('select tenancy.may_view_subtree($1, $2)', [user, tenant])
      expect(await may(db.acme.admin.userId, a)).toBe(true)
      expect(await may(db.acme.admin.userId, b)).toBe(true)
      expect(await may(db.acme.admin.userId, db.acme.id)).toBe(false)
      expect(await may(db.acme.member.userId, a)).toBe(false)
      expect(await may(db.globex.owner.userId, a)).toBe(false)
      expect(await may(childOwner, b)).toBe(true)
      expect(await may(childOwner, db.acme.id)).toBe(false)
      expect(await may(childOwner, sibling)).toBe(false)
      // by permission, live: taken from the admin, given to the viewer
      await t.query(
        `update app_public.user_tenants set permissions = jsonb_build_object('can_view_subtree', role = 'viewer') where tenant_id = $1`,
        [db.acme.id],
      )
      expect([await may(db.acme.admin.userId, b), await may(db.acme.viewer.userId, b)]).toEqual([false, true])
      await t.query(`update app_public.user_tenants set status = 'inactive' where user_id = $1`, [
        db.acme.viewer.userId,
      ])
      expect(await may(db.acme.viewer.userId, b)).toBe(false)
      // a suspended parent looks at nothing
      await t.query(`update app_public.user_tenants set permissions = '{}' where tenant_id = $1`, [db.acme.id])
      await t.query(`update app_public.tenants set status = 'suspended', suspension_reason = 'x' where id = $1`, [
        db.acme.id,
      ])
      expect(await may(db.acme.admin.userId, a)).toBe(false)
    }))

  it('can be read and not changed by a visitor', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      const source = await createSource(t, within(db.acme.owner, a))
      await t.become(within(db.acme.admin, a))
      expect(await t.query('select id from app_public.rag_knowledge_sources')).toEqual([{ id: source }])
      for (const command of [
        `insert into app_public.agents (name) values ('a')`,
        `update app_public.rag_knowledge_sources set name = 'b'`,
        `update app_public.tenants set name = 'b'`,
        `delete from app_public.agent_knowledge_sources`,
      ])
        expect([command, await t.errorCode(command)]).toEqual([command, 'ID202'])
      expect(await t.errorCode(`select app_public.create_service_token('x')`)).toBe('ID203')
      expect(await t.errorCode(`select app_public.cancel_tenant()`)).toBe('ID203')
    }))

  it('shows a child neither its parent’s row nor its siblings’', () =>
    db.inTransaction(async (t) => {
      const a = await create(t, db.acme.owner, 'a')
      await create(t, db.acme.owner, 'b')
      await t.becomeSuperuser()
      const user = await t.value<string>(
        `select user_id from tenancy.provision_member($1, 'child@acme.test', null, 'owner')`,
        [a],
      )
      await t.become({ ...db.acme.owner, userId: user, tenantId: a })
      expect(await t.query('select slug from app_public.tenants')).toEqual([{ slug: 'a' }])
      expect(await t.query('select slug from app_public.my_tenants()')).toEqual([{ slug: 'a' }])
      expect(await t.query('select * from app_public.tenant_subtree()')).toEqual([])
      expect(await t.query('select email from app_public.user_profiles order by email')).toEqual([
        { email: 'child@acme.test' },
        { email: 'owner@acme.test' },
      ])
    }))
})

describe('deleting', () => {
  const asOperator = async (t: Transaction): Promise<void> => {
    await t.becomeSuperuser()
    await t.query(`select set_config('rowhouse.user_id', '', true)`)
  }

  it('a tenant that has children is refused', () =>
    db.inTransaction(async (t) => {
      await create(t, db.acme.owner, 'a')
      await asOperator(t)
      expect(await t.errorCode(`select tenancy.delete_tenant('acme')`)).toBe('TN504')
    }))

  it('a tenant whose children went before goes with everything', () =>
    db.inTransaction(async (t) => {
      await create(t, db.acme.owner, 'a')
      await asOperator(t)
      await t.query(`select tenancy.delete_tenant('a')`)
      await t.query(`select tenancy.delete_tenant('acme')`)
      for (const table of ['tenant_config', 'tenant_status_history', 'user_tenants'])
        expect(await t.value(`select count(*)::int from app_public.${table} where tenant_id = $1`, [db.acme.id])).toBe(
          0,
        )
    }))

  it('a tenant that is gone is not found', () =>
    db.inTransaction(async (t) => {
      await asOperator(t)
      await t.query(`select tenancy.delete_tenant('acme')`)
      expect(await t.errorCode(`select tenancy.delete_tenant('acme')`)).toBe('TN301')
    }))
})

describe('the figures of a tenant', () => {
  it('are computed, and the same from a request, from another tenant’s list and from psql', () =>
    db.inTransaction(async (t) => {
      await t.query(
        `update app_public.user_tenants set last_accessed_at = now() - case role when 'viewer' then interval '31 days' else '29 days' end where tenant_id = $1 and role <> 'member'`,
        [db.acme.id],
      )
      await t.query(`update app_public.user_tenants set status = 'inactive' where tenant_id = $1 and role = 'admin'`, [
        db.acme.id,
      ])
      const source = await createSource(t, db.acme.member)
      await t.query(`select * from app_public.create_documents($1, knowledge.new_documents($2))`, [
        source,
        JSON.stringify([{ externalId: '1', text: 'x'.repeat(2_000_000) }]),
      ])
      // calls are counted wherever they are on their way: rolled up, in the queue, in the buffer
      const event = { idempotency_key: '1', usage_type: 'api_call', quantity: 4 }
      await t.query(`select app_public.record_usages(${eventsFrom('$1')})`, [JSON.stringify([event])])
      await t.becomeRole('rowhouse_worker')
      await t.query('select metering.roll_up_usage($1)', [db.acme.id])
      await t.become(db.acme.member)
      await t.query(`select app_public.record_usages(${eventsFrom('$1')})`, [
        JSON.stringify([
          { ...event, idempotency_key: '2', quantity: 2 },
          { ...event, idempotency_key: '3', usage_type: 'search' },
        ]),
      ])
      await t.becomeSuperuser()
      await t.query(`insert into metering.api_call_buffer (tenant_id, called_at) values ($1, now())`, [db.acme.id])
      await t.query(`select tenancy.provision_member($1, $2, null, 'viewer')`, [db.globex.id, db.acme.owner.email])
      const figures = (from: string): string =>
        `select t.user_count, t.active_user_count, t.total_api_calls::int, t.storage_used_gb::float from ${from} as tenant,
           lateral (select app_public.tenants_user_count(tenant) as user_count, app_public.tenants_active_user_count(tenant) as active_user_count,
                           app_public.tenants_total_api_calls(tenant) as total_api_calls, app_public.tenants_storage_used_gb(tenant) as storage_used_gb) t
          where tenant.slug = 'acme'`
      const expected = [{ user_count: 3, active_user_count: 1, total_api_calls: 7, storage_used_gb: 0.002 }]
      expect(await t.query(figures('app_public.tenants'))).toEqual(expected)
      await t.become(db.acme.viewer)
      expect(await t.query(figures('app_public.tenants'))).toEqual(expected)
      await t.become(within(db.acme.owner, db.globex.id))
      expect(await t.query(figures('app_public.my_tenants()'))).toEqual(expected)
    }))
})
