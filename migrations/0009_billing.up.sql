-- The tables of billing: plans, subscriptions, invoices and payments. Money is numeric and is rounded only on the invoice.
-- Nothing that was sold, billed or paid is ever rewritten: a price is a version, a finalised invoice stays as it is, and a
-- correction is a document of its own.

create schema billing authorization rowhouse_owner;
comment on schema billing is 'Plans, subscriptions, invoices and payments.';
grant usage on schema billing to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics;

set role rowhouse_owner;

create type app_public.subscription_status_enum as enum ('trialing', 'active', 'past_due', 'paused', 'cancelled', 'expired');
create type app_public.billing_cycle_enum as enum ('monthly', 'annual');
create type app_public.price_model_enum as enum ('flat', 'per_unit', 'tiered', 'volume', 'package');
create type app_public.entitlement_kind_enum as enum ('feature', 'quota');
create type app_public.invoice_status_enum as enum ('draft', 'finalised', 'paid', 'void', 'uncollectible');
create type app_public.invoice_line_kind_enum as enum ('recurring', 'usage', 'overage', 'proration', 'adjustment', 'credit', 'discount', 'commitment', 'top_up');
create type app_public.payment_status_enum as enum ('pending', 'succeeded', 'failed', 'reversed');

-- Closed lists ----------------------------------------------------------------------------------------------------------

create domain app_public.plan_tier as text
  constraint plan_tier_is_known check (value in ('free', 'standard', 'professional', 'enterprise'));
comment on domain app_public.plan_tier is 'The rank of a plan, from free (the lowest) to enterprise (the highest).';

create domain app_public.entitlement_source as text
  constraint entitlement_source_is_known check (value in ('plan', 'override'));
comment on domain app_public.entitlement_source is 'Whether an entitlement comes from the plan or from an override of the tenant.';

create domain app_public.coupon_duration as text
  constraint coupon_duration_is_known check (value in ('once', 'repeating', 'forever'));
comment on domain app_public.coupon_duration is
  'For how long a coupon applies: once to one period, repeating to a number of periods, forever to every period.';

create domain app_public.tax_mode as text
  constraint tax_mode_is_known check (value in ('standard', 'reverse_charge', 'none'));
comment on domain app_public.tax_mode is
  'How an invoice is taxed: standard adds the tax rate; with reverse_charge the customer owes the tax; none adds no tax.';

create domain app_public.collection_method as text
  constraint collection_method_is_known check (value in ('automatic', 'invoice'));
comment on domain app_public.collection_method is
  'How an invoice is paid: automatic charges the default payment method; with invoice the customer pays within the payment terms.';

create domain app_public.billing_notice_kind as text
  constraint billing_notice_kind_is_known check (value in (
    'trial_ending', 'trial_expired', 'subscription_started', 'subscription_renewed', 'subscription_paused', 'subscription_ended',
    'invoice_finalised', 'invoice_overdue', 'payment_failed', 'payment_succeeded', 'invoice_uncollectible'));
comment on domain app_public.billing_notice_kind is 'The event of billing that a notice reports.';

create domain app_public.notice_mail_status as text
  constraint notice_mail_status_is_known check (value in ('queued', 'sent', 'skipped', 'failed'));
comment on domain app_public.notice_mail_status is
  'The state of a mail: queued waits to be sent; sent was accepted by the mail server; skipped was not wanted or no longer allowed; failed after the last attempt.';

create domain app_public.invoice_series as text
  constraint invoice_series_is_known check (value in ('invoice', 'credit_note'));
comment on domain app_public.invoice_series is 'The kind of a document: an invoice, or a credit note that credits one. Each series has its own numbers.';

create domain app_public.invoice_reason as text
  constraint invoice_reason_is_known check (value in ('period', 'change', 'end', 'usage', 'manual', 'correction', 'top_up'));
comment on domain app_public.invoice_reason is
  'Why a document was created: period at the start of a period (the plan in advance, usage in arrears); change for an upgrade, a pause or its end; end when a subscription ends; usage for use that no invoice of a period bills: the months of an annual plan, and what is recorded after the end; manual by staff; correction for a credit note; top_up for an order of money in the wallet.';

create domain app_public.invoice_row_kind as text
  constraint invoice_row_kind_is_known check (value in (
    'recurring', 'usage', 'overage', 'proration', 'adjustment', 'credit', 'discount', 'commitment', 'top_up', 'subtotal', 'tax', 'total'));
comment on domain app_public.invoice_row_kind is
  'The kind of a row in a preview or an explanation: one of the kinds of invoice lines, or subtotal, tax or total.';

create domain app_public.credit_reason as text
  constraint credit_reason_is_known check (
    value in ('negative_invoice', 'credit_note', 'overpayment', 'goodwill', 'used', 'released', 'refunded', 'refund_failed', 'reversed', 'payout'));
comment on domain app_public.credit_reason is
  'Why credit was added or used: negative_invoice, credit_note, overpayment and goodwill add credit; used is the credit that an invoice consumed; released returns the credit of a voided invoice; refunded goes back with a refund of an overpayment; refund_failed is money of a refund that came back; reversed is what a payment that the bank took back had added; payout was paid out.';

create domain app_public.wallet_reason as text
  constraint wallet_reason_is_known check (
    value in ('paid', 'gift', 'used', 'released', 'refunded', 'refund_failed', 'reversed', 'taken_back', 'expired'));
comment on domain app_public.wallet_reason is
  'Why the money of a top-up changed: paid and gift put it into the wallet; used paid an invoice; released came back from a voided invoice; refunded was paid back, and refund_failed is a refund that did not arrive; reversed is what the bank took back; taken_back is a gift that staff took back; expired was not used in time.';

create domain app_public.payment_provider as text
  constraint payment_provider_is_known check (value in ('manual', 'stripe'));
comment on domain app_public.payment_provider is
  'Who moves the money: stripe charges a payment method; manual is a payment outside Rowhouse that staff record, such as a bank transfer.';

create domain app_public.payment_method_status as text
  constraint payment_method_status_is_known check (value in ('pending', 'attached', 'failed', 'detached'));
comment on domain app_public.payment_method_status is
  'The state of a payment method: pending while it is being attached at the provider; attached and usable; failed when the provider refused it; detached after it was removed.';

create domain billing.ledger_event as text
  constraint ledger_event_is_known check (
    value in ('invoice', 'credit_note', 'void', 'write_off', 'payment', 'reversal', 'refund', 'credit', 'wallet'));
comment on domain billing.ledger_event is 'The event that a posting of the ledger records.';

create domain billing.ledger_account as text
  constraint ledger_account_is_known check (value in ('receivable', 'cash', 'credit', 'revenue', 'tax', 'goodwill', 'bad_debt', 'wallet', 'top_up'));
