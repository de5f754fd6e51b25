-- The lines of invoices, made by functions that only read: invoices, previews and explanations all come from these, so
-- what was shown beforehand is what is billed, and what is billed can be computed again.

comment on type app_public.invoice_line_kind_enum is 'What a line of an invoice is.';

create or replace function billing.recurring_line(
  price app_public.plan_prices, kind app_public.invoice_line_kind_enum, sign int, service tstzrange, basis tstzrange, timezone text
) returns app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_line app_public.invoice_lines;
  v_plan_name text;
begin
  select p.name into v_plan_name from app_public.plans p where p.id = (recurring_line.price).plan_id;
  v_line.kind := recurring_line.kind;
  v_line.price_id := (recurring_line.price).id;
  v_line.quantity := recurring_line.sign;
  v_line.days := billing.local_days(lower(service), upper(service), timezone);
  v_line.period_days := billing.local_days(lower(basis), upper(basis), timezone);
  v_line.service_start := lower(service);
  v_line.service_end := upper(service);
  v_line.basis_start := lower(basis);
  v_line.basis_end := upper(basis);
  v_line.amount := recurring_line.sign
    * billing.share_of((recurring_line.price).amount, v_line.days, v_line.period_days, (recurring_line.price).currency);
  v_line.description := case
    when recurring_line.kind = 'recurring' then format('%s, %s', v_plan_name, (recurring_line.price).billing_cycle)
    when recurring_line.sign < 0 then format('%s: %s unused of %s days', v_plan_name, v_line.days, v_line.period_days)
    else format('%s: %s of %s days', v_plan_name, v_line.days, v_line.period_days) end;
  return v_line;
end
$$;
comment on function billing.recurring_line is
  'A plan''s price for a period, or the share of the days of it: service by basis. sign -1 credits it.';

create or replace function billing.change_lines(subscription app_public.subscriptions, price app_public.plan_prices, at timestamptz)
returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_zone constant text := (change_lines.subscription).timezone;
  v_basis constant tstzrange := tstzrange((change_lines.subscription).current_period_start, (change_lines.subscription).current_period_end);
  -- the day of the change belongs to the new plan
  v_rest constant tstzrange := tstzrange(
    greatest(billing.local_midnight(change_lines.at, v_zone), lower(v_basis)), upper(v_basis));
  v_old app_public.plan_prices;
begin
  select * into v_old from app_public.plan_prices p where p.id = (change_lines.subscription).price_id;
  if v_old.amount > 0 then
    return next billing.recurring_line(v_old, 'proration', -1, v_rest, v_basis, v_zone);
  end if;
  if (change_lines.price).amount > 0 then
    return next billing.recurring_line(change_lines.price, 'proration', 1, v_rest, v_basis, v_zone);
  end if;
end
$$;
comment on function billing.change_lines is
  'An upgrade within a period: the rest of it is credited at the old price and charged at the new one.';

create or replace function billing.unused_line(subscription app_public.subscriptions, at timestamptz) returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price app_public.plan_prices;
begin
  select * into v_price from app_public.plan_prices p where p.id = (unused_line.subscription).price_id;
  if v_price.amount > 0 and unused_line.at < (unused_line.subscription).current_period_end then
    return next billing.recurring_line(v_price, 'proration', -1,
      tstzrange(greatest(billing.local_midnight(unused_line.at, (unused_line.subscription).timezone),
                         (unused_line.subscription).current_period_start), (unused_line.subscription).current_period_end),
      tstzrange((unused_line.subscription).current_period_start, (unused_line.subscription).current_period_end),
      (unused_line.subscription).timezone);
  end if;
end
$$;
comment on function billing.unused_line is
  'The credit for the days of a period that are left when a subscription ends or pauses early.';

