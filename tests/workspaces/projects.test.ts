// Projects: who sees and leads them, their members, their place in a workspace, their life.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { addMember, addPerson, createProject, createWorkspace, newProject, setTenantStatus } from './helpers.ts'

const db = useDatabase()

/** What one person may do with a project; each deed is undone. */
async function deedsOf(t: Transaction, person: Person, project: string): Promise<string> {
  const newcomer = await addPerson(t, db.acme, 'newcomer')
  await t.become(person)
  const works = async (text: string, values: unknown[] = [project]): Promise<boolean> => {
    await t.query('savepoint deed')
    try {
      return (await t.query(text, values)).length > 0
    } catch {
      return false
    } finally {
      await t.query('rollback to savepoint deed')
    }
  }
  const role = await t.query<{ role: string | null }>(
    'select app_public.projects_my_role(p) as role from app_public.projects p where id = $1',
    [project],
  )
  const deeds: Record<string, boolean> = {
    // what the policy shows is what the computed role says
    sees: role.length === 1 && role[0]?.role !== null,
    members: await works('select 1 from app_public.project_members where project_id = $1'),
    edits: await works(`update app_public.projects set name = name || '!' where id = $1 returning 1`),
    adds: await works(`insert into app_public.project_members (project_id, user_id) values ($1, $2) returning 1`, [
      project,
      newcomer.userId,
    ]),
    changes: await works(`update app_public.project_members set role = 'member' where project_id = $1 returning 1`),
    removes: await works(
      `delete from app_public.project_members where project_id = $1 and user_id <> core.current_user_id() returning 1`,
    ),
    moves: await works('select app_public.move_project($1)'),
  }
  return Object.keys(deeds)
    .filter((deed) => deeds[deed])
    .join(' ')
}
const nothing = ''
const reads = 'sees members'
const leads = 'sees members edits adds changes removes moves'

describe('who may do what', () => {
  it.each([
    ['of the tenant', false, 'none', { viewer: reads, admin: leads, owner: leads }],
    ['in a public workspace', false, 'public', { viewer: reads, admin: leads, owner: leads }],
    ['in a team’s workspace', false, 'team', { viewer: nothing, admin: nothing, owner: leads }],
    ['in a private workspace', false, 'private', { viewer: nothing, admin: nothing, owner: leads }],
    ['that is private', true, 'none', { viewer: nothing, admin: nothing, owner: leads }],
    ['that is private in a public workspace', true, 'public', { viewer: nothing, admin: nothing, owner: leads }],
  ])('in a project %s', (_name, isPrivate, visibility, expected) =>
    db.inTransaction(async (t) => {
      const founder = await addPerson(t, db.acme, 'founder')
      const workspace = visibility === 'none' ? null : await createWorkspace(t, founder, visibility)
      const project = await createProject(t, founder, { workspace, isPrivate })
      const insider = await addPerson(t, db.acme, 'insider')
      if (workspace) await addMember(t, founder, workspace, insider, 'contributor')
      for (const [role, deeds] of [
        ['observer', reads],
        ['member', reads],
        ['lead', leads],
      ] as const) {
        const person = await addPerson(t, db.acme, role)
        await t.become(founder)
        await t.query('insert into app_public.project_members (project_id, user_id, role) values ($1, $2, $3)', [
          project,
          person.userId,
          role,
        ])
        expect([role, await deedsOf(t, person, project)]).toEqual([role, deeds])
        await setTenantStatus(t, person, 'suspended')
        expect([`suspended ${role}`, await deedsOf(t, person, project)]).toEqual([`suspended ${role}`, nothing])
      }
      expect({
        viewer: await deedsOf(t, db.acme.viewer, project),
        admin: await deedsOf(t, db.acme.admin, project),
        owner: await deedsOf(t, db.acme.owner, project),
      }).toEqual(expected)
      // who reads the workspace reads its projects, unless one is private
      expect(await deedsOf(t, insider, project)).toBe(isPrivate ? nothing : reads)
      expect(await deedsOf(t, db.globex.owner, project)).toBe(nothing)
    }),
  )

  it('nobody changes what they cannot see by changing everything', () =>
    db.inTransaction(async (t) => {
      await createProject(t, db.acme.member, { isPrivate: true })
      await t.become(db.acme.admin)
      await t.query(`update app_public.projects set name = 'taken'`)
      await t.query(`delete from app_public.project_members`)
      await t.become(db.acme.member)
      expect(await t.query('select name, app_public.projects_my_role(p) as role from app_public.projects p')).toEqual([
        { name: 'Apollo', role: 'lead' },
      ])
    }))

  it('an admin cannot hide a project from themselves', () =>
    db.inTransaction(async (t) => {
      await createProject(t, db.acme.member)
      await t.become(db.acme.admin)
      expect(await t.errorCode('update app_public.projects set is_private = true')).toBe('42501')
      await t.become(db.acme.member)
      expect(await t.errorCode('update app_public.projects set is_private = true')).toBeUndefined()
    }))
})

