-- Traces: the spans that a program sends by OpenTelemetry. The server reads the wire formats; here is what a span means. A span
-- with the semantic conventions for generative AI is recorded once, under its trace id and span id: the first one that
-- comes is kept. Calls of models become usage, runs of tools and agents become events. Other spans are ignored.

comment on type observability.span is 'A span of a trace, as the rules see it.';
comment on column observability.span.key is 'Its idempotency key, made of trace id and span id; null when one of them is wrong.';
comment on column observability.span.kind is 'What it is recorded as: llm, tool or agent; null when it is ignored.';
comment on column observability.span.error_type is 'The class of its error; null when it succeeded.';
comment on column observability.span.model is 'The name by which the catalogue is asked for its model.';

create or replace function observability.max_spans() returns int
language sql immutable parallel safe
return 10000;
comment on function observability.max_spans is 'How many spans one request may bring.';

create or replace function observability.kind_of_operation(operation text) returns text
language sql immutable parallel safe
return case
  when operation in ('chat', 'text_completion', 'generate_content', 'embeddings') then 'llm'
  when operation = 'execute_tool' then 'tool'
  when operation in ('invoke_agent', 'invoke_workflow') then 'agent'
end;
comment on function observability.kind_of_operation is 'What a span with this gen_ai.operation.name is recorded as.';

create or replace function observability.count_in_span(value jsonb) returns int
language sql immutable parallel safe
return case
  when value is null then 0
  when value #>> '{}' ~ '^[0-9]{1,9}$' then (value #>> '{}')::int
  else -1
end;
comment on function observability.count_in_span is 'A number of tokens in an attribute, 0 when it is missing, -1 when it is no such number.';

create or replace function observability.number_in_span(value jsonb) returns numeric
language sql immutable parallel safe
return case jsonb_typeof(value) when 'number' then value::numeric end;
comment on function observability.number_in_span is 'The number in an attribute; null when it is none.';

create or replace function observability.uuid_in_span(value text) returns uuid
language sql immutable parallel safe
return case when value ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then value::uuid end;
comment on function observability.uuid_in_span is 'The id in an attribute; null when it is an id of another kind.';

create or replace function observability.json_in_span(value jsonb) returns jsonb
language sql immutable parallel safe
return case when octet_length(value::text) <= 100000 then value end;
comment on function observability.json_in_span is 'The input or output of a tool in an attribute; null when it is too long to be kept.';

create or replace function observability.part_of_tokens(whole int, part int) returns int
language sql immutable parallel safe
return case when part <= whole then whole - part else whole end;
comment on function observability.part_of_tokens is
  'The tokens without those of a class that they include. A class that is larger was not included: some programs count so.';

create or replace function observability.read_span(span jsonb) returns observability.span
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_attributes constant jsonb := read_span.span -> 'attributes';
  v_started_ns constant numeric := (read_span.span ->> 'started_ns')::numeric;
  v_span observability.span;
begin
  if read_span.span ->> 'trace_id' ~ '^[0-9a-f]{32}$' and read_span.span ->> 'span_id' ~ '^[0-9a-f]{16}$'
    and read_span.span ->> 'trace_id' ~ '[1-9a-f]' and read_span.span ->> 'span_id' ~ '[1-9a-f]' then
    v_span.key := format('otlp:%s:%s', read_span.span ->> 'trace_id', read_span.span ->> 'span_id');
  end if;
  v_span.operation := v_attributes ->> 'gen_ai.operation.name';
  v_span.kind := observability.kind_of_operation(v_span.operation);
  v_span.at := 'epoch'::timestamptz + div(v_started_ns, 1000)::float8 * interval '1 microsecond';
  v_span.duration_ms := round(((read_span.span ->> 'ended_ns')::numeric - v_started_ns) / 1000000);
  if (read_span.span ->> 'is_error')::boolean or v_attributes ? 'error.type' then
    v_span.error_type := coalesce(nullif(left(v_attributes ->> 'error.type', 100), ''), '_OTHER');
    v_span.error_message := left(read_span.span ->> 'status_message', 10000);
  end if;
  v_span.attributes := v_attributes;
  v_span.metadata := jsonb_strip_nulls(jsonb_build_object(
    'trace_id', read_span.span -> 'trace_id', 'span_id', read_span.span -> 'span_id', 'parent_span_id', read_span.span -> 'parent_span_id',
    'provider', left(coalesce(v_attributes ->> 'gen_ai.provider.name', v_attributes ->> 'gen_ai.system'), 255),
    'model', left(coalesce(v_attributes ->> 'gen_ai.response.model', v_attributes ->> 'gen_ai.request.model'), 255),
    'tool_call_id', left(v_attributes ->> 'gen_ai.tool.call.id', 255)));
  return v_span;
