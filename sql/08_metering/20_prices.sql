-- Prices of models. Of the prices that cover an instant the one that began last is in force, so a promotion inside an open price
-- brings that price back when it ends; a price of the tenant's own takes precedence over every price for all tenants. A price is
-- never changed but for its end, and a cost refers to the price it was computed from, so later prices do not change it.

call core.secure_global_table('app_public.llm_model_prices', 'facts of the platform');
call audit.track_global('app_public.llm_model_prices', null);
call core.allow('app_public.llm_model_prices', read => 'everyone');
grant select on app_public.llm_model_prices to rowhouse_user;
comment on table app_public.llm_model_prices is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nThe prices of models for all tenants, in USD per million tokens. A cost that was computed refers to its price, and later prices do not change it.';

call core.secure_tenant_table('app_public.llm_model_price_overrides');
call audit.track('app_public.llm_model_price_overrides');
call core.allow('app_public.llm_model_price_overrides', read => 'member');
grant select on app_public.llm_model_price_overrides to rowhouse_user;
comment on table app_public.llm_model_price_overrides is
  E'@behavior -insert -update -delete -query:resource:single\nThe prices of models that this tenant pays instead of the prices for all tenants, in USD per million tokens.';

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
  'The prices that apply to this tenant at any time: its own prices and those for all tenants.';

create or replace function metering.rate_per_token(price metering.model_price, token_class app_public.token_class) returns numeric
language sql immutable parallel safe
-- The price is multiplied by a millionth, because a division would round.
return case token_class
  when 'input' then (price).input_usd_per_million
  when 'cached_input' then (price).cached_input_usd_per_million
  when 'output' then (price).output_usd_per_million
  when 'reasoning' then (price).reasoning_usd_per_million
  -- A model that embeds only reads, so its price is that of input.
  when 'embedding' then (price).input_usd_per_million
end * 0.000001;
comment on function metering.rate_per_token is
  'The exact price of one token of a class in USD.';

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
      and (v_found.price_id is null
           or (v_price.is_override, v_price.valid_from) > (v_found.is_override, v_found.valid_from)) then
      v_found := v_price;
    end if;
  end loop;
  return v_found;
end
$$;
comment on function metering.price_at is
  'The price that applies to a model at an instant: the tenant''s own price if there is one, else the price for all tenants, else null. When several cover the instant, it is the one that began last.';

create or replace function metering.make_room_for_price(target regclass, model_id uuid, valid_from timestamptz, valid_to timestamptz)
returns timestamptz
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next timestamptz;
  -- The wall would do for the prices of a tenant, but not for a superuser's session.
  v_of_tenant constant text := case when target = 'app_public.llm_model_price_overrides'::regclass
    then ' and tenant_id = core.current_tenant_id()' else '' end;
begin
  -- Prices of a model are set one at a time; the unique index would refuse the second of two that begin at once.
  perform from app_public.llm_models m where m.id = make_room_for_price.model_id for no key update;
  if not found then
    perform core.raise_error('MT406', 'There is no such model.', 'Read the ids of the language models.');
  end if;
  if make_room_for_price.valid_from is null or not isfinite(make_room_for_price.valid_from) or make_room_for_price.valid_to <= make_room_for_price.valid_from then
    perform core.raise_error('MT410', 'The price has no beginning, or it ends before it begins.', 'Leave valid_to out for a price without an end.');
  end if;
  execute format('update %s set superseded_at = now() where model_id = $1 and valid_from = $2 and superseded_at is null%s', target, v_of_tenant)
    using make_room_for_price.model_id, make_room_for_price.valid_from;
  -- A price with an end covers the others only for its time. A price without one ends what applies at its beginning, and is
  -- itself ended by the next that has no end.
  if make_room_for_price.valid_to is null then
    execute format('select min(valid_from) from %s where model_id = $1 and valid_from > $2 and valid_to is null and superseded_at is null%s', target, v_of_tenant)
      into v_next using make_room_for_price.model_id, make_room_for_price.valid_from;
    execute format('update %s set valid_to = $2 where model_id = $1 and valid_from < $2 and (valid_to is null or valid_to > $2) and superseded_at is null%s', target, v_of_tenant)
      using make_room_for_price.model_id, make_room_for_price.valid_from;
  end if;
  return coalesce(make_room_for_price.valid_to, v_next);
end
$$;
comment on function metering.make_room_for_price is
  E'@errors MT406 MT410\nMakes room for a price in llm_model_prices or llm_model_price_overrides: replaces the one that begins at the same time, ends those that a price without an end follows, and returns when the new price ends.';

create or replace function metering.require_prices(input_usd_per_million numeric, output_usd_per_million numeric) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if input_usd_per_million is null or output_usd_per_million is null then
    perform core.raise_error('MT416', 'A price needs a number for input and a number for output.', 'Give 0 for what costs nothing.');
  end if;
