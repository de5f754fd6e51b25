-- How events are counted. Rolling up, rebuilding and verifying the roll-ups all use this one definition.

create or replace function metering.derived_id(key text) returns uuid
language sql stable parallel safe
return substr(encode(sha256(convert_to(key, 'UTF8')), 'hex'), 1, 32)::uuid;
comment on function metering.derived_id is
  'The id of a row of a report, which is always the same for the same key.';
grant execute on function metering.derived_id to rowhouse_user, rowhouse_platform;

create or replace function metering.countable_usage(batch_ids bigint[], from_at timestamptz, to_at timestamptz)
returns setof app_public.usage_events
language plpgsql stable
-- The statistics of a growing table never know the newest events, so the planner must not trust them.
set enable_seqscan to off
set plan_cache_mode to force_custom_plan
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_first_month timestamptz := metering.month_start(countable_usage.from_at);
  v_last_month timestamptz := metering.month_start(countable_usage.to_at);
begin
  if countable_usage.batch_ids is not null then
    -- Whole months are enough to choose the partitions. With the exact times the planner would read all events of these
    -- minutes by the other index, because its statistics do not know the newest events.
    return query
      select e.* from app_public.usage_events e
       where e.tenant_id = v_tenant_id and e.batch_id = any (countable_usage.batch_ids)
         and e.occurred_at >= v_first_month and e.occurred_at < v_last_month + interval '1 month 1 day';
  else
    return query
      select e.* from app_public.usage_events e
       where e.tenant_id = v_tenant_id and e.occurred_at >= countable_usage.from_at and e.occurred_at < countable_usage.to_at
         and not exists (select from metering.usage_queue q where q.tenant_id = v_tenant_id and q.batch_id = e.batch_id);
  end if;
end
$$;
comment on function metering.countable_usage is
  'The events of the tenant that belong to these batches, whose events lie between the two instants; or, when no batches are given, all events between the two instants (the end excluded) whose batches are counted already.';

create or replace function metering.usage_by_day(batch_ids bigint[], from_at timestamptz, to_at timestamptz, timezone text)
returns setof metering.usage_days
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select e.tenant_id, (e.occurred_at at time zone usage_by_day.timezone)::date, e.usage_type, e.user_id, e.agent_id, e.api_key_id,
           e.project_id, e.model_id, e.feature_name,
           count(*) filter (where e.quantity > 0), sum(e.quantity), coalesce(sum(e.cost), 0),
           coalesce(sum(e.duration_ms), 0), count(e.duration_ms),
           count(*) filter (where e.outcome = 'success'), count(*) filter (where e.outcome = 'error'),
           count(*) filter (where e.outcome = 'abandoned'), min(e.occurred_at), max(e.occurred_at),
           max(e.occurred_at) filter (where e.outcome = 'success'), max(e.occurred_at) filter (where e.outcome = 'error'), now(), now()
      from metering.countable_usage(usage_by_day.batch_ids, usage_by_day.from_at, usage_by_day.to_at) e
     group by 1, 2, 3, 4, 5, 6, 7, 8, 9
     -- Rows that are neighbours in the index are written one after the other.
     order by 1, 2, 3, 4, 5, 6, 7, 8, 9;
end
$$;
comment on function metering.usage_by_day is
  'The countable events by calendar day and all dimensions.';

create or replace function metering.usage_by_minute(batch_ids bigint[], from_at timestamptz, to_at timestamptz)
returns setof metering.usage_minutes
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select e.tenant_id, date_trunc('minute', e.occurred_at), e.user_id, e.agent_id, e.api_key_id,
           coalesce(sum(e.quantity) filter (where e.usage_type in ('api_call', 'llm_call')), 0),
           coalesce(sum(e.quantity) filter (where t.token_class <> 'embedding'), 0),
           coalesce(sum(e.cost), 0),
           coalesce(sum(e.quantity) filter (where e.usage_type = 'consultation'), 0),
           coalesce(sum(e.quantity) filter (where e.usage_type = 'panel'), 0),
           coalesce(sum(e.quantity) filter (where e.usage_type = 'workflow_run'), 0),
           coalesce(sum(e.quantity) filter (where e.usage_type = 'tool_call'), 0),
           coalesce(sum(e.duration_ms), 0), count(e.duration_ms),
           count(*) filter (where e.outcome = 'success'), count(*) filter (where e.outcome = 'error'), now(), now()
      from metering.countable_usage(usage_by_minute.batch_ids, usage_by_minute.from_at, usage_by_minute.to_at) e
      join app_public.usage_types t on t.name = e.usage_type
     group by 1, 2, 3, 4, 5
     order by 1, 2, 3, 4, 5;
end
$$;
comment on function metering.usage_by_minute is
  'The countable events by minute, user, agent and API key.';

create or replace function metering.quarter_hour(at timestamptz) returns timestamptz
language sql immutable parallel safe
return date_bin('15 minutes', at, '2000-01-01 00:00+00');
comment on function metering.quarter_hour is
  'The beginning of the quarter of an hour in which an instant lies.';
grant execute on function metering.quarter_hour to rowhouse_platform;

create or replace function metering.usage_by_quarter_hour(batch_ids bigint[], from_at timestamptz, to_at timestamptz)
returns setof metering.usage_quarter_hours
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select e.tenant_id, u.usage_type, metering.quarter_hour(e.occurred_at), e.payer_id, sum(u.quantity)
      from metering.countable_usage(usage_by_quarter_hour.batch_ids, usage_by_quarter_hour.from_at, usage_by_quarter_hour.to_at) e
     cross join lateral (values (e.usage_type, e.quantity), ('llm_cost', e.cost)) as u (usage_type, quantity)
     where e.adjusts_period is null and u.quantity <> 0
     group by 1, 2, 3, 4
     order by 1, 2, 3, 4;
end
$$;
comment on function metering.usage_by_quarter_hour is
  'The quantities of the countable events, and as llm_cost their costs, by quarter of an hour, type and who pays for them, without what was recorded after its billing period was final.';

create or replace function metering.usage_by_agent(batch_ids bigint[], from_at timestamptz, to_at timestamptz)
returns setof metering.usage_agents
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select e.tenant_id, e.agent_id, count(*), coalesce(sum(e.duration_ms), 0)::bigint, count(e.duration_ms),
           count(*) filter (where e.outcome = 'success'), count(*) filter (where e.outcome = 'error'),
           max(e.occurred_at) filter (where e.outcome = 'success'), max(e.occurred_at) filter (where e.outcome = 'error')
      from metering.countable_usage(usage_by_agent.batch_ids, usage_by_agent.from_at, usage_by_agent.to_at) e
     where e.agent_id is not null and e.usage_type = 'llm_call' and e.quantity > 0
     group by 1, 2;
end
$$;
comment on function metering.usage_by_agent is
  'The calls of language models among the countable events, by agent.';
