-- What people do with runs: start, pause, resume, cancel, try again, put away.

create or replace function runtime.add_run(
  workflow_id uuid, workflow_name text, version text, content jsonb, input jsonb, idempotency_key text,
  outer_run app_public.workflow_runs default null, parent_step_run_id uuid default null) returns app_public.workflow_runs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_id constant uuid := gen_random_uuid();
  v_plan constant runtime.workflow_plans := runtime.plan_of_version(add_run.workflow_id, add_run.version, add_run.content);
  v_run app_public.workflow_runs;
begin
  insert into app_public.workflow_runs as r (
    tenant_id, id, workflow_id, workflow_name, plan_id, input, idempotency_key, started_by_user_id, root_run_id, parent_step_run_id, depth,
    started_at, deadline_at)
  values (
    core.current_tenant_id(), v_id, add_run.workflow_id, add_run.workflow_name, v_plan.id, add_run.input, add_run.idempotency_key,
    case when (add_run.outer_run).id is null then core.current_user_id() else (add_run.outer_run).started_by_user_id end,
    coalesce((add_run.outer_run).root_run_id, v_id), add_run.parent_step_run_id, coalesce((add_run.outer_run).depth + 1, 0),
    core.clock(), core.clock() + make_interval(secs => (add_run.content ->> 'timeout_seconds')::int))
  on conflict (tenant_id, idempotency_key) do nothing
  returning * into v_run;
  return v_run;
end
$$;
comment on function runtime.add_run is 'Stores a new run; null when another one has its idempotency key.';

create or replace function runtime.begin_run(run app_public.workflow_runs) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform runtime.advance_run((run).id, runtime.enter_scope(run, '', '', array(
    select e.ordinal from runtime.workflow_plan_edges e
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.from_node = '')));
end
$$;
comment on function runtime.begin_run is 'Begins a run with its first nodes.';

create or replace function runtime.check_run_input(input jsonb, schema jsonb) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[];
begin
  if jsonb_typeof(check_run_input.input) is distinct from 'object' or pg_column_size(check_run_input.input) > runtime.max_step_bytes() then
    perform core.raise_error('RN458', 'input: The input of a run is a JSON object of at most a megabyte.', 'Store what is long elsewhere, and give its id.');
  end if;
  -- A schema with keywords that are not understood describes, and does not check.
  if core.json_schema_faults(check_run_input.schema) = '{}' then
    v_faults := core.json_value_faults(check_run_input.schema, check_run_input.input);
    if v_faults <> '{}' then
      perform core.raise_error('RN459', 'input: ' || array_to_string(v_faults, '; ') || '.', 'Read the input_schema of the workflow.');
    end if;
  end if;
end
$$;
comment on function runtime.check_run_input is E'@errors RN458 RN459\nRefuses an input that the workflow does not take.';

create or replace function runtime.run_with_key(workflow_id uuid, input jsonb, idempotency_key text) returns app_public.workflow_runs
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run app_public.workflow_runs;
begin
  select * into v_run from app_public.workflow_runs r
   where r.tenant_id = core.current_tenant_id() and r.idempotency_key = run_with_key.idempotency_key;
  if found and (v_run.workflow_id <> run_with_key.workflow_id or v_run.input is distinct from run_with_key.input
                or v_run.started_by_user_id is distinct from core.current_user_id()) then
    perform core.raise_error('RN557', 'idempotency_key: The key belongs to another run.', 'Repeat the call as it was first made, or give it a key of its own.');
  end if;
  return v_run;
end
$$;
comment on function runtime.run_with_key is E'@errors RN557\nThe run that was started under a key; null when there is none.';

create or replace function runtime.max_open_runs() returns int
language sql immutable parallel safe
return 10000;
comment on function runtime.max_open_runs is 'How many runs of a tenant, without those within others, may be active or paused at a time.';

