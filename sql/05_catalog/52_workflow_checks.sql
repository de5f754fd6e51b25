-- The checks of a workflow: the form of its nodes and edges, its graph, and that its author sees every agent, tool and prompt
-- it refers to. The idea: each check is an immutable function from JSON to a list of faults; one trigger runs them all.

create or replace function catalog.node_shape(type text) returns jsonb
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select '{"id": "string", "type": "string!", "name": "name", "description": "string", "config": "object", "input": "object",
           "timeout_seconds": "integer", "max_retries": "integer", "error_handling": "string"}'::jsonb
    || case node_shape.type
      when 'start' then '{}'
      when 'end' then '{}'
      -- names an agent by its id, or by a role that agent_roles assigns to an agent
      when 'agent' then '{"agent_id": "uuid", "role": "name", "prompt_id": "uuid"}'
      when 'tool' then '{"tool_id": "uuid!", "agent_id": "uuid"}'
      when 'prompt' then '{"prompt_id": "uuid!", "agent_id": "uuid"}'
      when 'search' then '{"limit": "integer"}'
      when 'workflow' then '{"workflow_id": "uuid!"}'
      when 'transform' then '{"expression": "string"}'
      when 'condition' then '{"expression": "string"}'
      when 'parallel' then '{"max_concurrency": "integer"}'
      when 'loop' then '{"max_iterations": "integer!", "expression": "string"}'
      when 'map_reduce' then '{"items": "string!", "step": "object!", "reduce": "object", "max_concurrency": "integer"}'
      when 'scatter_gather' then '{"steps": "array!", "min_results": "integer", "max_concurrency": "integer"}'
      when 'wait' then '{"seconds": "integer!"}'
      when 'human' then '{"role": "name", "instructions": "string"}'
    end::jsonb;
$$;
comment on function catalog.node_shape is
  'The keys of a node of a workflow, by its type; null for an unknown type.';

create or replace function catalog.number_faults(node jsonb, path text) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select array(
    select format('%s.%s is not between %s and %s', path, r.key, r.least, r.most)
      from (values
        -- without a bound a loop may never end
        ('max_iterations', 1, 10000), ('max_concurrency', 1, 1000), ('min_results', 0, 50), ('limit', 1, 100),
        ('seconds', 1, 2592000), ('timeout_seconds', 1, 86400), ('max_retries', 0, 20)) as r (key, least, most)
     where case when catalog.json_is(node -> r.key, 'integer') then (node ->> r.key)::int not between r.least and r.most else false end
     order by 1)
    || case when node ->> 'error_handling' not in ('stop', 'continue', 'retry', 'skip')
         then array[path || '.error_handling is not stop, continue, retry or skip'] else '{}' end;
$$;
comment on function catalog.number_faults is
  'The faults of the numbers of a node: those that are out of their range.';

