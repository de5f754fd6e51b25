-- Arithmetic of money: pure functions, exact in numeric. A line of an invoice is rounded once, half away from zero, to
-- what its currency can be paid in; nothing before it is.

grant execute on function billing.minor_units to rowhouse_user, rowhouse_platform;
grant execute on function billing.is_money to rowhouse_user, rowhouse_platform;

comment on type app_public.price_model_enum is 'How a quantity becomes a price.';

create or replace function billing.round_money(amount numeric, currency text) returns numeric
language sql immutable parallel safe
-- numeric's round() goes half away from zero: 0.125 → 0.13, -0.125 → -0.13
return round(amount, billing.minor_units(currency));
comment on function billing.round_money is
  'An amount as it can be paid: rounded half away from zero to the decimal places of its currency.';
grant execute on function billing.round_money to rowhouse_user, rowhouse_platform;

create or replace function billing.usage_charge(
  model app_public.price_model_enum, quantity numeric, included_quantity numeric, unit_amount numeric, package_size numeric, tiers jsonb
) returns numeric
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_quantity numeric := greatest(usage_charge.quantity - usage_charge.included_quantity, 0);
  v_charge numeric := 0;
  v_from numeric := 0;
  v_to numeric;
  v_tier jsonb;
begin
  if v_quantity = 0 then
    return 0;
  end if;
  case usage_charge.model
    when 'flat' then
      return usage_charge.unit_amount;
    when 'per_unit' then
      return v_quantity * usage_charge.unit_amount;
    when 'package' then
      -- div(), because a quotient in numeric is rounded and ceil() of it could be one package too few
      return usage_charge.unit_amount
        * (div(v_quantity, usage_charge.package_size) + case when mod(v_quantity, usage_charge.package_size) > 0 then 1 else 0 end);
    when 'tiered' then
      for v_tier in select value from jsonb_array_elements(usage_charge.tiers) loop
        v_to := coalesce((v_tier ->> 'upTo')::numeric, v_quantity);
        v_charge := v_charge
          + (least(v_quantity, v_to) - v_from) * (v_tier ->> 'unitAmount')::numeric
          + coalesce((v_tier ->> 'flatAmount')::numeric, 0);
        exit when v_quantity <= v_to;
        v_from := v_to;
      end loop;
      return v_charge;
    when 'volume' then
      for v_tier in select value from jsonb_array_elements(usage_charge.tiers) loop
        exit when v_tier ->> 'upTo' is null or v_quantity <= (v_tier ->> 'upTo')::numeric;
      end loop;
      return v_quantity * (v_tier ->> 'unitAmount')::numeric + coalesce((v_tier ->> 'flatAmount')::numeric, 0);
  end case;
end
$$;
comment on function billing.usage_charge is
  'What a quantity costs, unrounded, after the included quantity: flat once for any use; per_unit each; tiered each unit at the price of the tier it falls into (graduated); volume all units at the price of the tier the last falls into; package each begun package. The flatAmount of a tier is added once when the tier is reached.';
grant execute on function billing.usage_charge to rowhouse_user, rowhouse_platform;

create or replace function billing.component_charge(component app_public.plan_price_components, quantity numeric) returns numeric
language sql immutable parallel safe
return billing.usage_charge((component).model, quantity, (component).included_quantity, (component).unit_amount,
  (component).package_size, (component).tiers);
comment on function billing.component_charge is
  'What a quantity costs by this component of a price, unrounded.';
grant execute on function billing.component_charge to rowhouse_user, rowhouse_platform;

create or replace function billing.local_days(starts timestamptz, ends timestamptz, timezone text) returns int
language sql stable parallel safe
return (ends at time zone timezone)::date - (starts at time zone timezone)::date;
comment on function billing.local_days is
  'Calendar days from one instant to another in a time zone: a day is one day, also when the clocks change on it.';
grant execute on function billing.local_days to rowhouse_user, rowhouse_platform;

create or replace function billing.share_of(amount numeric, days int, period_days int, currency text) returns numeric
language sql immutable parallel safe
-- multiplied first: a quotient in numeric has finitely many digits
return billing.round_money(amount * days / period_days, currency);
comment on function billing.share_of is
  'So many days'' share of a period''s amount, rounded to the currency.';
grant execute on function billing.share_of to rowhouse_user, rowhouse_platform;
