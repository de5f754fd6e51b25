-- Recording events: up to 10,000 at once, all of them or none. A key that was used before stores nothing, and is an error when
-- it belongs to another event. One pass checks a batch; the error names the first row that is refused by its position.


create or replace function observability.event_id(tenant_id uuid, kind text, key text) returns uuid
language sql immutable parallel safe
return encode(substr(sha256(convert_to(tenant_id::text || kind || key, 'UTF8')), 1, 16), 'hex')::uuid;
comment on function observability.event_id is 'The id of what was recorded under an idempotency key.';

create or replace function observability.row_in_words(ordinal bigint, batch_size int) returns text
language sql immutable parallel safe
return case when batch_size = 1 then '' else format('Row %s: ', ordinal) end;
comment on function observability.row_in_words is 'How an error about a row of a batch begins: with its position, when there are several.';

create or replace function observability.refuse_event(problem text, ordinal bigint, batch_size int) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_row constant text := observability.row_in_words(refuse_event.ordinal, refuse_event.batch_size);
begin
  case refuse_event.problem
    when 'key' then
      perform core.raise_error('OB401', v_row || 'idempotency_key must have 1 to 255 characters.',
        'Use a key that stays the same when the call is repeated, such as the id of what was done.');
    when 'past' then
      perform core.raise_error('OB402', v_row || 'The time is more than 30 days ago.', 'Record events within 30 days.');
    when 'future' then
      perform core.raise_error('OB403', v_row || 'The time is more than an hour in the future.', 'Check the clock of the sender.');
    when 'name' then
      perform core.raise_error('OB404', v_row || 'The name of what was done is missing, or is no name of the length that is allowed.',
        'An operation_type and an event_name have at most 100 characters, a tool_name 255, and no control characters.');
    when 'duration' then
      perform core.raise_error('OB405', v_row || 'The duration is missing, or is not between 0 and 24 days.', 'Give durations in milliseconds.');
    when 'number' then
      perform core.raise_error('OB406', v_row || 'A number is out of its range.',
        'Counts and costs are not negative, satisfaction_score is 1 to 5, and the other scores are 0 to 1.');
    when 'text' then
      perform core.raise_error('OB407', v_row || 'A text is too long.', 'The comments of the fields say how long each may be.');
    when 'json' then
      perform core.raise_error('OB408', v_row || 'metadata and properties are objects of at most 8 kB, input and output have at most 100 kB.',
        'Store what is long elsewhere, and record its id here.');
    when 'status' then
      perform core.raise_error('OB410', v_row || 'status is missing.', 'It is success, error, timeout or cancelled.');
    when 'someone_else' then
      perform core.raise_error('OB201', v_row || 'Only admins record what another person did.', 'Leave user_id out, or ask for the role admin.');
    when 'user' then
      perform core.raise_error('OB301', v_row || 'There is no such member in this tenant.', 'Read the ids of the members.');
    when 'resource' then
      perform core.raise_error('OB302', v_row || 'There is no such agent, tool, prompt or workflow that this tenant can use.',
        'Read their ids in the catalogue, or give only the name.');
    when 'unknown_event' then
      perform core.raise_error('OB303', v_row || 'The event is not known, and the settings of this tenant refuse unknown events.',
        'Create its type (analyticsEventTypes), or set config.unknown_events to keep.');
  end case;
end
$$;
comment on function observability.refuse_event is
  E'@errors OB201 OB301 OB302 OB303 OB401 OB402 OB403 OB404 OB405 OB406 OB407 OB408 OB410\nRaises the error for a problem with a row, and names its position when there are several.';

create or replace function observability.check_batch_size(size int) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if coalesce(check_batch_size.size, 0) not between 1 and metering.max_events_per_batch() then
    perform core.raise_error('OB409', format('The rows are not a list of 1 to %s.', metering.max_events_per_batch()), 'Send several lists.');
  end if;
end
$$;
comment on function observability.check_batch_size is E'@errors OB409\nRefuses a batch that is empty or too large.';

create or replace function observability.records_for_others() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- A task has no user: it says itself whose events it records.
  select core.current_user_id() is null or tenancy.has_role('admin');
