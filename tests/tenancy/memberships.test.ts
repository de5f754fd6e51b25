// Who may change whose membership: the ladder of roles, permissions, and the owner a tenant keeps.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { type Role, roles } from '../helpers/people.ts'

const db = useDatabase()
const changeRole = 'select app_public.change_member_role($1, $2)'
const changePermissions =
  'select app_public.change_member_permissions($1, jsonb_populate_record(null::app_public.permission_overrides, $2))'
const rank = (role: Role): number => roles.length - roles.indexOf(role)
const asSomeone = <T>(person: Person, work: (t: Transaction) => Promise<T>): Promise<T> =>
  db.inTransaction(async (t) => {
    await t.become(person)
    return work(t)
  })
const membership = async (t: Transaction, person: Person): Promise<Record<string, unknown> | undefined> => {
  await t.becomeSuperuser()
  const [row] = await t.query(`select * from app_public.user_tenants where tenant_id = $1 and user_id = $2`, [
    person.tenantId,
    person.userId,
  ])
  await t.become(person)
  return row
}
/** Someone besides the usual four, so that no rule about the last owner gets in the way. */
async function addMember(t: Transaction, role: Role, tenant = db.acme): Promise<Person> {
  await t.becomeSuperuser()
  const email = `${crypto.randomUUID()}@acme.test`
  const { user_id } = (
    await t.query<{ user_id: string }>('select * from tenancy.provision_member($1, $2, null, $3)', [
      tenant.id,
      email,
      role,
    ])
  )[0] as { user_id: string }
  return { userId: user_id, tenantId: tenant.id, tenant: tenant.slug, email, role }
}

describe('a role', () => {
  for (const actor of roles) {
    for (const target of roles) {
      for (const wanted of roles) {
        const may = rank(actor) >= 3 && rank(target) <= rank(actor) && rank(wanted) <= rank(actor)
        const expected = may ? undefined : rank(actor) >= 3 ? 'ID204' : 'ID203'
        it(`of a ${target} made ${wanted} by a ${actor}: ${expected ?? 'done'}`, () =>
          db.inTransaction(async (t) => {
            const person = await addMember(t, target)
            await t.become(db.acme[actor])
            // to give what is there already changes nothing, so nothing is above anyone
            const same = target === wanted && rank(actor) >= 3
            expect(await t.errorCode(changeRole, [person.userId, wanted])).toBe(same ? undefined : expected)
          }))
      }
    }
  }

  it('that does not exist, or of someone who is no member here, is an error', () =>
    asSomeone(db.acme.owner, async (t) => {
      expect(await t.errorCode(changeRole, [db.acme.viewer.userId, 'king'])).toBe('23514')
      expect(await t.errorCode(changeRole, [db.acme.viewer.userId, null])).toBe('ID405')
      expect(await t.errorCode(changeRole, [db.globex.viewer.userId, 'member'])).toBe('ID301')
      expect(await t.errorCode(changeRole, [null, 'member'])).toBe('ID301')
    }))

  it('of one’s own can only go down', () =>
    asSomeone(db.acme.admin, async (t) => {
      expect(await t.errorCode(changeRole, [db.acme.admin.userId, 'owner'])).toBe('ID204')
      expect(await t.errorCode(changeRole, [db.acme.admin.userId, 'viewer'])).toBeUndefined()
      expect(await t.errorCode(changeRole, [db.acme.admin.userId, 'admin'])).toBe('ID203')
    }))

  it('can be given by platform staff, up to owner', () =>
    db.inTransaction(async (t) => {
      await t.become({ ...db.platform.admin, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.errorCode(changeRole, [db.acme.viewer.userId, 'owner'])).toBeUndefined()
    }))
})

describe('permissions', () => {
  it('that are added to the role show at once', () =>
    asSomeone(db.acme.owner, async (t) => {
      await t.query(changePermissions, [db.acme.viewer.userId, { can_view_audit: true }])
      await t.become(db.acme.viewer)
      expect(await t.value('select app_public.my_permissions()::text[]')).toEqual(['can_view_audit'])
    }))

  it('that are taken from the role are gone at once, and no others', () =>
    asSomeone(db.acme.owner, async (t) => {
      await t.query(changePermissions, [db.acme.member.userId, { can_create_agents: false }])
      await t.become(db.acme.member)
      const [own] = await t.query<{ permissions: string[] }>(
        `select app_public.user_tenants_effective_permissions(m)::text[] as permissions from app_public.current_membership() m`,
      )
      expect(own?.permissions).not.toContain('can_create_agents')
      expect(own?.permissions).toContain('can_edit_agents')
    }))

  it('that one lacks cannot be given, and those someone has already are not given', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(changePermissions, [db.acme.member.userId, { can_manage_billing: true }])
      await t.become(db.acme.admin)
      expect(await t.errorCode(changePermissions, [db.acme.viewer.userId, { can_manage_billing: true }])).toBe('ID204')
      expect(await t.errorCode(changePermissions, [db.acme.viewer.userId, { can_share_resources: true }])).toBe(
        undefined,
      )
      expect(
        await t.errorCode(changePermissions, [
          db.acme.member.userId,
          { can_manage_billing: true, can_view_audit: true },
        ]),
      ).toBeUndefined()
      expect(await t.errorCode(changePermissions, [db.acme.admin.userId, { can_manage_billing: true }])).toBe('ID204')
      expect(await t.errorCode(changePermissions, [db.acme.owner.userId, {}])).toBeUndefined()
      expect(await t.errorCode(changePermissions, [db.acme.owner.userId, { can_view_audit: false }])).toBe('ID204')
    }))

  it('taken from an admin are nothing the admin can give by way of a role', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(changePermissions, [db.acme.admin.userId, { can_delete_agents: false }])
      await t.become(db.acme.admin)
      expect(await t.errorCode(changeRole, [db.acme.member.userId, 'admin'])).toBe('ID204')
      expect(await t.errorCode(changeRole, [db.acme.viewer.userId, 'member'])).toBeUndefined()
    }))

  it('let a member with can_manage_users manage those up to member', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(changePermissions, [db.acme.member.userId, { can_manage_users: true }])
      await t.become(db.acme.member)
      expect(await t.errorCode(changeRole, [db.acme.viewer.userId, 'member'])).toBeUndefined()
      expect(await t.errorCode(changeRole, [db.acme.viewer.userId, 'admin'])).toBe('ID204')
      expect(await t.errorCode('select app_public.remove_member($1)', [db.acme.admin.userId])).toBe('ID204')
    }))

  it('have every permission as a field of the input, and no other', () =>
    db.inTransaction(async (t) => {
      expect(
        await t.value(
          `select array_agg(attname::text order by attnum) from pg_attribute where attrelid = 'app_public.permission_overrides'::regclass`,
        ),
      ).toEqual(await t.value('select tenancy.permission_keys()'))
      expect(await t.value('select tenancy.permission_keys()::app_public.permission[]::text[]')).toHaveLength(20)
    }))

  it('go back to those of the role when none are given', () =>
    asSomeone(db.acme.owner, async (t) => {
      await t.query(changePermissions, [db.acme.viewer.userId, { can_view_audit: true }])
      const [member] = await t.query<{ permissions: unknown }>(
        'select permissions from app_public.change_member_permissions($1, null)',
        [db.acme.viewer.userId],
      )
      expect(member?.permissions).toEqual({})
    }))
})

