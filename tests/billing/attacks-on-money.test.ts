// Attacks on the books: payments, refunds, disputes and events of the provider in every wrong order, and amounts that are none.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, asStaff, differences, invoicesOf, payByInvoice, runBilling, use } from './helpers.ts'

const db = useDatabase()

/** acme on a plan for 30 USD a month since 10 April, billed by invoice. */
async function onInvoice(t: Transaction, currency = 'USD'): Promise<string> {
  await addPlan(t, {
    slug: 'small',
    amount: 30,
    currency,
    components: [{ usageType: 'tool_call', model: 'per_unit', unitAmount: 1, included: 10 }],
  })
  await payByInvoice(t, db.acme.id, { currency })
  await setClock(t, '2025-04-10 12:00Z')
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('small')`)
  return (await invoicesOf(t, db.acme.id))[0]?.id as string
}

type Charged = { invoice: string; payment: string; intent: string }

/** The same with a card, which was charged for the first month. */
async function onCard(t: Transaction, currency = 'USD', amount = 30): Promise<Charged> {
  await addPlan(t, { slug: 'small', amount, currency })
  await payByInvoice(t, db.acme.id, { currency })
  await t.query(`update app_public.billing_profiles set collection_method = 'automatic' where tenant_id = $1`, [
    db.acme.id,
  ])
  await setClock(t, '2025-04-10 12:00Z')
  await t.become(db.acme.owner)
  const method = await t.value(`select id from app_public.add_payment_method('pm_card')`)
  await t.becomeRole('rowhouse_worker')
  await t.query(`select billing.finish_attaching_method($1, $2, 'visa', '4242', 1, 2030)`, [db.acme.id, method])
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('small')`)
  const [first] = await invoicesOf(t, db.acme.id)
  await t.becomeRole('rowhouse_worker')
  const payment = await t.value<string>('select payment_id from billing.begin_payment($1, $2)', [db.acme.id, first?.id])
  return { invoice: first?.id as string, payment, intent: 'pi_1' }
}

/** What the server does with a signed event; an event of the same id is a repeated one. */
async function receive(
  t: Transaction,
  type: string,
  payload: unknown,
  id: string = crypto.randomUUID(),
): Promise<string> {
  await t.becomeRole('rowhouse_authenticator')
  return t.value('select billing.receive_payment_event($1, $2, $3, $4, $5)', [
    'stripe',
    id,
    type,
    '2025-04-10 12:00Z',
    JSON.stringify(payload),
  ])
}
const intentOf = (charge: Charged, more: object = {}) => ({
  id: charge.intent,
  currency: 'usd',
  amount_received: 3000,
  metadata: { tenant_id: db.acme.id, payment_id: charge.payment },
  ...more,
})
const paidByCard = async (t: Transaction): Promise<Charged> => {
  const charge = await onCard(t)
  expect(await receive(t, 'payment_intent.succeeded', intentOf(charge))).toBe('applied')
  return charge
}
const dispute = (t: Transaction, charge: Charged, outcome: 'withdrawn' | 'reinstated', id?: string) =>
  receive(t, `charge.dispute.funds_${outcome}`, { payment_intent: charge.intent, amount: 3000 }, id)

const books = async (t: Transaction) => {
  await t.becomeSuperuser()
  const [row] = await t.query(
    `select i.amount_due::float as due, i.amount_paid::float as paid,
            (select coalesce(sum(amount), 0)::float from app_public.credit_entries c where c.tenant_id = i.tenant_id) as credit
       from app_public.invoices i where i.tenant_id = $1 and i.series = 'invoice' order by i.created_at limit 1`,
    [db.acme.id],
  )
  return row
}
const staff = async (t: Transaction, call: string, values: unknown[] = []): Promise<string | undefined> => {
  await asStaff(t, db, db.acme.id)
  return t.errorCode(`select * from app_public.${call}`, values)
}
const owner = async (t: Transaction, call: string, values: unknown[] = []): Promise<string | undefined> => {
  await t.become(db.acme.owner)
  return t.errorCode(`select * from app_public.${call}`, values)
}
const agree = async (t: Transaction) => expect(await differences(t, db.acme.id)).toEqual([])