$$;
comment on function observability.records_for_others is 'Whether this request may record what other people of the tenant did.';

create or replace function observability.check_heads(heads observability.event_head[], out first_at timestamptz, out last_at timestamptz)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_for_others constant boolean := observability.records_for_others();
  v_users constant uuid[] := case when v_for_others
    then array(select m.user_id from app_public.user_tenants m where m.tenant_id = core.current_tenant_id())
    else array[core.current_user_id()] end;
  v_ordinal bigint;
  v_problem text;
begin
  select min(c.at), max(c.at), min(c.ordinal) filter (where c.problem is not null),
         (array_agg(c.problem order by c.ordinal) filter (where c.problem is not null))[1]
    into first_at, last_at, v_ordinal, v_problem
    from (
      select h.ordinality as ordinal, h.at,
             case
               when h.key is null or length(h.key) not between 1 and 255 then 'key'
               when h.at < v_now - interval '30 days' then 'past'
               when h.at > v_now + interval '1 hour' then 'future'
               when h.problem is not null then h.problem
               when h.user_id is not null and h.user_id <> all (v_users) then case when v_for_others then 'user' else 'someone_else' end
             end as problem
        from unnest(heads) with ordinality as h
    ) as c;
  if v_problem is not null then
    perform observability.refuse_event(v_problem, v_ordinal, cardinality(heads));
  end if;
end
$$;
comment on function observability.check_heads is
  E'@errors OB201 OB301 OB302 OB303 OB401 OB402 OB403 OB404 OB405 OB406 OB407 OB408 OB410\nRefuses a batch with a row that cannot be stored. Returns the times of its first and its last row.';

