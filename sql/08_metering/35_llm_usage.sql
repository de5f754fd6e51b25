-- Calls of language models. A call is stored as one row of facts and, in the same batch, as events: one for the call itself
-- and one for each of its four classes of tokens. Only the events are priced, limited and rolled up, and they sum up to the call.

-- The texts of a call are read by the person who made it and by those who may audit.
call core.secure_tenant_table('metering.llm_calls');
call audit.leave_out('usage is recorded in bulk, and its events are only ever added', 'metering.llm_calls');
call core.allow('metering.llm_calls', read => 'self, can_view_analytics, analyst');
grant select on metering.llm_calls to rowhouse_user;
grant select, delete on metering.llm_calls to rowhouse_platform;
comment on table metering.llm_calls is 'Calls of language models; app_public.llm_usage_logs shows them.';
comment on column metering.llm_calls.agent_name is E'@notPersonal\nThe name of the agent when the call was made.';
comment on column metering.llm_calls.user_id is E'@personal pseudonymise\nThe person.';
comment on column metering.llm_calls.user_name is E'@personal erase\nThe name of the person when the call was made.';
comment on column metering.llm_calls.function_call is E'@personal erase\nWhat the model asked to be called.';
comment on column metering.llm_calls.error_message is E'@personal erase\nWhat the provider said of the failure.';
comment on constraint response_time_ms_is_not_negative on metering.llm_calls is 'must be at least 0';
comment on constraint time_to_first_token_ms_is_not_negative on metering.llm_calls is 'must be at least 0';
comment on constraint temperature_is_in_range on metering.llm_calls is 'must be from 0 to 2';
comment on constraint max_tokens_is_positive on metering.llm_calls is 'must be at least 1';
comment on constraint top_p_is_a_probability on metering.llm_calls is 'must be from 0 to 1';
comment on constraint finish_reason_is_short on metering.llm_calls is 'must have at most 50 characters';
comment on constraint error_type_is_short on metering.llm_calls is 'must have at most 100 characters';
comment on constraint error_message_is_bounded on metering.llm_calls is 'must have at most 10,000 characters';

call core.secure_tenant_table('metering.llm_calls_default');
grant select, delete on metering.llm_calls_default to rowhouse_platform;
comment on table metering.llm_calls_default is 'Calls of months that have no partition; a task moves them.';

call core.secure_tenant_table('metering.llm_texts');
call audit.leave_out('usage is recorded in bulk, and its events are only ever added', 'metering.llm_texts');
call core.allow('metering.llm_texts', read => 'self, can_view_audit');
grant select on metering.llm_texts to rowhouse_user;
grant select, delete on metering.llm_texts to rowhouse_platform;
comment on table metering.llm_texts is 'The texts of calls, for tenants that keep them and as long as they keep them.';
comment on column metering.llm_texts.user_id is E'@personal erase\nThe person.';
comment on column metering.llm_texts.prompt_text is E'@personal erase\nWhat was asked.';
comment on column metering.llm_texts.system_prompt is E'@personal erase\nWhat the model was told before.';
comment on column metering.llm_texts.completion_text is E'@personal erase\nWhat was answered.';

call core.secure_tenant_table('metering.llm_texts_default');
grant select, delete on metering.llm_texts_default to rowhouse_platform;
comment on table metering.llm_texts_default is 'Texts of months that have no partition; a task moves them.';

create or replace function metering.stores_texts(config jsonb) returns boolean
language sql immutable parallel safe
return coalesce(config -> 'store_llm_texts' = 'true', false);
comment on function metering.stores_texts is 'Whether the settings of a tenant say that it keeps the texts of prompts, answers and tools.';
grant execute on function metering.stores_texts to rowhouse_analyst, rowhouse_analytics, rowhouse_platform;

create or replace function metering.keeps_texts() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.tenants t where t.id = core.current_tenant_id() and metering.stores_texts(t.config));
$$;
comment on function metering.keeps_texts is 'Whether the tenant of the context keeps texts.';

create or replace function app_public.record_llm_usage(call app_public.new_llm_call) returns app_public.llm_usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  return metering.store_llm_call(record_llm_usage.call);
end
$$;
comment on function app_public.record_llm_usage is
  E'@resultFieldName receipt\n@errors ID203 KY204 MT201 MT301 MT401 MT404 MT405 MT406 MT409 MT411 MT414 MT415 MT501 QT301 QT408 23514\nRecords a call of a language model: the call appears in usageLlmCalls, and the call and its tokens appear in usageLogs. The cost is computed from the price of the tenant and the model at that time; it is null when the model has no price or is not in the catalogue. The idempotency key works as in recordUsage. Tokens and cost count to their quotas, also beyond a hard limit, which then refuses what follows; reservations that the call names are settled by it. Those with can_record_usage record their own calls; admins record those of other members and API keys too.';
