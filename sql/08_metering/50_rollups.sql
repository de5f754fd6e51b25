-- Rolling up usage. A run takes batches out of the queue and adds them to the roll-ups in one transaction, so its cost depends
-- only on what is new. A late event is new like every other, and is added to the day on which it occurred. The files that follow
-- have the roll-ups that are coarser.

call core.secure_tenant_table('metering.usage_minutes');
call audit.leave_out('derived from other tables by rules', 'metering.usage_minutes');
call core.allow('metering.usage_minutes', read => 'self, can_view_analytics');
grant select on metering.usage_minutes to rowhouse_user;
grant select, delete on metering.usage_minutes to rowhouse_platform;
comment on table metering.usage_minutes is 'Usage by minute, user, agent and API key.';
comment on column metering.usage_minutes.user_id is E'@personal pseudonymise\nThe person.';

call core.secure_tenant_table('metering.usage_minutes_default');
grant select, delete on metering.usage_minutes_default to rowhouse_platform;
comment on table metering.usage_minutes_default is 'Minutes of months that have no partition; a task moves them.';

call core.secure_tenant_table('metering.usage_days');
call audit.leave_out('derived from other tables by rules', 'metering.usage_days');
call core.allow('metering.usage_days', read => 'self, can_view_analytics, analyst');
grant select on metering.usage_days to rowhouse_user, rowhouse_analytics;
grant select, delete on metering.usage_days to rowhouse_platform;
comment on table metering.usage_days is 'Usage by day of the tenant''s calendar, with all dimensions.';
comment on column metering.usage_days.feature_name is E'@notPersonal\nThe feature.';
comment on column metering.usage_days.user_id is E'@personal pseudonymise\nThe person.';

call core.secure_tenant_table('metering.usage_quarter_hours');
call audit.leave_out('derived from other tables by rules', 'metering.usage_quarter_hours');
grant select, delete on metering.usage_quarter_hours to rowhouse_platform;
comment on table metering.usage_quarter_hours is
  'What was recorded in time, by quarter of an hour, type and the tenant that pays for it: invoices are added up from it. What was recorded after its billing period was final is not in it.';
comment on column metering.usage_quarter_hours.payer_id is
  'The tenant at the top of the hierarchy when it was recorded, which is billed for it; null when the tenant itself is.';

call core.secure_tenant_table('metering.usage_rollup_state');
call audit.leave_out('derived from other tables by rules', 'metering.usage_rollup_state');
grant select on metering.usage_rollup_state to rowhouse_platform;
comment on table metering.usage_rollup_state is 'The time zone in which a tenant''s days were counted, and the time of the last run.';

