-- Schedules: tasks that are created by themselves, by a cron expression in the tenant's time zone or at an interval. The idea: a
-- schedule knows when it is due next, and every run has a row whose key is the planned time. So ten workers run it once.

call core.secure_tenant_table('app_public.agent_scheduled_tasks');
call audit.track('app_public.agent_scheduled_tasks');
call core.allow('app_public.agent_scheduled_tasks', read => 'member', write => 'can_run_agents');
grant select, delete,
  insert (name, title, description, priority, assigned_agent_id, required_capability, input, cron_expression, every, starts_at, ends_at,
          max_runs, missed_runs, most_missed_runs, overlap, is_paused),
  update (name, title, description, priority, assigned_agent_id, required_capability, input, cron_expression, every, starts_at, ends_at,
          max_runs, missed_runs, most_missed_runs, overlap, is_paused)
  on app_public.agent_scheduled_tasks to rowhouse_user;
grant select, update on app_public.agent_scheduled_tasks to rowhouse_platform;
comment on table app_public.agent_scheduled_tasks is
  E'@foreignKey (assigned_agent_id) references app_public.agents (id)|@fieldName assignedAgent|@behavior -manyRelation:resource:connection -manyRelation:resource:list\nSchedules of this tenant, at most 500: each run creates a task. A schedule is paused and resumed by is_paused. Members of the tenant see them; writing needs can_run_agents.';
comment on column app_public.agent_scheduled_tasks.tenant_id is 'The tenant.';
comment on column app_public.agent_scheduled_tasks.id is 'The id.';
comment on column app_public.agent_scheduled_tasks.name is E'@notPersonal\nIts name.';
comment on column app_public.agent_scheduled_tasks.title is E'@notPersonal\nThe title of its tasks.';
comment on column app_public.agent_scheduled_tasks.description is E'@personal erase\nThe description of its tasks.';
comment on column app_public.agent_scheduled_tasks.priority is 'The priority of its tasks.';
comment on column app_public.agent_scheduled_tasks.assigned_agent_id is 'The agent that its tasks are for; null when any agent may claim them that has the capability.';
comment on column app_public.agent_scheduled_tasks.required_capability is 'What an agent must be able to do to claim them.';
comment on column app_public.agent_scheduled_tasks.input is E'@personal erase\n@behavior -filterBy -orderBy\nThe input of its tasks.';
comment on column app_public.agent_scheduled_tasks.cron_expression is
  E'@notPersonal\nWhen it runs: minute, hour, day of the month, month and weekday, such as 30 2 * * mon-fri, in the time zone of the tenant. A time that occurs twice when the clocks are set back runs once, at its first, and one that is skipped when they are set forward runs right after the gap. An expression for every hour runs in each hour that passes.';
comment on column app_public.agent_scheduled_tasks.every is 'Or the time between its runs, counted from starts_at, a minute to 366 days. A day is 24 hours.';
comment on column app_public.agent_scheduled_tasks.starts_at is 'From when on it runs.';
comment on column app_public.agent_scheduled_tasks.ends_at is 'Until when it runs; null for ever.';
comment on column app_public.agent_scheduled_tasks.max_runs is 'How many tasks it creates at most, without those of runScheduledTask; null for no limit.';
comment on column app_public.agent_scheduled_tasks.missed_runs is 'What happens to runs that were missed because no worker was running.';
comment on column app_public.agent_scheduled_tasks.most_missed_runs is 'How many of them run at most when all do: the latest, 1 to 100.';
comment on column app_public.agent_scheduled_tasks.overlap is 'What happens when it is due while the task of an earlier run has not ended.';
comment on column app_public.agent_scheduled_tasks.is_paused is 'Whether it is paused. What would have been due meanwhile does not run later.';
comment on column app_public.agent_scheduled_tasks.next_run_at is E'@kept\nWhen it is due next; null when it is paused or has ended.';
comment on column app_public.agent_scheduled_tasks.run_count is E'@kept\nHow many tasks it has created.';
comment on column app_public.agent_scheduled_tasks.created_by_user_id is E'@personal pseudonymise\nThe person who created it, and so gives its tasks.';
comment on column app_public.agent_scheduled_tasks.created_at is 'When it was created.';
comment on column app_public.agent_scheduled_tasks.updated_at is 'When it last changed.';
comment on constraint name_is_a_name on app_public.agent_scheduled_tasks is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint title_is_a_name on app_public.agent_scheduled_tasks is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint agent_scheduled_tasks_tenant_id_name_key on app_public.agent_scheduled_tasks is 'is the name of another schedule';
comment on constraint required_capability_is_a_word on app_public.agent_scheduled_tasks is
  'must be 1 to 63 small letters, digits and _ . : - and begin with a letter';
