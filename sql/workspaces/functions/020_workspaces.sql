-- The life of a workspace: created with its first owner, archived and taken up again, deleted and restored.

create or replace function app_public.create_workspace(
  name text, description text default null, icon text default null,
  visibility app_public.workspace_visibility default 'private', settings jsonb default '{}'
) returns app_public.workspaces
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces;
begin
  perform app_private.require_role('member');
  -- platform staff may act here and yet belong to another tenant: a workspace needs an owner of this one
  perform app_private.require_active_member(app_hidden.current_user_id());
  insert into app_public.workspaces (name, description, icon, visibility, settings)
  values (create_workspace.name, create_workspace.description, create_workspace.icon,
          coalesce(create_workspace.visibility, 'private'), coalesce(create_workspace.settings, '{}'))
  returning * into v_workspace;
  insert into app_public.workspace_members (workspace_id, user_id, role)
  values (v_workspace.id, app_hidden.current_user_id(), 'owner');
  return v_workspace;
end
$$;
comment on function app_public.create_workspace(text, text, text, app_public.workspace_visibility, jsonb) is
  E'@resultFieldName workspace\nCreates a workspace and makes you its owner. Members of the tenant. ID202: your role in the tenant does not allow it; WS401: you are not a member of this tenant; 23505: the name is taken; 23514: a value is out of range.';

create or replace function app_public.archive_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(archive_workspace.id, 'admin');
begin
  if v_workspace.archived_at is null then
    update app_public.workspaces w set archived_at = clock_timestamp() where w.id = v_workspace.id returning * into v_workspace;
  end if;
  return v_workspace;
end
$$;
comment on function app_public.archive_workspace(uuid) is
  E'@resultFieldName workspace\nMakes a workspace read-only; unarchive_workspace takes it up again. People can still be removed and leave. Doing it twice is no error. Admins of the workspace. WS301: no such workspace; WS201: your role in it does not allow this.';

create or replace function app_public.unarchive_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(unarchive_workspace.id, 'admin');
begin
  if v_workspace.archived_at is not null then
    update app_public.workspaces w set archived_at = null where w.id = v_workspace.id returning * into v_workspace;
  end if;
  return v_workspace;
end
$$;
comment on function app_public.unarchive_workspace(uuid) is
  E'@resultFieldName workspace\nTakes an archived workspace up again. Doing it twice is no error. Admins of the workspace. WS301: no such workspace; WS201: your role in it does not allow this.';

create or replace function app_public.delete_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(delete_workspace.id, 'owner');
begin
  update app_public.workspaces w set deleted_at = clock_timestamp() where w.id = v_workspace.id returning * into v_workspace;
  return v_workspace;
end
$$;
comment on function app_public.delete_workspace(uuid) is
  E'@resultFieldName workspace\nDeletes a workspace: nobody has access through it any more, at once; restore_workspace brings it back with its members. Its name can be used again. Owners of the workspace. WS301: no such workspace; WS201: your role in it does not allow this.';

create or replace function app_public.restore_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces;
begin
  update app_public.workspaces w set deleted_at = null
   where w.id = restore_workspace.id and w.id = any (app_hidden.my_deleted_workspace_ids()) and w.deleted_at is not null
  returning * into v_workspace;
  if not found then
    perform app_private.raise_error('WS302', 'There is no deleted workspace with this id that you own.',
      'It was never deleted, or another owner must restore it.');
  end if;
  return v_workspace;
end
$$;
comment on function app_public.restore_workspace(uuid) is
  E'@resultFieldName workspace\nBrings a deleted workspace back with its members. Owners of the workspace. WS302: no deleted workspace of yours has this id; 23505: its name is taken by now.';

create or replace function app_public.my_workspaces() returns setof app_public.workspaces
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select w.*
      from app_public.workspace_members m
      join app_public.workspaces w on w.tenant_id = m.tenant_id and w.id = m.workspace_id and w.deleted_at is null
     where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = app_hidden.current_user_id()
       and app_hidden.has_role('viewer')
     order by w.archived_at is not null, w.name, w.id;
end
$$;
comment on function app_public.my_workspaces() is
  'The workspaces of this tenant you are a member of, archived ones last. workspaces lists all you can see.';

grant execute on function app_public.create_workspace(text, text, text, app_public.workspace_visibility, jsonb),
  app_public.archive_workspace(uuid), app_public.unarchive_workspace(uuid), app_public.delete_workspace(uuid),
  app_public.restore_workspace(uuid), app_public.my_workspaces()
  to rowhouse_user;
