// Add-ons: subscriptions beside the base, which add to what it gives, are billed by the same rules, and live as long as it
// runs. The amounts were worked out by hand.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, amountsOf, asStaff, differences, invoicesOf, payByInvoice, runBilling, use } from './helpers.ts'

const db = useDatabase()

type Entitlement = [kind: 'feature' | 'quota', key: string, value: boolean | number, overage?: boolean]
const give = async (t: Transaction, plan: string, ...entitlements: Entitlement[]): Promise<void> => {
  for (const [kind, key, value, overage] of entitlements)
    await t.query(
      `insert into app_public.plan_entitlements (plan_id, kind, key, is_enabled, quota_limit, overage_allowed)
       select id, $2::app_public.entitlement_kind_enum, $3, $4, $5, $6 from app_public.plans where slug = $1`,
      [plan, kind, key, kind === 'feature' ? value : null, kind === 'quota' ? value : null, overage ?? false],
    )
}

/** An offer in which a day of April costs 1 (small), 3 (large), 0.50 (extra), 2 (bulk) and 0.10 (plus). */
const offer = async (t: Transaction): Promise<void> => {
  const components = [{ usageType: 'search', model: 'per_unit', unitAmount: 1 }]
  await addPlan(t, { slug: 'free', tier: 'free', amount: 0 })
  await addPlan(t, { slug: 'small', amount: 30, trialDays: 14, components })
  await addPlan(t, { slug: 'large', tier: 'professional', amount: 90, components })
  await addPlan(t, { slug: 'extra', amount: 15, isAddOn: true })
  await addPlan(t, { slug: 'extra', amount: 146, cycle: 'annual' })
  await addPlan(t, { slug: 'bulk', amount: 60, isAddOn: true })
  await addPlan(t, { slug: 'plus', amount: 3, isAddOn: true })
  await give(t, 'free', ['quota', 'agents', 1])
  await give(t, 'small', ['quota', 'agents', 3], ['quota', 'tokens', 100], ['feature', 'white_label', false])
  await give(t, 'extra', ['quota', 'agents', 2], ['quota', 'tokens', 50, true], ['feature', 'white_label', true])
  await give(t, 'plus', ['quota', 'agents', 10], ['quota', 'documents', 5])
}

const begin = async (t: Transaction, at = '2025-04-01 10:00Z', skipTrial = true): Promise<void> => {
  await offer(t)
  await payByInvoice(t, db.acme.id)
  await setClock(t, at)
  await owner(t, `start_subscription('small', 'monthly', ${skipTrial})`)
}

const owner = async (t: Transaction, call: string): Promise<void> => {
  await t.become(db.acme.owner)
  await t.query(`select app_public.${call}`)
}

const refusal = async (t: Transaction, call: string): Promise<string | undefined> => {
  await t.become(db.acme.owner)
  return t.errorCode(`select app_public.${call}`)
}

const at = async (t: Transaction, clock: string, call: string): Promise<void> => {
  await runBilling(t, db.acme.id, clock)
  await owner(t, call)
}

/** Each live subscription and its status, the base first. */
const live = async (t: Transaction): Promise<string[]> => {
  await t.becomeSuperuser()
  const rows = await t.query<{ text: string }>(
    `select p.slug || ' ' || s.status as text from app_public.subscriptions s join app_public.plans p on p.id = s.plan_id
      where s.tenant_id = $1 and s.ended_at is null order by s.is_add_on, p.slug`,
    [db.acme.id],
  )
  return rows.map(({ text }) => text)
}

const given = async (t: Transaction, key: string): Promise<unknown> => {
  await t.become(db.acme.member)
  const [row] = await t.query(
    'select coalesce(quota_limit::text, is_enabled::text) as value, overage_allowed as overage, reason from app_public.entitlements() where key = $1',
    [key],
  )
  return row
}

const lastInvoice = async (t: Transaction): Promise<string[]> =>
  amountsOf((await invoicesOf(t, db.acme.id)).filter(({ number }) => number).at(-1))