comment on constraint input_is_an_object on app_public.agent_scheduled_tasks is 'must be a JSON object';
comment on constraint timing_is_cron_or_an_interval on app_public.agent_scheduled_tasks is 'must be given, or every, and not both';
comment on constraint every_is_in_range on app_public.agent_scheduled_tasks is 'must be from a minute to 366 days, without months and years';
comment on constraint starts_at_is_finite on app_public.agent_scheduled_tasks is 'must be a time';
comment on constraint ends_at_is_after_starts_at on app_public.agent_scheduled_tasks is 'must be after starts_at';
comment on constraint max_runs_is_in_range on app_public.agent_scheduled_tasks is 'must be from 1 to 1,000,000';
comment on constraint most_missed_runs_is_in_range on app_public.agent_scheduled_tasks is 'must be from 1 to 100';
comment on constraint agent_scheduled_tasks_created_by_user_id_fkey on app_public.agent_scheduled_tasks is E'@fieldName creator\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on domain app_public.missed_runs_policy is
  'What happens to runs that were missed. skip: nothing, unless the last one is less than five minutes late. once: the last one runs. all: each of them runs, or the latest of them when there are more than most_missed_runs.';
comment on constraint missed_runs_policy_is_known on domain app_public.missed_runs_policy is 'must be skip, once or all';
comment on domain app_public.overlap_policy is
  'What happens to a run while the task of an earlier one has not ended. allow: it runs. skip: it does not. queue: one waits until then, and more do not run.';
comment on constraint overlap_policy_is_known on domain app_public.overlap_policy is 'must be allow, skip or queue';

create or replace function runtime.schedule_timezone() returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select t.timezone from app_public.tenants t where t.id = core.current_tenant_id();
$$;
comment on function runtime.schedule_timezone is 'The time zone of the tenant of the context, by whose clock its schedules run.';

create or replace function runtime.planned_after(schedule app_public.agent_scheduled_tasks, after timestamptz, timezone text) returns timestamptz
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_every constant double precision := extract(epoch from (schedule).every);
  v_next timestamptz;
begin
  if planned_after.after < (schedule).starts_at and (schedule).every is not null then
    v_next := (schedule).starts_at;
  elsif (schedule).every is not null then
    v_next := (schedule).starts_at + make_interval(secs =>
      v_every * (floor(extract(epoch from planned_after.after - (schedule).starts_at) / v_every) + 1));
  else
    v_next := core.cron_next((schedule).cron_expression,
      greatest(planned_after.after, (schedule).starts_at - interval '1 microsecond'), planned_after.timezone);
  end if;
  return case when v_next < (schedule).ends_at or (schedule).ends_at is null then v_next end;
end
$$;
comment on function runtime.planned_after is
  E'@errors RH401 RH402 22023\nWhen a schedule is due next after an instant; null when it ends before.';

create or replace function runtime.planned_until(schedule app_public.agent_scheduled_tasks, until timestamptz, timezone text) returns timestamptz
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_until constant timestamptz := least(planned_until.until, (schedule).ends_at - interval '1 microsecond');
  v_every constant double precision := extract(epoch from (schedule).every);
begin
  return case
    when v_until < (schedule).next_run_at then null
    when (schedule).every is null
      then core.cron_last((schedule).cron_expression, (schedule).next_run_at - interval '1 microsecond', v_until, planned_until.timezone)
    else (schedule).starts_at + make_interval(secs => v_every * floor(extract(epoch from v_until - (schedule).starts_at) / v_every)) end;
end
$$;
comment on function runtime.planned_until is
  E'@errors RH401 RH402 22023\nWhen a schedule was due last, from the time on at which it was due next; null when it was not.';

create or replace function runtime.most_schedules() returns int
language sql immutable parallel safe
return 500;
comment on function runtime.most_schedules is 'How many schedules a tenant can have.';

