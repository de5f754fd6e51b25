// An optional argument that is left out or null stands for its default. Every function of billing either succeeds then, or
// fails with a code of the registry.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { apiFunctionsOf, registeredCodes } from '../helpers/optional-arguments.ts'
import { addPlan, asStaff, differences, invoicesOf, payByInvoice } from './helpers.ts'

const db = useDatabase()

type Rows = {
  invoice: string
  draft: string
  line: string
  payment: string
  method: string
  price: string
  order: string
  gift: string
}
type Call = { by: 'owner' | 'staff'; required: unknown[]; optional: Record<string, unknown> }

/** A call of each function that is valid with all of its arguments. */
const calls = (rows: Rows): Record<string, Call> => ({
  add_credit: { by: 'staff', required: [5, 'Sorry'], optional: {} },
  add_invoice_line: { by: 'staff', required: [rows.draft, 'Setup', 20], optional: { kind: 'adjustment' } },
  add_payment_method: { by: 'owner', required: ['pm_other'], optional: { provider: 'stripe' } },
  add_plan_price: {
    by: 'staff',
    required: ['small', 'EUR', 10],
    optional: {
      valid_from: '2025-05-01Z',
      billing_cycle: 'annual',
      components: '{}',
      committed_amount: 5,
      included_seats: 1,
      seat_amount: 5,
    },
  },
  billing_profiles_credit_balance: { by: 'owner', required: [null], optional: {} },
  billing_profiles_wallet_balance: { by: 'owner', required: [null], optional: {} },
  break_down_invoice: { by: 'owner', required: [rows.invoice, 'model'], optional: {} },
  cancel_subscription: { by: 'owner', required: [], optional: { at_period_end: true, add_on: 'extra' } },
  cancel_top_up: { by: 'owner', required: [rows.order], optional: {} },
  change_plan: { by: 'owner', required: ['large'], optional: { billing_cycle: 'monthly', add_on: 'extra' } },
  create_coupon: {
    by: 'staff',
    required: ['SPRING', 'Spring', 'repeating'],
    optional: {
      percent_off: null,
      amount_off: 5,
      currency: 'USD',
      duration_periods: 3,
      redeem_by: '2030-01-01Z',
      max_redemptions: 10,
    },
  },
  create_credit_note: { by: 'staff', required: [rows.invoice], optional: { amount: 1, memo: 'Sorry' } },
  create_invoice: { by: 'staff', required: [], optional: { memo: 'Setup' } },
  current_subscription: { by: 'owner', required: [], optional: {} },
  delete_draft_invoice: { by: 'staff', required: [rows.draft], optional: {} },
  entitlements: { by: 'owner', required: [], optional: {} },
  explain_invoice: { by: 'owner', required: [rows.invoice], optional: {} },
  export_ledger: {
    by: 'staff',
    required: ['2025-04-01Z', '2025-05-01Z'],
    optional: { currency: 'USD', occurred_after: '2025-04-01Z', id_after: rows.invoice, at_most: 1 },
  },
  extend_trial: { by: 'staff', required: [7], optional: {} },
  finalise_invoice: { by: 'staff', required: [rows.draft], optional: {} },
  give_wallet_money: { by: 'staff', required: [5, 'Sorry'], optional: { expires_at: '2030-01-01Z' } },
  invoice: { by: 'owner', required: [rows.invoice], optional: {} },
  invoices_html: { by: 'owner', required: [null], optional: {} },
  invoices_pdf_base64: { by: 'owner', required: [null], optional: {} },
  invoices_of_all_tenants: {
    by: 'staff',
    required: [],
    optional: {
      is_overdue: true,
      status: 'finalised',
      issuer: 'default',
      created_before: '2025-05-01Z',
      id_before: rows.invoice,
      at_most: 1,
    },
  },
  override_entitlement: {
    by: 'staff',
    required: ['quota', 'users'],
    optional: { is_enabled: null, quota_limit: 7, overage_allowed: true, reason: 'Pilot' },
  },
  pause_subscription: { by: 'owner', required: [], optional: { add_on: 'extra' } },
  pay_invoice: { by: 'owner', required: [rows.invoice], optional: {} },
  pay_out_credit: { by: 'staff', required: [1, 'Transfer'], optional: {} },
  preview_invoice: { by: 'owner', required: [], optional: { add_on: 'extra' } },
  preview_plan_change: { by: 'owner', required: ['large'], optional: { billing_cycle: 'monthly', add_on: 'extra' } },
  preview_seats: { by: 'owner', required: [2], optional: {} },
  preview_plan_edit: {
    by: 'staff',
    required: ['small'],
    optional: { currency: 'USD', billing_cycle: 'monthly', amount: 12, valid_from: '2025-05-01Z' },
  },
  record_payment: { by: 'staff', required: [rows.invoice, 1], optional: { reference: 'Transfer 1' } },
  redeem_coupon: { by: 'owner', required: ['WELCOME'], optional: {} },
  refund_payment: { by: 'staff', required: [rows.payment], optional: { amount: 1, reason: 'Sorry' } },
  remove_entitlement_override: { by: 'staff', required: ['quota', 'agents'], optional: {} },
  remove_invoice_line: { by: 'staff', required: [rows.line], optional: {} },
  remove_payment_method: { by: 'owner', required: [rows.method], optional: {} },
  remove_plan_entitlement: { by: 'staff', required: ['small', 'quota', 'agents'], optional: {} },
  remove_plan_price: { by: 'staff', required: [rows.price], optional: {} },
  resume_subscription: { by: 'owner', required: [], optional: { add_on: 'extra' } },
  reverse_payment: { by: 'staff', required: [rows.payment, 'Bounced'], optional: {} },
  save_invoice_issuer: {
    by: 'staff',
    required: ['default'],
    optional: {
      name: 'Company',
      address: '1 Road',
      tax_number: 'GB 1',
      number_prefix: 'N-',
      credit_note_prefix: 'C-',
      payment_terms_days: 30,
      draft_hours: 2,
      footer: 'Thanks',
    },
  },
  set_seats: { by: 'owner', required: [2], optional: {} },
  save_plan: {
    by: 'staff',
    required: ['small'],
    optional: {
      name: 'Small',
      description: 'For a few',
      tier: 'free',
      trial_days: 3,
      is_public: false,
      is_retired: true,
      is_add_on: false,
    },
  },
  set_billing_terms: {
    by: 'staff',
    required: [],
    optional: {
      tax_mode: 'standard',
      tax_rate: 0.19,
      collection_method: 'invoice',
      issuer_slug: 'default',
      use_country_rate: true,
    },
  },
  set_default_payment_method: { by: 'owner', required: [rows.method], optional: {} },
  set_plan_entitlement: {
    by: 'staff',
    required: ['small', 'quota', 'users'],
    optional: { is_enabled: null, quota_limit: 7, overage_allowed: true },
  },
  set_tax_rate: { by: 'staff', required: ['GB', 0.2], optional: { valid_from: '2025-05-01Z' } },
  start_subscription: {
    by: 'staff',
    required: ['small'],
    optional: { billing_cycle: 'monthly', skip_trial: true, anchor_day: 31 },
  },
  update_billing_profile: {
    by: 'owner',
    required: [],
    optional: {
      legal_name: 'ACME Ltd',
      email: 'Money@acme.test',
      address: '1 Road',
      country_code: 'GB',
      tax_number: 'GB 1',
      currency: 'USD',
    },
  },
  take_back_wallet_money: { by: 'staff', required: [rows.gift], optional: {} },
  top_up_wallet: { by: 'owner', required: [5], optional: {} },
  usage_by_day: { by: 'owner', required: [], optional: {} },
  usage_by_model: { by: 'owner', required: [], optional: {} },
  usage_overview: { by: 'owner', required: [], optional: {} },
  void_invoice: { by: 'staff', required: [rows.invoice, 'Wrong'], optional: {} },
  write_off_invoice: { by: 'staff', required: [rows.invoice, 'Gone'], optional: {} },
})

