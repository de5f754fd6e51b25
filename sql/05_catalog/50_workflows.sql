-- Workflows: a graph of steps that can be run from its start to its end. What it refers to must be there for its author.

call catalog.secure_shareable_table('app_public.workflows', 'workflow');
call core.allow('app_public.workflows', insert => 'can_create_resources');
create policy select_member on app_public.workflows for select to rowhouse_user
  using (deleted_at is null or (select tenancy.has_permission('can_delete_resources')));
create policy update_permitted on app_public.workflows for update to rowhouse_user
  using ((select tenancy.has_permission('can_edit_resources')) and deleted_at is null);
grant select on app_public.workflows to rowhouse_user;
grant insert (
  name, display_name, description, category, tags, icon, workflow_type, workflow_definition, steps, input_schema,
  output_schema, agent_roles, timeout_seconds, max_retries, error_handling, status, enabled, version, metadata
) on app_public.workflows to rowhouse_user;
grant update (
  name, display_name, description, category, tags, icon, workflow_type, workflow_definition, steps, input_schema,
  output_schema, agent_roles, timeout_seconds, max_retries, error_handling, status, enabled, metadata
) on app_public.workflows to rowhouse_user;
grant select, insert, update, delete on app_public.workflows to rowhouse_platform;
comment on table app_public.workflows is E'@behavior -delete\nSteps that agents, tools and prompts do together. can_create_resources and can_edit_resources to write; can_delete_resources for delete_workflow and restore_workflow.';
comment on column app_public.workflows.sharing_mode is 'Who beyond this tenant may use it: private (nobody), selected (whom it was shared with), subtree (tenants below this one) or platform (all).';
comment on column app_public.workflows.is_shared is 'Whether anyone beyond this tenant may use it.';
comment on column app_public.workflows.resource_type is 'custom, or platform for those that the platform provides.';
comment on column app_public.workflows.copied_from_id is 'The workflow it was copied from.';
comment on column app_public.workflows.name is 'Name, unique among the tenant''s workflows that are not deleted; at most 255 characters.';
comment on column app_public.workflows.display_name is 'Name to show.';
comment on column app_public.workflows.description is 'What it is for.';
comment on column app_public.workflows.category is 'Category to filter by.';
comment on column app_public.workflows.tags is 'Words to filter by.';
comment on column app_public.workflows.icon is 'Name of an icon.';
comment on column app_public.workflows.workflow_type is 'How its steps follow each other.';
comment on column app_public.workflows.workflow_definition is 'The graph: {"nodes": [{"id", "type", …}], "edges": [{"from", "to", "condition"}], "start"}.';
comment on column app_public.workflows.steps is 'Steps for people to read: [{"name", "description", "agent_id", …}].';
comment on column app_public.workflows.input_schema is 'JSON Schema of what it takes.';
comment on column app_public.workflows.output_schema is 'JSON Schema of what it returns.';
comment on column app_public.workflows.agent_ids is E'@kept\nThe agents it needs; kept from the definition, the steps and the roles.';
comment on column app_public.workflows.agent_roles is 'Agents by the role they play: {"reviewer": agent id}.';
comment on column app_public.workflows.timeout_seconds is 'Seconds until a run is given up, 1 to 86,400.';
comment on column app_public.workflows.max_retries is 'How often a failed step is tried again, 0 to 20.';
comment on column app_public.workflows.error_handling is 'What follows when a step fails: stop, continue, retry or skip.';
comment on column app_public.workflows.enabled is 'Whether it may be run.';
comment on column app_public.workflows.status is 'draft, active, inactive, deprecated or archived.';
comment on column app_public.workflows.version is 'Semantic version.';
comment on column app_public.workflows.execution_count is E'@kept\nHow often it ran; kept from the logs.';
comment on column app_public.workflows.success_count is E'@kept\nHow many runs succeeded; kept from the logs.';
comment on column app_public.workflows.failure_count is E'@kept\nHow many runs failed; kept from the logs.';
comment on column app_public.workflows.avg_execution_time_ms is E'@kept\nMean milliseconds of a run; kept from the logs.';
comment on column app_public.workflows.last_executed_at is E'@kept\nWhen it last ran; kept from the logs.';
comment on column app_public.workflows.created_by_user_id is 'Who created it.';
comment on column app_public.workflows.metadata is 'Whatever else is to be known about it: an object.';
comment on column app_public.workflows.created_at is 'When it was created.';
comment on column app_public.workflows.updated_at is 'When it last changed.';
comment on column app_public.workflows.deleted_at is 'When it was deleted, null when it is not.';
comment on constraint workflows_copied_from_id_fkey on app_public.workflows is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on column app_public.workflows.search_vector is E'@behavior -*\nThe words search_catalog finds it by.';