end
$$;
comment on function observability.read_span is
  'Reads a span of the server: trace_id, span_id and parent_span_id in hexadecimal digits, started_ns and ended_ns since 1970, is_error, status_message, and attributes as an object.';

create or replace function observability.span_problem(span observability.span, now_is timestamptz) returns text
language sql immutable parallel safe
return case
  when span.key is null then 'The trace id or the span id is missing or wrong.'
  when span.at is null or span.at < now_is - interval '30 days' then 'It began more than 30 days ago.'
  when span.at > now_is + interval '1 hour' then 'It began more than an hour in the future.'
  when span.duration_ms is null or span.duration_ms not between 0 and 2147483647 then 'It ends before it begins, or lasts longer than 24 days.'
  when least(observability.count_in_span(span.attributes -> 'gen_ai.usage.input_tokens'),
             observability.count_in_span(span.attributes -> 'gen_ai.usage.output_tokens'),
             observability.count_in_span(span.attributes -> 'gen_ai.usage.cache_read.input_tokens'),
             observability.count_in_span(span.attributes -> 'gen_ai.usage.reasoning.output_tokens')) < 0
    then 'A number of tokens is not a whole number from 0 to 999,999,999.'
  when span.kind = 'llm' and core.is_name(coalesce(span.attributes ->> 'gen_ai.response.model', span.attributes ->> 'gen_ai.request.model')) is not true
    then 'It names no model: gen_ai.request.model is missing or no name.'
  when span.kind = 'tool' and core.is_name(span.attributes ->> 'gen_ai.tool.name') is not true
    then 'It names no tool: gen_ai.tool.name is missing or no name.'
  when not core.is_name(span.attributes ->> 'gen_ai.agent.name') then 'gen_ai.agent.name is no name.'
end;
comment on function observability.span_problem is 'Why a span is rejected, in a sentence; null when it is not.';

create or replace function observability.resources_named(kind text, names text[]) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(n.name, r.id) filter (where r.id is not null), '{}')
    from (select distinct name from unnest(resources_named.names) as name where name is not null) as n
    left join lateral (
      select a.id from app_public.agents a
       where resources_named.kind = 'agent' and a.tenant_id = core.current_tenant_id() and a.name = n.name and a.deleted_at is null
      union all
      select t.id from app_public.tools t
       where resources_named.kind = 'tool' and t.tenant_id = core.current_tenant_id() and t.name = n.name and t.deleted_at is null
      union all
      select w.id from app_public.workflows w
       where resources_named.kind = 'workflow' and w.tenant_id = core.current_tenant_id() and w.name = n.name and w.deleted_at is null
      union all
      select observability.uuid_in_span(n.name)
       where catalog.is_visible_resource(resources_named.kind, observability.uuid_in_span(n.name))
      limit 1
    ) as r on true;
$$;
comment on function observability.resources_named is
  'What these names and ids mean in the catalogue, by name: a resource of the tenant with this name, or one that it can use with this id.';

create or replace function observability.models_named(spans observability.span[]) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(m.name, true) filter (where metering.model_named(m.name) is not null), '{}')
    from (
      select distinct c.name
        from unnest(models_named.spans) as s
       cross join unnest(observability.model_candidates(s.attributes)) as c (name)
    ) as m;
$$;
comment on function observability.models_named is 'Which of the names of models in these spans the catalogue knows.';