create or replace function observability.claim_keys(kind text, keys text[], hashes bigint[]) returns int[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_claimed int[];
  v_ordinal bigint;
  -- In a batch of this size, one savepoint costs less than looking for a conflict at each key.
  v_bulk_size constant int := 100;
begin
  if cardinality(claim_keys.keys) >= v_bulk_size then
    -- Nearly always all keys are new, and then a plain insert is faster than one that looks for conflicts.
    begin
      insert into observability.event_keys (tenant_id, kind, key, payload_hash, recorded_at)
      select v_tenant_id, claim_keys.kind, k.key, k.hash, core.clock()
        from unnest(claim_keys.keys, claim_keys.hashes) as k (key, hash)
       order by k.key collate "C";
      return array(select generate_series(1, cardinality(claim_keys.keys)));
    exception when unique_violation then
      -- The savepoint has undone the attempt.
      null;
    end;
  end if;
  with given as (
    -- Keys are taken in their order, so that two batches with common keys wait for each other and do not deadlock.
    select distinct on (k.key collate "C") k.key, k.hash, k.ordinality::int as ordinal
      from unnest(claim_keys.keys, claim_keys.hashes) with ordinality as k (key, hash)
     order by k.key collate "C", k.ordinality
  ), claimed as (
    insert into observability.event_keys (tenant_id, kind, key, payload_hash, recorded_at)
    select v_tenant_id, claim_keys.kind, g.key, g.hash, core.clock() from given g
    on conflict do nothing
    returning key
  )
  select coalesce(array_agg(g.ordinal), '{}') into v_claimed from given g join claimed using (key);
  if cardinality(v_claimed) < cardinality(claim_keys.keys) then
    -- A new statement sees what another session has committed meanwhile.
    select min(k.ordinality) into v_ordinal
      from unnest(claim_keys.keys, claim_keys.hashes) with ordinality as k (key, hash)
      join observability.event_keys e on e.tenant_id = v_tenant_id and e.kind = claim_keys.kind and e.key = k.key
     where e.payload_hash <> k.hash;
    if v_ordinal is not null then
      perform core.raise_error('OB501',
        observability.row_in_words(v_ordinal, cardinality(claim_keys.keys)) || 'The idempotency key already belongs to another row.',
        'Repeat the row exactly as it was first sent, or give it a key of its own.');
    end if;
  end if;
  return v_claimed;
end
$$;
comment on function observability.claim_keys is
  E'@errors OB501\nTakes the keys of a batch, and returns the positions of the rows whose keys were free. When several callers take the same key at once, one gets it and the others wait for its commit.';

create or replace function observability.unusable_resources(kind app_public.resource_kind, ids uuid[]) returns uuid[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select array(
    select r.id from (select distinct id from unnest(unusable_resources.ids) as id where id is not null) as r
     where catalog.visible_resource(unusable_resources.kind, r.id) is null);
$$;
comment on function observability.unusable_resources is 'Which of these resources the tenant of the context neither has nor was given.';

create or replace function observability.enqueue(kind text, batch_id bigint, event_count int, first_at timestamptz, last_at timestamptz) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
begin atomic
  insert into observability.operation_queue (tenant_id, batch_id, kind, event_count, first_at, last_at)
  select core.current_tenant_id(), enqueue.batch_id, enqueue.kind, enqueue.event_count, enqueue.first_at, enqueue.last_at
   where enqueue.event_count > 0;
end;
comment on function observability.enqueue is 'Puts a batch into the queue of the roll-ups, unless nothing of it is new.';

create or replace function observability.is_small_object(value jsonb, max_bytes int) returns boolean
language sql immutable parallel safe
return value is null or jsonb_typeof(value) = 'object' and octet_length(value::text) <= max_bytes;
comment on function observability.is_small_object is 'Whether a JSON value is null or an object of at most so many bytes.';

-- Operations of agents.

create or replace function observability.agent_metric_problem(metric app_public.new_agent_metric) returns text
language sql immutable parallel safe
return case
  when metric.operation_type is null or length(metric.operation_type) > 100 or not core.is_name(metric.operation_type)
    or not core.is_name(metric.agent_name) then 'name'
  when metric.response_time_ms is null or metric.response_time_ms < 0 then 'duration'
  -- The upper bounds refuse NaN too, because NaN compares as larger than every number.
  when least(metric.tokens_input, metric.tokens_output, metric.graph_traversal_depth, metric.chunks_retrieved, metric.cost_usd) < 0
    or metric.cost_usd > metering.max_amount() or metric.satisfaction_score not between 1 and 5
    or metric.confidence_score not between 0 and 1 or metric.relevance_score not between 0 and 1 then 'number'
  when greatest(length(metric.query_text), length(metric.error_message)) > 10000 or length(metric.session_id) > 255
    or length(metric.error_type) > 100 or length(metric.search_method) > 50 then 'text'
  when not observability.is_small_object(metric.metadata, 8192) then 'json'
end;
comment on function observability.agent_metric_problem is 'What is wrong with an operation of an agent, as a word of observability.refuse_event.';

create or replace function observability.store_agent_metrics(metrics app_public.new_agent_metric[]) returns app_public.recording_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_batch_id constant bigint := nextval('observability.batches');
  v_unusable constant uuid[] := observability.unusable_resources('agent', array(select agent_id from unnest(metrics)))
    || observability.unusable_resources('prompt', array(select prompt_id from unnest(metrics)))
    || observability.unusable_resources('workflow', array(select workflow_id from unnest(metrics)));
  v_keeps_texts constant boolean := metering.keeps_texts();
  v_times record;
  v_claimed int[];
begin
  perform observability.check_batch_size(cardinality(metrics));
  v_times := observability.check_heads(array(
    select row(m.idempotency_key, coalesce(m.created_at, v_now), m.user_id, coalesce(observability.agent_metric_problem(m),
        case when array[m.agent_id, m.prompt_id, m.workflow_id] && v_unusable then 'resource' end))::observability.event_head
      from unnest(metrics) as m));
  v_claimed := observability.claim_keys('agent',
    array(select m.idempotency_key from unnest(metrics) as m),
    array(select hash_record_extended(m, 0) from unnest(metrics) as m));
  insert into app_public.agent_metrics (
    tenant_id, id, created_at, batch_id, agent_id, agent_name, user_id, api_key_id, conversation_id, session_id, prompt_id, workflow_id,
    panel_id, operation_type, query_text, search_method, response_time_ms, tokens_input, tokens_output, cost_usd, satisfaction_score,
    confidence_score, relevance_score, graphrag_hit, graphrag_fallback, graph_traversal_depth, chunks_retrieved, success, error_type,
    error_message, metadata)
  select v_tenant_id, observability.event_id(v_tenant_id, 'agent', m.idempotency_key), coalesce(m.created_at, v_now), v_batch_id,
         m.agent_id, m.agent_name, coalesce(m.user_id, core.current_user_id()), core.current_api_key_id(), m.conversation_id,
         m.session_id, m.prompt_id, m.workflow_id, m.panel_id, m.operation_type, case when v_keeps_texts then m.query_text end,
         m.search_method, m.response_time_ms, coalesce(m.tokens_input, 0), coalesce(m.tokens_output, 0), coalesce(m.cost_usd, 0),
         m.satisfaction_score, m.confidence_score, m.relevance_score, coalesce(m.graphrag_hit, false),
         coalesce(m.graphrag_fallback, false), coalesce(m.graph_traversal_depth, 0), coalesce(m.chunks_retrieved, 0),
         coalesce(m.success, true), m.error_type, m.error_message, coalesce(m.metadata, '{}')
    from unnest(metrics) with ordinality as m
   where m.ordinality in (select unnest(v_claimed));
  perform observability.enqueue('agent', v_batch_id, cardinality(v_claimed), v_times.first_at, v_times.last_at);
  return row(cardinality(v_claimed), cardinality(metrics) - cardinality(v_claimed))::app_public.recording_receipt;
end
$$;
comment on function observability.store_agent_metrics is
  E'@errors OB201 OB301 OB302 OB401 OB402 OB403 OB404 OB405 OB406 OB407 OB408 OB409 OB501\nStores operations of agents for the tenant, user and API key of the context, all or none.';

create or replace function app_public.record_agent_metrics(metrics app_public.new_agent_metric[]) returns app_public.recording_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  return observability.store_agent_metrics(record_agent_metrics.metrics);
end
$$;
comment on function app_public.record_agent_metrics is
  E'@resultFieldName receipt\n@errors ID203 OB201 OB301 OB302 OB401 OB402 OB403 OB404 OB405 OB406 OB407 OB408 OB409 OB501\nRecords 1 to 10,000 operations of agents at once, all of them or none. Recording the same row again under its idempotency key, within 35 days, stores nothing. An error names the position of the first row that is refused, from 1.';
grant execute on function app_public.record_agent_metrics to rowhouse_user;

-- Runs of tools.

create or replace function observability.tool_execution_problem(execution app_public.new_tool_execution) returns text
language sql immutable parallel safe
return case
  when execution.tool_name is null and execution.tool_id is null or not core.is_name(execution.tool_name) then 'name'
  when execution.status is null then 'status'
  when execution.duration_ms < 0 then 'duration'
  when execution.cost_usd < 0 or execution.cost_usd > metering.max_amount() then 'number'
  when length(execution.error_message) > 10000 or length(execution.error_type) > 100 then 'text'
  when not observability.is_small_object(execution.metadata, 8192)
    or greatest(octet_length(execution.input::text), octet_length(execution.output::text)) > 100000 then 'json'
end;
comment on function observability.tool_execution_problem is 'What is wrong with a run of a tool, as a word of observability.refuse_event.';

create or replace function observability.tool_names(ids uuid[]) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(t.id, catalog.visible_resource('tool', t.id) ->> 'name'), '{}')
    from (select distinct id from unnest(tool_names.ids) as id where id is not null) as t;
$$;
comment on function observability.tool_names is 'The names of these tools of the catalogue, by id; null for one that the tenant cannot use.';

create or replace function observability.store_tool_executions(executions app_public.new_tool_execution[]) returns app_public.recording_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_batch_id constant bigint := nextval('observability.batches');
  v_tools constant jsonb := observability.tool_names(array(select tool_id from unnest(executions)));
  v_agents constant uuid[] := observability.unusable_resources('agent', array(select agent_id from unnest(executions)));
  v_keeps_texts constant boolean := metering.keeps_texts();
  v_times record;
  v_claimed int[];
begin
  perform observability.check_batch_size(cardinality(executions));
  v_times := observability.check_heads(array(
    select row(e.idempotency_key, coalesce(e.executed_at, v_now), e.user_id, coalesce(observability.tool_execution_problem(e),
        case when e.tool_id is not null and v_tools ->> e.tool_id::text is null or e.agent_id = any (v_agents) then 'resource' end))::observability.event_head
      from unnest(executions) as e));
  v_claimed := observability.claim_keys('tool',
    array(select e.idempotency_key from unnest(executions) as e),
    array(select hash_record_extended(e, 0) from unnest(executions) as e));
  insert into app_public.tool_executions (
    tenant_id, id, executed_at, batch_id, tool_id, tool_name, agent_id, user_id, api_key_id, conversation_id, task_id, status, duration_ms,
    input, output, cost_usd, error_type, error_message, metadata)
  select v_tenant_id, observability.event_id(v_tenant_id, 'tool', e.idempotency_key), coalesce(e.executed_at, v_now), v_batch_id,
         e.tool_id, coalesce(e.tool_name, v_tools ->> e.tool_id::text), e.agent_id, coalesce(e.user_id, core.current_user_id()),
         core.current_api_key_id(), e.conversation_id, e.task_id, e.status, e.duration_ms, case when v_keeps_texts then e.input end,
         case when v_keeps_texts then e.output end, coalesce(e.cost_usd, 0), e.error_type, e.error_message, coalesce(e.metadata, '{}')
    from unnest(executions) with ordinality as e
   where e.ordinality in (select unnest(v_claimed));
  perform observability.enqueue('tool', v_batch_id, cardinality(v_claimed), v_times.first_at, v_times.last_at);
  return row(cardinality(v_claimed), cardinality(executions) - cardinality(v_claimed))::app_public.recording_receipt;
end
$$;
comment on function observability.store_tool_executions is
  E'@errors OB201 OB301 OB302 OB401 OB402 OB403 OB404 OB405 OB406 OB407 OB408 OB409 OB410 OB501\nStores runs of tools for the tenant, user and API key of the context, all or none.';

create or replace function app_public.record_tool_executions(executions app_public.new_tool_execution[]) returns app_public.recording_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  return observability.store_tool_executions(record_tool_executions.executions);
end
$$;
comment on function app_public.record_tool_executions is
  E'@resultFieldName receipt\n@errors ID203 OB201 OB301 OB302 OB401 OB402 OB403 OB404 OB405 OB406 OB407 OB408 OB409 OB410 OB501\nRecords 1 to 10,000 runs of tools at once, all of them or none. A tool is named by its id in the catalogue, by a name, or by both. Recording the same row again under its idempotency key, within 35 days, stores nothing. An error names the position of the first row that is refused, from 1.';
grant execute on function app_public.record_tool_executions to rowhouse_user;

-- Events of the product.

create or replace function observability.event_problem(event app_public.new_analytics_event, is_known boolean, are_unknown_refused boolean)
returns text
language sql immutable parallel safe
return case
  when event.event_name is null or length(event.event_name) > 100 or not core.is_name(event.event_name) then 'name'
  when length(event.session_id) > 255 then 'text'
  when not observability.is_small_object(event.properties, 8192) then 'json'
  when not is_known and are_unknown_refused then 'unknown_event'
end;
comment on function observability.event_problem is 'What is wrong with an event of the product, as a word of observability.refuse_event.';

create or replace function observability.check_properties(events app_public.new_analytics_event[]) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ordinal bigint;
  v_faults text[];
begin
  select e.ordinality, f.faults
    into v_ordinal, v_faults
    from unnest(events) with ordinality as e
    join app_public.analytics_event_types t on t.tenant_id = core.current_tenant_id() and t.name = e.event_name
   cross join lateral (select core.json_value_faults(t.properties_schema, coalesce(e.properties, '{}'), 'properties') as faults) as f
   where f.faults <> '{}'
   order by e.ordinality limit 1;
  if found then
    perform core.raise_error('OB412',
      observability.row_in_words(v_ordinal, cardinality(events)) || array_to_string(v_faults, '; ') || '.',
      'Read properties_schema of the event''s type.');
  end if;
end
$$;
comment on function observability.check_properties is
  E'@errors OB412\nRefuses a batch with a known event whose properties do not fit its schema. No value is repeated.';

create or replace function observability.store_events(events app_public.new_analytics_event[]) returns app_public.recording_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_batch_id constant bigint := nextval('observability.batches');
  v_known constant text[] := array(select t.name from app_public.analytics_event_types t where t.tenant_id = v_tenant_id);
  v_are_unknown_refused constant boolean := exists (
    select from app_public.tenants t where t.id = v_tenant_id and t.config ->> 'unknown_events' = 'refuse');
  v_times record;
  v_claimed int[];
begin
  perform observability.check_batch_size(cardinality(events));
  v_times := observability.check_heads(array(
    select row(e.idempotency_key, coalesce(e.occurred_at, v_now), e.user_id,
        observability.event_problem(e, e.event_name = any (v_known), v_are_unknown_refused))::observability.event_head
      from unnest(events) as e));
  perform observability.check_properties(events);
  v_claimed := observability.claim_keys('event',
    array(select e.idempotency_key from unnest(events) as e),
    array(select hash_record_extended(e, 0) from unnest(events) as e));
  insert into app_public.analytics_events (tenant_id, id, occurred_at, batch_id, event_name, user_id, session_id, properties, is_known)
  select v_tenant_id, observability.event_id(v_tenant_id, 'event', e.idempotency_key), coalesce(e.occurred_at, v_now), v_batch_id,
         e.event_name, coalesce(e.user_id, core.current_user_id()), e.session_id, coalesce(e.properties, '{}'), e.event_name = any (v_known)
    from unnest(events) with ordinality as e
   where e.ordinality in (select unnest(v_claimed));
  perform observability.enqueue('event', v_batch_id, cardinality(v_claimed), v_times.first_at, v_times.last_at);
  return row(cardinality(v_claimed), cardinality(events) - cardinality(v_claimed))::app_public.recording_receipt;
end
$$;
comment on function observability.store_events is
  E'@errors OB201 OB301 OB303 OB401 OB402 OB403 OB404 OB407 OB408 OB409 OB412 OB501\nStores events of the product for the tenant and user of the context, all or none.';

create or replace function app_public.record_events(events app_public.new_analytics_event[]) returns app_public.recording_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  return observability.store_events(record_events.events);
end
$$;
comment on function app_public.record_events is
  E'@resultFieldName receipt\n@errors ID203 OB201 OB301 OB303 OB401 OB402 OB403 OB404 OB407 OB408 OB409 OB412 OB501\nRecords 1 to 10,000 events of the product at once, all of them or none. An event that the tenant does not know (analyticsEventTypes) is kept apart, or refused when config.unknown_events is refuse; the properties of a known one must fit its schema. Recording the same row again under its idempotency key, within 35 days, stores nothing. An error names the position of the first row that is refused, from 1.';
grant execute on function app_public.record_events to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: keys and events of all tenants are forgotten
create or replace function observability.forget_keys(most int default 50000) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  with old as (
    select k.tenant_id, k.kind, k.key from observability.event_keys k
     where k.recorded_at < core.clock() - interval '35 days' order by k.recorded_at limit forget_keys.most for update skip locked
  )
  delete from observability.event_keys k using old o where k.tenant_id = o.tenant_id and k.kind = o.kind and k.key = o.key;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function observability.forget_keys is 'Deletes idempotency keys that are older than 35 days, and returns how many.';
grant execute on function observability.forget_keys to rowhouse_worker;

create or replace function observability.tg__drop_events() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.agent_metrics where tenant_id = old.id;
  delete from app_public.tool_executions where tenant_id = old.id;
  delete from app_public.analytics_events where tenant_id = old.id;
  delete from observability.event_keys where tenant_id = old.id;
  delete from observability.operation_queue where tenant_id = old.id;
  delete from observability.operation_days where tenant_id = old.id;
  delete from observability.operation_totals where tenant_id = old.id;
  return null;
end
$$;
comment on function observability.tg__drop_events is
  'Removes the events of a deleted tenant. These tables have no foreign key to cascade, because checking one costs more than writing the row.';
grant execute on function observability.tg__drop_events to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _510_drop_events after delete on app_public.tenants
  for each row execute function observability.tg__drop_events();