/** acme with an add-on, an open invoice, a draft with a line by staff, a payment, a card, an override and a planned price. */
async function scene(t: Transaction): Promise<Rows> {
  await t.becomeSuperuser()
  await addPlan(t, { slug: 'small', amount: 10 })
  await addPlan(t, { slug: 'small', amount: 100, cycle: 'annual' })
  await addPlan(t, { slug: 'large', tier: 'enterprise', amount: 30 })
  await addPlan(t, { slug: 'extra', amount: 5, isAddOn: true })
  await payByInvoice(t, db.acme.id)
  await setClock(t, '2025-04-01 09:00Z')
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('small')`)
  const method = await t.value<string>(`select id from app_public.add_payment_method('pm_card')`)
  await t.becomeRole('rowhouse_worker')
  await t.query(`select billing.finish_attaching_method($1, $2, 'visa', '4242', 1, 2030)`, [db.acme.id, method])
  const [invoice] = await invoicesOf(t, db.acme.id)
  await asStaff(t, db, db.acme.id)
  const payment = await t.value<string>('select id from app_public.record_payment($1, 4)', [invoice?.id])
  const draft = await t.value<string>('select id from app_public.create_invoice()')
  const line = await t.value<string>(`select id from app_public.add_invoice_line($1, 'Setup', 5)`, [draft])
  await t.query(`select app_public.override_entitlement('quota', 'agents', quota_limit => 1)`)
  await t.query(`select app_public.create_coupon('WELCOME', 'Welcome', 'once', 20)`)
  await t.query(`select app_public.set_plan_entitlement('small', 'quota', 'agents', quota_limit => 2)`)
  const price = await t.value<string>(`select id from app_public.add_plan_price('small', 'USD', 12, '2025-06-01Z')`)
  const gift = await t.value<string>(`select id from app_public.give_wallet_money(1, 'Sorry')`)
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('extra')`)
  const order = await t.value<string>('select id from app_public.top_up_wallet(5)')
  return { invoice: invoice?.id as string, draft, line, payment, method, price, order, gift }
}

