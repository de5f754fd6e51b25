-- Runs of schedules: every time that was planned has a row, which says what became of it. A worker looks once a minute.

call core.secure_tenant_table('app_public.agent_scheduled_runs');
call audit.leave_out('a log that is only added to', 'app_public.agent_scheduled_runs');
call core.allow('app_public.agent_scheduled_runs', read => 'member');
grant select on app_public.agent_scheduled_runs to rowhouse_user;
grant select, delete on app_public.agent_scheduled_runs to rowhouse_platform;
comment on table app_public.agent_scheduled_runs is
  E'@large\n@behavior -insert -update -delete -query:resource:single -query:resource:connection\nThe history of schedules: each planned run, and what became of it. Members of the tenant see it.';
comment on column app_public.agent_scheduled_runs.tenant_id is 'The tenant.';
comment on column app_public.agent_scheduled_runs.scheduled_task_id is 'The schedule.';
comment on column app_public.agent_scheduled_runs.planned_at is 'When it was due.';
comment on column app_public.agent_scheduled_runs.status is 'What became of it.';
comment on column app_public.agent_scheduled_runs.is_manual is 'Whether a person asked for it by runScheduledTask.';
comment on column app_public.agent_scheduled_runs.task_id is 'The task that it created.';
comment on column app_public.agent_scheduled_runs.reason is E'@notPersonal\nWhy it did not run.';
comment on column app_public.agent_scheduled_runs.created_at is 'When a worker took it up.';
comment on constraint queued_has_no_task on app_public.agent_scheduled_runs is 'must have no task while it is queued';
comment on constraint agent_scheduled_runs_tenant_id_scheduled_task_id_fkey on app_public.agent_scheduled_runs is E'@fieldName schedule\n@foreignFieldName runs';
comment on constraint agent_scheduled_runs_tenant_id_task_id_fkey on app_public.agent_scheduled_runs is E'@fieldName task\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on domain app_public.scheduled_run_status is
  'What became of a planned run. running: its task was created. queued: it waits for the end of an earlier one. finished: its task has ended. skipped: an earlier one had not ended. missed: no worker was running when it was due; the row is the first of those that were missed. failed: its task could not be created.';
comment on constraint scheduled_run_status_is_known on domain app_public.scheduled_run_status is
  'must be running, queued, finished, skipped, missed or failed';

call governance.define_data_kind('scheduled_runs', 'The history of schedules.', 400, 1);
call governance.add_table_to_kind('scheduled_runs', 'app_public.agent_scheduled_runs', 'created_at', $$t.status not in ('running', 'queued')$$);

create or replace function runtime.create_scheduled_task(schedule app_public.agent_scheduled_tasks) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
begin
  v_task.title := (schedule).title;
  v_task.description := (schedule).description;
  v_task.priority := (schedule).priority;
  v_task.assigned_agent_id := (schedule).assigned_agent_id;
  v_task.required_capability := (schedule).required_capability;
  v_task.input := (schedule).input;
  v_task.created_by_user_id := (schedule).created_by_user_id;
  return (runtime.add_task(v_task)).id;
end
$$;
comment on function runtime.create_scheduled_task is E'@errors RN302\nCreates the task of a run of a schedule.';

-- The row of a run is finished when somebody looks, so that the end of a task costs nothing more.
create or replace function runtime.has_open_run(scheduled_task_id uuid) returns boolean
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.agent_scheduled_runs r set status = 'finished'
   where r.tenant_id = core.current_tenant_id() and r.scheduled_task_id = has_open_run.scheduled_task_id and r.status = 'running'
     and not exists (
       select from app_public.tasks t where t.tenant_id = r.tenant_id and t.id = r.task_id and not runtime.is_end(t.status));
  return exists (
    select from app_public.agent_scheduled_runs r
     where r.tenant_id = core.current_tenant_id() and r.scheduled_task_id = has_open_run.scheduled_task_id and r.status = 'running');
end
$$;
comment on function runtime.has_open_run is 'Whether the task of a run of a schedule has not ended. Runs whose tasks have ended are marked.';

create or replace function runtime.has_queued_run(scheduled_task_id uuid) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.agent_scheduled_runs r
     where r.tenant_id = core.current_tenant_id() and r.scheduled_task_id = has_queued_run.scheduled_task_id and r.status = 'queued');
$$;
comment on function runtime.has_queued_run is 'Whether a run of a schedule waits for the end of an earlier one.';

create or replace function runtime.start_run(schedule app_public.agent_scheduled_tasks, planned_at timestamptz, is_manual boolean)
returns app_public.agent_scheduled_runs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_is_free constant boolean := not runtime.has_open_run((schedule).id) or (schedule).overlap = 'allow';
  v_waits constant boolean := not v_is_free and (schedule).overlap = 'queue' and not runtime.has_queued_run((schedule).id);
  v_run app_public.agent_scheduled_runs;
