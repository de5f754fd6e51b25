-- Fan-outs: one step for each item (map_reduce) or for each of several steps (scatter_gather), max_concurrency of them at once, 10
-- without it; and runs within runs.

create or replace function runtime.max_items() returns int
language sql immutable parallel safe
return 1000;
comment on function runtime.max_items is 'How many items a fan-out may have.';

create or replace function runtime.fan_out(step app_public.workflow_step_runs, config jsonb) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.find_run((step).run_id);
  v_context constant jsonb := runtime.run_context(v_run, (step).scope);
  v_items jsonb;
begin
  if (step).kind = 'scatter_gather' then
    v_items := (select jsonb_agg((step).input) from jsonb_array_elements(config -> 'steps'));
  else
    v_items := runtime.evaluate(config ->> 'items', v_context);
  end if;
  if jsonb_typeof(v_items) <> 'array' then
    return runtime.fail_step((step).id, 'items_are_no_list', 'items: The expression does not give a list.', false);
  elsif jsonb_array_length(v_items) > runtime.max_items() then
    return runtime.fail_step((step).id, 'too_many_items', 'items: The list has more than 1,000 items.', false);
  end if;
  update app_public.workflow_step_runs s set status = 'waiting' where s.tenant_id = (step).tenant_id and s.id = (step).id;
  if not runtime.add_items(v_run, step, config, v_items, v_context) then
    perform runtime.end_run(v_run.id, 'failed', 'too_many_steps', 'The run has more than 10,000 steps.');
    return '{}';
  end if;
  -- Without items there is nothing to wait for.
  return case when v_items = '[]' then runtime.gather((step).id) else runtime.admit_steps((step).id) end;
end
$$;
comment on function runtime.fan_out is 'Begins a fan-out: places a step for each item.';

create or replace function runtime.inner_input(inner_step jsonb, item jsonb, index int, context jsonb) returns jsonb
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case when inner_step ? 'input'
    then runtime.map_input(inner_step -> 'input', context || jsonb_build_object('item', item, 'index', index))
    else jsonb_build_object('item', item, 'index', index) end;
$$;
comment on function runtime.inner_input is 'What a step within a fan-out gets: what its mapping says, which also reads item and index, or without one the two.';

create or replace function runtime.add_items(
  run app_public.workflow_runs, step app_public.workflow_step_runs, config jsonb, items jsonb, context jsonb) returns boolean
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_child app_public.workflow_step_runs;
  v_inner jsonb;
  v_item jsonb;
begin
  v_child.tenant_id := (step).tenant_id;
  v_child.run_id := (step).run_id;
  v_child.root_run_id := (step).root_run_id;
  v_child.node_id := (step).node_id;
  v_child.scope := (step).scope;
  v_child.parent_step_run_id := (step).id;
  v_child.throttle_id := (step).id;
  v_child.is_queued := true;
  v_child.status := 'waiting';
  for v_item, v_child.item_index in select e.item, e.n - 1 from jsonb_array_elements(items) with ordinality as e (item, n) loop
    v_inner := case (step).kind when 'scatter_gather' then config -> 'steps' -> v_child.item_index else config -> 'step' end;
    v_child.kind := v_inner ->> 'type';
    v_child.input := runtime.inner_input(v_inner, v_item, v_child.item_index, context);
    if (runtime.add_step(v_child)).sequence > runtime.max_run_steps() then
      return false;
    end if;
  end loop;
  return true;
end
$$;
comment on function runtime.add_items is 'Places a step for each item; false when the run has too many steps then.';

create or replace function runtime.results_of_items(step_run_id uuid) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(jsonb_agg(s.output order by s.item_index), '[]') from app_public.workflow_step_runs s
     where s.tenant_id = core.current_tenant_id() and s.parent_step_run_id = results_of_items.step_run_id and s.superseded_at is null
       and s.item_index <> runtime.reduce_index());
end
$$;
comment on function runtime.results_of_items is 'The outputs of the items of a fan-out, in the order of the items; null for one that was left out.';

create or replace function runtime.gather(step_run_id uuid) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step constant app_public.workflow_step_runs := runtime.find_step(gather.step_run_id);
  v_config constant jsonb := runtime.step_config(v_step);
  v_counts record;
  v_reduced app_public.workflow_step_runs;