grant execute on function app_public.record_llm_usage to rowhouse_user;

create or replace function metering.record_tenant_llm_usage(tenant_id uuid, call jsonb) returns app_public.llm_usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
-- A time without a zone is UTC, as many programs write it.
set timezone to 'UTC'
as $$
begin
  call core.enter_tenant(record_tenant_llm_usage.tenant_id);
  perform set_config('rowhouse.user_id', '', true);
  if metering.unknown_keys(record_tenant_llm_usage.call, to_jsonb(jsonb_populate_record(null::app_public.new_llm_call, '{}'))) then
    perform core.raise_error('MT413', 'The call is not an object, or it has an unknown field.', 'The fields are those of new_llm_call.');
  end if;
  return metering.store_llm_call(jsonb_populate_record(null::app_public.new_llm_call, record_tenant_llm_usage.call));
end
$$;
comment on function metering.record_tenant_llm_usage is
  E'@errors MT301 MT401 MT404 MT405 MT406 MT409 MT411 MT413 MT414 MT415 MT501 QT301 QT408 23514\nRecords a call for a task, which knows whose call it was: an object with the fields of new_llm_call.';
grant execute on function metering.record_tenant_llm_usage to rowhouse_worker;

create or replace function metering.model_named(name text) returns uuid
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select m.id from app_public.llm_models m join app_public.llm_providers p on p.id = m.provider_id
   where lower(model_named.name) in (
           lower(m.name), m.id::text, lower(m.provider_model_name), lower(p.name || '/' || m.name), lower(p.name || '/' || m.provider_model_name))
   -- A name of ours is meant before the same name of a provider, and the one that is written so before other letter cases.
   order by m.name = model_named.name desc, lower(m.name) = lower(model_named.name) desc, m.created_at, m.id
   limit 1;
$$;
comment on function metering.model_named is
  'The model of the catalogue that a caller means: by its name or its provider''s name for it, in any letter case, alone or after the name of the provider (provider/name), or by its id; null when there is none.';

create or replace function metering.complete_llm_call(call app_public.new_llm_call) returns app_public.new_llm_call
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_call app_public.new_llm_call := complete_llm_call.call;
  v_max_reservations constant int := 2;
begin
  if cardinality(v_call.reservation_ids) > v_max_reservations or array_position(v_call.reservation_ids, null) is not null then
    perform core.raise_error('QT408', 'reservation_ids must have at most two reservations.', 'Name one of tokens and one of cost.');
  end if;
  v_call.cached_input_tokens := coalesce(v_call.cached_input_tokens, 0);
  v_call.reasoning_tokens := coalesce(v_call.reasoning_tokens, 0);
  v_call.success := coalesce(v_call.success, true);
  if v_call.model is null or not core.is_name(v_call.model) then
    perform core.raise_error('MT406', 'The model has no name.', 'Give the name of a model of the catalogue, or the name that the provider uses.');
  end if;
  if v_call.input_tokens is null or v_call.output_tokens is null
    or least(v_call.input_tokens, v_call.cached_input_tokens, v_call.output_tokens, v_call.reasoning_tokens) < 0
    or greatest(v_call.input_tokens, v_call.cached_input_tokens, v_call.output_tokens, v_call.reasoning_tokens)
       > metering.max_tokens_per_call() then
    perform core.raise_error('MT415', 'A number of tokens is missing, negative or above a thousand million.',
      'Give 0 for a class of tokens that the call did not use.');
  end if;
  -- A total that was not given is null, and so is its comparison.
  if v_call.prompt_tokens <> v_call.input_tokens + v_call.cached_input_tokens
    or v_call.completion_tokens <> v_call.output_tokens + v_call.reasoning_tokens
    or v_call.total_tokens <> v_call.input_tokens + v_call.cached_input_tokens + v_call.output_tokens + v_call.reasoning_tokens then
    perform core.raise_error('MT414', 'The totals of tokens are not the sums of their classes.',
      'The classes do not overlap: input_tokens excludes tokens read from a cache, and output_tokens excludes tokens for reasoning.');
  end if;
  -- The totals were only checks. Without them, a call is the same call whether they are given or not.
  v_call.prompt_tokens := null;
  v_call.completion_tokens := null;
  v_call.total_tokens := null;
  return v_call;
