-- The resources and models that every installation starts with. The idea: they come as data (seeds/platform), belong to the
-- platform tenant and are shared with all tenants. Adding them only fills gaps: a resource that staff changed, renamed or
-- deleted stays as it is.

set local role rowhouse_platform;  -- outside the wall: npm run migrate adds the first resources without being a member of any tenant; these functions are granted to nobody
create or replace function catalog.ensure_platform_tenant() returns uuid
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  insert into app_public.tenants (slug, name, type) values ('platform', 'Platform', 'platform')
  on conflict do nothing;
  -- the lock makes two migrations add resources one after the other
  select t.id into v_id from app_public.tenants t where t.type = 'platform' for update;
  return v_id;
end
$$;
comment on function catalog.ensure_platform_tenant is
  'Returns the tenant that runs this installation, and creates it without members when it does not exist. npm run migrate calls it.';

create or replace function catalog.add_platform_resources(kind app_public.resource_kind, resources jsonb) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := catalog.ensure_platform_tenant();
  v_resource jsonb;
  v_columns text;
  v_added int := 0;
  v_count int;
begin
  call core.enter_tenant(v_tenant_id);
  for v_resource in select value from jsonb_array_elements(add_platform_resources.resources) loop
    execute format('select count(*) from %s where id = $1 or tenant_id = $2 and name = $3',
      catalog.resource_table(add_platform_resources.kind))
      into v_count using (v_resource ->> 'id')::uuid, v_tenant_id, v_resource ->> 'name';
    continue when v_count > 0;
    select string_agg(format('%I', key), ', ') into v_columns from jsonb_object_keys(v_resource - 'tool_ids') as key;
    execute format(
      'insert into %1$s (tenant_id, resource_type, sharing_mode, %2$s)
       select $1, ''platform'', ''platform'', %2$s from jsonb_populate_record(null::%1$s, $2)', catalog.resource_table(add_platform_resources.kind), v_columns)
      using v_tenant_id, v_resource;
    v_added := v_added + 1;
    if add_platform_resources.kind = 'agent' then
      insert into app_public.agent_tools (tenant_id, agent_id, tool_id, sort_order)
      select v_tenant_id, (v_resource ->> 'id')::uuid, tool_id::uuid, position - 1
        from jsonb_array_elements_text(v_resource -> 'tool_ids') with ordinality as t (tool_id, position);
    end if;
  end loop;
  return v_added;
end
$$;
comment on function catalog.add_platform_resources is
  'Adds resources (an array of rows) to the platform tenant, shares them with all tenants and returns how many it added. A resource whose id or name exists already, even as a deleted one, is left as it is. npm run migrate calls it.';

create or replace function catalog.add_platform_models(providers jsonb) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_added int;
begin
  insert into app_public.llm_providers (name, display_name, kind, base_url, api_key_variable)
  select p.provider, p.display_name, p.kind, p.base_url, p.api_key_variable
    from jsonb_to_recordset(add_platform_models.providers)
      as p (provider text, display_name text, kind app_public.llm_provider_kind, base_url text, api_key_variable text)
  on conflict (name) do nothing;

  insert into app_public.llm_models (provider_id, name, display_name, kind, provider_model_name, context_window_size, dimension)
  select provider.id, m.name, m.display_name, m.kind, m.name, m.context_window_size, m.dimension
    from jsonb_to_recordset(add_platform_models.providers) as p (provider text, models jsonb)
    join app_public.llm_providers provider on provider.name = p.provider
   cross join jsonb_to_recordset(p.models)
      as m (name text, display_name text, kind app_public.llm_model_kind, context_window_size int, dimension int)
  on conflict (name) do nothing;
  get diagnostics v_added = row_count;
  return v_added;
end
$$;
comment on function catalog.add_platform_models is
  'Adds providers and their models and returns how many models it added. A provider or model whose name exists already is left as it is. npm run migrate calls it.';

set local role rowhouse_owner;
