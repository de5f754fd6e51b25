// A tenant with a way to pay, plans with round prices, and a clock: what the tests of billing begin with.

import { setClock } from '../helpers/clock.ts'
import type { Person, TestDatabase, Transaction } from '../helpers/index.ts'
import { eventOf } from '../helpers/metering.ts'

export type Component = {
  usageType: string
  model: string
  unitAmount?: number | string
  packageSize?: number
  tiers?: object[]
  included?: number
}

/** A public plan with a price from 2020 on. */
export async function addPlan(
  t: Pick<Transaction, 'query' | 'value'>,
  plan: {
    slug: string
    tier?: string
    amount: number | string
    committed?: number
    seatAmount?: number
    includedSeats?: number
    cycle?: string
    currency?: string
    trialDays?: number
    isAddOn?: boolean
    validFrom?: string
    components?: Component[]
  },
): Promise<string> {
  await t.query(
    `insert into app_public.plans (slug, name, tier, trial_days, is_add_on) values ($1, $1, $2, $3, $4) on conflict (slug) do nothing`,
    [plan.slug, plan.tier ?? 'standard', plan.trialDays ?? 0, plan.isAddOn ?? false],
  )
  const priceId = await t.value<string>(
    `insert into app_public.plan_prices (plan_id, currency, billing_cycle, amount, valid_from, committed_amount, seat_amount, included_seats)
     select id, $2, $3::app_public.billing_cycle_enum, $4, $5, $6, $7, $8 from app_public.plans where slug = $1 returning id`,
    [
      plan.slug,
      plan.currency ?? 'USD',
      plan.cycle ?? 'monthly',
      plan.amount,
      plan.validFrom ?? '2020-01-01Z',
      plan.committed ?? 0,
      plan.seatAmount ?? null,
      plan.includedSeats ?? 1,
    ],
  )
  for (const component of plan.components ?? []) {
    await t.query(
      `insert into app_public.plan_price_components (price_id, usage_type, model, unit_amount, package_size, tiers, included_quantity)
       values ($1, $2, $3::app_public.price_model_enum, $4, $5, $6, $7)`,
      [
        priceId,
        component.usageType,
        component.model,
        component.unitAmount ?? null,
        component.packageSize ?? null,
        component.tiers ? JSON.stringify(component.tiers) : null,
        component.included ?? 0,
      ],
    )
  }
  return priceId
}

/** Lets a tenant pay by invoice, in a time zone and currency. */
export async function payByInvoice(
  t: Transaction,
  tenantId: string,
  { timezone = 'UTC', currency = 'USD', taxRate = 0 } = {},
): Promise<void> {
  await t.becomeSuperuser()
  await t.query('call core.enter_tenant($1)', [tenantId])
  await t.query(`update app_public.tenants set timezone = $2 where id = $1`, [tenantId, timezone])
  await t.query('select billing.lock_billing($1)', [tenantId])
  await t.query(
    `update app_public.billing_profiles set collection_method = 'invoice', currency = $2, tax_rate = $3 where tenant_id = $1`,
    [tenantId, currency, taxRate],
  )
}

/** As platform staff, inside this tenant. */
export const asStaff = (t: Transaction, db: TestDatabase, tenantId: string): Promise<void> =>
  t.become({ ...db.platform.owner, tenantId }, 'rowhouse_admin')

/** What the tasks do by the clock, as the worker. */
export async function runBilling(t: Transaction, tenantId: string, at: string): Promise<void> {
  await setClock(t, at)
  await t.becomeRole('rowhouse_worker')
  await t.query('select billing.run_billing($1)', [tenantId])
  const due = await t.query<{ tenant_id: string; invoice_id: string }>(
    'select * from billing.payments_to_collect() where tenant_id = $1',
    [tenantId],
  )
  for (const { invoice_id } of due) await t.query('select billing.begin_payment($1, $2)', [tenantId, invoice_id])
}

export async function use(
  t: Transaction,
  person: Person,
  usageType: string,
  quantity: number | string,
  occurredAt: string,
): Promise<void> {
  await t.become(person)
  await t.query(`select app_public.record_usage(${eventOf('$1::text', '$2::text', '$3::text', '$4::text')})`, [
    crypto.randomUUID(),
    usageType,
    quantity,
    occurredAt,
  ])
}

export type Line = { kind: string; amount: string; quantity: string | null; description: string }
export type Invoice = {
  id: string
  number: string | null
  status: string
  total: string
  reason: string
  lines: Line[]
}

/** All documents of a tenant in the order they came about, with their lines. */
export async function invoicesOf(t: Transaction, tenantId: string): Promise<Invoice[]> {
  await t.becomeSuperuser()
  return t.query<Invoice>(
    `select i.id, i.number, i.status::text, i.total::text, i.reason,
            (select coalesce(json_agg(json_build_object('kind', l.kind, 'amount', l.amount::text, 'quantity', l.quantity::text,
                                                        'description', l.description) order by l.line_number), '[]')
               from app_public.invoice_lines l where l.tenant_id = i.tenant_id and l.invoice_id = i.id) as lines
       from app_public.invoices i where i.tenant_id = $1 order by i.series desc, i.sequence_number, i.created_at, i.id`,
    [tenantId],
  )
}

export const amountsOf = (invoice: Invoice | undefined): string[] =>
  (invoice?.lines ?? []).map(({ kind, amount }) => `${kind} ${amount}`)

/** The books agree: money, lines and usage. */
export async function differences(t: Transaction, tenantId: string): Promise<unknown[]> {
  await t.becomeSuperuser()
  return t.query('select * from billing.verify_billing($1)', [tenantId])
}
