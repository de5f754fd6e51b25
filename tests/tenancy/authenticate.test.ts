// Who a token speaks of and what it lets into, asked in SQL as the server's login.

import { describe, expect, it } from 'vitest'
import { setClockLater } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createStranger, setTenantStatus } from '../helpers/invitations.ts'

const db = useDatabase()
const asked = `select user_id, tenant_id, role from tenancy.authenticate($1, $2)`
const claimsOf = (email: string, more: object = {}): string =>
  JSON.stringify({ iss: 'issuer', sub: email, email, email_verified: true, ...more })
async function enter(t: Transaction, claims: string, tenant: string | null = null): Promise<Record<string, unknown>> {
  await t.becomeRole('rowhouse_authenticator')
  const [row] = await t.query(asked, [claims, tenant])
  await t.becomeSuperuser()
  return row as Record<string, unknown>
}
async function refusal(t: Transaction, claims: string, tenant: string | null = null): Promise<string | undefined> {
  await t.becomeRole('rowhouse_authenticator')
  const code = await t.errorCode(asked, [claims, tenant])
  await t.becomeSuperuser()
  return code
}
async function invite(t: Transaction, email: string): Promise<string> {
  await t.become(db.acme.owner)
  const id = await t.value<string>('select id from app_public.invite_user($1)', [email])
  await t.becomeSuperuser()
  return id
}

describe('someone seen for the first time', () => {
  it('gets a profile when a verified e-mail address is invited', () =>
    db.inTransaction(async (t) => {
      await invite(t, 'ann@example.test')
      const entered = await enter(t, claimsOf('Ann@Example.test', { name: 'Ann Smith' }))
      expect(entered).toMatchObject({ tenant_id: null, role: 'rowhouse_user' })
      expect(
        await t.query('select email, full_name from app_public.user_profiles where id = $1', [entered.user_id]),
      ).toEqual([{ email: 'ann@example.test', full_name: 'Ann Smith' }])
      expect((await enter(t, claimsOf('Ann@Example.test'))).user_id).toBe(entered.user_id)
      // known by the subject from now on
      expect((await enter(t, JSON.stringify({ iss: 'issuer', sub: 'Ann@Example.test' }))).user_id).toBe(entered.user_id)
    }))

  it.each([
    ['nobody invited', async () => undefined, {}],
    ['whose address nobody verified', async () => undefined, { email_verified: false }],
    ['whose address is verified as a text', async () => undefined, { email_verified: 'true' }],
    ['whose invitation has expired', (t: Transaction) => setClockLater(t, '8 days'), {}],
    [
      'whose invitation was revoked',
      (t: Transaction) => t.query(`update app_public.invitations set status = 'revoked', revoked_at = now()`),
      {},
    ],
    [
      'whose invitation is of a tenant that was cancelled',
      (t: Transaction) => setTenantStatus(t, db.acme.id, 'cancelled'),
      {},
    ],
  ])('%s stays unknown and leaves nothing behind', (name, prepare, claims) =>
    db.inTransaction(async (t) => {
      if (name !== 'nobody invited') await invite(t, 'ann@example.test')
      await prepare(t)
      expect(await refusal(t, claimsOf('ann@example.test', claims))).toBe('ID101')
      expect(await t.value(`select count(*)::int from app_public.user_profiles where email = 'ann@example.test'`)).toBe(
        0,
      )
    }),
  )

  it('whose profile is switched off or deleted is not let in by an invitation', () =>
    db.inTransaction(async (t) => {
      await invite(t, 'ann@example.test')
      await t.query(`insert into app_public.user_profiles (email, is_active) values ('ann@example.test', false)`)
      expect(await refusal(t, claimsOf('ann@example.test'))).toBe('ID101')
    }))

  it('has a name that can be shown, or none', () =>
    db.inTransaction(async (t) => {
      await invite(t, 'ann@example.test')
      const { user_id } = await enter(t, claimsOf('ann@example.test', { name: 'x'.repeat(300) }))
      expect(await t.value('select full_name from app_public.user_profiles where id = $1', [user_id])).toBeNull()
    }))
})

