// Seats: more of them are charged at once for the rest of the period, fewer hold from the next one, members never outnumber
// them, and no order of changes makes a day with seats cheaper than they cost. The amounts were worked out by hand.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, amountsOf, asStaff, differences, invoicesOf, payByInvoice, runBilling } from './helpers.ts'

const db = useDatabase()

// April has 30 days, so a seat costs 1 a day, and the plan includes ten
const begin = async (t: Transaction, trialDays = 0): Promise<void> => {
  await addPlan(t, { slug: 'team', amount: 60, seatAmount: 30, includedSeats: 10, trialDays })
  await addPlan(t, { slug: 'firm', amount: 90, seatAmount: 60, includedSeats: 11 })
  await addPlan(t, { slug: 'large', tier: 'professional', amount: 900 })
  await payByInvoice(t, db.acme.id)
  await setClock(t, '2025-04-01 00:00Z')
  await owner(t, `start_subscription('team')`)
}

const owner = async (t: Transaction, call: string): Promise<void> => {
  await t.become(db.acme.owner)
  await t.query(`select app_public.${call}`)
}

const refused = async (t: Transaction, call: string): Promise<string | undefined> => {
  await t.become(db.acme.owner)
  return t.errorCode(`select app_public.${call}`)
}

const previewed = async (t: Transaction, call: string): Promise<string[]> => {
  await t.become(db.acme.owner)
  const lines = await t.query<{ kind: string; amount: string }>(`select kind, amount::text from app_public.${call}`)
  return lines.filter(({ kind }) => !/total|tax/.test(kind)).map(({ kind, amount }) => `${kind} ${amount}`)
}

const billed = async (t: Transaction): Promise<string[][]> => (await invoicesOf(t, db.acme.id)).map(amountsOf)

const sumBilled = async (t: Transaction): Promise<number> =>
  (await invoicesOf(t, db.acme.id)).reduce((sum, { total }) => sum + Number(total), 0)

const seatsOf = async (t: Transaction): Promise<unknown> => {
  await t.becomeSuperuser()
  const [row] = await t.query(
    'select seats, pending_seats from app_public.subscriptions where tenant_id = $1 and ended_at is null and not is_add_on',
    [db.acme.id],
  )
  return row
}

const membersOf = (t: Transaction): Promise<number> =>
  t.value<number>(
    `select count(*)::int from app_public.user_tenants m join app_public.tenants t on t.id = m.tenant_id
      where (t.id = $1 or t.ancestor_ids @> array[$1::uuid]) and m.status = 'active'`,
    [db.acme.id],
  )

/** The limit of members that is enforced, shown as entitlement and shown as quota. */
const limits = async (t: Transaction): Promise<unknown[]> => {
  await t.becomeSuperuser()
  const enforced = await t.value(
    `select quota_limit::int from app_public.usage_quotas where tenant_id = $1 and quota_type = 'users' and source = 'plan'`,
    [db.acme.id],
  )
  await t.become(db.acme.owner)
  return [
    enforced,
    await t.value(`select quota_limit::int from app_public.entitlements() where kind = 'quota' and key = 'users'`),
  ]
}

