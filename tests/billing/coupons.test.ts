// Coupons: what they take off, for how long, and that nobody gets more by cancelling, restarting or repeating. The amounts were
// worked out by hand.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, amountsOf, asStaff, differences, invoicesOf, payByInvoice, runBilling } from './helpers.ts'

const db = useDatabase()

const addCoupon = async (t: Transaction, coupon: Record<string, unknown>): Promise<void> => {
  await asStaff(t, db, db.acme.id)
  const terms = { name: coupon.code, duration: 'once', ...coupon }
  await t.query(
    `select app_public.create_coupon(${Object.keys(terms)
      .map((name, i) => `${name} => $${i + 1}`)
      .join(', ')})`,
    Object.values(terms),
  )
}

const begin = async (t: Transaction, { currency = 'USD', componentless = true } = {}): Promise<void> => {
  const components = componentless ? [] : [{ usageType: 'search', model: 'per_unit', unitAmount: 1, included: 60 }]
  await addPlan(t, { slug: 'free', tier: 'free', amount: 0 })
  await addPlan(t, { slug: 'small', amount: 30, currency, components })
  await addPlan(t, { slug: 'large', tier: 'professional', amount: 90, currency, components })
  await addPlan(t, { slug: 'large', tier: 'professional', amount: 900, cycle: 'annual', currency })
  await payByInvoice(t, db.acme.id, { currency })
  await setClock(t, '2025-04-10 15:00Z')
}

const redeem = async (t: Transaction, code: string): Promise<string | undefined> => {
  await t.become(db.acme.owner)
  return t.errorCode('select app_public.redeem_coupon($1)', [code])
}

const owner = async (t: Transaction, call: string): Promise<void> => {
  await t.become(db.acme.owner)
  await t.query(`select app_public.${call}`)
}

const previewed = async (t: Transaction, call: string): Promise<string[]> => {
  await t.become(db.acme.owner)
  const lines = await t.query<{ kind: string; amount: string }>(`select kind, amount::text from app_public.${call}`)
  return lines
    .filter(({ kind }) => !['subtotal', 'tax', 'total'].includes(kind))
    .map(({ kind, amount }) => `${kind} ${amount}`)
}

const totals = async (t: Transaction): Promise<string[]> => (await invoicesOf(t, db.acme.id)).map(({ total }) => total)