create or replace function billing.usage_lines(tenant_id uuid, price_id uuid, period tstzrange) returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_component app_public.plan_price_components;
  v_currency text;
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
    v_line.amount := billing.round_money(billing.component_charge(v_component, v_line.quantity), v_currency);
    v_line.description := billing.usage_description(v_component, v_line.quantity);
    return next v_line;
  end loop;
end
$$;
comment on function billing.usage_lines is
  'A line for each component of a price, also where nothing was used. overage where the price includes a quantity, usage elsewhere.';

create or replace function billing.usage_description(component app_public.plan_price_components, quantity numeric) returns text
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  select t.display_name into v_name from app_public.usage_types t where t.name = (usage_description.component).usage_type;
  return v_name || ': ' || trim_scale(usage_description.quantity)
    || case when (usage_description.component).included_quantity > 0
         then ' used, ' || trim_scale((usage_description.component).included_quantity) || ' included' else '' end;
end
$$;
comment on function billing.usage_description is
  'What a line of usage says.';

-- An adjustment is the price of everything used in a period by now, less what was billed for it. Counting from the
-- whole keeps tiers and included quantities right, however often events come late.
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
  v_line app_public.invoice_lines;
begin
  for v_billed in
    select l.component_id, l.usage_type, l.service_start, l.service_end, l.price_id,
           max(l.quantity) filter (where l.kind <> 'adjustment') as base,
           max(l.quantity) as billed
      from app_public.invoice_lines l
      join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
     where l.tenant_id = adjustment_lines.tenant_id and l.component_id is not null
       and i.status <> 'draft' and i.id is distinct from adjustment_lines.except_invoice_id
       -- what was billed in another currency cannot be adjusted in this one
       and i.currency = (select p.currency from app_public.billing_profiles p where p.tenant_id = adjustment_lines.tenant_id)
       and exists (
         select from app_public.usage_events e
          where e.tenant_id = adjustment_lines.tenant_id and e.usage_type = l.usage_type and e.adjusts_period is not null
            and e.occurred_at >= l.service_start and e.occurred_at < l.service_end)
     group by l.component_id, l.usage_type, l.service_start, l.service_end, l.price_id
     order by l.service_start, l.usage_type
  loop
    v_late := billing.late_usage(adjustment_lines.tenant_id, v_billed.usage_type,
      tstzrange(v_billed.service_start, v_billed.service_end), adjustment_lines.until_batch);
    continue when v_billed.base + v_late = v_billed.billed;
    select * into v_component from app_public.plan_price_components c where c.id = v_billed.component_id;
    select p.currency into v_currency from app_public.plan_prices p where p.id = v_billed.price_id;
    v_line := null;
    v_line.kind := 'adjustment';
    v_line.price_id := v_billed.price_id;
    v_line.component_id := v_billed.component_id;
    v_line.usage_type := v_billed.usage_type;
    v_line.quantity := v_billed.base + v_late;
    v_line.quantity_before := v_billed.billed;
    v_line.counted_until := adjustment_lines.until_batch;
    v_line.service_start := v_billed.service_start;
    v_line.service_end := v_billed.service_end;
    v_line.amount := billing.adjustment_amount(v_component, v_line.quantity_before, v_line.quantity, v_currency);
    v_line.description := 'Recorded late: ' || billing.usage_description(v_component, v_line.quantity)
      || format(' (%s billed before)', trim_scale(v_line.quantity_before));
    return next v_line;
  end loop;
end
$$;
comment on function billing.adjustment_lines is
  'What was used in periods that had been billed already and was recorded after that, up to a batch (null: all there is).';

create or replace function billing.adjustment_amount(
  component app_public.plan_price_components, quantity_before numeric, quantity numeric, currency text) returns numeric
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  -- each rounded as a line is, so that all lines of a period together are the rounded price of its whole quantity
  select billing.round_money(billing.component_charge(component, quantity), currency)
       - billing.round_money(billing.component_charge(component, quantity_before), currency);
$$;
comment on function billing.adjustment_amount is
  'What a period costs with the late events, less what was billed.';
