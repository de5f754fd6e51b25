// Rows of billing: a plan for both tenants, and of each tenant one row in every table.

import type { Fill } from './types.ts'

export const fillBilling: Fill = async (t, tenant) => {
  await t.query('select billing.seed_example_plans()')
  await t.query(
    `insert into app_public.tenant_entitlement_overrides (tenant_id, kind, key, quota_limit) values ($1, 'quota', 'users', 5)`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.billing_profiles (tenant_id, issuer_id) select $1, id from app_public.invoice_issuers limit 1`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.subscriptions (tenant_id, plan_id, price_id, billing_cycle, currency, status, timezone, anchor_on,
       started_at, current_period_start, current_period_end, usage_since)
     select $1, plan_id, id, billing_cycle, currency, 'active', 'UTC', '2025-01-01', '2025-01-01', '2025-01-01', '2999-01-01', '2025-01-01'
       from app_public.plan_prices order by id limit 1`,
    [tenant.id],
  )
  // its trigger adds one to notice_mails
  await t.query(
    `insert into app_public.billing_notices (tenant_id, kind, subject_key, message, occurred_at) values ($1, 'payment_failed', 'x', 'x', now())`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.coupons (code, name, percent_off, duration) values ('WELCOME', 'Welcome', 20, 'once') on conflict do nothing`,
  )
  await t.query(
    `insert into app_public.coupon_redemptions (tenant_id, coupon_id, redeemed_at) select $1, id, now() from app_public.coupons`,
    [tenant.id],
  )
  const invoice = await t.value(
    `insert into app_public.invoices (tenant_id, reason, issuer_id, currency, timezone)
     select $1, 'manual', id, 'USD', 'UTC' from app_public.invoice_issuers limit 1 returning id`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.invoice_lines (tenant_id, invoice_id, line_number, kind, description, amount) values ($1, $2, 1, 'adjustment', 'x', 1)`,
    [tenant.id, invoice],
  )
  await t.query(
    `insert into app_public.credit_entries (tenant_id, currency, amount, reason, occurred_at) values ($1, 'USD', 1, 'goodwill', now())`,
    [tenant.id],
  )
  await t.query(`insert into billing.invoice_documents values ($1, $2, 'x', 'x')`, [tenant.id, invoice])
  await t.query(`insert into billing.payment_customers values ($1, 'stripe', 'cus')`, [tenant.id])
  await t.query(
    `insert into app_public.payment_methods (tenant_id, provider, provider_method_id) values ($1, 'stripe', 'pm')`,
    [tenant.id],
  )
  const payment = await t.value(
    `insert into app_public.payments (tenant_id, invoice_id, provider, currency, amount, attempted_at) values ($1, $2, 'manual', 'USD', 1, now()) returning id`,
    [tenant.id, invoice],
  )
  const topUp = await t.value(
    `insert into app_public.wallet_top_ups (tenant_id, currency, amount, expires_at) values ($1, 'USD', 1, '2999-01-01') returning id`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.wallet_entries (tenant_id, top_up_id, currency, amount, reason, occurred_at) values ($1, $2, 'USD', 1, 'gift', now())`,
    [tenant.id, topUp],
  )
  await t.query('insert into app_public.refunds (tenant_id, payment_id, amount) values ($1, $2, 1)', [
    tenant.id,
    payment,
  ])
}
