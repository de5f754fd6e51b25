-- What a project can do beyond its columns: be created with its first lead, move between workspaces, be deleted and restored.

create or replace function app_private.writable_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(writable_workspace.id, 'contributor');
begin
  if v_workspace.archived_at is not null then
    perform app_private.raise_error('WS503', 'This workspace is archived.', 'Ask an admin of the workspace to take it up again.');
  end if;
  return v_workspace;
end
$$;
comment on function app_private.writable_workspace(uuid) is
  'The workspace, locked, when you may add things to it. WS301: it is not there; WS201: you are not a contributor; WS503: it is archived.';

create or replace function app_public.create_project(
  name text, key text default null, description text default null, workspace_id uuid default null,
  is_private boolean default false, starts_on date default null, ends_on date default null, status text default 'planned'
) returns app_public.projects
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  perform app_private.require_permission('can_create_projects');
  perform app_private.require_active_member(app_hidden.current_user_id());
  if create_project.workspace_id is not null then
    perform app_private.writable_workspace(create_project.workspace_id);
  end if;
  insert into app_public.projects (name, key, description, workspace_id, is_private, starts_on, ends_on, status)
  values (create_project.name, create_project.key, create_project.description, create_project.workspace_id,
          coalesce(create_project.is_private, false), create_project.starts_on, create_project.ends_on,
          coalesce(create_project.status, 'planned'))
  returning * into v_project;
  insert into app_public.project_members (project_id, user_id, role)
  values (v_project.id, app_hidden.current_user_id(), 'lead');
  return v_project;
end
$$;
comment on function app_public.create_project(text, text, text, uuid, boolean, date, date, text) is
  E'@resultFieldName project\nCreates a project and makes you its lead; in a workspace, contributors do. ID203: you lack can_create_projects; WS301: no such workspace; WS201: your role in it does not allow this; WS401: you are not a member of this tenant; WS503: the workspace is archived; 23505: the key is taken; 23514: a value is out of range.';

create or replace function app_public.move_project(id uuid, workspace_id uuid default null) returns app_public.projects
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  -- workspaces are locked before projects, here as in create_project
  if move_project.workspace_id is not null then
    perform app_private.writable_workspace(move_project.workspace_id);
  end if;
  v_project := app_private.locked_project(move_project.id);
  update app_public.projects p set workspace_id = move_project.workspace_id where p.id = v_project.id returning * into v_project;
  return v_project;
end
$$;
comment on function app_public.move_project(uuid, uuid) is
  E'@resultFieldName project\nMoves a project into a workspace you contribute to, or, without one, out of its workspace. Leads and admins of the tenant. WS304: no such project; WS203: you do not lead it; WS301: no such workspace; WS201: your role in it does not allow this; WS503: it is archived.';

create or replace function app_public.delete_project(id uuid) returns app_public.projects
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects := app_private.locked_project(delete_project.id);
begin
  update app_public.projects p set deleted_at = clock_timestamp() where p.id = v_project.id returning * into v_project;
  return v_project;
end
$$;
comment on function app_public.delete_project(uuid) is
  E'@resultFieldName project\nDeletes a project; restore_project brings it back with its members. Its key can be used again. Leads and admins of the tenant. WS304: no such project; WS203: you do not lead it.';

create or replace function app_public.restore_project(id uuid) returns app_public.projects
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  update app_public.projects p set deleted_at = null
   where p.tenant_id = app_hidden.current_tenant_id() and p.id = restore_project.id and p.deleted_at is not null
     and app_public.projects_my_role(p) = 'lead'
  returning * into v_project;
  if not found then
    perform app_private.raise_error('WS305', 'There is no deleted project with this id that you lead.',
      'It was never deleted, or another lead must restore it.');
  end if;
  return v_project;
end
$$;
comment on function app_public.restore_project(uuid) is
  E'@resultFieldName project\nBrings a deleted project back with its members. Leads and admins of the tenant. WS305: no deleted project that you lead has this id; 23505: its key is taken by now.';

grant execute on function app_public.create_project(text, text, text, uuid, boolean, date, date, text),
  app_public.move_project(uuid, uuid), app_public.delete_project(uuid), app_public.restore_project(uuid)
  to rowhouse_user;
