-- The lines of invoices. These functions compute lines and write nothing. Invoices, previews and explanations all use them,
-- so a preview shows what is billed later, and an amount that was billed can be computed again.
--
-- The amount of a line is rounded once, half away from zero, to the decimal places of the currency:
--   recurring           round(price of the period), where seats are a part of the price (billing.with_seats)
--   proration           ± round(price of the period × days / days of the period)
--   credit of days      - round(price of the period × charged share × days / days of the period)
--   discount            - what a coupon takes off a charge of the same days (billing.discount_amount)
--   usage and overage   round(charge(quantity, usage share)), where charge is billing.component_charge
--   adjustment          round(charge(quantity by now, usage share)) - round(charge(quantity billed before, usage share))
--   commitment          what usage falls short of the committed amount of the price (42_commitments.sql)
-- The adjustments of a period and its first line therefore always sum to round(charge(quantity by now)), so tiers and included
-- quantities stay right, however often late events arrive.

comment on type app_public.invoice_line_kind_enum is
  'The kind of an invoice line: recurring is the price of a plan for a period; usage is usage without an included quantity; overage is usage of a component with an included quantity; proration is a share of a period; adjustment is usage that was recorded late, or a line by staff; credit reduces the invoice; discount is what a coupon takes off the price of a plan; commitment raises usage to the committed amount of the price; top_up is prepaid money that was ordered.';

create or replace function billing.recurring_line(
  price app_public.plan_prices, kind app_public.invoice_line_kind_enum, sign int, service tstzrange, basis tstzrange, timezone text,
  seats int, charged_share numeric default null
) returns app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_line app_public.invoice_lines;
  v_price constant app_public.plan_prices := billing.with_seats(recurring_line.price, recurring_line.seats);
  v_name text;
begin
  select p.name || coalesce(' with ' || recurring_line.seats || ' seats', '') into v_name
    from app_public.plans p where p.id = v_price.plan_id;
  v_line.kind := recurring_line.kind;
  v_line.price_id := v_price.id;
  v_line.seats := recurring_line.seats;
  v_line.quantity := recurring_line.sign;
  v_line.days := billing.local_days(lower(service), upper(service), timezone);
  v_line.period_days := billing.local_days(lower(basis), upper(basis), timezone);
  v_line.service_start := lower(service);
  v_line.service_end := upper(service);
  v_line.basis_start := lower(basis);
  v_line.basis_end := upper(basis);
  v_line.amount := recurring_line.sign
    * billing.prorated_amount(v_price.amount * coalesce(recurring_line.charged_share, 1), v_line.days, v_line.period_days, v_price.currency);
  v_line.charged_share := recurring_line.charged_share;
  v_line.description := case
    when recurring_line.kind = 'recurring' then format('%s, %s', v_name, v_price.billing_cycle)
    when recurring_line.sign < 0 then format('%s: %s unused of %s days', v_name, v_line.days, v_line.period_days)
    else format('%s: %s of %s days', v_name, v_line.days, v_line.period_days) end;
  return v_line;
end
$$;
comment on function billing.recurring_line is
  'A line for the price of a plan: sign × round(price with its seats × charged share × days of service / days of basis). basis is the whole period, and service is the part of it that is billed. sign is 1 for a charge and -1 for a credit; charged_share is 1 when it is null.';

create or replace function billing.plan_charge_lines(
  subscription app_public.subscriptions, price app_public.plan_prices, kind app_public.invoice_line_kind_enum, service tstzrange, basis tstzrange,
  with_waiting_coupon boolean
) returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_charge app_public.invoice_lines := billing.recurring_line(plan_charge_lines.price, plan_charge_lines.kind, 1, plan_charge_lines.service,
    plan_charge_lines.basis, (plan_charge_lines.subscription).timezone, (plan_charge_lines.subscription).seats);
  v_coupon constant app_public.coupons := billing.coupon_for(plan_charge_lines.price, (plan_charge_lines.subscription).tenant_id,
    plan_charge_lines.basis, plan_charge_lines.with_waiting_coupon);
begin
  return next v_charge;
  -- a coupon takes something off the plan once, not again off each add-on
  if v_coupon.id is not null and not (plan_charge_lines.subscription).is_add_on then
    return next billing.discount_line(v_charge, billing.with_seats(plan_charge_lines.price, v_charge.seats), v_coupon);
  end if;