comment on type app_public.workflow_type is 'How the steps of a workflow follow each other.';

create or replace function catalog.node_faults(node jsonb, place text) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_common constant jsonb := '{"id": "string!", "type": "string!", "name": "name", "description": "string", "config": "object"}';
  v_shape jsonb;
begin
  if jsonb_typeof(node) <> 'object' or jsonb_typeof(node -> 'id') is distinct from 'string' or node ->> 'id' !~ '^[A-Za-z0-9_.-]{1,100}$' then
    return array[place || ' has no id (letters, digits, _, - and ., at most 100)'];
  end if;
  v_shape := case node ->> 'type'
    when 'start' then '{}'
    when 'end' then '{}'
    -- an agent by its id, or by a role that agent_roles gives to one
    when 'agent' then '{"agent_id": "uuid", "role": "name", "prompt_id": "uuid"}'
    when 'tool' then '{"tool_id": "uuid!", "agent_id": "uuid"}'
    when 'prompt' then '{"prompt_id": "uuid!", "agent_id": "uuid"}'
    when 'condition' then '{"expression": "string"}'
    when 'parallel' then '{"max_concurrency": "integer"}'
    when 'loop' then '{"max_iterations": "integer!", "expression": "string"}'
    when 'human' then '{"role": "name", "instructions": "string"}'
  end;
  if v_shape is null then
    return array[place || ' is of no type there is (start, agent, tool, prompt, condition, parallel, loop, human, end)'];
  end if;
  return catalog.object_faults(node, v_common || v_shape, place)
      || case when node ->> 'type' = 'agent' and (node ? 'agent_id') = (node ? 'role')
           then array[place || ' needs either agent_id or role'] else '{}' end
      -- without a bound a loop may never end
      || case when node ->> 'type' = 'loop' and catalog.json_is(node -> 'max_iterations', 'integer')
                and (node ->> 'max_iterations')::int not between 1 and 10000
           then array[place || '.max_iterations is not between 1 and 10000'] else '{}' end
      || case when node ->> 'type' = 'parallel' and catalog.json_is(node -> 'max_concurrency', 'integer')
                and (node ->> 'max_concurrency')::int not between 1 and 1000
           then array[place || '.max_concurrency is not between 1 and 1000'] else '{}' end;
end
$$;
comment on function catalog.node_faults is
  'What is wrong with one node of a workflow, by itself.';