describe('an event of the provider', () => {
  it('pays once, however often it is sent, under its own id or another', () =>
    db.inTransaction(async (t) => {
      const charge = await onCard(t)
      expect(await receive(t, 'payment_intent.succeeded', intentOf(charge), 'evt_once')).toBe('applied')
      expect(await receive(t, 'payment_intent.succeeded', intentOf(charge), 'evt_once')).toBe('repeated')
      expect(await receive(t, 'payment_intent.succeeded', intentOf(charge))).toBe('applied')
      expect(await books(t)).toEqual({ due: 0, paid: 30, credit: 0 })
      await agree(t)
    }))

  it('that says failed does not take back a payment that succeeded', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      for (const type of ['payment_intent.payment_failed', 'payment_intent.canceled', 'payment_intent.processing'])
        await receive(t, type, intentOf(charge))
      expect(await books(t)).toEqual({ due: 0, paid: 30, credit: 0 })
      await agree(t)
    }))

  it.each([
    ['another amount', { amount_received: 1 }],
    ['no amount', { amount_received: null }],
    ['an amount that is not a number', { amount_received: 'NaN' }],
    ['a text for an amount', { amount_received: 'a lot' }],
    ['an amount without end', { amount_received: 'Infinity' }],
    ['another currency', { currency: 'jpy' }],
    ['no currency', { currency: null }],
    ['no charge', { id: null }],
    ['no metadata', { metadata: null }],
    ['a list for metadata', { metadata: [1, 2] }],
    ['a tenant that is not a key', { metadata: { tenant_id: 'x', payment_id: 'y' } }],
    ['a tenant that does not exist', { metadata: { tenant_id: crypto.randomUUID(), payment_id: crypto.randomUUID() } }],
  ])('with %s pays nothing and is kept as unknown', (_, more) =>
    db.inTransaction(async (t) => {
      const charge = await onCard(t)
      expect(await receive(t, 'payment_intent.succeeded', intentOf(charge, more))).toBe('unknown')
      expect(await books(t)).toEqual({ due: 30, paid: 0, credit: 0 })
      await agree(t)
    }),
  )

  it('about the payment of another tenant pays nothing', () =>
    db.inTransaction(async (t) => {
      const charge = await onCard(t)
      const foreign = { metadata: { tenant_id: db.globex.id, payment_id: charge.payment } }
      expect(await receive(t, 'payment_intent.succeeded', intentOf(charge, foreign))).toBe('unknown')
      expect(await books(t)).toEqual({ due: 30, paid: 0, credit: 0 })
    }))

  it.each([
    ['payment_intent.succeeded', null],
    ['payment_intent.succeeded', []],
    ['payment_intent.succeeded', 'text'],
    ['refund.updated', {}],
    ['refund.updated', { id: {}, payment_intent: [], amount: {} }],
    ['charge.dispute.funds_withdrawn', { payment_intent: 'pi_of_nobody', amount: 'x' }],
    ['payment_method.detached', { id: 'pm_of_nobody' }],
  ])('%s with %j is unknown and never an error', (type, payload) =>
    db.inTransaction(async (t) => {
      await onCard(t)
      expect(await receive(t, type, payload)).toBe('unknown')
    }),
  )

  it.each(['', 'customer.deleted', 'payment_intent', 'payment_intent.amount_capturable_updated', 'a'.repeat(200)])(
    'of the unknown kind %j changes nothing',
    (type) =>
      db.inTransaction(async (t) => {
        const charge = await onCard(t)
        expect(await receive(t, type, intentOf(charge))).toBe('ignored')
        expect(await books(t)).toEqual({ due: 30, paid: 0, credit: 0 })
      }),
  )

  it('is not received from a person, nor from the worker', () =>
    db.inTransaction(async (t) => {
      await onCard(t)
      const call = `select billing.receive_payment_event('stripe', 'x', 'payment_intent.succeeded', now(), '{}')`
      await t.become(db.acme.owner)
      expect(await t.errorCode(call)).toBe('42501')
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode(call)).toBe('42501')
    }))
})

