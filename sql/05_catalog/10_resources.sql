-- What the five kinds of the catalogue have in common: where they live, who may see one, deletion and its undo.

comment on type app_public.resource_kind is 'The kinds of things in the catalogue.';

grant execute on function catalog.is_semantic_version to rowhouse_user, rowhouse_platform;
grant execute on function catalog.is_color to rowhouse_user, rowhouse_platform;
grant execute on function catalog.is_image_url to rowhouse_user, rowhouse_platform;

create or replace function catalog.resource_table(kind app_public.resource_kind) returns regclass
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case kind
    when 'agent' then 'app_public.agents'
    when 'tool' then 'app_public.tools'
    when 'prompt' then 'app_public.prompts'
    when 'workflow' then 'app_public.workflows'
    when 'knowledge_source' then 'app_public.rag_knowledge_sources'
  end::regclass;
$$;
comment on function catalog.resource_table is
  'The table that holds resources of a kind.';
grant execute on function catalog.resource_table to rowhouse_platform;

create or replace function catalog.resource_permission(kind app_public.resource_kind, deed text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case kind
    when 'agent' then format('can_%s_agents', deed)
    when 'knowledge_source' then 'can_manage_knowledge'
    else format('can_%s_resources', deed)
  end;
$$;
comment on function catalog.resource_permission is
  'The permission that allows to create, edit or delete a resource of a kind.';

create or replace function catalog.is_visible_resource(kind text, id uuid) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_is_visible boolean;
begin
  execute format('select exists (select from %s r where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null)',
                 catalog.resource_table(is_visible_resource.kind::app_public.resource_kind))
    into v_is_visible using is_visible_resource.id, core.current_tenant_id();
  return v_is_visible or coalesce(is_visible_resource.id = any (catalog.shared_resource_ids(is_visible_resource.kind)), false);
end
$$;
comment on function catalog.is_visible_resource is
  'Whether a resource is there for this request and not deleted: the tenant''s own, or shared with it. What refers to resources asks this, so that one that may not be seen is as good as none.';
grant execute on function catalog.is_visible_resource to rowhouse_user, rowhouse_platform;

create or replace function catalog.delete_resource(kind app_public.resource_kind, id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  perform tenancy.require_permission(catalog.resource_permission(delete_resource.kind, 'delete'));
  execute format(
    'update %s r set deleted_at = clock_timestamp() where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null',
    catalog.resource_table(delete_resource.kind))
    using delete_resource.id, core.current_tenant_id();
  get diagnostics v_count = row_count;
  if v_count = 0 then
    perform core.raise_error('RS301', format('There is no such %s.', replace(delete_resource.kind::text, '_', ' ')),
      'List those of this tenant.');
  end if;
end
$$;
comment on function catalog.delete_resource is
  E'@errors RS301 ID203\nMarks a resource as deleted.';

create or replace function catalog.restore_resource(kind app_public.resource_kind, id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_kind text := replace(restore_resource.kind::text, '_', ' ');
  v_count int;
begin
  perform tenancy.require_permission(catalog.resource_permission(restore_resource.kind, 'delete'));
  execute format(
    'update %s r set deleted_at = null where r.id = $1 and r.tenant_id = $2 and r.deleted_at is not null',
    catalog.resource_table(restore_resource.kind))
    using restore_resource.id, core.current_tenant_id();
  get diagnostics v_count = row_count;
  if v_count = 0 then
    perform core.raise_error('RS302', format('There is no deleted %s with this id.', v_kind), 'It was never deleted, or never there.');
  end if;
exception when unique_violation then
  perform core.raise_error('RS520', format('Another %s has taken its name by now.', v_kind), 'Rename that one, then restore this one.');
end
$$;
comment on function catalog.restore_resource is
  E'@errors RS302 RS520 ID203\nBrings a deleted resource back.';

-- The API needs a function a kind, because each returns its own type.
do $do$
declare
  v_kind text;
  v_table text;
  v_name text;
begin
  for v_kind, v_table in
    select kind::text, catalog.resource_table(kind)::text from unnest(enum_range(null::app_public.resource_kind)) as kind
  loop
    v_name := replace(v_kind, '_', ' ');
    execute format($sql$
      create or replace function app_public.delete_%1$s(id uuid) returns %2$s
      language sql volatile security definer
      set search_path to pg_catalog, pg_temp
      as $$
        select catalog.delete_resource('%1$s', delete_%1$s.id);
        select * from %2$s r where r.id = delete_%1$s.id;
      $$;
      create or replace function app_public.restore_%1$s(id uuid) returns %2$s
      language sql volatile security definer
      set search_path to pg_catalog, pg_temp
      as $$
        select catalog.restore_resource('%1$s', restore_%1$s.id);
        select * from %2$s r where r.id = restore_%1$s.id;
      $$;
      grant execute on function app_public.delete_%1$s(uuid), app_public.restore_%1$s(uuid) to rowhouse_user;
      $sql$, v_kind, v_table);
    execute format('comment on function app_public.delete_%s(uuid) is %L', v_kind, format(
      e'@resultFieldName %s\nDeletes a %s; restore_%s brings it back. It is found no more, at once, and its name can be used again. %s. RS301: there is no such; ID203: your permissions do not allow it.',
      case v_kind when 'knowledge_source' then 'knowledgeSource' else v_kind end, v_name, v_kind,
      catalog.resource_permission(v_kind::app_public.resource_kind, 'delete')));
    execute format('comment on function app_public.restore_%s(uuid) is %L', v_kind, format(
      e'@resultFieldName %s\nBrings a deleted %s back, with all it had. %s. RS302: no deleted one has this id; RS520: its name is taken by now; ID203: your permissions do not allow it.',
      case v_kind when 'knowledge_source' then 'knowledgeSource' else v_kind end, v_name,
      catalog.resource_permission(v_kind::app_public.resource_kind, 'delete')));
  end loop;
end
$do$;

-- a row is found by its id; keys that repeat the tenant are for foreign keys, and no way to ask
do $$
declare
  v_constraint record;
begin
  for v_constraint in
    select conname, conrelid::regclass as relation from pg_catalog.pg_constraint
     where contype = 'u' and conkey[1] = (select attnum from pg_catalog.pg_attribute where attrelid = conrelid and attname = 'tenant_id')
       and conrelid = any (array[
         'app_public.agents', 'app_public.tools', 'app_public.prompts', 'app_public.workflows', 'app_public.rag_knowledge_sources',
         'app_public.tool_categories', 'app_public.tags', 'app_public.avatars', 'app_public.icons', 'app_public.personas',
         'app_public.departments', 'app_public.business_functions', 'app_public.organizational_roles',
         'app_public.model_configurations']::regclass[])
  loop
    execute format('comment on constraint %I on %s is %L', v_constraint.conname, v_constraint.relation, '@behavior -*');
  end loop;
end
$$;

create or replace function catalog.resource_switch(kind app_public.resource_kind) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case resource_switch.kind when 'agent' then 'r.is_active' when 'prompt' then 'true' else 'r.enabled' end;
$$;
comment on function catalog.resource_switch is
  'The switch of a kind, as SQL of the row r. A resource is on when its switch is and its status is active or deprecated.';
grant execute on function catalog.resource_switch to rowhouse_platform;
