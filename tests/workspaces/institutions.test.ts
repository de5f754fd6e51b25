// Institutions and who belongs to them: added by members, verified by admins, one primary affiliation a person.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

async function addInstitution(t: Transaction, person: Person, name = 'Charité', country: string | null = 'DE') {
  await t.become(person)
  return t.value<string>(
    `insert into app_public.institutions (name, type, country_code) values ($1, 'hospital', $2) returning id`,
    [name, country],
  )
}
const affiliate = (t: Transaction, institution: unknown, person: Person, isPrimary = false) =>
  t.errorCode(`insert into app_public.institution_members (institution_id, user_id, is_primary) values ($1, $2, $3)`, [
    institution,
    person.userId,
    isPrimary,
  ])

describe('an institution', () => {
  it('is added by members and mended by its creator until an admin has verified it', () =>
    db.inTransaction(async (t) => {
      const institution = await addInstitution(t, db.acme.member)
      const rename = `update app_public.institutions set name = name || '!' returning is_verified`
      expect(await t.query(rename)).toEqual([{ is_verified: false }])
      expect(await t.errorCode('update app_public.institutions set verified_at = now()')).toBe('42501')
      expect(await t.errorCode('select app_public.verify_institution($1)', [institution])).toBe('ID202')
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`insert into app_public.institutions (name) values ('x')`)).toBe('42501')
      expect(await t.query(rename)).toEqual([])
      await t.become(db.acme.admin)
      const verified = await t.query(
        'select is_verified, verified_by_user_id, verified_at from app_public.verify_institution($1)',
        [institution],
      )
      expect(verified).toMatchObject([{ is_verified: true, verified_by_user_id: db.acme.admin.userId }])
      await t.become(db.acme.owner)
      expect(
        await t.query('select is_verified, verified_by_user_id, verified_at from app_public.verify_institution($1)', [
          institution,
        ]),
      ).toEqual(verified)
      await t.become(db.acme.member)
      expect(await t.query(rename)).toEqual([])
      await t.become(db.acme.admin)
      expect(await t.query(rename)).toEqual([{ is_verified: true }])
      expect(await t.value('select is_verified from app_public.unverify_institution($1)', [institution])).toBe(false)
      await t.become(db.acme.member)
      expect(await t.query(rename)).toEqual([{ is_verified: false }])
    }))

  it.each([
    ['an empty name', `('', 'other', null, null)`],
    ['an unknown type', `('x', 'castle', null, null)`],
    ['a country in small letters', `('x', 'other', 'de', null)`],
    ['a website that is no address of the web', `('x', 'other', null, 'javascript:alert(1)')`],
    ['a website too long', `('x', 'other', null, 'https://' || repeat('x', 2000))`],
  ])('with %s is refused', (_name, values) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(
        await t.errorCode(`insert into app_public.institutions (name, type, country_code, website) values ${values}`),
      ).toBe('23514')
    }),
  )

  it('is there once by name and country, also without a country, until it is deleted', () =>
    db.inTransaction(async (t) => {
      const first = await addInstitution(t, db.acme.member, 'Charité', null)
      await addInstitution(t, db.acme.member, 'Charité', 'DE')
      const again = `insert into app_public.institutions (name) values ('CHARITÉ')`
      expect(await t.errorCode(again)).toBe('23505')
      expect(await t.errorCode('select app_public.delete_institution($1)', [first])).toBe('ID202')
      await t.become(db.acme.admin)
      await t.query('select app_public.delete_institution($1)', [first])
      expect(await t.errorCode('select app_public.delete_institution($1)', [first])).toBe('WS306')
      expect(await t.errorCode('select app_public.verify_institution($1)', [first])).toBe('WS306')
      const second = await t.value(`${again} returning id`)
      expect(await t.errorCode('select app_public.restore_institution($1)', [first])).toBe('23505')
      expect(await t.errorCode('select app_public.restore_institution($1)', [second])).toBe('WS307')
      await t.query('select app_public.delete_institution($1)', [second])
      await t.query('select app_public.restore_institution($1)', [first])
    }))

  it('of another tenant is not there', () =>
    db.inTransaction(async (t) => {
      const foreign = await addInstitution(t, db.globex.member)
      await t.become(db.acme.owner)
      expect(await t.value('select count(*)::int from app_public.institutions')).toBe(0)
      expect(await t.errorCode('select app_public.verify_institution($1)', [foreign])).toBe('WS306')
      for (const id of [foreign, crypto.randomUUID()]) expect(await affiliate(t, id, db.acme.owner)).toBe('42501')
    }))
})

