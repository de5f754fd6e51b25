-- Calls of language models. One call is one row of facts and, in the same batch, the events of its four disjoint classes
-- of tokens and of the call itself: what is priced, limited and rolled up is the events, and they sum up to the call.

call core.secure_tenant_table('metering.llm_calls');
call core.allow('metering.llm_calls', read => 'self, can_view_analytics, analyst');
grant select on metering.llm_calls to rowhouse_user;
grant select, delete on metering.llm_calls to rowhouse_platform;
comment on table metering.llm_calls is 'Calls of language models; app_public.llm_usage_logs shows them.';

call core.secure_tenant_table('metering.llm_calls_default');
grant select, delete on metering.llm_calls_default to rowhouse_platform;
comment on table metering.llm_calls_default is 'Calls of months that have no partition; the task moves them.';

call core.secure_tenant_table('metering.llm_texts');
call core.allow('metering.llm_texts', read => 'self, can_view_audit');
grant select on metering.llm_texts to rowhouse_user;
grant select, delete on metering.llm_texts to rowhouse_platform;
comment on table metering.llm_texts is 'What was said in a call, where and as long as the tenant keeps it.';

call core.secure_tenant_table('metering.llm_texts_default');
grant select, delete on metering.llm_texts_default to rowhouse_platform;
comment on table metering.llm_texts_default is 'Texts of months that have no partition; the task moves them.';

comment on type app_public.llm_usage_receipt is 'What became of a call that was recorded.';
comment on column app_public.llm_usage_receipt.batch_id is 'The batch of its events in usageEvents.';
comment on column app_public.llm_usage_receipt.total_cost is 'USD, not rounded; null while the model has no price.';
comment on column app_public.llm_usage_receipt.price_id is 'The price it was rated by.';
comment on column app_public.llm_usage_receipt.is_repeated is 'Whether it had been recorded before: this call stored nothing.';

create or replace function app_public.record_llm_usage(
  idempotency_key text, model text, input_tokens bigint, output_tokens bigint,
  cached_input_tokens bigint default 0, reasoning_tokens bigint default 0,
  prompt_tokens bigint default null, completion_tokens bigint default null, total_tokens bigint default null,
  occurred_at timestamptz default null, agent_id uuid default null, agent_name text default null, project_id uuid default null,
  model_config_id uuid default null, conversation_id uuid default null, panel_id uuid default null,
  response_time_ms int default null, time_to_first_token_ms int default null,
  temperature numeric default null, max_tokens int default null, top_p numeric default null,
  finish_reason text default null, function_call jsonb default null,
  success boolean default true, error_type text default null, error_message text default null,
  prompt_text text default null, system_prompt text default null, completion_text text default null,
  user_id uuid default null, api_key_id uuid default null
) returns app_public.llm_usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_call metering.llm_calls;
  v_texts metering.llm_texts;
