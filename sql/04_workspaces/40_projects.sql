-- Projects: work with a goal, in a workspace or in none. Leads edit the columns and the members; functions create, move, delete
-- and restore a project, because these change more than one row or depend on other rows.

call core.secure_tenant_table('app_public.projects');
call audit.track('app_public.projects');
-- All who can read the workspace of a project see it; without a workspace, all of the tenant do. A private project is visible
-- only to its members and to the owners of the tenant.
create policy select_member on app_public.projects for select to rowhouse_user
  using (
    case when deleted_at is null
      then (not is_private and (select tenancy.has_role('viewer'))
            and (workspace_id is null or workspace_id = any ((select workspaces.my_workspace_ids())::uuid[])))
           or id = any ((select workspaces.my_project_ids())::uuid[])
      else not is_private and (select tenancy.has_role('admin'))
           and (workspace_id is null or workspace_id = any ((select workspaces.my_workspace_ids())::uuid[]))
           or id = any ((select workspaces.my_project_ids('lead'))::uuid[])
    end
    or (select tenancy.has_role('owner')));
create policy update_lead on app_public.projects for update to rowhouse_user
  using (
    deleted_at is null
    and (id = any ((select workspaces.my_project_ids('lead'))::uuid[])
         or not is_private and (select tenancy.has_role('admin'))
            and (workspace_id is null or workspace_id = any ((select workspaces.my_workspace_ids())::uuid[]))
         or (select tenancy.has_role('owner'))));
grant select on app_public.projects to rowhouse_user;
grant update (name, key, description, status, is_private, starts_on, ends_on, owner_id) on app_public.projects to rowhouse_user;
grant select on app_public.projects to rowhouse_platform;
comment on table app_public.projects is
  E'@behavior -insert -delete\nWork with a goal, to which costs can be attributed. createProject creates it, and its leads and the tenant''s admins edit it. Its members, the owners of the tenant and all who can read its workspace see it; without a workspace, all of the tenant do.';
comment on column app_public.projects.workspace_id is 'The workspace in which it is; null when it is in none. moveProject changes it.';
comment on column app_public.projects.name is E'@notPersonal\nIts name, at most 255 characters.';
comment on column app_public.projects.key is 'A short code for lists and cost reports: 2 to 10 upper-case letters and digits, starting with a letter; unique among the tenant''s projects that are not deleted.';
comment on column app_public.projects.description is 'What it is about, at most 10,000 characters.';
comment on column app_public.projects.status is 'Its status.';
comment on column app_public.projects.is_private is E'@errors 42501\nWhether only its members and the tenant''s owners see it. You cannot set it when you would not see the project any more.';
comment on column app_public.projects.starts_on is 'The first day.';
comment on column app_public.projects.ends_on is 'The last day, not before the first.';
comment on column app_public.projects.owner_id is E'@personal pseudonymise\n@errors ID301\nThe person who is responsible for it, by default its creator; an active member of the tenant. This gives the person no rights.';
comment on column app_public.projects.created_at is 'When it was created.';
comment on column app_public.projects.updated_at is 'When it last changed.';
comment on column app_public.projects.deleted_at is 'When it was deleted; null when it is not. Only those who may restore it see a deleted project.';
comment on constraint name_is_a_name on app_public.projects is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint key_is_a_short_code on app_public.projects is
  'must have 2 to 10 upper-case letters and digits and start with a letter';
comment on constraint description_is_not_too_long on app_public.projects is 'must have at most 10,000 characters';
comment on constraint dates_are_finite on app_public.projects is 'must be a date';
comment on constraint ends_on_is_not_before_starts_on on app_public.projects is 'must not be before the first day';
comment on index app_public.projects_tenant_id_key_key is 'is used by another project of this tenant';
comment on constraint projects_tenant_id_workspace_id_fkey on app_public.projects is E'@fieldName workspace\n@foreignFieldName projects';

call core.secure_tenant_table('app_public.project_members');
call audit.track('app_public.project_members');
-- The inner select sees only the projects that the user may see.
create policy select_member on app_public.project_members for select to rowhouse_user
  using (project_id in (select id from app_public.projects));
create policy insert_lead on app_public.project_members for insert to rowhouse_user
  with check (
    (project_id = any ((select workspaces.my_project_ids('lead'))::uuid[]) or (select tenancy.has_role('admin')))
    and project_id in (select id from app_public.projects where deleted_at is null));
create policy update_lead on app_public.project_members for update to rowhouse_user
  using (
    (project_id = any ((select workspaces.my_project_ids('lead'))::uuid[]) or (select tenancy.has_role('admin')))
    and project_id in (select id from app_public.projects where deleted_at is null));
create policy delete_lead on app_public.project_members for delete to rowhouse_user
  using (
    (project_id = any ((select workspaces.my_project_ids('lead'))::uuid[]) or (select tenancy.has_role('admin'))
     or user_id = (select core.current_user_id()))
    and project_id in (select id from app_public.projects where deleted_at is null));
grant select on app_public.project_members to rowhouse_user;
grant insert (project_id, user_id, role), update (role), delete on app_public.project_members to rowhouse_user;
comment on table app_public.project_members is
  E'@errors ID301 23505 42501\nA member of a project, with a role. Leads of the project and admins of the tenant add, change and remove members, and all members can leave by deleting their own row. It counts only while the person is an active member of the tenant.';
