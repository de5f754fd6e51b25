-- Drafts. A draft is the invoice of a period, an upgrade or an end before it is final, or a document that staff write. A draft
-- with usage stays open for draft_hours after the usage ended; every other invoice of a subscription is finalised at once.

create or replace function billing.usage_basis(subscription app_public.subscriptions, usage tstzrange) returns tstzrange
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- the first day of a period is charged whole, so the part that begins on it has all that the price includes
  select tstzrange(
    case when lower(usage) < billing.next_midnight((subscription).current_period_start, (subscription).timezone) then lower(usage)
      else (subscription).current_period_start end,
    (subscription).current_period_end)
   where usage is not null;
$$;
comment on function billing.usage_basis is
  'The time that the included quantities of a price are for: the current period of the subscription, or what is left of it for usage that begins on its first day.';

create or replace function billing.draft_invoice(
  tenant_id uuid, reason app_public.invoice_reason, subscription app_public.subscriptions, used app_public.subscriptions, usage tstzrange
) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_billing(draft_invoice.tenant_id);
  v_basis constant tstzrange := billing.usage_basis(draft_invoice.used, draft_invoice.usage);
  v_invoice app_public.invoices;
begin
  insert into app_public.invoices (
    tenant_id, reason, issuer_id, subscription_id, currency, timezone, period_number, period_start, period_end,
    usage_start, usage_end, usage_price_id, usage_basis_start, usage_basis_end, collection_method, finalise_at)
  select v_profile.tenant_id, draft_invoice.reason, v_profile.issuer_id, (draft_invoice.subscription).id,
         coalesce((draft_invoice.subscription).currency, v_profile.currency), coalesce((draft_invoice.subscription).timezone, t.timezone),
         (draft_invoice.subscription).period_number, (draft_invoice.subscription).current_period_start,
         (draft_invoice.subscription).current_period_end, lower(draft_invoice.usage), upper(draft_invoice.usage),
         case when draft_invoice.usage is not null then (draft_invoice.used).price_id end,
         lower(v_basis), upper(v_basis), v_profile.collection_method,
         case when draft_invoice.usage is not null then upper(draft_invoice.usage) + make_interval(hours => i.draft_hours) end
    from app_public.tenants t, app_public.invoice_issuers i
   where t.id = v_profile.tenant_id and i.id = v_profile.issuer_id
  returning * into v_invoice;
  return v_invoice;
end
$$;
comment on function billing.draft_invoice is
  'Inserts an empty draft for a subscription as it is now, with usage under the price and within the period of the subscription as it was (used). A draft with usage is finalised draft_hours of its issuer after the end of the usage, so that events that arrive a little late are still included.';

create or replace function billing.insert_lines(invoice app_public.invoices, lines app_public.invoice_lines[]) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.invoice_lines (
    tenant_id, invoice_id, line_number, kind, description, amount, price_id, component_id, usage_type, quantity, quantity_before, charged_share,
    coupon_id, seats, days, period_days, service_start, service_end, basis_start, basis_end, counted_until, is_manual)
  select (insert_lines.invoice).tenant_id, (insert_lines.invoice).id,
         coalesce((select max(o.line_number) from app_public.invoice_lines o
                    where o.tenant_id = (insert_lines.invoice).tenant_id and o.invoice_id = (insert_lines.invoice).id), 0) + l.place,
         l.kind, l.description, l.amount, l.price_id, l.component_id, l.usage_type, l.quantity, l.quantity_before, l.charged_share, l.coupon_id, l.seats, l.days,
         l.period_days, l.service_start, l.service_end, l.basis_start, l.basis_end, l.counted_until, coalesce(l.is_manual, false)
    from unnest(insert_lines.lines) with ordinality as l (
           tenant_id, id, invoice_id, line_number, kind, description, amount, price_id, component_id, usage_type, quantity,
           quantity_before, charged_share, coupon_id, seats, days, period_days, service_start, service_end, basis_start, basis_end, counted_until, is_manual, created_at, place);
  perform billing.sum_up_invoice((insert_lines.invoice).tenant_id, (insert_lines.invoice).id);
end
$$;
comment on function billing.insert_lines is
  'Adds lines to a draft in the given order, and updates its amounts.';