describe('a dispute', () => {
  it('that is lost twice takes the money once', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      await dispute(t, charge, 'withdrawn')
      await dispute(t, charge, 'withdrawn')
      expect(await books(t)).toEqual({ due: 30, paid: 0, credit: 0 })
      await agree(t)
    }))

  it('that is won twice brings the money back once', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      await dispute(t, charge, 'withdrawn')
      await dispute(t, charge, 'reinstated')
      await dispute(t, charge, 'reinstated')
      expect(await books(t)).toEqual({ due: 0, paid: 30, credit: 0 })
      await agree(t)
    }))

  it('whose end comes before its beginning leaves the payment as it was', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      await dispute(t, charge, 'reinstated')
      expect(await books(t)).toEqual({ due: 0, paid: 30, credit: 0 })
      await agree(t)
    }))

  it('about a part is for staff to look at', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      for (const amount of [1, 3001, -3000, null])
        expect(await receive(t, 'charge.dispute.funds_withdrawn', { payment_intent: charge.intent, amount })).toBe(
          'unknown',
        )
      expect(await books(t)).toEqual({ due: 0, paid: 30, credit: 0 })
    }))

  it('leaves nothing to refund, and a refund leaves nothing to dispute', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      await dispute(t, charge, 'withdrawn')
      expect(await staff(t, 'refund_payment($1)', [charge.payment])).toBe('LB522')
      await dispute(t, charge, 'reinstated')
      expect(await staff(t, 'refund_payment($1)', [charge.payment])).toBeUndefined()
      expect(await staff(t, `reverse_payment($1, 'x')`, [charge.payment])).toBe('LB522')
      expect(await dispute(t, charge, 'withdrawn')).toBe('unknown')
      await agree(t)
    }))

  it('that is won after the invoice was paid again becomes credit, once', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      await dispute(t, charge, 'withdrawn')
      expect(await staff(t, `record_payment($1, 30, 'transfer')`, [charge.invoice])).toBeUndefined()
      await dispute(t, charge, 'reinstated')
      expect(await books(t)).toEqual({ due: 0, paid: 30, credit: 30 })
      await agree(t)
    }))

  it('that is won after the invoice was written off is money that came', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      await dispute(t, charge, 'withdrawn')
      expect(await staff(t, `write_off_invoice($1, 'gone')`, [charge.invoice])).toBeUndefined()
      await dispute(t, charge, 'reinstated')
      await agree(t)
    }))
})

describe('a payment', () => {
  it('is not recorded for more than is due, nor for nothing, less than nothing, or a number that is none', () =>
    db.inTransaction(async (t) => {
      const invoice = await onInvoice(t)
      for (const [amount, code] of [
        ['30.01', 'LB602'],
        ['1e30', 'LB402'],
        ['0', 'LB402'],
        ['-1', 'LB402'],
        ['NaN', 'LB402'],
        ['Infinity', 'LB402'],
        ['0.001', 'LB402'],
        [null, 'LB402'],
      ])
        expect([amount, await staff(t, 'record_payment($1, $2)', [invoice, amount])]).toEqual([amount, code])
      await agree(t)
    }))

  it('that is recorded twice under its reference counts once', () =>
    db.inTransaction(async (t) => {
      const invoice = await onInvoice(t)
      for (let i = 0; i < 2; i += 1)
        expect(await staff(t, `record_payment($1, 10, 'transfer 1')`, [invoice])).toBeUndefined()
      expect(await staff(t, `record_payment($1, 20, 'transfer 1')`, [invoice])).toBe('LB520')
      expect(await books(t)).toEqual({ due: 20, paid: 10, credit: 0 })
      await agree(t)
    }))

  it('by card that arrives after the transfer is credit, not lost and not paid twice', () =>
    db.inTransaction(async (t) => {
      const charge = await onCard(t)
      await staff(t, `record_payment($1, 30, 'transfer')`, [charge.invoice])
      await receive(t, 'payment_intent.succeeded', intentOf(charge))
      expect(await books(t)).toEqual({ due: 0, paid: 30, credit: 30 })
      await agree(t)
      // the doubled money is paid back once: its credit is gone then
      expect(await staff(t, 'refund_payment($1)', [charge.payment])).toBeUndefined()
      expect(await books(t)).toEqual({ due: 0, paid: 30, credit: 0 })
      expect(await staff(t, 'pay_out_credit(30, $1)', ['x'])).toBe('LB603')
    }))

  it('of another tenant or of nobody is neither refunded nor reversed', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      await asStaff(t, db, db.globex.id)
      for (const call of [`refund_payment('${charge.payment}')`, `reverse_payment('${charge.payment}', 'x')`])
        expect(await t.errorCode(`select app_public.${call}`)).toBe('LB305')
    }))

  it('is not confirmed by who pays', () =>
    db.inTransaction(async (t) => {
      const invoice = await onInvoice(t)
      expect(await owner(t, 'record_payment($1, 30)', [invoice])).toBe('TN205')
      expect(await owner(t, `save_plan('small', 'x') union select * from app_public.save_plan('small', 'y')`)).toBe(
        'TN205',
      )
      expect(
        await t.errorCode(`insert into app_public.payments (tenant_id, invoice_id, provider, status, currency, amount)
          values ('${db.acme.id}', '${invoice}', 'manual', 'succeeded', 'USD', 30)`),
      ).toBe('42501')
      expect(await t.errorCode(`select billing.finish_payment($1, $1, 'succeeded')`, [db.acme.id])).toBe('42501')
      expect(await t.errorCode(`call core.enter_tenant($1)`, [db.globex.id])).toBe('42501')
    }))
})