describe('a coupon', () => {
  it('takes a percentage off for its number of periods, on a line of its own that can be explained', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await addCoupon(t, { code: 'TWENTY', percent_off: 20, duration: 'repeating', duration_periods: 2 })
      expect(await redeem(t, ' twenty ')).toBeUndefined()
      await owner(t, `start_subscription('small')`)
      const [invoice] = await invoicesOf(t, db.acme.id)
      expect(amountsOf(invoice)).toEqual(['recurring 30.00', 'discount -6.00'])
      await t.become(db.acme.owner)
      expect(
        await t.query(`select explanation, is_equal from app_public.explain_invoice($1) where kind = 'discount'`, [
          invoice?.id,
        ]),
      ).toEqual([{ explanation: '20 % off of a price of 30 × 30 / 30 days', is_equal: true }])
      expect(await previewed(t, 'preview_invoice()')).toEqual(['recurring 30.00', 'discount -6.00'])
      await runBilling(t, db.acme.id, '2025-05-10Z')
      expect(await previewed(t, 'preview_invoice()')).toEqual(['recurring 30.00'])
      await runBilling(t, db.acme.id, '2025-06-10Z')
      expect(await totals(t)).toEqual(['24.00', '24.00', '30.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  // 20 days of 30 are left: 30 × 0.8 × 20/30 = 16 back; 90 × 20/30 = 60 - 12 on top. Then 9 are left: 90 × 0.8 × 9/30 = 21.60 back
  it('is known to the credit of unused days, and an upgrade keeps it, as the preview said', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await addCoupon(t, { code: 'TWENTY', percent_off: 20, duration: 'forever' })
      await redeem(t, 'TWENTY')
      await owner(t, `start_subscription('small')`)
      await setClock(t, '2025-04-20 18:00Z')
      const preview = await previewed(t, `preview_plan_change('large')`)
      expect(preview).toEqual(['proration -16.00', 'proration 60.00', 'discount -12.00'])
      await owner(t, `change_plan('large')`)
      expect(amountsOf((await invoicesOf(t, db.acme.id))[1])).toEqual(preview)
      await setClock(t, '2025-04-30 12:00Z')
      await owner(t, 'cancel_subscription(false)')
      expect(await totals(t)).toEqual(['24.00', '32.00', '-21.60'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('is known to the credit while the invoice of the period is still a draft', () =>
    db.inTransaction(async (t) => {
      await begin(t, { componentless: false })
      await addCoupon(t, { code: 'HALF', percent_off: 50, duration: 'forever' })
      await redeem(t, 'HALF')
      await owner(t, `start_subscription('small')`)
      await runBilling(t, db.acme.id, '2025-05-10 00:00Z')
      await owner(t, 'cancel_subscription(false)')
      const end = (await invoicesOf(t, db.acme.id)).find(({ reason }) => reason === 'end')
      // 30 of 31 days at half the price
      expect(amountsOf(end)).toContain('proration -14.52')
      await runBilling(t, db.acme.id, '2025-05-11Z')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('over the whole price makes a period free, and cancelling it credits nothing', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await addCoupon(t, { code: 'GIFT', amount_off: 50, currency: 'USD' })
      await redeem(t, 'GIFT')
      await owner(t, `start_subscription('small')`)
      await owner(t, 'cancel_subscription(false)')
      expect(await totals(t)).toEqual(['0.00', '0.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  // 30 - 10; 29 of 30 days of 20 back; the same day again: 30 - 10; the next period is at its price
  it('for one period is not for another one after starting again', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await addCoupon(t, { code: 'TEN', amount_off: 10, currency: 'USD' })
      await redeem(t, 'TEN')
      await owner(t, `start_subscription('small')`)
      await owner(t, 'cancel_subscription(false)')
      await owner(t, `start_subscription('small')`)
      await runBilling(t, db.acme.id, '2025-05-10Z')
      expect(await totals(t)).toEqual(['20.00', '-19.33', '20.00', '30.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('for some months is not for a year that begins in them', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await addCoupon(t, { code: 'TRIPLE', percent_off: 50, duration: 'repeating', duration_periods: 3 })
      await redeem(t, 'TRIPLE')
      await owner(t, `start_subscription('small')`)
      await setClock(t, '2025-04-20Z')
      expect(await previewed(t, `preview_plan_change('large', 'annual')`)).toEqual([
        'proration -10.00',
        'recurring 900.00',
      ])
      await owner(t, `change_plan('large', 'annual')`)
      expect(await totals(t)).toEqual(['15.00', '-10.00', '900.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('never leaves less than the credit of the whole period gives back, to the smallest unit', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      expect(
        await t.query(
          `select x from (
             select billing.prorated_amount(p.amount, 30, 30, 'USD') - billing.discount_amount(c, p, 30, 30) as net,
                    billing.prorated_amount(p.amount * billing.discounted_share(c, p), 30, 30, 'USD') as credit, (a, o) as x
               from generate_series(1, 60) a, generate_series(1, 99, 7) o,
                    lateral (select (jsonb_populate_record(null::app_public.plan_prices, jsonb_build_object('amount', a * 0.007, 'currency', 'USD'))).*) p,
                    lateral (select (jsonb_populate_record(null::app_public.coupons, jsonb_build_object('percent_off', o))).*) c) r
            where credit > net`,
        ),
      ).toEqual([])
    }))
})

describe('redeeming', () => {
  it('needs the permission, and a code that is there, in time and not used up', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await addCoupon(t, { code: 'OLD', percent_off: 5, redeem_by: '2025-04-10 15:00Z' })
      await addCoupon(t, { code: 'RARE', percent_off: 5, max_redemptions: 1 })
      await t.becomeSuperuser()
      await t.query(`update app_public.coupons set redemption_count = 1 where code = 'RARE'`)
      await t.become(db.acme.admin)
      expect(await t.errorCode(`select app_public.create_coupon('MINE', 'x', 'forever', 100)`)).toBe('TN205')
      expect(await t.errorCode(`select app_public.redeem_coupon('RARE')`)).toBe('ID203')
      expect(await redeem(t, 'NONE')).toBe('LB312')
      expect(await redeem(t, 'OLD')).toBe('LB530')
      expect(await redeem(t, 'RARE')).toBe('LB530')
    }))

  it('is for prices in the currency of the coupon', () =>
    db.inTransaction(async (t) => {
      await begin(t, { currency: 'JPY' })
      await addCoupon(t, { code: 'TEN', amount_off: 10, currency: 'USD' })
      expect(await redeem(t, 'TEN')).toBe('LB531')
      await t.becomeSuperuser()
      expect(await t.value(`select redemption_count from app_public.coupons`)).toBe(0)
      expect(
        await t.errorCode(
          `insert into app_public.coupons (code, name, amount_off, currency, duration) values ('YEN', 'x', 0.5, 'JPY', 'once')`,
        ),
      ).toBe('23514')
    }))

  it('happens once for each coupon, and one coupon applies at a time', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      for (const code of ['ONE', 'TWO']) await addCoupon(t, { code, percent_off: 10 })
      expect(await redeem(t, 'ONE')).toBeUndefined()
      expect(await redeem(t, 'TWO')).toBe('LB532')
      await owner(t, `start_subscription('small')`)
      expect(await redeem(t, 'TWO')).toBe('LB532')
      await runBilling(t, db.acme.id, '2025-05-10 12:00Z')
      expect(await redeem(t, 'ONE')).toBe('LB532')
      expect(await redeem(t, 'TWO')).toBeUndefined()
      await runBilling(t, db.acme.id, '2025-06-10 12:00Z')
      expect(await totals(t)).toEqual(['27.00', '30.00', '27.00'])
    }))

  it('shows the coupon to the tenant, and no other coupon', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      for (const code of ['ONE', 'TWO']) await addCoupon(t, { code, percent_off: 10 })
      await redeem(t, 'ONE')
      expect(await t.query('select code, redemption_count from app_public.coupons')).toEqual([
        { code: 'ONE', redemption_count: 1 },
      ])
      await t.become(db.acme.member)
      expect(await t.query('select code from app_public.coupons')).toEqual([])
    }))
})

it('the terms of a coupon never change, also not by a superuser', () =>
  db.inTransaction(async (t) => {
    await addCoupon(t, { code: 'ONE', percent_off: 10 })
    await asStaff(t, db, db.acme.id)
    await t.query(`update app_public.coupons set redeem_by = core.clock()`)
    expect(await t.errorCode(`update app_public.coupons set percent_off = 90`)).toBe('42501')
    await t.becomeSuperuser()
    expect(await t.errorCode(`update app_public.coupons set percent_off = 90`)).toBe('LB533')
  }))
