// Invoices: usage, late events, tax, credit, numbers, and that what is final stays as it is. Worked out by hand.

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

/** acme on a plan of 10 a month with 100 searches included and 0.015 for each more, from 1 April 2025. */
async function metered(
  t: Transaction,
  settings: { currency?: string; taxRate?: number; amount?: number } = {},
): Promise<void> {
  await t.becomeSuperuser()
  await addPlan(t, {
    slug: 'metered',
    amount: settings.amount ?? 10,
    currency: settings.currency ?? 'USD',
    components: [
      { usageType: 'search', model: 'per_unit', unitAmount: '0.015', included: 100 },
      { usageType: 'tool_call', model: 'tiered', tiers: [{ upTo: 10, unitAmount: 1 }, { unitAmount: 0.1 }] },
    ],
  })
  await payByInvoice(t, db.acme.id, settings)
  await setClock(t, '2025-04-01 09:00Z')
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('metered')`)
}

async function explanation(t: Transaction, id: string | undefined) {
  await t.become(db.acme.owner)
  return t.query<{ kind: string; is_equal: boolean; recomputed: string }>(
    'select kind, is_equal, recomputed::text from app_public.explain_invoice($1)',
    [id],
  )
}

const last = (invoices: Invoice[]): Invoice | undefined => invoices.at(-1)

describe('usage', () => {
  // 150 searches: 50 × 0.015 = 0.75; 25 tool calls: 10 × 1 + 15 × 0.1 = 11.50; and 10 for May
  it('is billed in arrears with the next period, a line for each component, and explained to the cent', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await setClock(t, '2025-04-20Z')
      await use(t, db.acme.member, 'search', 150, '2025-04-15Z')
      await use(t, db.acme.member, 'tool_call', 25, '2025-04-16Z')
      await t.become(db.acme.owner)
      expect(
        await t.query(
          `select kind, amount::text from app_public.preview_invoice() where kind in ('overage', 'usage', 'total')`,
        ),
      ).toEqual([
        { kind: 'overage', amount: '0.75' },
        { kind: 'usage', amount: '11.50' },
        { kind: 'total', amount: '22.25' },
      ])
      await runBilling(t, db.acme.id, '2025-05-01 00:30Z')
      const draft = last(await invoicesOf(t, db.acme.id))
      expect([draft?.status, draft?.number, draft?.total]).toEqual(['draft', null, '22.25'])
      // within the hour a little late is not late
      await use(t, db.acme.member, 'search', 1, '2025-04-30 23:59Z')
      await runBilling(t, db.acme.id, '2025-05-01 01:00Z')
      const invoice = last(await invoicesOf(t, db.acme.id))
      expect([invoice?.status, amountsOf(invoice), invoice?.total]).toEqual([
        'finalised',
        ['recurring 10.00', 'overage 0.77', 'usage 11.50'],
        '22.27',
      ])
      const lines = await explanation(t, invoice?.id)
      expect(lines.map(({ kind, is_equal }) => [kind, is_equal])).toEqual(
        ['recurring', 'overage', 'usage', 'subtotal', 'tax', 'total'].map((kind) => [kind, true]),
      )
      expect(lines.at(-1)?.recomputed).toBe('22.27')
    }))

  // 50 beyond: 0.75. Late 30 → 80 beyond: 1.20, so 0.45 more; then 20 → 100 beyond: 1.50, 0.30 more
  it('that is recorded after the invoice becomes an adjustment on the next, tiers counted from the whole', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await use(t, db.acme.member, 'search', 150, '2025-04-01 10:00Z')
      await runBilling(t, db.acme.id, '2025-05-02Z')
      await use(t, db.acme.member, 'search', 30, '2025-04-30Z')
      await use(t, db.acme.member, 'search', 7, '2025-05-01 12:00Z')
      await runBilling(t, db.acme.id, '2025-06-02Z')
      await use(t, db.acme.member, 'search', 20, '2025-04-29Z')
      await use(t, db.acme.member, 'tool_call', 12, '2025-04-29Z')
      await runBilling(t, db.acme.id, '2025-07-02Z')
      const invoices = await invoicesOf(t, db.acme.id)
      expect(invoices.map(amountsOf)).toEqual([
        ['recurring 10.00'],
        ['recurring 10.00', 'overage 0.75', 'usage 0.00'],
        ['recurring 10.00', 'overage 0.00', 'usage 0.00', 'adjustment 0.45'],
        ['recurring 10.00', 'overage 0.00', 'usage 0.00', 'adjustment 0.30', 'adjustment 10.20'],
      ])
      for (const { id } of invoices) expect((await explanation(t, id)).every(({ is_equal }) => is_equal)).toBe(true)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  // 50 beyond: 0.75. 40 were never used → 10 beyond: 0.15, so -0.60; then 60 more → 70 beyond: 1.05, 0.90 more
  it('that is taken back after the invoice becomes a negative adjustment, once', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await use(t, db.acme.member, 'search', 150, '2025-04-01 10:00Z')
      await runBilling(t, db.acme.id, '2025-05-02Z')
      await t.becomeSuperuser()
      const batch = await t.value(`select batch_id from app_public.usage_events where usage_type = 'search'`)
      await t.becomeRole('rowhouse_worker')
      await t.query(`select metering.correct_tenant_usage($1, 'c', $2, 1, 40)`, [db.acme.id, batch])
      await runBilling(t, db.acme.id, '2025-06-02Z')
      await runBilling(t, db.acme.id, '2025-07-02Z')
      await use(t, db.acme.member, 'search', 60, '2025-04-29Z')
      await runBilling(t, db.acme.id, '2025-08-02Z')
      const invoices = await invoicesOf(t, db.acme.id)
      expect(invoices.flatMap(amountsOf).filter((line) => line.startsWith('adjustment'))).toEqual([
        'adjustment -0.60',
        'adjustment 0.90',
      ])
      for (const { id } of invoices) expect((await explanation(t, id)).every(({ is_equal }) => is_equal)).toBe(true)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('of a subscription that ends at once is billed until that moment, and only that', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await use(t, db.acme.member, 'search', 200, '2025-04-01 10:00Z')
      await setClock(t, '2025-04-11 12:00Z')
      await t.become(db.acme.owner)
      await t.query('select app_public.cancel_subscription(false)')
      await t.query(`select app_public.start_subscription('metered')`)
      await use(t, db.acme.member, 'search', 101, '2025-04-11 13:00Z')
      await runBilling(t, db.acme.id, '2025-05-12Z')
      // 10 × 19/30 back; 10 of the 29.5 days that were left include 33.9, so 166.1 × 0.015; then 19.5 days include 65, so 36 × 0.015
      expect((await invoicesOf(t, db.acme.id)).map(amountsOf)).toEqual([
        ['recurring 10.00'],
        ['proration -6.33', 'overage 2.49', 'usage 0.00'],
        ['proration 6.67'],
        ['recurring 10.00', 'overage 0.54', 'usage 0.00'],
      ])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('tax and currency', () => {
  // 10.00 × 0.19 = 1.90
  it('tax is the subtotal times the rate, none with reverse charge', () =>
    db.inTransaction(async (t) => {
      await metered(t, { taxRate: 0.19 })
      expect(last(await invoicesOf(t, db.acme.id))?.total).toBe('11.90')
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.set_billing_terms(tax_mode => 'reverse_charge')`)
      await runBilling(t, db.acme.id, '2025-05-02Z')
      expect(last(await invoicesOf(t, db.acme.id))?.total).toBe('10.00')
    }))

  // 1000 × 0.08 = 80; 77 × 0.015 = 1.155 → 1
  it('yen have no decimals', () =>
    db.inTransaction(async (t) => {
      await metered(t, { currency: 'JPY', taxRate: 0.08, amount: 1000 })
      expect(last(await invoicesOf(t, db.acme.id))?.total).toBe('1080')
      await use(t, db.acme.member, 'search', 177, '2025-04-01 10:00Z')
      await runBilling(t, db.acme.id, '2025-05-02Z')
      expect(amountsOf(last(await invoicesOf(t, db.acme.id)))).toEqual(['recurring 1000', 'overage 1', 'usage 0'])
    }))

  it('terms are staff’s, the profile is whose permission it is, and the currency stays while it is used', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.set_billing_terms(tax_mode => 'none')`)).toBe('TN205')
      expect(await t.errorCode(`select app_public.update_billing_profile(currency => 'EUR')`)).toBe('LB503')
      expect(await t.errorCode(`select app_public.update_billing_profile(legal_name => 'ACME Ltd')`)).toBeUndefined()
      await t.become(db.acme.admin)
      expect(await t.errorCode(`select app_public.update_billing_profile(legal_name => 'x')`)).toBe('ID203')
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode(`select app_public.set_billing_terms(tax_rate => 'NaN')`)).toBe('23514')
      expect(await t.errorCode(`select app_public.set_billing_terms(issuer_slug => 'nobody')`)).toBe('LB309')
    }))
})

describe('what is final', () => {
  it.each(['superuser', 'rowhouse_owner'])('cannot be changed, emptied or deleted by %s', (role) =>
    db.inTransaction(async (t) => {
      await metered(t)
      const [invoice] = await invoicesOf(t, db.acme.id)
      if (role !== 'superuser') await t.becomeRole(role, db.acme.id)
      const codes: (string | undefined)[] = []
      for (const statement of [
        `update app_public.invoices set total = 1, subtotal = 1 where id = $1`,
        `update app_public.invoices set number = 'X' where id = $1`,
        `update app_public.invoices set billed_to = '{}' where id = $1`,
        `update app_public.invoices set id = gen_random_uuid() where id = $1`,
        `update app_public.invoices set status = 'draft' where id = $1`,
        `delete from app_public.invoices where id = $1`,
        `update app_public.invoice_lines set amount = 0 where invoice_id = $1`,
        `delete from app_public.invoice_lines where invoice_id = $1`,
        `insert into app_public.invoice_lines (tenant_id, invoice_id, line_number, kind, description, amount)
         select tenant_id, id, 9, 'credit', 'x', -1 from app_public.invoices where id = $1`,
        `update app_public.invoices set status = 'paid' where id = $1`,
      ]) {
        codes.push(await t.errorCode(statement, [invoice?.id]))
      }
      for (const table of ['invoice_lines', 'invoices'])
        codes.push(await t.errorCode(`truncate app_public.${table} cascade`))
      expect(codes).toEqual([...Array(4).fill('LB514'), 'LB516', ...Array(4).fill('LB514'), '23514', 'LB514', 'LB514'])
    }),
  )

  it('and nobody finalises by hand, or begins with a finalised one', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await asStaff(t, db, db.acme.id)
      const id = await t.value<string>('select id from app_public.create_invoice()')
      await t.query(`select app_public.add_invoice_line($1, 'Setup', 100)`, [id])
      await t.becomeSuperuser()
      const set = `update app_public.invoices set status = 'finalised', number = 'X', sequence_number = 7, finalised_at = now()`
      expect(await t.errorCode(`${set}, subtotal = 1, total = 1 where id = $1`, [id])).toBe('LB901')
      expect(await t.errorCode(`${set} where id = $1`, [id])).toBe('LB902')
      expect(
        await t.errorCode(
          `update app_public.invoices set status = 'void', void_reason = 'x', number = 'X', sequence_number = 7, finalised_at = now() where id = $1`,
          [id],
        ),
      ).toBe('LB516')
      expect(
        await t.errorCode(
          `insert into app_public.invoices (tenant_id, reason, issuer_id, currency, timezone, status, number, sequence_number, finalised_at)
           select tenant_id, 'manual', issuer_id, 'USD', 'UTC', 'finalised', 'X', 7, now() from app_public.invoices limit 1`,
        ),
      ).toBe('LB516')
    }))

  it('goes with its whole tenant, and its number stays taken', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.override_entitlement('quota', 'tokens', quota_limit => 7)`)
      await t.becomeSuperuser()
      await t.query(`select tenancy.delete_tenant('acme')`)
      expect(await t.value(`select count(*)::int from app_public.invoices`)).toBe(0)
      expect(await t.value(`select count(*)::int from billing.invoice_numbers`)).toBe(1)
      expect(await t.query(`select * from billing.invoice_number_gaps()`)).toEqual([])
    }))
})