begin
  select count(*) filter (where s.finished_at is null) as open,
         count(*) filter (where s.status = 'completed') as completed,
         count(*) filter (where s.item_index < runtime.reduce_index()) as items
    into v_counts
    from app_public.workflow_step_runs s
   where s.tenant_id = v_step.tenant_id and s.parent_step_run_id = v_step.id and s.superseded_at is null;
  if v_step.finished_at is not null or v_counts.open > 0 then
    return case when v_step.finished_at is null then runtime.admit_steps(v_step.id) else '{}' end;
  end if;
  select s.* into v_reduced from app_public.workflow_step_runs s
   where s.tenant_id = v_step.tenant_id and s.parent_step_run_id = v_step.id and s.superseded_at is null and s.item_index = runtime.reduce_index();
  if v_reduced.id is not null then
    return runtime.finish_step(v_step.id, 'completed', v_reduced.output);
  elsif v_counts.completed < (v_config ->> 'min_results')::int then
    return runtime.fail_step(v_step.id, 'too_few_results', format('Only %s of %s steps succeeded.', v_counts.completed, v_counts.items), false);
  elsif v_config ? 'reduce' then
    return runtime.reduce(v_step, v_config);
  end if;
  return runtime.finish_step(v_step.id, 'completed', runtime.results_of_items(v_step.id));
end
$$;
comment on function runtime.gather is 'Goes on with a fan-out of which a step has ended: begins those that wait for their turn, then reduces, then ends it.';

create or replace function runtime.reduce(step app_public.workflow_step_runs, config jsonb) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.find_run((step).run_id);
  v_results constant jsonb := runtime.results_of_items((step).id);
  v_child app_public.workflow_step_runs;
begin
  v_child.tenant_id := (step).tenant_id;
  v_child.run_id := (step).run_id;
  v_child.root_run_id := (step).root_run_id;
  v_child.node_id := (step).node_id;
  v_child.scope := (step).scope;
  v_child.parent_step_run_id := (step).id;
  v_child.item_index := runtime.reduce_index();
  v_child.status := 'waiting';
  v_child.kind := config -> 'reduce' ->> 'type';
  v_child.input := case when config -> 'reduce' ? 'input'
    then runtime.map_input(config -> 'reduce' -> 'input', runtime.run_context(v_run, (step).scope) || jsonb_build_object('results', v_results))
    else jsonb_build_object('results', v_results) end;
  v_child := runtime.add_step(v_child);
  if v_child.sequence > runtime.max_run_steps() then
    perform runtime.end_run(v_run.id, 'failed', 'too_many_steps', 'The run has more than 10,000 steps.');
    return '{}';
  end if;
  return runtime.begin_step(v_child.id);
end
$$;
comment on function runtime.reduce is 'Begins the step that reduces the results of a map_reduce.';

create or replace function runtime.begin_inner_run(step app_public.workflow_step_runs, config jsonb) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_outer constant app_public.workflow_runs := runtime.find_run((step).run_id);
  v_to_run record;
  v_inner app_public.workflow_runs;
  v_code text;
  v_message text;
begin
  update app_public.workflow_step_runs s set status = 'waiting' where s.tenant_id = (step).tenant_id and s.id = (step).id;
  if v_outer.depth >= 5 then
    return runtime.fail_step((step).id, 'too_deep', 'Runs lie within runs at most 5 deep.', false);
  end if;
  begin
    select * into v_to_run from runtime.workflow_to_run((config ->> 'workflow_id')::uuid);
    v_inner := runtime.add_run((config ->> 'workflow_id')::uuid, v_to_run.name, v_to_run.version, v_to_run.content, (step).input, null, v_outer, (step).id);
  exception when others then
    get stacked diagnostics v_code = returned_sqlstate, v_message = message_text;
    -- What is wrong with the workflow is told as the failure of the step; all else is no matter of the run.
    if not core.is_public_error(v_code) then
      raise;
    end if;
  end;
  if v_inner.id is null then
    return runtime.fail_step((step).id, v_code, v_message, false);
  end if;
  perform runtime.begin_run(v_inner);
  return runtime.take_result_of_inner_run(v_inner.id);
end
$$;
comment on function runtime.begin_inner_run is 'Begins the run of a workflow that is a step of another run.';

create or replace function runtime.take_result_of_inner_run(run_id uuid) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.find_run(take_result_of_inner_run.run_id);
  v_step constant app_public.workflow_step_runs := runtime.find_step(v_run.parent_step_run_id);
begin
  if v_run.finished_at is null or v_step.finished_at is not null or v_step.superseded_at is not null then
    return '{}';
  elsif v_run.status = 'failed' then
    return runtime.fail_step(v_step.id, v_run.error_code, v_run.error_message, false);
  end if;
  return runtime.finish_step(v_step.id, 'completed', v_run.output);
end
$$;
comment on function runtime.take_result_of_inner_run is 'Ends the step that waits for a run when the run has ended.';