comment on domain billing.ledger_account is
  'An account of the ledger: receivable is what the customer owes; cash is what was paid; credit is what is owed to the customer; revenue and tax are what was billed; goodwill is credit and prepaid money that staff gave; bad_debt is what was written off; wallet is prepaid money that is owed to the customer; top_up is what was ordered for the wallet and is not in it yet or any more.';

create domain billing.payment_outcome as text
  constraint payment_outcome_is_known check (value in ('succeeded', 'failed', 'processing'));
comment on domain billing.payment_outcome is 'What a payment provider reports about a charge or a refund.';

create domain billing.event_outcome as text
  constraint event_outcome_is_known check (value in ('applied', 'ignored', 'unknown', 'repeated'));
comment on domain billing.event_outcome is
  'What happened to an event of a payment provider: applied changed something or found it done; ignored does not concern us; unknown is about an object that we do not have; repeated was received before.';

-- Results of functions ----------------------------------------------------------------------------------------------------

create type app_public.entitlement as (
  kind app_public.entitlement_kind_enum,
  key text,
  is_enabled boolean,
  quota_limit numeric,
  overage_allowed boolean,
  source app_public.entitlement_source,
  reason text
);
comment on type app_public.entitlement is 'A feature or quota that a tenant has, and where it comes from.';
comment on column app_public.entitlement.kind is E'@notNull\nWhether this is a feature or a quota.';
comment on column app_public.entitlement.key is E'@notNull\nThe name of the feature or quota.';
comment on column app_public.entitlement.is_enabled is 'Whether the feature is on; null for a quota.';
comment on column app_public.entitlement.quota_limit is 'The limit of the quota, at least 0; null for a feature, and for a quota that has no limit.';
comment on column app_public.entitlement.overage_allowed is E'@notNull\nWhether usage beyond the limit is allowed and billed.';
comment on column app_public.entitlement.source is E'@notNull\nWhether the plan decided this (plan), or platform staff did (override).';
comment on column app_public.entitlement.reason is 'The name of the plan, or the reason of the override.';

create type app_public.invoice_preview_line as (
  kind app_public.invoice_row_kind,
  description text,
  amount numeric,
  currency text,
  effective_at timestamptz
);
comment on type app_public.invoice_preview_line is 'One row of an invoice that does not exist yet: a line, the subtotal, the tax or the total.';
comment on column app_public.invoice_preview_line.kind is E'@notNull\nThe kind of the row.';
comment on column app_public.invoice_preview_line.description is E'@notNull\nThe text of the row.';
comment on column app_public.invoice_preview_line.amount is E'@notNull\nThe amount in the currency; lines and the subtotal are net of tax.';
comment on column app_public.invoice_preview_line.currency is E'@notNull\nThe currency as an ISO 4217 code.';
comment on column app_public.invoice_preview_line.effective_at is E'@notNull\nWhen the invoice would be created.';

create domain app_public.breakdown_dimension as text
  constraint breakdown_dimension_is_known check (value in ('model', 'project', 'agent', 'user', 'tenant'));
comment on domain app_public.breakdown_dimension is 'What the usage of an invoice is broken down by.';
create type app_public.invoice_breakdown_row as (
  line_number int,
  usage_type text,
  dimension_id uuid,
  name text,
  quantity numeric,
  amount numeric
);
comment on type app_public.invoice_breakdown_row is 'What one model, project, agent, user or tenant has of a line of an invoice.';
comment on column app_public.invoice_breakdown_row.line_number is E'@notNull\nThe position of the line, from 1.';
comment on column app_public.invoice_breakdown_row.usage_type is E'@notNull\nThe usage type of the line.';
comment on column app_public.invoice_breakdown_row.dimension_id is 'The id of the model, project, agent, user or tenant; null for usage that named none.';
comment on column app_public.invoice_breakdown_row.name is 'Its name; null when there is no such thing any more, or when it is one of a tenant below.';
comment on column app_public.invoice_breakdown_row.quantity is E'@notNull\nIts quantity, in the unit of the usage type.';
comment on column app_public.invoice_breakdown_row.amount is E'@notNull\nIts share of the amount of the line, in proportion to its quantity. The shares of a line add up to its amount exactly.';

create type app_public.invoice_explanation_line as (
  line_number int,
  kind app_public.invoice_row_kind,
  description text,
  amount numeric,
  recomputed numeric,
  is_equal boolean,
  explanation text
);
comment on type app_public.invoice_explanation_line is 'One row of an invoice with the amount that was billed and the amount that is computed again from prices, days and events.';
comment on column app_public.invoice_explanation_line.line_number is 'The position of the line, from 1; null for the subtotal, the tax and the total.';
comment on column app_public.invoice_explanation_line.kind is E'@notNull\nThe kind of the row.';
comment on column app_public.invoice_explanation_line.description is E'@notNull\nThe text of the row.';
comment on column app_public.invoice_explanation_line.amount is E'@notNull\nThe amount that was billed.';
comment on column app_public.invoice_explanation_line.recomputed is E'@notNull\nThe amount that is computed again.';
comment on column app_public.invoice_explanation_line.is_equal is E'@notNull\nWhether both amounts are equal.';
comment on column app_public.invoice_explanation_line.explanation is E'@notNull\nThe calculation in words.';

create type app_public.usage_overview_metric as (
  metric text,
  display_name text,
  unit text,
  used numeric,
  included numeric,
  quota_limit numeric,
  forecast numeric,
  period_start timestamptz,
  period_end timestamptz
);
comment on type app_public.usage_overview_metric is 'The usage of one metric in the current billing period, with its limit and a forecast.';
comment on column app_public.usage_overview_metric.metric is E'@notNull\nThe name of a usage type, or tokens, cost, users, agents, documents or storage.';
comment on column app_public.usage_overview_metric.display_name is E'@notNull\nThe name to show.';
comment on column app_public.usage_overview_metric.unit is E'@notNull\nThe unit of the quantities.';
comment on column app_public.usage_overview_metric.used is E'@notNull\nThe quantity that was used in the period.';
comment on column app_public.usage_overview_metric.included is 'The quantity that the price of the plan includes; null when the plan does not price this metric.';
comment on column app_public.usage_overview_metric.quota_limit is 'The lowest of the quotas of the tenant for this metric; null without a quota.';
comment on column app_public.usage_overview_metric.forecast is E'@notNull\nThe quantity expected at the end of the period: used divided by the share of the period that has passed.';
comment on column app_public.usage_overview_metric.period_start is E'@notNull\nThe start of the period.';
comment on column app_public.usage_overview_metric.period_end is E'@notNull\nThe end of the period.';

