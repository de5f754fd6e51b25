-- Arithmetic of money: pure functions, exact in numeric. A line of an invoice is rounded once, half away from zero, to
-- what its currency can be paid in; nothing before it is.

create or replace function app_hidden.round_money(amount numeric, currency text) returns numeric
language sql immutable parallel safe
-- numeric's round() goes half away from zero: 0.125 → 0.13, -0.125 → -0.13
return round(amount, app_hidden.minor_units(currency));
comment on function app_hidden.round_money(numeric, text) is
  'An amount as it can be paid: rounded half away from zero to the decimal places of its currency.';

create or replace function app_hidden.usage_charge(
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
comment on function app_hidden.usage_charge(app_public.price_model_enum, numeric, numeric, numeric, numeric, jsonb) is
  'What a quantity costs, unrounded, after the included quantity: flat once for any use; per_unit each; tiered each unit at the price of the tier it falls into (graduated); volume all units at the price of the tier the last falls into; package each begun package. The flatAmount of a tier is added once when the tier is reached.';

create or replace function app_hidden.component_charge(component app_public.plan_price_components, quantity numeric) returns numeric
language sql immutable parallel safe
return app_hidden.usage_charge((component).model, quantity, (component).included_quantity, (component).unit_amount,
  (component).package_size, (component).tiers);
comment on function app_hidden.component_charge(app_public.plan_price_components, numeric) is 'What a quantity costs by this component of a price, unrounded.';

create or replace function app_hidden.local_days(starts timestamptz, ends timestamptz, timezone text) returns int
language sql stable parallel safe
return (ends at time zone timezone)::date - (starts at time zone timezone)::date;
comment on function app_hidden.local_days(timestamptz, timestamptz, text) is
  'Calendar days from one instant to another in a time zone: a day is one day, also when the clocks change on it.';

create or replace function app_hidden.share_of(amount numeric, days int, period_days int, currency text) returns numeric
language sql immutable parallel safe
-- multiplied first: a quotient in numeric has finitely many digits
return app_hidden.round_money(amount * days / period_days, currency);
comment on function app_hidden.share_of(numeric, int, int, text) is 'So many days'' share of a period''s amount, rounded to the currency.';

grant execute on function app_hidden.minor_units(text), app_hidden.is_money(numeric), app_hidden.are_price_tiers(jsonb),
  app_hidden.round_money(numeric, text), app_hidden.local_days(timestamptz, timestamptz, text), app_hidden.share_of(numeric, int, int, text),
  app_hidden.usage_charge(app_public.price_model_enum, numeric, numeric, numeric, numeric, jsonb),
  app_hidden.component_charge(app_public.plan_price_components, numeric)
  to rowhouse_user, rowhouse_platform;