-- A step that a fan-out does for each item is written as a node without an id.
create or replace function catalog.inner_steps(node jsonb) returns jsonb[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case node ->> 'type'
    when 'map_reduce' then array_remove(array[node -> 'step', node -> 'reduce'], null)
    when 'scatter_gather' then
      case when jsonb_typeof(node -> 'steps') = 'array' then array(select jsonb_array_elements(node -> 'steps')) else '{}' end
    else '{}' end;
$$;
comment on function catalog.inner_steps is 'The steps that are written within a node: those of a fan-out.';

create or replace function catalog.inner_step_faults(step jsonb, path text) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(step) is distinct from 'object'
    or coalesce(step ->> 'type', '') not in ('agent', 'tool', 'prompt', 'search', 'workflow', 'transform') then
    return array[path || ' is not a step of the type agent, tool, prompt, search, workflow or transform'];
  end if;
  return catalog.object_faults(step, catalog.node_shape(step ->> 'type') - 'id', path)
      || catalog.agent_faults(step, path) || catalog.number_faults(step, path);
end
$$;
comment on function catalog.inner_step_faults is 'The faults of a step within a fan-out.';

create or replace function catalog.agent_faults(node jsonb, path text) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case when node ->> 'type' = 'agent' and (node ? 'agent_id') = (node ? 'role')
    then array[path || ' needs either agent_id or role'] else '{}' end;
$$;
comment on function catalog.agent_faults is 'The fault of a step of an agent that does not say which one, or says it twice.';

create or replace function catalog.node_faults(node jsonb, path text) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_shape jsonb;
begin
  if jsonb_typeof(node) <> 'object' or jsonb_typeof(node -> 'id') is distinct from 'string' or node ->> 'id' !~ '^[A-Za-z0-9_.-]{1,100}$' then
    return array[path || ' has no valid id (letters, digits, _, - and ., at most 100)'];
  end if;
  v_shape := catalog.node_shape(node ->> 'type');
  if v_shape is null then
    return array[path || ' has an unknown type (known are start, agent, tool, prompt, search, workflow, transform, condition, parallel, loop, map_reduce, scatter_gather, wait, human, end)'];
  end if;
  return catalog.object_faults(node, v_shape, path) || catalog.agent_faults(node, path) || catalog.number_faults(node, path)
      || case when node ->> 'type' = 'scatter_gather' and jsonb_typeof(node -> 'steps') = 'array'
                and jsonb_array_length(node -> 'steps') not between 1 and 50
           then array[path || '.steps does not have 1 to 50 steps']
           else array(
             select f.fault from unnest(catalog.inner_steps(node)) with ordinality as s (step, n)
              cross join unnest(catalog.inner_step_faults(s.step, path || ', step ' || s.n)) as f (fault) order by s.n) end;
end
$$;
comment on function catalog.node_faults is
  'The faults of one node of a workflow, without its edges.';

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
  return array(select format('node %s occurs more than once', id) from unnest(v_ids) id group by id having count(*) > 1 order by id)
      || array(
           select distinct format('an edge refers to node %s, which does not exist', left(x.id, 100))
             from jsonb_array_elements(definition -> 'edges') as edge, unnest(array[edge ->> 'from', edge ->> 'to']) as x (id)
            where x.id <> all (v_ids) order by 1)
      || array(
           select distinct format('the edge from node %s to node %s occurs twice', edge ->> 'from', edge ->> 'to')
             from jsonb_array_elements(definition -> 'edges') as edge
            group by edge ->> 'from', edge ->> 'to', edge ->> 'condition' having count(*) > 1 order by 1)
      || case when definition ->> 'start' <> all (v_ids)
           then array[format('start is node %s, which does not exist', left(definition ->> 'start', 100))] else '{}' end
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
  'The faults of a workflow_definition: its keys, node types, repeated ids and edges to unknown nodes. graph_faults checks how the nodes are connected.';

-- A graph as arrays, so that the two checks below visit each node and edge once: the edges are sorted by the node they come
-- from, and the edges of node n are those from first[n] to first[n + 1] - 1.
create or replace function catalog.workflow_graph(
  definition jsonb, out ids text[], out is_loop boolean[], out edge_from int[], out edge_to int[], out first int[])
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  select array_agg(node ->> 'id' order by n), array_agg(node ->> 'type' = 'loop' order by n) into ids, is_loop
    from jsonb_array_elements(definition -> 'nodes') with ordinality as e (node, n);
  select coalesce(array_agg(f.n order by f.n, t.n), '{}'), coalesce(array_agg(t.n order by f.n, t.n), '{}') into edge_from, edge_to
    from jsonb_array_elements(definition -> 'edges') as edge
    join unnest(ids) with ordinality as f (id, n) on f.id = edge ->> 'from'
    join unnest(ids) with ordinality as t (id, n) on t.id = edge ->> 'to';
  select array_agg((select count(*) from unnest(edge_from) x where x < g) + 1 order by g) into first
    from generate_series(1, cardinality(ids) + 1) g;
end
$$;
comment on function catalog.workflow_graph is
  'The nodes and edges of a workflow_definition as arrays of numbers.';

create or replace function catalog.unreachable_node_faults(definition jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_graph record;
  v_count int;
  v_queue int[];
  v_seen boolean[];
  v_head int := 1;
  v_node int;
  v_edge int;
  v_target int;
begin
  select * into v_graph from catalog.workflow_graph(definition);
  v_count := cardinality(v_graph.ids);
  -- begin at the start, or at every node that no edge leads to
  v_queue := case when definition ? 'start' then array[array_position(v_graph.ids, definition ->> 'start')]
    else array(select g from generate_series(1, v_count) g where g <> all (v_graph.edge_to) order by g) end;
  if cardinality(v_queue) = 0 then
    return array['no node is the start, because an edge leads to each of them'];
  end if;
  v_seen := array_fill(false, array[v_count]);
  foreach v_node in array v_queue loop
    v_seen[v_node] := true;
  end loop;
  while v_head <= cardinality(v_queue) loop
    v_node := v_queue[v_head];
    v_head := v_head + 1;
    for v_edge in v_graph.first[v_node] .. v_graph.first[v_node + 1] - 1 loop
      v_target := v_graph.edge_to[v_edge];
      if not v_seen[v_target] then
        v_seen[v_target] := true;
        v_queue := v_queue || v_target;
      end if;
    end loop;
  end loop;
  return array(
    select format('node %s cannot be reached', v_graph.ids[g]) from generate_series(1, v_count) g where not v_seen[g] order by g);
end
$$;
comment on function catalog.unreachable_node_faults is
  'The nodes of a workflow_definition that no path from its start leads to.';

create or replace function catalog.cycle_faults(definition jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_graph record;
  v_count int;
  v_waits_for int[];   -- for each node, the edges from nodes that are not sorted yet, without those from loop nodes
  v_queue int[];
  v_head int := 1;
  v_node int;
  v_edge int;
  v_target int;
begin
  select * into v_graph from catalog.workflow_graph(definition);
  v_count := cardinality(v_graph.ids);
  -- Kahn's topological sort of the nodes that are not loops: a node that cannot be sorted is on a cycle without a loop node,
  -- or comes after one
  v_waits_for := array(
    select (select count(*) from unnest(v_graph.edge_from, v_graph.edge_to) as e (f, t) where e.t = g and not v_graph.is_loop[e.f])
      from generate_series(1, v_count) g order by g);
  v_queue := array(select g from generate_series(1, v_count) g where not v_graph.is_loop[g] and v_waits_for[g] = 0 order by g);
  while v_head <= cardinality(v_queue) loop
    v_node := v_queue[v_head];
    v_head := v_head + 1;
    for v_edge in v_graph.first[v_node] .. v_graph.first[v_node + 1] - 1 loop
      v_target := v_graph.edge_to[v_edge];
      v_waits_for[v_target] := v_waits_for[v_target] - 1;
      if v_waits_for[v_target] = 0 and not v_graph.is_loop[v_target] then
        v_queue := v_queue || v_target;
      end if;
    end loop;
  end loop;
  v_node := (select min(g) from generate_series(1, v_count) g where not v_graph.is_loop[g] and v_waits_for[g] > 0);
  if v_node is null then
    return '{}';
  end if;
  -- going back along the edges as often as there are nodes always ends on the cycle itself
  for v_step in 1 .. v_count loop
    v_node := (
      select min(e.f) from unnest(v_graph.edge_from, v_graph.edge_to) as e (f, t)
       where e.t = v_node and not v_graph.is_loop[e.f] and v_waits_for[e.f] > 0);
  end loop;
  return array[format('node %s is on a cycle that has no loop node', v_graph.ids[v_node])];
end
$$;
comment on function catalog.cycle_faults is
  'A node of a workflow_definition that is on a cycle without a node of type loop. Such a workflow might never end.';

create or replace function catalog.graph_faults(definition jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[] := catalog.unreachable_node_faults(definition);
begin
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;
  return catalog.cycle_faults(definition);
end
$$;
comment on function catalog.graph_faults is
  'The faults of how a workflow''s nodes are connected: nodes that cannot be reached, or a cycle without a loop node.';

create or replace function catalog.step_faults(steps jsonb) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case when jsonb_array_length(steps) > 500 then array['there are more than 500 steps'] else array(
    select f.fault from jsonb_array_elements(steps) with ordinality as e (step, n)
     cross join unnest(catalog.object_faults(e.step,
       '{"id": "name", "name": "name!", "description": "string", "node": "name", "role": "name", "agent_id": "uuid", "tool_id": "uuid", "prompt_id": "uuid", "config": "object"}',
       'step #' || e.n)) as f (fault)
     order by e.n) end;
$$;
comment on function catalog.step_faults is
  'The faults of a workflow''s steps.';

create or replace function catalog.all_steps(nodes jsonb) returns table (node text, step jsonb)
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select n ->> 'id', s.step
    from jsonb_array_elements(nodes) n cross join unnest(n || catalog.inner_steps(n)) as s (step);
$$;
comment on function catalog.all_steps is 'The nodes of a workflow and the steps within them, each with the id of its node.';

create or replace function catalog.role_faults(nodes jsonb, steps jsonb, agent_roles jsonb) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select array(select left(r.key, 100) || ' is not the id of an agent' from jsonb_each(agent_roles) r
                where not catalog.json_is(r.value, 'uuid') order by r.key)
      || array(select format('node %s has the role %s, which agent_roles assigns to no agent', s.node, n ->> 'role')
                 from catalog.all_steps(nodes) s (node, n)
                where n ->> 'type' = 'agent' and not agent_roles ? (n ->> 'role'))
      || array(select format('step #%s refers to node %s, which does not exist', s.n, s.step ->> 'node')
                 from jsonb_array_elements(steps) with ordinality as s (step, n)
                where s.step ? 'node' and not nodes @> jsonb_build_array(jsonb_build_object('id', s.step -> 'node')));
$$;
comment on function catalog.role_faults is
  'The faults of a workflow''s agent_roles, and of the nodes and steps that refer to a role or a node.';

create or replace function catalog.workflow_references(nodes jsonb, steps jsonb, agent_roles jsonb)
returns table (kind text, id uuid, used_by text)
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select r.kind, r.id, min(r.used_by)
    from (
      select k.kind, (s.step ->> (k.kind || '_id'))::uuid, 'node ' || s.node
        from catalog.all_steps(nodes) s, unnest(array['agent', 'tool', 'prompt', 'workflow']) as k (kind) where s.step ? (k.kind || '_id')
      union all
      select k.kind, (s.step ->> (k.kind || '_id'))::uuid, 'step #' || s.n
        from jsonb_array_elements(steps) with ordinality as s (step, n), unnest(array['agent', 'tool', 'prompt']) as k (kind)
       where s.step ? (k.kind || '_id')
      union all
      select 'agent', value::uuid, 'role ' || key from jsonb_each_text(agent_roles)
    ) as r (kind, id, used_by)
   group by r.kind, r.id
   order by r.kind, r.id;
$$;
comment on function catalog.workflow_references is
  'The agents, tools, prompts and workflows that a workflow refers to, each once, with a node, step or role that refers to it.';

create or replace function catalog.tg_workflows__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most_bytes constant int := 1000000;
  v_reference record;
  v_faults text[] := '{}';
  v_nodes jsonb;
begin
  if jsonb_typeof(new.steps) is distinct from 'array' or jsonb_typeof(new.agent_roles) is distinct from 'object' then
    return new; -- the table's own checks refuse it
  end if;
  if pg_column_size(new.workflow_definition) + pg_column_size(new.steps) + pg_column_size(new.agent_roles) > v_most_bytes then
    perform core.raise_error('RS621', 'The workflow is larger than a megabyte.', 'Divide it into several workflows.');
  end if;
  perform catalog.refuse_faults('RS432', 'The workflow_definition has faults', catalog.workflow_faults(new.workflow_definition));
  perform catalog.refuse_faults('RS432', 'The workflow_definition has faults', catalog.graph_faults(new.workflow_definition),
    'Put a node of type loop on each cycle, and connect every node with the start.');
  perform catalog.refuse_faults('RS433', 'The steps have faults', catalog.step_faults(new.steps));
  v_nodes := new.workflow_definition -> 'nodes';
  perform catalog.refuse_faults('RS433', 'The agent_roles, or references to them, have faults',
    catalog.role_faults(v_nodes, new.steps, new.agent_roles));

  new.agent_ids := '{}';
  for v_reference in select * from catalog.workflow_references(v_nodes, new.steps, new.agent_roles) loop
    if v_reference.kind = 'agent' then
      new.agent_ids := new.agent_ids || v_reference.id;
    end if;
    -- administrators and seeds write outside of a tenant's request: then visibility is not checked
    if new.tenant_id = core.current_tenant_id() and not catalog.is_visible_resource(v_reference.kind, v_reference.id) then
      v_faults := v_faults || format('%s refers to a %s that does not exist', v_reference.used_by, v_reference.kind);
    end if;
  end loop;
  perform catalog.refuse_faults('RS434', 'The workflow refers to resources that do not exist or that you may not see', v_faults,
    'List the agents, tools and prompts of this tenant, and those that are shared with it.');
  return new;
end
$$;
comment on function catalog.tg_workflows__check is
  E'@errors RS432 RS433 RS434 RS621\nRefuses a workflow that cannot be run, and writes to agent_ids which agents it needs.';

create or replace trigger _300_check before insert or update of workflow_definition, steps, agent_roles on app_public.workflows
  for each row execute function catalog.tg_workflows__check();