end
$$;
comment on function metering.require_prices is
  E'@errors MT416\nRefuses a price that lacks the number for input or output.';

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
  perform metering.require_prices(set_llm_model_price.input_usd_per_million, set_llm_model_price.output_usd_per_million);
  v_to := metering.make_room_for_price('app_public.llm_model_prices', set_llm_model_price.model_id, v_from, set_llm_model_price.valid_to);
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
  E'@resultFieldName price\n@errors TN205 MT406 MT410 MT416 23514\nSets the price of a model for all tenants in USD per million tokens, from valid_from (by default now) until valid_to or the next price. When the time of a price with an end is over, the price that it covered holds again. By default, cached input costs as much as input, and reasoning as much as output. A price that begins in the past changes no cost that was computed already; previewRerating shows which costs would differ. Only platform staff may call this.';
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
  perform metering.require_prices(set_tenant_llm_model_price.input_usd_per_million, set_tenant_llm_model_price.output_usd_per_million);
  v_to := metering.make_room_for_price('app_public.llm_model_price_overrides', set_tenant_llm_model_price.model_id, v_from,
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
  E'@resultFieldName price\n@errors TN205 MT406 MT410 MT416 23514\nSets the price of a model for the current tenant, which takes precedence over the price for all tenants. Otherwise it works as setLlmModelPrice. Only platform staff may call this.';
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
  -- All that cover the instant end, so that none of them comes back.
  with ended as (
    update app_public.llm_model_price_overrides p set valid_to = v_at
     where p.tenant_id = core.current_tenant_id() and p.model_id = end_tenant_llm_model_price.model_id
       and p.superseded_at is null and p.valid_from < v_at and (p.valid_to is null or p.valid_to > v_at)
    returning *
  )
  select * into v_price from ended order by valid_from desc limit 1;
  if not found then
    perform core.raise_error('MT302', 'The tenant has no price of its own for this model at that time.', 'List the price overrides of the tenant.');
  end if;
  return v_price;
end
$$;
comment on function app_public.end_tenant_llm_model_price is
  E'@resultFieldName price\n@errors TN205 MT302\nEnds the prices of the current tenant that cover an instant, by default now, and returns the one that was in force. From then on the price for all tenants applies. Only platform staff may call this.';
grant execute on function app_public.end_tenant_llm_model_price to rowhouse_user;

create or replace function metering.tg__keep_price() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('MT901', 'A price cannot be changed after it was set.', 'Set another price from a date on.');
  return null;
end
$$;
comment on function metering.tg__keep_price is
  E'@errors MT901\nRefuses every change of a price except that of its end, because costs refer to it.';

-- The list prices of well-known models are data (seeds/platform/models.json). A model that has a price keeps it.

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
         -- Providers bill tokens for reasoning as output.
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
  'Adds the list prices of models without a price, in USD per million tokens, and returns how many it added. npm run migrate calls it.';

do $$
declare
  v_table text;
  v_constraint name;
begin
  foreach v_table in array array['app_public.llm_model_prices', 'app_public.llm_model_price_overrides'] loop
    execute format('comment on column %s.model_id is %L', v_table, 'The model.');
    execute format('comment on column %s.input_usd_per_million is %L', v_table, 'The price of a million input tokens that were not read from a cache, in USD.');
    execute format('comment on column %s.cached_input_usd_per_million is %L', v_table, 'The price of a million input tokens that were read from a cache, in USD.');
    execute format('comment on column %s.output_usd_per_million is %L', v_table, 'The price of a million output tokens, without tokens for reasoning, in USD.');
    execute format('comment on column %s.reasoning_usd_per_million is %L', v_table, 'The price of a million tokens for reasoning, in USD.');
    execute format('comment on column %s.valid_from is %L', v_table, 'When the price begins to apply.');
    execute format('comment on column %s.valid_to is %L', v_table, 'When the price ceases to apply; null when it has no end.');
    execute format('comment on column %s.superseded_at is %L', v_table, 'When a correction replaced the price from its beginning on; null when none did.');
    execute format('comment on column %s.created_by_user_id is %L', v_table, E'@personal pseudonymise\nWho set the price.');
    execute format('comment on column %s.created_at is %L', v_table, 'When the price was set.');
    for v_constraint in
      select conname from pg_constraint where conrelid = v_table::regclass and conname like '%\_is\_in\_range'
    loop
      execute format('comment on constraint %I on %s is %L', v_constraint, v_table, 'must be from 0 to 1,000,000,000 USD');
    end loop;
    execute format('comment on constraint price_ends_after_it_begins on %s is %L', v_table, 'must be later than valid_from');
  end loop;
end
$$;

-- The trigger runs after the update, so that the wall has checked the row first.
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