describe('invoices by hand', () => {
  it('are written line by line by staff and numbered like all others', () =>
    db.inTransaction(async (t) => {
      await metered(t, { taxRate: 0.1 })
      await t.become(db.acme.owner)
      expect(await t.errorCode('select app_public.create_invoice()')).toBe('TN205')
      await asStaff(t, db, db.acme.id)
      const id = await t.value<string>(`select id from app_public.create_invoice('Thank you')`)
      const line = await t.value<string>(`select id from app_public.add_invoice_line($1, 'Training', 200)`, [id])
      await t.query(`select app_public.add_invoice_line($1, 'Discount', -50, 'credit')`, [id])
      await t.query(`select app_public.add_invoice_line($1, 'Setup', 100)`, [id])
      expect(await t.errorCode(`select app_public.add_invoice_line($1, 'x', 1.005)`, [id])).toBe('LB402')
      expect(await t.errorCode(`select app_public.add_invoice_line($1, 'x', 'NaN')`, [id])).toBe('LB402')
      expect(await t.errorCode(`select app_public.add_invoice_line($1, 'x', 5, 'credit')`, [id])).toBe('LB404')
      expect(await t.errorCode(`select app_public.add_invoice_line($1, 'x', 5, 'usage')`, [id])).toBe('LB404')
      await t.query('select app_public.remove_invoice_line($1)', [line])
      await t.query('select app_public.finalise_invoice($1)', [id])
      expect(await t.errorCode(`select app_public.add_invoice_line($1, 'x', 5)`, [id])).toBe('LB514')
      expect(await t.errorCode('select app_public.finalise_invoice($1)', [id])).toBe('LB514')
      expect(await t.errorCode('select app_public.delete_draft_invoice($1)', [id])).toBe('LB514')
      // (100 − 50) × 1.1
      expect(await t.value('select total::text from app_public.invoice($1)', [id])).toBe('55.00')
      expect(await t.value('select number from app_public.invoice($1)', [id])).toBe('INV-000002')
    }))

  it('a subscription’s draft cannot be deleted, another’s invoice not found', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await runBilling(t, db.acme.id, '2025-05-01Z')
      const draft = last(await invoicesOf(t, db.acme.id))
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode('select app_public.delete_draft_invoice($1)', [draft?.id])).toBe('LB517')
      await asStaff(t, db, db.globex.id)
      expect(await t.errorCode('select app_public.finalise_invoice($1)', [draft?.id])).toBe('LB304')
      expect(await t.errorCode('select * from app_public.explain_invoice($1)', [draft?.id])).toBe('LB304')
    }))
})

