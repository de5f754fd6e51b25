-- The arithmetic of money. All functions here are pure and exact, because they use numeric. An amount is rounded only once,
-- when it becomes a line of an invoice or the tax of an invoice; nothing before that is rounded.
--
-- Rounding is half away from zero, to the decimal places d of the currency:
--   round(x) = sign(x) × floor(|x| × 10^d + 0.5) / 10^d      0.125 USD → 0.13, -0.125 USD → -0.13, 0.5 JPY → 1
-- The price of a plan is prorated by calendar days of the time zone of the subscription:
--   prorated amount = round(amount × days / period_days)
-- What a price includes, and the bounds of its tiers, are prorated by time, so that all parts of a period sum to the whole:
--   usage share = length of the part / length of the period

grant execute on function billing.minor_units to rowhouse_user, rowhouse_platform;
grant execute on function billing.is_money to rowhouse_user, rowhouse_platform;

comment on type app_public.price_model_enum is
  'How a quantity is priced: flat is one amount for any use; per_unit is an amount for each unit; tiered prices each unit in its own tier; volume prices all units in the tier of the last unit; package is an amount for each package that was begun.';

create or replace function billing.round_money(amount numeric, currency text) returns numeric
language sql immutable parallel safe
return round(amount, billing.minor_units(currency));
comment on function billing.round_money is
  'Rounds an amount half away from zero to the decimal places of its currency. round() of numeric does exactly that.';
grant execute on function billing.round_money to rowhouse_user, rowhouse_platform;

create or replace function billing.payable_amount(amount numeric, currency text) returns numeric
language plpgsql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rounded constant numeric := billing.round_money(payable_amount.amount, payable_amount.currency);
begin
  -- "is not true" also refuses a missing amount
  if (billing.is_money(payable_amount.amount) and payable_amount.amount = v_rounded) is not true then
    perform core.raise_error('LB402', 'The amount cannot be paid in this currency.',
      'Give an amount with at most the decimal places of the currency.');
  end if;
  return v_rounded;
end
$$;
comment on function billing.payable_amount is
  E'@errors LB402\nReturns an amount with exactly the decimal places of its currency. Raises an error when the amount is missing, is not finite or has more decimal places.';

create or replace function billing.positive_payable_amount(amount numeric, currency text) returns numeric
language plpgsql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  if positive_payable_amount.amount <= 0 then
    perform core.raise_error('LB402', 'The amount must be greater than zero.', 'Give an amount above zero.');
  end if;
  return billing.payable_amount(positive_payable_amount.amount, positive_payable_amount.currency);
end
$$;
comment on function billing.positive_payable_amount is
  E'@errors LB402\nReturns an amount as billing.payable_amount does, and also requires that it is above zero.';

create or replace function billing.minor_amount(amount numeric, currency text) returns bigint
language sql immutable parallel safe
return (amount * 10 ^ billing.minor_units(currency))::bigint;
comment on function billing.minor_amount is
  'An amount in the smallest units of its currency, as payment providers expect it: amount × 10^(decimal places), so 12.34 EUR is 1234.';

create or replace function billing.chargeable_amount(provider app_public.payment_provider, amount numeric, currency text) returns numeric
language sql immutable parallel safe
-- Stripe refuses thousandths of a currency with three decimal places: the last digit must be 0
return case when provider = 'stripe' and billing.minor_units(currency) = 3 then round(ceil(amount * 100) / 100, 3) else amount end;
comment on function billing.chargeable_amount is
  'The least amount that a provider can move and that is not below an amount: 5.124 KWD is 5.130 for stripe, which takes hundredths of a currency with three decimal places.';

create or replace function billing.volume_tier(tiers jsonb, quantity numeric) returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select t.tier
    from jsonb_array_elements(volume_tier.tiers) with ordinality as t (tier, place)
   where t.tier ->> 'upTo' is null or volume_tier.quantity <= (t.tier ->> 'upTo')::numeric
   order by t.place limit 1;
$$;
comment on function billing.volume_tier is
  'The tier that the last unit of a quantity falls into.';
grant execute on function billing.volume_tier to rowhouse_user, rowhouse_platform;

create or replace function billing.tiered_charge(tiers jsonb, quantity numeric) returns numeric
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_charge numeric := 0;
  v_from numeric := 0;
  v_to numeric;
  v_tier jsonb;
begin
  for v_tier in select value from jsonb_array_elements(tiered_charge.tiers) loop
    v_to := coalesce((v_tier ->> 'upTo')::numeric, tiered_charge.quantity);
    v_charge := v_charge
      + (least(tiered_charge.quantity, v_to) - v_from) * (v_tier ->> 'unitAmount')::numeric
      + coalesce((v_tier ->> 'flatAmount')::numeric, 0);
    exit when tiered_charge.quantity <= v_to;
    v_from := v_to;
  end loop;
  return v_charge;
