-- Steps: placed when the steps before them have ended, begun, finished. Each node of a level gets exactly one step in a scope: one
-- to which no edge was taken is skipped, so that what comes after it knows that nothing more will come. A function here returns
-- the steps that the caller has still to go on from: steps that ended, and loops whose iteration may have ended.

create or replace function runtime.lock_run(run_id uuid) returns app_public.workflow_runs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_root_id uuid;
  v_run app_public.workflow_runs;
begin
  select r.root_run_id into v_root_id from app_public.workflow_runs r where r.tenant_id = core.current_tenant_id() and r.id = lock_run.run_id;
  perform from app_public.workflow_runs r where r.tenant_id = core.current_tenant_id() and r.id = v_root_id for update;
  -- a new statement sees what the last holder of the lock has committed
  select * into v_run from app_public.workflow_runs r where r.tenant_id = core.current_tenant_id() and r.id = lock_run.run_id;
  if not found then
    perform core.raise_error('RN356', 'There is no such run.', 'List the runs with workflowRuns.');
  end if;
  return v_run;
end
$$;
comment on function runtime.lock_run is
  E'@errors RN356\nLocks the row of the run at the top, which is the lock of all runs below it, and returns a run as it is then.';

create or replace function runtime.find_run(run_id uuid) returns app_public.workflow_runs
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run app_public.workflow_runs;
begin
  select r.* into v_run from app_public.workflow_runs r where r.tenant_id = core.current_tenant_id() and r.id = find_run.run_id;
  return v_run;
end
$$;
comment on function runtime.find_run is 'A run of the tenant.';

create or replace function runtime.find_step(step_run_id uuid) returns app_public.workflow_step_runs
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs;
begin
  select s.* into v_step from app_public.workflow_step_runs s where s.tenant_id = core.current_tenant_id() and s.id = find_step.step_run_id;
  return v_step;
end
$$;
comment on function runtime.find_step is 'A step of a run of the tenant.';

create or replace function runtime.step_config(step app_public.workflow_step_runs) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select case when s.node ? 'role' and s.node ->> 'type' = 'agent'
             then s.node || jsonb_build_object('agent_id', p.content -> 'agent_roles' -> (s.node ->> 'role')) else s.node end
           || jsonb_build_object(
                'timeout_seconds', coalesce(s.node -> 'timeout_seconds', p.content -> 'timeout_seconds'),
                'max_retries', coalesce(s.node -> 'max_retries', p.content -> 'max_retries'),
                'error_handling', coalesce(s.node -> 'error_handling', p.content -> 'error_handling'))
      from app_public.workflow_runs r
      join runtime.workflow_plans p on p.tenant_id = r.tenant_id and p.id = r.plan_id
      join runtime.workflow_plan_nodes n on n.tenant_id = p.tenant_id and n.plan_id = p.id and n.node_id = (step).node_id
     cross join lateral (
       select case
         when (step).item_index is null then n.config
         when n.kind = 'scatter_gather' then n.config -> 'steps' -> (step).item_index
         when (step).item_index = runtime.reduce_index() then n.config -> 'reduce'
         else n.config -> 'step' end as node) s
     where r.tenant_id = (step).tenant_id and r.id = (step).run_id);
end
$$;
comment on function runtime.step_config is
  'What the workflow says of a step: its node, or the step within it, with the agent in the place of a role and the limits of the workflow where it has none of its own.';

create or replace function runtime.reduce_index() returns int
language sql immutable parallel safe
return 1000;
comment on function runtime.reduce_index is 'The place of the step that reduces the results of a map_reduce: after all items.';

create or replace function runtime.is_throttled_kind(kind text) returns boolean
language sql immutable parallel safe
return kind in ('agent', 'tool', 'prompt', 'search', 'workflow', 'human', 'wait');
comment on function runtime.is_throttled_kind is 'Whether steps of a kind take time, so that max_concurrency holds them back.';