begin
  perform tenancy.require_role('viewer');
  if record_llm_usage.prompt_tokens <> record_llm_usage.input_tokens + record_llm_usage.cached_input_tokens
    or record_llm_usage.completion_tokens <> record_llm_usage.output_tokens + record_llm_usage.reasoning_tokens
    or record_llm_usage.total_tokens <> record_llm_usage.input_tokens + record_llm_usage.cached_input_tokens
                                      + record_llm_usage.output_tokens + record_llm_usage.reasoning_tokens then
    perform core.raise_error('MT414', 'The totals of tokens are not the sums of their classes.',
      'Classes do not overlap: input_tokens without those read from a cache, output_tokens without those for reasoning.');
  end if;

  v_call.occurred_at := record_llm_usage.occurred_at;
  v_call.model := record_llm_usage.model;
  v_call.model_config_id := record_llm_usage.model_config_id;
  v_call.agent_id := record_llm_usage.agent_id;
  v_call.agent_name := record_llm_usage.agent_name;
  v_call.user_id := record_llm_usage.user_id;
  v_call.project_id := record_llm_usage.project_id;
  v_call.api_key_id := record_llm_usage.api_key_id;
  v_call.conversation_id := record_llm_usage.conversation_id;
  v_call.panel_id := record_llm_usage.panel_id;
  v_call.input_tokens := record_llm_usage.input_tokens;
  v_call.cached_input_tokens := coalesce(record_llm_usage.cached_input_tokens, 0);
  v_call.output_tokens := record_llm_usage.output_tokens;
  v_call.reasoning_tokens := coalesce(record_llm_usage.reasoning_tokens, 0);
  v_call.response_time_ms := record_llm_usage.response_time_ms;
  v_call.time_to_first_token_ms := record_llm_usage.time_to_first_token_ms;
  v_call.temperature := record_llm_usage.temperature;
  v_call.max_tokens := record_llm_usage.max_tokens;
  v_call.top_p := record_llm_usage.top_p;
  v_call.finish_reason := record_llm_usage.finish_reason;
  v_call.function_call := record_llm_usage.function_call;
  v_call.success := coalesce(record_llm_usage.success, true);
  v_call.error_type := record_llm_usage.error_type;
  v_call.error_message := record_llm_usage.error_message;
  v_texts.prompt_text := record_llm_usage.prompt_text;
  v_texts.system_prompt := record_llm_usage.system_prompt;
  v_texts.completion_text := record_llm_usage.completion_text;
  return metering.store_llm_call(record_llm_usage.idempotency_key, v_call, v_texts);
end
$$;
comment on function app_public.record_llm_usage is
  E'@resultFieldName receipt\n@errors ID202 MT201 MT301 MT401 MT409 MT414 MT415 MT501\nWrites down a call of a language model and what it used, in one go: the call in llmUsageLogs, its tokens and itself in usageEvents. The four classes of tokens do not overlap; totals, when given, must be their sums. The cost follows from the price that holds for the tenant and model at that time, and is null while there is none. A model the catalogue does not know is kept by its name, without a cost. Texts are kept only where the tenant''s settings say store_llm_texts. The agent''s name is read from this tenant''s agents; give it for one that is shared with you. Idempotent, and for whom, as recordUsage. Any active member.';
grant execute on function app_public.record_llm_usage to rowhouse_user;

create or replace function metering.events_of_call(key text, call metering.llm_calls) returns metering.usage_input[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select row(events_of_call.key, e.usage_type, e.quantity::numeric, (call).occurred_at, (call).user_id, (call).agent_id,
               (call).project_id, (call).api_key_id, (call).model_id, null,
               -- the call has an outcome, its tokens have none
               case when e.usage_type = 'llm_call' then
                 case when (call).success then 'success' else 'error' end end::app_public.usage_outcome,
               case when e.usage_type = 'llm_call' then (call).response_time_ms end, '{}')::metering.usage_input
      from (values ('llm_call', 1::bigint), ('input_tokens', (call).input_tokens), ('cached_input_tokens', (call).cached_input_tokens),
                   ('output_tokens', (call).output_tokens), ('reasoning_tokens', (call).reasoning_tokens)) as e (usage_type, quantity)
     where e.quantity > 0);
end
$$;
comment on function metering.events_of_call is
  'The events a call consists of: itself, and each class of its tokens.';

create or replace function metering.store_llm_call(key text, call metering.llm_calls, texts metering.llm_texts)
returns app_public.llm_usage_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_call metering.llm_calls := store_llm_call.call;
  v_hash bigint;
  v_events metering.usage_input[];
  v_price metering.model_price;
  v_claim metering.usage_idempotency_keys;
