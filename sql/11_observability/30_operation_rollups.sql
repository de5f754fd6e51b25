-- Rolling up operations: a run takes batches out of the queue and adds them to the counts by day in one transaction, so its cost
-- depends only on what is new. Durations are counted in buckets of a logarithmic scale; buckets of any days and subjects add
-- up, and percentiles are read from the sum. (An average of percentiles would be the percentile of nothing.)

call core.secure_tenant_table('observability.operation_queue');
call audit.leave_out('a queue or a buffer of tasks', 'observability.operation_queue');
grant select, delete on observability.operation_queue to rowhouse_platform;
comment on table observability.operation_queue is 'Batches of events that the counts by day do not have yet, each with the times of its first and its last event.';

call core.secure_tenant_table('observability.operation_days');
call audit.leave_out('derived from other tables by rules', 'observability.operation_days');
call core.allow('observability.operation_days', read => 'can_view_analytics, analyst');
grant select on observability.operation_days to rowhouse_user, rowhouse_analytics;
grant select, delete on observability.operation_days to rowhouse_platform;
comment on table observability.operation_days is
  'Operations by day of the tenant''s calendar, kind, subject, operation and bucket of the duration.';

call core.secure_tenant_table('observability.operation_totals');
call audit.leave_out('derived from other tables by rules', 'observability.operation_totals');
grant select, delete on observability.operation_totals to rowhouse_platform;
comment on table observability.operation_totals is 'The totals of all operations of each tool, prompt, workflow, agent and panel.';

call core.secure_tenant_table('observability.rollup_state');
call audit.leave_out('derived from other tables by rules', 'observability.rollup_state');
grant select on observability.rollup_state to rowhouse_platform;
comment on table observability.rollup_state is 'The time zone in which a tenant''s operations were counted, and the time of the last run.';

comment on domain app_public.operation_kind is
  'What operations are counted by: the agent, prompt, workflow or panel they belong to, the tool that ran, or the event of the product.';

-- The scale is that of DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019, section 2), with the base 1.02: bucket i holds durations
-- above 1.02^(i-1) and up to 1.02^i ms. Its value 2 * 1.02^i / 2.02 is at most 1 % away from each of them.

create or replace function observability.duration_bucket(duration_ms bigint) returns smallint
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case
    when duration_ms is null then null
    when duration_ms < 1 then -1
    -- Rounding keeps an exact power of the base in its bucket.
    else ceil(round((ln(duration_ms::double precision) / ln(1.02::double precision))::numeric, 9))::smallint
  end;
$$;
comment on function observability.duration_bucket is
  'The bucket of a duration in milliseconds: -1 for less than one, else 0 to 1,100; null for none.';

-- inlinable, because reports compute it for each row
create or replace function observability.bucket_value(bucket smallint) returns numeric
language sql immutable parallel safe
return case when bucket = -1 then 0 else round((2 * power(1.02::double precision, bucket) / 2.02)::numeric, 1) end;
comment on function observability.bucket_value is
  'The duration in milliseconds that stands for a bucket: at most 1 % away from each duration that is counted in it.';
grant execute on function observability.bucket_value to rowhouse_user, rowhouse_analyst;

create or replace function observability.percentile(buckets smallint[], counts bigint[], fraction numeric) returns numeric
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select observability.bucket_value(min(c.bucket)::smallint)
    from (
      select b.bucket, sum(b.count) over (order by b.bucket) as up_to, sum(b.count) over () as of_all
        from unnest(percentile.buckets, percentile.counts) as b (bucket, count)
       where b.bucket is not null
    ) as c
   where c.up_to >= ceil(percentile.fraction * c.of_all);
$$;
comment on function observability.percentile is
  'A percentile of the durations that are counted in these buckets, by nearest rank, in milliseconds: at most 1 % away from the exact one. fraction is 0.5 for the median. Null when nothing has a duration.';
grant execute on function observability.percentile to rowhouse_user;

-- How operations are counted. Rolling up, rebuilding and verifying all use this one definition.

