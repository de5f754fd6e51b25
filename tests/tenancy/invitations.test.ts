// Invitations in SQL: who may invite whom, what a token opens, and that everything wrong with one looks the same.

import { describe, expect, it } from 'vitest'
import { setClockLater } from '../helpers/clock.ts'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { createStranger, setTenantStatus, tokenFor } from '../helpers/invitations.ts'
import { type Role, roles } from '../helpers/people.ts'

const db = useDatabase()
const invite = 'select id from app_public.invite_user($1, $2)'
const changePermissions =
  'select app_public.change_member_permissions($1, jsonb_populate_record(null::app_public.permission_overrides, $2))'
const accept = 'select slug from app_public.accept_invitation($1)'
const decline = 'select app_public.decline_invitation($1)'
const resend = 'select app_public.resend_invitation($1)'
const revoke = 'select app_public.revoke_invitation($1)'

async function inviteAs(t: Transaction, inviter: Person, email: string, role: Role = 'member'): Promise<string> {
  await t.become(inviter)
  return t.value<string>(invite, [email, role])
}
async function roleOf(t: Transaction, person: Person, tenant = db.acme): Promise<unknown> {
  await t.becomeSuperuser()
  return t.value(`select role || ' ' || status from app_public.user_tenants where tenant_id = $1 and user_id = $2`, [
    tenant.id,
    person.userId,
  ])
}
const statusOf = async (t: Transaction, id: string): Promise<unknown> => {
  await t.becomeSuperuser()
  return t.value('select status from app_public.invitations where id = $1', [id])
}
const inAcme = (person: Person): Person => ({ ...person, tenantId: db.acme.id })

describe('inviting', () => {
  for (const inviter of roles) {
    for (const role of roles) {
      const expected =
        inviter === 'owner' || (inviter === 'admin' && role !== 'owner')
          ? undefined
          : inviter === 'admin'
            ? 'ID204'
            : 'ID203'
      it(`a ${role} as ${inviter}: ${expected ?? 'done'}`, () =>
        db.inTransaction(async (t) => {
          await t.become(db.acme[inviter])
          expect(await t.errorCode(invite, ['new@example.test', role])).toBe(expected)
        }))
    }
  }

  it('stores no token and queues one mail', () =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.owner, ' Ann@Example.TEST ')
      await t.becomeSuperuser()
      expect(await t.query('select email, role, status, delivery_status from app_public.invitations')).toEqual([
        { email: 'ann@example.test', role: 'member', status: 'pending', delivery_status: 'queued' },
      ])
      expect(await t.query('select from vault.invitations')).toEqual([])
      const jobs = await t.query(
        `select payload from graphile_worker._private_jobs j
           join graphile_worker._private_tasks t on t.id = j.task_id and t.identifier = 'tenancy__send_invitation'`,
      )
      expect(jobs).toEqual([{ payload: { tenantId: db.acme.id, invitationId: id, deliveryNumber: 1 } }])
    }))

  it('gives permissions within one’s own', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const withPermissions = `select app_public.invite_user('a@example.test', 'viewer', null,
        jsonb_populate_record(null::app_public.permission_overrides, $1))`
      expect(await t.errorCode(withPermissions, [{ can_manage_billing: true }])).toBe('ID204')
      expect(await t.errorCode(withPermissions, [{ can_view_audit: true }])).toBeUndefined()
    }))

  it.each([
    ['no address', 'ann', 'ID407'],
    ['two addresses', 'ann@example.test, bob@example.test', 'ID407'],
    ['a line break', 'ann@example.test\nbcc: all@example.test', 'ID407'],
    ['nothing', null, 'ID407'],
    ['an endless address', `${'a'.repeat(300)}@example.test`, 'ID407'],
    ['a member', 'VIEWER@acme.test', 'ID502'],
  ])('is refused for %s', (_name, email, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode(invite, [email, 'member'])).toBe(code)
    }),
  )

  it('is refused for an unknown role and for an endless message', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode(invite, ['a@example.test', 'king'])).toBe('23514')
      expect(
        await t.errorCode(`select app_public.invite_user('a@example.test', 'member', $1)`, ['x'.repeat(2001)]),
      ).toBe('ID408')
    }))

  it('twice is refused while the first is pending, renews it when it has expired', () =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.owner, 'a@example.test')
      expect(await t.errorCode(invite, ['A@example.test', 'viewer'])).toBe('ID503')
      const token = await tokenFor(t, id)
      await setClockLater(t, '8 days')
      expect(await inviteAs(t, db.acme.admin, 'a@example.test', 'viewer')).toBe(id)
      const person = await createStranger(t, 'a@example.test')
      await t.become(person)
      expect(await t.errorCode(accept, [token])).toBe('ID303')
      const next = await tokenFor(t, id)
      await t.become(person)
      await t.query(accept, [next])
      expect(await roleOf(t, person)).toBe('viewer active')
    }))

  it('is no way to flood someone with mail', () =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.owner, 'a@example.test')
      expect(await t.errorCode(resend, [id])).toBe('ID601')
      await t.query(revoke, [id])
      expect(await t.errorCode(invite, ['a@example.test', 'member'])).toBe('ID601')
      await setClockLater(t, '61 seconds')
      expect(await t.errorCode(invite, ['a@example.test', 'member'])).toBeUndefined()
    }))

  it('is seen by those who manage users, in their own tenant, and by nobody else', () =>
    db.inTransaction(async (t) => {
      await inviteAs(t, db.acme.owner, 'a@example.test')
      for (const [person, expected] of [
        [db.acme.admin, 1],
        [db.acme.member, 0],
        [db.acme.viewer, 0],
        [db.globex.owner, 0],
      ] as const) {
        await t.become(person)
        expect(await t.value('select count(*)::int from app_public.invitations')).toBe(expected)
      }
      await t.become(db.acme.owner)
      expect(await t.errorCode(`update app_public.invitations set role = 'owner'`)).toBe('42501')
      expect(await t.errorCode(`delete from app_public.invitations`)).toBe('42501')
    }))
})

