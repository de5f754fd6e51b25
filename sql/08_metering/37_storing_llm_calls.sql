-- Storing calls of language models: one or many as one batch, with one statement for the keys, the events, the calls and the
-- texts each. The events of a call follow each other in the batch, and the call knows the position of its first one.

create or replace function metering.events_of_call(key text, call metering.llm_calls) returns app_public.new_usage_event[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select row(events_of_call.key, e.usage_type, e.quantity::numeric, (call).occurred_at, (call).user_id, (call).agent_id,
               (call).project_id, (call).api_key_id, (call).model_id, null,
               -- The call has an outcome and a duration, its tokens have none.
               case when e.usage_type = 'llm_call' then
                 case when (call).success then 'success' else 'error' end end::app_public.usage_outcome,
               case when e.usage_type = 'llm_call' then (call).response_time_ms end, '{}')::app_public.new_usage_event
      from (values (1, 'llm_call', 1::bigint), (2, 'input_tokens', (call).input_tokens), (3, 'cached_input_tokens', (call).cached_input_tokens),
                   (4, 'output_tokens', (call).output_tokens), (5, 'reasoning_tokens', (call).reasoning_tokens)) as e (position, usage_type, quantity)
     where e.quantity > 0
     order by e.position);
end
$$;
comment on function metering.events_of_call is
  'The events of a call: first one for the call itself, then one for each class of tokens that it used.';

create or replace function metering.store_llm_calls(calls app_public.new_llm_call[], reservation_ids uuid[] default '{}')
returns setof app_public.llm_usage_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_inputs constant app_public.new_llm_call[] :=
    array(select metering.complete_llm_call(c) from unnest(store_llm_calls.calls) as c);
  v_calls metering.llm_calls[] := metering.describe_llm_calls(v_inputs);
  v_events app_public.new_usage_event[] := '{}';
  v_of_call app_public.new_usage_event[];
  -- The events of a call differ only in type and quantity, so the first one is checked for all.
  v_firsts app_public.new_usage_event[] := '{}';
  v_batch record;
  v_times record;
  v_claimed int[];
  v_ordinals int[] := '{}';
  v_is_over boolean;
begin
  for i in 1 .. cardinality(v_inputs) loop
    v_of_call := metering.events_of_call((v_inputs[i]).idempotency_key, v_calls[i]);
    v_calls[i].first_ordinal := cardinality(v_events) + 1;
    v_firsts := v_firsts || v_of_call[1];
    v_events := v_events || v_of_call;
  end loop;
  v_times := metering.check_usage(v_firsts);
  v_batch := metering.begin_usage();
  v_claimed := metering.claim_llm_call_keys(v_inputs, v_calls, v_batch.batch_id);
  if v_claimed <> '{}' then
    select array_agg(o.ordinal order by o.ordinal) into v_ordinals
      from unnest(v_claimed) as c (i),
           generate_series(v_calls[c.i].first_ordinal, coalesce(v_calls[c.i + 1].first_ordinal - 1, cardinality(v_events))) as o (ordinal);
    v_is_over := metering.write_usage(v_events, v_ordinals, v_batch.batch_id, v_batch.payer_id, v_times.first_at, v_times.last_at,
      store_llm_calls.reservation_ids);
    perform metering.write_llm_calls(array(select v_calls[c.i] from unnest(v_claimed) as c (i)), v_batch.batch_id, v_is_over);
    perform metering.write_llm_texts(v_inputs, v_calls, v_claimed);
  end if;
  return query
    select r.* from unnest(v_inputs) with ordinality as i
      join metering.usage_idempotency_keys k on k.tenant_id = core.current_tenant_id() and k.key = i.idempotency_key
      join metering.llm_calls c on c.tenant_id = k.tenant_id and c.occurred_at = k.occurred_at and c.batch_id = k.batch_id
       and c.first_ordinal = k.ordinal
     cross join lateral metering.receipt_of_call(c, i.ordinality <> all (v_claimed)) as r
     order by i.ordinality;
end
$$;
comment on function metering.store_llm_calls is
  E'@errors KY204 MT201 MT301 MT401 MT404 MT405 MT406 MT409 MT411 MT414 MT415 MT501 QT301 QT408 23514\nStores calls as one batch, all or none: the calls, their events and, for tenants that keep them, their texts. A call that was stored under the same key before is not stored again. Returns their receipts in the order of the calls. When a hard limit of tokens or cost is passed, all calls of the batch are marked.';

create or replace function metering.store_llm_call(call app_public.new_llm_call) returns app_public.llm_usage_receipt
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select r from metering.store_llm_calls(array[store_llm_call.call], coalesce((store_llm_call.call).reservation_ids, '{}')) as r;
$$;
comment on function metering.store_llm_call is
  E'@errors KY204 MT201 MT301 MT401 MT404 MT405 MT406 MT409 MT411 MT414 MT415 MT501 QT301 QT408 23514\nStores a call and settles the reservations that it names; or returns the call that was stored under the same key before.';

