-- The plan of a run: the published version of a workflow as rows. A shared workflow's version is copied into the tenant that runs
-- it, so that a run reads nothing of another tenant.

set local role rowhouse_platform;  -- outside the wall: it reads the published version of a workflow that another tenant shares with this one
create or replace function runtime.latest_shared_version(tenant_id uuid, workflow_id uuid) returns app_public.resource_versions
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select v from app_public.resource_versions v
   where v.tenant_id = latest_shared_version.tenant_id and v.resource_kind = 'workflow' and v.resource_id = latest_shared_version.workflow_id
   order by v.version_number desc limit 1;
$$;
comment on function runtime.latest_shared_version is 'The version of a tenant''s workflow that was published last. Its caller has seen that the workflow is shared.';
grant execute on function runtime.latest_shared_version to rowhouse_owner;
grant select on app_public.resource_versions to rowhouse_platform;
set local role rowhouse_owner;

create or replace function runtime.workflow_to_run(workflow_id uuid, out name text, out version text, out content jsonb)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workflow constant jsonb := catalog.visible_resource('workflow', workflow_to_run.workflow_id);
  v_version app_public.resource_versions;
begin
  if v_workflow is null then
    perform catalog.raise_no_such_resource('workflow');
  elsif not (v_workflow -> 'enabled')::boolean or v_workflow ->> 'status' not in ('active', 'deprecated') then
    perform core.raise_error('RN556', 'workflow_id: The workflow is switched off.', 'Enable it, or set its status to active.');
  end if;
  v_version := runtime.latest_shared_version((v_workflow ->> 'tenant_id')::uuid, workflow_to_run.workflow_id);
  name := v_workflow ->> 'name';
  version := coalesce(v_version.version, v_workflow ->> 'version');
  content := v_version.content;
  if content is null and v_workflow ->> 'resource_type' = 'platform' then
    -- What came with the installation is not published by anyone; it is run as it is.
    content := catalog.authored_content(v_workflow);
    perform catalog.refuse_faults('RS436', 'The workflow cannot be run', catalog.run_faults(content -> 'workflow_definition'),
      'Expressions are SQL/JSON path; the guide of workflows says which.');
  elsif content is null then
    perform core.raise_error('RN355', 'workflow_id: The workflow has no published version.', 'Publish it with publishWorkflow.');
  end if;
end
$$;
comment on function runtime.workflow_to_run is
  E'@errors RN355 RN556 RS301 RS436\nThe published version of a workflow that this tenant may run.';

create or replace function runtime.add_plan_rows(plan runtime.workflow_plans) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_definition constant jsonb := (plan).content -> 'workflow_definition';
begin
  insert into runtime.workflow_plan_nodes (tenant_id, plan_id, node_id, ordinal, kind, config, chain)
  select (plan).tenant_id, (plan).id, n.node ->> 'id', n.ordinal, n.node ->> 'type', n.node, c.chain
    from jsonb_array_elements(v_definition -> 'nodes') with ordinality as n (node, ordinal)
    join catalog.loop_chains(v_definition) c on c.node_id = n.node ->> 'id';

  insert into runtime.workflow_plan_edges (tenant_id, plan_id, ordinal, from_node, to_node, to_chain, condition, level, level_from, level_to)
  select (plan).tenant_id, (plan).id, row_number() over (order by e.ordinal, t.ordinal), e.from_node, t.node_id, t.chain, e.condition,
         coalesce(f.chain[k.common], ''), coalesce(f.chain[k.common + 1], f.chain[k.common], ''), coalesce(t.chain[k.common + 1], t.chain[k.common])
    from (
      select edge ->> 'from' as from_node, edge ->> 'to' as to_node, edge ->> 'condition' as condition, ordinal
        from jsonb_array_elements(v_definition -> 'edges') with ordinality as x (edge, ordinal)
      union all
      select '', n ->> 'id', null, 0
        from jsonb_array_elements(v_definition -> 'nodes') n
       where coalesce(n ->> 'id' = v_definition ->> 'start',
         not exists (select from jsonb_array_elements(v_definition -> 'edges') x where x ->> 'to' = n ->> 'id'))
    ) as e
    join runtime.workflow_plan_nodes t on t.tenant_id = (plan).tenant_id and t.plan_id = (plan).id and t.node_id = e.to_node
    left join runtime.workflow_plan_nodes f on f.tenant_id = (plan).tenant_id and f.plan_id = (plan).id and f.node_id = e.from_node
   cross join lateral (
     select count(*)::int as common from generate_subscripts(f.chain, 1) i where f.chain[1:i] = t.chain[1:i]) k;
end
$$;
comment on function runtime.add_plan_rows is 'Writes the nodes and edges of a plan.';

create or replace function runtime.plan_of_version(workflow_id uuid, version text, content jsonb) returns runtime.workflow_plans
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_hash constant bytea := sha256(convert_to(plan_of_version.content::text, 'UTF8'));
  v_plan runtime.workflow_plans;
begin
  select * into v_plan from runtime.workflow_plans p
   where p.tenant_id = core.current_tenant_id() and p.workflow_id = plan_of_version.workflow_id and p.content_hash = v_hash;
  if found then
    return v_plan;
  end if;
  insert into runtime.workflow_plans as p (tenant_id, workflow_id, version, content_hash, content)
  values (core.current_tenant_id(), plan_of_version.workflow_id, plan_of_version.version, v_hash, plan_of_version.content)
  on conflict on constraint workflow_plans_tenant_id_workflow_id_content_hash_key do nothing
  returning * into v_plan;
  if found then
    perform runtime.add_plan_rows(v_plan);
  else
    -- Another run has made it meanwhile, and a new statement sees it.
    select * into v_plan from runtime.workflow_plans p
     where p.tenant_id = core.current_tenant_id() and p.workflow_id = plan_of_version.workflow_id and p.content_hash = v_hash;
  end if;
  return v_plan;
end
$$;
comment on function runtime.plan_of_version is 'The plan of a version; it is made when there is none.';
