// The life of a subscription, by the clock: trials, changes, cancellations, pauses, and what each of them bills. The
// amounts were worked out by hand.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, amountsOf, asStaff, differences, invoicesOf, payByInvoice, runBilling } from './helpers.ts'

const db = useDatabase()

const subscription = async (t: Transaction): Promise<Record<string, unknown>> => {
  await t.becomeSuperuser()
  const [row] = await t.query(
    `select s.status::text, p.slug as plan, s.current_period_start at time zone s.timezone as start,
            to_char(s.current_period_end at time zone s.timezone, 'YYYY-MM-DD') as "end", s.cancel_at_period_end,
            t.subscription_tier as tier, t.subscription_status as "tenantStatus"
       from app_public.subscriptions s join app_public.plans p on p.id = s.plan_id join app_public.tenants t on t.id = s.tenant_id
      where s.tenant_id = $1 order by s.created_at desc, s.ended_at desc nulls first limit 1`,
    [db.acme.id],
  )
  return row ?? {}
}

const plans = async (t: Transaction): Promise<void> => {
  await addPlan(t, { slug: 'free', tier: 'free', amount: 0 })
  await addPlan(t, { slug: 'small', amount: 30, trialDays: 14 })
  await addPlan(t, { slug: 'small', amount: 300, cycle: 'annual' })
  await addPlan(t, { slug: 'large', tier: 'professional', amount: 90, trialDays: 14 })
  await addPlan(t, { slug: 'large', tier: 'professional', amount: 900, cycle: 'annual' })
}

const begin = async (
  t: Transaction,
  at: string,
  { plan = 'small', cycle = 'monthly', trial = false, timezone = 'UTC' } = {},
) => {
  await plans(t)
  await payByInvoice(t, db.acme.id, { timezone })
  await setClock(t, at)
  await t.become(db.acme.owner)
  await t.query('select app_public.start_subscription($1, $2::app_public.billing_cycle_enum, $3)', [
    plan,
    cycle,
    !trial,
  ])
}