describe('inviting many', () => {
  const inviteMany = `select email, outcome, invitation_id, error_code from app_public.invite_users(array(
    select jsonb_populate_record(null::app_public.new_invitation, i) from jsonb_array_elements($1) as i))`
  const receipts = (t: Transaction, rows: unknown) => t.query(inviteMany, [JSON.stringify(rows)])

  it('answers for each row, in order, and a bad one does not lose the others', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const id = expect.any(String)
      expect(
        await receipts(t, [
          { email: 'z@example.test' },
          { email: 'nobody' },
          { email: 'a@example.test', role: 'owner' },
          { email: 'b@example.test', role: 'viewer', message: 'Hello', permissions: { can_view_audit: true } },
          { email: 'Z@example.test' },
          {},
          { email: 'member@acme.test' },
          { email: 'y@example.test' },
        ]),
      ).toEqual([
        { email: 'z@example.test', outcome: 'invited', invitation_id: id, error_code: null },
        { email: 'nobody', outcome: 'refused', invitation_id: null, error_code: 'ID407' },
        { email: 'a@example.test', outcome: 'refused', invitation_id: null, error_code: 'ID204' },
        { email: 'b@example.test', outcome: 'invited', invitation_id: id, error_code: null },
        { email: 'Z@example.test', outcome: 'refused', invitation_id: null, error_code: 'ID503' },
        { email: null, outcome: 'refused', invitation_id: null, error_code: 'ID407' },
        { email: 'member@acme.test', outcome: 'refused', invitation_id: null, error_code: 'ID502' },
        { email: 'y@example.test', outcome: 'invited', invitation_id: id, error_code: null },
      ])
      await t.becomeSuperuser()
      expect(await t.value('select count(*)::int from app_public.invitations')).toBe(3)
    }))

  it('takes 1 to 100 rows of those who manage users', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      for (const rows of [[], Array.from({ length: 101 }, (_, i) => ({ email: `p${i}@example.test` }))])
        expect(await t.errorCode(inviteMany, [JSON.stringify(rows)])).toBe('ID409')
      expect(
        await receipts(
          t,
          Array.from({ length: 100 }, (_, i) => ({ email: `p${i}@example.test` })),
        ),
      ).toHaveLength(100)
      await t.become(db.acme.member)
      expect(await t.errorCode(inviteMany, [JSON.stringify([{ email: 'a@example.test' }])])).toBe('ID203')
    }))
})

