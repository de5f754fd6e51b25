// Visits: begun, kept alive, ended by word or by silence, seen by oneself and by those who look at analytics.

import { describe, expect, it } from 'vitest'
import { setClockLater } from '../helpers/clock.ts'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { createStranger } from '../helpers/invitations.ts'

const db = useDatabase()
const touch = 'select * from app_public.touch_session($1, $2, $3)'
const end = 'select * from app_public.end_session($1)'
const start = async (t: Transaction, person: Person): Promise<string> => {
  await t.become(person)
  return t.value<string>(`select id from app_public.start_session('desktop')`)
}

describe('a session', () => {
  it('knows where it came from and how', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      await t.query(`select set_config('rowhouse.ip', '203.0.113.7', true)`)
      const [session] = await t.query(`select * from app_public.start_session(
        'mobile', 'Firefox 150', 'Android', 'https://search.example/find?q=secret#top', 'newsletter', 'email', 'spring')`)
      expect(session).toMatchObject({
        tenant_id: db.acme.id,
        user_id: db.acme.viewer.userId,
        device_type: 'mobile',
        browser: 'Firefox 150',
        os: 'Android',
        ip_address: '203.0.113.7',
        referrer_url: 'https://search.example/find',
        utm_source: 'newsletter',
        utm_medium: 'email',
        utm_campaign: 'spring',
        session_end: null,
        duration_seconds: 0,
      })
    }))

  it('begins without an address when none is known, and never with a false one', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      for (const ip of ['', 'nonsense', '300.1.1.1']) {
        await t.query(`select set_config('rowhouse.ip', $1, true)`, [ip])
        expect(await t.value('select ip_address from app_public.start_session()')).toBeNull()
      }
    }))

  it('refuses what is too long or no address', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`select app_public.start_session($1)`, ['x'.repeat(101)])).toBe('23514')
      expect(await t.errorCode(`select app_public.start_session(referrer_url => 'javascript:alert(1)')`)).toBe('23514')
    }))

  it('counts pages and events', () =>
    db.inTransaction(async (t) => {
      const id = await start(t, db.acme.member)
      await setClockLater(t, '5 minutes')
      await t.query(touch, [id, 2, 3])
      await setClockLater(t, '20 minutes')
      const [session] = await t.query(touch, [id, 1, 0])
      expect(session).toMatchObject({ page_views: 3, events_count: 3, duration_seconds: 1200, session_end: null })
    }))

  it('lasts until it is ended, once', () =>
    db.inTransaction(async (t) => {
      const id = await start(t, db.acme.member)
      await setClockLater(t, '21 minutes')
      expect((await t.query(end, [id]))[0]).toMatchObject({ duration_seconds: 1260 })
      await setClockLater(t, '25 minutes')
      expect((await t.query(end, [id]))[0]).toMatchObject({ duration_seconds: 1260 })
      expect(await t.errorCode(touch, [id, 1, 1])).toBe('ID304')
    }))

  it('is ended by half an hour of silence, at once and for good', () =>
    db.inTransaction(async (t) => {
      const [silent, lively, ended] = [
        await start(t, db.acme.member),
        await start(t, db.globex.member),
        await start(t, db.acme.viewer),
      ]
      await setClockLater(t, '29 minutes')
      await t.become(db.globex.member)
      await t.query(touch, [lively, 1, 0])
      await setClockLater(t, '30 minutes')
      await t.become(db.acme.member)
      expect(await t.errorCode(touch, [silent, 1, 0])).toBe('ID304')
      await t.become(db.acme.viewer)
      expect((await t.query(end, [ended]))[0]).toMatchObject({ duration_seconds: 0 })
      await t.becomeRole('rowhouse_worker')
      expect(await t.value('select tenancy.end_idle_sessions()')).toBe(1)
      expect(await t.value('select tenancy.end_idle_sessions()')).toBe(0)
      await t.becomeSuperuser()
      expect(
        await t.query(
          'select id, session_end = session_start as ended from app_public.user_sessions order by ended nulls last, id = $1',
          [ended],
        ),
      ).toEqual([
        { id: silent, ended: true },
        { id: ended, ended: true },
        { id: lively, ended: null },
      ])
    }))

  it('takes numbers within reason', () =>
    db.inTransaction(async (t) => {
      const id = await start(t, db.acme.member)
      for (const [views, events] of [
        [-1, 0],
        [0, -1],
        [10_001, 0],
      ])
        expect(await t.errorCode(touch, [id, views, events])).toBe('ID411')
      // a number that is null counts as one that is left out
      expect(await t.errorCode(touch, [id, null, null])).toBeUndefined()
    }))

  it('is nobody else’s to touch, and to see only for analytics', () =>
    db.inTransaction(async (t) => {
      const id = await start(t, db.acme.member)
      const sees = async (person: Person): Promise<number> => {
        await t.become(person)
        return t.value('select count(*)::int from app_public.user_sessions')
      }
      expect([await sees(db.acme.member), await sees(db.acme.viewer), await sees(db.acme.admin)]).toEqual([1, 0, 1])
      expect(await sees(db.globex.owner)).toBe(0)
      for (const person of [db.acme.owner, db.globex.member]) {
        await t.become(person)
        expect(await t.errorCode(touch, [id, 1, 1])).toBe('ID304')
        expect(await t.errorCode(end, [id])).toBe('ID304')
      }
      await t.become(db.acme.member)
      expect(await t.errorCode('update app_public.user_sessions set page_views = 9')).toBe('42501')
      expect(await t.errorCode('delete from app_public.user_sessions')).toBe('42501')
    }))

  it('is for members', () =>
    db.inTransaction(async (t) => {
      const stranger = await createStranger(t, 'ann@example.test')
      for (const tenantId of ['', db.acme.id]) {
        await t.become({ ...stranger, tenantId })
        expect(await t.errorCode('select app_public.start_session()')).toBe('ID202')
      }
    }))
})