create or replace function billing.sum_up_invoice(tenant_id uuid, invoice_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
  v_subtotal numeric;
  v_rate numeric;
begin
  select * into v_profile from app_public.billing_profiles p where p.tenant_id = sum_up_invoice.tenant_id;
  if exists (select from app_public.invoices i
              where i.tenant_id = sum_up_invoice.tenant_id and i.id = sum_up_invoice.invoice_id and i.reason = 'top_up') then
    -- prepaid money is taxed when it is used
    v_profile.tax_mode := 'none';
  end if;
  v_rate := billing.tax_rate(v_profile, core.clock());
  select coalesce(sum(l.amount), 0) into v_subtotal from app_public.invoice_lines l
   where l.tenant_id = sum_up_invoice.tenant_id and l.invoice_id = sum_up_invoice.invoice_id;
  update app_public.invoices i
     set tax_mode = v_profile.tax_mode, tax_rate = v_rate, subtotal = v_subtotal,
         tax = billing.round_money(v_subtotal * v_rate, i.currency),
         total = v_subtotal + billing.round_money(v_subtotal * v_rate, i.currency)
   where i.tenant_id = sum_up_invoice.tenant_id and i.id = sum_up_invoice.invoice_id;
end
$$;
comment on function billing.sum_up_invoice is
  'Updates the amounts of a draft: subtotal = sum of its lines, tax = round(subtotal × tax rate), total = subtotal + tax.';

create or replace function billing.unbilled_usage(subscription app_public.subscriptions, at timestamptz) returns tstzrange
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- use is priced once, by the base
  if not (unbilled_usage.subscription).is_add_on and (unbilled_usage.subscription).usage_since < unbilled_usage.at
     and billing.has_usage_to_bill((unbilled_usage.subscription).tenant_id, (unbilled_usage.subscription).price_id) then
    return tstzrange((unbilled_usage.subscription).usage_since, unbilled_usage.at);
  end if;
  return null;
end
$$;
comment on function billing.unbilled_usage is
  'The time up to an instant whose usage has not been billed yet, or null when there is nothing to bill for it.';

create or replace function billing.bill_period(subscription app_public.subscriptions, ended app_public.subscriptions, at timestamptz)
returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price app_public.plan_prices;
  v_usage tstzrange := billing.unbilled_usage(bill_period.ended, (bill_period.ended).current_period_end);
  v_lines app_public.invoice_lines[];
  v_invoice app_public.invoices;
begin
  select * into v_price from app_public.plan_prices p where p.id = (bill_period.subscription).price_id;
  v_lines := array(select l from billing.period_lines(bill_period.subscription, v_price, bill_period.at) l);
  if v_lines = '{}' and v_usage is null then
    return null;
  end if;
  -- the rest of a period after a pause is billed beside the invoice of that period
  v_invoice := billing.draft_invoice((bill_period.subscription).tenant_id,
    case when exists (select from app_public.invoices i
                       where i.tenant_id = (bill_period.subscription).tenant_id and i.subscription_id = (bill_period.subscription).id
                         and i.period_number = (bill_period.subscription).period_number and i.reason = 'period')
      then 'change' else 'period' end,
    bill_period.subscription, bill_period.ended, v_usage);
  perform billing.insert_lines(v_invoice, v_lines);
  if exists (select from unnest(v_lines) l where l.kind = 'discount') then
    perform billing.begin_coupon(bill_period.subscription);
  end if;
  if v_usage is null then
    return billing.finalise_invoice(v_invoice.tenant_id, v_invoice.id);
  end if;
  perform billing.refresh_usage_lines(v_invoice, null);
  return v_invoice;
end
$$;
comment on function billing.bill_period is
  'Creates the invoice of a period: the price of the plan from the day of an instant on, and the usage of the period that has ended, if there was one. The result is null when there is nothing to bill.';

create or replace function billing.has_usage_to_bill(tenant_id uuid, price_id uuid) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.plan_price_components c where c.price_id = has_usage_to_bill.price_id)
      or exists (select from app_public.plan_prices p where p.id = has_usage_to_bill.price_id and p.committed_amount > 0)
      or exists (select from billing.adjustment_lines(has_usage_to_bill.tenant_id, null, null));
$$;
comment on function billing.has_usage_to_bill is
  'Whether a price has components or a committed amount, or events of billed periods were recorded late.';

create or replace function billing.bill_last_period(
  subscription app_public.subscriptions, at timestamptz, reason app_public.invoice_reason, unused_from timestamptz
) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_usage tstzrange := billing.unbilled_usage(bill_last_period.subscription, bill_last_period.at);
  v_lines app_public.invoice_lines[] := array(
    select l from billing.unused_days_lines(bill_last_period.subscription, bill_last_period.unused_from) l);
  v_invoice app_public.invoices;
begin
  if v_lines = '{}' and v_usage is null then
    return null;
  end if;
  v_invoice := billing.draft_invoice((bill_last_period.subscription).tenant_id, bill_last_period.reason, bill_last_period.subscription,
    bill_last_period.subscription, v_usage);
  perform billing.insert_lines(v_invoice, v_lines);
  if bill_last_period.at < (bill_last_period.subscription).current_period_end or v_usage is null then
    return billing.finalise_invoice(v_invoice.tenant_id, v_invoice.id);
  end if;
  perform billing.refresh_usage_lines(v_invoice, null);
  return v_invoice;
end
$$;
comment on function billing.bill_last_period is
  'Creates the invoice when a period ends or pauses and no other follows: the usage up to an instant, and a credit for the days from unused_from on. The result is null when there is nothing to bill.';
