-- What every installation starts with: resources of the platform tenant that all tenants may use, and well-known models.
-- They come as data (seeds/platform) and only fill gaps: what staff changed, renamed or deleted stays as they left it.

comment on type app_public.llm_model_kind is 'What a model does: chat or embedding.';
comment on type app_public.llm_provider_kind is 'How a provider is spoken to: builtin (in the database), openai (any OpenAI-compatible endpoint) or anthropic (its Messages API; no embeddings).';

set local role rowhouse_platform;  -- outside the wall: what an installation starts with belongs to the platform tenant and to none; for npm run migrate, granted to nobody
create or replace function catalog.ensure_platform_tenant() returns uuid
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  insert into app_public.tenants (slug, name, type) values ('platform', 'Platform', 'platform')
  on conflict do nothing;
  -- locked, so that two who add resources do it one after the other
  select t.id into v_id from app_public.tenants t where t.type = 'platform' for update;
  return v_id;
end
$$;
comment on function catalog.ensure_platform_tenant is
  'The tenant that runs this installation, made without members when there is none. For npm run migrate.';

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
  'Adds resources (an array of rows) to the platform tenant, shared with all tenants, and returns how many were new: one whose id or name is there, deleted or not, is left as it is. For npm run migrate.';

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
  'Adds providers and their models, and returns how many models were new; what is there by name is left as it is. For npm run migrate.';

set local role rowhouse_owner;