create type app_public.usage_of_day as (
  used_on date,
  metric text,
  quantity numeric,
  cost numeric
);
comment on type app_public.usage_of_day is 'The usage of one usage type on one day.';
comment on column app_public.usage_of_day.used_on is E'@notNull\nThe day in the time zone of the tenant.';
comment on column app_public.usage_of_day.metric is E'@notNull\nThe name of the usage type.';
comment on column app_public.usage_of_day.quantity is E'@notNull\nThe quantity in the unit of the usage type.';
comment on column app_public.usage_of_day.cost is E'@notNull\nThe cost in US dollars.';

create type app_public.usage_of_model as (
  model_id uuid,
  model_name text,
  metric text,
  quantity numeric,
  cost numeric
);
comment on type app_public.usage_of_model is 'The usage of one usage type with one language model.';
comment on column app_public.usage_of_model.model_id is E'@notNull\nThe language model.';
comment on column app_public.usage_of_model.model_name is 'The name of the model; null when the model was deleted.';
comment on column app_public.usage_of_model.metric is E'@notNull\nThe name of the usage type.';
comment on column app_public.usage_of_model.quantity is E'@notNull\nThe quantity in the unit of the usage type.';
comment on column app_public.usage_of_model.cost is E'@notNull\nThe cost in US dollars.';

create type app_public.new_price_component as (
  usage_type text,
  model app_public.price_model_enum,
  unit_amount numeric,
  package_size numeric,
  tiers jsonb,
  included_quantity numeric
);
comment on type app_public.new_price_component is 'The price of one usage type in a new version of a price.';
comment on column app_public.new_price_component.usage_type is E'@notNull\nThe usage type that is priced.';
comment on column app_public.new_price_component.model is E'@notNull\nHow a quantity is priced.';
comment on column app_public.new_price_component.unit_amount is 'The price of one unit (per_unit), of one package (package) or of any use (flat); left out for tiered and volume.';
comment on column app_public.new_price_component.package_size is 'The number of units in one package; left out for other models.';
comment on column app_public.new_price_component.tiers is 'For tiered and volume: an array of {"upTo", "unitAmount", "flatAmount"}. upTo rises from tier to tier, and the last tier has none.';
comment on column app_public.new_price_component.included_quantity is 'The number of units in each period that cost nothing. The default is 0.';

create type app_public.affected_subscription as (
  tenant_id uuid,
  tenant_slug text,
  billing_cycle app_public.billing_cycle_enum,
  currency text,
  status app_public.subscription_status_enum,
  affected_from timestamptz,
  amount_before numeric,
  amount_after numeric
);
comment on type app_public.affected_subscription is 'A running subscription that an edit of a plan touches.';
comment on column app_public.affected_subscription.tenant_id is E'@notNull\nThe tenant.';
comment on column app_public.affected_subscription.tenant_slug is E'@notNull\nThe slug of the tenant.';
comment on column app_public.affected_subscription.billing_cycle is E'@notNull\nThe length of its periods from then on.';
comment on column app_public.affected_subscription.currency is E'@notNull\nThe currency as an ISO 4217 code.';
comment on column app_public.affected_subscription.status is E'@notNull\nThe state of the subscription.';
comment on column app_public.affected_subscription.affected_from is E'@notNull\nThe beginning of the first period that has the new price.';
comment on column app_public.affected_subscription.amount_before is E'@notNull\nThe price of that period without the edit, net of tax and without usage.';
comment on column app_public.affected_subscription.amount_after is E'@notNull\nThe price of that period with the edit, net of tax and without usage.';

create type app_public.invoice_of_tenant as (
  tenant_id uuid,
  tenant_slug text,
  id uuid,
  number text,
  issuer_slug text,
  series app_public.invoice_series,
  status app_public.invoice_status_enum,
  currency text,
  total numeric,
  amount_due numeric,
  due_at timestamptz,
  created_at timestamptz
);
comment on type app_public.invoice_of_tenant is 'A document of any tenant, for platform staff.';
comment on column app_public.invoice_of_tenant.tenant_id is E'@notNull\nThe tenant that is billed.';
comment on column app_public.invoice_of_tenant.tenant_slug is E'@notNull\nThe slug of the tenant.';
comment on column app_public.invoice_of_tenant.id is E'@notNull\nThe id of the document. Enter the tenant to read the document itself.';
comment on column app_public.invoice_of_tenant.number is 'The number; null for a draft.';
comment on column app_public.invoice_of_tenant.issuer_slug is E'@notNull\nThe slug of the company that issues it.';
comment on column app_public.invoice_of_tenant.series is E'@notNull\nWhether this is an invoice or a credit note.';
comment on column app_public.invoice_of_tenant.status is E'@notNull\nThe status.';
comment on column app_public.invoice_of_tenant.currency is E'@notNull\nThe currency as an ISO 4217 code.';
comment on column app_public.invoice_of_tenant.total is E'@notNull\nThe total including tax.';
comment on column app_public.invoice_of_tenant.amount_due is E'@notNull\nWhat is still to be paid.';
comment on column app_public.invoice_of_tenant.due_at is 'When it must be paid; null for a draft.';
comment on column app_public.invoice_of_tenant.created_at is E'@notNull\nWhen the document was created.';

create type app_public.ledger_row as (
  occurred_at timestamptz,
  id uuid,
  posting_id uuid,
  tenant_slug text,
  event text,
  account text,
  currency text,
  amount numeric,
  document_id uuid,
  document_number text
);
comment on type app_public.ledger_row is 'One entry of the ledger of any tenant, for accounting. The entries of a posting sum to 0.';
comment on column app_public.ledger_row.occurred_at is E'@notNull\nWhen it was posted.';
comment on column app_public.ledger_row.id is E'@notNull\nThe id of the entry.';
comment on column app_public.ledger_row.posting_id is E'@notNull\nThe posting that the entry belongs to.';
comment on column app_public.ledger_row.tenant_slug is E'@notNull\nThe slug of the tenant.';
comment on column app_public.ledger_row.event is E'@notNull\nWhat happened.';
comment on column app_public.ledger_row.account is E'@notNull\nThe account.';
comment on column app_public.ledger_row.currency is E'@notNull\nThe currency as an ISO 4217 code.';
comment on column app_public.ledger_row.amount is E'@notNull\nThe amount: a debit is positive and a credit negative.';
comment on column app_public.ledger_row.document_id is E'@notNull\nThe invoice, credit note, payment, refund or credit entry that it is about.';
comment on column app_public.ledger_row.document_number is 'The number of the invoice or credit note; null for other documents.';

-- Arithmetic that constraints need ----------------------------------------------------------------------------------------

-- The decimal places that an amount of a currency has when it is paid. This list is also the list of supported currencies.
create function billing.minor_units(currency text) returns int
  language sql immutable parallel safe
  return case
    when currency in ('JPY', 'KRW', 'CLP', 'VND') then 0
    when currency in ('USD', 'EUR', 'GBP', 'CHF', 'CAD', 'AUD', 'NZD', 'SEK', 'NOK', 'DKK', 'PLN', 'CZK', 'HUF', 'RON', 'SGD',
                      'HKD', 'INR', 'BRL', 'MXN', 'ZAR', 'ILS', 'AED', 'SAR', 'CNY') then 2
    when currency in ('BHD', 'KWD', 'OMR', 'JOD', 'TND') then 3
  end;
