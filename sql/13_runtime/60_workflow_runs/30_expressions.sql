-- Expressions: SQL/JSON path over what a run knows, which is {input, steps, iteration} and, where it applies, item, index, results
-- and output. What is not there is null, and a comparison with it does not hold.

create or replace function runtime.gives_list(expression text) returns boolean
language sql immutable parallel safe
return catalog.bare_path(expression) ~ '^\$' and catalog.bare_path(expression) ~ '\*|\mto\M|,';
comment on function runtime.gives_list is 'Whether an expression gives a list: a path with [*], .*, a range or several places.';

create or replace function runtime.evaluate(expression text, context jsonb) returns jsonb
language sql immutable strict parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case when runtime.gives_list(evaluate.expression)
    then jsonb_path_query_array(context, catalog.expression_path(evaluate.expression), '{}', true)
    else coalesce(jsonb_path_query_first(context, catalog.expression_path(evaluate.expression), '{}', true), 'null') end;
$$;
comment on function runtime.evaluate is 'The value of an expression: a list, one value, or JSON''s null when there is none.';

create or replace function runtime.holds(expression text, context jsonb) returns boolean
language sql immutable strict parallel safe
return runtime.evaluate(expression, context) not in ('null', 'false');
comment on function runtime.holds is 'Whether a condition holds: whether it gives anything but false and null. Null when there is no condition.';

create or replace function runtime.map_input(mapping jsonb, context jsonb) returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(m.key, runtime.evaluate(m.value, context)), '{}') from jsonb_each_text(mapping) m;
$$;
comment on function runtime.map_input is 'The input that a mapping gives: for each key the value of its expression.';

-- A step that was done several times, in iterations, stands in the context as it was last.
create or replace function runtime.run_context(run app_public.workflow_runs, scope text default '') returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select jsonb_build_object(
      'input', (run).input,
      'steps', coalesce((
        select jsonb_object_agg(n.node_id, s.output)
          from runtime.workflow_plan_nodes n
         cross join lateral (
           select s.output from app_public.workflow_step_runs s
            where s.tenant_id = n.tenant_id and s.run_id = (run).id and s.node_id = n.node_id and s.item_index is null and s.superseded_at is null
              and s.finished_at is not null and s.output is not null
            order by s.sequence desc limit 1) s
         where n.tenant_id = (run).tenant_id and n.plan_id = (run).plan_id), '{}'),
      'iteration', substring(run_context.scope from '\[(\d+)\]$')::int));
end
$$;
comment on function runtime.run_context is 'What expressions of a run read: its input, the last output of each node, and the number of the iteration.';

create or replace function runtime.previous_outputs(step app_public.workflow_step_runs, plan_id uuid) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(jsonb_object_agg(e.from_node, s.output), '{}')
      from runtime.workflow_plan_edges e
     cross join lateral (
       select s.output from app_public.workflow_step_runs s
        where s.tenant_id = e.tenant_id and s.run_id = (step).run_id and s.node_id = e.from_node and s.item_index is null
          and s.superseded_at is null and s.finished_at is not null
        order by s.sequence desc limit 1) s
     where e.tenant_id = (step).tenant_id and e.plan_id = previous_outputs.plan_id and e.ordinal = any ((step).entered_edges));
end
$$;
comment on function runtime.previous_outputs is 'The outputs of the nodes that led to a step.';