end
$$;
comment on function billing.tiered_charge is
  'The price of a quantity by graduated tiers: the sum over all tiers that are reached of units in the tier × unitAmount + flatAmount.';
grant execute on function billing.tiered_charge to rowhouse_user, rowhouse_platform;

create or replace function billing.usage_charge(
  model app_public.price_model_enum, quantity numeric, included_quantity numeric, unit_amount numeric, package_size numeric, tiers jsonb
) returns numeric
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_quantity constant numeric := greatest(usage_charge.quantity - usage_charge.included_quantity, 0);
  v_packages numeric;
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
      -- ceil(v_quantity / package_size) could be one package too few, because numeric rounds a quotient
      v_packages := div(v_quantity, usage_charge.package_size)
        + case when mod(v_quantity, usage_charge.package_size) > 0 then 1 else 0 end;
      return v_packages * usage_charge.unit_amount;
    when 'tiered' then
      return billing.tiered_charge(usage_charge.tiers, v_quantity);
    when 'volume' then
      v_tier := billing.volume_tier(usage_charge.tiers, v_quantity);
      return v_quantity * (v_tier ->> 'unitAmount')::numeric + coalesce((v_tier ->> 'flatAmount')::numeric, 0);
  end case;
end
$$;
comment on function billing.usage_charge is
  'The price of a quantity, unrounded. Only q = max(quantity - included_quantity, 0) is charged, and nothing when q = 0. flat: unit_amount. per_unit: q × unit_amount. package: ceil(q / package_size) × unit_amount. tiered: each unit at the unitAmount of its own tier, plus the flatAmount of each tier that is reached. volume: q × unitAmount of the tier of the last unit, plus its flatAmount.';
grant execute on function billing.usage_charge to rowhouse_user, rowhouse_platform;

create or replace function billing.usage_share(service tstzrange, basis tstzrange) returns numeric
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case when service = basis then 1
    else extract(epoch from upper(service) - lower(service)) / extract(epoch from upper(basis) - lower(basis)) end;
$$;
comment on function billing.usage_share is
  'The share of a period that a part of it has: length of the part / length of the period, by the clock.';
grant execute on function billing.usage_share to rowhouse_user, rowhouse_platform;

create or replace function billing.prorated_tiers(tiers jsonb, share numeric) returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case when prorated_tiers.share = 1 then prorated_tiers.tiers
    else (select jsonb_agg(
            case when t.tier ->> 'upTo' is null then t.tier
              else jsonb_set(t.tier, '{upTo}', to_jsonb((t.tier ->> 'upTo')::numeric * prorated_tiers.share)) end order by t.place)
            from jsonb_array_elements(prorated_tiers.tiers) with ordinality as t (tier, place)) end;
$$;
comment on function billing.prorated_tiers is
  'The tiers for a share of a period: each upTo × share. Prices stay as they are.';
grant execute on function billing.prorated_tiers to rowhouse_user, rowhouse_platform;

create or replace function billing.component_charge(component app_public.plan_price_components, quantity numeric, share numeric)
returns numeric
language sql immutable parallel safe
return billing.usage_charge((component).model, quantity, (component).included_quantity * share, (component).unit_amount,
  (component).package_size, billing.prorated_tiers((component).tiers, share));
comment on function billing.component_charge is
  'The price of a quantity by one component of a price for a share of its period, unrounded. The included quantity and the bounds of tiers are multiplied by the share.';
grant execute on function billing.component_charge to rowhouse_user, rowhouse_platform;

create or replace function billing.local_days(starts timestamptz, ends timestamptz, timezone text) returns int
language sql stable parallel safe
return (ends at time zone timezone)::date - (starts at time zone timezone)::date;
comment on function billing.local_days is
  'The number of calendar days between two instants in a time zone. A day counts as one, also when the clocks change on it.';
grant execute on function billing.local_days to rowhouse_user, rowhouse_platform;

create or replace function billing.local_midnight(at timestamptz, timezone text) returns timestamptz
language sql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select (local_midnight.at at time zone local_midnight.timezone)::date::timestamp at time zone local_midnight.timezone;
$$;
comment on function billing.local_midnight is
  'The start of the calendar day that contains an instant in a time zone.';

create or replace function billing.next_midnight(at timestamptz, timezone text) returns timestamptz
language sql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select ((next_midnight.at at time zone next_midnight.timezone)::date + 1)::timestamp at time zone next_midnight.timezone;
$$;
comment on function billing.next_midnight is
  'The end of the calendar day that contains an instant in a time zone.';

create or replace function billing.prorated_amount(amount numeric, days int, period_days int, currency text) returns numeric
language sql immutable parallel safe
-- the multiplication comes first, because numeric rounds a quotient
return billing.round_money(amount * days / period_days, currency);
comment on function billing.prorated_amount is
  'The share of the amount of a period for some of its days: round(amount × days / period_days).';
grant execute on function billing.prorated_amount to rowhouse_user, rowhouse_platform;