/** Pays all that is due, or credits what is left, and checks the books. */
const pay = async (t: Transaction): Promise<void> => {
  await asStaff(t, db, db.acme.id)
  await t.query(`select app_public.record_payment(id, amount_due) from app_public.invoices where amount_due > 0`)
}

const credit = async (t: Transaction): Promise<number> => {
  await t.becomeSuperuser()
  return t.value<number>(
    'select coalesce(sum(amount), 0)::float8 from app_public.credit_entries where tenant_id = $1',
    [db.acme.id],
  )
}

const previewed = async (t: Transaction, call: string): Promise<string[]> => {
  await t.become(db.acme.owner)
  const rows = await t.query<{ kind: string; amount: string }>(`select kind, amount::text from app_public.${call}`)
  return rows.filter(({ kind }) => !['subtotal', 'tax', 'total'].includes(kind)).map((r) => `${r.kind} ${r.amount}`)
}

describe('a plan that is an add-on', () => {
  it('prices no usage and commits to none', () =>
    db.inTransaction(async (t) => {
      await offer(t)
      const extra = `select id from app_public.plans where slug = 'extra'`
      expect(
        await t.errorCode(
          `insert into app_public.plan_prices (plan_id, currency, billing_cycle, amount, committed_amount, valid_from)
           values ((${extra}), 'EUR', 'monthly', 1, 5, '2020-01-01')`,
        ),
      ).toBe('LB450')
      expect(
        await t.errorCode(
          `insert into app_public.plan_price_components (price_id, usage_type, model, unit_amount)
           select id, 'search', 'per_unit', 1 from app_public.plan_prices where plan_id = (${extra}) limit 1`,
        ),
      ).toBe('LB450')
    }))

  it('stays one, has no trial, and is not the plan of those who have none', () =>
    db.inTransaction(async (t) => {
      await offer(t)
      const change = (set: string, slug: string) =>
        t.errorCode(`update app_public.plans set ${set} where slug = '${slug}'`)
      expect(await change('is_add_on = false', 'extra')).toBe('LB553')
      expect(await change('is_add_on = true', 'small')).toBe('LB553')
      expect(await change('trial_days = 7', 'extra')).toBe('23514')
      await t.query(`delete from app_public.plans where slug = 'none'`)
      expect(await change(`slug = 'free'`, 'extra')).toBe('23514')
    }))

  it('is added by staff once', () =>
    db.inTransaction(async (t) => {
      await asStaff(t, db, db.platform.id)
      const save = (rest: string) => t.errorCode(`select app_public.save_plan('seats', 'Seats', ${rest})`)
      expect(await save(`tier => 'standard', is_add_on => true`)).toBeUndefined()
      expect(await save(`description => 'More seats'`)).toBeUndefined()
      expect(await save('is_add_on => false')).toBe('LB553')
      expect(await t.value(`select is_add_on from app_public.plans where slug = 'seats'`)).toBe(true)
    }))
})

