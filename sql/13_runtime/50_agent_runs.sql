-- Runs of agents: input, steps, tokens, cost, duration and result of each, recorded once under its idempotency key, as events of
-- observability are. What went in and came out is kept only where the tenant's settings say store_llm_texts.

call core.secure_tenant_table('app_public.agent_execution_logs');
call audit.leave_out('a log that is only added to', 'app_public.agent_execution_logs');
call core.allow('app_public.agent_execution_logs', read => 'self, can_view_analytics');
grant select on app_public.agent_execution_logs to rowhouse_user;
grant select, delete on app_public.agent_execution_logs to rowhouse_platform;
comment on table app_public.agent_execution_logs is
  E'@name agent_run\n@behavior -insert -update -delete -query:resource:single\n@large\nSingle runs of agents. Members see their own, and with can_view_analytics those of all.';
comment on column app_public.agent_execution_logs.tenant_id is 'The tenant.';
comment on column app_public.agent_execution_logs.id is 'The id of the run; the same idempotency key always gives the same id.';
comment on column app_public.agent_execution_logs.started_at is 'When it began.';
comment on column app_public.agent_execution_logs.agent_id is 'The agent. The run stays when the agent is deleted.';
comment on column app_public.agent_execution_logs.agent_version is 'The published version of the agent that ran, such as 1.4.0; null when it is not known.';
comment on column app_public.agent_execution_logs.user_id is E'@personal pseudonymise\nThe person for whom the agent worked.';
comment on column app_public.agent_execution_logs.api_key_id is 'The API key it was recorded with.';
comment on column app_public.agent_execution_logs.task_id is 'The task.';
comment on column app_public.agent_execution_logs.conversation_id is 'The conversation.';
comment on column app_public.agent_execution_logs.status is 'How it ended.';
comment on column app_public.agent_execution_logs.duration_ms is 'How long it took, in milliseconds.';
comment on column app_public.agent_execution_logs.input is E'@personal erase\n@behavior -filterBy -orderBy\nWhat it was given. It is stored only when the settings of the tenant say store_llm_texts.';
comment on column app_public.agent_execution_logs.output is E'@personal erase\n@behavior -filterBy -orderBy\nIts result. It is stored only when the settings of the tenant say store_llm_texts.';
comment on column app_public.agent_execution_logs.steps is
  E'@notPersonal\n@behavior -filterBy -orderBy\nIts steps in their order, at most 200: objects with name, kind, status, started_at, duration_ms, tokens_input, tokens_output, cost_usd and error_type, and without texts.';
comment on column app_public.agent_execution_logs.step_count is 'How many steps it had.';
comment on column app_public.agent_execution_logs.tokens_input is 'Tokens that were sent to models.';
comment on column app_public.agent_execution_logs.tokens_output is 'Tokens that models wrote.';
comment on column app_public.agent_execution_logs.cost_usd is 'The cost in USD as the program knows it. Invoices go by recorded usage, not by this figure.';
comment on column app_public.agent_execution_logs.error_type is E'@notPersonal\nThe class of the error.';
comment on column app_public.agent_execution_logs.error_message is E'@personal erase\n@behavior -filterBy -orderBy\nThe error.';
comment on column app_public.agent_execution_logs.metadata is E'@personal erase\n@behavior -filterBy -orderBy\nAnything else, as an object of at most 8 kB.';
comment on domain app_public.agent_run_status is 'How a run of an agent ended.';

call core.secure_tenant_table('runtime.agent_execution_logs_default');
grant select, delete on runtime.agent_execution_logs_default to rowhouse_platform;
comment on table runtime.agent_execution_logs_default is 'Runs of months that have no partition; a task moves them.';

comment on type app_public.new_agent_run is 'A run of an agent that is to be recorded.';
comment on column app_public.new_agent_run.idempotency_key is E'@notNull\nA key of 1 to 255 characters that stays the same when the call is repeated.';
comment on column app_public.new_agent_run.started_at is 'When it began; by default now. At most 30 days ago.';
comment on column app_public.new_agent_run.agent_id is 'The agent; by default that of the API key.';
comment on column app_public.new_agent_run.agent_version is 'The published version of the agent that ran; at most 100 characters.';
comment on column app_public.new_agent_run.user_id is 'The person for whom the agent worked; by default you. Admins record what others did.';
comment on column app_public.new_agent_run.task_id is 'The task.';
comment on column app_public.new_agent_run.conversation_id is 'The conversation.';
comment on column app_public.new_agent_run.status is E'@notNull\nHow it ended.';
comment on column app_public.new_agent_run.duration_ms is E'@notNull\nHow long it took, in milliseconds.';
comment on column app_public.new_agent_run.input is 'What it was given; at most 100 kB.';
comment on column app_public.new_agent_run.output is 'Its result; at most 100 kB.';
comment on column app_public.new_agent_run.steps is
  'Its steps in their order, at most 200 and 100 kB: objects with name, kind, status, started_at, duration_ms, tokens_input, tokens_output, cost_usd and error_type, of which only the name must be there. What goes into a tool and comes out is recorded with recordToolExecutions.';