describe('a member', () => {
  it('who is deactivated or suspended has nothing, and gets everything back when reactivated', () =>
    asSomeone(db.acme.admin, async (t) => {
      for (const shutOut of ['deactivate_member', 'suspend_member']) {
        await t.query(`select app_public.${shutOut}($1)`, [db.acme.member.userId])
        await t.query(`select app_public.${shutOut}($1)`, [db.acme.member.userId])
        const out = await membership(t, db.acme.member)
        expect(out).toMatchObject({ role: 'member', status: shutOut === 'suspend_member' ? 'suspended' : 'inactive' })
        expect(out?.deactivated_at).toBeInstanceOf(Date)
        expect(await t.value('select app_public.my_permissions()::text[]')).toEqual([])
        await t.become(db.acme.admin)
        await t.query('select app_public.reactivate_member($1)', [db.acme.member.userId])
        expect(await membership(t, db.acme.member)).toMatchObject({ status: 'active', role: 'member' })
        await t.become(db.acme.admin)
      }
    }))

  it('is not let in again by someone below', () =>
    db.inTransaction(async (t) => {
      const second = await addMember(t, 'owner')
      await t.become(db.acme.owner)
      await t.query('select app_public.deactivate_member($1)', [second.userId])
      await t.become(db.acme.admin)
      expect(await t.errorCode('select app_public.reactivate_member($1)', [second.userId])).toBe('ID204')
    }))

  it('can be removed by those who manage users and are not below', () =>
    db.inTransaction(async (t) => {
      for (const actor of [db.acme.viewer, db.acme.member]) {
        await t.become(actor)
        for (const deed of ['remove_member', 'deactivate_member', 'suspend_member', 'reactivate_member'])
          expect(await t.errorCode(`select app_public.${deed}($1)`, [db.acme.viewer.userId])).toBe('ID203')
      }
      await t.become(db.acme.admin)
      expect(await t.errorCode('select app_public.remove_member($1)', [db.acme.owner.userId])).toBe('ID204')
      expect(await t.errorCode('select app_public.remove_member($1)', [db.acme.viewer.userId])).toBeUndefined()
      expect(await t.errorCode('select app_public.remove_member($1)', [db.acme.viewer.userId])).toBe('ID301')
      expect(await t.errorCode('select app_public.remove_member($1)', [db.globex.viewer.userId])).toBe('ID301')
    }))

  it('may leave, and is then no member', () =>
    asSomeone(db.acme.viewer, async (t) => {
      await t.query('select app_public.leave_tenant()')
      expect(await t.errorCode('select app_public.leave_tenant()')).toBe('ID202')
      expect(await membership(t, db.acme.viewer)).toBeUndefined()
    }))

  it('cannot write memberships past the functions', () =>
    asSomeone(db.acme.owner, async (t) => {
      expect(await t.errorCode(`update app_public.user_tenants set role = 'owner'`)).toBe('42501')
      expect(await t.errorCode(`delete from app_public.user_tenants`)).toBe('42501')
      expect(
        await t.errorCode(`insert into app_public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'owner')`, [
          db.acme.id,
          db.globex.member.userId,
        ]),
      ).toBe('42501')
    }))
})