describe('refunds', () => {
  it('in parts never come to more than was paid', () =>
    db.inTransaction(async (t) => {
      const invoice = await onInvoice(t)
      await staff(t, 'record_payment($1, 30)', [invoice])
      await t.becomeSuperuser()
      const payment = await t.value('select id from app_public.payments where invoice_id = $1', [invoice])
      expect(await staff(t, 'refund_payment($1, 20)', [payment])).toBeUndefined()
      expect(await staff(t, 'refund_payment($1, 10.01)', [payment])).toBe('LB601')
      expect(await staff(t, 'refund_payment($1, 10)', [payment])).toBeUndefined()
      expect(await staff(t, 'refund_payment($1, 0.01)', [payment])).toBe('LB601')
      expect(await staff(t, 'refund_payment($1)', [payment])).toBe('LB601')
      for (const amount of ['-5', '0', 'NaN', 'Infinity', '1e40'])
        expect([amount, await staff(t, 'refund_payment($1, $2)', [payment, amount])]).toEqual([
          amount,
          expect.stringMatching(/^LB(402|601)$/),
        ])
      await agree(t)
    }))

  it('after a credit note give back only what the note left', () =>
    db.inTransaction(async (t) => {
      const invoice = await onInvoice(t)
      await staff(t, 'record_payment($1, 30)', [invoice])
      await staff(t, 'create_credit_note($1, 20)', [invoice])
      await t.becomeSuperuser()
      const payment = await t.value('select id from app_public.payments where invoice_id = $1', [invoice])
      expect(await staff(t, 'refund_payment($1, 11)', [payment])).toBe('LB601')
      expect(await staff(t, 'refund_payment($1, 10)', [payment])).toBeUndefined()
      expect(await books(t)).toMatchObject({ credit: 20 })
      await agree(t)
    }))

  it('made at the provider for more than was paid, for nothing, or again, change nothing more', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      const refund = (amount: unknown, id = 're_1', status = 'succeeded') =>
        receive(t, 'refund.updated', { id, payment_intent: charge.intent, amount, status })
      expect([await refund(3001), await refund(0), await refund(-1), await refund('NaN'), await refund(null)]).toEqual(
        Array(5).fill('unknown'),
      )
      expect([await refund(2000), await refund(2000)]).toEqual(['applied', 'applied'])
      expect(await refund(2000, 're_2')).toBe('unknown')
      await agree(t)
      await t.becomeSuperuser()
      expect(
        await t.value('select sum(amount)::float from app_public.refunds where tenant_id = $1', [db.acme.id]),
      ).toBe(20)
    }))

  it('that fails twice after it had succeeded is owed once', () =>
    db.inTransaction(async (t) => {
      const charge = await paidByCard(t)
      const refund = (status: string) =>
        receive(t, 'refund.updated', { id: 're_1', payment_intent: charge.intent, amount: 3000, status })
      for (const status of ['succeeded', 'failed', 'failed', 'succeeded']) await refund(status)
      expect(await books(t)).toMatchObject({ credit: 30 })
      await agree(t)
    }))
})