comment on function billing.minor_units(text) is
  'The decimal places of a currency (ISO 4217, upper case): 2 for EUR, 0 for JPY, 3 for KWD. The result is null when the currency is not supported.';

-- The upper bound also excludes NaN and Infinity, because PostgreSQL sorts both above every number.
create function billing.is_money(amount numeric) returns boolean
  language sql immutable parallel safe
  return amount > -1e12 and amount < 1e12;
comment on function billing.is_money(numeric) is 'Whether an amount is finite and its absolute value is below 1,000,000,000,000. The result is null for null.';

-- The largest unit price, and the largest number of tiers, guard against typing errors; both are far above real prices.
create function billing.max_unit_amount() returns numeric
  language sql immutable parallel safe
  return 1e9;
comment on function billing.max_unit_amount() is 'The highest price of one unit, package or tier: 1,000,000,000.';

create function billing.are_price_tiers(tiers jsonb) returns boolean
  language plpgsql immutable strict parallel safe
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tier jsonb;
  v_max_tiers constant int := 100;
  v_max_amount constant numeric := billing.max_unit_amount();
  v_from numeric := 0;
  v_is_last boolean := false;
begin
  if jsonb_typeof(are_price_tiers.tiers) <> 'array' or jsonb_array_length(are_price_tiers.tiers) not between 1 and v_max_tiers then
    return false;
  end if;
  for v_tier in select value from jsonb_array_elements(are_price_tiers.tiers) loop
    if v_is_last or jsonb_typeof(v_tier) <> 'object'
       or exists (select from jsonb_object_keys(v_tier) as key where key not in ('upTo', 'unitAmount', 'flatAmount'))
       or jsonb_typeof(v_tier -> 'unitAmount') is distinct from 'number'
       or coalesce(jsonb_typeof(v_tier -> 'flatAmount'), 'number') <> 'number'
       or (v_tier ->> 'unitAmount')::numeric not between 0 and 1000000000
       or coalesce((v_tier ->> 'flatAmount')::numeric, 0) not between 0 and v_max_amount then
      return false;
    end if;
    if coalesce(jsonb_typeof(v_tier -> 'upTo'), 'null') = 'null' then
      v_is_last := true;
    elsif jsonb_typeof(v_tier -> 'upTo') <> 'number' or (v_tier ->> 'upTo')::numeric <= v_from then
      return false;
    else
      v_from := (v_tier ->> 'upTo')::numeric;
    end if;
  end loop;
  return v_is_last;
end
$$;
comment on function billing.are_price_tiers(jsonb) is
  'Whether a value is an array of 1 to 100 tiers such as {"upTo": 1000, "unitAmount": 0.01, "flatAmount": 0}. upTo must rise from tier to tier, and only the last tier has no upTo. Amounts are from 0 to 1,000,000,000.';

-- The offer -----------------------------------------------------------------------------------------------------------

create table app_public.plans (
  id uuid primary key default gen_random_uuid(),
  slug text not null unique,
  name text not null,
  description text,
  tier app_public.plan_tier not null,
  trial_days int not null default 0,
  is_public boolean not null default true,
  retired_at timestamptz,
  -- with the tenant the deal loses its customer and stays hidden
  only_for_tenant_id uuid references app_public.tenants (id) on delete set null,
  is_add_on boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- a subscription refers to both, so a base never has the plan of an add-on
  unique (id, is_add_on),
  constraint slug_is_a_slug check (core.is_slug(slug)),
  constraint name_is_a_name check (core.is_name(name)),
  constraint trial_days_is_in_range check (trial_days between 0 and 365),
  constraint deal_is_not_public check (only_for_tenant_id is null or not is_public),
  constraint add_on_has_no_trial check (not is_add_on or trial_days = 0),
  constraint free_is_no_add_on check (not is_add_on or slug <> 'free')
);
create index on app_public.plans (only_for_tenant_id);
call core.limit_length('app_public.plans', 10000, 'description');

create table app_public.plan_prices (
  id uuid primary key default gen_random_uuid(),
  plan_id uuid not null references app_public.plans (id),
  currency text not null,
  billing_cycle app_public.billing_cycle_enum not null,
  amount numeric not null,
  committed_amount numeric not null default 0,
  seat_amount numeric,
  included_seats int not null default 1,
  valid_from timestamptz not null default now(),
  created_at timestamptz not null default now(),
  unique (plan_id, currency, billing_cycle, valid_from),
  constraint currency_is_known check (billing.minor_units(currency) is not null),
  constraint amount_is_not_negative check (amount >= 0 and billing.is_money(amount)),
  constraint committed_amount_is_not_negative check (committed_amount >= 0 and billing.is_money(committed_amount)),
  -- the largest subscription has an amount that fits on an invoice, and a plan with seats is never free
  constraint seat_amount_is_money check (
    seat_amount is null or seat_amount > 0 and amount > 0 and billing.is_money(seat_amount) and billing.is_money(amount + seat_amount * 100000)),
  constraint included_seats_are_of_seats check (included_seats between 1 and 100000 and (included_seats = 1 or seat_amount is not null)),
  constraint valid_from_is_finite check (isfinite(valid_from))
);

create table app_public.plan_price_components (
  id uuid primary key default gen_random_uuid(),
  price_id uuid not null references app_public.plan_prices (id) on delete cascade,
  usage_type text not null references app_public.usage_types (name),
  model app_public.price_model_enum not null,
  unit_amount numeric,
  package_size numeric,
  tiers jsonb,
  included_quantity numeric not null default 0,
  created_at timestamptz not null default now(),
  unique (price_id, usage_type),
  constraint unit_amount_belongs_to_the_model check ((unit_amount is null) = (model in ('tiered', 'volume'))),
  constraint unit_amount_is_in_range check (unit_amount between 0 and billing.max_unit_amount()),
  constraint package_size_belongs_to_the_model check ((package_size is null) = (model <> 'package')),
  constraint package_size_is_positive check (package_size > 0 and billing.is_money(package_size)),
  constraint tiers_belong_to_the_model check ((tiers is null) = (model not in ('tiered', 'volume'))),
  constraint tiers_are_tiers check (billing.are_price_tiers(tiers)),
  constraint included_quantity_is_not_negative check (included_quantity >= 0 and included_quantity < 1e18)
);

create index on app_public.plan_price_components (usage_type);

