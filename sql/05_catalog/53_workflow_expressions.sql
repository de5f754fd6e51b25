-- What a workflow needs beyond its form so that it can be run: expressions that can be evaluated, and loops that can be told
-- apart. A draft may lack both, so this is checked when a version is published.

-- An expression is SQL/JSON path. Its time must not depend on what it reads by more than a factor: so nothing that visits
-- everything below (**) and no regular expression; and where values are compared, at most one list.
create or replace function catalog.bare_path(expression text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- as PostgreSQL writes it, without comments and with every name in quotes
  select regexp_replace((bare_path.expression::jsonpath)::text, '"(\\.|[^"\\])*"', '""', 'g');
$$;
comment on function catalog.bare_path is 'An expression without its names and texts, to look for operators in.';

create or replace function catalog.expression_fault(expression text) returns text
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_bare text;
begin
  if length(expression) not between 1 and 1000 then
    return 'must have 1 to 1,000 characters';
  end if;
  v_bare := catalog.bare_path(expression);
  if v_bare ~ '^strict ' then
    return 'must not say strict';
  elsif v_bare ~ '\*\*|\mlike_regex\M|\mkeyvalue\M' then
    return 'must not use **, like_regex or keyvalue';
  elsif v_bare ~ '\$"' then
    return 'must not use variables';
  elsif regexp_count(v_bare, ',') > 1 then
    -- each list of places may double what there is
    return 'must not choose several places more than once';
  elsif catalog.compares(expression) and regexp_count(v_bare, '\*|\mto\M|,') > 1 then
    return 'must not compare more than one list';
  end if;
  perform catalog.expression_path(expression);
  return null;
exception when syntax_error or invalid_text_representation or invalid_regular_expression then
  return 'is not an SQL/JSON path';
end
$$;
comment on function catalog.expression_fault is
  'Why an expression of a workflow cannot be used; null when it can.';

create or replace function catalog.compares(expression text) returns boolean
language sql immutable parallel safe
return catalog.bare_path(expression) ~ '[=<>?!&|]|\mstarts\M|\mexists\M';
comment on function catalog.compares is
  'Whether an expression has a comparison, a filter or anything else that is true or false.';

-- What a lax path does not find it leaves out. In a comparison laxness would unwrap lists on both sides and compare all pairs.
create or replace function catalog.expression_path(expression text) returns jsonpath
language sql immutable parallel safe
return (case when catalog.compares(expression) then 'strict ' else 'lax ' end || expression)::jsonpath;
comment on function catalog.expression_path is
  'An expression of a workflow as a path: strict when it compares or filters, else lax.';

create or replace function catalog.branch_words() returns text[]
language sql immutable parallel safe
return '{true,yes,false,no,continue,done}'::text[];
comment on function catalog.branch_words is
  'The conditions of edges that are a word: true and yes, false and no from a condition; continue and done from a loop, which go without saying.';

create or replace function catalog.expression_faults(definition jsonb) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select array(
    select format('%s %s', e.path, catalog.expression_fault(e.expression))
      from (
        select 'node ' || s.node || '.' || k.key as path, s.step ->> k.key as expression
          from catalog.all_steps(definition -> 'nodes') s, unnest('{expression,items}'::text[]) as k (key)
         where s.step ? k.key
        union all
        select 'node ' || s.node || '.input.' || left(i.key, 100), case when jsonb_typeof(i.value) = 'string' then i.value #>> '{}' else '' end
          from catalog.all_steps(definition -> 'nodes') s, jsonb_each(s.step -> 'input') i
        union all
        select format('the edge from %s to %s: its condition', edge ->> 'from', edge ->> 'to'), edge ->> 'condition'
          from jsonb_array_elements(definition -> 'edges') edge
         where edge ? 'condition' and edge ->> 'condition' <> all (catalog.branch_words())
      ) as e
     where catalog.expression_fault(e.expression) is not null
     limit 20)
    || array(
      select format('node %s.input has more than 100 keys', s.node) from catalog.all_steps(definition -> 'nodes') s
       where (select count(*) from jsonb_object_keys(s.step -> 'input')) > 100);
$$;
comment on function catalog.expression_faults is
  'The faults of the expressions of a workflow_definition: of conditions, loops, items and inputs.';

create or replace function catalog.reached_nodes(first int[], target int[], start int, within boolean[]) returns boolean[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_seen boolean[] := array_fill(false, array[cardinality(within)]);
  v_queue int[] := array[start];
  v_head int := 1;
  v_edge int;
begin
  while v_head <= cardinality(v_queue) loop
    for v_edge in first[v_queue[v_head]] .. first[v_queue[v_head] + 1] - 1 loop
      if within[target[v_edge]] and not v_seen[target[v_edge]] then
        v_seen[target[v_edge]] := true;
        v_queue := v_queue || target[v_edge];
      end if;
    end loop;
    v_head := v_head + 1;
  end loop;
  return v_seen;
end
$$;
comment on function catalog.reached_nodes is
  'Which nodes an edge or several lead to from a start, within a set of nodes. The edges of node n are those from first[n] on.';

create or replace function catalog.cycle_around(graph jsonb, node int, within boolean[]) returns int[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ahead constant boolean[] := catalog.reached_nodes(
    array(select jsonb_array_elements_text(graph -> 'first')::int), array(select jsonb_array_elements_text(graph -> 'to')::int), node, within);
  v_behind boolean[];
begin
  if not v_ahead[node] then
    return '{}';
  end if;
  v_behind := catalog.reached_nodes(
    array(select jsonb_array_elements_text(graph -> 'back_first')::int), array(select jsonb_array_elements_text(graph -> 'back_to')::int), node, within);
  return array(select g from generate_subscripts(within, 1) g where v_ahead[g] and v_behind[g]);
end
$$;
comment on function catalog.cycle_around is
  'The nodes that lie with a node on cycles, itself among them, within a set of nodes; none when it is on no cycle.';

create or replace function catalog.graph_both_ways(definition jsonb) returns jsonb
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_graph record;
  v_back_from int[];
  v_back_to int[];
begin
  select * into v_graph from catalog.workflow_graph(definition);
  select coalesce(array_agg(e.t order by e.t, e.f), '{}'), coalesce(array_agg(e.f order by e.t, e.f), '{}') into v_back_from, v_back_to
    from unnest(v_graph.edge_from, v_graph.edge_to) as e (f, t);
  return jsonb_build_object(
    'ids', v_graph.ids, 'is_loop', v_graph.is_loop, 'first', v_graph.first, 'to', v_graph.edge_to,
    'back_first', (select jsonb_agg((select count(*) from unnest(v_back_from) x where x < g) + 1 order by g)
                     from generate_series(1, cardinality(v_graph.ids) + 1) g),
    'back_to', v_back_to);
end
$$;
comment on function catalog.graph_both_ways is 'A workflow_definition as catalog.workflow_graph has it, with its edges backward too.';

-- Of the loop nodes on a common cycle the outermost is the one without which the others still are on cycles.
create or replace function catalog.outermost_loop(graph jsonb, members int[], size int) returns int
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_loops constant int[] := array(select m from unnest(members) m where (graph -> 'is_loop' -> (m - 1))::boolean order by m);
begin
  if cardinality(v_loops) = 1 then
    return v_loops[1];
  end if;
  return (
    select l from unnest(v_loops) l
     order by (select count(*) from unnest(v_loops) other
                where other <> l and catalog.cycle_around(graph, other,
                  array(select g = any (members) and g <> l from generate_series(1, size) g order by g)) <> '{}') desc, l
     limit 1);
end
$$;
comment on function catalog.outermost_loop is 'The loop that stands for a cycle of nodes.';

create or replace function catalog.loop_chains(definition jsonb) returns table (node_id text, chain text[])
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_graph constant jsonb := catalog.graph_both_ways(definition);
  v_ids constant text[] := array(select jsonb_array_elements_text(v_graph -> 'ids'));
  v_size constant int := cardinality(v_ids);
  -- sets of nodes that are still to be divided, as JSON, because they differ in size
  v_sets jsonb := jsonb_build_array(jsonb_build_object('chain', '[]'::jsonb, 'members', to_jsonb(array(select generate_series(1, v_size)))));
  v_chain text[];
  v_rest int[];
  v_cycle int[];
  v_loop int;
begin
  while jsonb_array_length(v_sets) > 0 loop
    v_chain := array(select jsonb_array_elements_text(v_sets -> 0 -> 'chain'));
    v_rest := array(select jsonb_array_elements_text(v_sets -> 0 -> 'members')::int);
    v_sets := v_sets - 0;
    for v_loop in select m from unnest(v_rest) m where (v_graph -> 'is_loop' -> (m - 1))::boolean order by m loop
      continue when v_loop <> all (v_rest);
      v_cycle := catalog.cycle_around(v_graph, v_loop, array(select g = any (v_rest) from generate_series(1, v_size) g order by g));
      continue when v_cycle = '{}';
      v_rest := array(select r from unnest(v_rest) r where r <> all (v_cycle));
      v_loop := catalog.outermost_loop(v_graph, v_cycle, v_size);
      node_id := v_ids[v_loop];
      chain := v_chain || node_id;
      return next;
      v_sets := v_sets || jsonb_build_array(jsonb_build_object('chain', to_jsonb(chain), 'members', to_jsonb(array_remove(v_cycle, v_loop))));
    end loop;
    return query select v_ids[r], v_chain || v_ids[r] from unnest(v_rest) r order by r;
  end loop;
end
$$;
comment on function catalog.loop_chains is
  'For each node of a workflow_definition the loops that it lies in, the outermost first, and itself at the end.';

create or replace function catalog.run_faults(definition jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults constant text[] := catalog.expression_faults(definition);
begin
  if (select count(*) from jsonb_array_elements(definition -> 'nodes') n where n ->> 'type' = 'loop') > 20 then
    return v_faults || array['it has more than 20 loops'];
  end if;
  return v_faults || array(
    select format('node %s lies in more than 5 loops', c.node_id) from catalog.loop_chains(definition) c where cardinality(c.chain) > 6);
end
$$;
comment on function catalog.run_faults is
  'Why a workflow_definition that has no faults of form cannot be run: its expressions, and the number and depth of its loops.';
