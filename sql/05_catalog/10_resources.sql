-- What the five kinds of resources have in common: the table of each kind, who sees a resource, and how it is deleted and
-- restored. The idea: a rule for all kinds is written once and takes the kind as an argument. Only the API has a function
-- for each kind, because each returns a row of another table.

comment on type app_public.resource_kind is 'The kinds of resources in the catalogue.';

grant execute on function catalog.is_semantic_version to rowhouse_user, rowhouse_platform;
grant execute on function catalog.is_color to rowhouse_user, rowhouse_platform;

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
  'The table that holds the resources of a kind.';
grant execute on function catalog.resource_table to rowhouse_platform;

create or replace function catalog.resource_name(kind app_public.resource_kind) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(replace(kind::text, '_', ' '), 'resource');
$$;
comment on function catalog.resource_name is
  'What a kind is called in sentences, such as knowledge source.';
grant execute on function catalog.resource_name to rowhouse_platform;

create or replace function catalog.resource_permission(kind app_public.resource_kind, action text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case kind
    when 'agent' then format('can_%s_agents', action)
    when 'knowledge_source' then 'can_manage_knowledge'
    else format('can_%s_resources', action)
  end;
$$;
comment on function catalog.resource_permission is
  'The permission that an action on a resource of this kind needs. The action is create, edit or delete.';

create or replace function catalog.resource_switch(kind app_public.resource_kind) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case resource_switch.kind when 'agent' then 'r.is_active' when 'prompt' then 'true' else 'r.enabled' end;
$$;
comment on function catalog.resource_switch is
  'The on/off column of a kind, as an SQL expression over the row r. A resource is on when this column is true and its status is active or deprecated.';
grant execute on function catalog.resource_switch to rowhouse_platform;

create or replace function catalog.is_visible_resource(kind text, id uuid) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_is_visible boolean;
begin
  if is_visible_resource.kind is null or is_visible_resource.id is null then
    return false;
  end if;
  execute format('select exists (select from %s r where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null)',
                 catalog.resource_table(is_visible_resource.kind::app_public.resource_kind))
    into v_is_visible using is_visible_resource.id, core.current_tenant_id();
  return v_is_visible or coalesce(is_visible_resource.id = any (catalog.shared_resource_ids(is_visible_resource.kind)), false);
end
$$;
comment on function catalog.is_visible_resource is
  'Whether the request sees a resource: it belongs to the tenant or is shared with it, and is not deleted. Every reference to a resource is checked by this, so a resource that the user may not see looks the same as one that does not exist.';
grant execute on function catalog.is_visible_resource to rowhouse_user, rowhouse_platform;

create or replace function catalog.raise_no_such_resource(kind app_public.resource_kind) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('RS301', format('There is no such %s, or you may not see it.', catalog.resource_name(kind)),
    'List those that this tenant has, and those that are shared with it.');
end
$$;
comment on function catalog.raise_no_such_resource is
  E'@errors RS301\nRaises the one error for a resource that does not exist, is deleted, belongs to another tenant or may not be seen.';
grant execute on function catalog.raise_no_such_resource to rowhouse_platform;

create or replace function catalog.raise_name_is_taken(kind app_public.resource_kind) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('RS520', format('Another %s of this tenant has this name.', catalog.resource_name(kind)),
    'Choose another name, or rename the other one first.');
end
$$;
comment on function catalog.raise_name_is_taken is
  E'@errors RS520\nRaises the error for a copied or restored resource whose name is in use.';

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
    perform catalog.raise_no_such_resource(delete_resource.kind);
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
  v_count int;
begin
  perform tenancy.require_permission(catalog.resource_permission(restore_resource.kind, 'delete'));
  execute format(
    'update %s r set deleted_at = null where r.id = $1 and r.tenant_id = $2 and r.deleted_at is not null',
    catalog.resource_table(restore_resource.kind))
    using restore_resource.id, core.current_tenant_id();
  get diagnostics v_count = row_count;
  if v_count = 0 then
    perform core.raise_error('RS302', format('There is no deleted %s with this id.', catalog.resource_name(restore_resource.kind)),
      'Check the id. It may be restored already, or it may never have existed.');
  end if;
exception when unique_violation then
  perform catalog.raise_name_is_taken(restore_resource.kind);
end
$$;
comment on function catalog.restore_resource is
  E'@errors RS302 RS520 ID203\nBrings a deleted resource back.';

do $do$
declare
  v_kind text;
  v_table text;
  v_result text;
  v_permission text;
begin
  for v_kind, v_table in
    select kind::text, catalog.resource_table(kind)::text from unnest(enum_range(null::app_public.resource_kind)) as kind
  loop
    v_result := case v_kind when 'knowledge_source' then 'knowledgeSource' else v_kind end;
    v_permission := catalog.resource_permission(v_kind::app_public.resource_kind, 'delete');
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
      grant execute on function app_public.delete_%1$s, app_public.restore_%1$s to rowhouse_user;
      $sql$, v_kind, v_table);
    execute format('comment on function app_public.delete_%s is %L', v_kind, format(
      e'@resultFieldName %s\n@errors RS301 ID203\nDeletes %s %s. It disappears from lists and searches at once, and its name can be used again. restore_%s brings it back. Needs %s.',
      v_result, case v_kind when 'agent' then 'an' else 'a' end, catalog.resource_name(v_kind::app_public.resource_kind), v_kind,
      v_permission));
    execute format('comment on function app_public.restore_%s is %L', v_kind, format(
      e'@resultFieldName %s\n@errors RS302 RS520 ID203\nBrings a deleted %s back with everything it had. Needs %s.',
      v_result, catalog.resource_name(v_kind::app_public.resource_kind), v_permission));
  end loop;
end
$do$;

create or replace function catalog.tg__note_activation() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- the on/off column has a different name in each table, so it is the trigger's argument; old does not exist on insert
  v_is_on boolean := (to_jsonb(new) ->> tg_argv[0])::boolean and new.status::text in ('active', 'deprecated');
  v_was_on boolean := false;
begin
  if tg_op = 'UPDATE' then
    v_was_on := (to_jsonb(old) ->> tg_argv[0])::boolean and old.status::text in ('active', 'deprecated');
  end if;
  if v_is_on and not v_was_on then
    new.activated_at := now();
  elsif v_was_on and not v_is_on then
    new.deactivated_at := now();
  end if;
  return new;
end
$$;
comment on function catalog.tg__note_activation is
  'Writes activated_at and deactivated_at when a row goes on or off. It is on while its on/off column is true and its status is active or deprecated.';