create or replace function runtime.require_room_for_run() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  -- Only those who come near the limit wait for each other: a lock for each start would put all starts of a tenant in a line.
  for v_round in 1..2 loop
    select count(*) into v_count from (
      select from app_public.workflow_runs r
       where r.tenant_id = core.current_tenant_id() and r.status in ('active', 'paused') and r.parent_step_run_id is null
       limit runtime.max_open_runs()) as open_runs;
    exit when v_round = 2 or v_count < runtime.max_open_runs() * 9 / 10;
    perform pg_advisory_xact_lock(hashtextextended('runtime.open_runs ' || core.current_tenant_id(), 0));
  end loop;
  if v_count >= runtime.max_open_runs() then
    perform core.raise_error('RN655', format('The tenant has %s runs that are active or paused.', runtime.max_open_runs()),
      'Wait until some have ended, or cancel them with cancel_workflow_run.');
  end if;
end
$$;
comment on function runtime.require_room_for_run is E'@errors RN655\nRefuses a further run of a tenant that has as many open ones as it may.';

create or replace function app_public.start_workflow_run(workflow_id uuid, input jsonb default '{}', idempotency_key text default null)
returns app_public.workflow_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_to_run record;
  v_run app_public.workflow_runs;
begin
  perform tenancy.require_writable_tenant(is_for_members => true);
  perform tenancy.require_permission('can_run_agents');
  if length(start_workflow_run.idempotency_key) not between 1 and 255 then
    perform core.raise_error('RN460', 'idempotency_key: The key has 1 to 255 characters.', 'Use a key that stays the same when the call is repeated.');
  end if;
  v_run := runtime.run_with_key(start_workflow_run.workflow_id, start_workflow_run.input, start_workflow_run.idempotency_key);
  if v_run.id is not null then
    return v_run;
  end if;
  select * into v_to_run from runtime.workflow_to_run(start_workflow_run.workflow_id);
  perform runtime.check_run_input(start_workflow_run.input, v_to_run.content -> 'input_schema');
  perform runtime.require_room_for_run();
  v_run := runtime.add_run(start_workflow_run.workflow_id, v_to_run.name, v_to_run.version, v_to_run.content, start_workflow_run.input,
    start_workflow_run.idempotency_key);
  if v_run.id is null then
    -- The insert has waited for the other caller's commit.
    return runtime.run_with_key(start_workflow_run.workflow_id, start_workflow_run.input, start_workflow_run.idempotency_key);
  end if;
  perform runtime.begin_run(v_run);
  return runtime.find_run(v_run.id);
end
$$;
comment on function app_public.start_workflow_run is
  E'@resultFieldName run\n@errors ID202 ID203 KY202 RN355 RN458 RN459 RN460 RN556 RN557 RN655 RS301 RS436 TN202\nStarts a run of the published version of a workflow. Workers do its steps; the run can be read at any time. With an idempotency_key a call that is repeated gives the run of the first. A tenant has at most 10,000 runs that are active or paused. You need the permission can_run_agents.';
grant execute on function app_public.start_workflow_run to rowhouse_user;

create or replace function runtime.run_of_person(id uuid) returns app_public.workflow_runs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run app_public.workflow_runs;
begin
  perform tenancy.require_writable_tenant(is_for_members => true);
  perform tenancy.require_permission('can_run_agents');
  v_run := runtime.lock_run(run_of_person.id);
  if v_run.started_by_user_id is distinct from core.current_user_id() and not tenancy.has_permission('can_manage_settings') then
    perform core.raise_error('RN356', 'There is no such run.', 'List the runs with workflowRuns.');
  elsif v_run.root_run_id <> v_run.id then
    perform core.raise_error('RN461', 'id: The run is a step of another run.', 'Name the run at its top.');
  end if;
  return v_run;
end
$$;
comment on function runtime.run_of_person is
  E'@errors ID202 ID203 KY202 RN356 RN461 TN202\nLocks a run that the person of the request may change: who started it, or who may manage the settings of the tenant.';

create or replace function app_public.pause_workflow_run(id uuid) returns app_public.workflow_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.run_of_person(pause_workflow_run.id);
begin
  update app_public.workflow_runs r set status = 'paused', paused_at = core.clock() where r.tenant_id = v_run.tenant_id and r.id = v_run.id;
  update app_public.workflow_step_runs s set available_at = 'infinity'
   where s.tenant_id = v_run.tenant_id and s.root_run_id = v_run.id and s.status = 'ready';
  update app_public.workflow_step_runs s set available_at = s.wake_at, wake_at = null
   where s.tenant_id = v_run.tenant_id and s.root_run_id = v_run.id and s.status = 'waiting' and s.wake_at is not null;
  return runtime.find_run(v_run.id);
