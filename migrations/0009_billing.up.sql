-- Plans, subscriptions, invoices and payments. Money is numeric and rounded on the invoice only; what was sold, billed or
-- paid is never rewritten: prices are versions, a finalised invoice stays as it is, corrections are documents of their own.

create schema billing authorization rowhouse_owner;
comment on schema billing is 'Plans, subscriptions, invoices and payments.';
grant usage on schema billing to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analyst;

set role rowhouse_owner;

create type app_public.subscription_status_enum as enum ('trialing', 'active', 'past_due', 'paused', 'cancelled', 'expired');
create type app_public.billing_cycle_enum as enum ('monthly', 'annual');
create type app_public.price_model_enum as enum ('flat', 'per_unit', 'tiered', 'volume', 'package');
create type app_public.entitlement_kind_enum as enum ('feature', 'quota');
create type app_public.invoice_status_enum as enum ('draft', 'finalised', 'paid', 'void', 'uncollectible');
create type app_public.invoice_line_kind_enum as enum ('recurring', 'usage', 'overage', 'proration', 'adjustment', 'credit');
create type app_public.payment_status_enum as enum ('pending', 'succeeded', 'failed');

-- How many decimal places an amount of a currency has when it is paid. The list is the currencies there are.
create function billing.minor_units(currency text) returns int
  language sql immutable parallel safe
  return case
    when currency in ('JPY', 'KRW', 'CLP', 'VND') then 0
    when currency in ('USD', 'EUR', 'GBP', 'CHF', 'CAD', 'AUD', 'NZD', 'SEK', 'NOK', 'DKK', 'PLN', 'CZK', 'HUF', 'RON', 'SGD',
                      'HKD', 'INR', 'BRL', 'MXN', 'ZAR', 'ILS', 'AED', 'SAR', 'CNY') then 2
    when currency in ('BHD', 'KWD', 'OMR', 'JOD', 'TND') then 3
  end;
comment on function billing.minor_units(text) is
  'Decimal places of a currency (ISO 4217, upper case): 2 for EUR, 0 for JPY, 3 for KWD; null for one that is not known here.';

-- Finite and within what an invoice can carry: NaN and Infinity compare greater than every number.
create function billing.is_money(amount numeric) returns boolean
  language sql immutable parallel safe
  return amount > -1000000000000 and amount < 1000000000000;
comment on function billing.is_money(numeric) is 'A finite amount below a million million, of either sign.';

create function billing.are_price_tiers(tiers jsonb) returns boolean
  language plpgsql immutable strict parallel safe
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tier jsonb;
  v_from numeric := 0;
  v_is_last boolean := false;
begin
  if jsonb_typeof(are_price_tiers.tiers) <> 'array' or jsonb_array_length(are_price_tiers.tiers) not between 1 and 100 then
    return false;
  end if;
  for v_tier in select value from jsonb_array_elements(are_price_tiers.tiers) loop
    if v_is_last or jsonb_typeof(v_tier) <> 'object'
       or exists (select from jsonb_object_keys(v_tier) as key where key not in ('upTo', 'unitAmount', 'flatAmount'))
       or jsonb_typeof(v_tier -> 'unitAmount') is distinct from 'number'
       or coalesce(jsonb_typeof(v_tier -> 'flatAmount'), 'number') <> 'number'
       or (v_tier ->> 'unitAmount')::numeric not between 0 and 1000000000
       or coalesce((v_tier ->> 'flatAmount')::numeric, 0) not between 0 and 1000000000 then
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
  'An array of 1 to 100 tiers {"upTo": 1000, "unitAmount": 0.01, "flatAmount": 0}: upTo rises and is missing in the last one only; amounts are from 0 to 1,000,000,000.';

-- What is sold ----------------------------------------------------------------------------------------------------------

create table app_public.plans (
  id uuid primary key default gen_random_uuid(),
  slug text not null unique,
  name text not null,
  description text,
  tier text not null,
  trial_days int not null default 0,
  is_public boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint slug_is_a_slug check (core.is_slug(slug)),
  constraint name_is_a_name check (core.is_name(name)),
  constraint tier_is_known check (tier in ('free', 'standard', 'professional', 'enterprise')),
  constraint trial_days_is_in_range check (trial_days between 0 and 365)
);

