-- Workspaces: rooms of a tenant with members and roles of their own. Admins edit the columns; functions create, archive, delete
-- and restore a workspace, because these change more than one row or depend on other rows.

call core.secure_tenant_table('app_public.workspaces');
call audit.track('app_public.workspaces');
-- Its members see a workspace, and so do all of the tenant unless it is private. Those who may restore it see a deleted one.
create policy select_member on app_public.workspaces for select to rowhouse_user
  using (
    case when deleted_at is null
      then visibility <> 'private' and (select tenancy.has_role('viewer'))
           or id = any ((select workspaces.my_workspace_ids())::uuid[])
      else id = any ((select workspaces.my_deleted_workspace_ids())::uuid[])
    end);
create policy update_admin on app_public.workspaces for update to rowhouse_user
  using (id = any ((select workspaces.my_workspace_ids('admin'))::uuid[]));
grant select on app_public.workspaces to rowhouse_user;
grant update (name, description, icon, visibility, settings) on app_public.workspaces to rowhouse_user;
grant select on app_public.workspaces to rowhouse_platform;
comment on table app_public.workspaces is
  E'@behavior -insert -delete\nA room of this tenant for people who work together. createWorkspace creates it, and its admins edit it. A deleted workspace is visible to those who may restore it.';
comment on column app_public.workspaces.name is E'@notPersonal\nIts name, at most 255 characters, unique among the tenant''s workspaces that are not deleted, including those that you cannot see.';
comment on column app_public.workspaces.description is 'What it is for, at most 10,000 characters.';
comment on column app_public.workspaces.icon is 'The name of an icon, at most 255 characters.';
comment on column app_public.workspaces.visibility is 'Who of the tenant sees it.';
comment on column app_public.workspaces.settings is 'Settings of front ends: an object.';
comment on column app_public.workspaces.created_by_user_id is E'@personal pseudonymise\nThe person who created it; null when the profile was deleted.';
comment on column app_public.workspaces.archived_at is 'When archiveWorkspace made it read-only; null when it is not archived.';
comment on column app_public.workspaces.created_at is 'When it was created.';
comment on column app_public.workspaces.updated_at is 'When it last changed.';
comment on column app_public.workspaces.deleted_at is 'When it was deleted; null when it is not.';
comment on constraint name_is_a_name on app_public.workspaces is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint description_is_not_too_long on app_public.workspaces is 'must have at most 10,000 characters';
comment on constraint icon_is_a_name on app_public.workspaces is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint settings_is_an_object on app_public.workspaces is 'must be an object';
comment on index app_public.workspaces_tenant_id_name_key is 'is used by another workspace of this tenant';

comment on type app_public.workspace_visibility is
  'Who of the tenant sees a workspace. Nobody outside of the tenant sees it. private: its members and the owners of the tenant. team: all see that it exists, but only members see what is in it. organization: all can read it. public: all can read it and join it with joinWorkspace.';

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
  perform tenancy.require_role('member');
  -- The owner of a workspace must be a member of the tenant, which platform staff may not be.
  perform tenancy.require_active_member(core.current_user_id());
  insert into app_public.workspaces (name, description, icon, visibility, settings)
  values (create_workspace.name, create_workspace.description, create_workspace.icon,
          coalesce(create_workspace.visibility, 'private'), coalesce(create_workspace.settings, '{}'))
  returning * into v_workspace;
  insert into app_public.workspace_members (workspace_id, user_id, role)
  values (v_workspace.id, core.current_user_id(), 'owner');
  return v_workspace;
end
$$;
comment on function app_public.create_workspace is
  E'@resultFieldName workspace\n@errors ID202 ID301 23505 23514\nCreates a workspace and makes you its owner. You need at least the role member in the tenant.';
grant execute on function app_public.create_workspace to rowhouse_user;

create or replace function app_public.archive_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := workspaces.locked_workspace(archive_workspace.id, 'admin');
begin
  if v_workspace.archived_at is null then
    update app_public.workspaces w set archived_at = clock_timestamp() where w.id = v_workspace.id returning * into v_workspace;
  end if;
  return v_workspace;
end
$$;
comment on function app_public.archive_workspace is
  E'@resultFieldName workspace\n@errors WS301 WS201\nMakes a workspace read-only, until unarchiveWorkspace. Members can still leave and be removed. It is no error to do it twice. You need at least the role admin in the workspace.';
grant execute on function app_public.archive_workspace to rowhouse_user;

create or replace function app_public.unarchive_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := workspaces.locked_workspace(unarchive_workspace.id, 'admin');
begin
  if v_workspace.archived_at is not null then
    update app_public.workspaces w set archived_at = null where w.id = v_workspace.id returning * into v_workspace;
  end if;
  return v_workspace;
end
$$;
comment on function app_public.unarchive_workspace is
  E'@resultFieldName workspace\n@errors WS301 WS201\nMakes an archived workspace writable again. It is no error to do it twice. You need at least the role admin in the workspace.';
grant execute on function app_public.unarchive_workspace to rowhouse_user;

create or replace function app_public.delete_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := workspaces.locked_workspace(delete_workspace.id, 'owner');
begin
  update app_public.workspaces w set deleted_at = clock_timestamp() where w.id = v_workspace.id returning * into v_workspace;
  return v_workspace;
end
$$;
comment on function app_public.delete_workspace is
  E'@resultFieldName workspace\n@errors WS301 WS201\nDeletes a workspace. From then on it gives nobody access to anything. restoreWorkspace brings it back with its members. Its name can be used again. Only owners of the workspace can do this.';
grant execute on function app_public.delete_workspace to rowhouse_user;

create or replace function app_public.restore_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces;
begin
  update app_public.workspaces w set deleted_at = null
   where w.id = restore_workspace.id and w.id = any (workspaces.my_deleted_workspace_ids()) and w.deleted_at is not null
  returning * into v_workspace;
  if not found then
    perform core.raise_error('WS302', 'There is no deleted workspace with this id that you own.',
      'It is not deleted, or another owner must restore it.');
  end if;
  return v_workspace;
end
$$;
comment on function app_public.restore_workspace is
  E'@resultFieldName workspace\n@errors WS302 23505\nBrings a deleted workspace back with its members. Only owners of the workspace can do this.';
grant execute on function app_public.restore_workspace to rowhouse_user;

create or replace function app_public.my_workspaces() returns setof app_public.workspaces
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select w.*
      from app_public.workspace_members m
      join app_public.workspaces w on w.tenant_id = m.tenant_id and w.id = m.workspace_id and w.deleted_at is null
     where m.tenant_id = core.current_tenant_id() and m.user_id = core.current_user_id()
       and tenancy.has_role('viewer')
     order by w.archived_at is not null, w.name, w.id;
end
$$;
comment on function app_public.my_workspaces is
  'The workspaces of which you are a member, archived ones last. workspaces lists all that you can see.';
grant execute on function app_public.my_workspaces to rowhouse_user;
