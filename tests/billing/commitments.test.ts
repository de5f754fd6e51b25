// Minimum commitments: usage costs at least the committed amount of the time that a plan was held, in whatever order it is
// changed, paused or ended, and what is recorded late is not paid on top of it. The amounts were worked out by hand.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, amountsOf, asStaff, differences, invoicesOf, payByInvoice, runBilling, use } from './helpers.ts'

const db = useDatabase()

// April has 30 days, so a day commits to 10
const begin = async (t: Transaction): Promise<void> => {
  const components = [{ usageType: 'search', model: 'per_unit', unitAmount: 1 }]
  await addPlan(t, { slug: 'small', amount: 30, committed: 300, components })
  await addPlan(t, { slug: 'large', tier: 'professional', amount: 90, components })
  await payByInvoice(t, db.acme.id)
  await setClock(t, '2025-04-01 00:00Z')
  await owner(t, `start_subscription('small')`)
}

const owner = async (t: Transaction, call: string): Promise<void> => {
  await t.become(db.acme.owner)
  await t.query(`select app_public.${call}`)
}

const usageLinesOf = async (t: Transaction): Promise<string[][]> =>
  (await invoicesOf(t, db.acme.id)).map((invoice) =>
    amountsOf(invoice).filter((line) => !/^(recurring|proration)/.test(line)),
  )

const previewed = async (t: Transaction, call: string): Promise<string[]> => {
  await t.become(db.acme.owner)
  const lines = await t.query<{ kind: string; amount: string }>(`select kind, amount::text from app_public.${call}`)
  return lines.map(({ kind, amount }) => `${kind} ${amount}`).filter((line) => /^(usage|commitment)/.test(line))
}

describe('a committed amount', () => {
  it('raises the usage of a period by a line of its own, as the preview says, and the line can be explained', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await use(t, db.acme.member, 'search', 40, '2025-03-31 23:30Z')
      await setClock(t, '2025-04-20Z')
      await use(t, db.acme.member, 'search', 100, '2025-04-19Z')
      expect(await previewed(t, 'preview_invoice()')).toEqual(['usage 100.00', 'commitment 200.00'])
      await runBilling(t, db.acme.id, '2025-05-03Z')
      expect(await usageLinesOf(t)).toEqual([[], ['usage 100.00', 'commitment 200.00']])
      const { id } = (await invoicesOf(t, db.acme.id)).at(-1) ?? { id: '' }
      await t.become(db.acme.owner)
      expect(
        await t.query(`select is_equal, explanation from app_public.explain_invoice($1) where kind = 'commitment'`, [
          id,
        ]),
      ).toEqual([{ is_equal: true, explanation: 'max(300 × 1 committed - 100.00 of usage, 0) - 0 billed before' }])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('adds nothing when usage costs as much', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await setClock(t, '2025-04-20Z')
      await use(t, db.acme.member, 'search', 300, '2025-04-19Z')
      await runBilling(t, db.acme.id, '2025-05-03Z')
      expect(await usageLinesOf(t)).toEqual([[], ['usage 300.00']])
    }))

  it('takes back what late usage fills, and no more', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await runBilling(t, db.acme.id, '2025-05-03Z')
      await use(t, db.acme.member, 'search', 50, '2025-04-19Z')
      await runBilling(t, db.acme.id, '2025-06-03Z')
      await use(t, db.acme.member, 'search', 290, '2025-04-20Z')
      await runBilling(t, db.acme.id, '2025-07-03Z')
      expect(await usageLinesOf(t)).toEqual([
        [],
        ['usage 0.00', 'commitment 300.00'],
        ['usage 0.00', 'adjustment 50.00', 'commitment -50.00', 'commitment 300.00'],
        ['usage 0.00', 'adjustment 290.00', 'commitment -250.00', 'commitment 300.00'],
      ])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('is not escaped by cancelling at once: the time that was held is paid', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await setClock(t, '2025-04-11 00:00Z')
      await owner(t, 'cancel_subscription(false)')
      expect((await usageLinesOf(t)).at(-1)).toEqual(['usage 0.00', 'commitment 100.00'])
    }))

  it('is not escaped by an upgrade, whose preview has the same line', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await setClock(t, '2025-04-11 12:00Z')
      const lines = await previewed(t, `preview_plan_change('large')`)
      expect(lines).toEqual(['usage 0.00', 'commitment 105.00'])
      await owner(t, `change_plan('large')`)
      expect((await usageLinesOf(t)).at(-1)).toEqual(lines)
    }))

  it('is not escaped by pausing at night and resuming at dawn, except for the time of the pause', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      for (let day = 2; day <= 10; day += 1) {
        const date = `2025-04-${String(day).padStart(2, '0')}`
        await setClock(t, `${date} 00:00Z`)
        await owner(t, 'pause_subscription()')
        await setClock(t, `${date} 06:00Z`)
        await owner(t, 'resume_subscription()')
      }
      await runBilling(t, db.acme.id, '2025-05-03Z')
      await t.becomeSuperuser()
      // 30 days less nine quarters of a day
      expect(
        await t.value(
          `select sum(amount)::text from app_public.invoice_lines where tenant_id = $1 and kind = 'commitment'`,
          [db.acme.id],
        ),
      ).toBe('277.50')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('is billed once more with the usage of an invoice that was voided', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await runBilling(t, db.acme.id, '2025-05-03Z')
      await use(t, db.acme.member, 'search', 50, '2025-04-19Z')
      const { id } = (await invoicesOf(t, db.acme.id)).at(-1) ?? { id: '' }
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.void_invoice($1, 'wrong')`, [id])
      await runBilling(t, db.acme.id, '2025-06-03Z')
      await t.becomeSuperuser()
      expect(
        await t.value(
          `select sum(l.amount)::text from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
            where l.tenant_id = $1 and l.service_start = '2025-04-01Z' and l.service_end = '2025-05-01Z'
              and l.kind in ('usage', 'adjustment', 'commitment') and i.status not in ('draft', 'void')`,
          [db.acme.id],
        ),
      ).toBe('300.00')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('is a part of the version of a price, and stays as it is once that is in force', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await asStaff(t, db, db.platform.id)
      expect(await t.errorCode(`select app_public.add_plan_price('small', 'EUR', 30, committed_amount => -1)`)).toBe(
        '23514',
      )
      expect(await t.errorCode(`select app_public.add_plan_price('small', 'EUR', 30, committed_amount => 'NaN')`)).toBe(
        '23514',
      )
      await t.query(`select app_public.add_plan_price('small', 'USD', 30, '2025-05-01Z', committed_amount => 10)`)
      expect(
        await t.errorCode(`update app_public.plan_prices set committed_amount = 0 where committed_amount = 300`),
      ).toBe('LB501')
      await runBilling(t, db.acme.id, '2025-05-03Z')
      await runBilling(t, db.acme.id, '2025-06-03Z')
      // the new version has no prices for usage, and commits all the same
      expect(await usageLinesOf(t)).toEqual([[], ['usage 0.00', 'commitment 300.00'], ['commitment 10.00']])
    }))
})