describe('starting an add-on', () => {
  it('bills the rest of the period of the base, and then each period beside it', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await at(t, '2025-04-11 10:00Z', `start_subscription('extra')`)
      expect(await live(t)).toEqual(['small active', 'extra active'])
      expect(await lastInvoice(t)).toEqual(['proration 10.00'])
      await pay(t)
      expect(await previewed(t, `preview_invoice('extra')`)).toEqual(['recurring 15.00'])
      await runBilling(t, db.acme.id, '2025-05-03 10:00Z')
      const bills = (await invoicesOf(t, db.acme.id)).slice(-2).map(amountsOf)
      expect(bills.sort()).toEqual([['recurring 15.00'], ['recurring 30.00', 'usage 0.00']])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('is billed period by period beside its base also by a worker that was stopped for months', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await setClock(t, '2025-04-02 10:00Z')
      await owner(t, `cancel_subscription(add_on => 'extra')`)
      await owner(t, `start_subscription('plus')`)
      await pay(t)
      await runBilling(t, db.acme.id, '2025-07-05 10:00Z')
      expect(await live(t)).toEqual(['small active', 'plus active'])
      const lines = (await invoicesOf(t, db.acme.id)).flatMap(amountsOf).filter((line) => !line.startsWith('usage'))
      const count = (line: string): number => lines.filter((other) => other === line).length
      expect([count('recurring 30.00'), count('recurring 15.00'), count('recurring 3.00')]).toEqual([4, 1, 3])
      // from 2 April, 29 of 30 days
      expect(count('proration 2.90')).toBe(1)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('needs a base that is active, not one in its trial, and no debt', () =>
    db.inTransaction(async (t) => {
      await offer(t)
      await payByInvoice(t, db.acme.id)
      await setClock(t, '2025-04-01 10:00Z')
      expect(await refusal(t, `start_subscription('extra')`)).toBe('LB303')
      await owner(t, `start_subscription('small')`)
      expect(await live(t)).toEqual(['small trialing'])
      expect(await refusal(t, `start_subscription('extra')`)).toBe('LB551')
      await runBilling(t, db.acme.id, '2025-04-20 10:00Z')
      expect(await refusal(t, `start_subscription('extra')`)).toBeUndefined()
      await setClock(t, '2025-05-14 10:00Z')
      expect(await refusal(t, `start_subscription('plus')`)).toBe('LB513')
    }))

  it('is possible once for each add-on, and the day of the month is that of the base', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      expect(await refusal(t, `start_subscription('extra', 'annual')`)).toBe('LB550')
      expect(await refusal(t, `start_subscription('plus')`)).toBeUndefined()
      expect(await refusal(t, `start_subscription('large')`)).toBe('LB507')
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode(`select app_public.start_subscription('bulk', anchor_day => 5)`)).toBe('LB440')
    }))

  it('is refused twice by the tables as well, and so is a base with the plan of an add-on', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await t.becomeSuperuser()
      const copy = (plan: string, isAddOn: boolean) =>
        t.errorCode(
          `insert into app_public.subscriptions (tenant_id, plan_id, is_add_on, price_id, billing_cycle, currency, status, timezone,
             anchor_on, started_at, current_period_start, current_period_end, usage_since)
           select s.tenant_id, p.id, $2, s.price_id, s.billing_cycle, s.currency, 'active', s.timezone, s.anchor_on, s.started_at,
                  s.current_period_start, s.current_period_end, s.usage_since
             from app_public.subscriptions s, app_public.plans p where s.tenant_id = $3 and not s.is_add_on and p.slug = $1`,
          [plan, isAddOn, db.acme.id],
        )
      expect(await copy('extra', true)).toBe('23505')
      expect(await copy('large', false)).toBe('23505')
      expect(await copy('plus', false)).toMatch(/^23/)
      expect(await copy('large', true)).toBe('23503')
    }))

  it('at night and ending it at dawn pays for each day on which it was held', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await pay(t)
      for (let day = 10; day < 16; day += 1) {
        await at(t, `2025-04-${day} 23:00Z`, `start_subscription('extra')`)
        await at(t, `2025-04-${day + 1} 01:00Z`, `cancel_subscription(false, 'extra')`)
        await pay(t)
      }
      await t.becomeSuperuser()
      const billed = await t.value<number>(
        `select sum(l.amount)::float8 from app_public.invoice_lines l join app_public.plan_prices v on v.id = l.price_id
           join app_public.plans p on p.id = v.plan_id where p.slug = 'extra'`,
      )
      // six starts, and each is charged from its first to its last day: 6 × 2 × 0.50
      expect(billed).toBe(6)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('what an add-on gives', () => {
  it('is added to what the base gives, and ends with the add-on', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await owner(t, `start_subscription('plus')`)
      expect(await given(t, 'agents')).toEqual({ value: '15', overage: false, reason: 'small + extra + plus' })
      expect(await given(t, 'white_label')).toMatchObject({ value: 'true' })
      await at(t, '2025-04-02 10:00Z', `cancel_subscription(false, 'plus')`)
      expect(await given(t, 'agents')).toMatchObject({ value: '5' })
      await owner(t, `cancel_subscription(false, 'extra')`)
      expect(await given(t, 'agents')).toMatchObject({ value: '3', reason: 'small' })
      expect(await given(t, 'white_label')).toMatchObject({ value: 'false' })
    }))

  it('limits nothing that the base leaves without a limit, and allows no overage that the base does not price', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await owner(t, `start_subscription('plus')`)
      expect(await given(t, 'documents')).toBeUndefined()
      expect(await given(t, 'tokens')).toMatchObject({ value: '150', overage: false })
    }))

  it('is replaced by an override, and changes at once for all that have it', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.set_plan_entitlement('extra', 'quota', 'agents', quota_limit => 7)`)
      expect(await given(t, 'agents')).toMatchObject({ value: '10' })
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.override_entitlement('quota', 'agents', quota_limit => 4)`)
      expect(await given(t, 'agents')).toMatchObject({ value: '4' })
    }))

  it('is counted in the period of the base, so ending and starting it again refills nothing', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      const consume = async (tokens: number) => {
        await t.become(db.acme.member)
        return t.errorCode(`select from app_public.consume_quota('tokens', $1)`, [tokens])
      }
      expect(await consume(150)).toBeUndefined()
      await owner(t, `cancel_subscription(false, 'extra')`)
      expect(await consume(1)).toBe('QT601')
      await owner(t, `start_subscription('extra')`)
      expect(await consume(1)).toBe('QT601')
      await pay(t)
      await at(t, '2025-04-20 10:00Z', `change_plan('extra', 'annual', 'extra')`)
      expect(await consume(1)).toBe('QT601')
    }))
})

