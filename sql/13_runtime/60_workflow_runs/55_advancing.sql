-- Advancing: from the steps that ended to all that follows from them without help from outside, in one transaction.

create or replace function runtime.go_on_from(run app_public.workflow_runs, step app_public.workflow_step_runs) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next uuid[];
begin
  if (step).superseded_at is not null then
    return '{}';
  elsif (step).parent_step_run_id is not null then
    return runtime.gather((step).parent_step_run_id);
  end if;
  v_next := runtime.place_successors(run, step);
  if (step).throttle_id is not null then
    v_next := v_next || runtime.admit_steps((step).throttle_id);
  end if;
  if (step).scope <> '' then
    v_next := v_next || (runtime.loop_of_scope((run).id, (step).scope)).id;
  end if;
  return v_next;
end
$$;
comment on function runtime.go_on_from is 'Places what follows a step that ended, and returns what there is to go on from then.';

create or replace function runtime.take_pending(run_id uuid) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_pending uuid[];
begin
  select r.pending_ids into v_pending from app_public.workflow_runs r
   where r.tenant_id = core.current_tenant_id() and r.id = take_pending.run_id and r.pending_ids <> '{}';
  if not found then
    return '{}';
  end if;
  update app_public.workflow_runs r set pending_ids = '{}', continue_at = null
   where r.tenant_id = core.current_tenant_id() and r.id = take_pending.run_id;
  return v_pending;
end
$$;
comment on function runtime.take_pending is 'Takes from a run the steps that the last transaction left.';