describe('someone without a tenant', () => {
  it('gets in without one, sees no row of any, and only the own profile', () =>
    db.inTransaction(async (t) => {
      const ann = await createStranger(t, 'ann@example.test')
      expect(await enter(t, claimsOf(ann.email))).toMatchObject({ user_id: ann.userId, tenant_id: null })
      await t.become(ann)
      for (const table of ['tenants', 'user_tenants', 'agents', 'documents', 'invitations', 'user_sessions'])
        expect([table, await t.value(`select count(*)::int from app_public.${table}`)]).toEqual([table, 0])
      expect(await t.query('select email from app_public.user_profiles')).toEqual([{ email: ann.email }])
      expect(await t.query('select * from app_public.my_tenants()')).toEqual([])
      expect(await t.value('select email from app_public.current_user_profile()')).toBe(ann.email)
      expect(await t.errorCode(`insert into app_public.agents (name) values ('x')`)).toBeDefined()
    }))

  it('is still refused a tenant by name', () =>
    db.inTransaction(async (t) => {
      const ann = await createStranger(t, 'ann@example.test')
      expect(await refusal(t, claimsOf(ann.email), 'acme')).toBe('ID201')
    }))

  it('includes those who were shut out of their only one', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.user_tenants set status = 'inactive' where user_id = $1`, [
        db.acme.viewer.userId,
      ])
      expect(await enter(t, claimsOf(db.acme.viewer.email))).toMatchObject({ tenant_id: null })
      expect(await refusal(t, claimsOf(db.acme.viewer.email), 'acme')).toBe('ID201')
    }))
})

describe('a tenant', () => {
  it.each([
    ['trial', true],
    ['active', true],
    ['suspended', true],
    ['inactive', false],
    ['cancelled', false],
  ])('that is %s lets its members in: %s', (status, isOpen) =>
    db.inTransaction(async (t) => {
      await setTenantStatus(t, db.acme.id, status)
      const claims = claimsOf(db.acme.viewer.email)
      expect(await enter(t, claims)).toMatchObject({ tenant_id: isOpen ? db.acme.id : null })
      expect(await refusal(t, claims, 'acme')).toBe(isOpen ? undefined : 'ID201')
    }),
  )

  it('is entered from above by those who may view the subtree, to read, and that is written down', () =>
    db.inTransaction(async (t) => {
      await t.query('update app_public.tenants set parent_tenant_id = $1 where id = $2', [db.acme.id, db.globex.id])
      await t.query(`insert into app_public.tenants (slug, name, parent_tenant_id) values ('below', 'Below', $1)`, [
        db.globex.id,
      ])
      for (const slug of ['globex', 'below'])
        expect(await enter(t, claimsOf(db.acme.admin.email, { request_id: slug }), slug)).toMatchObject({
          user_id: db.acme.admin.userId,
          role: 'rowhouse_user',
        })
      expect(await t.query('select admin_user_id, request_id from tenancy.admin_access_log order by id')).toEqual([
        { admin_user_id: db.acme.admin.userId, request_id: 'globex' },
        { admin_user_id: db.acme.admin.userId, request_id: 'below' },
      ])
      expect(await refusal(t, claimsOf(db.acme.member.email), 'globex')).toBe('ID201')
      expect(await refusal(t, claimsOf(db.globex.owner.email), 'acme')).toBe('ID201')
      await setTenantStatus(t, await t.value(`select id from app_public.tenants where slug = 'below'`), 'cancelled')
      expect(await refusal(t, claimsOf(db.acme.admin.email), 'below')).toBe('ID201')
    }))
})

describe('when someone was last seen', () => {
  const seen = (t: Transaction) =>
    t.query(
      `select u.last_seen_at, m.last_accessed_at, t.last_login_at, u.updated_at as u, m.updated_at as m, t.updated_at as t,
              u.xmin::text || m.xmin || t.xmin as versions
         from app_public.user_tenants m join app_public.user_profiles u on u.id = m.user_id join app_public.tenants t on t.id = m.tenant_id
        where m.user_id = $1`,
      [db.acme.viewer.userId],
    )

  it('is noted, and is no change of profile, membership or tenant', () =>
    db.inTransaction(async (t) => {
      const before = (await seen(t))[0]
      await enter(t, claimsOf(db.acme.viewer.email))
      const after = (await seen(t))[0]
      expect([before?.last_seen_at, before?.last_accessed_at, before?.last_login_at]).toEqual([null, null, null])
      for (const key of ['last_seen_at', 'last_accessed_at', 'last_login_at']) expect(after?.[key]).toBeInstanceOf(Date)
      expect([after?.u, after?.m, after?.t]).toEqual([before?.u, before?.m, before?.t])
    }))

  it('costs no write until five minutes have passed', () =>
    db.inTransaction(async (t) => {
      await enter(t, claimsOf(db.acme.viewer.email))
      const writes = () =>
        t.value<number>(
          `select sum(n_tup_upd)::int from pg_stat_xact_user_tables where relname in ('user_profiles', 'user_tenants', 'tenants')`,
        )
      const before = await writes()
      for (let i = 0; i < 5; i += 1) await enter(t, claimsOf(db.acme.viewer.email))
      expect(await writes()).toBe(before)
      await t.query(
        `update app_public.user_tenants set last_accessed_at = now() - interval '6 minutes' where user_id = $1`,
        [db.acme.viewer.userId],
      )
      await enter(t, claimsOf(db.acme.viewer.email))
      expect(await writes()).toBe(before + 2)
    }))

  it('stays unknown to a suspended tenant', () =>
    db.inTransaction(async (t) => {
      await setTenantStatus(t, db.acme.id, 'suspended')
      await enter(t, claimsOf(db.acme.viewer.email))
      expect((await seen(t))[0]?.last_accessed_at).toBeNull()
    }))
})