comment on column app_public.new_agent_run.tokens_input is 'Tokens that were sent to models; by default 0.';
comment on column app_public.new_agent_run.tokens_output is 'Tokens that models wrote; by default 0.';
comment on column app_public.new_agent_run.cost_usd is 'The cost in USD; by default 0.';
comment on column app_public.new_agent_run.error_type is 'The class of the error; at most 100 characters.';
comment on column app_public.new_agent_run.error_message is 'The error; at most 10,000 characters.';
comment on column app_public.new_agent_run.metadata is 'Anything else, as an object of at most 8 kB.';

create or replace function runtime.check_agents(agent_ids uuid[]) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_allowed constant uuid[] := case when core.current_api_key_id() is not null then (tenancy.current_api_key()).allowed_agents end;
  v_unusable constant uuid[] := observability.unusable_resources('agent', check_agents.agent_ids);
  v_count constant int := cardinality(check_agents.agent_ids);
  v_bad record;
begin
  select a.ordinality as ordinal, a.id into v_bad
    from unnest(check_agents.agent_ids) with ordinality as a (id)
   where a.id is null or a.id <> all (v_allowed) or a.id = any (v_unusable)
   order by a.ordinality limit 1;
  if not found then
    return;
  elsif v_bad.id is null then
    perform core.raise_error('RN445', observability.row_in_words(v_bad.ordinal, v_count) || 'agent_id is missing.',
      'Name the agent, or use the API key of an agent.');
  elsif v_bad.id <> all (v_allowed) then
    perform core.raise_error('RN245', observability.row_in_words(v_bad.ordinal, v_count) || 'agent_id: This API key is not for this agent.',
      'Leave agent_id out to name the agent of the key.');
  end if;
  perform observability.refuse_event('resource', v_bad.ordinal, v_count);
end
$$;
comment on function runtime.check_agents is
  E'@errors RN245 RN445 OB302\nRefuses a batch that names no agent, an agent that the API key of the request is not for, or one that the tenant cannot use.';

create or replace function runtime.is_stored_within(value jsonb, most_bytes int) returns boolean
language sql stable parallel safe
return value is null or pg_column_size(value) <= most_bytes;
comment on function runtime.is_stored_within is 'Whether a JSON value is null or needs at most so many bytes as it is stored.';

create or replace function runtime.agent_run_problem(run app_public.new_agent_run) returns text
language sql stable parallel safe
return case
  when run.status is null then 'status'
  when run.duration_ms is null or run.duration_ms < 0 then 'duration'
  -- The upper bound refuses NaN too, because NaN compares as larger than every number.
  when least(run.tokens_input, run.tokens_output, run.cost_usd) < 0 or run.cost_usd > metering.max_amount() then 'number'
  when length(run.error_message) > 10000 or greatest(length(run.error_type), length(run.agent_version)) > 100 then 'text'
  when jsonb_typeof(run.metadata) <> 'object' or not runtime.is_stored_within(run.metadata, 8192)
    or not runtime.is_stored_within(run.input, 100000) or not runtime.is_stored_within(run.output, 100000) then 'json'
end;
comment on function runtime.agent_run_problem is 'What is wrong with a run of an agent, as a word of observability.refuse_event.';

create or replace function runtime.steps_schema() returns jsonb
language sql immutable parallel safe
return '{
  "type": "array", "maxItems": 200,
  "items": {
    "type": "object", "required": ["name"], "additionalProperties": false,
    "properties": {
      "name": {"type": "string", "minLength": 1, "maxLength": 255}, "kind": {"type": "string", "maxLength": 100},
      "status": {"enum": ["success", "error", "timeout", "cancelled"]}, "started_at": {"type": "string", "maxLength": 40},
      "duration_ms": {"type": "integer", "minimum": 0}, "tokens_input": {"type": "integer", "minimum": 0},
      "tokens_output": {"type": "integer", "minimum": 0}, "cost_usd": {"type": "number", "minimum": 0},
      "error_type": {"type": "string", "maxLength": 100}}}}'::jsonb;
comment on function runtime.steps_schema is 'The JSON Schema of the steps of a run.';

create or replace function runtime.check_steps(steps jsonb[]) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_bad record;
begin
  select s.ordinality as ordinal, f.faults into v_bad
    from unnest(check_steps.steps) with ordinality as s (steps)
   cross join lateral (
     select case when runtime.is_stored_within(s.steps, 100000) then core.json_value_faults(runtime.steps_schema(), s.steps, 'steps')
                 else array['steps has more than 100 kB'] end as faults) as f
   where s.steps is not null and f.faults <> '{}'
   order by s.ordinality limit 1;
  if found then
    perform core.raise_error('RN446',
      observability.row_in_words(v_bad.ordinal, cardinality(check_steps.steps)) || array_to_string(v_bad.faults, '; ') || '.',
      'Read the comment of steps for what a step has.');
  end if;
