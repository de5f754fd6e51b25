-- Prices of models: effective-dated, never rewritten. A tenant's own price comes before everybody's. What a call cost was
-- computed when it was recorded and names the row; later prices, also those dated back, do not touch it.

create or replace function app_private.prices_of_models(model_ids uuid[]) returns setof app_private.model_price
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select p.model_id, p.id, true, p.valid_from, p.valid_to,
           p.input_usd_per_million, p.cached_input_usd_per_million, p.output_usd_per_million, p.reasoning_usd_per_million
      from app_public.llm_model_price_overrides p
     where p.tenant_id = app_hidden.current_tenant_id() and p.model_id = any (prices_of_models.model_ids) and p.superseded_at is null
    union all
    select p.model_id, p.id, false, p.valid_from, p.valid_to,
           p.input_usd_per_million, p.cached_input_usd_per_million, p.output_usd_per_million, p.reasoning_usd_per_million
      from app_public.llm_model_prices p
     where p.model_id = any (prices_of_models.model_ids) and p.superseded_at is null;
end
$$;
comment on function app_private.prices_of_models(uuid[]) is 'The prices that hold for this tenant, its own and everybody''s, of all times.';

create or replace function app_private.rate_per_token(price app_private.model_price, token_class text) returns numeric
language sql immutable parallel safe
-- a product, because a quotient would be rounded
return case token_class
  when 'input' then (price).input_usd_per_million
  when 'cached_input' then (price).cached_input_usd_per_million
  when 'output' then (price).output_usd_per_million
  when 'reasoning' then (price).reasoning_usd_per_million
end * 0.000001;
comment on function app_private.rate_per_token(app_private.model_price, text) is 'USD for one token of a class, exactly.';

create or replace function app_private.price_at(prices app_private.model_price[], model_id uuid, at timestamptz)
returns app_private.model_price
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price app_private.model_price;
  v_found app_private.model_price;
begin
  foreach v_price in array coalesce(price_at.prices, '{}') loop
    if v_price.model_id = price_at.model_id and v_price.valid_from <= price_at.at
      and (v_price.valid_to is null or price_at.at < v_price.valid_to)
      and (v_found.price_id is null or v_price.is_override) then
      v_found := v_price;
    end if;
  end loop;
  return v_found;
end
$$;
comment on function app_private.price_at(app_private.model_price[], uuid, timestamptz) is
  'Which of these prices holds for a model at an instant: the tenant''s own before everybody''s; null when none does.';

create or replace function app_private.place_price(target regclass, model_id uuid, valid_from timestamptz, valid_to timestamptz)
returns timestamptz
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next timestamptz;
begin
  -- one at a time per model; the exclusion constraint would refuse a second one anyway
  perform from app_public.llm_models m where m.id = place_price.model_id for no key update;
  if not found then
    perform app_private.raise_error('MT406', 'There is no such model.', 'Read the ids of llm_models.');
  end if;
  if place_price.valid_from is null or not isfinite(place_price.valid_from) or place_price.valid_to <= place_price.valid_from then
    perform app_private.raise_error('MT410', 'A price needs a day it begins on, and ends after it.', 'Leave valid_to out for a price without an end.');
  end if;
  execute format('select min(valid_from) from %s where model_id = $1 and valid_from > $2 and superseded_at is null', target)
    into v_next using place_price.model_id, place_price.valid_from;
  -- it holds until the next price that is planned, and takes the place of the one that holds at its beginning
  execute format('update %s set superseded_at = now() where model_id = $1 and valid_from = $2 and superseded_at is null', target)
    using place_price.model_id, place_price.valid_from;
  execute format('update %s set valid_to = $2 where model_id = $1 and valid_from < $2 and (valid_to is null or valid_to > $2) and superseded_at is null', target)
    using place_price.model_id, place_price.valid_from;
  return least(place_price.valid_to, v_next);
end
$$;
comment on function app_private.place_price(regclass, uuid, timestamptz, timestamptz) is
  'Makes room for a price in llm_model_prices or llm_model_price_overrides: ends the one that holds at its beginning; returns when the new one ends. MT406: there is no such model; MT410: it ends before it begins.';

create or replace function app_public.set_llm_model_price(
  model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric,
  cached_input_usd_per_million numeric default null, reasoning_usd_per_million numeric default null,
  valid_from timestamptz default null, valid_to timestamptz default null
) returns app_public.llm_model_prices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_from timestamptz := coalesce(set_llm_model_price.valid_from, app_hidden.clock());
  v_to timestamptz;
  v_price app_public.llm_model_prices;