create or replace function runtime.add_step(step app_public.workflow_step_runs) returns app_public.workflow_step_runs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs := add_step.step;
begin
  v_step.id := gen_random_uuid();
  v_step.created_at := core.clock();
  update app_public.workflow_runs r set step_count = r.step_count + 1
   where r.tenant_id = v_step.tenant_id and r.id = v_step.root_run_id
  returning r.step_count, r.started_by_user_id into v_step.sequence, v_step.started_by_user_id;
  insert into app_public.workflow_step_runs (
    tenant_id, id, run_id, root_run_id, started_by_user_id, sequence, node_id, kind, scope, item_index, parent_step_run_id, throttle_id, is_queued, status,
    input, entered_edges, created_at, finished_at)
  values (
    v_step.tenant_id, v_step.id, v_step.run_id, v_step.root_run_id, v_step.started_by_user_id, v_step.sequence, v_step.node_id, v_step.kind, v_step.scope,
    v_step.item_index, v_step.parent_step_run_id, v_step.throttle_id, coalesce(v_step.is_queued, false), v_step.status,
    v_step.input, coalesce(v_step.entered_edges, '{}'), v_step.created_at, v_step.finished_at)
  returning * into v_step;
  return v_step;
end
$$;
comment on function runtime.add_step is 'Stores a new step and counts it.';