create table app_public.plan_prices (
  id uuid primary key default gen_random_uuid(),
  plan_id uuid not null references app_public.plans (id),
  currency text not null,
  billing_cycle app_public.billing_cycle_enum not null,
  amount numeric not null,
  valid_from timestamptz not null default now(),
  created_at timestamptz not null default now(),
  unique (plan_id, currency, billing_cycle, valid_from),
  constraint currency_is_known check (billing.minor_units(currency) is not null),
  constraint amount_is_not_negative check (amount >= 0 and billing.is_money(amount)),
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
  constraint unit_amount_is_in_range check (unit_amount between 0 and 1000000000),
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

-- Who bills, and who is billed --------------------------------------------------------------------------------------------

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
  constraint prefixes_are_short check (number_prefix ~ '^[A-Za-z0-9/-]{0,20}$' and credit_note_prefix ~ '^[A-Za-z0-9/-]{0,20}$'),
  constraint payment_terms_days_is_in_range check (payment_terms_days between 0 and 365),
  constraint draft_hours_is_in_range check (draft_hours between 0 and 720)
);
insert into app_public.invoice_issuers (slug, name) values ('default', 'Change me: the name of the company that bills');

-- One row an issuer and series, locked while a document takes its number: a rollback gives the number back.
create table billing.invoice_counters (
  issuer_id uuid not null references app_public.invoice_issuers (id),
  series text not null,
  last_number bigint not null default 0,
  primary key (issuer_id, series),
  constraint series_is_known check (series in ('invoice', 'credit_note'))
);

-- Every number ever given, also of tenants that were deleted since.
create table billing.invoice_numbers (
  issuer_id uuid not null references app_public.invoice_issuers (id),
  series text not null,
  sequence_number bigint not null,
  document_id uuid not null unique,
  issued_at timestamptz not null,
  primary key (issuer_id, series, sequence_number)
);

-- Also the lock of a tenant's billing: whoever changes subscription, invoices or payments holds this row.
create table app_public.billing_profiles (
  tenant_id uuid primary key references app_public.tenants (id) on delete cascade,
  legal_name text,
  email text,
  address text,
  country_code text,
  tax_number text,
  tax_mode text not null default 'standard',
  tax_rate numeric not null default 0,
  collection_method text not null default 'automatic',
  currency text not null default 'USD',
  issuer_id uuid not null references app_public.invoice_issuers (id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint legal_name_is_a_name check (core.is_name(legal_name)),
  constraint email_is_an_email check (core.is_email(email)),
  constraint address_is_short check (length(address) <= 1000),
  constraint country_code_is_iso_3166 check (country_code ~ '^[A-Z]{2}$'),
  constraint tax_number_is_short check (length(tax_number) <= 50),
  constraint tax_mode_is_known check (tax_mode in ('standard', 'reverse_charge', 'none')),
  constraint tax_rate_is_a_share check (tax_rate >= 0 and tax_rate < 1),
  constraint collection_method_is_known check (collection_method in ('automatic', 'invoice')),
  constraint currency_is_known check (billing.minor_units(currency) is not null)
);
create index on app_public.billing_profiles (issuer_id);

-- Subscriptions -------------------------------------------------------------------------------------------------------------

create table app_public.subscriptions (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  plan_id uuid not null references app_public.plans (id),
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
  cancel_at_period_end boolean not null default false,
  pending_plan_id uuid references app_public.plans (id),
  pending_billing_cycle app_public.billing_cycle_enum,
  paused_at timestamptz,
  past_due_at timestamptz,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint period_is_not_empty check (current_period_start < current_period_end),
  constraint trial_has_an_end check (status <> 'trialing' or trial_ends_at is not null),
  constraint ended_is_over check ((ended_at is not null) = (status in ('cancelled', 'expired'))),
  constraint paused_since check ((paused_at is not null) = (status = 'paused')),
  constraint past_due_since check ((past_due_at is not null) = (status = 'past_due')),
  constraint pending_change_is_whole check ((pending_plan_id is null) = (pending_billing_cycle is null)),
  constraint cancelled_is_not_changed check (not cancel_at_period_end or pending_plan_id is null)
);
create index on app_public.subscriptions (tenant_id);
create unique index subscriptions_one_live_key on app_public.subscriptions (tenant_id) where ended_at is null;
create index on app_public.subscriptions (plan_id);
create index on app_public.subscriptions (price_id);
create index on app_public.subscriptions (pending_plan_id);
create index subscriptions_due_idx on app_public.subscriptions (current_period_end) where status in ('trialing', 'active', 'past_due');

create table app_public.billing_notices (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  kind text not null,
  subject_key text not null,
  subscription_id uuid references app_public.subscriptions (id) on delete cascade,
  invoice_id uuid,
  message text not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, kind, subject_key),
  constraint kind_is_known check (kind in (
    'trial_ending', 'trial_expired', 'subscription_started', 'subscription_renewed', 'subscription_paused', 'subscription_ended',
    'invoice_finalised', 'invoice_overdue', 'payment_failed', 'payment_succeeded', 'invoice_uncollectible'))
);
create index on app_public.billing_notices (subscription_id);