begin
  perform app_private.require_staff();
  v_to := app_private.place_price('app_public.llm_model_prices', set_llm_model_price.model_id, v_from, set_llm_model_price.valid_to);
  insert into app_public.llm_model_prices (
    model_id, input_usd_per_million, output_usd_per_million, cached_input_usd_per_million, reasoning_usd_per_million,
    valid_from, valid_to, created_by_user_id)
  values (
    set_llm_model_price.model_id, set_llm_model_price.input_usd_per_million, set_llm_model_price.output_usd_per_million,
    coalesce(set_llm_model_price.cached_input_usd_per_million, set_llm_model_price.input_usd_per_million),
    coalesce(set_llm_model_price.reasoning_usd_per_million, set_llm_model_price.output_usd_per_million),
    v_from, v_to, app_hidden.current_user_id())
  returning * into v_price;
  return v_price;
end
$$;
comment on function app_public.set_llm_model_price(uuid, numeric, numeric, numeric, numeric, timestamptz, timestamptz) is
  E'@resultFieldName price\nSets what a model costs every tenant from valid_from (now) until valid_to or the next price, in USD per million tokens. Cached input costs what input does and reasoning what output does unless said otherwise. A date in the past changes no cost that was computed: rerate_usage shows what would. Platform staff only. TN205: you are not; MT406: no such model; MT410: it ends before it begins; 23514: a price is negative or above 1e9.';

create or replace function app_public.set_tenant_llm_model_price(
  model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric,
  cached_input_usd_per_million numeric default null, reasoning_usd_per_million numeric default null,
  valid_from timestamptz default null, valid_to timestamptz default null
) returns app_public.llm_model_price_overrides
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_from timestamptz := coalesce(set_tenant_llm_model_price.valid_from, app_hidden.clock());
  v_to timestamptz;
  v_price app_public.llm_model_price_overrides;
begin
  perform app_private.require_staff();
  v_to := app_private.place_price('app_public.llm_model_price_overrides', set_tenant_llm_model_price.model_id, v_from,
    set_tenant_llm_model_price.valid_to);
  insert into app_public.llm_model_price_overrides (
    tenant_id, model_id, input_usd_per_million, output_usd_per_million, cached_input_usd_per_million,
    reasoning_usd_per_million, valid_from, valid_to, created_by_user_id)
  values (
    app_hidden.current_tenant_id(), set_tenant_llm_model_price.model_id, set_tenant_llm_model_price.input_usd_per_million,
    set_tenant_llm_model_price.output_usd_per_million,
    coalesce(set_tenant_llm_model_price.cached_input_usd_per_million, set_tenant_llm_model_price.input_usd_per_million),
    coalesce(set_tenant_llm_model_price.reasoning_usd_per_million, set_tenant_llm_model_price.output_usd_per_million),
    v_from, v_to, app_hidden.current_user_id())
  returning * into v_price;
  return v_price;
end
$$;
comment on function app_public.set_tenant_llm_model_price(uuid, numeric, numeric, numeric, numeric, timestamptz, timestamptz) is
  E'@resultFieldName price\nSets what a model costs the tenant you act in, instead of what it costs everybody; otherwise as setLlmModelPrice. Platform staff only. TN205: you are not; MT406: no such model; MT410: it ends before it begins; 23514: a price is negative or above 1e9.';

create or replace function app_public.end_tenant_llm_model_price(model_id uuid, valid_to timestamptz default null)
returns app_public.llm_model_price_overrides
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_at timestamptz := coalesce(end_tenant_llm_model_price.valid_to, app_hidden.clock());
  v_price app_public.llm_model_price_overrides;
begin
  perform app_private.require_staff();
  update app_public.llm_model_price_overrides p set valid_to = v_at
   where p.tenant_id = app_hidden.current_tenant_id() and p.model_id = end_tenant_llm_model_price.model_id
     and p.superseded_at is null and p.valid_from < v_at and (p.valid_to is null or p.valid_to > v_at)
  returning * into v_price;
  if not found then
    perform app_private.raise_error('MT302', 'The tenant has no price of its own for this model at that time.', 'Read llm_model_price_overrides.');
  end if;
  return v_price;
end
$$;
comment on function app_public.end_tenant_llm_model_price(uuid, timestamptz) is
  E'@resultFieldName price\nEnds a price of the tenant''s own, now or at another instant: from then on the model costs it what it costs everybody. Platform staff only. TN205: you are not; MT302: there is none to end.';

create or replace function app_private.tg__keep_price() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.raise_error('MT901', 'A price is not changed once it is set.', 'Set another one from a date on.');
  return null;
end
$$;
comment on function app_private.tg__keep_price() is 'Keeps what costs were computed by: of a price only its end changes. MT901.';

grant execute on function
  app_public.set_llm_model_price(uuid, numeric, numeric, numeric, numeric, timestamptz, timestamptz),
  app_public.set_tenant_llm_model_price(uuid, numeric, numeric, numeric, numeric, timestamptz, timestamptz),
  app_public.end_tenant_llm_model_price(uuid, timestamptz)
to rowhouse_user;