end
$$;
comment on function billing.plan_charge_lines is
  'The line that charges the price of a plan for a part of a period (basis), and the line of the coupon that applies to it.';

create or replace function billing.coupon_share(subscription app_public.subscriptions) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(min(billing.discounted_share(c, billing.with_seats(p, l.seats))), 1)
    from app_public.invoices i
    join app_public.invoice_lines l on l.tenant_id = i.tenant_id and l.invoice_id = i.id
    join app_public.coupons c on c.id = l.coupon_id
    join app_public.plan_prices p on p.id = l.price_id
   where i.tenant_id = (coupon_share.subscription).tenant_id and i.subscription_id = (coupon_share.subscription).id and i.status <> 'void'
     and l.price_id = (coupon_share.subscription).price_id
     and l.seats is not distinct from (coupon_share.subscription).seats
     and l.basis_start = (coupon_share.subscription).current_period_start and l.basis_end = (coupon_share.subscription).current_period_end;
$$;
comment on function billing.coupon_share is
  'The share of the price of the current period that its coupon left; 1 without a coupon.';

create or replace function billing.charged_share(subscription app_public.subscriptions) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select trunc(billing.coupon_share(charged_share.subscription)
               * least(greatest(coalesce(sum(d.plan * d.kept) / nullif(sum(d.plan), 0), 0), 0), 1), 12)
    from (
      select sum(l.amount) filter (where l.kind in ('recurring', 'proration')) as plan,
             case i.status when 'void' then 0
               else coalesce(least(greatest((i.subtotal + c.credited) / nullif(i.subtotal - coalesce(sum(l.amount) filter (where l.is_manual), 0), 0), 0), 1), 1)
             end as kept
        from app_public.invoices i
        join app_public.invoice_lines l on l.tenant_id = i.tenant_id and l.invoice_id = i.id
       cross join lateral (
         select coalesce(sum(n.subtotal), 0) as credited from app_public.invoices n
          where n.tenant_id = i.tenant_id and n.credited_invoice_id = i.id) c
       where i.tenant_id = (charged_share.subscription).tenant_id and i.subscription_id = (charged_share.subscription).id
         -- drafts as well, because the invoice of a period with usage becomes final only some hours later
         and i.series = 'invoice'
       group by i.tenant_id, i.id, i.status, i.subtotal, c.credited
      having bool_or(l.kind in ('recurring', 'proration') and l.basis_start = (charged_share.subscription).current_period_start
                     and l.basis_end = (charged_share.subscription).current_period_end)
    ) as d;
$$;
comment on function billing.charged_share is
  'The share of the price of the current period that was really charged, from 0 to 1: coupons, lines by staff, credit notes, refunds and voided invoices reduce it. So what was never owed is not credited again.';

create or replace function billing.upgrade_lines(
  subscription app_public.subscriptions, price app_public.plan_prices, seats int, at timestamptz
)
returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_zone constant text := (upgrade_lines.subscription).timezone;
  v_basis constant tstzrange := tstzrange((upgrade_lines.subscription).current_period_start, (upgrade_lines.subscription).current_period_end);
  -- the day of the change belongs to the new plan, so the rest begins at midnight of that day
  v_rest constant tstzrange := tstzrange(
    greatest(billing.local_midnight(upgrade_lines.at, v_zone), lower(v_basis)), upper(v_basis));
  v_old app_public.plan_prices;
  v_new app_public.subscriptions := upgrade_lines.subscription;
begin
  select * into v_old from app_public.plan_prices p where p.id = (upgrade_lines.subscription).price_id;
  if v_old.amount > 0 then
    return next billing.recurring_line(v_old, 'proration', -1, v_rest, v_basis, v_zone,
      (upgrade_lines.subscription).seats, billing.charged_share(upgrade_lines.subscription));
  end if;
  if (upgrade_lines.price).amount > 0 then
    v_new.seats := upgrade_lines.seats;
    return query select * from billing.plan_charge_lines(v_new, upgrade_lines.price, 'proration', v_rest, v_basis, false);
  end if;
end
$$;
comment on function billing.upgrade_lines is
  'The lines of an upgrade or of more seats within a period: the remaining days are credited at the old price and charged at the new price, with the coupon of the period.';

