// core.secure_* and core.allow: what a feature's file says of a table is all that holds.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

/** A table of the transaction's own in the schema of the API. */
const withTable = <T>(work: (t: Transaction) => Promise<T>): Promise<T> =>
  db.inTransaction(async (t) => {
    await t.query('set local role rowhouse_owner')
    await t.query(`
      create table app_public.notes (
        tenant_id uuid not null default core.current_tenant_id(),
        id uuid not null default gen_random_uuid(),
        user_id uuid default core.current_user_id(),
        updated_at timestamptz not null default now(),
        seen_count int not null default 0,
        primary key (tenant_id, id)
      )`)
    return work(t)
  })

const policies = (t: Transaction): Promise<string[]> =>
  t
    .query<{ name: string }>(
      `select polname::text as name from pg_policy where polrelid = 'app_public.notes'::regclass order by 1`,
    )
    .then((rows) => rows.map(({ name }) => name))

describe('securing a table', () => {
  it('removes every policy that it had', () =>
    withTable(async (t) => {
      await t.query('create policy everyone_forgot on app_public.notes to rowhouse_user using (true)')
      await t.query(`call core.secure_tenant_table('app_public.notes')`)
      expect(await policies(t)).toEqual(['all_owner', 'all_platform', 'select_backup', 'tenant_isolation'])
    }))

  it('closes it: nobody sees a row until a door is opened', () =>
    withTable(async (t) => {
      await t.query(`call core.secure_tenant_table('app_public.notes')`)
      await t.query('grant select, insert on app_public.notes to rowhouse_user')
      await t.become(db.acme.owner)
      expect(await t.errorCode('insert into app_public.notes default values')).toBe('42501')
    }))

  it('needs a column that names the tenant', () =>
    withTable(async (t) => {
      await t.query('create table app_public.tenantless (id int primary key)')
      expect(await t.errorCode(`call core.secure_tenant_table('app_public.tenantless')`)).toBe('RH901')
    }))

  it('needs an index that starts with the tenant', () =>
    withTable(async (t) => {
      await t.query('create table app_public.unindexed (tenant_id uuid not null, id int primary key)')
      expect(await t.errorCode(`call core.secure_tenant_table('app_public.unindexed')`)).toBe('RH902')
    }))

  it.each([null, '', '  '])('as a global one needs a reason, and %j is none', (reason) =>
    withTable(async (t) => {
      expect(await t.errorCode(`call core.secure_global_table('app_public.notes', $1)`, [reason])).toBe('RH904')
    }),
  )

  it('as a global one lists it with its reason', () =>
    withTable(async (t) => {
      await t.query(`call core.secure_global_table('app_public.notes', 'a test')`)
      expect(await t.value(`select reason from core.global_tables() where target = 'app_public.notes'::regclass`)).toBe(
        'a test',
      )
    }))
})

describe('core.allow', () => {
  it('opens the doors that it names, and no other', () =>
    withTable(async (t) => {
      await t.query(`call core.secure_tenant_table('app_public.notes')`)
      await t.query(`call core.allow('app_public.notes', read => 'member', insert => 'self')`)
      await t.query('grant select, insert, update, delete on app_public.notes to rowhouse_user')
      await t.become(db.acme.member)
      await t.query('insert into app_public.notes default values')
      expect(await t.value('select count(*)::int from app_public.notes')).toBe(1)
      expect(await t.query('delete from app_public.notes returning id')).toEqual([])
    }))

  it('takes several words, each a door of its own', () =>
    withTable(async (t) => {
      await t.query(`call core.secure_tenant_table('app_public.notes')`)
      await t.query(`call core.allow('app_public.notes', read => 'self, can_view_audit')`)
      expect(await policies(t)).toEqual(expect.arrayContaining(['select_self', 'select_can_view_audit']))
    }))

  it('writes insert, update and delete for one word', () =>
    withTable(async (t) => {
      await t.query(`call core.secure_tenant_table('app_public.notes')`)
      await t.query(`call core.allow('app_public.notes', write => 'can_manage_settings')`)
      expect((await policies(t)).filter((name) => name.endsWith('can_manage_settings'))).toHaveLength(3)
    }))

  it('refuses a word that is not defined', () =>
    withTable(async (t) => {
      await t.query(`call core.secure_tenant_table('app_public.notes')`)
      expect(await t.errorCode(`call core.allow('app_public.notes', read => 'everybody')`)).toBe('RH905')
    }))
})

describe('at the end of a migration', () => {
  it('a table keeps its updated_at, and columns that rules keep do not change it', () =>
    withTable(async (t) => {
      await t.query(`call core.secure_tenant_table('app_public.notes')`)
      await t.query(`comment on column app_public.notes.seen_count is E'@kept\\nHow often it was seen.'`)
      await t.query('call core.complete_tables()')
      await t.becomeRole('rowhouse_owner', db.acme.id)
      const id = await t.value(`insert into app_public.notes (updated_at) values ('2000-01-01') returning id`)
      await t.query('update app_public.notes set seen_count = 1 where id = $1', [id])
      expect(await t.value(`select updated_at < '2001-01-01' from app_public.notes where id = $1`, [id])).toBe(true)
      await t.query('update app_public.notes set user_id = null where id = $1', [id])
      expect(await t.value(`select updated_at < '2001-01-01' from app_public.notes where id = $1`, [id])).toBe(false)
    }))

  it('a table that leaves a guard out has none', () =>
    withTable(async (t) => {
      const guard = `select count(*)::int from pg_trigger where tgrelid = 'app_public.notes'::regclass and tgname = '_000_require_writable_tenant'`
      await t.query(`call core.secure_tenant_table('app_public.notes')`)
      await t.query('call core.complete_tables()')
      expect(await t.value(guard)).toBe(1)
      await t.query(`call core.exempt_from_guard('app_public.notes', '_000_require_writable_tenant', 'a test')`)
      await t.query('call core.complete_tables()')
      expect(await t.value(guard)).toBe(0)
    }))
})
