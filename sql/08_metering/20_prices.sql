-- Prices of models: effective-dated, never rewritten. A tenant's own price comes before everybody's. What a call cost was
-- computed when it was recorded and names the row; later prices, also those dated back, do not touch it.

call core.secure_global_table('app_public.llm_model_prices', 'facts of the platform');
call core.allow('app_public.llm_model_prices', read => 'everyone, every_analyst');
grant select on app_public.llm_model_prices to rowhouse_user;
grant select on app_public.llm_model_prices to rowhouse_analyst;
comment on table app_public.llm_model_prices is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nWhat models cost every tenant, USD per million tokens, from a date on. A cost that was computed names its price; later prices do not change it.';

call core.secure_tenant_table('app_public.llm_model_price_overrides');
call core.allow('app_public.llm_model_price_overrides', read => 'member');
grant select on app_public.llm_model_price_overrides to rowhouse_user;
comment on table app_public.llm_model_price_overrides is
  E'@behavior -insert -update -delete -query:resource:single\nWhat models cost this tenant instead of what they cost everybody, USD per million tokens, from a date on.';

create or replace function metering.prices_of_models(model_ids uuid[]) returns setof metering.model_price
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select p.model_id, p.id, true, p.valid_from, p.valid_to,
           p.input_usd_per_million, p.cached_input_usd_per_million, p.output_usd_per_million, p.reasoning_usd_per_million
      from app_public.llm_model_price_overrides p
     where p.tenant_id = core.current_tenant_id() and p.model_id = any (prices_of_models.model_ids) and p.superseded_at is null
    union all
    select p.model_id, p.id, false, p.valid_from, p.valid_to,
           p.input_usd_per_million, p.cached_input_usd_per_million, p.output_usd_per_million, p.reasoning_usd_per_million
      from app_public.llm_model_prices p
     where p.model_id = any (prices_of_models.model_ids) and p.superseded_at is null;
end
$$;
comment on function metering.prices_of_models is
  'The prices that hold for this tenant, its own and everybody''s, of all times.';

create or replace function metering.rate_per_token(price metering.model_price, token_class text) returns numeric
language sql immutable parallel safe
-- a product, because a quotient would be rounded
return case token_class
  when 'input' then (price).input_usd_per_million
  when 'cached_input' then (price).cached_input_usd_per_million
  when 'output' then (price).output_usd_per_million
  when 'reasoning' then (price).reasoning_usd_per_million
end * 0.000001;
comment on function metering.rate_per_token is
  'USD for one token of a class, exactly.';

create or replace function metering.price_at(prices metering.model_price[], model_id uuid, at timestamptz)
returns metering.model_price
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price metering.model_price;
  v_found metering.model_price;
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
comment on function metering.price_at is
  'Which of these prices holds for a model at an instant: the tenant''s own before everybody''s; null when none does.';

create or replace function metering.place_price(target regclass, model_id uuid, valid_from timestamptz, valid_to timestamptz)
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
    perform core.raise_error('MT406', 'There is no such model.', 'Read the ids of llm_models.');
  end if;
  if place_price.valid_from is null or not isfinite(place_price.valid_from) or place_price.valid_to <= place_price.valid_from then
    perform core.raise_error('MT410', 'A price needs a day it begins on, and ends after it.', 'Leave valid_to out for a price without an end.');
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
comment on function metering.place_price is
  E'@errors MT406 MT410\nMakes room for a price in llm_model_prices or llm_model_price_overrides: ends the one that holds at its beginning; returns when the new one ends.';

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
  v_from timestamptz := coalesce(set_llm_model_price.valid_from, core.clock());
  v_to timestamptz;
  v_price app_public.llm_model_prices;
begin
  perform tenancy.require_staff();
  v_to := metering.place_price('app_public.llm_model_prices', set_llm_model_price.model_id, v_from, set_llm_model_price.valid_to);
  insert into app_public.llm_model_prices (
    model_id, input_usd_per_million, output_usd_per_million, cached_input_usd_per_million, reasoning_usd_per_million,
    valid_from, valid_to, created_by_user_id)
  values (
    set_llm_model_price.model_id, set_llm_model_price.input_usd_per_million, set_llm_model_price.output_usd_per_million,
    coalesce(set_llm_model_price.cached_input_usd_per_million, set_llm_model_price.input_usd_per_million),
    coalesce(set_llm_model_price.reasoning_usd_per_million, set_llm_model_price.output_usd_per_million),
    v_from, v_to, core.current_user_id())
  returning * into v_price;
  return v_price;
end
$$;
comment on function app_public.set_llm_model_price is
  E'@resultFieldName price\n@errors TN205 MT406 MT410 23514\nSets what a model costs every tenant from valid_from (now) until valid_to or the next price, in USD per million tokens. Cached input costs what input does and reasoning what output does unless said otherwise. A date in the past changes no cost that was computed: rerate_usage shows what would. Platform staff only.';
grant execute on function app_public.set_llm_model_price to rowhouse_user;

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
  v_from timestamptz := coalesce(set_tenant_llm_model_price.valid_from, core.clock());
  v_to timestamptz;
  v_price app_public.llm_model_price_overrides;