create table app_public.plan_entitlements (
  id uuid primary key default gen_random_uuid(),
  plan_id uuid not null references app_public.plans (id) on delete cascade,
  kind app_public.entitlement_kind_enum not null,
  key text not null,
  is_enabled boolean,
  quota_limit numeric,
  overage_allowed boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (plan_id, kind, key),
  constraint key_is_a_key check (key ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint quota_is_known
    check (kind = 'feature' or key in ('users', 'agents', 'documents', 'storage_gb', 'api_calls', 'tokens', 'cost')),
  constraint feature_is_on_or_off check ((is_enabled is not null) = (kind = 'feature')),
  constraint quota_has_a_limit check ((quota_limit is not null) = (kind = 'quota')),
  constraint quota_limit_is_an_amount
    check (quota_limit >= 0 and quota_limit <= 1e12 and (key = 'cost' or quota_limit = trunc(quota_limit))),
  constraint overage_belongs_to_quotas check (kind = 'quota' or not overage_allowed)
);

create table app_public.tenant_entitlement_overrides (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  kind app_public.entitlement_kind_enum not null,
  key text not null,
  is_enabled boolean,
  quota_limit numeric,
  overage_allowed boolean not null default false,
  reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, kind, key),
  constraint key_is_a_key check (key ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint quota_is_known
    check (kind = 'feature' or key in ('users', 'agents', 'documents', 'storage_gb', 'api_calls', 'tokens', 'cost')),
  constraint feature_is_on_or_off check ((is_enabled is not null) = (kind = 'feature')),
  constraint quota_has_a_limit check ((quota_limit is not null) = (kind = 'quota')),
  constraint quota_limit_is_an_amount
    check (quota_limit >= 0 and quota_limit <= 1e12 and (key = 'cost' or quota_limit = trunc(quota_limit))),
  constraint overage_belongs_to_quotas check (kind = 'quota' or not overage_allowed),
  constraint reason_is_short check (length(reason) <= 1000)
);

-- Issuers and customers -------------------------------------------------------------------------------------------------

create table app_public.invoice_issuers (
  id uuid primary key default gen_random_uuid(),
  slug text not null unique,
  name text not null,
  address text,
  tax_number text,
  number_prefix text not null default 'INV-',
  credit_note_prefix text not null default 'CN-',
  payment_terms_days int not null default 14,
  draft_hours int not null default 1,
  footer text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint slug_is_a_slug check (core.is_slug(slug)),
  constraint name_is_a_name check (core.is_name(name)),
  -- a number begins where the digits at its end begin, so that two prefixes never make the same number
  constraint prefixes_are_short
    check (number_prefix ~ '^([A-Za-z0-9/-]{0,19}[A-Za-z/-])?$' and credit_note_prefix ~ '^([A-Za-z0-9/-]{0,19}[A-Za-z/-])?$'),
  constraint payment_terms_days_is_in_range check (payment_terms_days between 0 and 365),
  constraint draft_hours_is_in_range check (draft_hours between 0 and 720)
);
call core.limit_length('app_public.invoice_issuers', 50, 'tax_number');
call core.limit_length('app_public.invoice_issuers', 1000, 'address');
call core.limit_length('app_public.invoice_issuers', 2000, 'footer');
insert into app_public.invoice_issuers (slug, name) values ('default', 'Change me: the name of the company that bills');

-- Every prefix that an issuer has or had for one of its series. Nobody else ever gets it.
create table billing.number_prefixes (
  prefix text primary key,
  issuer_id uuid not null references app_public.invoice_issuers (id) on delete cascade,
  series app_public.invoice_series not null,
  created_at timestamptz not null default now(),
  constraint prefix_is_in_lower_case check (prefix = lower(prefix) and length(prefix) <= 20)
);
create index on billing.number_prefixes (issuer_id);
insert into billing.number_prefixes (prefix, issuer_id, series)
select lower(p.prefix), i.id, p.series::app_public.invoice_series
  from app_public.invoice_issuers i
 cross join lateral (values (i.number_prefix, 'invoice'), (i.credit_note_prefix, 'credit_note')) as p (prefix, series);

-- The tax on what is sold to a country, each rate from a day on.
create table app_public.tax_rates (
  id uuid primary key default gen_random_uuid(),
  country_code text not null,
  rate numeric not null,
  valid_from timestamptz not null,
  created_at timestamptz not null default now(),
  unique (country_code, valid_from),
  constraint country_code_is_iso_3166 check (country_code ~ '^[A-Z]{2}$'),
  constraint rate_is_a_share check (rate >= 0 and rate < 1),
  constraint valid_from_is_finite check (isfinite(valid_from))
);

-- One row for each issuer and series. The row is locked while a document takes its number, so a rollback returns the number.
create table billing.invoice_counters (
  issuer_id uuid not null references app_public.invoice_issuers (id),
  series app_public.invoice_series not null,
  last_number bigint not null default 0,
  primary key (issuer_id, series)
);

-- Every number that was ever issued, also to documents of tenants that were deleted later.
create table billing.invoice_numbers (
  issuer_id uuid not null references app_public.invoice_issuers (id),
  series app_public.invoice_series not null,
  sequence_number bigint not null,
  document_id uuid not null unique,
  issued_at timestamptz not null,
  primary key (issuer_id, series, sequence_number)
);

-- The row is also the lock of a tenant's billing: every change of subscriptions, invoices or payments holds it.
create table app_public.billing_profiles (
  tenant_id uuid primary key references app_public.tenants (id) on delete cascade,
  legal_name text,
  email text,
  address text,
  country_code text,
  tax_number text,
  tax_mode app_public.tax_mode not null default 'standard',
  tax_rate numeric,
  collection_method app_public.collection_method not null default 'automatic',
  currency text not null default 'USD',
  issuer_id uuid not null references app_public.invoice_issuers (id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint legal_name_is_a_name check (core.is_name(legal_name)),
  constraint email_is_an_email check (core.is_email(email)),
  constraint address_is_short check (length(address) <= 1000),
  constraint country_code_is_iso_3166 check (country_code ~ '^[A-Z]{2}$'),
  constraint tax_number_is_short check (length(tax_number) <= 50),
  constraint tax_rate_is_a_share check (tax_rate >= 0 and tax_rate < 1),
  constraint currency_is_known check (billing.minor_units(currency) is not null)
);
create index on app_public.billing_profiles (issuer_id);

-- Subscriptions -------------------------------------------------------------------------------------------------------------

create table app_public.subscriptions (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  plan_id uuid not null,
  is_add_on boolean not null default false,
  price_id uuid not null references app_public.plan_prices (id),
  billing_cycle app_public.billing_cycle_enum not null,
  currency text not null,
  status app_public.subscription_status_enum not null,
  timezone text not null,
  anchor_on date not null,
  started_at timestamptz not null,
  trial_ends_at timestamptz,
  period_number int not null default 1,
  current_period_start timestamptz not null,
  current_period_end timestamptz not null,
  usage_since timestamptz not null,
  seats int,
  pending_seats int,
  cancel_at_period_end boolean not null default false,
  pending_plan_id uuid,
  pending_billing_cycle app_public.billing_cycle_enum,
  paused_at timestamptz,
  past_due_at timestamptz,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint subscriptions_plan_id_fkey foreign key (plan_id, is_add_on) references app_public.plans (id, is_add_on),
  constraint subscriptions_pending_plan_id_fkey foreign key (pending_plan_id, is_add_on) references app_public.plans (id, is_add_on),
  constraint period_is_not_empty check (current_period_start < current_period_end),
  constraint trial_has_an_end check (status <> 'trialing' or trial_ends_at is not null),
  constraint ended_is_over check ((ended_at is not null) = (status in ('cancelled', 'expired'))),
  constraint paused_since check ((paused_at is not null) = (status = 'paused')),
  constraint past_due_since check ((past_due_at is not null) = (status = 'past_due')),
  constraint seats_are_positive check (seats > 0),
  constraint pending_seats_are_fewer check (pending_seats is null or coalesce(pending_seats > 0 and pending_seats < seats, false)),
  constraint pending_change_is_whole check ((pending_plan_id is null) = (pending_billing_cycle is null)),
  constraint cancelled_is_not_changed check (not cancel_at_period_end or pending_plan_id is null)
);
call core.limit_length('app_public.subscriptions', 3, 'currency');
call core.limit_length('app_public.subscriptions', 64, 'timezone');
create index on app_public.subscriptions (tenant_id);
create unique index subscriptions_one_base_key on app_public.subscriptions (tenant_id) where ended_at is null and not is_add_on;
create unique index subscriptions_one_of_each_add_on_key on app_public.subscriptions (tenant_id, plan_id) where ended_at is null and is_add_on;
create index on app_public.subscriptions (plan_id, is_add_on);
create index on app_public.subscriptions (price_id);
create index on app_public.subscriptions (pending_plan_id, is_add_on);
create index subscriptions_due_idx on app_public.subscriptions (current_period_end) where status in ('trialing', 'active', 'past_due');

create table app_public.billing_notices (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  kind app_public.billing_notice_kind not null,
  subject_key text not null,
  subscription_id uuid references app_public.subscriptions (id) on delete cascade,
  invoice_id uuid,
  message text not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, kind, subject_key)
);
call core.limit_length('app_public.billing_notices', 255, 'subject_key');
call core.limit_length('app_public.billing_notices', 4000, 'message');
create index on app_public.billing_notices (subscription_id);

-- One mail about a notice or a quota alert to one person. It is inserted in the same transaction as the notice or alert, so
-- none is lost or sent twice. leased_until prevents a second worker from sending it at the same time.
create table app_public.notice_mails (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  billing_notice_id uuid,
  quota_alert_id uuid,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  status app_public.notice_mail_status not null default 'queued',
  attempts int not null default 0,
  error text,
  leased_until timestamptz,
  sent_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, billing_notice_id) references app_public.billing_notices (tenant_id, id) on delete cascade,
  foreign key (tenant_id, quota_alert_id) references app_public.quota_alerts (tenant_id, id) on delete cascade,
  constraint reports_one_event check (num_nonnulls(billing_notice_id, quota_alert_id) = 1),
  constraint sent_has_a_time check ((sent_at is not null) = (status = 'sent'))
);
call core.limit_length('app_public.notice_mails', 500, 'error');
create index on app_public.notice_mails (tenant_id, billing_notice_id);
create index on app_public.notice_mails (tenant_id, quota_alert_id);
create index on app_public.notice_mails (user_id);
create unique index notice_mails_once_key on app_public.notice_mails
  (tenant_id, coalesce(billing_notice_id, quota_alert_id), user_id);