const literal = (value: unknown): string => (value === null ? 'null' : `'${String(value).replaceAll("'", "''")}'`)

/** With all arguments, with none of the optional ones, with all of them null, and with each left out or null. */
function variants(name: string, { required, optional }: Call): string[] {
  const names = Object.keys(optional)
  const call = (given: Record<string, unknown>): string =>
    `select * from app_public.${name}(${[
      ...required.map(literal),
      ...Object.entries(given).map(([argument, value]) => `${argument} => ${literal(value)}`),
    ].join(', ')})`
  const without = (argument: string) => Object.fromEntries(Object.entries(optional).filter(([key]) => key !== argument))
  return [
    ...new Set([
      call(optional),
      call({}),
      call(Object.fromEntries(names.map((argument) => [argument, null]))),
      ...names.flatMap((argument) => [call(without(argument)), call({ ...optional, [argument]: null })]),
    ]),
  ]
}

/** A valid call with one argument at a time that is empty, null, no number, too large, of another type, or foreign. */
function hostile(name: string, { required, optional }: Call): string[] {
  const values = [null, '', 'NaN', 'Infinity', '-1', '1e30', crypto.randomUUID(), 'x'.repeat(20_000)]
  const call = (positional: unknown[], named: Record<string, unknown>): string =>
    `select * from app_public.${name}(${[
      ...positional.map(literal),
      ...Object.entries(named).map(([argument, value]) => `${argument} => ${literal(value)}`),
    ].join(', ')})`
  return [
    ...required.flatMap((_, i) => values.map((value) => call(required.with(i, value), optional))),
    ...Object.keys(optional).flatMap((key) => values.map((value) => call(required, { ...optional, [key]: value }))),
  ]
}

describe('optional arguments', () => {
  it('are those of all functions of billing', async () => {
    const rows = { invoice: '', draft: '', line: '', payment: '', method: '', price: '', order: '', gift: '' }
    expect(Object.keys(calls(rows)).sort()).toEqual(
      (await apiFunctionsOf('09_billing')).map((name) => name.replace('app_public.', '')),
    )
  })

  it('are listed here for each function', () =>
    db.inTransaction(async (t) => {
      const listed = calls({
        invoice: '',
        draft: '',
        line: '',
        payment: '',
        method: '',
        price: '',
        order: '',
        gift: '',
      })
      const found = await t.query<{ name: string; names: string[] }>(
        `select proname as name,
                coalesce(proargnames[pronargs - pronargdefaults + 1 : pronargs], '{}') as names
           from pg_proc
          where pronamespace = 'app_public'::regnamespace and proname = any ($1) and pronargdefaults > 0`,
        [Object.keys(listed)],
      )
      const expected = Object.entries(listed).filter(([, { optional }]) => Object.keys(optional).length > 0)
      expect(Object.fromEntries(found.map(({ name, names }) => [name, names.sort()]))).toEqual(
        Object.fromEntries(expected.map(([name, { optional }]) => [name, Object.keys(optional).sort()])),
      )
    }))

  it('may be left out or null: a call succeeds or fails with a code of the registry', () =>
    db.inTransaction(async (t) => {
      const codes = await registeredCodes()
      const outcomes: Record<string, string> = {}
      for (const [name, call] of Object.entries(calls(await scene(t)))) {
        for (const statement of variants(name, call)) {
          await t.query('savepoint before_call')
          await (call.by === 'staff' ? asStaff(t, db, db.acme.id) : t.become(db.acme.owner))
          outcomes[statement] = (await t.errorCode(statement)) ?? 'done'
          await t.query('rollback to savepoint before_call')
        }
      }
      const unregistered = Object.entries(outcomes).filter(([, code]) => code !== 'done' && !codes.has(code))
      expect(unregistered).toEqual([])
      // the others are refused because of the state of the scene, not because of an argument
      const refused = Object.entries(outcomes).filter(([, code]) => code !== 'done')
      expect(new Set(refused.map(([, code]) => code))).toEqual(
        new Set(['LB403', 'LB408', 'LB507', 'LB534', 'LB541', 'LB512', 'LB518', 'LB552', 'LB560', 'LB603']),
      )
    }))
})

