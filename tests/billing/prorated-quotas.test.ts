// What a plan allows in a period is prorated by the days that are billed of it: choosing the anchor, ending and starting again
// give no more use than they cost.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, asStaff, differences, payByInvoice, runBilling } from './helpers.ts'

const db = useDatabase()

/** 31 USD, 310 API calls and 3.10 USD of costs a month, or 310 USD a year. */
async function prepare(t: Transaction): Promise<void> {
  await t.becomeSuperuser()
  await addPlan(t, { slug: 'small', amount: 31 })
  await addPlan(t, { slug: 'small', amount: 310, cycle: 'annual' })
  await t.query(
    `insert into app_public.plan_entitlements (plan_id, kind, key, quota_limit)
     select p.id, 'quota', q.key, q.value from app_public.plans p, (values ('api_calls', 310), ('cost', 3.10), ('agents', 31)) as q (key, value)
      where p.slug = 'small'`,
  )
  await payByInvoice(t, db.acme.id)
}

async function start(t: Transaction, at: string, anchorDay: number | null, cycle = 'monthly'): Promise<void> {
  await setClock(t, at)
  await t.become(db.acme.owner)
  await t.query('select app_public.start_subscription($1, $2::app_public.billing_cycle_enum, anchor_day => $3)', [
    'small',
    cycle,
    anchorDay,
  ])
}

async function cancel(t: Transaction, at: string): Promise<void> {
  await setClock(t, at)
  await t.become(db.acme.owner)
  await t.query('select app_public.cancel_subscription(false)')
}

/** What is shown as the limit. */
async function shown(t: Transaction, key = 'api_calls'): Promise<number> {
  await t.become(db.acme.owner)
  return t.value('select quota_limit::float from app_public.entitlements() where key = $1', [key])
}

/** The code of using so many API calls at once. */
async function using(t: Transaction, calls: number): Promise<string | undefined> {
  await t.becomeSuperuser()
  return t.errorCode(
    `select from metering.use_quota(row($1::uuid, 'api_calls', $2::numeric, null, null, null, null, null, null)::metering.quota_use)`,
    [db.acme.id, calls],
  )
}

describe('a quota of a period', () => {
  it('is one of the days that are left of it from a chosen anchor, shown as it is enforced', () =>
    db.inTransaction(async (t) => {
      await prepare(t)
      await start(t, '2025-04-20 09:00Z', 21)
      // from 21 March to 21 April are 31 days
      expect([await shown(t), await shown(t, 'cost'), await shown(t, 'agents')]).toEqual([10, 0.1, 31])
      expect(await using(t, 11)).toBe('QT601')
      expect(await using(t, 10)).toBeUndefined()
      expect(await using(t, 1)).toBe('QT601')
    }))

  it('is whole from the next period on, also before the task has come', () =>
    db.inTransaction(async (t) => {
      await prepare(t)
      await start(t, '2025-04-20 09:00Z', 21)
      expect(await using(t, 10)).toBeUndefined()
      await setClock(t, '2025-04-21 00:00Z')
      expect(await shown(t)).toBe(310)
      expect([await using(t, 310), await using(t, 1)]).toEqual([undefined, 'QT601'])
      await runBilling(t, db.acme.id, '2025-04-21 00:05Z')
      expect(await shown(t)).toBe(310)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('is whole when the period begins with the subscription', () =>
    db.inTransaction(async (t) => {
      await prepare(t)
      await start(t, '2025-04-20 09:00Z', null)
      expect(await shown(t)).toBe(310)
    }))

  it('that staff have set holds as it is', () =>
    db.inTransaction(async (t) => {
      await prepare(t)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.override_entitlement('quota', 'api_calls', quota_limit => 500)`)
      await start(t, '2025-04-20 09:00Z', 21)
      expect([await shown(t), await shown(t, 'cost')]).toEqual([500, 0.1])
    }))

  it('is one of the days before an end and after a new start within the period', () =>
    db.inTransaction(async (t) => {
      await prepare(t)
      await start(t, '2025-05-01 09:00Z', null)
      await cancel(t, '2025-05-03 20:00Z')
      await start(t, '2025-05-10 09:00Z', null)
      // 1 to 3 and 10 to 31 May
      expect(await shown(t)).toBe(250)
    }))

  it('is prorated in the first month of a year, and not in the others', () =>
    db.inTransaction(async (t) => {
      await prepare(t)
      await start(t, '2025-04-20 09:00Z', 21, 'annual')
      expect(await shown(t)).toBe(10)
      await runBilling(t, db.acme.id, '2025-04-21 01:00Z')
      expect(await shown(t)).toBe(310)
      await runBilling(t, db.acme.id, '2025-06-01 01:00Z')
      expect(await shown(t)).toBe(310)
    }))

  it('never costs less by ending and starting again, each time with tomorrow as the anchor', () =>
    db.inTransaction(async (t) => {
      await prepare(t)
      let used = 0
      for (let day = 1; day <= 12; day += 1) {
        await start(t, `2025-05-${day} 10:00Z`, day + 1)
        while ((await using(t, 1)) === undefined) used += 1
        await cancel(t, `2025-05-${day} 20:00Z`)
      }
      await runBilling(t, db.acme.id, '2025-08-01Z')
      await t.becomeSuperuser()
      const billed = await t.value<number>(
        `select sum(total)::float from app_public.invoices where tenant_id = $1 and status not in ('draft', 'void')`,
        [db.acme.id],
      )
      // 10 calls for a dollar at most
      expect(used).toBeGreaterThan(0)
      expect(used / 10).toBeLessThanOrEqual(billed + 1)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})