create or replace function metering.add_to_rollups(batch_ids bigint[], from_at timestamptz, to_at timestamptz, timezone text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into metering.usage_minutes as m
  select * from metering.usage_by_minute(add_to_rollups.batch_ids, add_to_rollups.from_at, add_to_rollups.to_at)
  on conflict (tenant_id, minute, user_id, agent_id, api_key_id) do update
     set request_count = m.request_count + excluded.request_count, token_count = m.token_count + excluded.token_count,
         cost = m.cost + excluded.cost, consultation_count = m.consultation_count + excluded.consultation_count,
         panel_count = m.panel_count + excluded.panel_count, workflow_count = m.workflow_count + excluded.workflow_count,
         tool_call_count = m.tool_call_count + excluded.tool_call_count, duration_ms = m.duration_ms + excluded.duration_ms,
         timed_count = m.timed_count + excluded.timed_count, success_count = m.success_count + excluded.success_count,
         error_count = m.error_count + excluded.error_count;

  insert into metering.usage_days as d
  select * from metering.usage_by_day(add_to_rollups.batch_ids, add_to_rollups.from_at, add_to_rollups.to_at, add_to_rollups.timezone)
  on conflict (tenant_id, used_on, usage_type, user_id, agent_id, api_key_id, project_id, model_id, feature_name) do update
     set event_count = d.event_count + excluded.event_count, quantity = d.quantity + excluded.quantity, cost = d.cost + excluded.cost,
         duration_ms = d.duration_ms + excluded.duration_ms, timed_count = d.timed_count + excluded.timed_count,
         success_count = d.success_count + excluded.success_count, error_count = d.error_count + excluded.error_count,
         abandon_count = d.abandon_count + excluded.abandon_count,
         first_at = least(d.first_at, excluded.first_at), last_at = greatest(d.last_at, excluded.last_at),
         last_success_at = greatest(d.last_success_at, excluded.last_success_at),
         last_error_at = greatest(d.last_error_at, excluded.last_error_at);

  insert into metering.usage_quarter_hours as h
  select * from metering.usage_by_quarter_hour(add_to_rollups.batch_ids, add_to_rollups.from_at, add_to_rollups.to_at)
  on conflict (tenant_id, usage_type, starts_at, payer_id) do update set quantity = h.quantity + excluded.quantity;
end
$$;
comment on function metering.add_to_rollups is
  'Adds the countable events to the roll-ups by minute, by day and by quarter of an hour.';

create or replace function metering.add_to_agents(batch_ids bigint[], from_at timestamptz, to_at timestamptz) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent_ids uuid[];
begin
  with added as (
    insert into metering.usage_agents as a
    select * from metering.usage_by_agent(add_to_agents.batch_ids, add_to_agents.from_at, add_to_agents.to_at)
    on conflict (tenant_id, agent_id) do update
       set call_count = a.call_count + excluded.call_count, duration_ms = a.duration_ms + excluded.duration_ms,
           timed_count = a.timed_count + excluded.timed_count, success_count = a.success_count + excluded.success_count,
           error_count = a.error_count + excluded.error_count,
           last_success_at = greatest(a.last_success_at, excluded.last_success_at),
           last_error_at = greatest(a.last_error_at, excluded.last_error_at)
    returning agent_id
  )
  select array_agg(agent_id) into v_agent_ids from added;
  return v_agent_ids;
end
$$;
comment on function metering.add_to_agents is
  'Adds the countable calls to the totals of their agents, and returns these agents.';

create or replace function metering.rebuild_rollups(tenant_id uuid, from_on date default null, to_on date default null) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_timezone text;
  v_from_at timestamptz;
  v_to_at timestamptz;
begin
  call core.enter_tenant(rebuild_rollups.tenant_id);
  perform pg_advisory_xact_lock(metering.metering_lock('roll_up'), hashtext(rebuild_rollups.tenant_id::text));
  select t.timezone into v_timezone from app_public.tenants t where t.id = rebuild_rollups.tenant_id;
  if not found then
    return;
  end if;
  v_from_at := coalesce(rebuild_rollups.from_on::timestamp at time zone v_timezone, '-infinity');
  v_to_at := coalesce(rebuild_rollups.to_on::timestamp at time zone v_timezone, 'infinity');

  delete from metering.usage_minutes m
   where m.tenant_id = rebuild_rollups.tenant_id and m.minute >= date_trunc('minute', v_from_at) and m.minute < date_trunc('minute', v_to_at);
  delete from metering.usage_days d
   where d.tenant_id = rebuild_rollups.tenant_id
     and d.used_on >= coalesce(rebuild_rollups.from_on, '-infinity') and d.used_on < coalesce(rebuild_rollups.to_on, 'infinity');
  delete from metering.usage_quarter_hours h
   where h.tenant_id = rebuild_rollups.tenant_id and h.starts_at >= v_from_at and h.starts_at < v_to_at;
  perform metering.add_to_rollups(null, v_from_at, v_to_at, v_timezone);
  perform metering.rebuild_report_rollups(rebuild_rollups.from_on, rebuild_rollups.to_on, v_from_at, v_to_at, v_timezone);

  -- The totals have no period, so they are computed from all days.
  delete from metering.usage_agents a where a.tenant_id = rebuild_rollups.tenant_id;
  insert into metering.usage_agents select * from metering.agent_totals_of_days();
  perform metering.refresh_agent_statistics(array(select a.agent_id from metering.usage_agents a where a.tenant_id = rebuild_rollups.tenant_id));
  perform metering.rebuild_user_agents(rebuild_rollups.from_on is null and rebuild_rollups.to_on is null);

  if rebuild_rollups.from_on is null and rebuild_rollups.to_on is null then
    insert into metering.usage_rollup_state (tenant_id, timezone) values (rebuild_rollups.tenant_id, v_timezone)
    on conflict (tenant_id) do update set timezone = excluded.timezone, rolled_up_at = now();
  end if;
end
$$;
comment on function metering.rebuild_rollups is
  'Counts the events of a tenant again, from one day to another (excluded), or of all days when no day is given. Batches that wait in the queue are left out. Recording can continue meanwhile.';

create or replace function metering.agent_totals_of_days() returns setof metering.usage_agents
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select d.tenant_id, d.agent_id, sum(d.event_count)::bigint, sum(d.duration_ms)::bigint, sum(d.timed_count)::bigint,
           sum(d.success_count)::bigint, sum(d.error_count)::bigint, max(d.last_success_at), max(d.last_error_at)
      from metering.usage_days d
     where d.tenant_id = core.current_tenant_id() and d.agent_id is not null and d.usage_type = 'llm_call'
     group by d.tenant_id, d.agent_id;
end
$$;
comment on function metering.agent_totals_of_days is
  'The totals of the tenant''s agents, computed from the roll-up by day.';

create or replace function metering.roll_up_usage(tenant_id uuid, max_events int default 50000) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_timezone text;
  v_counted_in text;
  v_batch_ids bigint[];
  v_from_at timestamptz;
  v_to_at timestamptz;
  v_count int;
begin
  call core.enter_tenant(roll_up_usage.tenant_id);
  -- Another worker is rolling up this tenant.
  if not pg_try_advisory_xact_lock(metering.metering_lock('roll_up'), hashtext(roll_up_usage.tenant_id::text)) then
    return 0;
  end if;
  select t.timezone, s.timezone into v_timezone, v_counted_in
    from app_public.tenants t left join metering.usage_rollup_state s on s.tenant_id = t.id
   where t.id = roll_up_usage.tenant_id;
  if not found then
    -- The usage was recorded while the tenant was being deleted, so it is not counted.
    delete from metering.usage_queue q where q.tenant_id = roll_up_usage.tenant_id;
    return 0;
  end if;
  if v_counted_in <> v_timezone then
    perform metering.rebuild_rollups(roll_up_usage.tenant_id);
  end if;

  with waiting as (
    select q.batch_id, sum(q.event_count) over (order by q.batch_id) - q.event_count as before_it
      from (select * from metering.usage_queue q where q.tenant_id = roll_up_usage.tenant_id
             order by q.batch_id limit roll_up_usage.max_events) as q
  ), taken as (
    delete from metering.usage_queue q using waiting w
     where q.tenant_id = roll_up_usage.tenant_id and q.batch_id = w.batch_id and w.before_it < roll_up_usage.max_events
    returning q.batch_id, q.first_at, q.last_at, q.event_count
  )
  select array_agg(batch_id), min(first_at), max(last_at) + interval '1 microsecond', coalesce(sum(event_count), 0)
    into v_batch_ids, v_from_at, v_to_at, v_count from taken;
  if v_count > 0 then
    perform metering.add_to_rollups(v_batch_ids, v_from_at, v_to_at, v_timezone);
    perform metering.add_to_report_rollups(v_batch_ids, v_from_at, v_to_at, v_timezone);
    perform metering.refresh_agent_statistics(metering.add_to_agents(v_batch_ids, v_from_at, v_to_at));
    perform metering.add_to_user_agents(v_batch_ids, v_from_at, v_to_at);
  end if;
  insert into metering.usage_rollup_state as s (tenant_id, timezone) values (roll_up_usage.tenant_id, v_timezone)
  on conflict (tenant_id) do update set rolled_up_at = now();
  return v_count;
end
$$;
comment on function metering.roll_up_usage is
  'Adds the usage of a tenant that waits in the queue to its roll-ups, the oldest batches first and about max_events events at most. Returns how many events it added: 0 when nothing waits or another worker is rolling up the tenant. When the time zone of the tenant has changed, its days are counted again.';
grant execute on function metering.roll_up_usage to rowhouse_worker;

-- Verification compares the roll-ups with the events from which they were computed.

create or replace function metering.expected_rollups(from_at timestamptz, to_at timestamptz, timezone text)
returns table (rollup text, content jsonb)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select 'usage_days', to_jsonb(d) from metering.usage_by_day(null, expected_rollups.from_at, expected_rollups.to_at, expected_rollups.timezone) d
    union all
    select 'usage_minutes', to_jsonb(m) from metering.usage_by_minute(null, expected_rollups.from_at, expected_rollups.to_at) m
    union all
    select 'usage_quarter_hours', to_jsonb(h) from metering.usage_by_quarter_hour(null, expected_rollups.from_at, expected_rollups.to_at) h
     where h.quantity <> 0
    union all
    select 'usage_user_days', to_jsonb(d) from metering.usage_by_user_day(null, expected_rollups.from_at, expected_rollups.to_at, expected_rollups.timezone) d
    union all
    select 'usage_users', to_jsonb(u) from metering.users_of_days() u
    union all
    select 'usage_model_days', to_jsonb(d) from metering.usage_by_model_day(null, expected_rollups.from_at, expected_rollups.to_at, expected_rollups.timezone) d
    union all
    select 'usage_agents', to_jsonb(a) from metering.agent_totals_of_days() a
    union all
    select 'usage_user_agents', to_jsonb(u) from metering.user_agent_totals_of_days() u
    union all
    -- Conversations have no day, so they are computed only when all days are.
    select 'usage_conversations', to_jsonb(c) from metering.counted_conversations() c
     where expected_rollups.from_at = '-infinity' and expected_rollups.to_at = 'infinity';
end
$$;
comment on function metering.expected_rollups is
  'The rows that the roll-ups of the tenant must have, computed from its events.';

create or replace function metering.stored_rollups(from_at timestamptz, to_at timestamptz, from_on date, to_on date)
returns table (rollup text, content jsonb)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  return query
    select 'usage_days', to_jsonb(d) from metering.usage_days d
     where d.tenant_id = v_tenant_id
       and d.used_on >= coalesce(stored_rollups.from_on, '-infinity') and d.used_on < coalesce(stored_rollups.to_on, 'infinity')
    union all
    select 'usage_minutes', to_jsonb(m) from metering.usage_minutes m
     where m.tenant_id = v_tenant_id and m.minute >= stored_rollups.from_at and m.minute < stored_rollups.to_at
    union all
    -- What was corrected to nothing may have a row or none.
    select 'usage_quarter_hours', to_jsonb(h) from metering.usage_quarter_hours h
     where h.tenant_id = v_tenant_id and h.starts_at >= stored_rollups.from_at and h.starts_at < stored_rollups.to_at and h.quantity <> 0
    union all
    select 'usage_user_days', to_jsonb(d) from metering.usage_user_days d
     where d.tenant_id = v_tenant_id
       and d.used_on >= coalesce(stored_rollups.from_on, '-infinity') and d.used_on < coalesce(stored_rollups.to_on, 'infinity')
    union all
    select 'usage_users', to_jsonb(u) from metering.usage_users u where u.tenant_id = v_tenant_id
    union all
    select 'usage_model_days', to_jsonb(d) from metering.usage_model_days d
     where d.tenant_id = v_tenant_id
       and d.used_on >= coalesce(stored_rollups.from_on, '-infinity') and d.used_on < coalesce(stored_rollups.to_on, 'infinity')
    union all
    select 'usage_agents', to_jsonb(a) from metering.usage_agents a where a.tenant_id = v_tenant_id
    union all
    -- A row without a call marks a person who listed the agent before they used it.
    select 'usage_user_agents', to_jsonb(u) from metering.usage_user_agents u where u.tenant_id = v_tenant_id and u.call_count > 0
    union all
    select 'usage_conversations', to_jsonb(c) from metering.usage_conversations c
     where c.tenant_id = v_tenant_id and stored_rollups.from_on is null and stored_rollups.to_on is null;
end
$$;
comment on function metering.stored_rollups is
  'The rows that the roll-ups of the tenant have.';

create or replace function metering.verify_rollups(from_on date default null, to_on date default null)
returns table (rollup text, key jsonb, expected jsonb, stored jsonb)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_timezone text;
  v_from_at timestamptz;
  v_to_at timestamptz;
  -- The times at which a row was written are not part of what was counted.
  v_ignored constant text[] := '{created_at,updated_at}';
  v_keys constant text[] :=
    '{tenant_id,used_on,minute,starts_at,payer_id,usage_type,user_id,agent_id,api_key_id,project_id,model_id,feature_name,conversation_id}';
begin
  perform tenancy.require_permission('can_view_analytics');
  -- This is the time zone in which the days were counted. When the tenant changes it, the next run counts them again.
  select coalesce(s.timezone, t.timezone) into v_timezone
    from app_public.tenants t left join metering.usage_rollup_state s on s.tenant_id = t.id
   where t.id = core.current_tenant_id();
  v_from_at := coalesce(verify_rollups.from_on::timestamp at time zone v_timezone, '-infinity');
  v_to_at := coalesce(verify_rollups.to_on::timestamp at time zone v_timezone, 'infinity');

  return query
    with expected as (
      select e.rollup, metering.only_keys(e.content, v_keys) as key, e.content - v_keys - v_ignored as values
        from metering.expected_rollups(v_from_at, v_to_at, v_timezone) e
    ), stored as (
      select s.rollup, metering.only_keys(s.content, v_keys) as key, s.content - v_keys - v_ignored as values
        from metering.stored_rollups(v_from_at, v_to_at, verify_rollups.from_on, verify_rollups.to_on) s
    )
    select rollup, key, e.values, s.values
      from expected e full join stored s using (rollup, key)
     where e.values is distinct from s.values
     order by rollup, key;
end
$$;
comment on function metering.verify_rollups is
  E'@errors ID203\nCompares the roll-ups of the tenant with the events from which they were computed, from one day to another (excluded), or for all days when no day is given. Returns a row for each difference, normally none. Batches that wait in the queue are left out on both sides. It reads all events of these days. Conversations have no day, so they are compared only for all days. It needs the permission can_view_analytics.';
grant execute on function metering.verify_rollups to rowhouse_user;

create or replace function metering.only_keys(value jsonb, keys text[]) returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_object_agg(key, value -> key) from unnest(keys) as key where value ? key;
$$;
comment on function metering.only_keys is
  'The object without the keys that are not in the list.';

set local role rowhouse_platform;  -- outside the wall: the worker looks for tenants whose usage waits to be rolled up
create or replace function metering.tenants_to_roll_up() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select q.tenant_id from metering.usage_queue q group by q.tenant_id
  union
  -- tenants that changed their time zone
  select s.tenant_id from metering.usage_rollup_state s join app_public.tenants t on t.id = s.tenant_id and t.timezone <> s.timezone
  order by 1;
$$;
comment on function metering.tenants_to_roll_up is
  'The tenants whose usage waits to be rolled up, or whose days must be counted again.';
grant execute on function metering.tenants_to_roll_up to rowhouse_worker;

set local role rowhouse_owner;
