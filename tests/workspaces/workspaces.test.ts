// Workspaces: who sees and does what at each visibility, and a workspace's life from creation to restoration.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { addMember, addPerson, createWorkspace, newProject, setTenantStatus } from './helpers.ts'

const db = useDatabase()
const memberRoles = ['viewer', 'contributor', 'moderator', 'admin', 'owner'] as const

/** What one person may do in a workspace, each deed tried and undone. */
async function deedsOf(t: Transaction, person: Person, workspace: string): Promise<string> {
  await t.become(person)
  const helper = (minimum: string): Promise<boolean> =>
    t.value(`select $1::uuid = any (workspaces.my_workspace_ids($2))`, [workspace, minimum])
  const works = async (text: string): Promise<boolean> => {
    await t.query('savepoint deed')
    try {
      return (await t.query(text, [workspace])).length > 0
    } catch {
      return false
    } finally {
      await t.query('rollback to savepoint deed')
    }
  }
  const deeds: Record<string, boolean> = {
    sees: await works('select from app_public.workspaces where id = $1'),
    reads: await helper('viewer'),
    members: await works('select from app_public.workspace_members where workspace_id = $1'),
    joins: await works(`select app_public.join_workspace($1)`),
    adds: await helper('contributor'),
    edits: await works(`update app_public.workspaces set description = 'x' where id = $1 returning 1`),
    archives: await works(`select app_public.archive_workspace($1)`),
    deletes: await works(`select app_public.delete_workspace($1)`),
  }
  return Object.keys(deeds)
    .filter((deed) => deeds[deed])
    .join(' ')
}

const nothing = ''
const knows = 'sees'
const reads = 'sees reads members'
const everything = 'sees reads members joins adds edits archives deletes'

describe('visibility × who × deed', () => {
  // for a member, joins is a request that changes nothing
  const ofMembers = {
    viewer: 'sees reads members joins',
    contributor: 'sees reads members joins adds',
    moderator: 'sees reads members joins adds',
    admin: 'sees reads members joins adds edits archives',
    owner: everything,
  }
  it.each([
    ['private', { outsider: nothing, tenantViewer: nothing, tenantAdmin: nothing }],
    ['team', { outsider: knows, tenantViewer: knows, tenantAdmin: knows }],
    ['organization', { outsider: reads, tenantViewer: reads, tenantAdmin: reads }],
    ['public', { outsider: `${reads} joins`, tenantViewer: `${reads} joins`, tenantAdmin: `${reads} joins` }],
  ])('%s', (visibility, outside) =>
    db.inTransaction(async (t) => {
      const founder = await addPerson(t, db.acme, 'founder')
      const workspace = await createWorkspace(t, founder, visibility)
      for (const role of memberRoles) {
        const person = await addPerson(t, db.acme, role)
        await addMember(t, founder, workspace, person, role)
        expect([role, await deedsOf(t, person, workspace)]).toEqual([role, ofMembers[role]])
        await setTenantStatus(t, person, 'suspended')
        expect([`suspended ${role}`, await deedsOf(t, person, workspace)]).toEqual([`suspended ${role}`, nothing])
      }
      const others = {
        outsider: await deedsOf(t, db.acme.member, workspace),
        tenantViewer: await deedsOf(t, db.acme.viewer, workspace),
        tenantAdmin: await deedsOf(t, db.acme.admin, workspace),
      }
      expect(others).toEqual(outside)
      // the tenant's owner is an owner of each, but has to join only what is public
      const ofTenantOwner = visibility === 'public' ? everything : everything.replace(' joins', '')
      expect(await deedsOf(t, db.acme.owner, workspace)).toBe(ofTenantOwner)
      expect(await deedsOf(t, db.globex.owner, workspace)).toBe(nothing)
      await t.becomeRole('rowhouse_user')
      expect(await t.value('select count(*)::int from app_public.workspaces')).toBe(0)
    }),
  )

  it('platform staff act as owners of any workspace of the tenant they enter', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member)
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(
        await t.value('select my_role from app_public.workspaces w, app_public.workspaces_my_role(w) as my_role'),
      ).toBe('owner')
      await t.query('select app_public.archive_workspace($1)', [workspace])
      expect(await t.errorCode(`select app_public.create_workspace('x')`)).toBe('ID301')
    }))

  it('nobody writes rows past the functions', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member)
      for (const text of [
        `insert into app_public.workspaces (name) values ('x')`,
        `update app_public.workspaces set deleted_at = now()`,
        `delete from app_public.workspaces`,
        `insert into app_public.workspace_members (workspace_id, user_id) values ('${workspace}', '${db.acme.viewer.userId}')`,
        `update app_public.workspace_members set role = 'owner'`,
        `delete from app_public.workspace_members`,
      ])
        expect([text, await t.errorCode(text)]).toEqual([text, '42501'])
    }))
})

