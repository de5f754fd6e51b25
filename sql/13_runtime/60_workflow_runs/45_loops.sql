-- Loops. A loop node and all that lies on cycles with it are one step of the level around: it ends when the loop is left. A loop
-- that is entered at its node asks its expression before the first iteration; one that is entered in its body, as a draft that is
-- reviewed until nothing holds it, asks after. An edge that leads out of the body leaves the loop at the end of the iteration.

create or replace function runtime.scope_of_iteration(step app_public.workflow_step_runs) returns text
language sql immutable
return trim(leading '/' from (step).scope || '/' || (step).node_id || '[' || (step).iteration || ']');
comment on function runtime.scope_of_iteration is 'The scope of the present iteration of a loop.';

create or replace function runtime.begin_loop(step_run_id uuid) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step constant app_public.workflow_step_runs := runtime.find_step(begin_loop.step_run_id);
  v_run constant app_public.workflow_runs := runtime.find_run(v_step.run_id);
  v_into_body constant int[] := array(
    select e.ordinal from runtime.workflow_plan_edges e
     where e.tenant_id = v_run.tenant_id and e.plan_id = v_run.plan_id and e.ordinal = any (v_step.entered_edges) and e.to_node <> v_step.node_id
     order by e.ordinal);
begin
  if v_into_body <> '{}' then
    return runtime.begin_iteration(v_step.id, 0, v_into_body);
  end if;
  return runtime.iterate_or_leave(v_step, 0);
end
$$;
comment on function runtime.begin_loop is 'Begins a loop, with its first iteration or with its question.';

create or replace function runtime.begin_iteration(step_run_id uuid, iteration int, edges int[]) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs;
begin
  update app_public.workflow_step_runs s set status = 'waiting', iteration = begin_iteration.iteration, iteration_edges = begin_iteration.edges
   where s.tenant_id = core.current_tenant_id() and s.id = begin_iteration.step_run_id
  returning * into v_step;
  -- The loop itself comes last: when nothing waits in the iteration, it has ended already.
  return runtime.enter_scope(runtime.find_run(v_step.run_id), runtime.scope_of_iteration(v_step), v_step.node_id, begin_iteration.edges)
      || v_step.id;
end
$$;
comment on function runtime.begin_iteration is 'Begins an iteration of a loop by the edges into its body.';

create or replace function runtime.iterate_or_leave(step app_public.workflow_step_runs, iteration int) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.find_run((step).run_id);
  v_config constant jsonb := runtime.step_config(step);
  v_context constant jsonb := runtime.run_context(v_run, (step).scope) || jsonb_build_object('iteration', iterate_or_leave.iteration);
  v_edges int[];
begin
  if iterate_or_leave.iteration >= (v_config ->> 'max_iterations')::int
    or not coalesce(runtime.holds(v_config ->> 'expression', v_context), true) then
    return runtime.leave_loop(v_run, step, '{}');
  end if;
  v_edges := array(
    select e.ordinal from runtime.workflow_plan_edges e
     where e.tenant_id = v_run.tenant_id and e.plan_id = v_run.plan_id and e.from_node = (step).node_id and e.level = (step).node_id
       and e.to_node <> (step).node_id and coalesce(runtime.edge_holds(e.condition, 'loop', v_context), true)
     order by e.ordinal);
  if v_edges = '{}' then
    return runtime.leave_loop(v_run, step, '{}');
  end if;
  return runtime.begin_iteration((step).id, iterate_or_leave.iteration, v_edges);
end
$$;
comment on function runtime.iterate_or_leave is 'Begins an iteration when the expression of the loop holds and there are any left; else leaves the loop.';

create or replace function runtime.leave_loop(run app_public.workflow_runs, step app_public.workflow_step_runs, edges int[]) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs := step;
  v_ended uuid[];
begin
  v_step.output := jsonb_build_object('iterations', coalesce((step).iteration + 1, 0));
  v_ended := runtime.finish_step((step).id, 'completed', v_step.output);
  update app_public.workflow_step_runs s
     set taken_edges = case when leave_loop.edges <> '{}' then leave_loop.edges else runtime.edges_taken(run, v_step) end
   where s.tenant_id = (run).tenant_id and s.id = (step).id;
  return v_ended;
end
$$;
comment on function runtime.leave_loop is
  'Ends a loop by the edges out of its body that were taken, or without any by those of its own node.';

create or replace function runtime.end_iteration(run app_public.workflow_runs, step app_public.workflow_step_runs) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_taken int[];
  v_out int[];
begin
  if runtime.has_open_steps((run).id, runtime.scope_of_iteration(step)) then
    return '{}';
  end if;
  v_taken := array(
    select distinct t from app_public.workflow_step_runs s cross join unnest(s.taken_edges) t
     where s.tenant_id = (run).tenant_id and s.run_id = (run).id and s.scope = runtime.scope_of_iteration(step)
       and s.item_index is null and s.superseded_at is null);
  v_out := array(
    select e.ordinal from runtime.workflow_plan_edges e
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.ordinal = any (v_taken) and e.level <> (step).node_id
     order by e.ordinal);
  if v_out = '{}' and exists (
    select from runtime.workflow_plan_edges e
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.ordinal = any (v_taken) and e.level_to = (step).node_id) then
    return runtime.iterate_or_leave(step, (step).iteration + 1);
  end if;
  return runtime.leave_loop(run, step, v_out);
end
$$;
comment on function runtime.end_iteration is
  'When nothing is open in the present iteration of a loop, goes on: an edge back to the loop asks for the next iteration, one that leads out leaves it.';

create or replace function runtime.has_open_steps(run_id uuid, scope text) returns boolean
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select exists (
      select from app_public.workflow_step_runs s
       where s.tenant_id = core.current_tenant_id() and s.run_id = has_open_steps.run_id and s.scope = has_open_steps.scope
         and s.finished_at is null and s.superseded_at is null));
end
$$;
comment on function runtime.has_open_steps is 'Whether a step of a scope has not ended.';