begin
  insert into app_public.agent_scheduled_runs (tenant_id, scheduled_task_id, planned_at, status, is_manual, reason, created_at)
  values ((schedule).tenant_id, (schedule).id, start_run.planned_at,
          case when v_is_free then 'running' when v_waits then 'queued' else 'skipped' end, start_run.is_manual,
          case when not v_is_free then 'The task of an earlier run has not ended.' end, core.clock())
  on conflict do nothing
  returning * into v_run;
  if v_run.status = 'running' then
    update app_public.agent_scheduled_runs r set task_id = runtime.create_scheduled_task(schedule)
     where r.tenant_id = v_run.tenant_id and r.scheduled_task_id = v_run.scheduled_task_id and r.planned_at = v_run.planned_at
    returning r.* into v_run;
  end if;
  if v_run.status in ('running', 'queued') and not start_run.is_manual then
    update app_public.agent_scheduled_tasks s set run_count = s.run_count + 1
     where s.tenant_id = (schedule).tenant_id and s.id = (schedule).id;
  end if;
  return v_run;
end
$$;
comment on function runtime.start_run is
  E'@errors RN302\nStarts the run of a schedule, which is locked, for a planned time: creates its task, or queues or skips it while an earlier one has not ended. Null when that time has a run already.';

create or replace function runtime.missed_after() returns interval
language sql immutable parallel safe
return interval '5 minutes';
comment on function runtime.missed_after is 'How late a run may be until it counts as missed.';

