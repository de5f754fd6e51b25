-- Events of agents: what an agent says of itself beside its runs, with how serious it is. Errors are the serious events and the runs
-- that failed.

call core.secure_tenant_table('app_public.agent_events');
call audit.leave_out('a log that is only added to', 'app_public.agent_events');
call core.allow('app_public.agent_events', read => 'self, can_view_analytics');
grant select on app_public.agent_events to rowhouse_user;
grant select, delete on app_public.agent_events to rowhouse_platform;
comment on table app_public.agent_events is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nWhat agents report of themselves. Members see what was reported by them, and with can_view_analytics all.';
comment on column app_public.agent_events.tenant_id is 'The tenant.';
comment on column app_public.agent_events.id is 'The id of the event; the same idempotency key always gives the same id.';
comment on column app_public.agent_events.occurred_at is 'When it happened.';
comment on column app_public.agent_events.agent_id is 'The agent. The event stays when the agent is deleted.';
comment on column app_public.agent_events.user_id is E'@personal pseudonymise\nThe person for whom the agent worked.';
comment on column app_public.agent_events.api_key_id is 'The API key it was recorded with.';
comment on column app_public.agent_events.event_name is E'@notPersonal\nThe name, such as tool.unavailable.';
comment on column app_public.agent_events.severity is 'How serious it is.';
comment on column app_public.agent_events.message is E'@personal erase\n@behavior -filterBy -orderBy\nWhat happened, in words.';
comment on column app_public.agent_events.run_id is 'The run in which it happened.';
comment on column app_public.agent_events.task_id is 'The task.';
comment on column app_public.agent_events.metadata is E'@personal erase\n@behavior -filterBy -orderBy\nAnything else, as an object of at most 8 kB.';
comment on domain app_public.agent_event_severity is 'How serious an event of an agent is.';

call core.secure_tenant_table('runtime.agent_events_default');
grant select, delete on runtime.agent_events_default to rowhouse_platform;
comment on table runtime.agent_events_default is 'Events of months that have no partition; a task moves them.';

comment on type app_public.new_agent_event is 'An event of an agent that is to be recorded.';
comment on column app_public.new_agent_event.idempotency_key is E'@notNull\nA key of 1 to 255 characters that stays the same when the call is repeated.';
comment on column app_public.new_agent_event.occurred_at is 'When it happened; by default now. At most 30 days ago.';
comment on column app_public.new_agent_event.agent_id is 'The agent; by default that of the API key.';
comment on column app_public.new_agent_event.user_id is 'The person for whom the agent worked; by default you. Admins record what others did.';
comment on column app_public.new_agent_event.event_name is E'@notNull\nThe name, such as tool.unavailable; at most 100 characters.';
comment on column app_public.new_agent_event.severity is 'How serious it is; by default info.';
comment on column app_public.new_agent_event.message is 'What happened, in words; at most 10,000 characters.';
comment on column app_public.new_agent_event.run_id is 'The run in which it happened.';
comment on column app_public.new_agent_event.task_id is 'The task.';
comment on column app_public.new_agent_event.metadata is 'Anything else, as an object of at most 8 kB.';

create or replace function runtime.agent_event_problem(event app_public.new_agent_event) returns text
language sql stable parallel safe
return case
  when event.event_name is null or length(event.event_name) > 100 or not core.is_name(event.event_name) then 'name'
  when length(event.message) > 10000 then 'text'
  when jsonb_typeof(event.metadata) <> 'object' or not runtime.is_stored_within(event.metadata, 8192) then 'json'
end;
comment on function runtime.agent_event_problem is 'What is wrong with an event of an agent, as a word of observability.refuse_event.';

create or replace function runtime.store_agent_events(events app_public.new_agent_event[]) returns app_public.recording_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_agent_id constant uuid := tenancy.current_agent_id();
  v_claimed int[];
begin
  perform observability.check_batch_size(cardinality(events));
  perform observability.check_heads(array(
    select row(e.idempotency_key, coalesce(e.occurred_at, v_now), e.user_id, runtime.agent_event_problem(e))::observability.event_head
      from unnest(events) as e));
  perform runtime.check_agents(array(select coalesce(e.agent_id, v_agent_id) from unnest(events) as e));
  v_claimed := observability.claim_keys('agent_event',
    array(select e.idempotency_key from unnest(events) as e),
    array(select hash_record_extended(e, 0) from unnest(events) as e));
  insert into app_public.agent_events (
    tenant_id, id, occurred_at, agent_id, user_id, api_key_id, event_name, severity, message, run_id, task_id, metadata)
  select v_tenant_id, observability.event_id(v_tenant_id, 'agent_event', e.idempotency_key), coalesce(e.occurred_at, v_now),
         coalesce(e.agent_id, v_agent_id), coalesce(e.user_id, core.current_user_id()), core.current_api_key_id(), e.event_name,
         coalesce(e.severity, 'info'), e.message, e.run_id, e.task_id, coalesce(e.metadata, '{}')
    from unnest(events) with ordinality as e
   where e.ordinality in (select unnest(v_claimed));
  return row(cardinality(v_claimed), cardinality(events) - cardinality(v_claimed))::app_public.recording_receipt;
end
$$;
comment on function runtime.store_agent_events is
  E'@errors OB201 OB301 OB302 OB401 OB402 OB403 OB404 OB407 OB408 OB409 OB501 RN245 RN445\nStores events of agents for the tenant, user and API key of the context, all or none.';

create or replace function app_public.record_agent_events(events app_public.new_agent_event[]) returns app_public.recording_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  return runtime.store_agent_events(record_agent_events.events);
end
$$;
comment on function app_public.record_agent_events is
  E'@resultFieldName receipt\n@errors ID203 OB201 OB301 OB302 OB401 OB402 OB403 OB404 OB407 OB408 OB409 OB501 RN245 RN445\nRecords 1 to 10,000 events of agents at once, all of them or none. An API key of an agent records events of this agent only. Recording the same row again under its idempotency key, within 35 days, stores nothing. An error names the position of the first row that is refused, from 1. It needs the permission can_record_usage.';
grant execute on function app_public.record_agent_events to rowhouse_user;

create or replace view app_public.agent_errors with (security_invoker = true) as
  select e.tenant_id, e.id, e.occurred_at, e.agent_id, e.severity, e.event_name as error_type, e.message as error_message, e.run_id,
         e.task_id, e.user_id
    from app_public.agent_events e
   where e.severity in ('error', 'critical')
  union all
  select r.tenant_id, r.id, r.started_at + make_interval(secs => r.duration_ms / 1000.0), r.agent_id, 'error', coalesce(r.error_type, r.status),
         r.error_message, r.id, r.task_id, r.user_id
    from app_public.agent_execution_logs r
   where r.status in ('error', 'timeout');
comment on view app_public.agent_errors is
  E'@behavior -*\nThe errors of agents, for SQL: their events of severity error and critical, and their runs that failed or took too long.';
grant select on app_public.agent_errors to rowhouse_user;