describe('an add-on ends with its base', () => {
  it('at once, and its unused days come back only as far as they were paid', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra', 'annual')`)
      await at(t, '2025-04-10 10:00Z', 'cancel_subscription(false)')
      expect(await live(t)).toEqual([])
      expect(await credit(t)).toBe(0)
      expect(await given(t, 'agents')).toMatchObject({ value: '1', reason: 'free' })
      // 146 for 365 days is 0.40 a day: 10 days were held; of the base as well, at 1 a day
      await t.becomeSuperuser()
      expect(
        await t.value('select sum(amount_due)::float8 from app_public.invoices where tenant_id = $1', [db.acme.id]),
      ).toBe(14)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('at the end of the period of the base, as the preview said', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra', 'annual')`)
      await owner(t, `start_subscription('plus')`)
      await pay(t)
      await owner(t, 'cancel_subscription()')
      // 365 - 30 days at 0.40
      expect(await previewed(t, `preview_invoice('extra')`)).toEqual(['proration -134.00'])
      expect(await previewed(t, `preview_invoice('plus')`)).toEqual([])
      await runBilling(t, db.acme.id, '2025-05-04 10:00Z')
      expect(await live(t)).toEqual([])
      expect(await credit(t)).toBe(134)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('also when its tenant ends, and a tenant with one is not moved below another', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.errorCode('select app_public.move_tenant($1, $2)', [db.acme.id, db.globex.id])).toBe('LB526')
      await t.becomeSuperuser()
      await setClock(t, '2025-04-05 10:00Z')
      await t.query(`update app_public.tenants set status = 'cancelled' where id = $1`, [db.acme.id])
      expect(await live(t)).toEqual([])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('and belongs to the tenant at the top only', () =>
    db.inTransaction(async (t) => {
      await offer(t)
      const child = await t.value<string>(
        `insert into app_public.tenants (slug, name, parent_tenant_id) values ('child', 'Child', $1) returning id`,
        [db.acme.id],
      )
      await t.query(`insert into app_public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'owner')`, [
        child,
        db.acme.owner.userId,
      ])
      await t.become({ ...db.acme.owner, tenantId: child })
      expect(await t.errorCode(`select app_public.start_subscription('extra')`)).toBe('LB525')
    }))
})

describe('pausing', () => {
  it('the base pauses its add-ons, and resuming it resumes those', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await owner(t, `start_subscription('plus')`)
      await pay(t)
      await at(t, '2025-04-10 10:00Z', `pause_subscription('plus')`)
      await at(t, '2025-04-11 10:00Z', 'pause_subscription()')
      expect(await live(t)).toEqual(['small paused', 'extra paused', 'plus paused'])
      expect(await refusal(t, `resume_subscription('plus')`)).toBe('LB551')
      expect(await refusal(t, `start_subscription('bulk')`)).toBe('LB551')
      expect(await given(t, 'agents')).toMatchObject({ value: '1', reason: 'free' })
      // 20 days of plus at 0.10, 19 days of small at 1 and of extra at 0.50
      expect(await credit(t)).toBe(30.5)
      await at(t, '2025-04-21 10:00Z', 'resume_subscription()')
      expect(await live(t)).toEqual(['small active', 'extra active', 'plus paused'])
      // 10 days of small and extra
      expect(await credit(t)).toBe(15.5)
      await owner(t, `resume_subscription('plus')`)
      expect(await given(t, 'agents')).toMatchObject({ value: '15' })
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('the base ends an add-on that was cancelled', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await pay(t)
      await owner(t, `cancel_subscription(add_on => 'extra')`)
      await at(t, '2025-04-10 10:00Z', 'pause_subscription()')
      expect(await live(t)).toEqual(['small paused'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('what is not paid', () => {
  /** The base is paid or the add-on is, and the other invoice runs through all its attempts. */
  const leaveUnpaid = async (t: Transaction, plan: string): Promise<void> => {
    await begin(t)
    await owner(t, `start_subscription('extra')`)
    await asStaff(t, db, db.acme.id)
    await t.query(
      `select app_public.record_payment(i.id, i.amount_due) from app_public.invoices i
         join app_public.subscriptions s on s.id = i.subscription_id join app_public.plans p on p.id = s.plan_id
        where i.amount_due > 0 and p.slug <> $1`,
      [plan],
    )
  }
  const dun = async (t: Transaction, ...days: string[]): Promise<void> => {
    for (const day of days) await runBilling(t, db.acme.id, `${day} 12:00Z`)
  }

  it('of an add-on makes the add-on past due and then pauses it, and the base goes on', () =>
    db.inTransaction(async (t) => {
      await leaveUnpaid(t, 'extra')
      await dun(t, '2025-04-16')
      expect(await live(t)).toEqual(['small active', 'extra past_due'])
      expect(await refusal(t, `start_subscription('plus')`)).toBe('LB513')
      await dun(t, '2025-04-19', '2025-04-24', '2025-05-01')
      expect((await live(t)).find((text) => text.startsWith('extra'))).toBe('extra paused')
      expect(await given(t, 'agents')).toMatchObject({ value: '3' })
      expect(await refusal(t, `resume_subscription('extra')`)).toBe('LB513')
    }))

  it('of the base pauses the add-on with it', () =>
    db.inTransaction(async (t) => {
      await leaveUnpaid(t, 'small')
      await dun(t, '2025-04-16')
      expect(await live(t)).toEqual(['small past_due', 'extra active'])
      await dun(t, '2025-04-19', '2025-04-24', '2025-05-01')
      expect(await live(t)).toEqual(['small paused', 'extra paused'])
      expect(await given(t, 'agents')).toMatchObject({ value: '1', reason: 'free' })
      expect(await refusal(t, 'resume_subscription()')).toBe('LB513')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('and paid late makes that subscription active again, whatever the other one owes', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await dun(t, '2025-04-16')
      expect(await live(t)).toEqual(['small past_due', 'extra past_due'])
      await asStaff(t, db, db.acme.id)
      await t.query(
        `select app_public.record_payment(i.id, i.amount_due) from app_public.invoices i
           join app_public.subscriptions s on s.id = i.subscription_id where i.amount_due > 0 and not s.is_add_on`,
      )
      expect(await live(t)).toEqual(['small active', 'extra past_due'])
      await pay(t)
      expect(await live(t)).toEqual(['small active', 'extra active'])
    }))
})

describe('changing', () => {
  it('an add-on to a dearer one takes effect at once, as the preview said', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await pay(t)
      await runBilling(t, db.acme.id, '2025-04-16 10:00Z')
      const preview = await previewed(t, `preview_plan_change('bulk', add_on => 'extra')`)
      expect(preview).toEqual(['proration -7.50', 'proration 30.00'])
      await owner(t, `change_plan('bulk', add_on => 'extra')`)
      expect(await lastInvoice(t)).toEqual(preview)
      expect(await live(t)).toEqual(['small active', 'bulk active'])
      expect(await refusal(t, `cancel_subscription(false, 'extra')`)).toBe('LB350')
    }))

  it('keeps add-ons add-ons, and no two of them ever have or come to one plan', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await owner(t, `start_subscription('bulk')`)
      await pay(t)
      expect(await refusal(t, `change_plan('extra')`)).toBe('LB552')
      expect(await refusal(t, `change_plan('large', add_on => 'extra')`)).toBe('LB552')
      expect(await refusal(t, `preview_plan_change('extra')`)).toBe('LB552')
      expect(await refusal(t, `change_plan('bulk', add_on => 'extra')`)).toBe('LB550')
      // planned for the end of the period
      await owner(t, `change_plan('plus', add_on => 'bulk')`)
      expect(await refusal(t, `start_subscription('plus')`)).toBe('LB550')
      expect(await refusal(t, `change_plan('plus', add_on => 'extra')`)).toBe('LB550')
      await runBilling(t, db.acme.id, '2025-05-02 10:00Z')
      expect(await live(t)).toEqual(['small active', 'extra active', 'plus active'])
    }))

  it('the base leaves its add-ons as they are', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra')`)
      await at(t, '2025-04-11 10:00Z', `change_plan('large')`)
      expect(await live(t)).toEqual(['large active', 'extra active'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('use', () => {
  it('is billed once, by the base, however many add-ons there are', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await owner(t, `start_subscription('extra', 'annual')`)
      await owner(t, `start_subscription('plus')`)
      await pay(t)
      await setClock(t, '2025-04-05 10:00Z')
      await use(t, db.acme.member, 'search', 7, '2025-04-05 10:00Z')
      await at(t, '2025-04-20 10:00Z', `cancel_subscription(false, 'plus')`)
      await runBilling(t, db.acme.id, '2025-05-04 10:00Z')
      // late: an adjustment of the base
      await use(t, db.acme.member, 'search', 2, '2025-04-06 10:00Z')
      await runBilling(t, db.acme.id, '2025-06-04 10:00Z')
      const lines = (await invoicesOf(t, db.acme.id)).flatMap((invoice) => invoice.lines)
      expect(
        lines.filter(({ kind }) => ['usage', 'adjustment'].includes(kind)).map((l) => `${l.kind} ${l.amount}`),
      ).toEqual(['usage 7.00', 'usage 0.00', 'adjustment 2.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('a coupon', () => {
  it('takes its amount off the plan once, and nothing off the add-ons', () =>
    db.inTransaction(async (t) => {
      await offer(t)
      await t.query(
        `insert into app_public.coupons (code, name, amount_off, currency, duration) values ('TEN', 'Ten off', 10, 'USD', 'forever')`,
      )
      await payByInvoice(t, db.acme.id)
      await setClock(t, '2025-04-01 10:00Z')
      await owner(t, `redeem_coupon('TEN')`)
      await owner(t, `start_subscription('small', 'monthly', true)`)
      await owner(t, `start_subscription('extra')`)
      const lines = (await invoicesOf(t, db.acme.id)).map(amountsOf)
      expect(lines).toEqual([['recurring 30.00', 'discount -10.00'], ['recurring 15.00']])
    }))
})