create or replace function runtime.due_times(schedule app_public.agent_scheduled_tasks) returns timestamptz[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_timezone constant text := runtime.schedule_timezone();
  v_most constant int := case (schedule).missed_runs when 'all' then (schedule).most_missed_runs else 1 end;
  v_at timestamptz := runtime.planned_until(schedule, v_now, v_timezone);
  v_times timestamptz[] := '{}';
begin
  while v_at is not null and cardinality(v_times) < v_most
    and ((schedule).missed_runs <> 'skip' or v_at > v_now - runtime.missed_after())
  loop
    v_times := v_at || v_times;
    v_at := runtime.planned_until(schedule, v_at - interval '1 microsecond', v_timezone);
  end loop;
  return v_times[:coalesce((schedule).max_runs - (schedule).run_count, v_most)];
end
$$;
comment on function runtime.due_times is
  E'@errors RH401 RH402\nThe times at which a schedule is due and that are to run now, in order: the last one, or as its policy for missed runs says.';

create or replace function runtime.note_run(
  schedule app_public.agent_scheduled_tasks, status app_public.scheduled_run_status, reason text) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  insert into app_public.agent_scheduled_runs (tenant_id, scheduled_task_id, planned_at, status, reason, created_at)
  values ((schedule).tenant_id, (schedule).id, (schedule).next_run_at, note_run.status, note_run.reason, core.clock())
  on conflict do nothing;
$$;
comment on function runtime.note_run is 'Notes that a schedule did not run when it was due.';

create or replace function runtime.run_schedule(schedule app_public.agent_scheduled_tasks) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_times constant timestamptz[] := runtime.due_times(schedule);
  v_at timestamptz;
begin
  if v_times[1] is distinct from (schedule).next_run_at then
    perform runtime.note_run(schedule, 'missed', 'No worker was running when it was due.');
  end if;
  foreach v_at in array v_times loop
    perform runtime.start_run(schedule, v_at, false);
  end loop;
exception when others then
  -- A schedule that cannot run, because its agent is gone, must not keep the others from running.
  if not core.is_public_error(sqlstate) then
    raise;
  end if;
  perform runtime.note_run(schedule, 'failed', left(sqlerrm, 2000));
end
$$;
comment on function runtime.run_schedule is 'Runs a schedule that is due and locked.';

create or replace function runtime.plan_next_run(schedule app_public.agent_scheduled_tasks) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  update app_public.agent_scheduled_tasks s
     set next_run_at = case when s.run_count < s.max_runs or s.max_runs is null
                            then runtime.planned_after(s, core.clock(), runtime.schedule_timezone()) end
   where s.tenant_id = (schedule).tenant_id and s.id = (schedule).id;
$$;
comment on function runtime.plan_next_run is 'Sets when a schedule is due next after now.';

create or replace function runtime.run_due_schedules(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_most constant int := 50;
  v_schedule app_public.agent_scheduled_tasks;
  v_count int := 0;
begin
  call core.enter_tenant(run_due_schedules.tenant_id);
  for v_schedule in
    select s.* from app_public.agent_scheduled_tasks s
     where s.tenant_id = run_due_schedules.tenant_id and s.next_run_at <= core.clock()
     order by s.next_run_at, s.id limit v_most
       for no key update skip locked
  loop
    perform runtime.run_schedule(v_schedule);
    perform runtime.plan_next_run(v_schedule);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function runtime.run_due_schedules is
  'Runs the schedules of a tenant that are due and that no other worker runs, at most 50, and returns how many.';
grant execute on function runtime.run_due_schedules to rowhouse_worker;

create or replace function runtime.start_queued_run(schedule app_public.agent_scheduled_tasks) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.agent_scheduled_runs r
     set status = 'running', task_id = runtime.create_scheduled_task(schedule), reason = null
   where r.tenant_id = (schedule).tenant_id and r.scheduled_task_id = (schedule).id and r.status = 'queued';
exception when others then
  if not core.is_public_error(sqlstate) then
    raise;
  end if;
  update app_public.agent_scheduled_runs r set status = 'failed', reason = left(sqlerrm, 2000)
   where r.tenant_id = (schedule).tenant_id and r.scheduled_task_id = (schedule).id and r.status = 'queued';
end
$$;
comment on function runtime.start_queued_run is 'Starts the run of a schedule that is queued; the schedule is locked.';

create or replace function runtime.settle_runs(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_schedule app_public.agent_scheduled_tasks;
  v_count int := 0;
begin
  call core.enter_tenant(settle_runs.tenant_id);
  for v_schedule in
    select s.* from app_public.agent_scheduled_tasks s
     where s.tenant_id = settle_runs.tenant_id
       and exists (select from app_public.agent_scheduled_runs r
                    where r.tenant_id = s.tenant_id and r.scheduled_task_id = s.id and r.status in ('running', 'queued'))
     order by s.id
       for no key update skip locked
  loop
    continue when runtime.has_open_run(v_schedule.id) or not runtime.has_queued_run(v_schedule.id);
    perform runtime.start_queued_run(v_schedule);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function runtime.settle_runs is
  'Marks the runs of a tenant''s schedules whose tasks have ended, and starts those that waited for them. Returns how many it started.';
grant execute on function runtime.settle_runs to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the clock runs the schedules of all tenants
create or replace function runtime.tenants_with_due_schedules() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.id from app_public.tenants t
   where tenancy.is_open(t.status, t.ancestor_ids)
     and exists (select from app_public.agent_scheduled_tasks s where s.tenant_id = t.id and s.next_run_at <= core.clock())
   order by t.id;
$$;
comment on function runtime.tenants_with_due_schedules is 'The tenants, of those that are not read-only, that have schedules that are due.';
grant execute on function runtime.tenants_with_due_schedules to rowhouse_worker;

create or replace function runtime.tenants_with_open_runs() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.id from app_public.tenants t
   where tenancy.is_open(t.status, t.ancestor_ids)
     and exists (select from app_public.agent_scheduled_runs r where r.tenant_id = t.id and r.status in ('running', 'queued'))
   order by t.id;
$$;
comment on function runtime.tenants_with_open_runs is 'The tenants, of those that are not read-only, that have runs of schedules that have not ended.';
grant execute on function runtime.tenants_with_open_runs to rowhouse_worker;
set local role rowhouse_owner;

create or replace function app_public.run_scheduled_task(id uuid) returns app_public.agent_scheduled_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_schedule app_public.agent_scheduled_tasks;
  v_run app_public.agent_scheduled_runs;
begin
  perform tenancy.require_permission('can_run_agents');
  select * into v_schedule from app_public.agent_scheduled_tasks s
   where s.tenant_id = core.current_tenant_id() and s.id = run_scheduled_task.id for no key update;
  if not found then
    perform core.raise_error('RN332', 'There is no such schedule in this tenant.', 'List the schedules of this tenant.');
  end if;
  v_run := runtime.start_run(v_schedule, core.clock(), true);
  if v_run.status = 'skipped' then
    perform core.raise_error('RN537', 'The task of an earlier run has not ended.', 'Wait for it, or let overlap be allow or queue.');
  elsif v_run.status is null then
    perform core.raise_error('RN538', 'It runs already.', 'Nothing was changed.');
  end if;
  return v_run;
end
$$;
comment on function app_public.run_scheduled_task is
  E'@resultFieldName run\n@errors RN302 RN332 RN537 RN538 ID203 TN202\nRuns a schedule now, also while it is paused. It does not count for max_runs, and changes nothing of when it is due next. Needs can_run_agents.';
grant execute on function app_public.run_scheduled_task to rowhouse_user;
