-- Copies: what a tenant makes of a resource it sees, its own or a shared one, to go on with by itself. A copy is a new,
-- private resource of this tenant; the original stays as it is, and what is revoked later does not touch the copy.

create or replace function catalog.uncopied_columns() returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select array[
    -- what makes it this one
    'id', 'tenant_id', 'name', 'copied_from_id', 'owner_id', 'created_by_user_id', 'created_at', 'updated_at', 'deleted_at',
    -- who sees it
    'sharing_mode', 'resource_type',
    -- what it went through
    'version', 'previous_version_id', 'is_latest_version', 'changelog', 'published_at', 'validation_status',
    'activated_at', 'deactivated_at', 'last_seen_at',
    -- kept from logs, ratings and join tables
    'tool_ids', 'agent_ids', 'usage_count', 'success_rate', 'avg_response_time_ms', 'rating', 'feedback_count', 'error_count',
    'last_error_at', 'last_success_at', 'performance_score', 'last_used_at', 'execution_count', 'success_count',
    'failure_count', 'avg_execution_time_ms', 'last_executed_at'
  ];
$$;
comment on function catalog.uncopied_columns is
  'Columns a copy does not take over: everything else is copied, so a new column is part of copies unless it is named here.';

create or replace function catalog.columns_of_the_tenant() returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select array['department_id', 'business_function_id', 'role_id', 'tool_category_id', 'billing_code', 'budget_allocation_id'];
$$;
comment on function catalog.columns_of_the_tenant is
  'Columns that mean something in their tenant only: a copy for another tenant does without them.';

create or replace function catalog.copy_resource(kind app_public.resource_kind, id uuid, name text) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table regclass := catalog.resource_table(copy_resource.kind);
  v_tenant_id uuid := core.current_tenant_id();
  v_original jsonb;
  v_is_own boolean;
  v_columns text;
  v_name text;
  v_constraint text;
  v_id uuid;
begin
  perform tenancy.require_permission(catalog.resource_permission(copy_resource.kind, 'create'));
  v_original := catalog.resource_to_copy(copy_resource.kind, copy_resource.id);
  v_is_own := (v_original ->> 'tenant_id')::uuid = v_tenant_id;
  select string_agg(quote_ident(attname), ', ' order by attnum) into v_columns
    from pg_attribute
   where attrelid = v_table and attnum > 0 and not attisdropped and attgenerated = ''
     and attname <> all (catalog.uncopied_columns() || case when not v_is_own then catalog.columns_of_the_tenant() end);

  -- the name that was asked for, or the first free one of: Name, Name (copy), Name (copy 2) …
  for v_attempt in 0 .. 1000 loop
    v_name := coalesce(copy_resource.name, left(v_original ->> 'name', 240)
      || case v_attempt when 0 then '' when 1 then ' (copy)' else format(' (copy %s)', v_attempt) end);
    begin
      execute format(
        'insert into %1$s (%2$s, tenant_id, name, copied_from_id) select %2$s, $2, $3, $4 from jsonb_populate_record(null::%1$s, $1) returning id',
        v_table, v_columns)
        into v_id using v_original, v_tenant_id, v_name, copy_resource.id;
      exit;
    exception when unique_violation then
      get stacked diagnostics v_constraint = constraint_name;
      if v_constraint not like '%\_name\_key' then
        raise;
      elsif copy_resource.name is not null or v_attempt = 1000 then
        perform core.raise_error('RS563', 'The name is taken.', 'Give the copy another name, or none.');
      end if;
    end;
  end loop;

  if copy_resource.kind = 'agent' then
    -- what it works with, as far as this tenant may use it too; how a tool is configured is the owner's business
    insert into app_public.agent_tools (tenant_id, agent_id, tool_id, sort_order, config)
    select v_tenant_id, v_id, u.tool_id::uuid, u.n, coalesce(t.config, '{}')
      from jsonb_array_elements_text(v_original -> 'tool_ids') with ordinality as u (tool_id, n)
      left join app_public.agent_tools t
        on t.tenant_id = v_tenant_id and t.agent_id = copy_resource.id and t.tool_id = u.tool_id::uuid
     where catalog.is_visible_resource('tool', u.tool_id::uuid);
    insert into app_public.agent_knowledge_sources (tenant_id, agent_id, source_id)
    select v_tenant_id, v_id, u.source_id::uuid
      from jsonb_array_elements_text(v_original -> 'knowledge_source_ids') as u (source_id)
     where catalog.is_visible_resource('knowledge_source', u.source_id::uuid);
  end if;
  return v_id;
end
$$;
comment on function catalog.copy_resource is
  E'@errors RS301 RS563 ID203\nMakes a private copy of a visible resource in this tenant.';

do $do$
declare
  v_kind text;
  v_table regclass;
begin
  for v_kind, v_table in
    select k::text, catalog.resource_table(k) from unnest(array['agent', 'tool', 'prompt', 'workflow']::app_public.resource_kind[]) as k
  loop
    execute format($sql$
      create or replace function app_public.copy_%1$s(id uuid, name text default null) returns %2$s
      language plpgsql volatile security definer
      set search_path to pg_catalog, pg_temp
      as $$
      declare
        v_copy_id uuid := catalog.copy_resource('%1$s', copy_%1$s.id, copy_%1$s.name);
        v_copy %2$s;
      begin
        select r.* into v_copy from %2$s r where r.id = v_copy_id;
        return v_copy;
      end
      $$;
      grant execute on function app_public.copy_%1$s(uuid, text) to rowhouse_user;
      $sql$, v_kind, v_table);
    execute format('comment on function app_public.copy_%s(uuid, text) is %L', v_kind, format(
      e'@resultFieldName %1$s\nCopies a %1$s of this tenant, or one that is shared with it, to a private one of this tenant; the original stays as it is, and copied_from_id names it. %2$sWithout a name it keeps the original''s, or gets (copy) after it where that is taken. %3$s. RS301: there is no such %1$s; RS563: the name is taken; %4$sID203: your permissions do not allow it.',
      v_kind,
      case v_kind
        when 'agent' then 'The copy has the tools and knowledge sources that this tenant may use. A knowledge source itself cannot be copied: search it where it is. '
        when 'tool' then 'Secrets are not copied, for a tool has none: store one of your own under its secret_name. '
        when 'workflow' then 'It refers to the same agents, tools and prompts, which must be shared as well. '
        else '' end,
      catalog.resource_permission(v_kind::app_public.resource_kind, 'create'),
      case v_kind when 'workflow' then 'RS434: it refers to what is not shared with this tenant; ' else '' end));
  end loop;
end
$do$;