end
$$;
comment on function metering.complete_llm_call is
  E'@errors MT406 MT414 MT415 QT408\nFills in the defaults of a call, and refuses one whose model or tokens are wrong.';

create or replace function metering.models_of_calls(names text[])
returns table (name text, model_id uuid, model text, provider_id uuid, provider text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select n.name, m.id, m.name, p.id, p.name
    from (select distinct n.name, metering.model_named(n.name) as model_id from unnest(models_of_calls.names) as n (name)) as n
    join app_public.llm_models m on m.id = n.model_id
    join app_public.llm_providers p on p.id = m.provider_id;
$$;
comment on function metering.models_of_calls is 'The models of the catalogue that these names mean, each name once.';

create or replace function metering.price_llm_call(call metering.llm_calls, prices metering.model_price[]) returns metering.llm_calls
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_call metering.llm_calls := price_llm_call.call;
  v_price constant metering.model_price := metering.price_at(price_llm_call.prices, v_call.model_id, v_call.occurred_at);
begin
  v_call.price_id := v_price.price_id;
  v_call.input_cost := v_call.input_tokens * metering.rate_per_token(v_price, 'input')
    + v_call.cached_input_tokens * metering.rate_per_token(v_price, 'cached_input');
  v_call.output_cost := v_call.output_tokens * metering.rate_per_token(v_price, 'output')
    + v_call.reasoning_tokens * metering.rate_per_token(v_price, 'reasoning');
  return v_call;
end
$$;
comment on function metering.price_llm_call is 'The call with its price and its cost.';

create or replace function metering.describe_llm_calls(calls app_public.new_llm_call[]) returns metering.llm_calls[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_user_id constant uuid := core.current_user_id();
  v_agent_id constant uuid := tenancy.current_agent_id();
  v_api_key_id constant uuid := core.current_api_key_id();
  v_prices metering.model_price[];
  v_described metering.llm_calls[];
begin
  v_described := array(
    select jsonb_populate_record(null::metering.llm_calls, to_jsonb(c) || jsonb_build_object(
             'tenant_id', core.current_tenant_id(), 'id', gen_random_uuid(), 'occurred_at', coalesce(c.occurred_at, v_now),
             'user_id', coalesce(c.user_id, v_user_id), 'user_name', coalesce(u.full_name, u.email),
             'agent_id', coalesce(c.agent_id, v_agent_id), 'agent_name', coalesce(a.display_name, a.name, c.agent_name),
             'api_key_id', coalesce(c.api_key_id, v_api_key_id),
             'model_id', m.model_id, 'model', coalesce(m.model, c.model), 'provider_id', m.provider_id, 'provider', m.provider))
      from unnest(describe_llm_calls.calls) with ordinality as c
      left join metering.models_of_calls(array(select o.model from unnest(describe_llm_calls.calls) as o)) as m on m.name = c.model
      left join app_public.user_profiles u on u.id = coalesce(c.user_id, v_user_id)
      left join app_public.agents a on a.tenant_id = core.current_tenant_id() and a.id = coalesce(c.agent_id, v_agent_id)
     order by c.ordinality);
  v_prices := array(
    select p from metering.prices_of_models(array(select distinct d.model_id from unnest(v_described) as d where d.model_id is not null)) as p);
  return array(select metering.price_llm_call(d, v_prices) from unnest(v_described) as d);
end
$$;
comment on function metering.describe_llm_calls is
  'The rows of calls: each call as it was given, together with the names at this time, its model, its price and its cost.';

create or replace function metering.tg__keep_usage() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- what a person may have left in a row, which is emptied when the person is erased
  v_personal constant text[] := array['metadata', 'user_name', 'function_call', 'error_message'];
begin
  if to_jsonb(new) - v_personal = to_jsonb(old) - v_personal
     and not exists (
       select from jsonb_each(to_jsonb(new)) n
        where n.key = any (v_personal) and n.value not in ('null', '{}') and n.value <> to_jsonb(old) -> n.key) then
    return null;
  end if;
  perform core.raise_error('MT902', 'Recorded usage cannot be changed.', 'Record a correction instead.');
  return null;
end
$$;
comment on function metering.tg__keep_usage is
  E'@errors MT902\nRefuses every change of an event or a call, except that what a person left in it is emptied.';

create or replace trigger _500_keep_usage after update on app_public.usage_events
  for each row execute function metering.tg__keep_usage();
create or replace trigger _500_keep_usage after update on metering.llm_calls
  for each row execute function metering.tg__keep_usage();
