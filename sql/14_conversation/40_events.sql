-- Events: what happened and may mean something, recorded once under its idempotency key. In the transaction that records them, the
-- rules of the tenant make signals of them (45_signals.sql).

call core.secure_tenant_table('app_public.events');
call audit.leave_out('a log that is only added to', 'app_public.events');
call core.allow('app_public.events', read => 'self, can_view_analytics');
grant select on app_public.events to rowhouse_user;
grant select, delete on app_public.events to rowhouse_platform;
comment on table app_public.events is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nWhat happened, as programs and agents report it. Members see what they recorded, and with can_view_analytics all.';
comment on column app_public.events.tenant_id is 'The tenant.';
comment on column app_public.events.id is 'The id of the event; the same idempotency key always gives the same id.';
comment on column app_public.events.event_type is E'@notPersonal\n@behavior -orderBy\nWhat kind of event it is, such as temperature.measured.';
comment on column app_public.events.occurred_at is 'When it happened.';
comment on column app_public.events.recorded_at is 'When it was recorded.';
comment on column app_public.events.agent_id is 'The agent that it is about; null for none. The event stays when the agent is deleted.';
comment on column app_public.events.user_id is E'@personal pseudonymise\nThe person for whom it was recorded.';
comment on column app_public.events.api_key_id is 'The API key it was recorded with.';
comment on column app_public.events.summary is E'@personal erase\n@behavior -filterBy -orderBy\nWhat happened, in words.';
comment on column app_public.events.metadata is E'@personal erase\n@behavior -filterBy -orderBy\nAnything else, as an object of at most 8 kB. Rules of signals read it.';
comment on constraint event_type_is_a_name on app_public.events is
  'must have 1 to 100 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint metadata_is_an_object on app_public.events is 'must be an object';

comment on type app_public.new_event is 'An event that is to be recorded.';
comment on column app_public.new_event.idempotency_key is E'@notNull\nA key of 1 to 255 characters that stays the same when the call is repeated.';
comment on column app_public.new_event.event_type is E'@notNull\nWhat kind of event it is, such as temperature.measured; at most 100 characters.';
comment on column app_public.new_event.occurred_at is 'When it happened; by default now. At most 30 days ago.';
comment on column app_public.new_event.agent_id is 'The agent that it is about; by default that of the API key.';
comment on column app_public.new_event.user_id is 'The person for whom it is recorded; by default you. Admins record what others did.';
comment on column app_public.new_event.summary is 'What happened, in at most 2,000 characters.';
comment on column app_public.new_event.metadata is 'Anything else, as an object of at most 8 kB.';

create or replace function conversation.most_events() returns int
language sql immutable parallel safe
return 1000;
comment on function conversation.most_events is 'How many events are recorded at once. Each is looked at by every rule of its type.';

create or replace function conversation.event_problem(event app_public.new_event) returns text
language sql stable parallel safe
return case
  when event.event_type is null or length(event.event_type) > 100 or not core.is_name(event.event_type) then 'name'
  when length(event.summary) > 2000 then 'text'
  when jsonb_typeof(event.metadata) <> 'object' or not runtime.is_stored_within(event.metadata, 8192) then 'json'
end;
comment on function conversation.event_problem is 'What is wrong with an event, as a word of observability.refuse_event.';

create or replace function conversation.unusable_agents(agent_ids uuid[]) returns uuid[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select observability.unusable_resources('agent', unusable_agents.agent_ids) || array(
    select a.id from unnest(unusable_agents.agent_ids) as a (id)
     where core.current_api_key_id() is not null and a.id <> all ((tenancy.current_api_key()).allowed_agents));
$$;
comment on function conversation.unusable_agents is 'Which of these agents the tenant cannot use, or the API key of the request is not for.';

create or replace function app_public.report_events(events app_public.new_event[]) returns app_public.recording_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_agent_id constant uuid := tenancy.current_agent_id();
  v_unusable uuid[];
  v_ids uuid[];
begin
  perform tenancy.require_permission('can_record_usage');
  if coalesce(cardinality(events), 0) not between 1 and conversation.most_events() then
    perform core.raise_error('TK450', format('The events are not a list of 1 to %s.', conversation.most_events()), 'Send several lists.');
  end if;
  v_unusable := conversation.unusable_agents(array(select distinct e.agent_id from unnest(events) as e where e.agent_id is not null));
  perform observability.check_heads(array(
    select row(e.idempotency_key, coalesce(e.occurred_at, v_now), e.user_id,
        coalesce(conversation.event_problem(e), case when e.agent_id = any (v_unusable) then 'resource' end))::observability.event_head
      from unnest(events) as e));
  v_ids := array(
    select observability.event_id(v_tenant_id, 'event', events[n].idempotency_key)
      from unnest(observability.claim_keys('event',
        array(select e.idempotency_key from unnest(events) as e),
        array(select hash_record_extended(e, 0) from unnest(events) as e))) as n);
  -- An event is kept for longer than its key.
  v_ids := array(
    select n from unnest(v_ids) as n where not exists (select from app_public.events e where e.tenant_id = v_tenant_id and e.id = n));
  insert into app_public.events (tenant_id, id, event_type, occurred_at, recorded_at, agent_id, user_id, api_key_id, summary, metadata)
  select distinct on (e.idempotency_key)
         v_tenant_id, observability.event_id(v_tenant_id, 'event', e.idempotency_key), e.event_type, coalesce(e.occurred_at, v_now), v_now,
         coalesce(e.agent_id, v_agent_id), coalesce(e.user_id, core.current_user_id()), core.current_api_key_id(), e.summary,
         coalesce(e.metadata, '{}')
    from unnest(events) as e
   where observability.event_id(v_tenant_id, 'event', e.idempotency_key) = any (v_ids);
  perform conversation.raise_signals(v_ids);
  return row(cardinality(v_ids), cardinality(events) - cardinality(v_ids))::app_public.recording_receipt;
end
$$;
comment on function app_public.report_events is
  E'@resultFieldName receipt\n@errors ID203 OB201 OB301 OB302 OB401 OB402 OB403 OB404 OB407 OB408 OB501 TK450\nRecords 1 to 1,000 events at once, all of them or none; the signals that follow from them are there at once. Recording the same row again under its idempotency key, within 35 days, stores nothing and counts nothing. An error names the position of the first row that is refused, from 1. It needs the permission can_record_usage.';
grant execute on function app_public.report_events to rowhouse_user;

call governance.define_data_kind('events_of_signals', 'Events from which signals are made. The signals keep their counts.', 400);
call governance.add_table_to_kind('events_of_signals', 'app_public.events', 'occurred_at');