begin
  perform tenancy.require_staff();
  v_to := metering.place_price('app_public.llm_model_price_overrides', set_tenant_llm_model_price.model_id, v_from,
    set_tenant_llm_model_price.valid_to);
  insert into app_public.llm_model_price_overrides (
    tenant_id, model_id, input_usd_per_million, output_usd_per_million, cached_input_usd_per_million,
    reasoning_usd_per_million, valid_from, valid_to, created_by_user_id)
  values (
    core.current_tenant_id(), set_tenant_llm_model_price.model_id, set_tenant_llm_model_price.input_usd_per_million,
    set_tenant_llm_model_price.output_usd_per_million,
    coalesce(set_tenant_llm_model_price.cached_input_usd_per_million, set_tenant_llm_model_price.input_usd_per_million),
    coalesce(set_tenant_llm_model_price.reasoning_usd_per_million, set_tenant_llm_model_price.output_usd_per_million),
    v_from, v_to, core.current_user_id())
  returning * into v_price;
  return v_price;
end
$$;
comment on function app_public.set_tenant_llm_model_price is
  E'@resultFieldName price\n@errors TN205 MT406 MT410 23514\nSets what a model costs the tenant you act in, instead of what it costs everybody; otherwise as setLlmModelPrice. Platform staff only.';
grant execute on function app_public.set_tenant_llm_model_price to rowhouse_user;

create or replace function app_public.end_tenant_llm_model_price(model_id uuid, valid_to timestamptz default null)
returns app_public.llm_model_price_overrides
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_at timestamptz := coalesce(end_tenant_llm_model_price.valid_to, core.clock());
  v_price app_public.llm_model_price_overrides;
begin
  perform tenancy.require_staff();
  update app_public.llm_model_price_overrides p set valid_to = v_at
   where p.tenant_id = core.current_tenant_id() and p.model_id = end_tenant_llm_model_price.model_id
     and p.superseded_at is null and p.valid_from < v_at and (p.valid_to is null or p.valid_to > v_at)
  returning * into v_price;
  if not found then
    perform core.raise_error('MT302', 'The tenant has no price of its own for this model at that time.', 'Read llm_model_price_overrides.');
  end if;
  return v_price;
end
$$;
comment on function app_public.end_tenant_llm_model_price is
  E'@resultFieldName price\n@errors TN205 MT302\nEnds a price of the tenant''s own, now or at another instant: from then on the model costs it what it costs everybody. Platform staff only.';
grant execute on function app_public.end_tenant_llm_model_price to rowhouse_user;

create or replace function metering.tg__keep_price() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('MT901', 'A price is not changed once it is set.', 'Set another one from a date on.');
  return null;
end
$$;
comment on function metering.tg__keep_price is
  E'@errors MT901\nKeeps what costs were computed by: of a price only its end changes.';

-- List prices of well-known models, as data (seeds/platform/models.json). A model that has a price keeps it.

create or replace function metering.add_model_prices(providers jsonb) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_added int;
begin
  insert into app_public.llm_model_prices (
    model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, valid_from)
  select m.id, (p.price ->> 'input_per_million_usd')::numeric,
         coalesce(p.price ->> 'cached_input_per_million_usd', p.price ->> 'input_per_million_usd')::numeric,
         coalesce(p.price ->> 'output_per_million_usd', '0')::numeric,
         -- reasoning is billed as output
         coalesce(p.price ->> 'output_per_million_usd', '0')::numeric,
         (p.price ->> 'valid_from')::timestamp at time zone 'UTC'
    from jsonb_to_recordset(add_model_prices.providers) as provider (models jsonb)
   cross join jsonb_to_recordset(provider.models) as p (name text, price jsonb)
    join app_public.llm_models m on m.name = p.name
   where p.price is not null and not exists (select from app_public.llm_model_prices x where x.model_id = m.id);
  get diagnostics v_added = row_count;
  return v_added;
end
$$;
comment on function metering.add_model_prices is
  'Adds the list prices of models that have none, in USD per million tokens, and returns how many. For npm run migrate.';

do $$
declare
  v_table text;
begin
  foreach v_table in array array['app_public.llm_model_prices', 'app_public.llm_model_price_overrides'] loop
    execute format('comment on column %s.model_id is %L', v_table, 'The model.');
    execute format('comment on column %s.input_usd_per_million is %L', v_table, 'A million input tokens that were not read from a cache, USD.');
    execute format('comment on column %s.cached_input_usd_per_million is %L', v_table, 'A million input tokens read from a cache, USD.');
    execute format('comment on column %s.output_usd_per_million is %L', v_table, 'A million output tokens, without those for reasoning, USD.');
    execute format('comment on column %s.reasoning_usd_per_million is %L', v_table, 'A million tokens for reasoning, USD.');
    execute format('comment on column %s.valid_from is %L', v_table, 'From when it holds.');
    execute format('comment on column %s.valid_to is %L', v_table, 'Until when it holds, excluded; null without an end.');
    execute format('comment on column %s.superseded_at is %L', v_table, 'When a correction took its place from its beginning on; null while it holds.');
    execute format('comment on column %s.created_by_user_id is %L', v_table, 'Who set it.');
    execute format('comment on column %s.created_at is %L', v_table, 'When it was set.');
  end loop;
end
$$;

-- what costs were computed by, and what was used, stays as it was written; after the wall has looked at the row
create or replace trigger _500_keep_price
  after update of id, model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million,
    reasoning_usd_per_million, valid_from
  on app_public.llm_model_prices
  for each row execute function metering.tg__keep_price();
create or replace trigger _500_keep_price
  after update of id, tenant_id, model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million,
    reasoning_usd_per_million, valid_from
  on app_public.llm_model_price_overrides
  for each row execute function metering.tg__keep_price();
