-- The life of a workspace: created with its first owner, archived and taken up again, deleted and restored.

call core.secure_tenant_table('app_public.workspaces');
-- workspaces: who is in one, and everyone of the tenant unless it is private; written by functions but for plain columns
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
-- memberships of a workspace are written by functions only: who may change whom depends on other rows
grant update (name, description, icon, visibility, settings) on app_public.workspaces to rowhouse_user;
grant select on app_public.workspaces to rowhouse_platform;
grant select on app_public.workspaces to rowhouse_platform;
comment on table app_public.workspaces is
  E'@behavior -insert -delete\nA room of this tenant for people who work together. Made by create_workspace; its admins edit it. Deleted ones are seen by those who may restore them.';
comment on column app_public.workspaces.name is 'Name, unique among the tenant''s workspaces that are not deleted, also those you cannot see; at most 255 characters.';
comment on column app_public.workspaces.description is 'What it is for, at most 10,000 characters.';
comment on column app_public.workspaces.icon is 'Name of an icon, at most 255 characters.';
comment on column app_public.workspaces.visibility is 'private, team, organization or public: see the type.';
comment on column app_public.workspaces.settings is 'Settings of front ends, an object.';
comment on column app_public.workspaces.created_by_user_id is 'Who created it; null when that person is gone.';
comment on column app_public.workspaces.archived_at is 'When it became read-only (archive_workspace), null when it is not.';
comment on column app_public.workspaces.created_at is 'When it was created.';
comment on column app_public.workspaces.updated_at is 'When it last changed.';
comment on column app_public.workspaces.deleted_at is 'When it was deleted, null when it is not.';

comment on type app_public.workspace_visibility is
  'Who of the tenant sees a workspace; nobody outside of it ever does. private: its members and the tenant''s owners. team: everyone sees that it is there, only members what is in it. organization: everyone reads it, as a viewer does. public: as organization, and everyone can join by themselves (join_workspace).';

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
  -- platform staff may act here and yet belong to another tenant: a workspace needs an owner of this one
  perform workspaces.require_active_member(core.current_user_id());
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
  E'@resultFieldName workspace\n@errors ID202 WS401 23505 23514\nCreates a workspace and makes you its owner. Members of the tenant.';
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
  E'@resultFieldName workspace\n@errors WS301 WS201\nMakes a workspace read-only; unarchive_workspace takes it up again. People can still be removed and leave. Doing it twice is no error. Admins of the workspace.';
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
  E'@resultFieldName workspace\n@errors WS301 WS201\nTakes an archived workspace up again. Doing it twice is no error. Admins of the workspace.';
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
  E'@resultFieldName workspace\n@errors WS301 WS201\nDeletes a workspace: nobody has access through it any more, at once; restore_workspace brings it back with its members. Its name can be used again. Owners of the workspace.';
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
      'It was never deleted, or another owner must restore it.');
  end if;
  return v_workspace;
end
$$;
comment on function app_public.restore_workspace is
  E'@resultFieldName workspace\n@errors WS302 23505\nBrings a deleted workspace back with its members. Owners of the workspace.';
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
  'The workspaces of this tenant you are a member of, archived ones last. workspaces lists all you can see.';
grant execute on function app_public.my_workspaces to rowhouse_user;