end
$$;
comment on function app_public.pause_workflow_run is
  E'@resultFieldName run\n@errors ID202 ID203 KY202 RN356 RN461 RN558 TN202\nPauses a run: steps that a worker has are still done, no other begins, and its time stands still.';
grant execute on function app_public.pause_workflow_run to rowhouse_user;

create or replace function app_public.resume_workflow_run(id uuid) returns app_public.workflow_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.run_of_person(resume_workflow_run.id);
  v_pause constant interval := core.clock() - coalesce(v_run.paused_at, core.clock());
begin
  update app_public.workflow_runs r set status = 'active', paused_at = null where r.tenant_id = v_run.tenant_id and r.id = v_run.id;
  update app_public.workflow_runs r set deadline_at = r.deadline_at + v_pause
   where r.tenant_id = v_run.tenant_id and r.root_run_id = v_run.id and r.finished_at is null;
  update app_public.workflow_step_runs s set wake_at = s.available_at + v_pause, available_at = null
   where s.tenant_id = v_run.tenant_id and s.root_run_id = v_run.id and s.status = 'waiting' and s.available_at is not null;
  perform runtime.make_ready(s.id) from app_public.workflow_step_runs s
   where s.tenant_id = v_run.tenant_id and s.root_run_id = v_run.id and s.status = 'ready';
  return runtime.find_run(v_run.id);
end
$$;
comment on function app_public.resume_workflow_run is
  E'@resultFieldName run\n@errors ID202 ID203 KY202 RN356 RN461 RN558 TN202\nLets a paused run go on where it stopped.';
grant execute on function app_public.resume_workflow_run to rowhouse_user;

create or replace function app_public.cancel_workflow_run(id uuid, reason text default null) returns app_public.workflow_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.run_of_person(cancel_workflow_run.id);
begin
  if v_run.finished_at is not null then
    perform core.raise_error('RN558', format('A run that is %s cannot be cancelled.', v_run.status), 'Cancel a run that is active or paused.');
  end if;
  perform runtime.end_run(v_run.id, 'failed', 'cancelled', coalesce(cancel_workflow_run.reason, 'The run was cancelled.'));
  perform runtime.settle_reservations(v_run.id);
  return runtime.find_run(v_run.id);
end
$$;
comment on function app_public.cancel_workflow_run is
  E'@resultFieldName run\n@errors ID202 ID203 KY202 RN356 RN461 RN558 TN202\nCancels a run: it is failed with the code cancelled, nothing more of it begins, and what a worker still does of it is refused.';
grant execute on function app_public.cancel_workflow_run to rowhouse_user;

create or replace function app_public.archive_workflow_run(id uuid) returns app_public.workflow_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.run_of_person(archive_workflow_run.id);
begin
  update app_public.workflow_runs r set status = 'archived' where r.tenant_id = v_run.tenant_id and r.id = v_run.id;
  return runtime.find_run(v_run.id);
end
$$;
comment on function app_public.archive_workflow_run is
  E'@resultFieldName run\n@errors ID202 ID203 KY202 RN356 RN461 RN558 TN202\nPuts a run that has ended away. It can be read, and not be tried again.';
grant execute on function app_public.archive_workflow_run to rowhouse_user;

create or replace function runtime.tg_workflow_runs__check_move() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (select from runtime.workflow_moves m where m.from_status = old.status and m.to_status = new.status) then
    perform core.raise_error('RN558', format('A run that is %s cannot become %s.', old.status, new.status),
      'Read the state of the run first: another call may have changed it.');
  end if;
  return new;
end
$$;
comment on function runtime.tg_workflow_runs__check_move is E'@errors RN558\nRefuses a move that runtime.workflow_moves does not have.';

create or replace trigger _100_check_move before update of status on app_public.workflow_runs
  for each row execute function runtime.tg_workflow_runs__check_move();
