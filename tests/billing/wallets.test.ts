// Prepaid money: ordered, paid, given, spent in its order, paid back, taken back by a bank, and expired. After each test the
// books agree, and no top-up is below 0.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, asStaff, differences, payByInvoice, runBilling } from './helpers.ts'

const db = useDatabase()

const asOwner = (t: Transaction): Promise<void> => t.become(db.acme.owner)

const inBooks = (test: (t: Transaction) => Promise<void>): Promise<void> =>
  db.inTransaction(async (t) => {
    await payByInvoice(t, db.acme.id, { taxRate: 0.2 })
    await setClock(t, '2025-04-01Z')
    await test(t)
    expect(await differences(t, db.acme.id)).toEqual([])
  })

async function order(t: Transaction, amount: number): Promise<string> {
  await asOwner(t)
  return t.value<string>('select id from app_public.top_up_wallet($1)', [amount])
}

async function pay(t: Transaction, invoice: string, amount: number): Promise<string> {
  await asStaff(t, db, db.acme.id)
  return t.value<string>('select id from app_public.record_payment($1, $2)', [invoice, amount])
}

async function topUp(t: Transaction, amount: number): Promise<string> {
  return pay(t, await order(t, amount), amount)
}

/** An invoice of staff over an amount, before its tax of a fifth. */
async function bill(t: Transaction, amount: number): Promise<string> {
  await asStaff(t, db, db.acme.id)
  const id = await t.value<string>('select id from app_public.create_invoice()')
  await t.query(`select app_public.add_invoice_line($1, 'Work', $2)`, [id, amount])
  await t.query('select app_public.finalise_invoice($1)', [id])
  return id
}

const give = async (t: Transaction, amount: number, until: string): Promise<string> => {
  await asStaff(t, db, db.acme.id)
  return t.value<string>(`select id from app_public.give_wallet_money($1, 'Sorry', $2)`, [amount, until])
}

const left = async (t: Transaction): Promise<number[]> => {
  await t.becomeSuperuser()
  const rows = await t.query<{ left: number }>(
    'select amount_left::float8 as left from app_public.wallet_top_ups where tenant_id = $1 order by expires_at, id',
    [db.acme.id],
  )
  return rows.map((row) => row.left)
}

const balances = async (t: Transaction): Promise<Record<string, number>> => {
  await t.becomeSuperuser()
  const rows = await t.query<{ account: string; amount: number }>(
    `select account, sum(amount)::float8 as amount from billing.ledger_entries where tenant_id = $1
      group by account having sum(amount) <> 0 order by account`,
    [db.acme.id],
  )
  return Object.fromEntries(rows.map(({ account, amount }) => [account, amount]))
}

const stateOf = async (t: Transaction, invoice: string): Promise<string> => {
  await t.becomeSuperuser()
  return t.value(`select status || ' ' || trim_scale(amount_due) from app_public.invoices where id = $1`, [invoice])
}

