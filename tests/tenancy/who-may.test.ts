// core.who_may says in English who may do what. Each question is asked there, and then of the roles themselves.

import { expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { setTenantStatus } from '../helpers/invitations.ts'
import { roles } from '../helpers/people.ts'

const db = useDatabase()

type Answer = { who: string; rows: string; only_when: string }

async function answers(t: Transaction, table: string, command: string, column?: string): Promise<Answer[]> {
  await t.becomeSuperuser()
  return t.query<Answer>(
    `select who, rows, only_when from core.who_may
      where table_name = $1 and command = $2 and role = 'rowhouse_user' and ($3::text is null or $3 = any (columns))
      order by who`,
    [`app_public.${table}`, command, column ?? null],
  )
}

/** The roles of acme that change or see a row by this statement. */
async function rolesThatCan(t: Transaction, statement: string, values: unknown[] = []): Promise<string[]> {
  const able: string[] = []
  for (const role of roles) {
    await t.query('savepoint question')
    await t.become(db.acme[role])
    const rows = await t.query(statement, values).catch(() => [])
    if (rows.length > 0) able.push(role)
    await t.query('rollback to savepoint question')
  }
  return able.sort()
}

const within = (person: Person, tenantId: string): Person => ({ ...person, tenantId })

it('who may rename an agent: by permission, in the own tenant, while it can be written', () =>
  db.inTransaction(async (t) => {
    const [answer, ...others] = await answers(t, 'agents', 'update', 'name')
    expect(others).toEqual([])
    expect(answer?.who).toBe(
      'members with can_edit_agents (owner, admin, member, unless the membership changes it) and it is not deleted',
    )
    expect(answer?.rows).toMatch(/tenant/)
    expect(answer?.only_when).toContain('Only while the tenant is in trial or active')

    await t.become(db.acme.owner)
    const id = await t.value(`insert into app_public.agents (name) values ('a') returning id`)
    const rename = `update app_public.agents set name = 'b' where id = $1 returning id`
    expect(await rolesThatCan(t, rename, [id])).toEqual(['admin', 'member', 'owner'])

    // the membership changes it
    await t.become(db.acme.owner)
    await t.query('select app_public.change_member_permissions($1, $2)', [
      db.acme.member.userId,
      '(,f,,,,,,,,,,,,,,,,,,)',
    ])
    await t.query('select app_public.change_member_permissions($1, $2)', [
      db.acme.viewer.userId,
      '(,t,,,,,,,,,,,,,,,,,,)',
    ])
    expect(await rolesThatCan(t, rename, [id])).toEqual(['admin', 'owner', 'viewer'])

    // not of another tenant, not in a suspended one, not a deleted one
    await t.become(within(db.globex.owner, db.globex.id))
    expect(await t.query(rename, [id])).toEqual([])
    await setTenantStatus(t, db.acme.id, 'suspended')
    expect(await rolesThatCan(t, rename, [id])).toEqual([])
    await setTenantStatus(t, db.acme.id, 'active')
    await t.query('update app_public.agents set deleted_at = now() where id = $1', [id])
    expect(await rolesThatCan(t, rename, [id])).toEqual([])
  }))

it('who may edit the name of the tenant: members with can_manage_settings', () =>
  db.inTransaction(async (t) => {
    expect(await answers(t, 'tenants', 'update', 'name')).toEqual([
      expect.objectContaining({
        who: 'everyone in the tenant and members with can_manage_settings (owner, admin, unless the membership changes it)',
      }),
    ])
    expect(await rolesThatCan(t, `update app_public.tenants set name = 'b' returning id`)).toEqual(['admin', 'owner'])
  }))

it('who may suspend the tenant: nobody, by its column', () =>
  db.inTransaction(async (t) => {
    expect(await answers(t, 'tenants', 'update', 'status')).toEqual([])
    expect(await rolesThatCan(t, `update app_public.tenants set status = 'suspended' returning id`)).toEqual([])
  }))

it('who may read invitations: members with can_manage_users', () =>
  db.inTransaction(async (t) => {
    expect((await answers(t, 'invitations', 'select')).map(({ who }) => who)).toEqual([
      'members with can_manage_users (owner, admin, unless the membership changes it)',
    ])
    await t.become(db.acme.owner)
    await t.query(`select app_public.invite_user('ann@example.test')`)
    expect(await rolesThatCan(t, 'select id from app_public.invitations')).toEqual(['admin', 'owner'])
  }))

it('who may add an institution: members who are not viewers', () =>
  db.inTransaction(async (t) => {
    expect((await answers(t, 'institutions', 'insert', 'name')).map(({ who }) => who)).toEqual([
      'members of the tenant who are not viewers',
    ])
    expect(await rolesThatCan(t, `insert into app_public.institutions (name) values ('i') returning id`)).toEqual([
      'admin',
      'member',
      'owner',
    ])
  }))

it('a written-out policy is not taken for the word that its name ends with', () =>
  db.inTransaction(async (t) => {
    expect((await answers(t, 'workspace_members', 'select')).map(({ who }) => who)).toEqual([
      'those who can read its workspace',
    ])
  }))

it('no policy of these domains shows a sub-select that has a word', () =>
  db.inTransaction(async (t) => {
    await t.becomeSuperuser()
    const shown = await t.query<{ table_name: string; who: string }>(
      `select table_name, who from core.who_may
        where who like '%select%' and table_name ~ '^app_public\\.(tenant|user_profiles|user_tenants|invitation|workspace|project|institution)'`,
    )
    expect(shown).toEqual([])
  }))