describe('seats', () => {
  it('are charged at once for the rest of the period, as the preview says, and the quota of users follows', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      expect(await limits(t)).toEqual([10, 10])
      await setClock(t, '2025-04-16 12:00Z')
      const lines = await previewed(t, 'preview_seats(12)')
      expect(lines).toEqual(['proration -30.00', 'proration 60.00'])
      await owner(t, 'set_seats(12)')
      expect(await billed(t)).toEqual([['recurring 60.00'], lines])
      expect(await limits(t)).toEqual([12, 12])
      const next = await previewed(t, 'preview_invoice()')
      await runBilling(t, db.acme.id, '2025-05-01 01:00Z')
      expect((await billed(t)).at(-1)).toEqual(next)
      expect(next).toEqual(['recurring 120.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('are fewer only from the next period, and setting the present number again undoes that', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, 'set_seats(15)')
      await owner(t, 'set_seats(11)')
      expect(await limits(t)).toEqual([15, 15])
      expect(await seatsOf(t)).toEqual({ seats: 15, pending_seats: 11 })
      await owner(t, 'set_seats(15)')
      expect(await seatsOf(t)).toEqual({ seats: 15, pending_seats: null })
      const lines = await previewed(t, 'preview_seats(11)')
      await owner(t, 'set_seats(11)')
      await runBilling(t, db.acme.id, '2025-05-01 01:00Z')
      expect((await billed(t)).at(-1)).toEqual(lines)
      expect(lines).toEqual(['recurring 90.00'])
      expect(await limits(t)).toEqual([11, 11])
    }))

  it('are not cheaper when they are added at night and removed at dawn of each day', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      for (let day = 1; day <= 30; day += 1) {
        const date = `2025-04-${String(day).padStart(2, '0')}`
        await setClock(t, `${date} 00:00Z`)
        await owner(t, 'set_seats(20)')
        await setClock(t, `${date} 06:00Z`)
        await owner(t, 'set_seats(10)')
      }
      expect(await sumBilled(t)).toBe(360)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('cost each day that they were held when they are cancelled or paused, and the rest is credited once', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, 'set_seats(20)')
      await setClock(t, '2025-04-10 12:00Z')
      await owner(t, 'pause_subscription()')
      expect(await sumBilled(t)).toBe(120)
      await setClock(t, '2025-04-13 12:00Z')
      await owner(t, 'resume_subscription()')
      expect(await sumBilled(t)).toBe(336)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('are kept by an upgrade, which compares the prices with them and previews what it bills', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, 'set_seats(12)')
      await setClock(t, '2025-04-16 12:00Z')
      const lines = await previewed(t, `preview_plan_change('firm')`)
      expect(lines).toEqual(['proration -60.00', 'proration 75.00'])
      await owner(t, `change_plan('firm')`)
      expect((await billed(t)).at(-1)).toEqual(lines)
      await owner(t, `change_plan('large')`)
      expect(await seatsOf(t)).toEqual({ seats: null, pending_seats: null })
      expect(await refused(t, 'set_seats(12)')).toBe('LB541')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('are discounted by a percentage, and no more is credited than was charged', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, { slug: 'team', amount: 60, seatAmount: 30, includedSeats: 10 })
      await t.query(
        `insert into app_public.coupons (code, name, percent_off, duration) values ('HALF', 'Half', 50, 'forever')`,
      )
      await payByInvoice(t, db.acme.id)
      await setClock(t, '2025-04-01 00:00Z')
      await owner(t, `redeem_coupon('HALF')`)
      await owner(t, `start_subscription('team')`)
      await setClock(t, '2025-04-16 00:00Z')
      await owner(t, 'set_seats(12)')
      expect((await billed(t)).at(-1)).toEqual(['proration -15.00', 'proration 60.00', 'discount -30.00'])
      await setClock(t, '2025-04-20 12:00Z')
      await owner(t, 'cancel_subscription(false)')
      // 15 days of 1 and 5 days of 2
      expect(await sumBilled(t)).toBe(25)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('with an amount off, one coupon takes its amount off once, however often seats are added', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, { slug: 'team', amount: 60, seatAmount: 30, includedSeats: 10 })
      await t.query(
        `insert into app_public.coupons (code, name, amount_off, currency, duration) values ('OFF', 'Off', 30, 'USD', 'forever')`,
      )
      await payByInvoice(t, db.acme.id)
      await setClock(t, '2025-04-01 00:00Z')
      await owner(t, `redeem_coupon('OFF')`)
      await owner(t, `start_subscription('team')`)
      for (const seats of [11, 13, 14]) await owner(t, `set_seats(${seats})`)
      expect(await sumBilled(t)).toBeCloseTo(60 + 4 * 30 - 30, 1)
    }))

  it('are never fewer than the members, of children as well: such a decrease is refused', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, { slug: 'pair', amount: 60, seatAmount: 30 })
      await payByInvoice(t, db.acme.id)
      const members = await membersOf(t)
      await setClock(t, '2025-04-01 00:00Z')
      await owner(t, `start_subscription('pair')`)
      expect(members).toBeGreaterThan(1)
      expect(await seatsOf(t)).toEqual({ seats: members, pending_seats: null })
      expect(await billed(t)).toEqual([[`recurring ${60 + 30 * (members - 1)}.00`]])
      await owner(t, `set_seats(${members + 1})`)
      expect(await refused(t, `set_seats(${members - 1})`)).toBe('LB542')
      await owner(t, `set_seats(${members})`)
      // one who comes before the decrease holds keeps the seat
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.user_tenants (tenant_id, user_id, role, status)
         select $1, u.id, 'member', 'active' from app_public.user_profiles u
          where not exists (select from app_public.user_tenants m where m.tenant_id = $1 and m.user_id = u.id) limit 1`,
        [db.acme.id],
      )
      await runBilling(t, db.acme.id, '2025-05-01 01:00Z')
      expect(await seatsOf(t)).toEqual({ seats: members + 1, pending_seats: null })
    }))

  it('are of the base alone: the users that an add-on gives come on top of them and need none', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, { slug: 'pair', amount: 60, seatAmount: 30 })
      await addPlan(t, { slug: 'guests', amount: 15, seatAmount: 30, isAddOn: true })
      await payByInvoice(t, db.acme.id)
      const members = await membersOf(t)
      await t.query(
        `insert into app_public.plan_entitlements (plan_id, kind, key, quota_limit)
         select p.id, 'quota', 'users', case when p.is_add_on then $1::int - 1 else 1000 end
           from app_public.plans p where p.slug in ('pair', 'guests')`,
        [members],
      )
      await setClock(t, '2025-04-01 00:00Z')
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.add_credit(5000, 'Paid in advance')`)
      await owner(t, `start_subscription('pair')`)
      expect(await limits(t)).toEqual([members, members])
      expect(await refused(t, 'set_seats(1)')).toBe('LB542')
      await owner(t, `start_subscription('guests')`)
      expect(await limits(t)).toEqual([2 * members - 1, 2 * members - 1])
      expect((await billed(t)).at(-1)).toEqual(['recurring 15.00'])

      await owner(t, 'set_seats(1)')
      await runBilling(t, db.acme.id, '2025-05-01 01:00Z')
      expect(await seatsOf(t)).toEqual({ seats: 1, pending_seats: null })
      expect(await limits(t)).toEqual([members, members])
      // a pause takes the add-on along, and so does its end, in the same period or a later one
      for (const [paused, resumed] of [
        ['2025-05-10', '2025-05-12'],
        ['2025-05-20', '2025-06-03'],
      ]) {
        await setClock(t, `${paused} 12:00Z`)
        await owner(t, 'pause_subscription()')
        await setClock(t, `${resumed} 12:00Z`)
        await owner(t, 'resume_subscription()')
        expect(await seatsOf(t)).toEqual({ seats: 1, pending_seats: null })
        expect(await limits(t)).toEqual([members, members])
      }
      // those whom no add-on gives any more have seats from the next period
      await owner(t, `cancel_subscription(false, 'guests')`)
      expect(await limits(t)).toEqual([1, 1])
      await runBilling(t, db.acme.id, '2025-07-01 01:00Z')
      expect(await seatsOf(t)).toEqual({ seats: members, pending_seats: null })
      expect(await limits(t)).toEqual([members, members])

      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.override_entitlement('quota', 'users', quota_limit => 3)`)
      await t.become(db.acme.owner)
      expect(
        await t.value(`select quota_limit::int from app_public.entitlements() where kind = 'quota' and key = 'users'`),
      ).toBe(3)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('are free in a trial and need a way to pay there, and its first period charges them', () =>
    db.inTransaction(async (t) => {
      await begin(t, 14)
      await owner(t, 'set_seats(12)')
      expect(await billed(t)).toEqual([])
      await runBilling(t, db.acme.id, '2025-04-16 01:00Z')
      expect(await billed(t)).toEqual([['recurring 120.00']])
      await t.becomeSuperuser()
      await t.query(`update app_public.billing_profiles set collection_method = 'automatic' where tenant_id = $1`, [
        db.acme.id,
      ])
      expect(await refused(t, 'set_seats(13)')).toBe('LB508')
    }))

  it('are bounded, and only who manages billing sets them', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      for (const quantity of ['0', '-1', '9', '100001', '2147483647', 'null'])
        expect([quantity, await refused(t, `set_seats(${quantity})`)]).toEqual([quantity, 'LB441'])
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.set_seats(12)')).toBe('ID203')
      expect(await t.errorCode('select * from app_public.preview_seats(12)')).toBe('ID203')
      await owner(t, 'cancel_subscription()')
      expect(await refused(t, 'set_seats(12)')).toBe('LB510')
    }))

  it('are a part of the version of a price', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await asStaff(t, db, db.platform.id)
      const add = (rest: string): Promise<string | undefined> =>
        t.errorCode(`select app_public.add_plan_price('team', 'EUR', ${rest})`)
      expect(await add('30, seat_amount => 0')).toBe('23514')
      expect(await add(`30, seat_amount => 'NaN'`)).toBe('23514')
      expect(await add('0, seat_amount => 10')).toBe('23514')
      expect(await add('30, seat_amount => 10000000')).toBe('23514')
      expect(await add('30, included_seats => 2')).toBe('23514')
      expect(await add('30, seat_amount => 10, included_seats => 2')).toBeUndefined()
    }))
})