-- Coupons -----------------------------------------------------------------------------------------------------------------

create table app_public.coupons (
  id uuid primary key default gen_random_uuid(),
  code text not null unique,
  name text not null,
  percent_off numeric,
  amount_off numeric,
  currency text,
  duration app_public.coupon_duration not null,
  duration_periods int,
  redeem_by timestamptz,
  max_redemptions int,
  redemption_count int not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint code_is_a_code check (code ~ '^[A-Z0-9][A-Z0-9_-]{2,49}$'),
  constraint name_is_a_name check (core.is_name(name)),
  constraint percentage_or_amount check (num_nonnulls(percent_off, amount_off) = 1),
  constraint percent_off_is_in_range check (percent_off > 0 and percent_off <= 100 and percent_off = round(percent_off, 4)),
  constraint amount_off_has_a_currency
    check ((amount_off is null) = (currency is null)
      and (amount_off is null or billing.minor_units(currency) is not null and amount_off > 0 and billing.is_money(amount_off)
           and amount_off = round(amount_off, billing.minor_units(currency)))),
  constraint repeating_has_periods
    check ((duration_periods is not null) = (duration = 'repeating') and (duration_periods is null or duration_periods between 2 and 120)),
  constraint max_redemptions_is_in_range check (max_redemptions between 1 and 1000000000 and max_redemptions >= redemption_count)
);
call core.limit_length('app_public.coupons', 3, 'currency');

create table app_public.coupon_redemptions (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  coupon_id uuid not null references app_public.coupons (id),
  redeemed_at timestamptz not null,
  starts_at timestamptz,
  ends_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, coupon_id),
  constraint time_is_whole check ((starts_at is null) = (ends_at is null) and starts_at < ends_at)
);
create index on app_public.coupon_redemptions (coupon_id);
-- one coupon waits at a time
create unique index coupon_redemptions_one_waiting_key on app_public.coupon_redemptions (tenant_id) where starts_at is null;

-- Invoices ----------------------------------------------------------------------------------------------------------------

