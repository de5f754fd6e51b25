// Members of workspaces: the ladder of roles, everyone above managing those below, and the last owner who stays.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { addMember, addPerson, createWorkspace, setTenantStatus } from './helpers.ts'

const db = useDatabase()
const ladder = ['viewer', 'contributor', 'moderator', 'admin', 'owner']

const add = (t: Transaction, workspace: string, person: Person, role = 'viewer') =>
  t.errorCode('select app_public.add_workspace_member($1, $2, $3)', [workspace, person.userId, role])
const change = (t: Transaction, workspace: string, person: Person, role: string | null) =>
  t.errorCode('select app_public.change_workspace_member_role($1, $2, $3)', [workspace, person.userId, role])
const remove = (t: Transaction, workspace: string, person: Person) =>
  t.errorCode('select app_public.remove_workspace_member($1, $2)', [workspace, person.userId])

/** A workspace with a member of each role, and its founder as a second owner. */
async function withLadder(t: Transaction) {
  const founder = await addPerson(t, db.acme, 'founder')
  const workspace = await createWorkspace(t, founder)
  const people: Record<string, Person> = {}
  for (const role of ladder) {
    people[role] = await addPerson(t, db.acme, role)
    await addMember(t, founder, workspace, people[role], role)
  }
  return { workspace, founder, person: (role: string) => people[role] as Person }
}

describe('the ladder', () => {
  // whose power reaches which roles
  const power: Record<string, string[]> = {
    viewer: [],
    contributor: [],
    moderator: ['viewer', 'contributor'],
    admin: ['viewer', 'contributor', 'moderator'],
    owner: ladder,
  }
  const verdict = (allowed: boolean): string | undefined => (allowed ? undefined : 'WS201')

  it.each(ladder)('%s adds, changes and removes those below, an owner everyone', (actor) =>
    db.inTransaction(async (t) => {
      const { workspace, founder, person } = await withLadder(t)
      const newcomer = await addPerson(t, db.acme, 'newcomer')
      const target = await addPerson(t, db.acme, 'target')
      const reach = power[actor] as string[]
      for (const role of ladder) {
        await t.become(person(actor))
        await t.query('savepoint attempt_add')
        expect([actor, 'adds', role, await add(t, workspace, newcomer, role)]).toEqual([
          actor,
          'adds',
          role,
          verdict(reach.includes(role)),
        ])
        await t.query('rollback to savepoint attempt_add')
        await addMember(t, founder, workspace, target, role)
        await t.become(person(actor))
        for (const next of ladder) {
          await t.query('savepoint attempt_change')
          expect([actor, role, 'to', next, await change(t, workspace, target, next)]).toEqual([
            actor,
            role,
            'to',
            next,
            verdict(reach.includes(role) && reach.includes(next)),
          ])
          await t.query('rollback to savepoint attempt_change')
        }
        expect([actor, 'removes', role, await remove(t, workspace, target)]).toEqual([
          actor,
          'removes',
          role,
          verdict(reach.includes(role)),
        ])
        await t.become(founder)
        if (!reach.includes(role)) await remove(t, workspace, target)
      }
    }),
  )

  it('everyone may step down and leave, and nobody may raise themselves', () =>
    db.inTransaction(async (t) => {
      const { workspace, person } = await withLadder(t)
      for (const role of ladder) {
        await t.become(person(role))
        if (role !== 'owner') expect([role, await change(t, workspace, person(role), 'owner')]).toEqual([role, 'WS201'])
        expect([role, await change(t, workspace, person(role), 'viewer')]).toEqual([role, undefined])
        expect([role, await t.errorCode('select app_public.leave_workspace($1)', [workspace])]).toEqual([
          role,
          undefined,
        ])
        expect(await t.value('select workspaces.my_workspace_ids()')).toEqual([])
      }
    }))

  it('a tenant’s owner manages every workspace without being a member', () =>
    db.inTransaction(async (t) => {
      const { workspace, person, founder } = await withLadder(t)
      await t.become(db.acme.owner)
      expect(await remove(t, workspace, person('owner'))).toBeUndefined()
      expect(await change(t, workspace, founder, 'viewer')).toBe('WS502')
      expect(await t.errorCode('select app_public.leave_workspace($1)', [workspace])).toBe('WS303')
      expect(await add(t, workspace, db.acme.owner, 'owner')).toBeUndefined()
      expect(await change(t, workspace, founder, 'viewer')).toBeUndefined()
    }))
})

