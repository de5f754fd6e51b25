// What a customer tries to live for free: each attempt from outside, as the owner of a tenant.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, differences, invoicesOf, payByInvoice, runBilling } from './helpers.ts'

const db = useDatabase()

const begin = async (t: Transaction, cycle = 'monthly'): Promise<void> => {
  await addPlan(t, { slug: 'small', amount: cycle === 'annual' ? 300 : 30, cycle })
  await payByInvoice(t, db.acme.id)
  await setClock(t, '2025-04-10 12:00Z')
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('small', $1::app_public.billing_cycle_enum)`, [cycle])
}

const credit = async (t: Transaction): Promise<number> => {
  await t.becomeSuperuser()
  return t.value<number>('select coalesce(sum(amount), 0)::float from app_public.credit_entries where tenant_id = $1', [
    db.acme.id,
  ])
}

describe('the owner of a tenant', () => {
  it('has no credit from an annual invoice that was never paid', () =>
    db.inTransaction(async (t) => {
      await begin(t, 'annual')
      await setClock(t, '2025-04-10 12:01Z')
      await t.query('select app_public.cancel_subscription(true)')
      expect(await credit(t)).toBe(0)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('pays a month in full that was paused every night', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      const codes: (string | undefined)[] = []
      for (let day = 11; day < 31; day += 1) {
        await t.become(db.acme.owner)
        await setClock(t, `2025-04-${day} 23:00Z`)
        codes.push(await t.errorCode('select app_public.pause_subscription()'))
        await setClock(t, `2025-04-${day + 1 > 30 ? 30 : day + 1} 01:00Z`)
        await t.errorCode('select app_public.resume_subscription()')
      }
      await runBilling(t, db.acme.id, '2025-05-10 12:00Z')
      const april = (await invoicesOf(t, db.acme.id)).reduce((sum, invoice) => sum + Number(invoice.total), 0)
      expect(codes).toContain(undefined)
      expect(april).toBeGreaterThanOrEqual(30)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('writes neither invoices, lines, credit nor prices by hand', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await t.become(db.acme.owner)
      for (const statement of [
        `update app_public.invoices set total = 0`,
        `delete from app_public.invoice_lines`,
        `insert into app_public.credit_entries (tenant_id, amount, currency) values ('${db.acme.id}', 100, 'USD')`,
        `update app_public.plan_prices set amount = 0`,
        `update app_public.subscriptions set current_period_end = 'infinity'`,
        `update app_public.billing_profiles set tax_rate = 0`,
      ])
        expect([statement, await t.errorCode(statement)]).toEqual([statement, '42501'])
    }))

  it('cannot call what belongs to staff', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await t.become(db.acme.owner)
      for (const call of [
        `add_credit(100, 'x')`,
        `save_plan('small', 'x')`,
        `set_tax_rate('DE', 0)`,
        `add_plan_price('small', 'USD', 0)`,
        `save_invoice_issuer('x', 'x')`,
        `save_usage_type('x', 'x')`,
        `extend_trial(7)`,
      ])
        expect([call, await t.errorCode(`select app_public.${call}`)]).toEqual([call, 'TN205'])
    }))
})
