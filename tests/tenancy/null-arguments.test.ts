// What null means where a rule compares with it: never that the rule does not hold.

import { expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()

it('a visitor cannot write when is_for_members is null', () =>
  db.inTransaction(async (t) => {
    await t.become({ ...db.globex.owner, tenantId: db.acme.id })
    expect(await t.errorCode('select tenancy.require_writable_tenant(null)')).toBe('ID202')
    expect(await t.errorCode('select tenancy.require_writable_tenant()')).toBe('ID202')
    expect(await t.errorCode('select tenancy.require_writable_tenant(false)')).toBeUndefined()
  }))

it('a time zone that is null is none', () =>
  db.inTransaction(async (t) => {
    expect(await t.value('select tenancy.is_timezone(null)')).toBe(false)
  }))

it('a request without a user changes nobody’s primary institution', () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    const id = await t.value(`insert into app_public.institutions (name) values ('i') returning id`)
    await t.query('insert into app_public.institution_members (institution_id) values ($1)', [id])
    await t.becomeRole('rowhouse_user', db.acme.id)
    expect(await t.errorCode('select app_public.set_primary_institution($1, $2)', [id, db.acme.member.userId])).toBe(
      'ID203',
    )
  }))

it('an invitation whose role is null is for a member', () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    expect(
      await t.query('select role, permissions from app_public.invite_user($1, null, null, null)', ['a@example.test']),
    ).toEqual([{ role: 'member', permissions: {} }])
  }))