create or replace function observability.countable_operations(batch_ids bigint[], from_at timestamptz, to_at timestamptz)
returns table (at timestamptz, kind text, subject_id uuid, operation text, is_success boolean, duration_ms int, token_count bigint, cost_usd numeric)
language plpgsql stable
-- The statistics of a growing table never know the newest events, so the planner must not trust them.
set enable_seqscan to off
set plan_cache_mode to force_custom_plan
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
begin
  return query
    with queued as materialized (
      select q.batch_id from observability.operation_queue q
       where countable_operations.batch_ids is null and q.tenant_id = v_tenant_id
    )
    select m.created_at, s.kind, s.id, m.operation_type, m.success, m.response_time_ms, (m.tokens_input + m.tokens_output)::bigint, m.cost_usd
      from app_public.agent_metrics m
     cross join lateral (values ('agent', m.agent_id, true), ('prompt', m.prompt_id, false), ('workflow', m.workflow_id, false),
                                ('panel', m.panel_id, false)) as s (kind, id, is_always)
     where m.tenant_id = v_tenant_id and m.created_at >= countable_operations.from_at and m.created_at < countable_operations.to_at
       and (s.id is not null or s.is_always)
       and (m.batch_id = any (countable_operations.batch_ids)
         or countable_operations.batch_ids is null and m.batch_id not in (select batch_id from queued))
    union all
    select e.executed_at, 'tool', e.tool_id, e.tool_name, e.status = 'success', e.duration_ms, 0::bigint, e.cost_usd
      from app_public.tool_executions e
     where e.tenant_id = v_tenant_id and e.executed_at >= countable_operations.from_at and e.executed_at < countable_operations.to_at
       and (e.batch_id = any (countable_operations.batch_ids)
         or countable_operations.batch_ids is null and e.batch_id not in (select batch_id from queued))
    union all
    select e.occurred_at, 'event', null::uuid, e.event_name, true, null::int, 0::bigint, 0::numeric
      from app_public.analytics_events e
     where e.tenant_id = v_tenant_id and e.occurred_at >= countable_operations.from_at and e.occurred_at < countable_operations.to_at
       and e.is_known
       and (e.batch_id = any (countable_operations.batch_ids)
         or countable_operations.batch_ids is null and e.batch_id not in (select batch_id from queued));
end
$$;
comment on function observability.countable_operations is
  'The operations of the tenant that belong to these batches, whose events lie between the two instants; or, when no batches are given, all between the two instants (the end excluded) whose batches are counted already.';

create or replace function observability.operations_by_day(batch_ids bigint[], from_at timestamptz, to_at timestamptz, timezone text)
returns setof observability.operation_days
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select core.current_tenant_id(), (o.at at time zone operations_by_day.timezone)::date, o.kind::app_public.operation_kind, o.subject_id, o.operation,
           observability.duration_bucket(o.duration_ms), count(*), count(*) filter (where o.is_success),
           count(*) filter (where not o.is_success), coalesce(sum(o.duration_ms), 0)::bigint, sum(o.token_count)::bigint,
           sum(o.cost_usd), max(o.at)
      from observability.countable_operations(operations_by_day.batch_ids, operations_by_day.from_at, operations_by_day.to_at) o
     group by 2, 3, 4, 5, 6
     order by 2, 3, 4, 5, 6;
end
$$;
comment on function observability.operations_by_day is 'The countable operations by calendar day and all dimensions.';

-- The days of a large tenant are too many for an array, so they are read from their table a day at a time.
create or replace function observability.totals_of_days(days observability.operation_days[]) returns setof observability.operation_totals
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select core.current_tenant_id(), d.kind, d.subject_id, sum(d.execution_count)::bigint, sum(d.success_count)::bigint,
         sum(d.error_count)::bigint, sum(d.duration_ms)::bigint, coalesce(sum(d.execution_count) filter (where d.bucket is not null), 0)::bigint,
         max(d.last_at)
    from unnest(totals_of_days.days) as d
   where d.subject_id is not null
   group by d.kind, d.subject_id
   order by d.kind, d.subject_id;
$$;
comment on function observability.totals_of_days is 'What these rows add to the totals of their subjects.';

create or replace function observability.totals_of_all_days() returns setof observability.operation_totals
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select t.tenant_id, t.kind, t.subject_id, sum(t.execution_count)::bigint, sum(t.success_count)::bigint, sum(t.error_count)::bigint,
         sum(t.duration_ms)::bigint, sum(t.timed_count)::bigint, max(t.last_at)
    from (select d.day, array_agg(d) as days from observability.operation_days d
           where d.tenant_id = core.current_tenant_id() group by d.day) as d
   cross join lateral observability.totals_of_days(d.days) as t
   group by t.tenant_id, t.kind, t.subject_id;
$$;
comment on function observability.totals_of_all_days is 'The totals of each subject, from all days of the tenant.';