describe('an affiliation', () => {
  it('is stated for oneself, or for anyone with can_manage_users', () =>
    db.inTransaction(async (t) => {
      const institution = await addInstitution(t, db.acme.member)
      await t.become(db.acme.viewer)
      expect(await affiliate(t, institution, db.acme.member)).toBe('42501')
      await t.query(
        `insert into app_public.institution_members (institution_id, title, starts_on) values ($1, 'Nurse', '2020-01-01')`,
        [institution],
      )
      expect(await affiliate(t, institution, db.acme.viewer)).toBe('23505')
      await t.become(db.acme.admin)
      expect(await affiliate(t, institution, db.acme.member)).toBeUndefined()
      expect(await affiliate(t, institution, db.globex.member)).toBe('ID301')
      await t.become(db.acme.member)
      const changed = `update app_public.institution_members set department = 'ICU' returning user_id`
      expect(await t.query(changed)).toEqual([{ user_id: db.acme.member.userId }])
      expect(await t.value('select count(*)::int from app_public.institution_members')).toBe(2)
      expect(await t.query('delete from app_public.institution_members returning user_id')).toEqual([
        { user_id: db.acme.member.userId },
      ])
      await t.become(db.acme.admin)
      expect((await t.query('delete from app_public.institution_members returning 1')).length).toBe(1)
    }))

  it.each([
    ['an end before its start', `'2020-01-02', '2020-01-01', null`],
    ['a day at infinity', `'-infinity', null, null`],
    ['an empty title', `null, null, ''`],
  ])('with %s is refused', (_name, values) =>
    db.inTransaction(async (t) => {
      const institution = await addInstitution(t, db.acme.member)
      expect(
        await t.errorCode(
          `insert into app_public.institution_members (institution_id, starts_on, ends_on, title) values ('${institution}', ${values})`,
        ),
      ).toBe('23514')
    }),
  )

  it('is the primary one in place of another through set_primary_institution', () =>
    db.inTransaction(async (t) => {
      const first = await addInstitution(t, db.acme.member, 'One')
      const second = await addInstitution(t, db.acme.member, 'Two')
      expect(await affiliate(t, first, db.acme.member, true)).toBeUndefined()
      expect(await affiliate(t, second, db.acme.member, true)).toBe('23505')
      expect(await affiliate(t, second, db.acme.member)).toBeUndefined()
      const primary = () =>
        t.value('select array_agg(institution_id) from app_public.institution_members where is_primary')
      await t.query('select app_public.set_primary_institution($1)', [second])
      expect(await primary()).toEqual([second])
      await t.query('select app_public.set_primary_institution($1)', [second])
      await t.become(db.acme.viewer)
      expect(await t.errorCode('select app_public.set_primary_institution($1)', [first])).toBe('WS308')
      expect(
        await t.errorCode('select app_public.set_primary_institution($1, $2)', [first, db.acme.member.userId]),
      ).toBe('ID203')
      await t.become(db.acme.admin)
      await t.query('select app_public.set_primary_institution($1, $2)', [first, db.acme.member.userId])
      expect(await primary()).toEqual([first])
      expect(await t.errorCode('select app_public.set_primary_institution(null, $1)', [db.acme.member.userId])).toBe(
        'WS308',
      )
      // a deleted one is no longer shown, and does not stand in the way
      await t.query('select app_public.delete_institution($1)', [first])
      await t.become(db.acme.member)
      expect(await primary()).toBeNull()
      expect(await t.errorCode('select app_public.set_primary_institution($1)', [first])).toBe('WS308')
      await t.query('select app_public.set_primary_institution($1)', [second])
      expect(await primary()).toEqual([second])
      await t.query('update app_public.institution_members set is_primary = false')
      expect(await primary()).toBeNull()
    }))
})