create or replace function billing.unused_days_lines(subscription app_public.subscriptions, from_at timestamptz)
returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_basis constant tstzrange := tstzrange((unused_days_lines.subscription).current_period_start,
    (unused_days_lines.subscription).current_period_end);
  v_from constant timestamptz := greatest(unused_days_lines.from_at, lower(v_basis));
  v_price app_public.plan_prices;
begin
  select * into v_price from app_public.plan_prices p where p.id = (unused_days_lines.subscription).price_id;
  if v_price.amount > 0 and v_from < upper(v_basis) then
    return next billing.recurring_line(v_price, 'proration', -1, tstzrange(v_from, upper(v_basis)), v_basis,
      (unused_days_lines.subscription).timezone, (unused_days_lines.subscription).seats, billing.charged_share(unused_days_lines.subscription));
  end if;
end
$$;
comment on function billing.unused_days_lines is
  'The line that credits the days of a period from a midnight on when a subscription ends or pauses early; no line when no day remains or the price is 0.';

create or replace function billing.period_lines(subscription app_public.subscriptions, price app_public.plan_prices, at timestamptz)
returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_zone constant text := (period_lines.subscription).timezone;
  v_basis constant tstzrange := tstzrange((period_lines.subscription).current_period_start, (period_lines.subscription).current_period_end);
  v_from constant timestamptz := greatest(billing.local_midnight(period_lines.at, v_zone), lower(v_basis));
begin
  if (period_lines.price).amount > 0 and v_from < upper(v_basis) then
    return query select * from billing.plan_charge_lines(period_lines.subscription, period_lines.price,
      case when v_from = lower(v_basis) then 'recurring' else 'proration' end::app_public.invoice_line_kind_enum,
      tstzrange(v_from, upper(v_basis)), v_basis, true);
  end if;
end
$$;
comment on function billing.period_lines is
  'The line for the price of the current period of a subscription from the day of an instant on, and the discount of a coupon; no line when the price is 0 or no day remains.';

create or replace function billing.usage_lines(tenant_id uuid, price_id uuid, period tstzrange, basis tstzrange) returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_component app_public.plan_price_components;
  v_currency text;
  v_share constant numeric := billing.usage_share(usage_lines.period, usage_lines.basis);
  v_line app_public.invoice_lines;
begin
  select p.currency into v_currency from app_public.plan_prices p where p.id = usage_lines.price_id;
  for v_component in
    select * from app_public.plan_price_components c where c.price_id = usage_lines.price_id order by c.usage_type
  loop
    v_line := null;
    v_line.kind := case when v_component.included_quantity > 0 then 'overage' else 'usage' end;
    v_line.price_id := usage_lines.price_id;
    v_line.component_id := v_component.id;
    v_line.usage_type := v_component.usage_type;
    v_line.quantity := billing.billable_usage(usage_lines.tenant_id, v_component.usage_type, usage_lines.period);
    v_line.service_start := lower(usage_lines.period);
    v_line.service_end := upper(usage_lines.period);
    v_line.basis_start := lower(usage_lines.basis);
    v_line.basis_end := upper(usage_lines.basis);
    v_line.amount := billing.round_money(billing.component_charge(v_component, v_line.quantity, v_share), v_currency);
    v_line.description := billing.usage_description(v_component, v_line.quantity, v_share);
    return next v_line;
  end loop;
end
$$;
comment on function billing.usage_lines is
  'One line for each component of a price and a part of a period (basis), also when nothing was used. The kind is overage when the component includes a quantity, and usage otherwise.';

create or replace function billing.usage_description(component app_public.plan_price_components, quantity numeric, share numeric) returns text
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_shown_digits constant int := 3;
  v_name text;
begin
  select t.display_name into v_name from app_public.usage_types t where t.name = (usage_description.component).usage_type;
  return v_name || ': ' || trim_scale(usage_description.quantity)
    || case when (usage_description.component).included_quantity > 0
         then ' used, ' || trim_scale(round((usage_description.component).included_quantity * usage_description.share, v_shown_digits)) || ' included'
         else '' end;
end
$$;
comment on function billing.usage_description is
  'The description of a line of usage.';