describe('a workspace', () => {
  it('is created with its creator as owner', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member)
      expect(await t.query('select workspace_id, user_id, role from app_public.workspace_members')).toEqual([
        { workspace_id: workspace, user_id: db.acme.member.userId, role: 'owner' },
      ])
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`select app_public.create_workspace('x')`)).toBe('ID202')
    }))

  it('is private unless something else is asked for, also when nothing is given by name', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(
        await t.query(
          `select visibility, settings from app_public.create_workspace('x', visibility => null, settings => null)`,
        ),
      ).toEqual([{ visibility: 'private', settings: {} }])
    }))

  it.each([
    ['no name', `null`, '23502'],
    ['an empty name', `''`, '23514'],
    ['a blank name', `'  '`, '23514'],
    ['a name too long', `repeat('x', 256)`, '23514'],
    ['settings that are no object', `'x', settings => '[]'`, '23514'],
    ['a description too long', `'x', repeat('x', 10001)`, '23514'],
    ['an icon of control characters', `'x', icon => e'\\x01'`, '23514'],
    ['an unknown visibility', `'x', visibility => 'everyone'`, '22P02'],
  ])('with %s is refused', (_name, values, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(`select app_public.create_workspace(${values})`)).toBe(code)
    }),
  )

  it('has a name that no other of the tenant has, until it is deleted', () =>
    db.inTransaction(async (t) => {
      const first = await createWorkspace(t, db.acme.member)
      expect(await t.errorCode(`select app_public.create_workspace('Lab')`)).toBe('23505')
      await createWorkspace(t, db.globex.member)
      await t.become(db.acme.member)
      await t.query('select app_public.delete_workspace($1)', [first])
      const second = await createWorkspace(t, db.acme.member)
      expect(await t.errorCode('select app_public.restore_workspace($1)', [first])).toBe('23505')
      await t.query(`update app_public.workspaces set name = 'Other' where id = $1`, [second])
      await t.query('select app_public.restore_workspace($1)', [first])
      expect(await t.value(`select array_agg(name order by name) from app_public.workspaces`)).toEqual(['Lab', 'Other'])
    }))

  /** A public workspace of the member's, of which the admin is a member too. */
  const archived = async (t: Transaction): Promise<string> => {
    const workspace = await createWorkspace(t, db.acme.member, 'public')
    await addMember(t, db.acme.member, workspace, db.acme.admin, 'admin')
    await t.query('select app_public.archive_workspace($1)', [workspace])
    return workspace
  }
  const unarchive = 'select archived_at from app_public.unarchive_workspace($1)'

  it('that is archived keeps the time of the first archiving', () =>
    db.inTransaction(async (t) => {
      const workspace = await archived(t)
      const again = await t.value('select archived_at from app_public.archive_workspace($1)', [workspace])
      expect(again).toEqual(await t.value('select archived_at from app_public.workspaces'))
    }))

  it('that is archived can be read and not written', () =>
    db.inTransaction(async (t) => {
      const workspace = await archived(t)
      expect(await t.value('select workspaces.my_workspace_ids()')).toEqual([workspace])
      expect(await t.value(`select workspaces.my_workspace_ids('contributor')`)).toEqual([])
      expect(await t.query(`update app_public.workspaces set name = 'x' returning 1`)).toEqual([])
    }))

  it('that is archived can be left and not joined', () =>
    db.inTransaction(async (t) => {
      const workspace = await archived(t)
      await t.become(db.acme.viewer)
      expect(await t.errorCode('select app_public.join_workspace($1)', [workspace])).toBe('WS503')
      await t.become(db.acme.admin)
      expect(await t.errorCode('select app_public.leave_workspace($1)', [workspace])).toBeUndefined()
    }))

  it('that is archived is its owner’s again when it is taken up, also twice', () =>
    db.inTransaction(async (t) => {
      const workspace = await archived(t)
      for (let times = 0; times < 2; times += 1) expect(await t.value(unarchive, [workspace])).toBeNull()
      expect(await t.value(`select workspaces.my_workspace_ids('owner')`)).toEqual([workspace])
    }))

  it('that is deleted is there only for those who may restore it', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member, 'public')
      await addMember(t, db.acme.member, workspace, db.acme.admin, 'admin')
      await t.query('select app_public.delete_workspace($1)', [workspace])
      const sees = async (person: Person): Promise<number> => {
        await t.become(person)
        return (await t.query('select from app_public.workspaces')).length
      }
      expect([await sees(db.acme.member), await sees(db.acme.owner)]).toEqual([1, 1])
      expect([await sees(db.acme.admin), await sees(db.acme.viewer), await sees(db.globex.owner)]).toEqual([0, 0, 0])
      for (const person of [db.acme.admin, db.globex.owner]) {
        await t.become(person)
        expect(await t.errorCode('select app_public.restore_workspace($1)', [workspace])).toBe('WS302')
        expect(await t.errorCode('select app_public.leave_workspace($1)', [workspace])).toBe('WS301')
      }
      await t.become(db.acme.member)
      expect(await t.value('select workspaces.my_workspace_ids()')).toEqual([])
      expect(await t.errorCode('select app_public.delete_workspace($1)', [workspace])).toBe('WS301')
      await t.query('select app_public.restore_workspace($1)', [workspace])
      expect(await t.errorCode('select app_public.restore_workspace($1)', [workspace])).toBe('WS302')
      await t.become(db.acme.admin)
      expect(await t.value(`select workspaces.my_workspace_ids('admin')`)).toEqual([workspace])
    }))

  it('of another tenant, a hidden one and none at all give the same error', () =>
    db.inTransaction(async (t) => {
      const hidden = await createWorkspace(t, db.acme.admin)
      const foreign = await createWorkspace(t, db.globex.admin, 'public')
      await t.become(db.acme.member)
      for (const id of [hidden, foreign, crypto.randomUUID(), null])
        for (const deed of [
          'join_workspace($1)',
          'leave_workspace($1)',
          'archive_workspace($1)',
          'delete_workspace($1)',
        ])
          expect([deed, await t.errorCode(`select app_public.${deed}`, [id])]).toEqual([deed, 'WS301'])
    }))

  it('is in my list when I am a member, archived ones last', () =>
    db.inTransaction(async (t) => {
      const first = await createWorkspace(t, db.acme.member, 'private', 'A')
      await createWorkspace(t, db.acme.member, 'private', 'B')
      await createWorkspace(t, db.acme.admin, 'public', 'C')
      await t.become(db.acme.member)
      await t.query('select app_public.archive_workspace($1)', [first])
      const mine = 'select array_agg(name) from app_public.my_workspaces()'
      expect(await t.value(mine)).toEqual(['B', 'A'])
      await t.become(db.acme.owner)
      expect(await t.value(mine)).toBeNull()
      await setTenantStatus(t, db.acme.member, 'inactive')
      await t.become(db.acme.member)
      expect(await t.value(mine)).toBeNull()
    }))

  it('goes with its tenant', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.member)
      await t.query(`select ${newProject}`, [{ name: 'p', workspace_id: workspace }])
      await t.becomeSuperuser()
      await t.query(`select tenancy.delete_tenant('acme')`)
      expect(await t.value('select count(*)::int from app_public.workspaces')).toBe(0)
      expect(await t.value('select count(*)::int from app_public.projects')).toBe(0)
    }))
})
