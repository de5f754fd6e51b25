// One mailbox is one address: written with brackets, spaces or capitals it is the same, and no character counts as another.

import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

describe('an e-mail address', () => {
  it.each([['ann@example.com'], ['<ann@example.com>'], [' Ann@EXAMPLE.com\n'], ['<ANN@example.com>']])(
    '%j is the mailbox ann@example.com',
    (text) =>
      db.inTransaction(async (t) => {
        expect(await t.value('select core.fold_email($1)', [text])).toBe('ann@example.com')
      }),
  )

  it.each([
    ['the Kelvin sign, which lower() turns into k', '\u212Aate@example.com'],
    ['a full-width letter', '\uFF41nn@example.com'],
    ['a ligature', 'o\uFB03ce@example.com'],
    ['a character that cannot be seen', 'ann\u200B@example.com'],
    ['a soft hyphen', 'a\u00ADnn@example.com'],
    ['a name beside it', 'Ann <ann@example.com>'],
    ['two addresses', 'ann@example.com,bob@example.com'],
    ['two brackets', '<<ann@example.com>>'],
    ['one bracket', '<ann@example.com'],
    ['a comment', 'ann(x)@example.com'],
    ['quotes', '"ann"@example.com'],
  ])('is refused with %s', (_what, text) =>
    db.inTransaction(async (t) => {
      expect(await t.value('select core.is_email(core.fold_email($1))', [text])).toBe(false)
      await t.become(db.acme.owner)
      expect(await t.errorCode('select app_public.invite_user($1)', [text])).toBe('ID407')
    }),
  )

  it('may have letters beyond ASCII that are what they seem', () =>
    db.inTransaction(async (t) => {
      expect(await t.value(`select core.is_email('søren@exämple.com')`)).toBe(true)
    }))

  it('in brackets is invited once', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.invite_user('new@example.com')`)).toBeUndefined()
      expect(await t.errorCode(`select app_public.invite_user('<New@example.com>')`)).toBe('ID503')
      expect(await t.errorCode('select app_public.invite_user($1)', [`<${db.acme.viewer.email}>`])).toBe('ID502')
    }))

  it('with the Kelvin sign in a token is not the person with k', () =>
    db.inTransaction(async (t) => {
      await t.query(`select tenancy.provision_member($1, 'kate@example.com')`, [db.acme.id])
      const identify = (email: string, sub: string) =>
        t.value('select tenancy.identify($1)', [JSON.stringify({ iss: 'i', sub, email, email_verified: true })])
      expect(await identify('\u212Aate@example.com', '1')).toBeNull()
      expect(await identify('Kate@Example.com', '2')).not.toBeNull()
    }))
})

describe('a day', () => {
  const clock = (t: Transaction, time: string) => t.query(`select set_config('rowhouse.clock', $1, true)`, [time])

  it('has at most five invitations to an address, from all tenants together', () =>
    db.inTransaction(async (t) => {
      const sent: unknown[] = []
      for (let minute = 10; minute < 20; minute += 2) {
        await clock(t, `2030-05-01T10:${minute}:00Z`)
        await t.become(minute % 4 ? db.acme.owner : db.globex.owner)
        sent.push(await t.errorCode(`select app_public.invite_user('new@example.com')`))
        await t.query(`select app_public.revoke_invitation(id) from app_public.invitations where status = 'pending'`)
      }
      expect(sent).toEqual(Array(5).fill(undefined))
      await clock(t, '2030-05-01T11:00:00Z')
      expect(await t.errorCode(`select app_public.invite_user('<New@example.com>')`)).toBe('ID603')
      expect(await t.errorCode(`select app_public.invite_user('other@example.com')`)).toBeUndefined()
      await clock(t, '2030-05-02T00:00:00Z')
      expect(await t.errorCode(`select app_public.invite_user('new@example.com')`)).toBeUndefined()
    }))

  it('counts mails that are sent again', () =>
    db.inTransaction(async (t) => {
      await clock(t, '2030-05-01T10:00:00Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.invite_user('new@example.com')`)
      const again: unknown[] = []
      for (let minute = 10; minute < 15; minute++) {
        await clock(t, `2030-05-01T10:${minute}:30Z`)
        again.push(await t.errorCode(`select app_public.resend_invitation(id) from app_public.invitations`))
      }
      expect(again).toEqual([undefined, undefined, undefined, undefined, 'ID603'])
    }))

  it('has at most a thousand invitations of a tenant', () =>
    db.inTransaction(async (t) => {
      await clock(t, '2030-05-01T10:00:00Z')
      await t.query(
        `insert into tenancy.daily_invitations (tenant_id, sent_on, email) select $1, '2030-05-01', 'p' || n || '@example.com' from generate_series(1, 999) n`,
        [db.acme.id],
      )
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.invite_user('one@example.com')`)).toBeUndefined()
      expect(await t.errorCode(`select app_public.invite_user('two@example.com')`)).toBe('ID602')
    }))
})

it('every column for an address is checked by core.is_email', async () => {
  const { rows } = await db.pool.query(`
    select c.oid::regclass || '.' || a.attname as name
      from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
     where c.relnamespace in (select core.schemas()) and a.attname ~ 'e?mail$' and a.atttypid = 'text'::regtype and not a.attisdropped
       and not exists (
         select from pg_constraint k
          where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any (k.conkey) and pg_get_constraintdef(k.oid) ~ 'core.is_email')`)
  expect(rows).toEqual([])
})

it('no rule folds an address in another way', async () => {
  const root = new URL('../../sql/', import.meta.url)
  const found: string[] = []
  for (const file of await readdir(root, { recursive: true })) {
    if (!file.endsWith('.sql')) continue
    for (const line of (await readFile(new URL(file, root), 'utf8')).split('\n'))
      if (/\b(lower|upper|citext|ilike)\b.*email/i.test(line) && !/^(comment|\s*E?')/.test(line))
        found.push(`${file}: ${line}`)
  }
  expect(found.filter((line) => /lower\(|upper\(|ilike/.test(line))).toEqual([])
})