begin
  if v_call.model is null or not core.is_name(v_call.model) then
    perform core.raise_error('MT406', 'The model has no name.', 'Give the name of a model of the catalogue, or the provider''s.');
  end if;
  if v_call.input_tokens is null or v_call.output_tokens is null
    or least(v_call.input_tokens, v_call.cached_input_tokens, v_call.output_tokens, v_call.reasoning_tokens) < 0
    or greatest(v_call.input_tokens, v_call.cached_input_tokens, v_call.output_tokens, v_call.reasoning_tokens) > 1e9 then
    perform core.raise_error('MT415', 'A number of tokens is missing, negative or above a thousand million.', 'A call that used none says 0.');
  end if;
  -- as it was given, before anything is looked up that may be otherwise when it is sent again
  v_hash := hash_record_extended(row(
    'llm'::text, v_call.occurred_at, v_call.model, v_call.model_config_id, v_call.agent_id, v_call.agent_name, v_call.user_id,
    v_call.project_id, v_call.api_key_id, v_call.conversation_id, v_call.panel_id, v_call.input_tokens, v_call.cached_input_tokens,
    v_call.output_tokens, v_call.reasoning_tokens, v_call.response_time_ms, v_call.time_to_first_token_ms,
    v_call.temperature, v_call.max_tokens, v_call.top_p, v_call.finish_reason, v_call.function_call,
    v_call.success, v_call.error_type, v_call.error_message, texts.prompt_text, texts.system_prompt, texts.completion_text), 0);

  select m.id, m.name, p.id, p.name into v_call.model_id, v_call.model, v_call.provider_id, v_call.provider
    from app_public.llm_models m join app_public.llm_providers p on p.id = m.provider_id
   where m.name = v_call.model or m.id::text = v_call.model;
  if not found then
    v_call.model := (store_llm_call.call).model;
  end if;
  v_events := metering.events_of_call(store_llm_call.key, v_call);
  perform metering.check_usage(v_events);

  v_call.tenant_id := v_tenant_id;
  v_call.batch_id := metering.begin_usage();
  v_call.occurred_at := coalesce(v_call.occurred_at, core.clock());
  insert into metering.usage_idempotency_keys (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
  values (v_tenant_id, store_llm_call.key, v_hash, v_call.batch_id, 1, v_call.occurred_at)
  on conflict do nothing;
  if not found then
    select * into v_claim from metering.usage_idempotency_keys k where k.tenant_id = v_tenant_id and k.key = store_llm_call.key;
    if v_claim.payload_hash <> v_hash then
      perform core.raise_error('MT501', 'The idempotency key stands for another event already.',
        'Repeat the event exactly as it was first sent, or give it a key of its own.');
    end if;
    select * into v_call from metering.llm_calls c
     where c.tenant_id = v_tenant_id and c.occurred_at = v_claim.occurred_at and c.batch_id = v_claim.batch_id;
    return metering.receipt_of_call(v_call, true);
  end if;

  v_price := metering.price_at(array(
    select p from metering.prices_of_models(array[v_call.model_id]) as p), v_call.model_id, v_call.occurred_at);
  v_call.id := gen_random_uuid();
  v_call.user_id := coalesce(v_call.user_id, core.current_user_id());
  v_call.api_key_id := coalesce(v_call.api_key_id, metering.request_api_key_id());
  v_call.user_name := (select coalesce(u.full_name, u.email) from app_public.user_profiles u where u.id = v_call.user_id);
  v_call.agent_name := coalesce(
    (select coalesce(a.display_name, a.name) from app_public.agents a where a.tenant_id = v_tenant_id and a.id = v_call.agent_id),
    v_call.agent_name);
  insert into metering.llm_calls (
    tenant_id, id, occurred_at, provider_id, provider, model_id, model, model_config_id, agent_id, agent_name, user_id, user_name,
    project_id, api_key_id, conversation_id, panel_id, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    price_id, input_cost, output_cost, response_time_ms, time_to_first_token_ms, temperature, max_tokens, top_p,
    finish_reason, function_call, success, error_type, error_message, batch_id)
  values (
    v_tenant_id, v_call.id, v_call.occurred_at, v_call.provider_id, v_call.provider, v_call.model_id, v_call.model,
    v_call.model_config_id, v_call.agent_id, v_call.agent_name, v_call.user_id, v_call.user_name, v_call.project_id,
    v_call.api_key_id, v_call.conversation_id, v_call.panel_id, v_call.input_tokens, v_call.cached_input_tokens,
    v_call.output_tokens, v_call.reasoning_tokens, v_price.price_id,
    v_call.input_tokens * metering.rate_per_token(v_price, 'input')
      + v_call.cached_input_tokens * metering.rate_per_token(v_price, 'cached_input'),
    v_call.output_tokens * metering.rate_per_token(v_price, 'output')
      + v_call.reasoning_tokens * metering.rate_per_token(v_price, 'reasoning'),
    v_call.response_time_ms, v_call.time_to_first_token_ms, v_call.temperature, v_call.max_tokens, v_call.top_p,
    v_call.finish_reason, v_call.function_call, v_call.success, v_call.error_type, v_call.error_message, v_call.batch_id)
  returning * into v_call;

  if (texts.prompt_text, texts.system_prompt, texts.completion_text) is distinct from (null::text, null::text, null::text)
    and exists (select from app_public.tenants t where t.id = v_tenant_id and t.config -> 'store_llm_texts' = 'true') then
    insert into metering.llm_texts (tenant_id, call_id, occurred_at, user_id, prompt_text, system_prompt, completion_text)
    values (v_tenant_id, v_call.id, v_call.occurred_at, v_call.user_id, texts.prompt_text, texts.system_prompt, texts.completion_text);
  end if;
  perform metering.write_usage(metering.events_of_call(store_llm_call.key, v_call),
    array(select generate_series(1, cardinality(v_events))), v_call.batch_id, v_call.occurred_at, v_call.occurred_at);
  return metering.receipt_of_call(v_call, false);
end
$$;
comment on function metering.store_llm_call is
  'Stores a call, its texts where the tenant keeps them, and its events, or finds what its key stands for.';

create or replace function metering.receipt_of_call(call metering.llm_calls, is_repeated boolean)
returns app_public.llm_usage_receipt
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select row((call).id, (call).occurred_at, (call).batch_id, (call).prompt_tokens, (call).completion_tokens, (call).total_tokens,
    (call).input_cost, (call).output_cost, (call).total_cost, (call).price_id, is_repeated)::app_public.llm_usage_receipt;
$$;
comment on function metering.receipt_of_call is
  'What the caller is told about a call that is stored.';

create or replace function metering.record_tenant_llm_usage(tenant_id uuid, call jsonb) returns app_public.llm_usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(record_tenant_llm_usage.tenant_id);
  perform set_config('rowhouse.user_id', '', true);
  return metering.store_llm_call(record_tenant_llm_usage.call ->> 'idempotency_key',
    jsonb_populate_record(null::metering.llm_calls,
      '{"cached_input_tokens": 0, "reasoning_tokens": 0, "success": true}' || record_tenant_llm_usage.call),
    jsonb_populate_record(null::metering.llm_texts, record_tenant_llm_usage.call));
end
$$;
comment on function metering.record_tenant_llm_usage is
  'record_llm_usage for tasks, which know whose call it was: an object with its arguments. Errors as there.';
grant execute on function metering.record_tenant_llm_usage to rowhouse_worker;

create or replace function metering.tg__keep_usage() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('MT902', 'What was used is not rewritten.', 'Record a correction instead.');
  return null;
end
$$;
comment on function metering.tg__keep_usage is
  E'@errors MT902\nKeeps events and calls as they were recorded.';

create or replace function metering.drop_llm_texts() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant record;
  v_dropped int;
  v_total int := 0;
begin
  for v_tenant in
    select t.id, case when t.config -> 'store_llm_texts' = 'true'
                      then coalesce((t.config ->> 'llm_text_retention_days')::int, 30) else 0 end as days
      from app_public.tenants t order by t.id
  loop
    call core.enter_tenant(v_tenant.id);
    delete from metering.llm_texts l
     where l.tenant_id = v_tenant.id and l.occurred_at < core.clock() - make_interval(days => v_tenant.days);
    get diagnostics v_dropped = row_count;
    v_total := v_total + v_dropped;
  end loop;
  return v_total;
end
$$;
comment on function metering.drop_llm_texts is
  'Deletes prompts and completions that are older than their tenant keeps them (llm_text_retention_days, 30 unless set; all where store_llm_texts is off); returns how many.';
grant execute on function metering.drop_llm_texts to rowhouse_worker;

create or replace trigger _500_keep_usage after update on app_public.usage_events
  for each row execute function metering.tg__keep_usage();
create or replace trigger _500_keep_usage after update on metering.llm_calls
  for each row execute function metering.tg__keep_usage();