describe('starting', () => {
  it('without a trial bills the first period at once and gives the tenant its tier', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10 15:00Z')
      expect(await subscription(t)).toMatchObject({
        status: 'active',
        end: '2025-05-10',
        tier: 'standard',
        tenantStatus: 'active',
      })
      const [invoice] = await invoicesOf(t, db.acme.id)
      expect([invoice?.status, invoice?.number, amountsOf(invoice)]).toEqual([
        'finalised',
        'INV-000001',
        ['recurring 30.00'],
      ])
    }))

  it('needs the permission, a plan that is there, and a way to be paid', () =>
    db.inTransaction(async (t) => {
      await plans(t)
      await t.become(db.acme.admin)
      expect(await t.errorCode(`select app_public.start_subscription('small')`)).toBe('ID203')
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.start_subscription('none')`)).toBe('LB301')
      expect(await t.errorCode(`select app_public.start_subscription('small', 'monthly', true)`)).toBe('LB508')
      expect(await t.errorCode(`select app_public.start_subscription('free', 'annual')`)).toBe('LB302')
      expect(await t.errorCode(`select app_public.start_subscription('free')`)).toBeUndefined()
      expect(await t.errorCode(`select app_public.start_subscription('free')`)).toBe('LB507')
    }))

  it('a deal for one tenant is seen and started there only, not elsewhere by staff', () =>
    db.inTransaction(async (t) => {
      for (const [slug, tenant] of [
        ['deal', db.acme],
        ['other-deal', db.globex],
      ] as const) {
        await addPlan(t, { slug, amount: 0 })
        await t.query('update app_public.plans set is_public = false, only_for_tenant_id = $2 where slug = $1', [
          slug,
          tenant.id,
        ])
      }
      expect(await t.errorCode('update app_public.plans set is_public = true')).toBe('23514')
      await t.become(db.acme.member)
      expect(await t.query(`select slug from app_public.plans where slug like '%deal'`)).toEqual([{ slug: 'deal' }])
      expect(await t.value(`select count(*)::int from app_public.plan_prices`)).toBe(1)
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode(`select app_public.start_subscription('other-deal')`)).toBe('LB301')
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.start_subscription('other-deal')`)).toBe('LB301')
      expect(await t.errorCode(`select app_public.start_subscription('deal')`)).toBeUndefined()
    }))

  it('a customer chooses the day on which periods begin, and the rest of the first one is billed', () =>
    db.inTransaction(async (t) => {
      await plans(t)
      await payByInvoice(t, db.acme.id, { timezone: 'Europe/Berlin' })
      await setClock(t, '2025-03-09 23:30Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.start_subscription('small', skip_trial => true, anchor_day => 31)`)
      // from 28 February, because it has no 31st, to 31 March, and today is 10 March there
      expect(await subscription(t)).toMatchObject({ end: '2025-03-31' })
      expect((await invoicesOf(t, db.acme.id)).map(amountsOf)).toEqual([['proration 20.32']])
      await runBilling(t, db.acme.id, '2025-04-01Z')
      expect(await subscription(t)).toMatchObject({ end: '2025-04-30' })
      expect((await invoicesOf(t, db.acme.id)).map(amountsOf)).toEqual([['proration 20.32'], ['recurring 30.00']])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('the first year from a chosen day is prorated, too', () =>
    db.inTransaction(async (t) => {
      await plans(t)
      await payByInvoice(t, db.acme.id)
      await setClock(t, '2025-04-10Z')
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.start_subscription('small', 'annual', true, 1)`)
      expect(await subscription(t)).toMatchObject({ end: '2026-04-01' })
      // 300 × 356 / 365
      expect((await invoicesOf(t, db.acme.id)).map(amountsOf)).toEqual([['proration 292.60']])
    }))

  it('a chosen day is one of a month, without a trial, and is not heard within a period that was begun', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await t.query('select app_public.cancel_subscription(false)')
      await setClock(t, '2025-04-20Z')
      const start = (day: number | string) =>
        t.errorCode(`select app_public.start_subscription('small', skip_trial => true, anchor_day => ${day})`)
      for (const day of [0, 32, -1, 2147483647]) expect(await start(day)).toBe('LB440')
      expect(await t.errorCode(`select app_public.start_subscription('small', anchor_day => 1)`)).toBe('LB440')
      // the period that was begun goes on
      expect(await start(21)).toBeUndefined()
      expect(await subscription(t)).toMatchObject({ end: '2025-05-10' })
    }))

  it('a free plan makes no invoices', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z', { plan: 'free' })
      await runBilling(t, db.acme.id, '2025-09-10Z')
      expect(await invoicesOf(t, db.acme.id)).toEqual([])
    }))
})

describe('a trial', () => {
  it('lasts whole days', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10 15:00Z', { trial: true })
      expect(await subscription(t)).toMatchObject({ status: 'trialing', end: '2025-04-25', tenantStatus: 'trial' })
    }))

  it('reminds 7, 3 and 1 days before its end, once each', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10 15:00Z', { trial: true })
      for (const at of ['04-17 23:59', '04-18 00:00', '04-18 01:00', '04-22 00:30', '04-24 12:00', '04-24 13:00'])
        await runBilling(t, db.acme.id, `2025-${at}Z`)
      await t.become(db.acme.owner)
      expect(
        await t.query(
          `select message from app_public.billing_notices where kind = 'trial_ending' order by occurred_at`,
        ),
      ).toEqual([
        { message: 'The trial ends in 7 days.' },
        { message: 'The trial ends in 3 days.' },
        { message: 'The trial ends in one day.' },
      ])
    }))

  it('bills nothing until its end, and then the first period', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10 15:00Z', { trial: true })
      await runBilling(t, db.acme.id, '2025-04-24 13:00Z')
      expect(await invoicesOf(t, db.acme.id)).toEqual([])
      await runBilling(t, db.acme.id, '2025-04-25 00:00Z')
      expect(await subscription(t)).toMatchObject({ status: 'active', end: '2025-05-25' })
      expect((await invoicesOf(t, db.acme.id)).map(amountsOf)).toEqual([['recurring 30.00']])
    }))

  it('is extended by staff by whole days, reminds anew, and ends then', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10 15:00Z', { trial: true, timezone: 'Europe/Berlin' })
      await runBilling(t, db.acme.id, '2025-04-24 13:00Z')
      await t.become(db.acme.owner)
      expect(await t.errorCode('select app_public.extend_trial(7)')).toBe('TN205')
      await asStaff(t, db, db.acme.id)
      for (const days of ['0', '-1', 'null', '352'])
        expect(await t.errorCode(`select app_public.extend_trial(${days})`)).toBe('LB409')
      await t.query('select app_public.extend_trial(7)')
      expect(await subscription(t)).toMatchObject({ status: 'trialing', end: '2025-05-02' })
      await runBilling(t, db.acme.id, '2025-05-01 13:00Z')
      await t.become(db.acme.owner)
      expect(
        await t.value(
          `select count(*)::int from app_public.billing_notices where message = 'The trial ends in one day.'`,
        ),
      ).toBe(2)
      expect(await invoicesOf(t, db.acme.id)).toEqual([])
      await runBilling(t, db.acme.id, '2025-05-01 22:00Z')
      expect(await subscription(t)).toMatchObject({ status: 'active', end: '2025-06-02' })
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode('select app_public.extend_trial(7)')).toBe('LB534')
    }))

  it('expires without a payment method, and there is no second one', () =>
    db.inTransaction(async (t) => {
      await plans(t)
      await setClock(t, '2025-04-10Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.start_subscription('small')`)
      await runBilling(t, db.acme.id, '2025-06-01Z')
      expect(await subscription(t)).toMatchObject({ status: 'expired', tier: 'free', tenantStatus: 'inactive' })
      await payByInvoice(t, db.acme.id)
      await t.become(db.acme.owner)
      await t.query(`select app_public.start_subscription('small')`)
      expect(await t.value(`select status::text from app_public.current_subscription()`)).toBe('active')
    }))

  it('that is cancelled to its end changes its plan only when it is resumed', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z', { trial: true })
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_subscription()`)
      expect(await t.errorCode(`select app_public.change_plan('large')`)).toBe('LB510')
      await t.query(`select app_public.resume_subscription()`)
      await t.query(`select app_public.change_plan('large')`)
      expect(await subscription(t)).toMatchObject({ status: 'trialing', plan: 'large', tier: 'professional' })
    }))

  it('goes on only with a plan that has a trial or costs nothing, and with a way to pay', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, { slug: 'huge', tier: 'enterprise', amount: 900 })
      await begin(t, '2025-04-10Z', { trial: true })
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.change_plan('huge')`)).toBe('LB529')
      await t.becomeSuperuser()
      await t.query(`update app_public.billing_profiles set collection_method = 'automatic'`)
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.change_plan('large')`)).toBe('LB508')
      expect(await subscription(t)).toMatchObject({ status: 'trialing', plan: 'small' })
      await t.become(db.acme.owner)
      await t.query(`select app_public.change_plan('free')`)
      expect(await subscription(t)).toMatchObject({ status: 'trialing', plan: 'free' })
    }))

  it('that changed its plan and is cancelled bills nothing at its end', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z', { trial: true })
      await t.become(db.acme.owner)
      await t.query(`select app_public.change_plan('large')`)
      await t.query(`select app_public.cancel_subscription()`)
      await runBilling(t, db.acme.id, '2025-05-01Z')
      expect(await subscription(t)).toMatchObject({ status: 'cancelled' })
      expect(await invoicesOf(t, db.acme.id)).toEqual([])
    }))
})

describe('a change of plan', () => {
  // 10 April to 10 May: 30 days; on 20 April 20 are left: 30 × 20/30 = 20 back, 90 × 20/30 = 60 on top
  it('upward holds at once: unused days are credited and charged anew, as the preview said', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10 15:00Z')
      await setClock(t, '2025-04-20 18:00Z')
      await t.become(db.acme.owner)
      const preview = await t.query(`select kind, amount::text from app_public.preview_plan_change('large')`)
      expect(preview).toEqual([
        { kind: 'proration', amount: '-20.00' },
        { kind: 'proration', amount: '60.00' },
        { kind: 'subtotal', amount: '40.00' },
        { kind: 'tax', amount: '0.00' },
        { kind: 'total', amount: '40.00' },
      ])
      expect((await t.query(`select plan_id from app_public.subscriptions`)).length).toBe(1)
      await t.query(`select app_public.change_plan('large')`)
      expect(await subscription(t)).toMatchObject({ plan: 'large', end: '2025-05-10', tier: 'professional' })
      const [, change] = await invoicesOf(t, db.acme.id)
      expect([change?.reason, amountsOf(change), change?.total]).toEqual([
        'change',
        ['proration -20.00', 'proration 60.00'],
        '40.00',
      ])
      await runBilling(t, db.acme.id, '2025-05-10 02:00Z')
      expect((await invoicesOf(t, db.acme.id)).map(({ total }) => total)).toEqual(['30.00', '40.00', '90.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('between plans without a price makes no document and takes no number', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, { slug: 'guest', tier: 'standard', amount: 0 })
      await begin(t, '2025-04-10Z', { plan: 'free' })
      await t.become(db.acme.owner)
      await t.query(`select app_public.change_plan('guest')`)
      expect(await subscription(t)).toMatchObject({ plan: 'guest' })
      expect(await invoicesOf(t, db.acme.id)).toEqual([])
      expect(await t.value('select count(*)::int from billing.invoice_numbers')).toBe(0)
    }))

  it('downward waits for the end of the period, and can be taken back until then', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z', { plan: 'large' })
      await setClock(t, '2025-04-20Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.change_plan('small')`)
      await t.query(`select app_public.change_plan('large')`)
      expect(await t.value(`select pending_plan_id from app_public.current_subscription()`)).toBeNull()
      await t.query(`select app_public.change_plan('small')`)
      expect(await subscription(t)).toMatchObject({ plan: 'large', tier: 'professional' })
      await runBilling(t, db.acme.id, '2025-05-10Z')
      expect(await subscription(t)).toMatchObject({ plan: 'small', tier: 'standard' })
      expect((await invoicesOf(t, db.acme.id)).map(({ total }) => total)).toEqual(['90.00', '30.00'])
    }))

  // 10 days of 30 are used: 30 × 20/30 = 20 back, then a year of the larger plan from today
  it('upward with another cycle begins a period anew', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await setClock(t, '2025-04-20 09:00Z')
      await t.become(db.acme.owner)
      const total = await t.value(
        `select amount::text from app_public.preview_plan_change('large', 'annual') where kind = 'total'`,
      )
      expect(total).toBe('880.00')
      await t.query(`select app_public.change_plan('large', 'annual')`)
      expect(await subscription(t)).toMatchObject({ plan: 'large', end: '2026-04-20' })
      expect((await invoicesOf(t, db.acme.id)).map((i) => [i.reason, i.total])).toEqual([
        ['period', '30.00'],
        ['end', '-20.00'],
        ['period', '900.00'],
      ])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('to the other cycle alone waits, and then counts from its own first day', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-01-31Z')
      await t.become(db.acme.owner)
      expect(
        await t.query(`select kind, amount::text from app_public.preview_plan_change('small', 'annual') limit 1`),
      ).toEqual([{ kind: 'recurring', amount: '300.00' }])
      await t.query(`select app_public.change_plan('small', 'annual')`)
      await runBilling(t, db.acme.id, '2025-02-28Z')
      expect(await subscription(t)).toMatchObject({ plan: 'small', end: '2026-02-28' })
    }))
})