-- One mail of a notice or a quota alert to one person. Made with what it tells of, in one transaction, so nothing is
-- told twice or forgotten; leased_until keeps a second worker from sending it at the same time.
create table app_public.notice_mails (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  billing_notice_id uuid,
  quota_alert_id uuid,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  status text not null default 'queued',
  attempts int not null default 0,
  error text,
  leased_until timestamptz,
  sent_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, billing_notice_id) references app_public.billing_notices (tenant_id, id) on delete cascade,
  foreign key (tenant_id, quota_alert_id) references app_public.quota_alerts (tenant_id, id) on delete cascade,
  constraint tells_of_one_thing check (num_nonnulls(billing_notice_id, quota_alert_id) = 1),
  constraint status_is_known check (status in ('queued', 'sent', 'skipped', 'failed')),
  constraint sent_has_a_time check ((sent_at is not null) = (status = 'sent'))
);
create index on app_public.notice_mails (tenant_id, billing_notice_id);
create index on app_public.notice_mails (tenant_id, quota_alert_id);
create index on app_public.notice_mails (user_id);
create unique index notice_mails_once_key on app_public.notice_mails
  (tenant_id, coalesce(billing_notice_id, quota_alert_id), user_id);

-- Invoices ----------------------------------------------------------------------------------------------------------------

create table app_public.invoices (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  series text not null default 'invoice',
  reason text not null,
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
  issued_by jsonb not null default '{}',
  billed_to jsonb not null default '{}',
  tax_mode text not null default 'none',
  tax_rate numeric not null default 0,
  subtotal numeric not null default 0,
  tax numeric not null default 0,
  total numeric not null default 0,
  amount_credited numeric not null default 0,
  amount_paid numeric not null default 0,
  amount_due numeric not null generated always as (
    case when status in ('finalised', 'uncollectible') then greatest(total, 0) - amount_credited - amount_paid else 0 end) stored,
  collection_method text not null default 'automatic',
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
  memo text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, credited_invoice_id) references app_public.invoices (tenant_id, id) on delete cascade,
  constraint series_is_known check (series in ('invoice', 'credit_note')),
  constraint reason_is_known check (reason in ('period', 'change', 'end', 'manual', 'correction')),
  constraint correction_is_a_credit_note
    check ((series = 'credit_note') = (credited_invoice_id is not null) and (series = 'credit_note') = (reason = 'correction')),
  constraint number_comes_with_finalisation
    check ((number is null) = (status = 'draft') and (sequence_number is null) = (status = 'draft') and (finalised_at is null) = (status = 'draft')),
  constraint currency_is_known check (billing.minor_units(currency) is not null),
  constraint total_is_subtotal_and_tax check (total = subtotal + tax and billing.is_money(total)),
  constraint period_of_a_subscription check (reason not in ('period', 'end') or subscription_id is not null and period_number is not null),
  constraint usage_has_a_price check ((usage_start is null) = (usage_price_id is null) and (usage_start is null) = (usage_end is null)),
  constraint settled_is_not_more_than_total
    check (amount_credited >= 0 and amount_paid >= 0 and amount_credited + amount_paid <= greatest(total, 0)),
  constraint paid_is_settled check (status <> 'paid' or amount_credited + amount_paid = greatest(total, 0)),
  constraint memo_is_short check (length(memo) <= 1000),
  constraint void_has_a_reason check ((status = 'void') = (void_reason is not null) and length(void_reason) <= 1000)
);
create index on app_public.invoices (subscription_id);
create index on app_public.invoices (issuer_id);
create index on app_public.invoices (usage_price_id);
create index on app_public.invoices (tenant_id, credited_invoice_id);
create index on app_public.invoices (tenant_id, created_at);
-- exactly one invoice a subscription and period, however many workers run
create unique index invoices_one_a_period_key on app_public.invoices (tenant_id, subscription_id, period_number, reason) where reason in ('period', 'end');
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
  constraint description_is_short check (description ~ '\S' and length(description) <= 500)
);
create index on app_public.invoice_lines (price_id);
create index on app_public.invoice_lines (component_id);
create index on app_public.invoice_lines (usage_type);
create index on app_public.invoice_lines (tenant_id, service_start) where kind in ('usage', 'overage', 'adjustment');