describe('credit', () => {
  it('voiding takes an unpaid invoice back and gives credit it had used again', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.add_credit(4, 'sorry')`)
      expect(await t.errorCode(`select app_public.add_credit(-5, 'x')`)).toBe('LB603')
      const invoice = last(await invoicesOf(t, db.acme.id))
      await asStaff(t, db, db.acme.id)
      expect(await t.value('select amount_due::text from app_public.invoice($1)', [invoice?.id])).toBe('6.00')
      await t.query(`select app_public.void_invoice($1, 'wrong')`, [invoice?.id])
      expect(await t.errorCode(`select app_public.void_invoice($1, 'wrong')`, [invoice?.id])).toBe('LB518')
      await t.become(db.acme.owner)
      expect(
        await t.value(`select app_public.billing_profiles_credit_balance(p)::text from app_public.billing_profiles p`),
      ).toBe('4.00')
    }))

  it('pays the longest due first, also before an invoice by staff', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      const first = last(await invoicesOf(t, db.acme.id))
      await setClock(t, '2025-04-20Z')
      await asStaff(t, db, db.acme.id)
      const second = await t.value<string>('select id from app_public.create_invoice()')
      await t.query(`select app_public.add_invoice_line($1, 'Work', 5)`, [second])
      await t.query('select app_public.finalise_invoice($1)', [second])
      await t.query(`select app_public.add_credit(4, 'sorry')`)
      const due = (id: string | undefined) => t.value('select amount_due::text from app_public.invoice($1)', [id])
      expect([await due(first?.id), await due(second)]).toEqual(['6.00', '5.00'])
    }))

  // 11.90 with 1.90 tax: 5.00 has 0.80 (5 × 1.9 / 11.9), and what is left has the 1.10 that are left
  it('credit notes take back first what is owed, tax in proportion, and never more than the invoice', () =>
    db.inTransaction(async (t) => {
      await metered(t, { taxRate: 0.19 })
      const [invoice] = await invoicesOf(t, db.acme.id)
      await asStaff(t, db, db.acme.id)
      await t.query('select app_public.create_credit_note($1, 5)', [invoice?.id])
      expect(await t.value('select amount_due::text from app_public.invoice($1)', [invoice?.id])).toBe('6.90')
      await t.query('select app_public.record_payment($1, 6.90)', [invoice?.id])
      expect(await t.errorCode('select app_public.create_credit_note($1, 7)', [invoice?.id])).toBe('LB601')
      await t.query('select app_public.create_credit_note($1)', [invoice?.id])
      expect(await t.errorCode('select app_public.create_credit_note($1)', [invoice?.id])).toBe('LB601')
      expect(
        await t.query(
          `select number, subtotal::text, tax::text, status::text from app_public.invoices where series = 'credit_note' order by 1`,
        ),
      ).toEqual([
        { number: 'CN-000001', subtotal: '-4.20', tax: '-0.80', status: 'paid' },
        { number: 'CN-000002', subtotal: '-5.80', tax: '-1.10', status: 'paid' },
      ])
      await t.become(db.acme.owner)
      expect(
        await t.value(`select app_public.billing_profiles_credit_balance(p)::text from app_public.billing_profiles p`),
      ).toBe('6.90')
      const notes = await t.query<{ id: string }>(`select id from app_public.invoices where series = 'credit_note'`)
      for (const { id } of notes) expect((await explanation(t, id)).every(({ is_equal }) => is_equal)).toBe(true)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})

describe('prices', () => {
  it('that are in force or sold cannot be changed, and versions do not begin in the past', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await asStaff(t, db, db.acme.id)
      expect(await t.errorCode('update app_public.plan_prices set amount = 1')).toBe('LB501')
      expect(await t.errorCode('delete from app_public.plan_prices')).toBe('LB501')
      expect(await t.errorCode('update app_public.plan_price_components set included_quantity = 1')).toBe('LB502')
      const insert = `insert into app_public.plan_prices (plan_id, currency, billing_cycle, amount, valid_from)
        select id, 'USD', 'monthly', 5, $1 from app_public.plans where slug = 'metered'`
      expect(await t.errorCode(insert, ['2024-01-01Z'])).toBe('LB401')
      expect(await t.errorCode(insert, ['2025-06-01Z'])).toBeUndefined()
      await t.become(db.acme.owner)
      expect(await t.errorCode(insert, ['2025-07-01Z'])).toBe('42501')
      expect(await t.errorCode(`update app_public.plans set is_public = false`)).toBe('42501')
    }))

  it('of plans that are not public are seen by those who have them', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await t.becomeSuperuser()
      await t.query(`update app_public.plans set is_public = false`)
      const seen = `select (select count(*)::int from app_public.plans) as plans, (select count(*)::int from app_public.plan_price_components) as components`
      await t.become(db.acme.viewer)
      expect(await t.query(seen)).toEqual([{ plans: 1, components: 2 }])
      await t.become(db.globex.owner)
      expect(await t.query(seen)).toEqual([{ plans: 0, components: 0 }])
      expect(await t.errorCode(`select app_public.start_subscription('metered')`)).toBe('LB301')
    }))
})

describe('entitlements', () => {
  it('come from the plan or an override, and reach the tenant', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await t.query('select billing.seed_example_plans()')
      await t.query('select billing.seed_example_plans()')
      await payByInvoice(t, db.acme.id)
      await t.become(db.acme.owner)
      await t.query(`select app_public.start_subscription('professional')`)
      expect(await t.errorCode(`select app_public.override_entitlement('quota', 'users', quota_limit => 7)`)).toBe(
        'TN205',
      )
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.override_entitlement('quota', 'users', quota_limit => 7, reason => 'pilot')`)
      expect(await t.errorCode(`select app_public.override_entitlement('quota', 'users', is_enabled => true)`)).toBe(
        'LB403',
      )
      await t.become(db.acme.viewer)
      expect(
        await t.query(
          `select kind::text, key, is_enabled, quota_limit::text, source, reason from app_public.entitlements() where key in ('users', 'white_label')`,
        ),
      ).toEqual([
        {
          kind: 'feature',
          key: 'white_label',
          is_enabled: true,
          quota_limit: null,
          source: 'plan',
          reason: 'Professional',
        },
        { kind: 'quota', key: 'users', is_enabled: null, quota_limit: '7', source: 'override', reason: 'pilot' },
      ])
      const limit = `select quota_limit::text from app_public.my_quotas() where quota_type = 'users'`
      expect(await t.value(limit)).toBe('7')
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.remove_entitlement_override('quota', 'users')`)
      expect(await t.errorCode(`select app_public.remove_entitlement_override('quota', 'users')`)).toBe('LB308')
      expect(await t.value(limit)).toBe('250')
      expect(await t.value(`select app_public.is_feature_enabled('white_label')`)).toBe(true)
    }))

  // 1,000,000 calls are included and more are billed; a free tenant's 1,000 are all there are
  it('make a quota beyond which use goes on soft, and any other hard', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await t.query('select billing.seed_example_plans()')
      await payByInvoice(t, db.acme.id)
      await t.become(db.acme.owner)
      await t.query(`select app_public.start_subscription('professional', 'monthly', true)`)
      const calls = `select quota_limit::text, is_hard_limit, overage_allowed, source from app_public.usage_quotas where quota_type = 'api_calls'`
      expect(await t.query(calls)).toEqual([
        { quota_limit: '1000000', is_hard_limit: false, overage_allowed: true, source: 'plan' },
      ])
      await t.query('select app_public.cancel_subscription(false)')
      expect(await t.query(calls)).toEqual([
        { quota_limit: '1000', is_hard_limit: true, overage_allowed: false, source: 'plan' },
      ])
    }))
})

describe('the overview of use', () => {
  // ten days of thirty have passed: 120 searches become 360
  it('shows what was used, is included, and where it is heading, by day and by model', () =>
    db.inTransaction(async (t) => {
      await metered(t)
      await setClock(t, '2025-04-11Z')
      await use(t, db.acme.member, 'search', 100, '2025-04-05Z')
      await use(t, db.acme.member, 'search', 20, '2025-04-10Z')
      await t.becomeRole('rowhouse_worker')
      await t.query('select metering.roll_up_usage($1)', [db.acme.id])
      await t.become(db.acme.admin)
      expect(
        await t.query(
          `select metric, used::float, included::float, forecast::float from app_public.usage_overview() where metric in ('search', 'tool_call', 'cost')`,
        ),
      ).toEqual([
        { metric: 'cost', used: 0, included: null, forecast: 0 },
        { metric: 'search', used: 120, included: 100, forecast: 360 },
        { metric: 'tool_call', used: 0, included: 0, forecast: 0 },
      ])
      expect(
        await t.query(`select to_char(used_on, 'MM-DD') as day, quantity::float from app_public.usage_by_day()`),
      ).toEqual([
        { day: '04-05', quantity: 100 },
        { day: '04-10', quantity: 20 },
      ])
      expect(await t.query('select * from app_public.usage_by_model()')).toEqual([])
      await t.become(db.acme.viewer)
      expect(await t.errorCode('select * from app_public.usage_overview()')).toBe('ID203')
    }))
})
