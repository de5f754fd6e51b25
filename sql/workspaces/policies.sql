call app_private.secure_tenant_table('app_public.workspaces');
call app_private.secure_tenant_table('app_public.workspace_members');
call app_private.secure_tenant_table('app_public.projects');
call app_private.secure_tenant_table('app_public.project_members');
call app_private.secure_tenant_table('app_public.institutions');
call app_private.secure_tenant_table('app_public.institution_members');

-- workspaces: who is in one, and everyone of the tenant unless it is private; written by functions but for plain columns
drop policy if exists select_member on app_public.workspaces;
create policy select_member on app_public.workspaces for select to rowhouse_user
  using (
    case when deleted_at is null
      then visibility <> 'private' and (select app_hidden.has_role('viewer'))
           or id = any ((select app_hidden.my_workspace_ids())::uuid[])
      else id = any ((select app_hidden.my_deleted_workspace_ids())::uuid[])
    end);
drop policy if exists update_admin on app_public.workspaces;
create policy update_admin on app_public.workspaces for update to rowhouse_user
  using (id = any ((select app_hidden.my_workspace_ids('admin'))::uuid[]));

drop policy if exists select_member on app_public.workspace_members;
create policy select_member on app_public.workspace_members for select to rowhouse_user
  using (workspace_id = any ((select app_hidden.my_workspace_ids())::uuid[]));

-- projects: who reads the workspace they are in (without one, the tenant); private ones, their members and the tenant's owners
drop policy if exists select_member on app_public.projects;
create policy select_member on app_public.projects for select to rowhouse_user
  using (
    case when deleted_at is null
      then (not is_private and (select app_hidden.has_role('viewer'))
            and (workspace_id is null or workspace_id = any ((select app_hidden.my_workspace_ids())::uuid[])))
           or id = any ((select app_hidden.my_project_ids())::uuid[])
      else not is_private and (select app_hidden.has_role('admin'))
           and (workspace_id is null or workspace_id = any ((select app_hidden.my_workspace_ids())::uuid[]))
           or id = any ((select app_hidden.my_project_ids('lead'))::uuid[])
    end
    or (select app_hidden.has_role('owner')));
drop policy if exists update_lead on app_public.projects;
create policy update_lead on app_public.projects for update to rowhouse_user
  using (
    deleted_at is null
    and (id = any ((select app_hidden.my_project_ids('lead'))::uuid[])
         or not is_private and (select app_hidden.has_role('admin'))
            and (workspace_id is null or workspace_id = any ((select app_hidden.my_workspace_ids())::uuid[]))
         or (select app_hidden.has_role('owner'))));

-- the inner select sees the projects that their own policy shows
drop policy if exists select_member on app_public.project_members;
create policy select_member on app_public.project_members for select to rowhouse_user
  using (project_id in (select id from app_public.projects));
drop policy if exists insert_lead on app_public.project_members;
create policy insert_lead on app_public.project_members for insert to rowhouse_user
  with check (
    (project_id = any ((select app_hidden.my_project_ids('lead'))::uuid[]) or (select app_hidden.has_role('admin')))
    and project_id in (select id from app_public.projects where deleted_at is null));
drop policy if exists update_lead on app_public.project_members;
create policy update_lead on app_public.project_members for update to rowhouse_user
  using (
    (project_id = any ((select app_hidden.my_project_ids('lead'))::uuid[]) or (select app_hidden.has_role('admin')))
    and project_id in (select id from app_public.projects where deleted_at is null));
drop policy if exists delete_lead on app_public.project_members;
create policy delete_lead on app_public.project_members for delete to rowhouse_user
  using (
    (project_id = any ((select app_hidden.my_project_ids('lead'))::uuid[]) or (select app_hidden.has_role('admin'))
     or user_id = (select app_hidden.current_user_id()))
    and project_id in (select id from app_public.projects where deleted_at is null));

-- institutions: members add them and mend their own until an admin has verified them
drop policy if exists select_member on app_public.institutions;
create policy select_member on app_public.institutions for select to rowhouse_user
  using (case when deleted_at is null then (select app_hidden.has_role('viewer')) else (select app_hidden.has_role('admin')) end);
drop policy if exists insert_member on app_public.institutions;
create policy insert_member on app_public.institutions for insert to rowhouse_user
  with check ((select app_hidden.has_role('member')));
drop policy if exists update_creator on app_public.institutions;
create policy update_creator on app_public.institutions for update to rowhouse_user
  using (
    deleted_at is null
    and ((select app_hidden.has_role('admin'))
         or verified_at is null and created_by_user_id = (select app_hidden.current_user_id())
            and (select app_hidden.has_role('member'))));

-- affiliations: everyone states their own, who manages users states anyone's
drop policy if exists select_member on app_public.institution_members;
create policy select_member on app_public.institution_members for select to rowhouse_user
  using (institution_id in (select id from app_public.institutions));
drop policy if exists insert_self on app_public.institution_members;
create policy insert_self on app_public.institution_members for insert to rowhouse_user
  with check (
    (user_id = (select app_hidden.current_user_id()) or (select app_hidden.has_permission('can_manage_users')))
    and institution_id in (select id from app_public.institutions where deleted_at is null));
drop policy if exists update_self on app_public.institution_members;
create policy update_self on app_public.institution_members for update to rowhouse_user
  using (
    (user_id = (select app_hidden.current_user_id()) or (select app_hidden.has_permission('can_manage_users')))
    and institution_id in (select id from app_public.institutions where deleted_at is null));
drop policy if exists delete_self on app_public.institution_members;
create policy delete_self on app_public.institution_members for delete to rowhouse_user
  using (
    (user_id = (select app_hidden.current_user_id()) or (select app_hidden.has_permission('can_manage_users')))
    and institution_id in (select id from app_public.institutions where deleted_at is null));