/** Staff record that everything that is open was paid. */
const payAll = async (t: Transaction): Promise<void> => {
  await asStaff(t, db, db.acme.id)
  await t.query(`select app_public.record_payment(id, amount_due) from app_public.invoices where amount_due > 0`)
  await t.become(db.acme.owner)
}

const credit = (t: Transaction): Promise<string> =>
  t.value(`select app_public.billing_profiles_credit_balance(p)::text from app_public.billing_profiles p`)

describe('ending', () => {
  it('with the period makes no further invoice', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_subscription()`)
      await runBilling(t, db.acme.id, '2025-05-10Z')
      expect(await subscription(t)).toMatchObject({ status: 'cancelled', tier: 'free', tenantStatus: 'cancelled' })
      expect(await invoicesOf(t, db.acme.id)).toHaveLength(1)
    }))

  it('with the period can be taken back by resuming, once', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_subscription()`)
      await t.query(`select app_public.resume_subscription()`)
      expect(await t.errorCode(`select app_public.resume_subscription()`)).toBe('LB512')
      expect(await t.errorCode(`select app_public.cancel_subscription()`)).toBeUndefined()
    }))

  it('leaves nothing to cancel, and a new one can be started', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_subscription()`)
      await runBilling(t, db.acme.id, '2025-05-10Z')
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.cancel_subscription()`)).toBe('LB303')
      await payAll(t)
      expect(await t.errorCode(`select app_public.start_subscription('small')`)).toBeUndefined()
    }))

  it('leaves debts, and a debtor cannot start again', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_subscription()`)
      await runBilling(t, db.acme.id, '2025-05-10Z')
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.start_subscription('small')`)).toBe('LB513')
    }))

  // 24 days are left after the day of the end: 30 × 24/30 = 24 are owed no more, and nothing becomes credit
  it('at once reduces what is owed by the unused days', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await setClock(t, '2025-04-15 10:00Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_subscription(false)`)
      expect(await credit(t)).toBe('0.00')
      expect(
        await t.query(`select total::text, amount_due::text from app_public.invoices order by sequence_number`),
      ).toEqual([
        { total: '30.00', amount_due: '6.00' },
        { total: '-24.00', amount_due: '0' },
      ])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  // 24 days come back; started again on the same day, the same period goes on: 25 days for 25
  it('at once credits the unused days that were paid, which the next invoice uses', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await payAll(t)
      await setClock(t, '2025-04-15 10:00Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_subscription(false)`)
      expect(await credit(t)).toBe('24.00')
      await t.query(`select app_public.start_subscription('small', 'monthly', true)`)
      expect(
        await t.query(
          `select total::text, amount_credited::text, amount_due::text from app_public.invoices order by sequence_number`,
        ),
      ).toEqual([
        { total: '30.00', amount_credited: '0', amount_due: '0' },
        { total: '-24.00', amount_credited: '0', amount_due: '0' },
        { total: '25.00', amount_credited: '24.00', amount_due: '1.00' },
      ])
      expect(await subscription(t)).toMatchObject({ end: '2025-05-10' })
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  // half of the invoice was taken back by staff, so half of the unused days comes back: 15 × 24/30 = 12
  it('at once credits no more than was charged after credit notes', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      const [invoice] = await invoicesOf(t, db.acme.id)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.create_credit_note($1, 15)`, [invoice?.id])
      await payAll(t)
      await setClock(t, '2025-04-15 10:00Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_subscription(false)`)
      expect(await credit(t)).toBe('12.00')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('comes with the end of the tenant, with a final invoice', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await setClock(t, '2025-04-15 10:00Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_tenant('we stop')`)
      expect(await subscription(t)).toMatchObject({ status: 'cancelled' })
      expect((await invoicesOf(t, db.acme.id)).map(({ total }) => total)).toEqual(['30.00', '-24.00'])
    }))

  it('is always possible, in a tenant that was suspended, too', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await t.becomeSuperuser()
      await t.query(`select tenancy.set_tenant_status($1, 'suspended', 'unpaid')`, [db.acme.id])
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.cancel_subscription(false)`)).toBeUndefined()
    }))

  const pause = async (t: Transaction): Promise<void> => {
    await begin(t, '2025-04-10Z')
    await setClock(t, '2025-04-15Z')
    await t.become(db.acme.owner)
    await t.query(`select app_public.pause_subscription()`)
  }

  it('a pause gives the free plan and suspends the tenant', () =>
    db.inTransaction(async (t) => {
      await pause(t)
      expect(await subscription(t)).toMatchObject({ status: 'paused', tier: 'free', tenantStatus: 'suspended' })
      await runBilling(t, db.acme.id, '2025-04-20Z')
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.pause_subscription()`)).toBe('LB511')
    }))

  it('a pause credits the unused days', () =>
    db.inTransaction(async (t) => {
      await pause(t)
      await runBilling(t, db.acme.id, '2025-04-20Z')
      expect((await invoicesOf(t, db.acme.id)).map(({ total }) => total)).toEqual(['30.00', '-24.00'])
    }))

  it('resuming after a pause goes on in the period and bills the rest of it', () =>
    db.inTransaction(async (t) => {
      await pause(t)
      await runBilling(t, db.acme.id, '2025-04-20Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.resume_subscription()`)
      expect(await subscription(t)).toMatchObject({ status: 'active', end: '2025-05-10', tier: 'standard' })
      expect((await invoicesOf(t, db.acme.id)).map(({ total }) => total)).toEqual(['30.00', '-24.00', '20.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  // 10 May to 10 June has 31 days, of which 21 are left on 20 May: 30 × 21/31
  it('resuming in a later period bills the rest of that one', () =>
    db.inTransaction(async (t) => {
      await pause(t)
      await payAll(t)
      await setClock(t, '2025-05-20 12:00Z')
      await t.become(db.acme.owner)
      await t.query(`select app_public.resume_subscription()`)
      expect(await subscription(t)).toMatchObject({ status: 'active', end: '2025-06-10' })
      expect((await invoicesOf(t, db.acme.id)).map(({ total }) => total)).toEqual(['30.00', '-24.00', '20.32'])
    }))

  it('pausing each night and resuming each morning gains nothing', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      for (let day = 11; day <= 30; day += 1) {
        await setClock(t, `2025-04-${day} 22:00Z`)
        await payAll(t)
        await t.become(db.acme.owner)
        await t.query(`select app_public.pause_subscription()`)
        await setClock(t, `2025-04-${day} 23:00Z`)
        await payAll(t)
        await t.become(db.acme.owner)
        await t.query(`select app_public.resume_subscription()`)
      }
      const totals = (await invoicesOf(t, db.acme.id)).map(({ total }) => Number(total))
      expect(totals.reduce((a, b) => a + b, 0)).toBeCloseTo(30, 6)
      expect(await subscription(t)).toMatchObject({ end: '2025-05-10' })
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('the clock', () => {
  it('makes one invoice for each period of a worker that was away for months', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-01-31 12:00Z', { timezone: 'Europe/Berlin' })
      await runBilling(t, db.acme.id, '2025-06-30Z')
      await runBilling(t, db.acme.id, '2025-06-30Z')
      await t.becomeSuperuser()
      expect(
        (
          await t.query<{ day: string }>(
            `select to_char(period_start at time zone timezone, 'MM-DD') as day from app_public.invoices where tenant_id = $1 order by period_start`,
            [db.acme.id],
          )
        ).map(({ day }) => day),
      ).toEqual(['01-31', '02-28', '03-31', '04-30', '05-31', '06-30'])
    }))

  it('a change of price holds from the next period on, and never for what was billed', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await setClock(t, '2025-04-15Z')
      await t.becomeSuperuser()
      await addPlan(t, { slug: 'small', amount: 33, validFrom: '2025-04-20Z' })
      await runBilling(t, db.acme.id, '2025-06-10Z')
      expect((await invoicesOf(t, db.acme.id)).map(({ total }) => total)).toEqual(['30.00', '33.00', '33.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('the states', () => {
  it('go only their legal steps, for superusers too, and an ended one never changes', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      await t.becomeSuperuser()
      const update = (set: string): Promise<string | undefined> =>
        t.errorCode(`update app_public.subscriptions set ${set} where tenant_id = $1`, [db.acme.id])
      expect(await update(`status = 'trialing', trial_ends_at = now()`)).toBe('LB504')
      expect(await update(`status = 'expired', ended_at = now()`)).toBe('LB504')
      expect(await update(`currency = 'EUR'`)).toBe('LB505')
      await t.query(`update app_public.subscriptions set status = 'cancelled', ended_at = now() where tenant_id = $1`, [
        db.acme.id,
      ])
      expect(await update(`status = 'active', ended_at = null`)).toBe('LB506')
    }))

  it('and nobody writes them but through the functions', () =>
    db.inTransaction(async (t) => {
      await begin(t, '2025-04-10Z')
      for (const person of [db.acme.owner, db.acme.viewer]) {
        await t.become(person)
        expect(await t.errorCode(`update app_public.subscriptions set status = 'active'`)).toBe('42501')
        expect(await t.errorCode(`delete from app_public.invoices`)).toBe('42501')
      }
      await t.become(db.acme.viewer)
      expect(await t.query('select id from app_public.subscriptions')).toHaveLength(1)
      expect(await t.query('select id from app_public.invoices')).toEqual([])
      await t.become(db.globex.owner)
      expect(await t.query('select id from app_public.subscriptions')).toEqual([])
      expect(await t.query('select id from app_public.invoices')).toEqual([])
    }))
})