create table app_public.invoices (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  series app_public.invoice_series not null default 'invoice',
  reason app_public.invoice_reason not null,
  status app_public.invoice_status_enum not null default 'draft',
  issuer_id uuid not null references app_public.invoice_issuers (id),
  number text,
  sequence_number bigint,
  subscription_id uuid references app_public.subscriptions (id),
  credited_invoice_id uuid,
  currency text not null,
  timezone text not null,
  period_number int,
  period_start timestamptz,
  period_end timestamptz,
  usage_start timestamptz,
  usage_end timestamptz,
  usage_price_id uuid references app_public.plan_prices (id),
  usage_basis_start timestamptz,
  usage_basis_end timestamptz,
  issued_by jsonb not null default '{}',
  billed_to jsonb not null default '{}',
  tax_mode app_public.tax_mode not null default 'none',
  tax_rate numeric not null default 0,
  subtotal numeric not null default 0,
  tax numeric not null default 0,
  total numeric not null default 0,
  amount_credited numeric not null default 0,
  amount_paid numeric not null default 0,
  amount_written_off numeric not null default 0,
  amount_due numeric not null generated always as (
    case when status in ('finalised', 'uncollectible') then greatest(total, 0) - amount_credited - amount_paid - amount_written_off else 0 end) stored,
  collection_method app_public.collection_method not null default 'automatic',
  is_charge_requested boolean not null default false,
  attempt_count int not null default 0,
  next_attempt_at timestamptz,
  finalise_at timestamptz,
  finalised_at timestamptz,
  due_at timestamptz,
  paid_at timestamptz,
  voided_at timestamptz,
  void_reason text,
  uncollectible_at timestamptz,
  written_off_at timestamptz,
  write_off_reason text,
  memo text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  -- payments and credit refer to an invoice and its currency, so that yen never pay dollars
  unique (tenant_id, id, currency),
  constraint invoices_tenant_id_credited_invoice_id_fkey
    foreign key (tenant_id, credited_invoice_id, currency) references app_public.invoices (tenant_id, id, currency) on delete cascade,
  constraint correction_is_a_credit_note
    check ((series = 'credit_note') = (credited_invoice_id is not null) and (series = 'credit_note') = (reason = 'correction')),
  constraint number_comes_with_finalisation
    check ((number is null) = (status = 'draft')
      and (sequence_number is null) = (status = 'draft')
      and (finalised_at is null) = (status = 'draft')),
  constraint currency_is_known check (billing.minor_units(currency) is not null),
  constraint total_is_subtotal_and_tax check (total = subtotal + tax and billing.is_money(total)),
  constraint period_of_a_subscription check (reason not in ('period', 'end') or subscription_id is not null and period_number is not null),
  constraint usage_has_a_price check (num_nulls(usage_start, usage_end, usage_price_id, usage_basis_start, usage_basis_end) in (0, 5)),
  constraint settled_is_not_more_than_total
    check (amount_credited >= 0 and amount_paid >= 0 and amount_written_off >= 0
      and amount_credited + amount_paid + amount_written_off <= greatest(total, 0)),
  constraint written_off_is_uncollectible check (amount_written_off = 0 or status = 'uncollectible'),
  constraint write_off_has_a_reason
    check ((written_off_at is null) = (amount_written_off = 0) and (written_off_at is null) = (write_off_reason is null)
      and length(write_off_reason) <= 1000),
  constraint paid_is_settled check (status <> 'paid' or amount_credited + amount_paid = greatest(total, 0)),
  constraint memo_is_short check (length(memo) <= 1000),
  constraint void_has_a_reason check ((status = 'void') = (void_reason is not null) and length(void_reason) <= 1000)
);
call core.limit_length('app_public.invoices', 50, 'number');
call core.limit_length('app_public.invoices', 64, 'timezone');
call core.limit_bytes('app_public.invoices', 100000, 'issued_by', 'billed_to');
create index on app_public.invoices (subscription_id);
create index on app_public.invoices (issuer_id, created_at, id);
-- what staff read of all tenants, the newest first
create index on app_public.invoices (created_at, id);
create index invoices_open_idx on app_public.invoices (created_at, id) where amount_due > 0;
create index on app_public.invoices (usage_price_id);
create index on app_public.invoices (tenant_id, credited_invoice_id, currency);
create index on app_public.invoices (tenant_id, created_at);
-- each period of a subscription has exactly one invoice, however many workers run
create unique index invoices_one_a_period_key on app_public.invoices (tenant_id, subscription_id, period_number, reason)
  where reason in ('period', 'end');
create index invoices_to_finalise_idx on app_public.invoices (finalise_at) where status = 'draft' and finalise_at is not null;
create index invoices_to_collect_idx on app_public.invoices (next_attempt_at) where next_attempt_at is not null;

create table app_public.invoice_lines (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  invoice_id uuid not null,
  line_number int not null,
  kind app_public.invoice_line_kind_enum not null,
  description text not null,
  amount numeric not null,
  price_id uuid references app_public.plan_prices (id),
  component_id uuid references app_public.plan_price_components (id),
  usage_type text references app_public.usage_types (name),
  quantity numeric,
  quantity_before numeric,
  charged_share numeric,
  coupon_id uuid references app_public.coupons (id),
  seats int,
  days int,
  period_days int,
  service_start timestamptz,
  service_end timestamptz,
  basis_start timestamptz,
  basis_end timestamptz,
  counted_until bigint,
  is_manual boolean not null default false,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, invoice_id, line_number),
  foreign key (tenant_id, invoice_id) references app_public.invoices (tenant_id, id) on delete cascade,
  constraint amount_is_money check (billing.is_money(amount)),
  constraint charged_share_is_a_share check (charged_share between 0 and 1),
  constraint description_is_short check (description ~ '\S' and length(description) <= 500)
);
create index on app_public.invoice_lines (price_id);
create index on app_public.invoice_lines (component_id);
create index on app_public.invoice_lines (usage_type);
create index on app_public.invoice_lines (coupon_id);
create index on app_public.invoice_lines (tenant_id, service_start) where kind in ('usage', 'overage', 'adjustment', 'commitment');

-- The credit account of a tenant: a positive entry adds credit, and a negative entry is credit that an invoice used.
create table app_public.credit_entries (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  currency text not null,
  amount numeric not null,
  reason app_public.credit_reason not null,
  memo text,
  invoice_id uuid,
  payment_id uuid,
  occurred_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint credit_entries_tenant_id_invoice_id_fkey
    foreign key (tenant_id, invoice_id, currency) references app_public.invoices (tenant_id, id, currency) on delete cascade,
  constraint amount_is_money check (amount <> 0 and billing.is_money(amount)),
  constraint memo_is_short check (length(memo) <= 1000)
);
create index on app_public.credit_entries (tenant_id, invoice_id, currency);
call core.limit_length('app_public.credit_entries', 3, 'currency');

create table billing.invoice_documents (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  invoice_id uuid not null,
  html text not null,
  pdf bytea not null,
  rendered_at timestamptz not null default now(),
  primary key (tenant_id, invoice_id),
  foreign key (tenant_id, invoice_id) references app_public.invoices (tenant_id, id) on delete cascade
);
call core.limit_bytes('billing.invoice_documents', 10000000, 'html', 'pdf');

-- Payments ----------------------------------------------------------------------------------------------------------------

create table billing.payment_customers (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  provider app_public.payment_provider not null,
  customer_id text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, provider)
);
call core.limit_length('billing.payment_customers', 255, 'customer_id');