create or replace function observability.model_candidates(attributes jsonb) returns text[]
language sql immutable parallel safe
return array_remove(array[
  attributes ->> 'gen_ai.provider.name' || '/' || (attributes ->> 'gen_ai.response.model'), attributes ->> 'gen_ai.response.model',
  attributes ->> 'gen_ai.provider.name' || '/' || (attributes ->> 'gen_ai.request.model'), attributes ->> 'gen_ai.request.model'], null);
comment on function observability.model_candidates is
  'The names by which the model of a span may stand in the catalogue, the most exact one first: a provider answers with a dated name.';

create or replace function observability.complete_spans(spans observability.span[]) returns observability.span[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agents constant jsonb := observability.resources_named('agent', array(
    select unnest(array[s.attributes ->> 'gen_ai.agent.id', s.attributes ->> 'gen_ai.agent.name']) from unnest(complete_spans.spans) as s));
  v_tools constant jsonb := observability.resources_named('tool', array(
    select s.attributes ->> 'gen_ai.tool.name' from unnest(complete_spans.spans) as s));
  v_workflows constant jsonb := observability.resources_named('workflow', array(
    select s.attributes ->> 'gen_ai.workflow.name' from unnest(complete_spans.spans) as s));
  v_models constant jsonb := observability.models_named(complete_spans.spans);
  v_span observability.span;
  v_completed observability.span[] := '{}';
begin
  foreach v_span in array complete_spans.spans loop
    v_span.agent_id := coalesce(v_agents ->> (v_span.attributes ->> 'gen_ai.agent.id'), v_agents ->> (v_span.attributes ->> 'gen_ai.agent.name'));
    v_span.tool_id := v_tools ->> (v_span.attributes ->> 'gen_ai.tool.name');
    v_span.workflow_id := v_workflows ->> (v_span.attributes ->> 'gen_ai.workflow.name');
    v_span.model := coalesce(
      (select c.name from unnest(observability.model_candidates(v_span.attributes)) with ordinality as c (name, place)
        where v_models ? c.name order by c.place limit 1),
      v_span.attributes ->> 'gen_ai.response.model', v_span.attributes ->> 'gen_ai.request.model');
    v_completed := v_completed || v_span;
  end loop;
  return v_completed;
end
$$;
comment on function observability.complete_spans is 'The spans with what the catalogue knows of them.';

create or replace function observability.llm_call_of_span(span observability.span) returns app_public.new_llm_call
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_attributes constant jsonb := (llm_call_of_span.span).attributes;
  v_input constant int := observability.count_in_span(v_attributes -> 'gen_ai.usage.input_tokens');
  v_cached constant int := observability.count_in_span(v_attributes -> 'gen_ai.usage.cache_read.input_tokens');
  v_output constant int := observability.count_in_span(v_attributes -> 'gen_ai.usage.output_tokens');
  v_reasoning constant int := observability.count_in_span(v_attributes -> 'gen_ai.usage.reasoning.output_tokens');
  v_call app_public.new_llm_call;
begin
  v_call.idempotency_key := (span).key;
  v_call.model := (span).model;
  v_call.input_tokens := observability.part_of_tokens(v_input, v_cached);
  v_call.cached_input_tokens := v_cached;
  v_call.output_tokens := observability.part_of_tokens(v_output, v_reasoning);
  v_call.reasoning_tokens := v_reasoning;
  v_call.occurred_at := (span).at;
  v_call.agent_id := (span).agent_id;
  v_call.agent_name := v_attributes ->> 'gen_ai.agent.name';
  v_call.conversation_id := observability.uuid_in_span(v_attributes ->> 'gen_ai.conversation.id');
  v_call.response_time_ms := (span).duration_ms;
  v_call.temperature := observability.number_in_span(v_attributes -> 'gen_ai.request.temperature');
  v_call.max_tokens := observability.number_in_span(v_attributes -> 'gen_ai.request.max_tokens');
  v_call.top_p := observability.number_in_span(v_attributes -> 'gen_ai.request.top_p');
  v_call.finish_reason := left(v_attributes #>> '{gen_ai.response.finish_reasons,0}', 50);
  v_call.success := (span).error_type is null;
  v_call.error_type := (span).error_type;
  v_call.error_message := (span).error_message;
  v_call.prompt_text := v_attributes ->> 'gen_ai.input.messages';
  v_call.system_prompt := v_attributes ->> 'gen_ai.system_instructions';
  v_call.completion_text := v_attributes ->> 'gen_ai.output.messages';
  return v_call;
end
$$;
comment on function observability.llm_call_of_span is 'The call of a model that a span tells of. Its numbers of tokens include those of the cache and for reasoning; ours do not.';

create or replace function observability.tool_execution_of_span(span observability.span) returns app_public.new_tool_execution
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_attributes constant jsonb := (tool_execution_of_span.span).attributes;
  v_execution app_public.new_tool_execution;
begin
  v_execution.idempotency_key := (span).key;
  v_execution.executed_at := (span).at;
  v_execution.tool_id := (span).tool_id;
  v_execution.tool_name := v_attributes ->> 'gen_ai.tool.name';
  v_execution.agent_id := (span).agent_id;
  v_execution.conversation_id := observability.uuid_in_span(v_attributes ->> 'gen_ai.conversation.id');
  v_execution.status := case when (span).error_type in ('timeout', 'cancelled') then (span).error_type
                             when (span).error_type is not null then 'error' else 'success' end;
  v_execution.duration_ms := (span).duration_ms;
  v_execution.input := observability.json_in_span(v_attributes -> 'gen_ai.tool.call.arguments');
  v_execution.output := observability.json_in_span(v_attributes -> 'gen_ai.tool.call.result');
  v_execution.error_type := (span).error_type;
  v_execution.error_message := (span).error_message;
  v_execution.metadata := (span).metadata;
  return v_execution;
end
$$;
comment on function observability.tool_execution_of_span is 'The run of a tool that a span tells of.';

create or replace function observability.agent_metric_of_span(span observability.span) returns app_public.new_agent_metric
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_attributes constant jsonb := (agent_metric_of_span.span).attributes;
  v_metric app_public.new_agent_metric;
begin
  v_metric.idempotency_key := (span).key;
  v_metric.created_at := (span).at;
  v_metric.agent_id := (span).agent_id;
  v_metric.agent_name := v_attributes ->> 'gen_ai.agent.name';
  v_metric.conversation_id := observability.uuid_in_span(v_attributes ->> 'gen_ai.conversation.id');
  v_metric.session_id := left(v_attributes ->> 'gen_ai.conversation.id', 255);
  v_metric.workflow_id := (span).workflow_id;
  v_metric.operation_type := (span).operation;
  v_metric.response_time_ms := (span).duration_ms;
  v_metric.tokens_input := observability.count_in_span(v_attributes -> 'gen_ai.usage.input_tokens');
  v_metric.tokens_output := observability.count_in_span(v_attributes -> 'gen_ai.usage.output_tokens');
  v_metric.success := (span).error_type is null;
  v_metric.error_type := (span).error_type;
  v_metric.error_message := (span).error_message;
  v_metric.metadata := jsonb_strip_nulls((span).metadata || jsonb_build_object('workflow', left(v_attributes ->> 'gen_ai.workflow.name', 255)));
  return v_metric;
end
$$;
comment on function observability.agent_metric_of_span is
  'The run of an agent or a workflow that a span tells of. Its tokens are those of the calls within it, which have spans of their own, so they are no usage.';

create or replace function observability.new_spans(spans observability.span[]) returns observability.span[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- In the order of their keys, so that two requests with common spans wait for each other and do not deadlock.
  select coalesce(array_agg(d.span order by (d.span).key collate "C"), '{}')
    from (
      select distinct on ((n.span).key) n.span
        from (select u as span, row_number() over () as place from unnest(new_spans.spans) as u) as n
       order by (n.span).key, n.place
    ) as d
   where not exists (
           select from metering.usage_idempotency_keys k
            where (d.span).kind = 'llm' and k.tenant_id = core.current_tenant_id() and k.key = (d.span).key)
     and not exists (
           select from observability.event_keys k
            where k.tenant_id = core.current_tenant_id() and k.kind = (d.span).kind and k.key = (d.span).key);
$$;
comment on function observability.new_spans is 'Those of the spans that were not recorded before, each once.';

create or replace function observability.write_spans(kind text, spans observability.span[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  case write_spans.kind
    when 'llm' then
      perform metering.store_llm_calls(array(select observability.llm_call_of_span(s) from unnest(write_spans.spans) as s));
    when 'tool' then
      perform observability.store_tool_executions(array(select observability.tool_execution_of_span(s) from unnest(write_spans.spans) as s));
    when 'agent' then
      perform observability.store_agent_metrics(array(select observability.agent_metric_of_span(s) from unnest(write_spans.spans) as s));
  end case;
end
$$;
comment on function observability.write_spans is
  E'@errors KY204 MT301 MT401 MT404 MT405 MT406 MT411 MT415 MT501 OB302 OB402 OB404 OB405 OB406 OB407 OB408 OB501 23514\nRecords spans of one kind, all or none.';

create or replace function observability.store_spans(kind text, spans observability.span[], out rejected_count int, out message text)
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count constant int := cardinality(store_spans.spans);
  v_first record;
  v_second record;
begin
  rejected_count := 0;
  if v_count = 0 then
    return;
  end if;
  begin
    perform observability.write_spans(store_spans.kind, store_spans.spans);
    return;
  exception when others then
    if not core.is_public_error(sqlstate) and sqlstate not in ('23514', '22003') then
      raise;
    end if;
    message := format('%s: %s', spans[1].key, case when core.is_public_error(sqlstate) then sqlerrm else 'A value is out of its range.' end);
  end;
  if v_count = 1 then
    rejected_count := 1;
    return;
  end if;
  -- Halving finds the few that are refused, and keeps the others.
  v_first := observability.store_spans(store_spans.kind, spans[:v_count / 2]);
  v_second := observability.store_spans(store_spans.kind, spans[v_count / 2 + 1:]);
  rejected_count := v_first.rejected_count + v_second.rejected_count;
  message := coalesce(v_first.message, v_second.message);
end
$$;
comment on function observability.store_spans is 'Records spans of one kind without those that are refused. Returns how many these are, and why the first is.';

create or replace function observability.record_spans(
  spans jsonb, out stored_count int, out repeated_count int, out ignored_count int, out rejected_count int, out message text
)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_spans observability.span[];
  v_good observability.span[];
  v_new observability.span[];
  v_kind text;
  v_result record;
begin
  perform tenancy.require_permission('can_record_usage');
  if jsonb_array_length(record_spans.spans) > observability.max_spans() then
    perform core.raise_error('OB430', format('The request has more than %s spans.', observability.max_spans()), 'Send smaller batches.');
  end if;
  v_spans := array(select observability.read_span(s) from jsonb_array_elements(record_spans.spans) as s);
  select count(*) filter (where s.kind is null), count(*) filter (where p.problem is not null),
         min(coalesce(s.key || ': ', '') || p.problem), coalesce(array_agg(s) filter (where s.kind is not null and p.problem is null), '{}')
    into ignored_count, rejected_count, message, v_good
    from unnest(v_spans) as s
   cross join lateral (select case when s.kind is not null then observability.span_problem(s, v_now) end as problem) as p;
  v_new := observability.complete_spans(observability.new_spans(v_good));
  repeated_count := cardinality(v_good) - cardinality(v_new);
  stored_count := cardinality(v_new);
  foreach v_kind in array array['llm', 'tool', 'agent'] loop
    v_result := observability.store_spans(v_kind, array(select s from unnest(v_new) as s where s.kind = v_kind));
    stored_count := stored_count - v_result.rejected_count;
    rejected_count := rejected_count + v_result.rejected_count;
    message := coalesce(message, v_result.message);
  end loop;
end
$$;
comment on function observability.record_spans is
  E'@errors ID203 OB430\nRecords an array of up to 10,000 spans for the tenant, user and API key of the context, and says how many were stored, known before, ignored because they tell of nothing that is recorded, and rejected, and why the first of these was.';
grant execute on function observability.record_spans to rowhouse_user;