-- Where paid-for amounts wait that no invoice needed yet: what is added is positive, what an invoice used is negative.
create table app_public.credit_entries (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  currency text not null,
  amount numeric not null,
  reason text not null,
  memo text,
  invoice_id uuid,
  occurred_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, invoice_id) references app_public.invoices (tenant_id, id) on delete cascade,
  constraint amount_is_money check (amount <> 0 and billing.is_money(amount)),
  constraint reason_is_known check (reason in ('negative_invoice', 'credit_note', 'overpayment', 'goodwill', 'used', 'released')),
  constraint memo_is_short check (length(memo) <= 1000)
);
create index on app_public.credit_entries (tenant_id, invoice_id);

create table billing.invoice_documents (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  invoice_id uuid not null,
  html text not null,
  pdf bytea not null,
  rendered_at timestamptz not null default now(),
  primary key (tenant_id, invoice_id),
  foreign key (tenant_id, invoice_id) references app_public.invoices (tenant_id, id) on delete cascade
);

-- Payments ----------------------------------------------------------------------------------------------------------------

create table billing.payment_customers (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  provider text not null,
  customer_id text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, provider)
);

create table app_public.payment_methods (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  provider text not null,
  provider_method_id text not null,
  status text not null default 'pending',
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
  constraint provider_is_known check (provider in ('stripe')),
  constraint provider_method_id_is_an_identifier check (provider_method_id ~ '^[A-Za-z0-9_]{1,255}$'),
  constraint status_is_known check (status in ('pending', 'attached', 'failed', 'detached')),
  constraint default_is_attached check (not is_default or status = 'attached')
);
create unique index payment_methods_one_default_key on app_public.payment_methods (tenant_id) where is_default;

create table app_public.payments (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  invoice_id uuid not null,
  provider text not null,
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
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, invoice_id) references app_public.invoices (tenant_id, id) on delete cascade,
  foreign key (tenant_id, payment_method_id) references app_public.payment_methods (tenant_id, id) on delete cascade,
  unique (tenant_id, provider, provider_payment_id),
  unique (tenant_id, invoice_id, reference),
  constraint provider_is_known check (provider in ('manual', 'stripe')),
  constraint amount_is_positive check (amount > 0 and billing.is_money(amount)),
  constraint reference_is_short check (length(reference) <= 200),
  constraint succeeded_at_comes_with_success check ((succeeded_at is not null) = (status = 'succeeded'))
);
create index on app_public.payments (tenant_id, payment_method_id);
-- one charge at a time for an invoice
create unique index payments_one_pending_key on app_public.payments (tenant_id, invoice_id) where status = 'pending';
create index payments_provider_payment_id_idx on app_public.payments (provider_payment_id);
create index payment_methods_provider_method_id_idx on app_public.payment_methods (provider_method_id);

create table app_public.refunds (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  payment_id uuid not null,
  credit_note_id uuid,
  status app_public.payment_status_enum not null default 'pending',
  amount numeric not null,
  reason text,
  provider_refund_id text,
  failure_message text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, payment_id) references app_public.payments (tenant_id, id) on delete cascade,
  foreign key (tenant_id, credit_note_id) references app_public.invoices (tenant_id, id) on delete cascade,
  unique (tenant_id, provider_refund_id),
  constraint amount_is_positive check (amount > 0 and billing.is_money(amount)),
  constraint reason_is_short check (length(reason) <= 1000),
  constraint credit_note_comes_with_success check ((credit_note_id is not null) = (status = 'succeeded'))
);
create index on app_public.refunds (tenant_id, payment_id);
create index on app_public.refunds (tenant_id, credit_note_id);

-- What providers told us, once an event: a repeated one finds its row. Whose it is, is in the payload.
create table billing.payment_events (
  provider text not null,
  event_id text not null,
  type text not null,
  payload jsonb not null,
  outcome text not null,
  occurred_at timestamptz not null,
  received_at timestamptz not null default now(),
  primary key (provider, event_id),
  constraint outcome_is_known check (outcome in ('applied', 'ignored', 'unknown'))
);

reset role;
