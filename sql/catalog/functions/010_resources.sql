-- What the five kinds of the catalogue have in common: where they live, who may see one, deletion and its undo.

create or replace function app_private.resource_table(kind app_public.resource_kind) returns regclass
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
comment on function app_private.resource_table(app_public.resource_kind) is 'The table that holds resources of a kind.';
grant execute on function app_private.resource_table(app_public.resource_kind) to rowhouse_platform;

create or replace function app_private.resource_permission(kind app_public.resource_kind, deed text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case kind
    when 'agent' then format('can_%s_agents', deed)
    when 'knowledge_source' then 'can_manage_knowledge'
    else format('can_%s_resources', deed)
  end;
$$;
comment on function app_private.resource_permission(app_public.resource_kind, text) is
  'The permission that allows to create, edit or delete a resource of a kind.';

create or replace function app_hidden.is_visible_resource(kind text, id uuid) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_is_visible boolean;
begin
  execute format('select exists (select from %s r where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null)',
                 app_private.resource_table(is_visible_resource.kind::app_public.resource_kind))
    into v_is_visible using is_visible_resource.id, app_hidden.current_tenant_id();
  return v_is_visible or coalesce(is_visible_resource.id = any (app_hidden.shared_resource_ids(is_visible_resource.kind)), false);
end
$$;
comment on function app_hidden.is_visible_resource(text, uuid) is
  'Whether a resource is there for this request and not deleted: the tenant''s own, or shared with it. What refers to resources asks this, so that one that may not be seen is as good as none.';

create or replace function app_private.delete_resource(kind app_public.resource_kind, id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  perform app_private.require_permission(app_private.resource_permission(delete_resource.kind, 'delete'));
  execute format(
    'update %s r set deleted_at = clock_timestamp() where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null',
    app_private.resource_table(delete_resource.kind))
    using delete_resource.id, app_hidden.current_tenant_id();
  get diagnostics v_count = row_count;
  if v_count = 0 then
    perform app_private.raise_error('RS301', format('There is no such %s.', replace(delete_resource.kind::text, '_', ' ')),
      'List those of this tenant.');
  end if;
end
$$;
comment on function app_private.delete_resource(app_public.resource_kind, uuid) is
  'Marks a resource as deleted. RS301: there is no such; ID203: your permissions do not allow it.';

create or replace function app_private.restore_resource(kind app_public.resource_kind, id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_kind text := replace(restore_resource.kind::text, '_', ' ');
  v_count int;
begin
  perform app_private.require_permission(app_private.resource_permission(restore_resource.kind, 'delete'));
  execute format(
    'update %s r set deleted_at = null where r.id = $1 and r.tenant_id = $2 and r.deleted_at is not null',
    app_private.resource_table(restore_resource.kind))
    using restore_resource.id, app_hidden.current_tenant_id();
  get diagnostics v_count = row_count;
  if v_count = 0 then
    perform app_private.raise_error('RS302', format('There is no deleted %s with this id.', v_kind), 'It was never deleted, or never there.');
  end if;
exception when unique_violation then
  perform app_private.raise_error('RS520', format('Another %s has taken its name by now.', v_kind), 'Rename that one, then restore this one.');
end
$$;
comment on function app_private.restore_resource(app_public.resource_kind, uuid) is
  'Brings a deleted resource back. RS302: no deleted one has this id; RS520: its name is taken; ID203: your permissions do not allow it.';

-- The API needs a function a kind, because each returns its own type.
do $do$
declare
  v_kind text;
  v_table text;
  v_name text;
begin
  for v_kind, v_table in
    select kind::text, app_private.resource_table(kind)::text from unnest(enum_range(null::app_public.resource_kind)) as kind
  loop
    v_name := replace(v_kind, '_', ' ');
    execute format($sql$
      create or replace function app_public.delete_%1$s(id uuid) returns %2$s
      language sql volatile security definer
      set search_path to pg_catalog, pg_temp
      as $$
        select app_private.delete_resource('%1$s', delete_%1$s.id);
        select * from %2$s r where r.id = delete_%1$s.id;
      $$;
      create or replace function app_public.restore_%1$s(id uuid) returns %2$s
      language sql volatile security definer
      set search_path to pg_catalog, pg_temp
      as $$
        select app_private.restore_resource('%1$s', restore_%1$s.id);
        select * from %2$s r where r.id = restore_%1$s.id;
      $$;
      grant execute on function app_public.delete_%1$s(uuid), app_public.restore_%1$s(uuid) to rowhouse_user;
      $sql$, v_kind, v_table);
    execute format('comment on function app_public.delete_%s(uuid) is %L', v_kind, format(
      e'@resultFieldName %s\nDeletes a %s; restore_%s brings it back. It is found no more, at once, and its name can be used again. %s. RS301: there is no such; ID203: your permissions do not allow it.',
      case v_kind when 'knowledge_source' then 'knowledgeSource' else v_kind end, v_name, v_kind,
      app_private.resource_permission(v_kind::app_public.resource_kind, 'delete')));
    execute format('comment on function app_public.restore_%s(uuid) is %L', v_kind, format(
      e'@resultFieldName %s\nBrings a deleted %s back, with all it had. %s. RS302: no deleted one has this id; RS520: its name is taken by now; ID203: your permissions do not allow it.',
      case v_kind when 'knowledge_source' then 'knowledgeSource' else v_kind end, v_name,
      app_private.resource_permission(v_kind::app_public.resource_kind, 'delete')));
  end loop;
end
$do$;