create or replace function observability.add_operations(days observability.operation_days[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into observability.operation_days as d
  select n.* from unnest(add_operations.days) as n
  on conflict (tenant_id, day, kind, subject_id, operation, bucket) do update
     set execution_count = d.execution_count + excluded.execution_count, success_count = d.success_count + excluded.success_count,
         error_count = d.error_count + excluded.error_count, duration_ms = d.duration_ms + excluded.duration_ms,
         token_count = d.token_count + excluded.token_count, cost_usd = d.cost_usd + excluded.cost_usd,
         last_at = greatest(d.last_at, excluded.last_at);
  insert into observability.operation_totals as t
  select * from observability.totals_of_days(add_operations.days)
  on conflict (tenant_id, kind, subject_id) do update
     set execution_count = t.execution_count + excluded.execution_count, success_count = t.success_count + excluded.success_count,
         error_count = t.error_count + excluded.error_count, duration_ms = t.duration_ms + excluded.duration_ms,
         timed_count = t.timed_count + excluded.timed_count, last_at = greatest(t.last_at, excluded.last_at);
end
$$;
comment on function observability.add_operations is 'Adds counts to the counts by day and to the totals.';

create or replace function observability.refresh_resources(subject_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
begin
  update app_public.tools r
     set usage_count = t.execution_count, last_used_at = t.last_at,
         avg_response_time_ms = round(t.duration_ms::numeric / nullif(t.timed_count, 0)),
         success_rate = round(100.0 * t.success_count / nullif(t.success_count + t.error_count, 0), 2)
    from observability.operation_totals t
   where t.tenant_id = v_tenant_id and t.kind = 'tool' and t.subject_id = any (refresh_resources.subject_ids)
     and r.tenant_id = v_tenant_id and r.id = t.subject_id;
  update app_public.prompts r
     set usage_count = t.execution_count, last_used_at = t.last_at,
         success_rate = round(100.0 * t.success_count / nullif(t.success_count + t.error_count, 0), 2)
    from observability.operation_totals t
   where t.tenant_id = v_tenant_id and t.kind = 'prompt' and t.subject_id = any (refresh_resources.subject_ids)
     and r.tenant_id = v_tenant_id and r.id = t.subject_id;
end
$$;
comment on function observability.refresh_resources is
  'Copies the totals of these tools and prompts of the tenant to their rows of the catalogue: usage_count, success_rate (percent), avg_response_time_ms and last_used_at. Agents have theirs from their calls of models, and workflows from their runs.';

create or replace function observability.oldest_event() returns timestamptz
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select least(
    (select min(created_at) from app_public.agent_metrics where tenant_id = core.current_tenant_id()),
    (select min(executed_at) from app_public.tool_executions where tenant_id = core.current_tenant_id()),
    (select min(occurred_at) from app_public.analytics_events where tenant_id = core.current_tenant_id()));
$$;
comment on function observability.oldest_event is 'The time of the oldest event of the tenant that is still there.';

create or replace function observability.lock_rollup(tenant_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select pg_advisory_xact_lock(hashtext('observability.roll_up'), hashtext(lock_rollup.tenant_id::text));
$$;
comment on function observability.lock_rollup is 'Waits until no other transaction counts the operations of a tenant.';

create or replace function observability.rebuild_operations(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_timezone text;
  v_from_on date;
begin
  call core.enter_tenant(rebuild_operations.tenant_id);
  perform observability.lock_rollup(rebuild_operations.tenant_id);
  select t.timezone into v_timezone from app_public.tenants t where t.id = rebuild_operations.tenant_id;
  if not found then
    return;
  end if;
  -- Days whose events were removed cannot be counted again, so they stay. The time zone before may have called the first day another.
  select least((o.at at time zone v_timezone)::date, (o.at at time zone s.timezone)::date) into v_from_on
    from observability.oldest_event() as o (at)
    left join observability.rollup_state s on s.tenant_id = rebuild_operations.tenant_id;
  delete from observability.operation_days d where d.tenant_id = rebuild_operations.tenant_id and d.day >= v_from_on;
  delete from observability.operation_totals t where t.tenant_id = rebuild_operations.tenant_id;
  insert into observability.operation_days
  select * from observability.operations_by_day(null, v_from_on::timestamp at time zone v_timezone, 'infinity', v_timezone);
  insert into observability.operation_totals select * from observability.totals_of_all_days();
  perform observability.refresh_resources(array(
    select t.subject_id from observability.operation_totals t where t.tenant_id = rebuild_operations.tenant_id));
  insert into observability.rollup_state (tenant_id, timezone) values (rebuild_operations.tenant_id, v_timezone)
  on conflict on constraint rollup_state_pkey do update set timezone = excluded.timezone, rolled_up_at = now();
end
$$;
comment on function observability.rebuild_operations is
  'Counts the operations of a tenant again, from the day of its oldest event that is still there. Batches that wait in the queue are left out. Recording can continue meanwhile.';

create or replace function observability.roll_up_operations(tenant_id uuid, max_events int default 50000) returns int
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
  v_days observability.operation_days[];
begin
  call core.enter_tenant(roll_up_operations.tenant_id);
  perform observability.lock_rollup(roll_up_operations.tenant_id);
  select t.timezone, s.timezone into v_timezone, v_counted_in
    from app_public.tenants t left join observability.rollup_state s on s.tenant_id = t.id
   where t.id = roll_up_operations.tenant_id;
  if not found then
    -- The events were recorded while the tenant was being deleted, so they are not counted.
    delete from observability.operation_queue q where q.tenant_id = roll_up_operations.tenant_id;
    return 0;
  end if;
  if v_counted_in <> v_timezone then
    perform observability.rebuild_operations(roll_up_operations.tenant_id);
  end if;
  with waiting as (
    select q.batch_id, sum(q.event_count) over (order by q.batch_id) - q.event_count as before_it
      from (select * from observability.operation_queue q where q.tenant_id = roll_up_operations.tenant_id
             order by q.batch_id limit roll_up_operations.max_events) as q
  ), taken as (
    delete from observability.operation_queue q using waiting w
     where q.tenant_id = roll_up_operations.tenant_id and q.batch_id = w.batch_id and w.before_it < roll_up_operations.max_events
    returning q.batch_id, q.first_at, q.last_at, q.event_count
  )
  select array_agg(batch_id), min(first_at), max(last_at) + interval '1 microsecond', coalesce(sum(event_count), 0)
    into v_batch_ids, v_from_at, v_to_at, v_count from taken;
  if v_count > 0 then
    v_days := array(select d from observability.operations_by_day(v_batch_ids, v_from_at, v_to_at, v_timezone) as d);
    perform observability.add_operations(v_days);
    perform observability.refresh_resources(array(select distinct d.subject_id from unnest(v_days) d where d.subject_id is not null));
  end if;
  insert into observability.rollup_state (tenant_id, timezone) values (roll_up_operations.tenant_id, v_timezone)
  on conflict on constraint rollup_state_pkey do update set rolled_up_at = now();
  return v_count;
end
$$;
comment on function observability.roll_up_operations is
  'Adds the operations of a tenant that wait in the queue to its counts, the oldest batches first and about max_events events at most. Returns how many events it added. When the time zone of the tenant has changed, its days are counted again.';
grant execute on function observability.roll_up_operations to rowhouse_worker;

create or replace function observability.verify_operations() returns table (rollup text, key jsonb, expected jsonb, stored jsonb)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_timezone text;
  v_from_on date;
  v_keys constant text[] := '{day,kind,subject_id,operation,bucket}';
begin
  perform tenancy.require_permission('can_view_analytics');
  select s.timezone into v_timezone from observability.rollup_state s where s.tenant_id = core.current_tenant_id();
  v_from_on := coalesce((observability.oldest_event() at time zone v_timezone)::date, 'infinity');
  return query
    with expected as (
      select 'operation_days' as rollup, to_jsonb(d) as content
        from observability.operations_by_day(null, v_from_on::timestamp at time zone v_timezone, 'infinity', v_timezone) d
      union all
      select 'operation_totals', to_jsonb(t) from observability.totals_of_all_days() t
    ), stored as (
      select 'operation_days' as rollup, to_jsonb(d) as content
        from observability.operation_days d where d.tenant_id = core.current_tenant_id() and d.day >= v_from_on
      union all
      select 'operation_totals', to_jsonb(t) from observability.operation_totals t where t.tenant_id = core.current_tenant_id()
    )
    select rollup, key, e.content - v_keys, s.content - v_keys
      from (select rollup, metering.only_keys(content, v_keys) as key, content from expected) e
      full join (select rollup, metering.only_keys(content, v_keys) as key, content from stored) s using (rollup, key)
     where e.content is distinct from s.content
     order by rollup, key;
end
$$;
comment on function observability.verify_operations is
  E'@errors ID203\nCompares the counts of the tenant''s operations with the events from which they were computed, as metering.verify_rollups does for usage. Returns a row for each difference, normally none. Batches that wait in the queue are left out on both sides. It needs the permission can_view_analytics.';
grant execute on function observability.verify_operations to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the worker looks for tenants whose operations wait to be counted
create or replace function observability.tenants_to_roll_up() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select q.tenant_id from observability.operation_queue q group by q.tenant_id
  union
  -- tenants that changed their time zone
  select s.tenant_id from observability.rollup_state s join app_public.tenants t on t.id = s.tenant_id and t.timezone <> s.timezone
  order by 1;
$$;
comment on function observability.tenants_to_roll_up is
  'The tenants whose operations wait to be counted, or whose days must be counted again.';
grant execute on function observability.tenants_to_roll_up to rowhouse_worker;

set local role rowhouse_owner;