create or replace function billing.adjusted_periods(tenant_id uuid, except_invoice_id uuid)
returns table (component_id uuid, usage_type text, price_id uuid, period tstzrange, basis tstzrange, base_quantity numeric, billed_quantity numeric)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select l.component_id, l.usage_type, l.price_id, tstzrange(l.service_start, l.service_end), tstzrange(l.basis_start, l.basis_end),
           max(l.quantity) filter (where l.kind <> 'adjustment'),
           -- an adjustment may be negative, so the largest quantity is not the latest
           max(l.quantity) filter (where l.kind <> 'adjustment')
             + coalesce(sum(l.quantity - l.quantity_before) filter (where l.kind = 'adjustment'), 0)
      from app_public.invoice_lines l
      join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
     where l.tenant_id = adjusted_periods.tenant_id and l.component_id is not null
       and i.status not in ('draft', 'void') and i.id is distinct from adjusted_periods.except_invoice_id
       -- what was billed in another currency cannot be adjusted in the current one
       and i.currency = (select p.currency from app_public.billing_profiles p where p.tenant_id = adjusted_periods.tenant_id)
       and billing.has_late_usage(adjusted_periods.tenant_id, l.usage_type, tstzrange(l.service_start, l.service_end))
     group by l.component_id, l.usage_type, l.price_id, l.service_start, l.service_end, l.basis_start, l.basis_end
    -- the first invoice of the period may have been voided, and its use waits to be billed again
    having max(l.quantity) filter (where l.kind <> 'adjustment') is not null
     order by l.service_start, l.usage_type;
end
$$;
comment on function billing.adjusted_periods is
  'The billed periods of a tenant that have late events, for each component: base_quantity was billed by the first invoice, and billed_quantity by all invoices so far.';

create or replace function billing.adjustment_lines(tenant_id uuid, except_invoice_id uuid, until_batch bigint)
returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_billed record;
  v_component app_public.plan_price_components;
  v_currency text;
  v_late numeric;
  v_share numeric;
  v_line app_public.invoice_lines;
begin
  for v_billed in select * from billing.adjusted_periods(adjustment_lines.tenant_id, adjustment_lines.except_invoice_id) loop
    v_late := billing.late_usage(adjustment_lines.tenant_id, v_billed.usage_type, v_billed.period, adjustment_lines.until_batch);
    continue when v_billed.base_quantity + v_late = v_billed.billed_quantity;
    select * into v_component from app_public.plan_price_components c where c.id = v_billed.component_id;
    select p.currency into v_currency from app_public.plan_prices p where p.id = v_billed.price_id;
    v_line := null;
    v_line.kind := 'adjustment';
    v_line.price_id := v_billed.price_id;
    v_line.component_id := v_billed.component_id;
    v_line.usage_type := v_billed.usage_type;
    v_line.quantity := v_billed.base_quantity + v_late;
    v_line.quantity_before := v_billed.billed_quantity;
    v_line.counted_until := adjustment_lines.until_batch;
    v_line.service_start := lower(v_billed.period);
    v_line.service_end := upper(v_billed.period);
    v_line.basis_start := lower(v_billed.basis);
    v_line.basis_end := upper(v_billed.basis);
    v_share := billing.usage_share(v_billed.period, v_billed.basis);
    v_line.amount := billing.adjustment_amount(v_component, v_line.quantity_before, v_line.quantity, v_share, v_currency);
    v_line.description := 'Recorded late: ' || billing.usage_description(v_component, v_line.quantity, v_share)
      || format(' (%s billed before)', trim_scale(v_line.quantity_before));
    return next v_line;
  end loop;
end
$$;
comment on function billing.adjustment_lines is
  'One line for each billed period and component whose late events have not been billed yet, up to and including a batch; with null, all late events.';

create or replace function billing.adjustment_amount(
  component app_public.plan_price_components, quantity_before numeric, quantity numeric, share numeric, currency text) returns numeric
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  -- both charges are rounded, so that all lines of a period sum to the rounded charge of its whole quantity
  select billing.round_money(billing.component_charge(component, quantity, share), currency)
       - billing.round_money(billing.component_charge(component, quantity_before, share), currency);
$$;
comment on function billing.adjustment_amount is
  'The amount of an adjustment: round(charge(quantity, share)) - round(charge(quantity_before, share)).';