describe('hostile arguments', () => {
  it('of every function are refused with a code or taken as they are, and the books agree', { timeout: 120_000 }, () =>
    db.inTransaction(async (t) => {
      const codes = await registeredCodes()
      const wrong: [string, string][] = []
      for (const [name, call] of Object.entries(calls(await scene(t)))) {
        for (const statement of hostile(name, call)) {
          await t.query('savepoint before_call')
          await (call.by === 'staff' ? asStaff(t, db, db.acme.id) : t.become(db.acme.owner))
          const code = await t.errorCode(statement)
          // class 22 are values that the type cannot have, class 23 those that a check refuses
          if (code && !codes.has(code) && !/^2[23]/.test(code)) wrong.push([statement.slice(0, 200), code])
          if (!code && (await differences(t, db.acme.id)).length > 0)
            wrong.push([statement.slice(0, 200), 'the books differ'])
          await t.query('rollback to savepoint before_call')
        }
      }
      expect(wrong).toEqual([])
    }),
  )
})

describe('null stands for the default', () => {
  it('of the billing cycle and the trial of a subscription', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, { slug: 'small', amount: 10, trialDays: 14 })
      await setClock(t, '2025-04-01 09:00Z')
      await t.become(db.acme.owner)
      expect(
        await t.query(
          `select billing_cycle::text, status::text
             from app_public.start_subscription('small', billing_cycle => null, skip_trial => null)`,
        ),
      ).toEqual([{ billing_cycle: 'monthly', status: 'trialing' }])
      expect(
        await t.query('select status::text, cancel_at_period_end from app_public.cancel_subscription(null)'),
      ).toEqual([{ status: 'trialing', cancel_at_period_end: true }])
    }))

  it('of the kind of a line, the provider of a payment method and the overage of an override', () =>
    db.inTransaction(async (t) => {
      const { draft } = await scene(t)
      await asStaff(t, db, db.acme.id)
      expect(await t.value(`select kind::text from app_public.add_invoice_line($1, 'x', 1, null)`, [draft])).toBe(
        'adjustment',
      )
      expect(
        await t.value(
          `select overage_allowed from app_public.override_entitlement('quota', 'users', quota_limit => 1, overage_allowed => null)`,
        ),
      ).toBe(false)
      await t.become(db.acme.owner)
      expect(await t.value(`select provider from app_public.add_payment_method('pm_x', null)`)).toBe('stripe')
    }))

  it('but an amount that is required may not be null', () =>
    db.inTransaction(async (t) => {
      const { invoice, draft } = await scene(t)
      await asStaff(t, db, db.acme.id)
      for (const call of [
        `record_payment('${invoice}', null)`,
        `record_payment('${invoice}', null, 'Transfer 1')`,
        `add_credit(null, 'x')`,
        `add_invoice_line('${draft}', 'x', null)`,
      ])
        expect([call, await t.errorCode(`select app_public.${call}`)]).toEqual([call, 'LB402'])
    }))

  it('and an amount that is left out is what is left of the invoice, which may be nothing', () =>
    db.inTransaction(async (t) => {
      const { invoice, payment } = await scene(t)
      await asStaff(t, db, db.acme.id)
      expect(await t.value('select (-total)::text from app_public.create_credit_note($1, null)', [invoice])).toBe(
        '10.00',
      )
      expect(await t.errorCode('select app_public.create_credit_note($1, null)', [invoice])).toBe('LB601')
      expect(await t.errorCode('select app_public.refund_payment($1, null)', [payment])).toBe('LB601')
    }))
})