create or replace function runtime.put_off(run_id uuid, step_run_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.workflow_runs r set pending_ids = put_off.step_run_ids, continue_at = core.clock()
   where r.tenant_id = core.current_tenant_id() and r.id = put_off.run_id;
  perform runtime.enqueue_step(core.current_tenant_id());
end
$$;
comment on function runtime.put_off is 'Leaves the rest of the way to the next transaction.';

create or replace function runtime.advance_run(run_id uuid, step_run_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  -- A row that a transaction changes often gets slower each time, so a run that does not wait goes on in another one.
  v_most_turns constant int := 200;
  v_turns int := 0;
  v_run app_public.workflow_runs;
  v_step app_public.workflow_step_runs;
  v_ended uuid[] := runtime.take_pending(advance_run.run_id) || step_run_ids;
  -- Whether an iteration has ended can be seen only when nothing is left to go on from.
  v_loops uuid[] := '{}';
begin
  loop
    v_run := runtime.find_run(advance_run.run_id);
    exit when v_run.finished_at is not null or v_ended || v_loops = '{}';
    if v_turns = v_most_turns then
      perform runtime.put_off(v_run.id, v_ended || v_loops);
      return;
    end if;
    v_turns := v_turns + 1;
    if v_ended <> '{}' then
      v_step := runtime.find_step(v_ended[1]);
      v_ended := v_ended[2:];
      if v_step.finished_at is null then
        v_loops := array_remove(v_loops, v_step.id) || v_step.id;
      else
        v_ended := v_ended || runtime.go_on_from(v_run, v_step);
      end if;
    else
      v_step := runtime.find_step(v_loops[1]);
      v_loops := v_loops[2:];
      if v_step.finished_at is null then
        v_ended := runtime.end_iteration(v_run, v_step);
      end if;
    end if;
  end loop;
  if v_run.finished_at is null and not runtime.has_open_steps(v_run.id, '') then
    perform runtime.complete_run(v_run);
  end if;
end
$$;
comment on function runtime.advance_run is 'Goes on from steps that ended until the run waits or ends, or has gone far enough for one transaction.';

create or replace function runtime.advance_tree(run_id uuid, step_run_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run app_public.workflow_runs;
  v_run_id uuid := advance_tree.run_id;
  v_ended uuid[] := step_run_ids;
begin
  loop
    perform runtime.advance_run(v_run_id, v_ended);
    v_run := runtime.find_run(v_run_id);
    exit when v_run.finished_at is null or v_run.parent_step_run_id is null;
    v_ended := runtime.take_result_of_inner_run(v_run.id);
    v_run_id := (runtime.find_step(v_run.parent_step_run_id)).run_id;
  end loop;
end
$$;
comment on function runtime.advance_tree is 'As advance_run, and when the run ends goes on in the run of which it is a step.';

create or replace function runtime.output_of_run(run app_public.workflow_runs) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with last_steps as (
    select distinct on (s.node_id) s.node_id, s.kind = 'end' as is_end, s.output
      from app_public.workflow_step_runs s
     where s.tenant_id = (run).tenant_id and s.run_id = (run).id and s.item_index is null and s.superseded_at is null
       and s.status in ('completed', 'failed') and s.taken_edges = '{}' and s.scope = ''
     order by s.node_id, s.sequence desc
  ), chosen as (
    select * from last_steps where is_end or not exists (select from last_steps where is_end)
  )
  select case when count(*) = 1 and bool_and(is_end) then (array_agg(output))[1] else coalesce(jsonb_object_agg(node_id, output), '{}') end from chosen;
$$;
comment on function runtime.output_of_run is
  'What a run came to: the output of the one end that was reached; else the outputs of the ends, or without any of the last steps, by their nodes.';

create or replace function runtime.faults_of_output(run app_public.workflow_runs, output jsonb) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_schema constant jsonb := (
    select p.content -> 'output_schema' from runtime.workflow_plans p where p.tenant_id = (run).tenant_id and p.id = (run).plan_id);
begin
  -- A schema with keywords that are not understood describes, and does not check.
  return case when core.json_schema_faults(v_schema) = '{}' then core.json_value_faults(v_schema, faults_of_output.output, 'output') else '{}' end;
end
$$;
comment on function runtime.faults_of_output is 'What about the output of a run does not fit the output_schema of its workflow; empty when it fits.';

create or replace function runtime.complete_run(run app_public.workflow_runs) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_output constant jsonb := runtime.output_of_run(run);
  v_faults constant text[] := runtime.faults_of_output(run, v_output);
begin
  update app_public.workflow_runs r
     set status = case when v_faults = '{}' then 'completed' else 'failed' end::app_public.workflow_status,
         error_code = case when v_faults <> '{}' then 'output_invalid' end,
         error_message = case when v_faults <> '{}' then left(array_to_string(v_faults, '; ') || '.', 2000) end,
         output = v_output, finished_at = core.clock(), paused_at = null
   where r.tenant_id = (run).tenant_id and r.id = (run).id;
end
$$;
comment on function runtime.complete_run is
  'Ends a run in which nothing is open: completed, or failed when its output does not fit the output_schema of its workflow.';

create or replace function runtime.end_run(run_id uuid, status text, code text, message text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_inner uuid;
begin
  update app_public.workflow_runs r
     set status = end_run.status::app_public.workflow_status, error_code = left(end_run.code, 100), error_message = left(end_run.message, 2000),
         finished_at = core.clock(), paused_at = null, pending_ids = '{}', continue_at = null
   where r.tenant_id = core.current_tenant_id() and r.id = end_run.run_id and r.finished_at is null;
  if not found then
    return;
  end if;
  for v_inner in
    select r.id from app_public.workflow_runs r
      join app_public.workflow_step_runs s on s.tenant_id = r.tenant_id and s.id = r.parent_step_run_id
     where s.tenant_id = core.current_tenant_id() and s.run_id = end_run.run_id and r.finished_at is null
  loop
    perform runtime.end_run(v_inner, 'failed', 'cancelled', 'The run around it has ended.');
  end loop;
  perform runtime.withdraw_approvals_of('workflow_step', s.id, 'The run has ended.')
     from app_public.workflow_step_runs s
    where s.tenant_id = core.current_tenant_id() and s.run_id = end_run.run_id and s.finished_at is null and s.approval_id is not null;
  update app_public.workflow_step_runs s
     set status = 'cancelled', finished_at = core.clock(), is_queued = false, lease_token = null, leased_until = null, available_at = null,
         wake_at = null
   where s.tenant_id = core.current_tenant_id() and s.run_id = end_run.run_id and s.finished_at is null;
end
$$;
comment on function runtime.end_run is 'Ends a run that failed or was cancelled, with its open steps and the runs within it.';