-- Of a loop the edges that leave it are decided by its last iteration; see 45_loops.sql.
create or replace function runtime.edges_taken(run app_public.workflow_runs, step app_public.workflow_step_runs) returns int[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_edge runtime.workflow_plan_edges;
  v_context jsonb;
  v_taken int[] := '{}';
begin
  for v_edge in
    select * from runtime.workflow_plan_edges e
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.from_node = (step).node_id and e.level <> (step).node_id
     order by e.ordinal
  loop
    if v_edge.condition is null then
      v_taken := v_taken || v_edge.ordinal;
      continue;
    end if;
    v_context := coalesce(v_context,
      runtime.run_context(run, (step).scope) || jsonb_build_object('output', coalesce((step).output, 'null')));
    if runtime.edge_holds(v_edge.condition, (step).kind, v_context) then
      v_taken := v_taken || v_edge.ordinal;
    end if;
  end loop;
  return v_taken;
end
$$;
comment on function runtime.edges_taken is 'The edges from a step that ended whose conditions hold.';

create or replace function runtime.edge_holds(condition text, kind text, context jsonb) returns boolean
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case
    when edge_holds.condition in ('continue', 'done') then true
    when edge_holds.condition in ('true', 'yes') then runtime.holds('$.output', context)
    when edge_holds.condition in ('false', 'no') then not runtime.holds('$.output', context)
    else runtime.holds(edge_holds.condition, context) end;
$$;
comment on function runtime.edge_holds is 'Whether an edge is taken, by its condition: a word or an expression over output, the output of the step it leads from.';

create or replace function runtime.finish_step(step_run_id uuid, status text, output jsonb) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs;
  v_bytes bigint;
begin
  update app_public.workflow_step_runs s
     set status = finish_step.status, output = finish_step.output, finished_at = core.clock(), is_queued = false, lease_token = null,
         leased_until = null, available_at = null, wake_at = null
   where s.tenant_id = core.current_tenant_id() and s.id = finish_step.step_run_id
  returning * into v_step;
  if v_step.item_index is null and v_step.kind <> 'loop' then
    update app_public.workflow_step_runs s
       set taken_edges = runtime.edges_taken(runtime.find_run(v_step.run_id), v_step)
     where s.tenant_id = v_step.tenant_id and s.id = v_step.id;
  end if;
  update app_public.workflow_runs r set output_bytes = r.output_bytes + coalesce(pg_column_size(finish_step.output), 0)
   where r.tenant_id = v_step.tenant_id and r.id = v_step.root_run_id
  returning r.output_bytes into v_bytes;
  if v_bytes > runtime.max_run_bytes() then
    perform runtime.end_run(v_step.run_id, 'failed', 'outputs_too_large', 'The outputs of the run are larger than 20 MB.');
    return '{}';
  end if;
  return array[v_step.id];
end
$$;
comment on function runtime.finish_step is 'Ends a step and decides which edges are taken from it.';

create or replace function runtime.make_ready(step_run_id uuid, pause interval default '0') returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_is_paused boolean;
begin
  select r.status = 'paused' into v_is_paused
    from app_public.workflow_step_runs s
    join app_public.workflow_runs r on r.tenant_id = s.tenant_id and r.id = s.root_run_id
   where s.tenant_id = core.current_tenant_id() and s.id = make_ready.step_run_id;
  update app_public.workflow_step_runs s
     set status = 'ready', lease_token = null, leased_until = null, timeout_at = null,
         available_at = case when v_is_paused then 'infinity' else core.clock() + make_ready.pause end
   where s.tenant_id = core.current_tenant_id() and s.id = make_ready.step_run_id;
  if not v_is_paused and make_ready.pause = '0' then
    perform runtime.enqueue_step(core.current_tenant_id());
  end if;
end
$$;
comment on function runtime.make_ready is 'Gives a step to the workers, after a pause if one is named; of a run that is paused, when it goes on.';

create or replace function runtime.enqueue_step(tenant_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_job('runtime__run_steps', json_build_object('tenantId', tenant_id));
$$;
comment on function runtime.enqueue_step is 'Adds a job that claims one step that is ready.';

create or replace function runtime.input_of_step(step app_public.workflow_step_runs, config jsonb) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.find_run((step).run_id);
begin
  if (step).kind = 'start' then
    return v_run.input;
  elsif (step).item_index is not null then
    return (step).input;
  elsif config ? 'input' then
    return runtime.map_input(config -> 'input', runtime.run_context(v_run, (step).scope));
  end if;
  return jsonb_build_object('input', v_run.input, 'previous', runtime.previous_outputs(step, v_run.plan_id));
end
$$;
comment on function runtime.input_of_step is
  'What a step gets: what its mapping says, or without one the input of the run and the outputs of the steps that led to it.';

create or replace function runtime.begin_step(step_run_id uuid) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs := runtime.find_step(begin_step.step_run_id);
  v_config constant jsonb := runtime.step_config(v_step);
begin
  v_step.input := runtime.input_of_step(v_step, v_config);
  if pg_column_size(v_step.input) > runtime.max_step_bytes() then
    return runtime.fail_step(v_step.id, 'input_too_large', 'The input of the step is larger than a megabyte.', false);
  end if;
  update app_public.workflow_step_runs s set input = v_step.input, is_queued = false, wake_at = null
   where s.tenant_id = v_step.tenant_id and s.id = v_step.id;
  case
    when v_step.kind in ('start', 'end', 'parallel') then
      return runtime.finish_step(v_step.id, 'completed', v_step.input);
    when v_step.kind in ('condition', 'transform') then
      return runtime.compute_step(v_step, v_config);
    when v_step.kind = 'loop' then
      return runtime.begin_loop(v_step.id);
    when v_step.kind in ('map_reduce', 'scatter_gather') then
      return runtime.fan_out(v_step, v_config);
    when v_step.kind = 'workflow' then
      return runtime.begin_inner_run(v_step, v_config);
    when v_step.kind = 'wait' then
      perform runtime.wait_until(v_step.id, core.clock() + make_interval(secs => (v_config ->> 'seconds')::int));
      return '{}';
    when v_step.kind = 'human' then
      perform runtime.ask_person(v_step, v_config);
      return '{}';
    else
      perform runtime.offer_step(v_step, v_config);
      return '{}';
  end case;
end
$$;
comment on function runtime.begin_step is 'Begins a step: computes its input, and does by its kind what comes first. A step without anything to wait for ends at once.';

create or replace function runtime.compute_step(step app_public.workflow_step_runs, config jsonb) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context jsonb;
  v_output jsonb;
begin
  if not config ? 'expression' then
    v_output := case (step).kind when 'condition' then 'true' else (step).input end;
  else
    v_context := runtime.run_context(runtime.find_run((step).run_id), (step).scope)
      || case when (step).item_index is null then '{}' else (step).input end;
    v_output := case (step).kind
      when 'condition' then to_jsonb(runtime.holds(config ->> 'expression', v_context))
      else runtime.evaluate(config ->> 'expression', v_context) end;
  end if;
  if pg_column_size(v_output) > runtime.max_step_bytes() then
    return runtime.fail_step((step).id, 'output_too_large', 'The output of the step is larger than a megabyte.', false);
  end if;
  return runtime.finish_step((step).id, 'completed', v_output);
end
$$;
comment on function runtime.compute_step is 'Ends a condition with whether its expression holds, and a transform with its value.';

create or replace function runtime.wait_until(step_run_id uuid, wake_at timestamptz) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  -- Of a run that is paused the time stands still: the time to wake at is kept aside.
  update app_public.workflow_step_runs s
     set status = 'waiting', lease_token = null, leased_until = null,
         wake_at = case r.status when 'paused' then null else wait_until.wake_at end,
         available_at = case r.status when 'paused' then wait_until.wake_at - (core.clock() - r.paused_at) end
    from app_public.workflow_runs r
   where s.tenant_id = core.current_tenant_id() and s.id = wait_until.step_run_id and r.tenant_id = s.tenant_id and r.id = s.root_run_id;
$$;
comment on function runtime.wait_until is 'Lets a step wait for a time.';

create or replace function runtime.loop_of_scope(run_id uuid, scope text) returns app_public.workflow_step_runs
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs;
begin
  select s.* into v_step from app_public.workflow_step_runs s
   where s.tenant_id = core.current_tenant_id() and s.run_id = loop_of_scope.run_id and s.superseded_at is null and s.item_index is null
     and s.node_id = split_part(split_part(loop_of_scope.scope, '/', -1), '[', 1)
     and s.scope = trim(trailing '/' from left(loop_of_scope.scope, length(loop_of_scope.scope) - length(split_part(loop_of_scope.scope, '/', -1))));
  return v_step;
end
$$;
comment on function runtime.loop_of_scope is 'The step of the loop whose iteration a scope is.';

-- Edges into a scope are those that entered the iteration, and of a run those to its first nodes.
create or replace function runtime.edges_to_node(run app_public.workflow_runs, scope text, level text, node_id text) returns int[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_into_scope constant int[] := case when edges_to_node.level = '' then array(
      select e.ordinal from runtime.workflow_plan_edges e
       where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.from_node = '')
    else (runtime.loop_of_scope((run).id, edges_to_node.scope)).iteration_edges end;
begin
  return array(
    select e.ordinal from runtime.workflow_plan_edges e
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.ordinal = any (v_into_scope)
       and e.to_chain[coalesce(array_position(e.to_chain, edges_to_node.level), 0) + 1] = edges_to_node.node_id
    union
    select e.ordinal
      from runtime.workflow_plan_edges e
      join app_public.workflow_step_runs s
        on s.tenant_id = e.tenant_id and s.run_id = (run).id and s.scope = edges_to_node.scope and s.node_id = e.level_from
       and s.item_index is null and s.superseded_at is null and e.ordinal = any (s.taken_edges)
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.level = edges_to_node.level
       and e.level_to = edges_to_node.node_id and e.level_from <> edges_to_node.level
     order by 1);
end
$$;
comment on function runtime.edges_to_node is 'The edges that were taken to a node in a scope.';

create or replace function runtime.throttle_of(run app_public.workflow_runs, scope text, entered int[]) returns uuid
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select s.id
      from runtime.workflow_plan_edges e
      join runtime.workflow_plan_nodes n
        on n.tenant_id = e.tenant_id and n.plan_id = e.plan_id and n.node_id = e.from_node and n.kind = 'parallel' and n.config ? 'max_concurrency'
      join app_public.workflow_step_runs s
        on s.tenant_id = e.tenant_id and s.run_id = (run).id and s.scope = throttle_of.scope and s.node_id = e.from_node
       and s.item_index is null and s.superseded_at is null
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.ordinal = any (throttle_of.entered)
     order by e.ordinal limit 1);
end
$$;
comment on function runtime.throttle_of is 'The parallel step whose max_concurrency limits a step that edges from it led to; null when there is none.';

create or replace function runtime.place_node(run app_public.workflow_runs, scope text, level text, node_id text) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs;
begin
  select n.kind into v_step.kind from runtime.workflow_plan_nodes n
   where n.tenant_id = (run).tenant_id and n.plan_id = (run).plan_id and n.node_id = place_node.node_id;
  v_step.tenant_id := (run).tenant_id;
  v_step.run_id := (run).id;
  v_step.root_run_id := (run).root_run_id;
  v_step.node_id := place_node.node_id;
  v_step.scope := place_node.scope;
  v_step.entered_edges := runtime.edges_to_node(run, place_node.scope, place_node.level, place_node.node_id);
  if v_step.entered_edges = '{}' then
    v_step.status := 'skipped';
    v_step.finished_at := core.clock();
  else
    v_step.status := 'waiting';
    if runtime.is_throttled_kind(v_step.kind) then
      v_step.throttle_id := runtime.throttle_of(run, place_node.scope, v_step.entered_edges);
      v_step.is_queued := v_step.throttle_id is not null;
    end if;
  end if;
  v_step := runtime.add_step(v_step);
  if v_step.sequence > runtime.max_run_steps() then
    perform runtime.end_run((run).id, 'failed', 'too_many_steps', 'The run has more than 10,000 steps.');
    return '{}';
  elsif v_step.finished_at is not null then
    return array[v_step.id];
  elsif v_step.is_queued then
    return runtime.admit_steps(v_step.throttle_id);
  end if;
  return runtime.begin_step(v_step.id);
end
$$;
comment on function runtime.place_node is 'Gives a node its step in a scope, and begins it when an edge to it was taken.';

create or replace function runtime.place_nodes(run app_public.workflow_runs, scope text, level text, node_ids text[]) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_node_id text;
  v_ended uuid[] := '{}';
begin
  foreach v_node_id in array node_ids loop
    v_ended := v_ended || runtime.place_node(run, place_nodes.scope, place_nodes.level, v_node_id);
  end loop;
  return v_ended;
end
$$;
comment on function runtime.place_nodes is 'Gives several nodes their steps.';

-- What nodes of a level can be placed: those that have no step yet, and of whose sources at the level all have ended.
create or replace function runtime.placeable_nodes(run app_public.workflow_runs, scope text, level text, candidates text[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(array_agg(n.node_id order by n.ordinal), '{}')
      from runtime.workflow_plan_nodes n
     where n.tenant_id = (run).tenant_id and n.plan_id = (run).plan_id and n.node_id = any (placeable_nodes.candidates)
       and not exists (
         select from app_public.workflow_step_runs s
          where s.tenant_id = n.tenant_id and s.run_id = (run).id and s.scope = placeable_nodes.scope and s.node_id = n.node_id
            and s.item_index is null and s.superseded_at is null)
       and not exists (
         select from runtime.workflow_plan_edges e
          where e.tenant_id = n.tenant_id and e.plan_id = n.plan_id and e.level = placeable_nodes.level and e.level_to = n.node_id
            and e.level_from <> placeable_nodes.level
            and not exists (
              select from app_public.workflow_step_runs s
               where s.tenant_id = e.tenant_id and s.run_id = (run).id and s.scope = placeable_nodes.scope and s.node_id = e.level_from
                 and s.item_index is null and s.superseded_at is null and s.finished_at is not null)));
end
$$;
comment on function runtime.placeable_nodes is 'Those of some nodes of a level whose step can be placed now.';

create or replace function runtime.enter_scope(run app_public.workflow_runs, scope text, level text, edges int[]) returns uuid[]
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select runtime.place_nodes(run, enter_scope.scope, enter_scope.level, runtime.placeable_nodes(run, enter_scope.scope, enter_scope.level, array(
    select e.level_to from runtime.workflow_plan_edges e
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.level = enter_scope.level and e.level_from = enter_scope.level
       and e.level_to <> enter_scope.level
    union
    select e.to_chain[coalesce(array_position(e.to_chain, enter_scope.level), 0) + 1] from runtime.workflow_plan_edges e
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.ordinal = any (enter_scope.edges))));
$$;
comment on function runtime.enter_scope is
  'Begins a run or an iteration by these edges: places the nodes that depend on nothing else.';

create or replace function runtime.place_successors(run app_public.workflow_runs, step app_public.workflow_step_runs) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_level constant text := case (step).scope when '' then '' else split_part(split_part((step).scope, '/', -1), '[', 1) end;
begin
  return runtime.place_nodes(run, (step).scope, v_level, runtime.placeable_nodes(run, (step).scope, v_level, array(
    select distinct e.level_to from runtime.workflow_plan_edges e
     where e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.level = v_level and e.level_from = (step).node_id
       and e.level_to <> v_level)));
end
$$;
comment on function runtime.place_successors is 'Places the nodes that waited for a step.';

create or replace function runtime.admit_steps(throttle_id uuid) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := coalesce((runtime.step_config(runtime.find_step(admit_steps.throttle_id)) ->> 'max_concurrency')::int, 10);
  v_id uuid;
  v_ended uuid[] := '{}';
begin
  loop
    select s.id into v_id from app_public.workflow_step_runs s
     where s.tenant_id = core.current_tenant_id() and s.throttle_id = admit_steps.throttle_id and s.finished_at is null and s.is_queued
     order by s.sequence limit 1;
    exit when v_id is null or v_most <= (
      select count(*) from app_public.workflow_step_runs s
       where s.tenant_id = core.current_tenant_id() and s.throttle_id = admit_steps.throttle_id and s.finished_at is null and not s.is_queued);
    v_ended := v_ended || runtime.begin_step(v_id);
  end loop;
  return v_ended;
end
$$;
comment on function runtime.admit_steps is 'Begins those that wait for their turn, as many as max_concurrency allows.';