comment on column app_public.project_members.user_id is E'@personal erase\nThe person.';
comment on column app_public.project_members.project_id is 'The project.';
comment on column app_public.project_members.role is 'The role in the project.';
comment on column app_public.project_members.created_at is 'When the person became a member.';
comment on column app_public.project_members.updated_at is 'When the membership last changed.';
comment on constraint project_members_pkey on app_public.project_members is 'is a member of the project already';
comment on constraint project_members_tenant_id_project_id_fkey on app_public.project_members is
  E'@fieldName project\n@foreignFieldName members';
comment on constraint project_members_tenant_id_user_id_fkey on app_public.project_members is
  E'@fieldName membership\n@foreignFieldName projectMemberships';
comment on constraint project_members_user_id_fkey on app_public.project_members is
  E'@fieldName user\n@foreignFieldName projectMemberships';

comment on type app_public.new_project is 'A project to create.';
comment on column app_public.new_project.name is E'@notNull\nIts name, at most 255 characters.';
comment on column app_public.new_project.key is
  'A short code for lists and cost reports: 2 to 10 upper-case letters and digits, starting with a letter.';
comment on column app_public.new_project.description is 'What it is about, at most 10,000 characters.';
comment on column app_public.new_project.workspace_id is 'The workspace in which it is; without one, it is in none.';
comment on column app_public.new_project.is_private is 'Whether only its members and the tenant''s owners see it; by default, it is not private.';
comment on column app_public.new_project.starts_on is 'The first day.';
comment on column app_public.new_project.ends_on is 'The last day, not before the first.';
comment on column app_public.new_project.status is 'Its status; planned by default.';

create or replace function workspaces.writable_workspace(id uuid) returns app_public.workspaces
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := workspaces.locked_workspace(writable_workspace.id, 'contributor');
begin
  if v_workspace.archived_at is not null then
    perform core.raise_error('WS503', 'This workspace is archived.', 'Ask an admin of the workspace to unarchive it.');
  end if;
  return v_workspace;
end
$$;
comment on function workspaces.writable_workspace is
  E'@errors WS301 WS201 WS503\nThe workspace, locked until the end of the transaction, if you may add things to it.';

create or replace function app_public.create_project(project app_public.new_project) returns app_public.projects
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_new app_public.new_project := create_project.project;
  v_project app_public.projects;
begin
  perform tenancy.require_permission('can_create_projects');
  perform tenancy.require_active_member(core.current_user_id());
  if v_new.workspace_id is not null then
    perform workspaces.writable_workspace(v_new.workspace_id);
  end if;
  insert into app_public.projects (name, key, description, workspace_id, is_private, starts_on, ends_on, status)
  values (v_new.name, v_new.key, v_new.description, v_new.workspace_id, coalesce(v_new.is_private, false),
          v_new.starts_on, v_new.ends_on, coalesce(v_new.status, 'planned'))
  returning * into v_project;
  insert into app_public.project_members (project_id, user_id, role)
  values (v_project.id, core.current_user_id(), 'lead');
  return v_project;
end
$$;
comment on function app_public.create_project is
  E'@resultFieldName project\n@errors ID203 WS301 WS201 ID301 WS503 23505 23514\nCreates a project and makes you its lead. You need the permission can_create_projects and, in a workspace, at least the role contributor there.';
grant execute on function app_public.create_project to rowhouse_user;

create or replace function app_public.move_project(id uuid, workspace_id uuid default null) returns app_public.projects
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  -- Every function locks the workspace before the project, so that there are no deadlocks.
  if move_project.workspace_id is not null then
    perform workspaces.writable_workspace(move_project.workspace_id);
  end if;
  v_project := workspaces.locked_project(move_project.id);
  update app_public.projects p set workspace_id = move_project.workspace_id where p.id = v_project.id returning * into v_project;
  return v_project;
end
$$;
comment on function app_public.move_project is
  E'@resultFieldName project\n@errors WS304 WS203 WS301 WS201 WS503\nMoves a project into a workspace in which you have at least the role contributor or, without a workspace, out of its workspace. Only leads of the project and admins of the tenant can do this.';
grant execute on function app_public.move_project to rowhouse_user;

create or replace function app_public.delete_project(id uuid) returns app_public.projects
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects := workspaces.locked_project(delete_project.id);
begin
  update app_public.projects p set deleted_at = clock_timestamp() where p.id = v_project.id returning * into v_project;
  return v_project;
end
$$;
comment on function app_public.delete_project is
  E'@resultFieldName project\n@errors WS304 WS203\nDeletes a project. restoreProject brings it back with its members. Its key can be used again. Only leads of the project and admins of the tenant can do this.';
grant execute on function app_public.delete_project to rowhouse_user;

create or replace function app_public.restore_project(id uuid) returns app_public.projects
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  update app_public.projects p set deleted_at = null
   where p.tenant_id = core.current_tenant_id() and p.id = restore_project.id and p.deleted_at is not null
     and app_public.projects_my_role(p) = 'lead'
  returning * into v_project;
  if not found then
    perform core.raise_error('WS305', 'There is no deleted project with this id that you lead.',
      'It is not deleted, or another lead must restore it.');
  end if;
  return v_project;
end
$$;
comment on function app_public.restore_project is
  E'@resultFieldName project\n@errors WS305 23505\nBrings a deleted project back with its members. Only leads of the project and admins of the tenant can do this.';
grant execute on function app_public.restore_project to rowhouse_user;

call tenancy.require_member('app_public.projects', 'owner_id');
call tenancy.require_member('app_public.project_members', 'user_id');
