// The books: what was billed, paid, credited and given back, by double entry, whatever the bank, the provider or a person with
// a superuser's login does to it.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import {
  addPlan,
  amountsOf,
  asStaff,
  differences,
  type Invoice,
  invoicesOf,
  payByInvoice,
  runBilling,
  use,
} from './helpers.ts'

const db = useDatabase()

const begin = async (t: Transaction, { cycle = 'monthly', currency = 'USD' } = {}): Promise<void> => {
  await addPlan(t, { slug: 'free', tier: 'free', amount: 0 })
  for (const [slug, tier, amount] of [
    ['small', 'standard', 30],
    ['large', 'professional', 90],
  ] as const)
    await addPlan(t, {
      slug,
      tier,
      amount,
      cycle,
      currency,
      components: [{ usageType: 'search', model: 'per_unit', unitAmount: slug === 'small' ? 1 : 0.01, included: 60 }],
    })
  await payByInvoice(t, db.acme.id, { currency })
  await setClock(t, '2025-04-01Z')
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('small', $1::app_public.billing_cycle_enum)`, [cycle])
}

const pay = async (t: Transaction, invoice: Invoice | undefined, amount: number): Promise<string> => {
  await asStaff(t, db, db.acme.id)
  return t.value<string>('select id from app_public.record_payment($1, $2)', [invoice?.id, amount])
}

const cancelNow = async (t: Transaction): Promise<void> => {
  await t.become(db.acme.owner)
  await t.query('select app_public.cancel_subscription(false)')
}

/** What is due on all invoices, and the credit. */
const standing = async (t: Transaction): Promise<{ due: number; credit: number }> => {
  await t.becomeSuperuser()
  const [row] = await t.query<{ due: number; credit: number }>(
    `select (select coalesce(sum(amount_due), 0)::float8 from app_public.invoices where tenant_id = $1) as due,
            billing.credit_balance($1, 'USD')::float8 as credit`,
    [db.acme.id],
  )
  return row ?? { due: Number.NaN, credit: Number.NaN }
}

const receive = async (t: Transaction, type: string, payload: object): Promise<string> => {
  await t.becomeRole('rowhouse_authenticator')
  return t.value(`select billing.receive_payment_event('stripe', $1, $2, core.clock(), $3)`, [
    crypto.randomUUID(),
    type,
    payload,
  ])
}

/** A payment by card that succeeded, as the worker records it. */
const payByCard = async (t: Transaction, invoice: Invoice | undefined): Promise<string> => {
  await t.becomeSuperuser()
  await t.query('call core.enter_tenant($1)', [db.acme.id])
  const id = await t.value<string>(
    `insert into app_public.payments (tenant_id, invoice_id, provider, currency, amount, attempted_at, provider_payment_id)
     values ($1, $2, 'stripe', 'USD', 30, core.clock(), 'pi_1') returning id`,
    [db.acme.id, invoice?.id],
  )
  await t.query(`select billing.finish_payment($1, $2, 'succeeded', 'pi_1')`, [db.acme.id, id])
  return id
}

describe('money that comes back', () => {
  it('from a debit that bounces after cancelling leaves the days that were used, and no credit', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      const [invoice] = await invoicesOf(t, db.acme.id)
      const payment = await pay(t, invoice, 30)
      await setClock(t, '2025-04-05Z')
      await cancelNow(t)
      expect(await standing(t)).toEqual({ due: 0, credit: 25 })
      await asStaff(t, db, db.acme.id)
      await t.query('select app_public.reverse_payment($1, $2)', [payment, 'bounced'])
      expect(await standing(t)).toEqual({ due: 5, credit: 0 })
      expect(await t.errorCode('select app_public.reverse_payment($1, $2)', [payment, 'again'])).toBeDefined()
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('in a dispute is due again, and paid again when the dispute is won', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await payByCard(t, (await invoicesOf(t, db.acme.id))[0])
      const dispute = { payment_intent: 'pi_1', amount: 3000, reason: 'fraudulent' }
      expect(await receive(t, 'charge.dispute.funds_withdrawn', dispute)).toBe('applied')
      expect(await receive(t, 'charge.dispute.funds_withdrawn', dispute)).toBe('applied')
      expect(await standing(t)).toEqual({ due: 30, credit: 0 })
      expect(await receive(t, 'charge.dispute.funds_reinstated', dispute)).toBe('applied')
      expect(await standing(t)).toEqual({ due: 0, credit: 0 })
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('twice for one invoice is given back once: as money, not as credit too', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      const [invoice] = await invoicesOf(t, db.acme.id)
      await pay(t, invoice, 30)
      const second = await payByCard(t, invoice)
      expect(await standing(t)).toEqual({ due: 0, credit: 30 })
      await asStaff(t, db, db.acme.id)
      const refund = await t.value<string>('select id from app_public.refund_payment($1)', [second])
      expect(await standing(t)).toEqual({ due: 0, credit: 0 })
      await t.query(`select billing.finish_refund($1, $2, 'succeeded', 're_1')`, [db.acme.id, refund])
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode('select app_public.refund_payment($1)', [second])).toBe('LB601')
      expect((await invoicesOf(t, db.acme.id)).map(({ total }) => total)).toEqual(['30.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('in a dispute about a payment that was too much, and is won, is credit as before', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      const [invoice] = await invoicesOf(t, db.acme.id)
      await pay(t, invoice, 30)
      const second = await payByCard(t, invoice)
      const dispute = { payment_intent: 'pi_1', amount: 3000 }
      await receive(t, 'charge.dispute.funds_withdrawn', dispute)
      expect(await standing(t)).toEqual({ due: 0, credit: 0 })
      await receive(t, 'charge.dispute.funds_reinstated', dispute)
      expect(await standing(t)).toEqual({ due: 0, credit: 30 })
      expect(await differences(t, db.acme.id)).toEqual([])
      await asStaff(t, db, db.acme.id)
      expect(await t.value('select amount::text from app_public.refund_payment($1)', [second])).toBe('30.00')
    }))

  it('from a refund that fails after it had succeeded becomes credit', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      const payment = await payByCard(t, (await invoicesOf(t, db.acme.id))[0])
      await asStaff(t, db, db.acme.id)
      const refund = await t.value<string>('select id from app_public.refund_payment($1, 10)', [payment])
      await t.becomeSuperuser()
      await t.query(`select billing.finish_refund($1, $2, 'succeeded', 're_1')`, [db.acme.id, refund])
      expect(
        await receive(t, 'refund.failed', { id: 're_1', payment_intent: 'pi_1', status: 'failed', amount: 1000 }),
      ).toBe('applied')
      expect(await standing(t)).toEqual({ due: 0, credit: 10 })
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('signed events that cannot be read', () => {
  it.each([
    [
      'an amount that is none',
      'refund.created',
      { payment_intent: 'pi_1', amount: 'abc', status: 'succeeded', id: 're_x' },
    ],
    [
      'an amount beyond all numbers',
      'refund.created',
      { payment_intent: 'pi_1', amount: 1e300, status: 'succeeded', id: 're_x' },
    ],
    ['no object', 'payment_intent.succeeded', []],
    ['a dispute of a part', 'charge.dispute.funds_withdrawn', { payment_intent: 'pi_1', amount: 1 }],
  ])('with %s are kept as unknown', (_name, type, payload) =>
    db.inTransaction(async (t) => {
      await begin(t)
      await payByCard(t, (await invoicesOf(t, db.acme.id))[0])
      expect(await receive(t, type, payload)).toBe('unknown')
      expect(await differences(t, db.acme.id)).toEqual([])
    }),
  )
})

// Stripe takes no thousandths: 5.124 KWD is charged as 5.130, and the 0.006 that are too much are credit
it('a charge in a currency with three decimal places is what the provider can move', () =>
  db.inTransaction(async (t) => {
    await begin(t, { currency: 'KWD' })
    const [invoice] = await invoicesOf(t, db.acme.id)
    await pay(t, invoice, 24.876)
    await t.becomeSuperuser()
    await t.query(
      `insert into app_public.payment_methods (tenant_id, provider, provider_method_id, status, is_default) values ($1, 'stripe', 'pm_1', 'attached', true)`,
      [db.acme.id],
    )
    await t.become(db.acme.owner)
    await t.query('select app_public.pay_invoice($1)', [invoice?.id])
    await t.becomeRole('rowhouse_worker')
    const [begun] = await t.query<{ payment_id: string; amount_minor: string }>(
      'select * from billing.begin_payment($1, $2)',
      [db.acme.id, invoice?.id],
    )
    expect(Number(begun?.amount_minor)).toBe(5130)
    await t.query(`select billing.finish_payment($1, $2, 'succeeded', 'pi_1')`, [db.acme.id, begun?.payment_id])
    await t.becomeSuperuser()
    expect(await t.value(`select billing.credit_balance($1, 'KWD')::text`, [db.acme.id])).toBe('0.006')
    await asStaff(t, db, db.acme.id)
    expect(await t.errorCode('select app_public.refund_payment($1, 1.001)', [begun?.payment_id])).toBe('LB402')
    await t.query('select app_public.refund_payment($1)', [begun?.payment_id])
    expect(await differences(t, db.acme.id)).toEqual([])
  }))

describe('staff', () => {
  it('finalise no draft without a line, and it takes no number', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await asStaff(t, db, db.acme.id)
      const draft = await t.value<string>('select id from app_public.create_invoice()')
      expect(await t.errorCode('select app_public.finalise_invoice($1)', [draft])).toBe('LB535')
      await t.query(`select app_public.add_invoice_line($1, 'Setup', 5)`, [draft])
      expect(await t.value('select number from app_public.finalise_invoice($1)', [draft])).toBe('INV-000002')
    }))

  it('write off what will not be paid', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      const [invoice] = await invoicesOf(t, db.acme.id)
      await pay(t, invoice, 10)
      await t.query(`select app_public.write_off_invoice($1, 'bankrupt')`, [invoice?.id])
      expect(await standing(t)).toEqual({ due: 0, credit: 0 })
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode(`select app_public.write_off_invoice($1, 'again')`, [invoice?.id])).toBe('LB521')
      // what was given up is not given back as credit
      expect(await t.errorCode('select app_public.create_credit_note($1)', [invoice?.id])).toBe('LB519')
      expect(await t.errorCode(`select app_public.void_invoice($1, 'x')`, [invoice?.id])).toBe('LB518')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('pay credit out, and never more than there is', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await pay(t, (await invoicesOf(t, db.acme.id))[0], 30)
      await t.query(`select app_public.add_credit(20, 'sorry')`)
      await t.query(`select app_public.pay_out_credit(15, 'transfer')`)
      expect(await t.errorCode(`select app_public.pay_out_credit(6, 'transfer')`)).toBe('LB603')
      expect(await standing(t)).toEqual({ due: 0, credit: 5 })
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it.each(['write_off_invoice', 'reverse_payment', 'pay_out_credit'])('alone may call %s', (name) =>
    db.inTransaction(async (t) => {
      await begin(t)
      const payment = await pay(t, (await invoicesOf(t, db.acme.id))[0], 30)
      await t.become(db.acme.owner)
      const first = name === 'pay_out_credit' ? 1 : payment
      expect(await t.errorCode(`select app_public.${name}($1, 'x')`, [first])).toBe('TN205')
    }),
  )
})

describe('money has its unit', () => {
  it('credit in yen pays no dollars', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await t.becomeSuperuser()
      await t.query('call core.enter_tenant($1)', [db.acme.id])
      await t.query(
        `insert into app_public.credit_entries (tenant_id, currency, amount, reason, occurred_at) values ($1, 'JPY', 3000, 'goodwill', now())`,
        [db.acme.id],
      )
      await runBilling(t, db.acme.id, '2025-05-02Z')
      expect(await standing(t)).toEqual({ due: 60, credit: 0 })
    }))

  it('a payment in another currency than its invoice cannot be written at all', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      const [invoice] = await invoicesOf(t, db.acme.id)
      await t.query('call core.enter_tenant($1)', [db.acme.id])
      expect(
        await t.errorCode(
          `insert into app_public.payments (tenant_id, invoice_id, provider, currency, amount, attempted_at) values ($1, $2, 'manual', 'JPY', 1, now())`,
          [db.acme.id, invoice?.id],
        ),
      ).toBe('23503')
    }))

  it.each(['an open invoice', 'credit in another currency'])(
    'the currency of a profile stays while there is %s',
    (what) =>
      db.inTransaction(async (t) => {
        await begin(t)
        const [invoice] = await invoicesOf(t, db.acme.id)
        if (what !== 'an open invoice') await pay(t, invoice, 30)
        await t.becomeSuperuser()
        await t.query(
          `update app_public.subscriptions set status = 'cancelled', ended_at = core.clock() where tenant_id = $1`,
          [db.acme.id],
        )
        if (what !== 'an open invoice')
          await t.query(
            `insert into app_public.credit_entries (tenant_id, currency, amount, reason, occurred_at) values ($1, 'JPY', 1, 'goodwill', now())`,
            [db.acme.id],
          )
        await t.become(db.acme.owner)
        expect(await t.errorCode(`select app_public.update_billing_profile(currency => 'EUR')`)).toBe('LB503')
      }),
  )
})

describe('use', () => {
  // 15 of 30 days include 30 of 60: 70 × 1; the larger plan on the last days prices nothing of it
  it('is priced by the plan under which it was used, as the preview says', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await setClock(t, '2025-04-16Z')
      await use(t, db.acme.member, 'search', 100, '2025-04-02Z')
      await t.become(db.acme.owner)
      const previewed = await t.query(
        `select kind || ' ' || amount as line from app_public.preview_plan_change('large') where kind not in ('subtotal', 'tax', 'total')`,
      )
      await t.query(`select app_public.change_plan('large')`)
      const change = (await invoicesOf(t, db.acme.id)).at(-1)
      expect(amountsOf(change)).toEqual(['proration -15.00', 'proration 45.00', 'overage 70.00'])
      expect(previewed.map(({ line }) => line)).toEqual(amountsOf(change))
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('of an annual plan is billed monthly, each month with its share of what is included', () =>
    db.inTransaction(async (t) => {
      await begin(t, { cycle: 'annual' })
      await setClock(t, '2025-04-20Z')
      await use(t, db.acme.member, 'search', 50, '2025-04-20Z')
      await runBilling(t, db.acme.id, '2025-05-02Z')
      const invoices = await invoicesOf(t, db.acme.id)
      expect(invoices.map(({ reason }) => reason)).toEqual(['period', 'usage'])
      // 60 × 30 / 365 = 4.93 are included
      expect(amountsOf(invoices[1])).toEqual(['overage 45.07'])
      await runBilling(t, db.acme.id, '2025-06-02Z')
      expect((await invoicesOf(t, db.acme.id)).length).toBe(3)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('that is recorded after the last invoice gets one of its own, once', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await setClock(t, '2025-04-16Z')
      await cancelNow(t)
      await use(t, db.acme.member, 'search', 100, '2025-04-10Z')
      await t.becomeRole('rowhouse_worker')
      expect(await t.query('select billing.tenants_to_bill() as id')).toContainEqual({ id: db.acme.id })
      await runBilling(t, db.acme.id, '2025-04-17Z')
      await runBilling(t, db.acme.id, '2025-04-19Z')
      expect((await invoicesOf(t, db.acme.id)).map(amountsOf).slice(2)).toEqual([['adjustment 70.00']])
      await t.becomeRole('rowhouse_worker')
      expect(await t.query('select billing.tenants_to_bill() as id')).not.toContainEqual({ id: db.acme.id })
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('of a voided invoice is billed again', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await setClock(t, '2025-04-10Z')
      await use(t, db.acme.member, 'search', 100, '2025-04-10Z')
      await runBilling(t, db.acme.id, '2025-05-02Z')
      const invoice = (await invoicesOf(t, db.acme.id)).at(-1)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.void_invoice($1, 'wrong')`, [invoice?.id])
      await runBilling(t, db.acme.id, '2025-05-03Z')
      expect(amountsOf((await invoicesOf(t, db.acme.id)).at(-1))).toEqual(['overage 40.00'])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('tampering', () => {
  it.each([
    ['an invoice', `update app_public.invoices set total = 1, subtotal = 1 where tenant_id = $1`],
    ['a line', `update app_public.invoice_lines set amount = 1 where tenant_id = $1`],
    ['a payment', `update app_public.payments set amount = 1 where tenant_id = $1`],
    ['credit', `update app_public.credit_entries set amount = 1 where tenant_id = $1`],
    ['a posting', `delete from billing.ledger_entries where tenant_id = $1`],
  ])('with %s is refused also where triggers are off for replication', (_name, statement) =>
    db.inTransaction(async (t) => {
      await begin(t)
      await pay(t, (await invoicesOf(t, db.acme.id))[0], 30)
      await t.query(`select app_public.add_credit(20, 'sorry')`)
      await t.becomeSuperuser()
      await t.query(`set local session_replication_role = replica`)
      expect(await t.errorCode(statement, [db.acme.id])).toMatch(/^LB5(14|27)$/)
    }),
  )

  it.each([
    [
      'the header',
      'invoices',
      `update app_public.invoices set subtotal = subtotal - 1, tax = tax + 1 where tenant_id = $1`,
      /subtotal/,
    ],
    [
      'a line',
      'invoice_lines',
      `update app_public.invoice_lines set amount = 20 where tenant_id = $1`,
      /line 1|subtotal/,
    ],
    ['a payment', 'payments', `delete from app_public.payments where tenant_id = $1`, /cash|paid/],
    [
      'the credit',
      'credit_entries',
      `update app_public.credit_entries set amount = 200 where tenant_id = $1`,
      /credit/,
    ],
  ])('with %s by an owner who takes the triggers off is named by verify_billing', (_name, table, statement, named) =>
    db.inTransaction(async (t) => {
      await begin(t)
      await pay(t, (await invoicesOf(t, db.acme.id))[0], 30)
      await t.query(`select app_public.add_credit(20, 'sorry')`)
      expect(await differences(t, db.acme.id)).toEqual([])
      await t.query(`alter table app_public.${table} disable trigger user`)
      await t.query(statement, [db.acme.id])
      const found = (await differences(t, db.acme.id)) as { what: string }[]
      expect(found.map(({ what }) => what).join()).toMatch(named)
    }),
  )

  it.each([
    [
      'a header',
      'invoices',
      `update app_public.invoices set billed_to = '{"legal_name": "Forged"}' where tenant_id = $1`,
      /^document/,
    ],
    [
      'the words of a line',
      'invoice_lines',
      `update app_public.invoice_lines set description = 'Forged' where tenant_id = $1`,
      /^document/,
    ],
    [
      'the reference of a payment',
      'payments',
      `update app_public.payments set reference = 'Forged' where tenant_id = $1`,
      /^payment/,
    ],
    [
      'the memo of a credit',
      'credit_entries',
      `update app_public.credit_entries set memo = 'Forged' where tenant_id = $1`,
      /^credit/,
    ],
  ])('with %s, whose figures still add up, is named by verify_billing', (_name, table, statement, named) =>
    db.inTransaction(async (t) => {
      await begin(t)
      await pay(t, (await invoicesOf(t, db.acme.id))[0], 30)
      await t.query(`select app_public.add_credit(20, 'sorry')`)
      await t.becomeSuperuser()
      await t.query(`alter table app_public.${table} disable trigger user`)
      await t.query(statement, [db.acme.id])
      const found = (await differences(t, db.acme.id)) as { what: string }[]
      expect(found.map(({ what }) => what)).toEqual([expect.stringMatching(named)])
    }),
  )

  it('with the ledger by a posting that does not sum to 0 is refused', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await t.becomeSuperuser()
      expect(
        await t.errorCode(`select billing.post($1, 'payment', 'USD', $1, array['cash', 'receivable'], array[2, -1])`, [
          db.acme.id,
        ]),
      ).toBe('LB903')
    }))
})