create or replace function metering.claim_llm_call_keys(inputs app_public.new_llm_call[], calls metering.llm_calls[], batch_id bigint) returns int[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_keys constant text[] := array(select i.idempotency_key from unnest(claim_llm_call_keys.inputs) as i);
  -- Hashes of the calls as they were given: what is looked up later may differ when a call is sent again.
  v_hashes constant bigint[] := array(select hash_record_extended(i, 0) from unnest(claim_llm_call_keys.inputs) as i);
  v_claimed int[];
begin
  with claimed as (
    insert into metering.usage_idempotency_keys as k (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
    select v_tenant_id, v_keys[c.ordinality], v_hashes[c.ordinality], claim_llm_call_keys.batch_id, c.first_ordinal, c.occurred_at
      from unnest(claim_llm_call_keys.calls) with ordinality as c
     -- Keys are taken in their order, so that two batches with common keys wait for each other and do not deadlock.
     order by v_keys[c.ordinality] collate "C", c.ordinality
    on conflict do nothing
    returning k.ordinal
  )
  select coalesce(array_agg(c.ordinality::int order by c.ordinality), '{}') into v_claimed
    from unnest(claim_llm_call_keys.calls) with ordinality as c
   where c.first_ordinal in (select ordinal from claimed);
  -- A new statement sees what another session has committed meanwhile.
  if cardinality(v_claimed) < cardinality(v_keys) and exists (
    select from unnest(v_keys, v_hashes) as i (key, payload_hash)
      join metering.usage_idempotency_keys k on k.tenant_id = v_tenant_id and k.key = i.key
     where k.payload_hash is distinct from i.payload_hash) then
    perform core.raise_error('MT501', 'The idempotency key already belongs to another event.',
      'Repeat the event exactly as it was first sent, or give it a key of its own.');
  end if;
  return v_claimed;
end
$$;
comment on function metering.claim_llm_call_keys is
  E'@errors MT501\nTakes the idempotency keys of calls, and returns the positions of the calls whose keys were free.';

create or replace function metering.write_llm_calls(calls metering.llm_calls[], batch_id bigint, is_over_quota boolean) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  insert into metering.llm_calls (
    tenant_id, id, occurred_at, provider_id, provider, model_id, model, model_config_id, agent_id, agent_name, user_id, user_name,
    project_id, api_key_id, conversation_id, panel_id, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    price_id, input_cost, output_cost, response_time_ms, time_to_first_token_ms, temperature, max_tokens, top_p,
    finish_reason, function_call, success, error_type, error_message, batch_id, first_ordinal, is_over_quota)
  select c.tenant_id, c.id, c.occurred_at, c.provider_id, c.provider, c.model_id, c.model, c.model_config_id, c.agent_id, c.agent_name,
         c.user_id, c.user_name, c.project_id, c.api_key_id, c.conversation_id, c.panel_id, c.input_tokens, c.cached_input_tokens,
         c.output_tokens, c.reasoning_tokens, c.price_id, c.input_cost, c.output_cost, c.response_time_ms, c.time_to_first_token_ms,
         c.temperature, c.max_tokens, c.top_p, c.finish_reason, c.function_call, c.success, c.error_type, c.error_message,
         write_llm_calls.batch_id, c.first_ordinal, write_llm_calls.is_over_quota
    from unnest(write_llm_calls.calls) as c;
$$;
comment on function metering.write_llm_calls is 'Writes the rows of calls.';

create or replace function metering.write_llm_texts(inputs app_public.new_llm_call[], calls metering.llm_calls[], positions int[]) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  insert into metering.llm_texts (tenant_id, call_id, occurred_at, user_id, prompt_text, system_prompt, completion_text)
  select c.tenant_id, c.id, c.occurred_at, c.user_id, i.prompt_text, i.system_prompt, i.completion_text
    from unnest(write_llm_texts.inputs) with ordinality as i
    join unnest(write_llm_texts.calls) with ordinality as c on c.ordinality = i.ordinality
   where i.ordinality = any (write_llm_texts.positions)
     and num_nonnulls(i.prompt_text, i.system_prompt, i.completion_text) > 0 and metering.keeps_texts();
$$;
comment on function metering.write_llm_texts is 'Writes the texts of the calls at these positions, when the tenant keeps texts.';

create or replace function metering.call_of_event(event app_public.usage_events) returns uuid
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- A correction belongs to the call of the event that it corrects. The events of a call follow each other.
  select c.id from metering.llm_calls c
   where c.tenant_id = (event).tenant_id and c.occurred_at = (event).occurred_at
     and c.batch_id = coalesce((event).corrects_batch_id, (event).batch_id)
     and c.first_ordinal <= coalesce((event).corrects_ordinal, (event).ordinal)
   order by c.first_ordinal desc limit 1;
$$;
comment on function metering.call_of_event is 'The call that an event, or a correction of it, belongs to; null when it belongs to none.';

create or replace function metering.receipt_of_call(call metering.llm_calls, is_repeated boolean)
returns app_public.llm_usage_receipt
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select row((call).id, (call).occurred_at, (call).batch_id, (call).prompt_tokens, (call).completion_tokens, (call).total_tokens,
    (call).input_cost, (call).output_cost, (call).total_cost, (call).price_id, is_repeated, (call).is_over_quota)::app_public.llm_usage_receipt;
$$;
comment on function metering.receipt_of_call is
  'The receipt of a call that is stored.';