create or replace function catalog.workflow_faults(definition jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[] := catalog.object_faults(definition, '{"nodes": "array!", "edges": "array!", "start": "string", "metadata": "object"}');
  v_ids text[];
begin
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;
  if jsonb_array_length(definition -> 'nodes') not between 1 and 500 or jsonb_array_length(definition -> 'edges') > 2000 then
    return array['it must have 1 to 500 nodes and at most 2000 edges'];
  end if;
  select coalesce(array_agg(f.fault order by e.n), '{}') into v_faults
    from jsonb_array_elements(definition -> 'nodes') with ordinality as e (node, n)
   cross join unnest(catalog.node_faults(e.node, 'node ' || case
     when jsonb_typeof(e.node -> 'id') = 'string' then left(e.node ->> 'id', 100) else '#' || e.n end)) as f (fault);
  v_faults := v_faults || array(
    select 'edge #' || e.n || '.' || f.fault
      from jsonb_array_elements(definition -> 'edges') with ordinality as e (edge, n)
     cross join unnest(catalog.object_faults(e.edge, '{"from": "string!", "to": "string!", "condition": "string"}')) as f (fault)
     order by e.n);
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;

  v_ids := array(select node ->> 'id' from jsonb_array_elements(definition -> 'nodes') with ordinality as e (node, n) order by n);
  return array(select format('node %s comes more than once', id) from unnest(v_ids) id group by id having count(*) > 1 order by id)
      || array(
           select distinct format('an edge refers to node %s, which is not there', left(x.id, 100))
             from jsonb_array_elements(definition -> 'edges') as edge, unnest(array[edge ->> 'from', edge ->> 'to']) as x (id)
            where x.id <> all (v_ids) order by 1)
      || array(
           select distinct format('the edge from node %s to node %s comes twice', edge ->> 'from', edge ->> 'to')
             from jsonb_array_elements(definition -> 'edges') as edge
            group by edge ->> 'from', edge ->> 'to', edge ->> 'condition' having count(*) > 1 order by 1)
      || case when definition ->> 'start' <> all (v_ids)
           then array[format('start is node %s, which is not there', left(definition ->> 'start', 100))] else '{}' end
      || array(
           select case e.node ->> 'type' when 'start' then format('node %s is a start, and an edge leads to it', e.node ->> 'id')
                    else format('node %s is an end, and an edge leads from it', e.node ->> 'id') end
             from jsonb_array_elements(definition -> 'nodes') with ordinality as e (node, n)
            where exists (
              select from jsonb_array_elements(definition -> 'edges') as edge
               where e.node ->> 'type' = 'start' and edge ->> 'to' = e.node ->> 'id'
                  or e.node ->> 'type' = 'end' and edge ->> 'from' = e.node ->> 'id')
            order by e.n);
end
$$;
comment on function catalog.workflow_faults is
  'What is wrong with a workflow_definition: keys, node types, ids that come twice, edges to nowhere. How the graph hangs together is graph_faults.';

-- Both questions by one walk: put the edges into arrays once, then visit each node and edge once.
create or replace function catalog.graph_faults(definition jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ids text[];
  v_is_loop boolean[];
  v_from int[];
  v_to int[];
  v_first int[];       -- where a node's edges begin; they are in the order of v_from
  v_waits_for int[];   -- edges from nodes not yet put in order, without those of loops
  v_queue int[];
  v_seen boolean[];
  v_head int := 1;
  v_node int;
  v_edge int;
  v_target int;
  v_count int;
begin
  select array_agg(node ->> 'id' order by n), array_agg(node ->> 'type' = 'loop' order by n) into v_ids, v_is_loop
    from jsonb_array_elements(definition -> 'nodes') with ordinality as e (node, n);
  v_count := cardinality(v_ids);
  select coalesce(array_agg(f.n order by f.n, t.n), '{}'), coalesce(array_agg(t.n order by f.n, t.n), '{}') into v_from, v_to
    from jsonb_array_elements(definition -> 'edges') as edge
    join unnest(v_ids) with ordinality as f (id, n) on f.id = edge ->> 'from'
    join unnest(v_ids) with ordinality as t (id, n) on t.id = edge ->> 'to';
  select array_agg((select count(*) from unnest(v_from) x where x < g) + 1 order by g) into v_first from generate_series(1, v_count + 1) g;

  -- from the start, or from every node nothing leads to, all nodes must be reached
  v_queue := case when definition ? 'start' then array[array_position(v_ids, definition ->> 'start')]
    else array(select g from generate_series(1, v_count) g where g <> all (v_to) order by g) end;
  if cardinality(v_queue) = 0 then
    return array['no node is the start: an edge leads to each of them'];
  end if;
  v_seen := array_fill(false, array[v_count]);
  foreach v_node in array v_queue loop
    v_seen[v_node] := true;
  end loop;
  while v_head <= cardinality(v_queue) loop
    v_node := v_queue[v_head];
    v_head := v_head + 1;
    for v_edge in v_first[v_node] .. v_first[v_node + 1] - 1 loop
      v_target := v_to[v_edge];
      if not v_seen[v_target] then
        v_seen[v_target] := true;
        v_queue := v_queue || v_target;
      end if;
    end loop;
  end loop;
  if cardinality(v_queue) < v_count then
    return array(
      select format('node %s cannot be reached', v_ids[g]) from generate_series(1, v_count) g where not v_seen[g] order by g);
  end if;

  -- Kahn's order of the nodes that are no loops: what cannot be put in order is, or follows, a cycle without a loop node
  v_waits_for := array(
    select (select count(*) from unnest(v_from, v_to) as e (f, t) where e.t = g and not v_is_loop[e.f]) from generate_series(1, v_count) g order by g);
  v_queue := array(select g from generate_series(1, v_count) g where not v_is_loop[g] and v_waits_for[g] = 0 order by g);
  v_head := 1;
  while v_head <= cardinality(v_queue) loop
    v_node := v_queue[v_head];
    v_head := v_head + 1;
    for v_edge in v_first[v_node] .. v_first[v_node + 1] - 1 loop
      v_target := v_to[v_edge];
      v_waits_for[v_target] := v_waits_for[v_target] - 1;
      if v_waits_for[v_target] = 0 and not v_is_loop[v_target] then
        v_queue := v_queue || v_target;
      end if;
    end loop;
  end loop;
  v_node := (select min(g) from generate_series(1, v_count) g where not v_is_loop[g] and v_waits_for[g] > 0);
  if v_node is null then
    return '{}';
  end if;
  -- upstream as often as there are nodes ends on the cycle itself
  for v_edge in 1 .. v_count loop
    v_node := (select min(e.f) from unnest(v_from, v_to) as e (f, t) where e.t = v_node and not v_is_loop[e.f] and v_waits_for[e.f] > 0);
  end loop;
  return array[format('node %s is on a cycle that has no loop node', v_ids[v_node])];
end
$$;
comment on function catalog.graph_faults is
  'Nodes that cannot be reached, or a node on a cycle that no loop node is on.';

create or replace function catalog.step_faults(steps jsonb) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case when jsonb_array_length(steps) > 500 then array['there are more than 500'] else array(
    select f.fault from jsonb_array_elements(steps) with ordinality as e (step, n)
     cross join unnest(catalog.object_faults(e.step,
       '{"id": "name", "name": "name!", "description": "string", "node": "name", "role": "name", "agent_id": "uuid", "tool_id": "uuid", "prompt_id": "uuid", "config": "object"}',
       'step #' || e.n)) as f (fault)
     order by e.n) end;
$$;
comment on function catalog.step_faults is
  'What is wrong with a workflow''s steps.';

create or replace function catalog.tg_workflows__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_references record;
  v_faults text[] := '{}';
  v_nodes jsonb;
begin
  if jsonb_typeof(new.steps) <> 'array' or jsonb_typeof(new.agent_roles) <> 'object' then
    return new; -- left to the table's checks
  end if;
  if pg_column_size(new.workflow_definition) + pg_column_size(new.steps) + pg_column_size(new.agent_roles) > 1000000 then
    perform core.raise_error('RS621', 'The workflow is larger than a megabyte.', 'Cut it into several workflows.');
  end if;
  perform catalog.refuse_faults('RS432', 'workflow_definition is not as it must be', catalog.workflow_faults(new.workflow_definition));
  perform catalog.refuse_faults('RS432', 'workflow_definition is not as it must be', catalog.graph_faults(new.workflow_definition),
    'A cycle needs a node of type loop, and every node a way from the start.');
  perform catalog.refuse_faults('RS433', 'steps are not as they must be', catalog.step_faults(new.steps));
  v_nodes := new.workflow_definition -> 'nodes';
  perform catalog.refuse_faults('RS433', 'agent_roles and what refers to them are not as they must be',
    array(select left(r.key, 100) || ' is not the id of an agent' from jsonb_each(new.agent_roles) r
           where not catalog.json_is(r.value, 'uuid') order by r.key)
    || array(select format('node %s has the role %s, which agent_roles gives to no agent', n ->> 'id', n ->> 'role')
               from jsonb_array_elements(v_nodes) n
              where n ->> 'type' = 'agent' and not new.agent_roles ? (n ->> 'role'))
    || array(select format('step #%s refers to node %s, which is not there', s.n, s.step ->> 'node')
               from jsonb_array_elements(new.steps) with ordinality as s (step, n)
              where s.step ? 'node' and not v_nodes @> jsonb_build_array(jsonb_build_object('id', s.step -> 'node'))));

  new.agent_ids := '{}';
  for v_references in
    select r.kind, r.id, min(r.place) as place
      from (
        select k.kind, (n ->> (k.kind || '_id'))::uuid, 'node ' || (n ->> 'id')
          from jsonb_array_elements(v_nodes) n, unnest(array['agent', 'tool', 'prompt']) as k (kind) where n ? (k.kind || '_id')
        union all
        select k.kind, (s.step ->> (k.kind || '_id'))::uuid, 'step #' || s.n
          from jsonb_array_elements(new.steps) with ordinality as s (step, n), unnest(array['agent', 'tool', 'prompt']) as k (kind)
         where s.step ? (k.kind || '_id')
        union all
        select 'agent', value::uuid, 'role ' || key from jsonb_each_text(new.agent_roles)
      ) as r (kind, id, place)
     group by r.kind, r.id
     order by r.kind, r.id
  loop
    if v_references.kind = 'agent' then
      new.agent_ids := new.agent_ids || v_references.id;
    end if;
    -- outside of a tenant's request (administrators, seeds) nobody's eyes are asked
    if new.tenant_id = core.current_tenant_id() and not catalog.is_visible_resource(v_references.kind, v_references.id) then
      v_faults := v_faults || format('%s refers to a %s that is not there', v_references.place, v_references.kind);
    end if;
  end loop;
  perform catalog.refuse_faults('RS434', 'The workflow refers to what you do not have', v_faults,
    'List the agents, tools and prompts of this tenant, and those shared with it.');
  return new;
end
$$;
comment on function catalog.tg_workflows__check is
  E'@errors RS432 RS433 RS434 RS621\nA workflow can be run, and agent_ids are the agents it needs.';

create or replace trigger _300_check before insert or update of workflow_definition, steps, agent_roles on app_public.workflows
  for each row execute function catalog.tg_workflows__check();
