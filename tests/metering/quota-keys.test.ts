// Idempotency keys of uses and reservations: the same call again gets the first answer, another call under the key is refused.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const withLimit = (work: (t: Transaction) => Promise<void>) =>
  db.inTransaction(async (t) => {
    await setClock(t, '2026-02-10T12:00:00Z')
    await t.query(
      `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit, source) values ($1, 'tokens', 'month', 100, 'plan')`,
      [db.acme.id],
    )
    await t.become(db.acme.member)
    await work(t)
  })
const consumeText = `select * from app_public.consume_quota('tokens', $1, idempotency_key => $2)`
const reserveText = `select * from app_public.reserve_quota('tokens', $1, $3, idempotency_key => $2)`
const counter = async (t: Transaction) =>
  (await t.query('select current_usage::int as used, reserved::int from app_public.quota_tracking'))[0]

describe('a use with a key', () => {
  it('is counted once, and gets its first answer again', () =>
    withLimit(async (t) => {
      const first = await t.query(consumeText, [30, 'k'])
      expect(first).toMatchObject([{ current_usage: '30' }])
      await t.query(consumeText, [10, 'other'])
      expect(await t.query(consumeText, [30, 'k'])).toEqual(first)
      expect(await counter(t)).toEqual({ used: 40, reserved: 0 })
    }))

  it('is refused with another amount, as a reservation, and as that of another person', () =>
    withLimit(async (t) => {
      await t.query(consumeText, [30, 'k'])
      expect(await t.errorCode(consumeText, [31, 'k'])).toBe('QT502')
      expect(await t.errorCode(reserveText, [30, 'k', 600])).toBe('QT502')
      await t.become(db.acme.owner)
      expect(await t.errorCode(consumeText, [30, 'k'])).toBe('QT502')
    }))

  it('that was refused has not taken its key', () =>
    withLimit(async (t) => {
      expect(await t.errorCode(consumeText, [101, 'k'])).toBe('QT601')
      expect(await t.errorCode(consumeText, [100, 'k'])).toBeUndefined()
    }))

  it('has the same key as another tenant without meeting it', () =>
    withLimit(async (t) => {
      await t.query(consumeText, [30, 'k'])
      await t.become(db.globex.member)
      expect(await t.errorCode(consumeText, [7, 'k'])).toBeUndefined()
    }))

  it.each(['', 'x'.repeat(256)])('of 0 or 256 characters is refused (%#)', (key) =>
    withLimit(async (t) => {
      expect(await t.errorCode(consumeText, [1, key])).toBe('QT407')
    }),
  )
})

describe('a reservation with a key', () => {
  it('holds once, and is the reservation as it is now', () =>
    withLimit(async (t) => {
      const [first] = await t.query(reserveText, [30, 'k', 600])
      expect(await t.query(reserveText, [30, 'k', 600])).toEqual([first])
      expect(await counter(t)).toEqual({ used: 0, reserved: 30 })
      await t.query('select app_public.settle_reservation($1, 12)', [first?.id])
      expect(await t.query(reserveText, [30, 'k', 600])).toMatchObject([{ id: first?.id, settled_amount: '12' }])
      expect(await t.errorCode(reserveText, [31, 'k', 600])).toBe('QT502')
      expect(await t.errorCode(reserveText, [30, 'k', 60])).toBe('QT502')
    }))

  it('and its key are forgotten after 30 days', () =>
    withLimit(async (t) => {
      await t.query(reserveText, [30, 'k', 600])
      await setClock(t, '2026-03-13T12:00:00Z')
      await t.becomeRole('rowhouse_worker')
      await t.query('select metering.expire_reservations()')
      await t.becomeSuperuser()
      for (const table of ['metering.quota_keys', 'app_public.quota_reservations'])
        expect(await t.value(`select count(*)::int from ${table}`)).toBe(0)
    }))
})
