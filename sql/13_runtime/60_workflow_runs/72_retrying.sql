-- Trying a run again: from where it failed, or from a step that is named. What has completed before is not done again. What is
-- done again gets new steps, and the old ones stay on record as superseded.

create or replace function runtime.nodes_after(run app_public.workflow_runs, level text, node_id text) returns text[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with recursive after (node_id) as (
    select nodes_after.node_id
    union
    select e.level_to from after a
      join runtime.workflow_plan_edges e
        on e.tenant_id = (run).tenant_id and e.plan_id = (run).plan_id and e.level = nodes_after.level and e.level_from = a.node_id
       and e.level_to <> nodes_after.level
  )
  select array_agg(a.node_id) from after a;
$$;
comment on function runtime.nodes_after is 'A node and all that come after it at its level.';

create or replace function runtime.supersede_nodes(run app_public.workflow_runs, scope text, node_ids text[]) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  update app_public.workflow_step_runs s set superseded_at = core.clock()
   where s.tenant_id = (run).tenant_id and s.run_id = (run).id and s.superseded_at is null
     and (s.scope = supersede_nodes.scope and s.node_id = any (supersede_nodes.node_ids)
          or exists (
            -- all that was done in the iterations of these nodes, if they are loops
            select from unnest(supersede_nodes.node_ids) n
             where starts_with(s.scope, trim(leading '/' from supersede_nodes.scope || '/' || n || '['))));
$$;
comment on function runtime.supersede_nodes is 'Takes the steps of nodes out of a run, with those within their iterations.';

create or replace function runtime.supersede_after(run app_public.workflow_runs, step app_public.workflow_step_runs) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_scope text := (step).scope;
  v_level text := case v_scope when '' then '' else split_part(split_part(v_scope, '/', -1), '[', 1) end;
  v_loop app_public.workflow_step_runs;
begin
  perform runtime.supersede_nodes(run, v_scope, runtime.nodes_after(run, v_level, (step).node_id));
  while v_scope <> '' loop
    v_loop := runtime.loop_of_scope((run).id, v_scope);
    if runtime.scope_of_iteration(v_loop) <> v_scope then
      perform core.raise_error('RN559', 'from_step_run_id: The step is of an earlier iteration of a loop.',
        'Name the loop, or a step of its last iteration.');
    end if;
    v_scope := v_loop.scope;
    v_level := case v_scope when '' then '' else split_part(split_part(v_scope, '/', -1), '[', 1) end;
    perform runtime.supersede_nodes(run, v_scope, array_remove(runtime.nodes_after(run, v_level, v_loop.node_id), v_loop.node_id));
    update app_public.workflow_step_runs s set status = 'waiting', finished_at = null, output = null, taken_edges = '{}'
     where s.tenant_id = (run).tenant_id and s.id = v_loop.id;
  end loop;
end
$$;
comment on function runtime.supersede_after is
  E'@errors RN559\nTakes a step and all that came after it out of a run, and opens the loops around it again.';

create or replace function runtime.reopen_step(step app_public.workflow_step_runs) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_inner app_public.workflow_runs;
begin
  update app_public.workflow_step_runs s
     set status = 'waiting', finished_at = null, error_code = null, error_message = null, lost_count = 0, output = null, failures = '[]'
   where s.tenant_id = (step).tenant_id and s.id = (step).id;
  if (step).kind = 'loop' and (step).iteration is not null then
    return array[(step).id];
  elsif exists (select from app_public.workflow_step_runs c
                 where c.tenant_id = (step).tenant_id and c.parent_step_run_id = (step).id and c.superseded_at is null) then
    return runtime.reopen_items(step);
  elsif (step).throttle_id is not null then
    update app_public.workflow_step_runs s set is_queued = true where s.tenant_id = (step).tenant_id and s.id = (step).id;
    return runtime.admit_steps((step).throttle_id);
  elsif (step).kind = 'workflow' then
    select * into v_inner from app_public.workflow_runs r
     where r.tenant_id = (step).tenant_id and r.parent_step_run_id = (step).id order by r.started_at desc, r.id limit 1;
    if v_inner.status = 'failed' then
      perform runtime.reopen_run(v_inner, null);
      return runtime.take_result_of_inner_run(v_inner.id);
    end if;
  end if;
  return runtime.begin_step((step).id);
end
$$;
comment on function runtime.reopen_step is 'Begins a step again that failed, or that was cancelled because another one failed.';

create or replace function runtime.reopen_items(step app_public.workflow_step_runs) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  if (step).status = 'failed' then
    -- It failed by its results, so all are made anew.
    update app_public.workflow_step_runs s set superseded_at = core.clock()
     where s.tenant_id = (step).tenant_id and s.parent_step_run_id = (step).id and s.superseded_at is null;
    return runtime.begin_step((step).id);
  end if;
  -- its items are reopened on their own
  return '{}';
end
$$;
comment on function runtime.reopen_items is 'Opens a fan-out again.';

create or replace function runtime.reopen_run(run app_public.workflow_runs, from_step app_public.workflow_step_runs) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs;
  v_level text;
  v_ended uuid[] := '{}';
begin
  update app_public.workflow_runs r
     set status = 'active', finished_at = null, output = null, error_code = null, error_message = null,
         deadline_at = core.clock() + make_interval(secs => (
           select (p.content ->> 'timeout_seconds')::int from runtime.workflow_plans p where p.tenant_id = r.tenant_id and p.id = r.plan_id))
   where r.tenant_id = (run).tenant_id and r.id = (run).id;
  if (from_step).id is not null then
    perform runtime.supersede_after(run, from_step);
  end if;
  for v_step in
    select * from app_public.workflow_step_runs s
     where s.tenant_id = (run).tenant_id and s.run_id = (run).id and s.superseded_at is null
       -- a step that failed and has an output failed by error_handling continue: the run went on from it
       and (s.status = 'cancelled' or s.status = 'failed' and s.output is null)
     order by s.sequence
  loop
    v_ended := v_ended || runtime.reopen_step(v_step);
  end loop;
  if (from_step).id is not null then
    v_level := case (from_step).scope when '' then '' else split_part(split_part((from_step).scope, '/', -1), '[', 1) end;
    v_ended := v_ended || runtime.place_nodes(run, (from_step).scope, v_level,
      runtime.placeable_nodes(run, (from_step).scope, v_level, array[(from_step).node_id]));
  end if;
  perform runtime.advance_run((run).id, v_ended);
end
$$;
comment on function runtime.reopen_run is E'@errors RN559\nOpens a run that has ended, and goes on with it.';

create or replace function app_public.retry_workflow_run(id uuid, from_step_run_id uuid default null) returns app_public.workflow_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.run_of_person(retry_workflow_run.id);
  v_step app_public.workflow_step_runs;
begin
  if v_run.status <> 'failed' and (v_run.status <> 'completed' or retry_workflow_run.from_step_run_id is null) then
    perform core.raise_error('RN558', format('A run that is %s cannot be tried again so.', v_run.status),
      'Try a failed run again, or name the step of a completed one to begin from.');
  end if;
  if retry_workflow_run.from_step_run_id is not null then
    select s.* into v_step from app_public.workflow_step_runs s
     where s.tenant_id = v_run.tenant_id and s.run_id = v_run.id and s.id = retry_workflow_run.from_step_run_id and s.superseded_at is null
       and s.item_index is null and s.entered_edges <> '{}';
    if not found then
      perform core.raise_error('RN357', 'from_step_run_id: The run has no such step to begin from.',
        'Name a step of this run that was done and that is not an item of a fan-out.');
    end if;
  end if;
  perform runtime.require_room_for_run();
  perform runtime.reopen_run(v_run, v_step);
  return runtime.find_run(v_run.id);
end
$$;
comment on function app_public.retry_workflow_run is
  E'@resultFieldName run\n@errors ID202 ID203 KY202 RN356 RN357 RN461 RN558 RN559 RN655 TN202\nTries a failed run again from where it failed; with from_step_run_id a run that has ended from that step on. Steps that had completed before are not done again.';
grant execute on function app_public.retry_workflow_run to rowhouse_user;