describe('the rules hold for SQL as the owner of the tables, too', () => {
  it('whoever the context says is asking', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      await t.query(`select set_config('role', 'rowhouse_owner', true)`)
      const set = `update app_public.user_tenants set role = $1 where user_id = $2`
      expect(await t.errorCode(set, ['owner', db.acme.member.userId])).toBe('ID204')
      expect(await t.errorCode(set, ['owner', db.acme.admin.userId])).toBe('ID204')
      expect(await t.errorCode(set, ['member', db.acme.owner.userId])).toMatch(/^ID(204|501)$/)
      expect(await t.errorCode(set, ['viewer', db.acme.member.userId])).toBeUndefined()
      await t.query(`select set_config('rowhouse.user_id', '', true)`)
      expect(await t.errorCode(set, ['member', db.acme.viewer.userId])).toBe('ID203')
      expect(
        await t.errorCode(`insert into app_public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'viewer')`, [
          db.acme.id,
          db.globex.member.userId,
        ]),
      ).toBe('ID203')
    }))
})

describe('the last active owner', () => {
  it.each([
    ['leave', 'select app_public.leave_tenant()', false],
    ['be demoted', `select app_public.change_member_role($1, 'admin')`, true],
    ['be deactivated', 'select app_public.deactivate_member($1)', true],
    ['be suspended', 'select app_public.suspend_member($1)', true],
    ['be removed', 'select app_public.remove_member($1)', true],
  ])('cannot %s until there is another', (_name, statement, isNamed) =>
    db.inTransaction(async (t) => {
      const values = isNamed ? [db.acme.owner.userId] : []
      await t.become(db.acme.owner)
      expect(await t.errorCode(statement, values)).toBe('ID501')
      // staff and administrators in psql cannot either
      if (isNamed) {
        await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
        expect(await t.errorCode(statement, values)).toBe('ID501')
      }
      await addMember(t, 'owner')
      await t.become(db.acme.owner)
      expect(await t.errorCode(statement, values)).toBeUndefined()
    }),
  )

  it('is kept in psql, also from a statement that takes all at once', () =>
    db.inTransaction(async (t) => {
      await addMember(t, 'owner')
      expect(
        await t.errorCode(`update app_public.user_tenants set role = 'member' where tenant_id = $1`, [db.acme.id]),
      ).toBe('ID501')
      expect(await t.errorCode(`delete from app_public.user_tenants where tenant_id = $1`, [db.acme.id])).toBe('ID501')
      expect(
        await t.errorCode(`select tenancy.provision_member($1, $2, null, 'viewer')`, [
          db.globex.id,
          db.globex.owner.email,
        ]),
      ).toBe('ID501')
      expect(
        await t.errorCode(`delete from app_public.user_profiles where id = $1`, [db.globex.owner.userId]),
      ).toBeDefined()
    }))

  it('is not someone whose profile is switched off', () =>
    db.inTransaction(async (t) => {
      const second = await addMember(t, 'owner')
      await t.query('update app_public.user_profiles set is_active = false where id = $1', [second.userId])
      await t.become(db.acme.owner)
      expect(await t.errorCode('select app_public.leave_tenant()')).toBe('ID501')
    }))

  it('goes with the tenant when that is deleted', () =>
    db.inTransaction(async (t) => {
      await t.query(`select tenancy.delete_tenant('acme')`)
      expect(
        await t.value('select count(*)::int from app_public.user_tenants where tenant_id = $1', [db.acme.id]),
      ).toBe(0)
    }))
})

describe('ownership', () => {
  it('is handed to another member by its owner, who becomes an admin', () =>
    asSomeone(db.acme.owner, async (t) => {
      await t.query('select app_public.transfer_ownership($1)', [db.acme.viewer.userId])
      expect(await membership(t, db.acme.viewer)).toMatchObject({ role: 'owner', permissions: {} })
      expect(await membership(t, db.acme.owner)).toMatchObject({ role: 'admin' })
    }))

  it('is not handed over by others, to oneself, to strangers or to those who are shut out', () =>
    db.inTransaction(async (t) => {
      const transfer = 'select app_public.transfer_ownership($1)'
      await t.become(db.acme.admin)
      expect(await t.errorCode(transfer, [db.acme.viewer.userId])).toBe('ID202')
      await t.become(db.acme.owner)
      expect(await t.errorCode(transfer, [db.acme.owner.userId])).toBe('ID504')
      expect(await t.errorCode(transfer, [db.globex.member.userId])).toBe('ID301')
      expect(await t.errorCode(transfer, [null])).toBe('ID301')
      await t.query('select app_public.deactivate_member($1)', [db.acme.viewer.userId])
      expect(await t.errorCode(transfer, [db.acme.viewer.userId])).toBe('ID301')
    }))
})