describe('an order of prepaid money', () => {
  it('has no tax and is no revenue, and its money is in the wallet when it is paid', () =>
    inBooks(async (t) => {
      const invoice = await order(t, 100)
      expect(await stateOf(t, invoice)).toBe('finalised 100')
      expect(await balances(t)).toEqual({ receivable: 100, top_up: -100 })
      await pay(t, invoice, 30)
      expect(await left(t)).toEqual([30])
      await pay(t, invoice, 70)
      expect(await balances(t)).toEqual({ cash: 100, wallet: -100 })
      await asOwner(t)
      expect(
        await t.value(
          'select app_public.billing_profiles_wallet_balance(p)::float8 from app_public.billing_profiles p',
        ),
      ).toBe(100)
    }))

  it('is paid by no credit, so that credit does not become prepaid money', () =>
    inBooks(async (t) => {
      const invoice = await order(t, 100)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.add_credit(100, 'Sorry')`)
      expect(await stateOf(t, invoice)).toBe('finalised 100')
      expect(await left(t)).toEqual([])
    }))

  it('waits for the one before it', () =>
    inBooks(async (t) => {
      await order(t, 100)
      expect(await t.errorCode('select app_public.top_up_wallet(5)')).toBe('LB560')
    }))

  it.each([0, -5, 0.001, Number.NaN])('of %s is refused', (amount) =>
    inBooks(async (t) => {
      await asOwner(t)
      expect(await t.errorCode('select app_public.top_up_wallet($1)', [amount])).toBe('LB402')
    }),
  )

  it('needs can_manage_billing, and a way to pay', () =>
    inBooks(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.top_up_wallet(5)')).toBe('ID203')
      await t.becomeSuperuser()
      await t.query(`update app_public.billing_profiles set collection_method = 'automatic' where tenant_id = $1`, [
        db.acme.id,
      ])
      await asOwner(t)
      expect(await t.errorCode('select app_public.top_up_wallet(5)')).toBe('LB508')
    }))

  it('that nobody pays is void when it is due, and no debt', () =>
    inBooks(async (t) => {
      const invoice = await order(t, 100)
      await runBilling(t, db.acme.id, '2025-05-01Z')
      expect(await stateOf(t, invoice)).toBe('void 0')
      expect(await balances(t)).toEqual({})
    }))

  it('is cancelled by the customer as far as it is not paid', () =>
    inBooks(async (t) => {
      const invoice = await order(t, 100)
      await pay(t, invoice, 40)
      await asOwner(t)
      await t.query('select app_public.cancel_top_up($1)', [invoice])
      expect(await t.errorCode('select app_public.cancel_top_up($1)', [invoice])).toBe('LB561')
      expect(await stateOf(t, invoice)).toBe('paid 0')
      expect(await balances(t)).toEqual({ cash: 40, wallet: -40 })
    }))

  it('is credited by no credit note of staff', () =>
    inBooks(async (t) => {
      const invoice = await order(t, 100)
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode('select app_public.create_credit_note($1)', [invoice])).toBe('LB519')
    }))
})

describe('prepaid money', () => {
  it('pays invoices with their tax after the credit, and what expires soonest first', () =>
    inBooks(async (t) => {
      await topUp(t, 100)
      await give(t, 20, '2025-05-01Z')
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.add_credit(10, 'Sorry')`)
      expect(await stateOf(t, await bill(t, 50))).toBe('paid 0')
      expect(await left(t)).toEqual([0, 70])
      expect(await balances(t)).toEqual({ cash: 100, goodwill: 30, revenue: -50, tax: -10, wallet: -70 })
    }))

  it('pays what was open before it came, and is never overdrawn', () =>
    inBooks(async (t) => {
      const first = await bill(t, 50)
      const second = await bill(t, 50)
      await topUp(t, 100)
      expect([await stateOf(t, first), await stateOf(t, second)]).toEqual(['paid 0', 'finalised 20'])
      expect(await left(t)).toEqual([0])
      await t.becomeSuperuser()
      await t.query('call core.enter_tenant($1)', [db.acme.id])
      expect(
        await t.errorCode(
          `insert into app_public.wallet_entries (tenant_id, top_up_id, currency, amount, reason, occurred_at)
           select tenant_id, id, currency, -0.01, 'expired', now() from app_public.wallet_top_ups where tenant_id = $1`,
          [db.acme.id],
        ),
      ).toBe('23514')
    }))

  it('of a plan renews the subscription', () =>
    inBooks(async (t) => {
      await addPlan(t, { slug: 'small', amount: 30 })
      await topUp(t, 100)
      await asOwner(t)
      await t.query(`select app_public.start_subscription('small')`)
      await runBilling(t, db.acme.id, '2025-05-01 01:00Z')
      expect(await left(t)).toEqual([28])
    }))

  it('expires into revenue, and a gift into nothing', () =>
    inBooks(async (t) => {
      await topUp(t, 100)
      await give(t, 20, '2025-05-01Z')
      await runBilling(t, db.acme.id, '2026-04-01Z')
      expect(await balances(t)).toEqual({ cash: 100, revenue: -100 })
      await t.becomeRole('rowhouse_worker')
      expect(await t.query('select * from billing.tenants_to_bill() as id where id = $1', [db.acme.id])).toEqual([])
    }))

  it('that has expired pays nothing, also before the task has come', () =>
    inBooks(async (t) => {
      await give(t, 100, '2025-04-02Z')
      await setClock(t, '2025-04-02Z')
      expect(await stateOf(t, await bill(t, 50))).toBe('finalised 60')
      await t.becomeRole('rowhouse_worker')
      expect(await t.query('select * from billing.tenants_to_bill() as id where id = $1', [db.acme.id])).toHaveLength(1)
    }))

  it('of an invoice that is voided goes back to where it came from, not to the credit', () =>
    inBooks(async (t) => {
      await give(t, 40, '2025-05-01Z')
      const invoice = await bill(t, 50)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.void_invoice($1, 'Wrong')`, [invoice])
      expect(await left(t)).toEqual([40])
      expect(await balances(t)).toEqual({ goodwill: 40, wallet: -40 })
    }))

  it('of one currency pays nothing in another, and holds the currency of the profile', () =>
    inBooks(async (t) => {
      await topUp(t, 100)
      await asOwner(t)
      expect(await t.errorCode(`select app_public.update_billing_profile(currency => 'JPY')`)).toBe('LB503')
    }))

  it('is not rewritten by anybody', () =>
    inBooks(async (t) => {
      await topUp(t, 100)
      await t.becomeSuperuser()
      expect(await t.errorCode('update app_public.wallet_top_ups set amount = 200')).toBe('LB527')
      expect(await t.errorCode('delete from app_public.wallet_top_ups')).toBe('LB527')
      expect(await t.errorCode('update app_public.wallet_entries set amount = 200')).toBe('LB527')
    }))

  it('that was raised without an entry is named by verify_billing', () =>
    db.inTransaction(async (t) => {
      await payByInvoice(t, db.acme.id)
      await topUp(t, 100)
      await bill(t, 60)
      await t.becomeSuperuser()
      await t.query('update app_public.wallet_top_ups set amount_left = 100')
      expect((await differences(t, db.acme.id)).map((row) => (row as { what: string }).what.split(' ')[0])).toEqual([
        'wallet',
        'top-up',
      ])
    }))
})

describe('money of the wallet that goes back', () => {
  it('is refunded as far as it was not spent, once', () =>
    inBooks(async (t) => {
      const payment = await topUp(t, 100)
      await bill(t, 50)
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode('select app_public.refund_payment($1, 41)', [payment])).toBe('LB601')
      await t.query('select app_public.refund_payment($1)', [payment])
      expect(await t.errorCode('select app_public.refund_payment($1)', [payment])).toBe('LB601')
      expect(await balances(t)).toEqual({ cash: 60, revenue: -50, tax: -10 })
    }))

  it('comes back when the refund fails', () =>
    inBooks(async (t) => {
      const invoice = await order(t, 100)
      await t.becomeSuperuser()
      await t.query('call core.enter_tenant($1)', [db.acme.id])
      const payment = await t.value<string>(
        `insert into app_public.payments (tenant_id, invoice_id, provider, currency, amount, attempted_at, provider_payment_id)
         values ($1, $2, 'stripe', 'USD', 100, core.clock(), 'pi_1') returning id`,
        [db.acme.id, invoice],
      )
      await t.query(`select billing.finish_payment($1, $2, 'succeeded', 'pi_1')`, [db.acme.id, payment])
      await asStaff(t, db, db.acme.id)
      const refund = await t.value<string>('select id from app_public.refund_payment($1, 60)', [payment])
      expect(await left(t)).toEqual([40])
      expect(await differences(t, db.acme.id)).toEqual([])
      await t.query(`select billing.finish_refund($1, $2, 'failed')`, [db.acme.id, refund])
      expect(await left(t)).toEqual([100])
    }))

  it('is taken back by the bank as far as it was not spent; what was spent is due, and paid once', () =>
    inBooks(async (t) => {
      const invoice = await order(t, 100)
      const payment = await pay(t, invoice, 100)
      await bill(t, 50)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.reverse_payment($1, 'bounced')`, [payment])
      expect(await stateOf(t, invoice)).toBe('finalised 60')
      expect(await left(t)).toEqual([0])
      await asOwner(t)
      expect(await t.errorCode('select app_public.cancel_top_up($1)', [invoice])).toBe('LB561')
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode(`select app_public.void_invoice($1, 'x')`, [invoice])).toBe('LB518')
      await pay(t, invoice, 60)
      expect(await balances(t)).toEqual({ cash: 60, revenue: -50, tax: -10 })
    }))

  it('that the bank took back whole leaves nothing due', () =>
    inBooks(async (t) => {
      const invoice = await order(t, 100)
      const payment = await pay(t, invoice, 100)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.reverse_payment($1, 'bounced')`, [payment])
      expect(await stateOf(t, invoice)).toBe('void 0')
      expect(await balances(t)).toEqual({})
    }))

  it('is taken back by staff when it was a gift, and refunded when it was paid for', () =>
    inBooks(async (t) => {
      const gift = await give(t, 20, '2025-05-01Z')
      await t.query('select app_public.take_back_wallet_money($1)', [gift])
      await t.query('select app_public.take_back_wallet_money($1)', [gift])
      expect(await balances(t)).toEqual({})
      await topUp(t, 100)
      await t.becomeSuperuser()
      const paid = await t.value('select id from app_public.wallet_top_ups where payment_id is not null')
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode('select app_public.take_back_wallet_money($1)', [paid])).toBe('LB562')
      expect(await t.errorCode('select app_public.take_back_wallet_money(gen_random_uuid())')).toBe('LB360')
      await asOwner(t)
      expect(await t.errorCode('select app_public.take_back_wallet_money($1)', [gift])).toBe('TN205')
      expect(await t.errorCode(`select app_public.give_wallet_money(5, 'Mine')`)).toBe('TN205')
    }))
})