create or replace function runtime.tg_agent_scheduled_tasks__limit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtext('runtime.schedules'), hashtext(new.tenant_id::text));
  if (select count(*) from app_public.agent_scheduled_tasks s where s.tenant_id = new.tenant_id) >= runtime.most_schedules() then
    perform core.raise_error('RN630', format('A tenant can have at most %s schedules.', runtime.most_schedules()), 'Delete schedules that are not needed.');
  end if;
  return new;
end
$$;
comment on function runtime.tg_agent_scheduled_tasks__limit is
  E'@errors RN630\nKeeps the number of a tenant''s schedules below its limit. One transaction at a time adds some.';

create or replace function runtime.tg_agent_scheduled_tasks__plan() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.assigned_agent_id is not null and (tg_op = 'INSERT' or new.assigned_agent_id is distinct from old.assigned_agent_id) then
    perform runtime.require_agent(new.assigned_agent_id, 'assigned_agent_id');
  end if;
  -- A wrong expression is refused also while it is paused. What the checks of the table refuse is not planned.
  if num_nonnulls(new.cron_expression, new.every) = 1 and isfinite(new.starts_at) and (new.every >= interval '1 minute') is not false then
    new.next_run_at := runtime.planned_after(new, core.clock(), runtime.schedule_timezone());
  end if;
  if new.is_paused or new.run_count >= new.max_runs then
    new.next_run_at := null;
  end if;
  return new;
end
$$;
comment on function runtime.tg_agent_scheduled_tasks__plan is
  E'@errors RH401 RH402 RN302\nSets when a schedule that was created or changed is due next.';

create or replace trigger _200_limit before insert on app_public.agent_scheduled_tasks
  for each row execute function runtime.tg_agent_scheduled_tasks__limit();
create or replace trigger _210_plan
  before insert or update of assigned_agent_id, cron_expression, every, starts_at, ends_at, max_runs, is_paused
  on app_public.agent_scheduled_tasks
  for each row execute function runtime.tg_agent_scheduled_tasks__plan();

set local role rowhouse_platform;  -- outside the wall: staff and the command line change the time zone of a tenant from outside of it
create or replace function runtime.tg_tenants__plan_schedules() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- What is due already was due by the old clock.
  update app_public.agent_scheduled_tasks s
     set next_run_at = runtime.planned_after(s, core.clock(), new.timezone)
   where s.tenant_id = new.id and s.cron_expression is not null and s.next_run_at > core.clock();
  return null;
end
$$;
comment on function runtime.tg_tenants__plan_schedules is E'@errors RH401 RH402\nPlans the schedules of a tenant anew by its new time zone.';
grant execute on function runtime.tg_tenants__plan_schedules to rowhouse_owner;
set local role rowhouse_owner;
grant execute on function runtime.planned_after to rowhouse_platform;
create or replace trigger _530_plan_schedules after update of timezone on app_public.tenants
  for each row when (old.timezone is distinct from new.timezone) execute function runtime.tg_tenants__plan_schedules();

-- The row is given by the caller; only its key is used.
create or replace function app_public.agent_scheduled_tasks_next_runs(schedule app_public.agent_scheduled_tasks, count int default 5)
returns timestamptz[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_timezone constant text := runtime.schedule_timezone();
  v_schedule app_public.agent_scheduled_tasks;
  v_most int := coalesce(agent_scheduled_tasks_next_runs.count, 5);
  v_next timestamptz;
  v_runs timestamptz[] := '{}';
begin
  if v_most not between 1 and 100 then
    perform core.raise_error('RN433', 'count: It must be from 1 to 100.', 'Leave it out for 5.');
  end if;
  select * into v_schedule from app_public.agent_scheduled_tasks s where s.tenant_id = core.current_tenant_id() and s.id = (schedule).id;
  v_next := v_schedule.next_run_at;
  v_most := least(v_most, v_schedule.max_runs - v_schedule.run_count);
  while v_next is not null and cardinality(v_runs) < v_most loop
    v_runs := v_runs || v_next;
    v_next := runtime.planned_after(v_schedule, v_next, v_timezone);
  end loop;
  return v_runs;
end
$$;
comment on function app_public.agent_scheduled_tasks_next_runs is
  E'@notNull\n@errors RN433\nWhen it runs next: as many times as count says, 1 to 100, or fewer when it ends before. None while it is paused.';
grant execute on function app_public.agent_scheduled_tasks_next_runs to rowhouse_user;
