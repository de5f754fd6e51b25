// Reserve and settle: what is held and what is settled never come to more than a hard limit.

import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const start = '2026-02-10T12:00:00Z'
const at = (t: Transaction, time: string | number) =>
  t.query(`select set_config('rowhouse.clock', $1, true)`, [
    typeof time === 'string' ? time : new Date(Date.parse(start) + time * 1000).toISOString(),
  ])

/** A transaction as a member of acme, with a hard limit of 100 tokens a month. */
const withLimit = (work: (t: Transaction) => Promise<void>, limit = 100) =>
  db.inTransaction(async (t) => {
    await at(t, start)
    await t.query(
      `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit, source) values ($1, 'tokens', 'month', $2, 'plan')`,
      [db.acme.id, limit],
    )
    await t.become(db.acme.member)
    await work(t)
  })
const reserve = (t: Transaction, amount: number, ttl = 600): Promise<string> =>
  t.value('select id from app_public.reserve_quota($1, $2, $3)', ['tokens', amount, ttl])
const settle = (t: Transaction, id: string, actual: number) =>
  t.errorCode('select app_public.settle_reservation($1, $2)', [id, actual])
const release = (t: Transaction, id: string) => t.errorCode('select app_public.release_reservation($1)', [id])
const consume = (t: Transaction, amount: number) =>
  t.errorCode(`select * from app_public.consume_quota('tokens', $1)`, [amount])
const counter = async (t: Transaction) => {
  const [row] = await t.query(
    `select current_usage::int as used, reserved::int from app_public.quota_tracking where quota_scope = 'tenant' order by period_start desc`,
  )
  return row
}

describe('a reservation', () => {
  it('holds what a call may use and gives back what it has not used', () =>
    withLimit(async (t) => {
      const id = await reserve(t, 80)
      expect(await counter(t)).toEqual({ used: 0, reserved: 80 })
      expect(await consume(t, 21)).toBe('QT601')
      expect(await consume(t, 20)).toBeUndefined()
      expect(await settle(t, id, 50)).toBeUndefined()
      expect(await counter(t)).toEqual({ used: 70, reserved: 0 })
      expect(await consume(t, 30)).toBeUndefined()
      expect(await t.errorCode(`select app_public.reserve_quota('tokens', 1)`)).toBe('QT601')
    }))

  it('is settled once: the same again changes nothing, anything else is refused', () =>
    withLimit(async (t) => {
      const id = await reserve(t, 80)
      expect(await settle(t, id, 50)).toBeUndefined()
      expect(await settle(t, id, 50)).toBeUndefined()
      expect(await settle(t, id, 51)).toBe('QT501')
      expect(await release(t, id)).toBe('QT501')
      expect(await counter(t)).toEqual({ used: 50, reserved: 0 })
      const other = await reserve(t, 10)
      expect(await release(t, other)).toBeUndefined()
      expect(await release(t, other)).toBeUndefined()
      expect(await settle(t, other, 1)).toBe('QT501')
      expect(await counter(t)).toEqual({ used: 50, reserved: 0 })
    }))

  it('cannot be settled with more than it holds, and is kept when that is tried', () =>
    withLimit(async (t) => {
      const id = await reserve(t, 80)
      expect(await settle(t, id, 81)).toBe('QT405')
      expect(await counter(t)).toEqual({ used: 0, reserved: 80 })
      expect(await settle(t, id, 80)).toBeUndefined()
    }))

  it('that has expired gives way to whoever needs the room', () =>
    withLimit(async (t) => {
      const id = await reserve(t, 80, 60)
      await at(t, 59)
      expect(await consume(t, 50)).toBe('QT601')
      await at(t, 60)
      expect(await t.value('select app_public.quota_reservations_status(r) from app_public.quota_reservations r')).toBe(
        'expired',
      )
      expect(await consume(t, 50)).toBeUndefined()
      expect(await counter(t)).toEqual({ used: 50, reserved: 0 })
      // late, but there is room for this much
      expect(await settle(t, id, 60)).toBe('QT601')
      expect(await settle(t, id, 50)).toBeUndefined()
      expect(await counter(t)).toEqual({ used: 100, reserved: 0 })
    }))

  it('that has expired is cleared away by the task, and no other is', () =>
    withLimit(async (t) => {
      await reserve(t, 10, 60)
      await reserve(t, 20, 120)
      await at(t, 90)
      await t.becomeRole('rowhouse_worker')
      expect(await t.value('select metering.expire_reservations()')).toBe(1)
      expect(await t.value('select metering.expire_reservations()')).toBe(0)
      await t.become(db.acme.member)
      expect(await counter(t)).toEqual({ used: 0, reserved: 20 })
    }))

  it('that ended a month ago is forgotten', () =>
    withLimit(async (t) => {
      await reserve(t, 10, 60)
      await reserve(t, 20, 120)
      await at(t, 90)
      await t.becomeRole('rowhouse_worker')
      await t.query('select metering.expire_reservations()')
      await at(t, 31 * 86_400)
      await t.query('select metering.expire_reservations()')
      await t.become(db.acme.member)
      expect(await t.query('select * from app_public.quota_reservations')).toEqual([])
    }))

  it('is settled in the period it was made in', () =>
    withLimit(async (t) => {
      await at(t, '2026-02-28T23:59:50Z')
      const id = await reserve(t, 80)
      await at(t, '2026-03-01T00:00:10Z')
      expect(await consume(t, 100)).toBeUndefined()
      expect(await settle(t, id, 60)).toBeUndefined()
      expect(
        await t.query(
          'select period_start::text as month, current_usage::int as used, reserved::int from app_public.quota_tracking order by 1',
        ),
      ).toEqual([
        { month: '2026-02-01', used: 60, reserved: 0 },
        { month: '2026-03-01', used: 100, reserved: 0 },
      ])
    }))

  it('without any limit is a note that can be settled all the same', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const id = await reserve(t, 1_000_000)
      expect(await settle(t, id, 5)).toBeUndefined()
      expect(await t.query('select * from app_public.quota_tracking')).toEqual([])
    }))

  it('is of the one who made it, and of those who manage settings', () =>
    withLimit(async (t) => {
      const id = await reserve(t, 10)
      await t.become(db.globex.owner)
      expect([await settle(t, id, 1), await release(t, id)]).toEqual(['QT301', 'QT301'])
      await t.query(`select set_config('rowhouse.user_id', $1, true)`, [db.acme.owner.userId])
      await t.become({ ...db.acme.viewer })
      expect(await release(t, id)).toBe('ID203')
      expect(await t.query('select * from app_public.quota_reservations')).toEqual([])
      await t.become(db.acme.admin)
      expect(await release(t, id)).toBeUndefined()
    }))

  it.each([
    ['tokens', 0, 600, 'QT403'],
    ['tokens', 'NaN', 600, 'QT403'],
    ['tokens', 10, 0, 'QT404'],
    ['tokens', 10, 86_401, 'QT404'],
    ['tokens', 10, null, 'QT404'],
    ['documents', 10, 600, 'QT402'],
  ])('of %s %s for %s s is refused with %s', (type, amount, ttl, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.reserve_quota($1, $2, $3)', [type, amount, ttl])).toBe(code)
    }),
  )

  it('of one person leaves a fifth of a limit to the others, until it ends', () =>
    withLimit(async (t) => {
      expect(await t.errorCode(`select app_public.reserve_quota('tokens', 81)`)).toBe('QT406')
      const id = await reserve(t, 50)
      expect(await t.errorCode(`select app_public.reserve_quota('tokens', 31)`)).toBe('QT406')
      await t.become(db.acme.owner)
      await reserve(t, 50)
      await t.become(db.acme.member)
      expect(await release(t, id)).toBeUndefined()
      await reserve(t, 50)
    }))

  it.each([-1, 'NaN', 1.5, null])('is not settled with %s', (actual) =>
    withLimit(async (t) => {
      const id = await reserve(t, 10)
      expect(await t.errorCode('select app_public.settle_reservation($1, $2)', [id, actual])).toBe('QT403')
    }),
  )

  it('writes an alert when what is settled passes the threshold, not when it is held', () =>
    withLimit(async (t) => {
      const id = await reserve(t, 80)
      await t.become(db.acme.admin)
      expect(await t.value('select count(*)::int from app_public.quota_alerts')).toBe(0)
      await settle(t, id, 80)
      expect(await t.value('select count(*)::int from app_public.quota_alerts')).toBe(1)
    }))
})

