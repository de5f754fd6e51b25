-- Copies: a tenant copies a resource that it sees, its own or a shared one. The idea: a copy is a new, private resource of
-- the tenant. The original does not change, and the copy remains when the share is revoked.

create or replace function catalog.uncopied_columns() returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select array[
    -- identity
    'id', 'tenant_id', 'name', 'copied_from_id', 'owner_id', 'created_by_user_id', 'created_at', 'updated_at', 'deleted_at',
    -- sharing and origin
    'sharing_mode', 'resource_type',
    -- versions and life cycle
    'version', 'previous_version_id', 'is_latest_version', 'changelog', 'published_at', 'validation_status',
    'activated_at', 'deactivated_at', 'last_seen_at',
    -- computed from logs, ratings and join tables
    'tool_ids', 'agent_ids', 'usage_count', 'success_rate', 'avg_response_time_ms', 'rating', 'feedback_count', 'error_count',
    'last_error_at', 'last_success_at', 'performance_score', 'last_used_at', 'execution_count', 'success_count',
    'failure_count', 'avg_execution_time_ms', 'last_executed_at'
  ];
$$;
comment on function catalog.uncopied_columns is
  'The columns that a copy does not take over. All others are copied, so a new column is part of copies unless it is listed here.';

create or replace function catalog.columns_of_the_tenant() returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select array['department_id', 'business_function_id', 'role_id', 'tool_category_id', 'billing_code', 'budget_allocation_id'];
$$;
comment on function catalog.columns_of_the_tenant is
  'The columns whose values have a meaning only within their tenant. A copy in another tenant leaves them empty.';

set local role rowhouse_platform;  -- outside the wall: it reads and locks a resource that another tenant shares with this one
create or replace function catalog.resource_to_copy(kind app_public.resource_kind, id uuid) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_resource jsonb := catalog.visible_resource(resource_to_copy.kind, resource_to_copy.id);
begin
  if v_resource is not null then
    -- A revocation locks the resource's row: wait for it, then read again. The shares are locked as well, because a caller in
    -- repeatable read would still see a share that is revoked by then.
    execute format('select from %s r where r.id = $1 for share', catalog.resource_table(resource_to_copy.kind))
      using resource_to_copy.id;
    perform from app_public.resource_shares s
      where s.resource_kind = resource_to_copy.kind and s.resource_id = resource_to_copy.id
        and s.grantee_tenant_id = core.current_tenant_id()
      order by s.id for share;
    v_resource := catalog.visible_resource(resource_to_copy.kind, resource_to_copy.id);
  end if;
  if v_resource is null then
    perform catalog.raise_no_such_resource(resource_to_copy.kind);
  end if;
  if resource_to_copy.kind = 'agent' then
    v_resource := v_resource || jsonb_build_object('knowledge_source_ids', array(
      select a.source_id from app_public.agent_knowledge_sources a
       where a.tenant_id = (v_resource ->> 'tenant_id')::uuid and a.agent_id = resource_to_copy.id
       order by a.created_at, a.source_id));
  end if;
  return v_resource;
end
$$;
comment on function catalog.resource_to_copy is
  E'@errors RS301\nReturns a resource that the request sees as JSON, an agent with its knowledge_source_ids, and locks it so that its share cannot be revoked before the transaction ends.';
grant execute on function catalog.resource_to_copy to rowhouse_owner;

set local role rowhouse_owner;

create or replace function catalog.copy_agent_attachments(original jsonb, copy_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the configuration of a tool is the owner's, so only a copy within the tenant takes it over
  insert into app_public.agent_tools (tenant_id, agent_id, tool_id, sort_order, config)
  select core.current_tenant_id(), copy_agent_attachments.copy_id, u.tool_id::uuid, u.n, coalesce(t.config, '{}')
    from jsonb_array_elements_text(original -> 'tool_ids') with ordinality as u (tool_id, n)
    left join app_public.agent_tools t
      on t.tenant_id = core.current_tenant_id() and t.agent_id = (original ->> 'id')::uuid and t.tool_id = u.tool_id::uuid
   where catalog.is_visible_resource('tool', u.tool_id::uuid);
  insert into app_public.agent_knowledge_sources (tenant_id, agent_id, source_id)
  select core.current_tenant_id(), copy_agent_attachments.copy_id, u.source_id::uuid
    from jsonb_array_elements_text(original -> 'knowledge_source_ids') as u (source_id)
   where catalog.is_visible_resource('knowledge_source', u.source_id::uuid);
end
$$;
comment on function catalog.copy_agent_attachments is
  'Gives the copy of an agent the tools and knowledge sources of the original, as far as this tenant may use them.';

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
  v_most_names constant int := 1000;
  v_longest_stem constant int := 240; -- leaves room for (copy 1000) within the 255 characters of a name
begin
  perform tenancy.require_permission(catalog.resource_permission(copy_resource.kind, 'create'));
  v_original := catalog.resource_to_copy(copy_resource.kind, copy_resource.id);
  v_is_own := (v_original ->> 'tenant_id')::uuid = v_tenant_id;
  select string_agg(quote_ident(attname), ', ' order by attnum) into v_columns
    from pg_attribute
   where attrelid = v_table and attnum > 0 and not attisdropped and attgenerated = ''
     and attname <> all (catalog.uncopied_columns() || case when v_is_own then '{}' else catalog.columns_of_the_tenant() end);

  -- take the name that was asked for, or the first free one of: Name, Name (copy), Name (copy 2) …
  for v_attempt in 0 .. v_most_names loop
    v_name := coalesce(copy_resource.name, left(v_original ->> 'name', v_longest_stem)
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
      elsif copy_resource.name is not null or v_attempt = v_most_names then
        perform catalog.raise_name_is_taken(copy_resource.kind);
      end if;
    end;
  end loop;

  if copy_resource.kind = 'agent' then
    perform catalog.copy_agent_attachments(v_original, v_id);
  end if;
  return v_id;
end
$$;
comment on function catalog.copy_resource is
  E'@errors RS301 RS520 ID203\nMakes a private copy of a resource that the request sees, in this tenant, and returns its id.';

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
      grant execute on function app_public.copy_%1$s to rowhouse_user;
      $sql$, v_kind, v_table);
    execute format('comment on function app_public.copy_%s is %L', v_kind, format(
      e'@resultFieldName %1$s\n@errors RS301 RS520 %4$sID203\nCopies %5$s %1$s of this tenant, or one that is shared with it. The copy is private and belongs to this tenant; its copied_from_id names the original, which does not change. %2$sWithout a name, the copy keeps the original''s name, or gets (copy) after it when that name is taken. Needs %3$s.',
      v_kind,
      case v_kind
        when 'agent' then 'The copy has those tools and knowledge sources of the original that this tenant may use. '
        when 'tool' then 'Secrets are not copied: store your own secret under the tool''s secret_name. '
        when 'workflow' then 'The copy refers to the same agents, tools and prompts, so they must be shared as well. '
        else '' end,
      catalog.resource_permission(v_kind::app_public.resource_kind, 'create'),
      case v_kind when 'workflow' then 'RS434 ' else '' end,
      case v_kind when 'agent' then 'an' else 'a' end));
  end loop;
end
$do$;