describe('a project', () => {
  it('is created by those with can_create_projects, who lead and own it', () =>
    db.inTransaction(async (t) => {
      const project = await createProject(t, db.acme.member)
      expect(await t.query('select project_id, user_id, role from app_public.project_members')).toEqual([
        { project_id: project, user_id: db.acme.member.userId, role: 'lead' },
      ])
      expect(await t.value('select owner_id from app_public.projects')).toBe(db.acme.member.userId)
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`select ${newProject}`, [{ name: 'x' }])).toBe('ID203')
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.errorCode(`select ${newProject}`, [{ name: 'x' }])).toBe('ID301')
    }))

  it.each([
    ['an empty name', { name: '' }, '23514'],
    ['no name', {}, '23502'],
    ['a key of small letters', { name: 'x', key: 'abc' }, '23514'],
    ['a key of one letter', { name: 'x', key: 'A' }, '23514'],
    ['an unknown status', { name: 'x', status: 'started' }, '23514'],
    ['an end before its start', { name: 'x', starts_on: '2030-02-01', ends_on: '2030-01-31' }, '23514'],
    ['a day at infinity', { name: 'x', ends_on: 'infinity' }, '23514'],
    ['a workspace that is not there', { name: 'x', workspace_id: '00000000-0000-4000-8000-000000000000' }, 'WS301'],
  ])('with %s is refused', (_name, values, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(`select ${newProject}`, [values])).toBe(code)
    }),
  )

  it('comes into a workspace through those who contribute to it', () =>
    db.inTransaction(async (t) => {
      const workspace = await createWorkspace(t, db.acme.admin, 'public')
      const hidden = await createWorkspace(t, db.acme.admin, 'private', 'Hidden')
      const foreign = await createWorkspace(t, db.globex.admin, 'public')
      const project = await createProject(t, db.acme.member)
      const move = (id: string | null) => t.errorCode('select app_public.move_project($1, $2)', [project, id])
      expect(await move(workspace)).toBe('WS201')
      expect(await move(hidden)).toBe('WS301')
      expect(await move(foreign)).toBe('WS301')
      expect(await t.errorCode(`select ${newProject}`, [{ name: 'x', workspace_id: workspace }])).toBe('WS201')
      await t.query('select app_public.join_workspace($1)', [workspace])
      expect(await move(workspace)).toBeUndefined()
      expect(await t.value('select workspace_id from app_public.projects')).toBe(workspace)
      expect(await move(null)).toBeUndefined()
      await t.become(db.acme.admin)
      await t.query('select app_public.archive_workspace($1)', [workspace])
      await t.become(db.acme.member)
      expect(await move(workspace)).toBe('WS503')
    }))

  /** A project of the member's, with a viewer in it. */
  const withViewer = async (t: Transaction): Promise<string> => {
    const project = await createProject(t, db.acme.member, { key: 'APO' })
    await t.query('insert into app_public.project_members (project_id, user_id) values ($1, $2)', [
      project,
      db.acme.viewer.userId,
    ])
    return project
  }
  const remove = 'select app_public.delete_project($1)'
  const restore = 'select app_public.restore_project($1)'
  const seen = async (t: Transaction, person: Person): Promise<number> => {
    await t.become(person)
    return t.value('select count(*)::int from app_public.projects')
  }

  it('has a key that no other has until it is deleted', () =>
    db.inTransaction(async (t) => {
      const first = await withViewer(t)
      expect(await t.errorCode(`select ${newProject}`, [{ name: 'x', key: 'APO' }])).toBe('23505')
      await t.query(remove, [first])
      await createProject(t, db.acme.member, { key: 'APO' })
      expect(await t.errorCode(restore, [first])).toBe('23505')
    }))

  it('is deleted by its lead, once', () =>
    db.inTransaction(async (t) => {
      const project = await withViewer(t)
      await t.become(db.acme.viewer)
      expect(await t.errorCode(remove, [project])).toBe('WS203')
      await t.become(db.acme.member)
      expect(await t.errorCode(remove, [project])).toBeUndefined()
      expect(await t.errorCode(remove, [project])).toBe('WS304')
    }))

  it('that is deleted is seen by leads and admins alone, and changed by nobody', () =>
    db.inTransaction(async (t) => {
      const project = await withViewer(t)
      await t.query(remove, [project])
      expect(await t.query('update app_public.projects set name = name returning 1')).toEqual([])
      expect([await seen(t, db.acme.viewer), await seen(t, db.acme.admin), await seen(t, db.acme.member)]).toEqual([
        0, 1, 1,
      ])
    }))

  it('that is deleted is restored by its lead, and seen by all again', () =>
    db.inTransaction(async (t) => {
      const project = await withViewer(t)
      await t.query(remove, [project])
      await t.become(db.acme.viewer)
      expect(await t.errorCode(restore, [project])).toBe('WS305')
      await t.become(db.acme.member)
      await t.query(restore, [project])
      expect(await seen(t, db.acme.viewer)).toBe(1)
    }))

  it('of another tenant, a hidden one and none at all give the same error', () =>
    db.inTransaction(async (t) => {
      const hidden = await createProject(t, db.acme.admin, { isPrivate: true })
      const foreign = await createProject(t, db.globex.admin)
      await t.become(db.acme.member)
      for (const id of [hidden, foreign, crypto.randomUUID(), null]) {
        expect(await t.errorCode('select app_public.delete_project($1)', [id])).toBe('WS304')
        expect(await t.errorCode('select app_public.move_project($1)', [id])).toBe('WS304')
        expect(
          await t.errorCode('insert into app_public.project_members (project_id, user_id) values ($1, $2)', [
            id,
            db.acme.member.userId,
          ]),
        ).toBe('42501')
      }
    }))

  it('has members and an owner who are active in the tenant', () =>
    db.inTransaction(async (t) => {
      const project = await createProject(t, db.acme.member)
      await setTenantStatus(t, db.acme.viewer, 'suspended')
      await t.become(db.acme.member)
      const add = 'insert into app_public.project_members (project_id, user_id, role) values ($1, $2, $3)'
      expect(await t.errorCode(add, [project, db.acme.viewer.userId, 'member'])).toBe('ID301')
      expect(await t.errorCode(add, [project, db.globex.member.userId, 'member'])).toBe('ID301')
      expect(await t.errorCode(add, [project, db.acme.admin.userId, 'boss'])).toBe('23514')
      expect(await t.errorCode(add, [project, db.acme.member.userId, 'lead'])).toBe('23505')
      for (const person of [db.acme.viewer, db.globex.member])
        expect(await t.errorCode('update app_public.projects set owner_id = $1', [person.userId])).toBe('ID301')
      expect(await t.errorCode('update app_public.projects set owner_id = $1', [db.acme.admin.userId])).toBeUndefined()
      expect(await t.errorCode('update app_public.projects set owner_id = null')).toBeUndefined()
    }))

  it('is left by deleting one’s own row', () =>
    db.inTransaction(async (t) => {
      const project = await createProject(t, db.acme.member)
      await t.query('insert into app_public.project_members (project_id, user_id) values ($1, $2)', [
        project,
        db.acme.viewer.userId,
      ])
      await t.become(db.acme.viewer)
      expect(await t.query('delete from app_public.project_members returning user_id')).toEqual([
        { user_id: db.acme.viewer.userId },
      ])
    }))
})