create table app_public.payment_methods (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  provider app_public.payment_provider not null,
  provider_method_id text not null,
  status app_public.payment_method_status not null default 'pending',
  is_default boolean not null default false,
  brand text,
  last4 text,
  expires_month int,
  expires_year int,
  failure_message text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, provider, provider_method_id),
  constraint provider_keeps_payment_methods check (provider <> 'manual'),
  constraint provider_method_id_is_an_identifier check (provider_method_id ~ '^[A-Za-z0-9_]{1,255}$'),
  constraint default_is_attached check (not is_default or status = 'attached')
);
call core.limit_length('app_public.payment_methods', 255, 'brand', 'last4');
call core.limit_length('app_public.payment_methods', 1000, 'failure_message');
create unique index payment_methods_one_default_key on app_public.payment_methods (tenant_id) where is_default;

create table app_public.payments (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  invoice_id uuid not null,
  provider app_public.payment_provider not null,
  status app_public.payment_status_enum not null default 'pending',
  currency text not null,
  amount numeric not null,
  payment_method_id uuid,
  provider_payment_id text,
  reference text,
  failure_code text,
  failure_message text,
  attempted_at timestamptz not null,
  succeeded_at timestamptz,
  reversed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint payments_tenant_id_invoice_id_fkey
    foreign key (tenant_id, invoice_id, currency) references app_public.invoices (tenant_id, id, currency) on delete cascade,
  foreign key (tenant_id, payment_method_id) references app_public.payment_methods (tenant_id, id) on delete cascade,
  unique (tenant_id, provider, provider_payment_id),
  unique (tenant_id, invoice_id, reference),
  constraint amount_is_positive check (amount > 0 and billing.is_money(amount)),
  constraint reference_is_short check (length(reference) <= 200),
  constraint succeeded_at_comes_with_success check ((succeeded_at is not null) = (status in ('succeeded', 'reversed'))),
  constraint reversed_at_comes_with_reversal check ((reversed_at is not null) = (status = 'reversed'))
);
alter table app_public.credit_entries add foreign key (tenant_id, payment_id) references app_public.payments (tenant_id, id) on delete cascade;
create index on app_public.credit_entries (tenant_id, payment_id);
call core.limit_length('app_public.payments', 3, 'currency');
call core.limit_length('app_public.payments', 100, 'failure_code');
call core.limit_length('app_public.payments', 255, 'provider_payment_id');
call core.limit_length('app_public.payments', 1000, 'failure_message');
create index on app_public.payments (tenant_id, payment_method_id);
create index on app_public.payments (tenant_id, invoice_id, currency);
-- an invoice has at most one charge at a time
create unique index payments_one_pending_key on app_public.payments (tenant_id, invoice_id) where status = 'pending';
create index payments_provider_payment_id_idx on app_public.payments (provider_payment_id);
create index payment_methods_provider_method_id_idx on app_public.payment_methods (provider_method_id);

-- Prepaid money. amount_left is kept by the entries, and its check says that nothing is spent twice, whoever writes.
create table app_public.wallet_top_ups (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  currency text not null,
  amount numeric not null,
  amount_left numeric not null default 0,
  payment_id uuid,
  memo text,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, id, currency),
  unique (tenant_id, payment_id),
  foreign key (tenant_id, payment_id) references app_public.payments (tenant_id, id) on delete cascade,
  constraint currency_is_known check (billing.minor_units(currency) is not null),
  constraint amount_is_positive check (amount > 0 and billing.is_money(amount)),
  constraint amount_left_is_a_part check (amount_left between 0 and amount),
  constraint expires_at_is_finite check (isfinite(expires_at)),
  constraint memo_is_short check (length(memo) <= 1000)
);
call core.limit_length('app_public.wallet_top_ups', 3, 'currency');
create index wallet_top_ups_spendable_idx on app_public.wallet_top_ups (tenant_id, currency, expires_at) where amount_left > 0;
create index wallet_top_ups_to_expire_idx on app_public.wallet_top_ups (expires_at) where amount_left > 0;

create table app_public.wallet_entries (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  top_up_id uuid not null,
  currency text not null,
  amount numeric not null,
  reason app_public.wallet_reason not null,
  invoice_id uuid,
  occurred_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint wallet_entries_tenant_id_top_up_id_fkey
    foreign key (tenant_id, top_up_id, currency) references app_public.wallet_top_ups (tenant_id, id, currency) on delete cascade,
  constraint wallet_entries_tenant_id_invoice_id_fkey
    foreign key (tenant_id, invoice_id, currency) references app_public.invoices (tenant_id, id, currency) on delete cascade,
  constraint amount_is_money check (amount <> 0 and billing.is_money(amount)),
  constraint invoice_belongs_to_use check ((invoice_id is not null) = (reason in ('used', 'released')))
);
call core.limit_length('app_public.wallet_entries', 3, 'currency');
create index on app_public.wallet_entries (tenant_id, top_up_id, currency);
create index on app_public.wallet_entries (tenant_id, invoice_id, currency);

create table app_public.refunds (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  payment_id uuid not null,
  credit_note_id uuid,
  status app_public.payment_status_enum not null default 'pending',
  amount numeric not null,
  credit_amount numeric not null default 0,
  reason text,
  provider_refund_id text,
  failure_message text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, payment_id) references app_public.payments (tenant_id, id) on delete cascade,
  foreign key (tenant_id, credit_note_id) references app_public.invoices (tenant_id, id) on delete cascade,
  unique (tenant_id, provider_refund_id),
  constraint credit_is_a_part check (credit_amount between 0 and amount),
  constraint amount_is_positive check (amount > 0 and billing.is_money(amount)),
  constraint reason_is_short check (length(reason) <= 1000),
  constraint credit_note_comes_with_success
    check (case status when 'succeeded' then (credit_note_id is not null) = (amount > credit_amount)
                       when 'failed' then true else credit_note_id is null end)
);
call core.limit_length('app_public.refunds', 255, 'provider_refund_id');
call core.limit_length('app_public.refunds', 1000, 'failure_message');
create index on app_public.refunds (tenant_id, payment_id);
create index on app_public.refunds (tenant_id, credit_note_id);

-- The events that payment providers sent. A repeated event finds its row. Only the payload says which tenant it is about.
create table billing.ledger_entries (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  posting_id uuid not null,
  event billing.ledger_event not null,
  account billing.ledger_account not null,
  currency text not null,
  amount numeric not null,
  document_id uuid not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint currency_is_known check (billing.minor_units(currency) is not null),
  constraint amount_is_money check (amount <> 0 and billing.is_money(amount))
);
call core.limit_length('billing.ledger_entries', 3, 'currency');
create index on billing.ledger_entries (tenant_id, occurred_at);
create index on billing.ledger_entries (occurred_at, id);

create table billing.payment_events (
  provider app_public.payment_provider not null,
  event_id text not null,
  type text not null,
  payload jsonb not null,
  outcome billing.event_outcome not null,
  occurred_at timestamptz not null,
  received_at timestamptz not null default now(),
  primary key (provider, event_id)
);
call core.limit_length('billing.payment_events', 255, 'event_id', 'type');
call core.limit_bytes('billing.payment_events', 4000000, 'payload');

reset role;
