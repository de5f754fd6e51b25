-- Roll-ups for reports: who used something on which day, and what models cost on which day. They are coarser than usage_days by
-- as much as a person or a model has rows of it a day, are kept by the same runs, and are read by the analysts' views.

call core.secure_tenant_table('metering.usage_user_days');
call audit.leave_out('derived from other tables by rules', 'metering.usage_user_days');
call core.allow('metering.usage_user_days', read => 'analyst');
grant select on metering.usage_user_days to rowhouse_analytics;
grant select, delete on metering.usage_user_days to rowhouse_platform;
comment on table metering.usage_user_days is 'The people who used something, by day of the tenant''s calendar.';
comment on column metering.usage_user_days.user_id is E'@personal pseudonymise\nThe person.';
comment on column metering.usage_user_days.event_count is 'The events of the person on this day.';

call core.secure_tenant_table('metering.usage_users');
call audit.leave_out('derived from other tables by rules', 'metering.usage_users');
call core.allow('metering.usage_users', read => 'analyst');
grant select on metering.usage_users to rowhouse_analytics;
grant select, delete on metering.usage_users to rowhouse_platform;
comment on table metering.usage_users is 'The people who have a row in usage_user_days: a report computes the pseudonym of each once.';
comment on column metering.usage_users.user_id is E'@personal pseudonymise\nThe person.';

call core.secure_tenant_table('metering.usage_model_days');
call audit.leave_out('derived from other tables by rules', 'metering.usage_model_days');
call core.allow('metering.usage_model_days', read => 'analyst');
grant select on metering.usage_model_days to rowhouse_analytics;
grant select, delete on metering.usage_model_days to rowhouse_platform;
comment on table metering.usage_model_days is
  'Calls of models, tokens and all costs, by day of the tenant''s calendar, model, agent and project.';
comment on column metering.usage_model_days.token_count is 'Tokens of language models.';

create or replace function metering.usage_by_user_day(batch_ids bigint[], from_at timestamptz, to_at timestamptz, timezone text)
returns setof metering.usage_user_days
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select e.tenant_id, (e.occurred_at at time zone usage_by_user_day.timezone)::date, e.user_id, count(*)
      from metering.countable_usage(usage_by_user_day.batch_ids, usage_by_user_day.from_at, usage_by_user_day.to_at) e
     -- A correction is no use.
     where e.user_id is not null and e.quantity > 0
     group by 1, 2, 3
     order by 1, 2, 3;
end
$$;
comment on function metering.usage_by_user_day is 'The countable events by calendar day and person.';

create or replace function metering.usage_by_model_day(batch_ids bigint[], from_at timestamptz, to_at timestamptz, timezone text)
returns setof metering.usage_model_days
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select e.tenant_id, (e.occurred_at at time zone usage_by_model_day.timezone)::date, e.model_id, e.agent_id, e.project_id,
           coalesce(sum(e.cost), 0), coalesce(sum(e.quantity) filter (where e.usage_type = 'llm_call'), 0),
           count(*) filter (where e.usage_type = 'llm_call' and e.outcome = 'error'),
           coalesce(sum(e.quantity) filter (where t.token_class <> 'embedding'), 0)
      from metering.countable_usage(usage_by_model_day.batch_ids, usage_by_model_day.from_at, usage_by_model_day.to_at) e
      join app_public.usage_types t on t.name = e.usage_type
     where e.cost <> 0 or e.usage_type = 'llm_call' or t.token_class is not null
     group by 1, 2, 3, 4, 5
     order by 1, 2, 3, 4, 5;
end
$$;
comment on function metering.usage_by_model_day is
  'The countable calls, tokens and costs by calendar day, model, agent and project.';

create or replace function metering.users_of_days() returns setof metering.usage_users
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select distinct d.tenant_id, d.user_id from metering.usage_user_days d where d.tenant_id = core.current_tenant_id();
$$;
comment on function metering.users_of_days is 'The people of the tenant who have a day.';

create or replace function metering.add_to_report_rollups(batch_ids bigint[], from_at timestamptz, to_at timestamptz, timezone text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  with added as (
    insert into metering.usage_user_days as d
    select * from metering.usage_by_user_day(
      add_to_report_rollups.batch_ids, add_to_report_rollups.from_at, add_to_report_rollups.to_at, add_to_report_rollups.timezone)
    on conflict (tenant_id, used_on, user_id) do update set event_count = d.event_count + excluded.event_count
    returning tenant_id, user_id
  )
  insert into metering.usage_users select distinct tenant_id, user_id from added
  on conflict do nothing;

  insert into metering.usage_model_days as d
  select * from metering.usage_by_model_day(
    add_to_report_rollups.batch_ids, add_to_report_rollups.from_at, add_to_report_rollups.to_at, add_to_report_rollups.timezone)
  on conflict (tenant_id, used_on, model_id, agent_id, project_id) do update
     set cost = d.cost + excluded.cost, call_count = d.call_count + excluded.call_count,
         error_count = d.error_count + excluded.error_count, token_count = d.token_count + excluded.token_count;
end
$$;
comment on function metering.add_to_report_rollups is 'Adds the countable events to the roll-ups for reports.';

create or replace function metering.rebuild_report_rollups(
  from_on date, to_on date, from_at timestamptz, to_at timestamptz, timezone text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_from_on constant date := coalesce(rebuild_report_rollups.from_on, '-infinity');
  v_to_on constant date := coalesce(rebuild_report_rollups.to_on, 'infinity');
begin
  delete from metering.usage_user_days d where d.tenant_id = v_tenant_id and d.used_on >= v_from_on and d.used_on < v_to_on;
  delete from metering.usage_model_days d where d.tenant_id = v_tenant_id and d.used_on >= v_from_on and d.used_on < v_to_on;
  delete from metering.usage_users u where u.tenant_id = v_tenant_id;
  insert into metering.usage_users select * from metering.users_of_days();
  perform metering.add_to_report_rollups(null, rebuild_report_rollups.from_at, rebuild_report_rollups.to_at, rebuild_report_rollups.timezone);
end
$$;
comment on function metering.rebuild_report_rollups is
  'Counts the days of the roll-ups for reports again, from one day to another (excluded), which begin at these instants; all days when no day is given.';
