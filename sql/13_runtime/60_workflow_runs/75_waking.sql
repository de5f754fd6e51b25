-- What goes on by itself: leases that ended, times that were waited for, deadlines. One call does what is due in one tree of runs,
-- because it locks that tree and then counters of quotas.

set local role rowhouse_platform;  -- outside the wall: time passes for all tenants
create or replace function runtime.lock_due_run(out tenant_id uuid, out run_id uuid)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_most constant int := 50;
  v_due record;
begin
  for v_due in
    select distinct d.tenant_id, d.root_run_id from (
      (select s.tenant_id, s.root_run_id from app_public.workflow_step_runs s
        where s.status = 'running' and s.leased_until <= core.clock() order by s.leased_until limit v_most)
      union all
      (select s.tenant_id, s.root_run_id from app_public.workflow_step_runs s
        where s.wake_at <= core.clock() and s.wake_at is not null and s.finished_at is null order by s.wake_at limit v_most)
      union all
      (select r.tenant_id, r.root_run_id from app_public.workflow_runs r
        where r.status = 'active' and r.deadline_at <= core.clock() order by r.deadline_at limit v_most)
      union all
      (select r.tenant_id, r.root_run_id from app_public.workflow_runs r
        where r.continue_at <= core.clock() order by r.continue_at limit v_most)
    ) as d
  loop
    select r.tenant_id, r.id into tenant_id, run_id from app_public.workflow_runs r
     where r.tenant_id = v_due.tenant_id and r.id = v_due.root_run_id for update skip locked;
    exit when found;
  end loop;
end
$$;
comment on function runtime.lock_due_run is 'Locks the run at the top of a tree in which something is due, when nobody else has it.';
grant execute on function runtime.lock_due_run to rowhouse_owner;

create or replace function runtime.enqueue_ready_steps() returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select runtime.enqueue_step(s.tenant_id) from (
    select s.tenant_id from app_public.workflow_step_runs s where s.status = 'ready' and s.available_at <= core.clock() order by s.available_at limit 100) s;
$$;
comment on function runtime.enqueue_ready_steps is 'Adds jobs for steps that are ready: those whose pause has ended, and those whose job was lost.';
grant execute on function runtime.enqueue_ready_steps to rowhouse_owner;
set local role rowhouse_owner;
grant execute on function runtime.enqueue_step to rowhouse_platform;

create or replace function runtime.return_lost_step(step app_public.workflow_step_runs) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most_lost constant int := 5;
begin
  if (step).timeout_at <= core.clock() then
    return runtime.fail_step((step).id, 'timeout', 'The step took longer than its timeout_seconds.', true);
  elsif (step).lost_count + 1 >= v_most_lost then
    return runtime.fail_step((step).id, 'lease_lost', 'Five workers were lost that had begun the step.', false);
  end if;
  update app_public.workflow_step_runs s set lost_count = s.lost_count + 1 where s.tenant_id = (step).tenant_id and s.id = (step).id;
  perform runtime.make_ready((step).id);
  return '{}';
end
$$;
comment on function runtime.return_lost_step is
  'Gives a step whose lease has ended to the workers again, or fails it when its time is up or it has cost five workers.';

create or replace function runtime.wake_step(step app_public.workflow_step_runs) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  if (step).kind = 'wait' then
    return runtime.finish_step((step).id, 'completed', (step).input);
  elsif (step).kind = 'human' and (step).approval_id is not null then
    return runtime.take_answer(step);
  elsif (step).approval_id is not null and not runtime.step_is_approved(step) then
    return runtime.refuse_step(step);
  end if;
  -- a step that is tried again
  return runtime.begin_step((step).id);
end
$$;
comment on function runtime.wake_step is 'Goes on with a step whose time has come.';

create or replace function runtime.do_due_step(step_run_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  -- what was done before in this tree may have ended it
  v_step constant app_public.workflow_step_runs := runtime.find_step(do_due_step.step_run_id);
begin
  if v_step.status = 'running' and v_step.leased_until <= core.clock() then
    perform runtime.advance_tree(v_step.run_id, runtime.return_lost_step(v_step));
  elsif v_step.status = 'waiting' and v_step.wake_at <= core.clock() then
    perform runtime.advance_tree(v_step.run_id, runtime.wake_step(v_step));
  end if;
end
$$;
comment on function runtime.do_due_step is 'Does what is due of a step.';

create or replace function runtime.wake_due_run() returns boolean
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_due record;
  v_id uuid;
begin
  select * into v_due from runtime.lock_due_run();
  if v_due.run_id is null then
    return false;
  end if;
  call core.enter_tenant(v_due.tenant_id);
  for v_id in
    select r.id from app_public.workflow_runs r
     where r.tenant_id = v_due.tenant_id and r.root_run_id = v_due.run_id and r.status = 'active' and r.deadline_at <= core.clock()
       and (runtime.find_run(v_due.run_id)).status = 'active'
     order by r.depth
  loop
    perform runtime.end_run(v_id, 'failed', 'timeout', 'The run took longer than its timeout_seconds.');
    perform runtime.advance_tree(v_id, '{}');
  end loop;
  for v_id in
    select s.id from app_public.workflow_step_runs s
     where s.tenant_id = v_due.tenant_id and s.root_run_id = v_due.run_id and s.finished_at is null
       and (s.leased_until <= core.clock() or s.wake_at <= core.clock())
     order by s.sequence
  loop
    perform runtime.do_due_step(v_id);
  end loop;
  for v_id in
    select r.id from app_public.workflow_runs r
     where r.tenant_id = v_due.tenant_id and r.root_run_id = v_due.run_id and r.continue_at is not null
     order by r.depth desc
  loop
    perform runtime.advance_tree(v_id, '{}');
  end loop;
  perform runtime.settle_reservations(v_due.run_id);
  return true;
end
$$;
comment on function runtime.wake_due_run is 'Does what is due in one tree of runs, and returns whether there was one.';

create or replace function runtime.wake_workflow_run() returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if runtime.wake_due_run() then
    return true;
  end if;
  perform runtime.enqueue_ready_steps();
  return false;
end
$$;
comment on function runtime.wake_workflow_run is
  'Does what is due in one tree of runs, and returns whether there was one. When nothing is due it adds jobs for steps that are ready. A task calls it until it is false.';
grant execute on function runtime.wake_workflow_run to rowhouse_worker;