describe('any sequence of reserving, settling, releasing, consuming and waiting', () => {
  type Step = { kind: 'reserve' | 'settle' | 'release' | 'consume' | 'wait' | 'task'; amount: number; which: number }
  const steps = fc.array(
    fc.record<Step>({
      kind: fc.constantFrom('reserve', 'reserve', 'settle', 'release', 'consume', 'wait', 'task'),
      amount: fc.integer({ min: 1, max: 60 }),
      which: fc.nat({ max: 20 }),
    }),
    { maxLength: 40 },
  )
  let violations: unknown[] = []
  beforeEach(() => {
    violations = []
  })

  it('keeps settled and held within the limit, and counts each settled amount once', async () => {
    await fc.assert(
      fc.asyncProperty(steps, (drawn) =>
        withLimit(async (t) => {
          let now = 0
          let used = 0
          const open: { id: string; amount: number }[] = []
          for (const { kind, amount, which } of drawn) {
            if (kind === 'wait') {
              now += amount
              await at(t, now)
            } else if (kind === 'consume') used += (await consume(t, amount)) ? 0 : amount
            else if (kind === 'reserve') {
              await t.query('savepoint attempt')
              try {
                open.push({ id: await reserve(t, amount, 100), amount })
              } catch {
                await t.query('rollback to savepoint attempt')
              }
            } else if (kind === 'task') {
              await t.becomeRole('rowhouse_worker')
              await t.query('select metering.expire_reservations()')
              await t.become(db.acme.member)
            } else {
              const [one] = open.splice(which % Math.max(open.length, 1), 1)
              if (!one) continue
              const actual = kind === 'settle' ? Math.min(amount, one.amount) : 0
              const code = kind === 'settle' ? await settle(t, one.id, actual) : await release(t, one.id)
              if (!code) used += actual
            }
            const state = (await counter(t)) as { used: number; reserved: number } | undefined
            if (state && (state.used + state.reserved > 100 || state.used !== used))
              violations.push([drawn, state, used])
          }
          await t.becomeSuperuser()
          violations.push(...(await t.query('select * from metering.verify_quotas()')))
          expect(violations).toEqual([])
        }),
      ),
      { numRuns: 25, seed: 601 },
    )
  })
})