describe('a member', () => {
  it('is an active member of the tenant', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member)
      expect(await add(t, workspace, db.globex.member)).toBe('ID301')
      expect(await t.errorCode('select app_public.add_workspace_member($1, null)', [workspace])).toBe('ID301')
      await setTenantStatus(t, db.acme.viewer, 'suspended')
      await t.become(db.acme.member)
      expect(await add(t, workspace, db.acme.viewer)).toBe('ID301')
      expect(
        await t.errorCode('select app_public.transfer_workspace($1, $2)', [workspace, db.acme.viewer.userId]),
      ).toBe('ID301')
    }))

  it('is one once, a viewer unless another role is named, and gone when the membership of the tenant is deleted', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member)
      expect(
        await t.value('select role from app_public.add_workspace_member($1, $2, null)', [
          workspace,
          db.acme.viewer.userId,
        ]),
      ).toBe('viewer')
      expect(await add(t, workspace, db.acme.viewer, 'admin')).toBe('WS501')
      expect(await change(t, workspace, db.acme.viewer, null)).toBe('ID405')
      expect(await change(t, workspace, db.acme.admin, 'viewer')).toBe('WS303')
      expect(await remove(t, workspace, db.acme.admin)).toBe('WS303')
      await t.becomeSuperuser()
      await t.query('delete from app_public.user_tenants where user_id = $1', [db.acme.viewer.userId])
      expect(await t.value('select count(*)::int from app_public.workspace_members')).toBe(1)
    }))

  const join = async (t: Transaction, person: Person, workspace: string): Promise<string> => {
    await t.become(person)
    return t.value('select role from app_public.join_workspace($1)', [workspace])
  }

  it.each([
    ['member', 'contributor'],
    ['viewer', 'viewer'],
    ['admin', 'owner'],
  ] as const)(
    'who is the tenant’s %s has in a public workspace of the admin, after joining it, the role %s',
    (who, role) =>
      db.inTransaction(async (t) => {
        const workspace = await createWorkspace(t, db.acme.admin, 'public')
        expect(await join(t, db.acme[who], workspace)).toBe(role)
      }),
  )

  it('who joins twice keeps the role', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.admin, 'public')
      for (const person of [db.acme.member, db.acme.viewer]) {
        const role = await join(t, person, workspace)
        expect(await join(t, person, workspace)).toBe(role)
      }
    }))

  it.each(['team', 'organization'])('cannot join a workspace of visibility %s', (visibility) =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.admin, visibility)
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.join_workspace($1)', [workspace])).toBe('WS202')
    }),
  )
})

describe('the last owner', () => {
  it('cannot leave, step down or be removed', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member)
      await addMember(t, db.acme.member, workspace, db.acme.admin, 'admin')
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.leave_workspace($1)', [workspace])).toBe('WS502')
      expect(await change(t, workspace, db.acme.member, 'admin')).toBe('WS502')
      expect(await remove(t, workspace, db.acme.member)).toBe('WS502')
      expect(await change(t, workspace, db.acme.member, 'owner')).toBeUndefined()
    }))

  it('is last also beside an owner whose membership of the tenant has ended', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member)
      await addMember(t, db.acme.member, workspace, db.acme.admin, 'owner')
      await setTenantStatus(t, db.acme.admin, 'suspended')
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.leave_workspace($1)', [workspace])).toBe('WS502')
      await setTenantStatus(t, db.acme.admin, 'active')
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.leave_workspace($1)', [workspace])).toBeUndefined()
    }))

  it('hands over with transfer_workspace and stays as an admin', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member)
      const transfer = (person: Person) =>
        t.errorCode('select app_public.transfer_workspace($1, $2)', [workspace, person.userId])
      expect(await transfer(db.acme.member)).toBeUndefined()
      expect(await transfer(db.acme.viewer)).toBeUndefined()
      expect(await transfer(db.acme.admin)).toBe('WS201')
      await t.become(db.acme.viewer)
      expect(await t.value(`select jsonb_object_agg(user_id, role) from app_public.workspace_members`)).toEqual({
        [db.acme.member.userId]: 'admin',
        [db.acme.viewer.userId]: 'owner',
      })
      // a tenant's owner gives an orphaned workspace to someone without becoming a member
      await setTenantStatus(t, db.acme.viewer, 'suspended')
      await t.become(db.acme.owner)
      expect(await transfer(db.acme.member)).toBeUndefined()
      await t.become(db.acme.member)
      expect(await t.value(`select workspaces.my_workspace_ids('owner')`)).toEqual([workspace])
      expect(await t.value(`select count(*)::int from app_public.workspace_members`)).toBe(2)
    }))
})