describe('credit', () => {
  it('of one currency never pays another', () =>
    db.inTransaction(async (t) => {
      await onInvoice(t, 'USD')
      await t.becomeSuperuser()
      expect(
        await t.errorCode(
          `insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id)
           select tenant_id, 'JPY', -30, 'applied', id from app_public.invoices where tenant_id = $1 limit 1`,
          [db.acme.id],
        ),
      ).toMatch(/^23/)
    }))

  it('keeps the currency of the profile, as do drafts, open invoices and a subscription', () =>
    db.inTransaction(async (t) => {
      const invoice = await onInvoice(t)
      const change = () => owner(t, `update_billing_profile(currency => 'JPY')`)
      expect(await change()).toMatch(/^LB5/)
      await owner(t, 'cancel_subscription(false)')
      expect(await change()).toMatch(/^LB5/)
      await staff(t, `record_payment($1, (select amount_due from app_public.invoices where id = $1))`, [invoice])
      await staff(t, `add_credit(5, 'gift')`)
      expect(await change()).toMatch(/^LB5/)
    }))

  it('is paid out only as far as there is some', () =>
    db.inTransaction(async (t) => {
      await onInvoice(t)
      for (const amount of ['1', '0', '-1', 'NaN', 'Infinity', '0.001'])
        expect([amount, await staff(t, `pay_out_credit($1, 'x')`, [amount])]).toEqual([
          amount,
          expect.stringMatching(/^LB/),
        ])
      expect(await owner(t, `pay_out_credit(1, 'x')`)).toBe('TN205')
      await agree(t)
    }))
})

describe('currencies with three decimals', () => {
  it('are charged as the provider takes them, and the books agree to the thousandth', () =>
    db.inTransaction(async (t) => {
      const charge = await onCard(t, 'KWD', 5.124)
      expect(
        await receive(t, 'payment_intent.succeeded', intentOf(charge, { currency: 'kwd', amount_received: 5130 })),
      ).toBe('applied')
      expect(await books(t)).toEqual({ due: 0, paid: 5.124, credit: 0.006 })
      expect(await staff(t, 'refund_payment($1, 5.124)', [charge.payment])).toBe('LB402')
      await agree(t)
    }))
})

describe('voiding', () => {
  it('bills the use again, once, and late use on top', () =>
    db.inTransaction(async (t) => {
      await onInvoice(t)
      await setClock(t, '2025-04-20Z')
      await use(t, db.acme.owner, 'tool_call', 40, '2025-04-20Z')
      await runBilling(t, db.acme.id, '2025-05-10 12:00Z')
      await runBilling(t, db.acme.id, '2025-05-12 12:00Z')
      const second = (await invoicesOf(t, db.acme.id)).find(({ lines }) => lines.some(({ kind }) => kind === 'overage'))
      expect(await staff(t, `void_invoice($1, 'wrong')`, [second?.id])).toBeUndefined()
      expect(await staff(t, `void_invoice($1, 'wrong')`, [second?.id])).toBe('LB518')
      await setClock(t, '2025-05-13Z')
      await use(t, db.acme.owner, 'tool_call', 5, '2025-04-21Z')
      await runBilling(t, db.acme.id, '2025-05-15 12:00Z')
      await runBilling(t, db.acme.id, '2025-06-10 12:00Z')
      await runBilling(t, db.acme.id, '2025-06-12 12:00Z')
      const usage = (await invoicesOf(t, db.acme.id))
        .filter(({ status }) => status !== 'void')
        .flatMap(({ lines }) => lines)
        .filter(({ kind }) => kind === 'overage' || kind === 'adjustment')
        .reduce((sum, { amount }) => sum + Number(amount), 0)
      expect(usage).toBe(35)
      await agree(t)
    }))

  it('is not for what was paid, credited or written off', () =>
    db.inTransaction(async (t) => {
      const invoice = await onInvoice(t)
      await staff(t, 'record_payment($1, 1)', [invoice])
      expect(await staff(t, `void_invoice($1, 'x')`, [invoice])).toBe('LB518')
      await staff(t, `write_off_invoice($1, 'x')`, [invoice])
      expect(await staff(t, `void_invoice($1, 'x')`, [invoice])).toBe('LB518')
      expect(await staff(t, 'create_credit_note($1)', [invoice])).toBe('LB519')
      expect(await owner(t, `void_invoice($1, 'x')`, [invoice])).toBe('TN205')
      await agree(t)
    }))
})