end
$$;
comment on function runtime.check_steps is E'@errors RN446\nRefuses a batch with a run whose steps are not as they should be. No value is repeated.';

create or replace function runtime.store_agent_runs(runs app_public.new_agent_run[]) returns app_public.recording_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_agent_id constant uuid := tenancy.current_agent_id();
  v_keeps_texts constant boolean := coalesce(metering.keeps_texts(), false);
  v_claimed int[];
begin
  perform observability.check_batch_size(cardinality(runs));
  perform observability.check_heads(array(
    select row(r.idempotency_key, coalesce(r.started_at, v_now), r.user_id, runtime.agent_run_problem(r))::observability.event_head
      from unnest(runs) as r));
  perform runtime.check_agents(array(select coalesce(r.agent_id, v_agent_id) from unnest(runs) as r));
  perform runtime.check_steps(array(select r.steps from unnest(runs) as r));
  v_claimed := observability.claim_keys('agent_run',
    array(select r.idempotency_key from unnest(runs) as r),
    array(select hash_record_extended(r, 0) from unnest(runs) as r));
  insert into app_public.agent_execution_logs (
    tenant_id, id, started_at, agent_id, agent_version, user_id, api_key_id, task_id, conversation_id, status, duration_ms, input, output,
    steps, tokens_input, tokens_output, cost_usd, error_type, error_message, metadata)
  select v_tenant_id, observability.event_id(v_tenant_id, 'agent_run', r.idempotency_key), coalesce(r.started_at, v_now),
         coalesce(r.agent_id, v_agent_id), r.agent_version, coalesce(r.user_id, core.current_user_id()), core.current_api_key_id(),
         r.task_id, r.conversation_id, r.status, r.duration_ms, case when v_keeps_texts then r.input end,
         case when v_keeps_texts then r.output end, coalesce(r.steps, '[]'), coalesce(r.tokens_input, 0), coalesce(r.tokens_output, 0), coalesce(r.cost_usd, 0), r.error_type, r.error_message,
         coalesce(r.metadata, '{}')
    from unnest(runs) with ordinality as r
   where r.ordinality in (select unnest(v_claimed));
  return row(cardinality(v_claimed), cardinality(runs) - cardinality(v_claimed))::app_public.recording_receipt;
end
$$;
comment on function runtime.store_agent_runs is
  E'@errors OB201 OB301 OB302 OB401 OB402 OB403 OB405 OB406 OB407 OB408 OB409 OB410 OB501 RN245 RN445 RN446\nStores runs of agents for the tenant, user and API key of the context, all or none.';

create or replace function app_public.record_agent_runs(runs app_public.new_agent_run[]) returns app_public.recording_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  return runtime.store_agent_runs(record_agent_runs.runs);
end
$$;
comment on function app_public.record_agent_runs is
  E'@resultFieldName receipt\n@errors ID203 OB201 OB301 OB302 OB401 OB402 OB403 OB405 OB406 OB407 OB408 OB409 OB410 OB501 RN245 RN445 RN446\nRecords 1 to 10,000 runs of agents at once, all of them or none. An API key of an agent records runs of this agent only. Recording the same row again under its idempotency key, within 35 days, stores nothing. An error names the position of the first row that is refused, from 1. It needs the permission can_record_usage.';
grant execute on function app_public.record_agent_runs to rowhouse_user;

create or replace view app_public.agent_results with (security_invoker = true) as
  select r.tenant_id, r.id as run_id, r.agent_id, r.agent_version, r.task_id, r.user_id, r.output as result, r.duration_ms, r.cost_usd,
         r.started_at + make_interval(secs => r.duration_ms / 1000.0) as finished_at
    from app_public.agent_execution_logs r
   where r.status = 'success';
comment on view app_public.agent_results is E'@behavior -*\nWhat agents produced: the runs that succeeded, for SQL. The result is null where the tenant does not store texts.';
grant select on app_public.agent_results to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the runs and events of a deleted tenant are removed
create or replace function runtime.tg__drop_records() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.agent_execution_logs where tenant_id = old.id;
  delete from app_public.agent_events where tenant_id = old.id;
  return null;
end
$$;
comment on function runtime.tg__drop_records is
  'Removes the runs and events of agents of a deleted tenant. These tables have no foreign key to cascade, because checking one costs more than writing the row.';
grant execute on function runtime.tg__drop_records to rowhouse_owner;
set local role rowhouse_owner;

create or replace trigger _510_drop_agent_records after delete on app_public.tenants
  for each row execute function runtime.tg__drop_records();

call governance.define_data_kind('agent_records', 'Runs and events of agents, as they report them.', 400);
call governance.add_table_to_kind('agent_records', 'app_public.agent_execution_logs', 'started_at');
call governance.add_table_to_kind('agent_records', 'app_public.agent_events', 'occurred_at');