describe('a token', () => {
  it('makes its addressee a member, once', () =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.admin, 'ann@example.test', 'viewer')
      const token = await tokenFor(t, id)
      expect(token).toMatch(/^[\w-]{43}$/)
      expect(await t.value(`select token_hash = sha256(convert_to($1, 'UTF8')) from vault.invitations`, [token])).toBe(
        true,
      )
      const ann = await createStranger(t, 'ann@example.test')
      await t.become(ann)
      expect(await t.query('select tenant_slug, role, invited_by_name from app_public.my_invitations()')).toEqual([
        { tenant_slug: 'acme', role: 'viewer', invited_by_name: 'admin of acme' },
      ])
      expect(await t.query(accept, [token])).toEqual([{ slug: 'acme' }])
      expect(await t.errorCode(accept, [token])).toBe('ID303')
      expect(await t.errorCode(decline, [token])).toBe('ID303')
      expect(await t.query('select * from app_public.my_invitations()')).toEqual([])
      expect(await roleOf(t, ann)).toBe('viewer active')
      expect(
        await t.query('select status, accepted_by_user_id from app_public.invitations where id = $1', [id]),
      ).toEqual([{ status: 'accepted', accepted_by_user_id: ann.userId }])
      expect(await t.query('select from vault.invitations')).toEqual([])
      expect(
        await t.value('select invited_by_user_id from app_public.user_tenants where user_id = $1', [ann.userId]),
      ).toBe(db.acme.admin.userId)
    }))

  it('is worth the same nothing, whatever is wrong', () =>
    db.inTransaction(async (t) => {
      const texts = new Set<string>()
      const refused = async (person: Person, token: string | null): Promise<void> => {
        await t.become(person)
        for (const statement of [accept, decline]) {
          await t.query('savepoint refused')
          const error = await t.query(statement, [token]).then(
            () => undefined,
            (thrown: { code: string; message: string; hint: string }) => thrown,
          )
          await t.query('rollback to savepoint refused')
          texts.add(`${error?.code} ${error?.message} ${error?.hint}`)
        }
      }
      const ann = await createStranger(t, 'ann@example.test')
      const bob = await createStranger(t, 'bob@example.test')
      const id = await inviteAs(t, db.acme.owner, ann.email)
      const token = await tokenFor(t, id)
      for (const unknown of [null, '', 'x', token.slice(1), `${token} `, token.toLowerCase(), 'x'.repeat(1_000_000)])
        await refused(ann, unknown)
      await refused(bob, token)
      await refused({ ...ann, userId: '' }, token)
      await t.becomeSuperuser()
      await setClockLater(t, '7 days')
      await refused(ann, token)
      await t.becomeSuperuser()
      await t.query(`select set_config('rowhouse.clock', '', true)`)
      await setTenantStatus(t, db.acme.id, 'suspended')
      await refused(ann, token)
      await setTenantStatus(t, db.acme.id, 'active')
      await t.become(db.acme.owner)
      await t.query(revoke, [id])
      await refused(ann, token)
      expect([...texts]).toEqual([
        'ID303 This invitation is not valid. Log in with the e-mail address to which it was sent, or ask for a new invitation.',
      ])
    }))

  it('that was declined is used up, and the person can be asked again', () =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.owner, 'ann@example.test')
      const token = await tokenFor(t, id)
      const ann = await createStranger(t, 'ann@example.test')
      await t.become(ann)
      expect(await t.value(decline, [token])).toBe(true)
      expect(await t.errorCode(accept, [token])).toBe('ID303')
      expect(await statusOf(t, id)).toBe('declined')
      await setClockLater(t, '2 minutes')
      expect(await inviteAs(t, db.acme.owner, 'ann@example.test')).not.toBe(id)
    }))

  it('is dead as soon as the invitation is sent again, before the next mail is', () =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.owner, 'ann@example.test')
      const old = await tokenFor(t, id)
      const ann = await createStranger(t, 'ann@example.test')
      await setClockLater(t, '6 days')
      await t.become(db.acme.admin)
      await t.query(resend, [id])
      await t.become(ann)
      expect(await t.errorCode(accept, [old])).toBe('ID303')
      const token = await tokenFor(t, id)
      await setClockLater(t, '12 days')
      await t.become(ann)
      await t.query(accept, [token])
      expect(await roleOf(t, ann)).toBe('member active')
    }))

  it('is answered from within any tenant, also one that is suspended', () =>
    db.inTransaction(async (t) => {
      const token = await tokenFor(t, await inviteAs(t, db.acme.owner, db.globex.viewer.email))
      await setTenantStatus(t, db.globex.id, 'suspended')
      await t.become(db.globex.viewer)
      expect(await t.query(accept, [token])).toEqual([{ slug: 'acme' }])
      expect(await t.value('select core.current_tenant_id()')).toBe(db.globex.id)
    }))

  it('lives as long as the tenant says', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.tenants set config = '{"invitation_expiry_days": 2}' where id = $1`, [
        db.acme.id,
      ])
      const token = await tokenFor(t, await inviteAs(t, db.acme.owner, 'ann@example.test'))
      const ann = await createStranger(t, 'ann@example.test')
      await setClockLater(t, '3 days')
      await t.become(db.acme.owner)
      expect(await t.value('select app_public.invitations_is_expired(i) from app_public.invitations i')).toBe(true)
      await t.become(ann)
      expect(await t.errorCode(accept, [token])).toBe('ID303')
    }))
})

describe('the inviter’s own standing is looked at again', () => {
  const deeds: [string, (t: Transaction) => Promise<unknown>, boolean][] = [
    ['nothing happened', async () => undefined, true],
    [
      'was demoted',
      (t) => t.query('select app_public.change_member_role($1, $2)', [db.acme.admin.userId, 'member']),
      false,
    ],
    ['was shut out', (t) => t.query('select app_public.deactivate_member($1)', [db.acme.admin.userId]), false],
    ['was removed', (t) => t.query('select app_public.remove_member($1)', [db.acme.admin.userId]), false],
    [
      'may no longer manage users',
      (t) => t.query(changePermissions, [db.acme.admin.userId, { can_manage_users: false }]),
      false,
    ],
    [
      'lost a permission that the role gives',
      (t) => t.query(changePermissions, [db.acme.admin.userId, { can_create_agents: false }]),
      false,
    ],
  ]
  it.each(deeds)('who %s', (_name, deed, isGood) =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.admin, 'ann@example.test')
      const token = await tokenFor(t, id)
      const ann = await createStranger(t, 'ann@example.test')
      await t.become(db.acme.owner)
      await deed(t)
      await t.become(ann)
      expect(await t.errorCode(accept, [token])).toBe(isGood ? undefined : 'ID303')
      if (isGood) return
      // a colleague who sends it again vouches for it
      expect(await statusOf(t, id)).toBe('pending')
      await setClockLater(t, '2 minutes')
      await t.become(db.acme.owner)
      await t.query(resend, [id])
      const next = await tokenFor(t, id)
      await t.become(ann)
      expect(await t.errorCode(accept, [next])).toBeUndefined()
    }),
  )

  it('and that of platform staff, too', () =>
    db.inTransaction(async (t) => {
      await t.become(inAcme(db.platform.admin), 'rowhouse_admin')
      const id = await t.value<string>(invite, ['ann@example.test', 'owner'])
      const token = await tokenFor(t, id)
      const ann = await createStranger(t, 'ann@example.test')
      await t.query(`update app_public.user_tenants set role = 'member' where user_id = $1`, [db.platform.admin.userId])
      await t.become(ann)
      expect(await t.errorCode(accept, [token])).toBe('ID303')
      await t.becomeSuperuser()
      await t.query(`update app_public.user_tenants set role = 'admin' where user_id = $1`, [db.platform.admin.userId])
      await t.become(ann)
      expect(await t.errorCode(accept, [token])).toBeUndefined()
    }))
})

describe('someone who was here before', () => {
  it('and was removed or shut out is a member again, in the role of the invitation', () =>
    db.inTransaction(async (t) => {
      for (const deed of ['remove_member', 'deactivate_member', 'suspend_member']) {
        await t.become(db.acme.owner)
        await t.query(`select app_public.${deed}($1)`, [db.acme.member.userId])
        const token = await tokenFor(t, await inviteAs(t, db.acme.owner, db.acme.member.email, 'viewer'))
        await t.become({ ...db.acme.member, tenantId: '' })
        await t.query(accept, [token])
        expect([deed, await roleOf(t, db.acme.member)]).toEqual([deed, 'viewer active'])
        await setClockLater(t, `${10 * (1 + ['remove_member', 'deactivate_member'].indexOf(deed))} minutes`)
      }
    }))

  it('is not brought back by an invitation from before they were sent away', () =>
    db.inTransaction(async (t) => {
      for (const deed of ['remove_member', 'deactivate_member']) {
        const ann = await createStranger(t, `${deed}@example.test`)
        const token = await tokenFor(t, await inviteAs(t, db.acme.owner, ann.email))
        await t.becomeSuperuser()
        await t.query('select tenancy.provision_member($1, $2)', [db.acme.id, ann.email])
        await t.become(db.acme.owner)
        await t.query(`select app_public.${deed}($1)`, [ann.userId])
        await t.become(ann)
        expect(await t.errorCode(accept, [token])).toBe('ID303')
      }
    }))

  it('and became a member on another way keeps that role', () =>
    db.inTransaction(async (t) => {
      const ann = await createStranger(t, 'ann@example.test')
      const token = await tokenFor(t, await inviteAs(t, db.acme.owner, ann.email, 'admin'))
      await t.query(`select tenancy.provision_member($1, $2, null, 'viewer')`, [db.acme.id, ann.email])
      await t.become(ann)
      expect(await t.query(accept, [token])).toEqual([{ slug: 'acme' }])
      expect(await roleOf(t, ann)).toBe('viewer active')
    }))
})

describe('resending and revoking', () => {
  it.each([
    ['resending', resend],
    ['revoking', revoke],
  ])('are for those who may manage users and give what is given: %s', (_deed, statement) =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.owner, 'ann@example.test', 'owner')
      await setClockLater(t, '2 minutes')
      for (const [person, code] of [
        [db.acme.admin, 'ID204'],
        [db.acme.member, 'ID203'],
        [db.acme.viewer, 'ID203'],
        [db.globex.owner, 'ID302'],
      ] as const) {
        await t.become(person)
        expect(await t.errorCode(statement, [id])).toBe(code)
      }
      await t.become(db.acme.owner)
      expect(await t.errorCode(statement, [id])).toBeUndefined()
    }),
  )

  it('are refused again within a minute, of a revoked one, and of none', () =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.owner, 'ann@example.test', 'owner')
      await setClockLater(t, '2 minutes')
      expect(await t.errorCode(resend, [id])).toBeUndefined()
      expect(await t.errorCode(resend, [id])).toBe('ID601')
      expect(await t.errorCode(revoke, [id])).toBeUndefined()
      expect(await t.errorCode(revoke, [id])).toBe('ID302')
      expect(await t.errorCode(resend, [id])).toBe('ID302')
      expect(await t.errorCode(resend, [null])).toBe('ID302')
    }))
})

describe('the mail task', () => {
  const begin = `select email, tenant_name, inviter_name, role, message from tenancy.begin_invitation_delivery($1, $2, $3)`
  const finish = 'select tenancy.finish_invitation_delivery($1, $2, $3, $4, $5)'

  it('gets what the mail says, and nothing once there is no mail to send', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const id = await t.value<string>(
        `select id from app_public.invite_user('ann@example.test', 'viewer', 'Do come.')`,
      )
      const asWorker = async (number = 1, tenantId = db.acme.id) => {
        await t.becomeRole('rowhouse_worker')
        return t.query(begin, [tenantId, id, number])
      }
      expect(await asWorker()).toEqual([
        {
          email: 'ann@example.test',
          tenant_name: 'ACME',
          inviter_name: 'Owner of acme',
          role: 'viewer',
          message: 'Do come.',
        },
      ])
      expect(await asWorker(2)).toEqual([])
      expect(await asWorker(1, db.globex.id)).toEqual([])
      await t.query(finish, [db.acme.id, id, 1, null, true])
      expect(await asWorker()).toEqual([])
      await setClockLater(t, '2 minutes')
      await t.become(db.acme.owner)
      await t.query(resend, [id])
      expect(await asWorker(1)).toEqual([])
      expect(await asWorker(2)).toHaveLength(1)
      await setClockLater(t, '9 days')
      expect(await asWorker(2)).toEqual([])
      await setClockLater(t, '0 days')
      await t.become(db.acme.owner)
      await t.query(revoke, [id])
      expect(await asWorker(2)).toEqual([])
    }))

  it('notes how it went', () =>
    db.inTransaction(async (t) => {
      const id = await inviteAs(t, db.acme.owner, 'ann@example.test')
      const note = async (error: string | null, isLast: boolean, number = 1) => {
        await t.becomeRole('rowhouse_worker')
        await t.query(begin, [db.acme.id, id, 1])
        await t.query(finish, [db.acme.id, id, number, error, isLast])
        await t.becomeSuperuser()
        return t.query(
          `select delivery_status as s, delivery_attempts as n, delivery_error as e, sent_at is not null as sent
                          from app_public.invitations where id = $1`,
          [id],
        )
      }
      expect(await note('No.', false)).toEqual([{ s: 'queued', n: 1, e: 'No.', sent: false }])
      expect(await note(null, true, 7)).toEqual([{ s: 'queued', n: 2, e: 'No.', sent: false }])
      expect(await note('No!', true)).toEqual([{ s: 'failed', n: 3, e: 'No!', sent: false }])
    }))

  it('is for the worker alone', () =>
    db.inTransaction(async (t) => {
      for (const role of ['rowhouse_user', 'rowhouse_authenticator']) {
        await t.becomeRole(role, db.acme.id)
        expect(await t.errorCode(begin, [db.acme.id, db.acme.id, 1])).toBe('42501')
      }
    }))
})
