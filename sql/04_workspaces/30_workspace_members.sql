-- The members of a workspace. Moderators and admins manage members whose role is below their own, and owners manage all.
-- Each function locks the workspace first, so that it always keeps an owner who is an active member of the tenant.

call core.secure_tenant_table('app_public.workspace_members');
call audit.track('app_public.workspace_members');
create policy select_member on app_public.workspace_members for select to rowhouse_user
  using (workspace_id = any ((select workspaces.my_workspace_ids())::uuid[]));
-- functions write memberships, because who may change whom depends on other rows
grant select on app_public.workspace_members to rowhouse_user;
grant select on app_public.workspace_members to rowhouse_platform;
comment on table app_public.workspace_members is
  E'@behavior -insert -update -delete\nA member of a workspace, with a role. All who can read the workspace see it. It counts only while the person is an active member of the tenant.';
comment on column app_public.workspace_members.user_id is E'@personal erase\nThe person.';
comment on column app_public.workspace_members.workspace_id is 'The workspace.';
comment on column app_public.workspace_members.role is 'The role in the workspace. changeWorkspaceMemberRole changes it.';
comment on column app_public.workspace_members.created_at is 'When the person became a member.';
comment on column app_public.workspace_members.updated_at is 'When the membership last changed.';
comment on constraint workspace_members_pkey on app_public.workspace_members is 'is a member of the workspace already';
comment on constraint workspace_members_tenant_id_workspace_id_fkey on app_public.workspace_members is
  E'@fieldName workspace\n@foreignFieldName members';
comment on constraint workspace_members_tenant_id_user_id_fkey on app_public.workspace_members is
  E'@fieldName membership\n@foreignFieldName workspaceMemberships';
comment on constraint workspace_members_user_id_fkey on app_public.workspace_members is
  E'@fieldName user\n@foreignFieldName workspaceMemberships';

create or replace function workspaces.require_manager_of(workspace app_public.workspaces, role app_public.member_role) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_role app_public.member_role := app_public.workspaces_my_role(require_manager_of.workspace);
begin
  if (v_role = 'owner' or v_role >= 'moderator' and v_role > require_manager_of.role) is not true then
    perform core.raise_error('WS201', 'Your role in this workspace does not allow this.',
      'You can manage members whose role is below your own. Ask an owner of the workspace.');
  end if;
end
$$;
comment on function workspaces.require_manager_of is
  E'@errors WS201\nRaises an error unless you may manage members with this role.';

create or replace function workspaces.require_another_owner(workspace app_public.workspaces, user_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- The lock makes a transaction with an older snapshot fail, which otherwise could count on an owner who has left.
  perform from app_public.workspace_members m
     join app_public.user_tenants t on t.tenant_id = m.tenant_id and t.user_id = m.user_id and t.status = 'active'
    where m.tenant_id = (require_another_owner.workspace).tenant_id and m.workspace_id = (require_another_owner.workspace).id
      and m.role = 'owner' and m.user_id is distinct from require_another_owner.user_id
    order by m.user_id
      for update of m;
  if not found then
    perform core.raise_error('WS502', 'A workspace must have an owner.', 'First make another member an owner, with transferWorkspace.');
  end if;
end
$$;
comment on function workspaces.require_another_owner is
  E'@errors WS502\nRaises an error unless the workspace has another owner than this person who is an active member of the tenant.';

create or replace function workspaces.locked_workspace_member(workspace app_public.workspaces, user_id uuid)
returns app_public.workspace_members
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_member app_public.workspace_members;
begin
  select * into v_member from app_public.workspace_members m
   where m.tenant_id = (locked_workspace_member.workspace).tenant_id
     and m.workspace_id = (locked_workspace_member.workspace).id
     and m.user_id = locked_workspace_member.user_id
     for update;
  if not found then
    perform core.raise_error('WS303', 'This person is not a member of the workspace.', 'List the members of the workspace.');
  end if;
  return v_member;
end
$$;
comment on function workspaces.locked_workspace_member is
  E'@errors WS303\nThe membership of a person in a workspace that the caller has locked.';

create or replace function app_public.add_workspace_member(
  workspace_id uuid, user_id uuid, role app_public.member_role default 'viewer'
) returns app_public.workspace_members
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := workspaces.locked_workspace(add_workspace_member.workspace_id, 'moderator');
  v_role app_public.member_role := coalesce(add_workspace_member.role, 'viewer');
  v_member app_public.workspace_members;
begin
  perform workspaces.require_manager_of(v_workspace, v_role);
  perform tenancy.require_active_member(add_workspace_member.user_id);
  insert into app_public.workspace_members (workspace_id, user_id, role)
  values (v_workspace.id, add_workspace_member.user_id, v_role)
  on conflict on constraint workspace_members_pkey do nothing
  returning * into v_member;
  if not found then
    perform core.raise_error('WS501', 'This person is a member of the workspace already.', 'Change the role with changeWorkspaceMemberRole.');
  end if;
  return v_member;
end
$$;
comment on function app_public.add_workspace_member is
  E'@resultFieldName member\n@errors WS301 WS201 ID301 WS501\nMakes an active member of the tenant a member of a workspace, by default as a viewer. You need at least the role moderator in the workspace, and can give only roles below your own; owners can give any role.';
grant execute on function app_public.add_workspace_member to rowhouse_user;

create or replace function app_public.change_workspace_member_role(workspace_id uuid, user_id uuid, role app_public.member_role)
returns app_public.workspace_members
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := workspaces.locked_workspace(change_workspace_member_role.workspace_id, 'viewer');
  v_member app_public.workspace_members;
begin
  if change_workspace_member_role.role is null then
    perform core.raise_error('ID405', 'A role is needed.', 'Name one of the roles.');
  end if;
  -- every member may give themselves a lower role
  if change_workspace_member_role.user_id is distinct from core.current_user_id() then
    perform workspaces.require_manager_of(v_workspace, 'viewer');
  end if;
  v_member := workspaces.locked_workspace_member(v_workspace, change_workspace_member_role.user_id);
  if v_member.user_id is distinct from core.current_user_id() or change_workspace_member_role.role > v_member.role then
    perform workspaces.require_manager_of(v_workspace, greatest(v_member.role, change_workspace_member_role.role));
  end if;
  if v_member.role = 'owner' and change_workspace_member_role.role < 'owner' then
    perform workspaces.require_another_owner(v_workspace, v_member.user_id);
  end if;
  update app_public.workspace_members m set role = change_workspace_member_role.role
   where m.tenant_id = v_member.tenant_id and m.workspace_id = v_member.workspace_id and m.user_id = v_member.user_id
  returning * into v_member;
  return v_member;
end
$$;
comment on function app_public.change_workspace_member_role is
  E'@resultFieldName member\n@errors WS301 WS201 WS303 ID405 WS502\nGives a member of a workspace another role. You need at least the role moderator in the workspace, and the old and the new role must be below your own; owners can change any role. All members can give themselves a lower role.';
grant execute on function app_public.change_workspace_member_role to rowhouse_user;

create or replace function app_public.remove_workspace_member(workspace_id uuid, user_id uuid) returns app_public.workspace_members
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := workspaces.locked_workspace(remove_workspace_member.workspace_id, 'viewer');
  v_member app_public.workspace_members;
begin
  if remove_workspace_member.user_id is distinct from core.current_user_id() then
    perform workspaces.require_manager_of(v_workspace, 'viewer');
  end if;
  v_member := workspaces.locked_workspace_member(v_workspace, remove_workspace_member.user_id);
  if v_member.user_id is distinct from core.current_user_id() then
    perform workspaces.require_manager_of(v_workspace, v_member.role);
  end if;
  if v_member.role = 'owner' then
    perform workspaces.require_another_owner(v_workspace, v_member.user_id);
  end if;
  delete from app_public.workspace_members m
   where m.tenant_id = v_member.tenant_id and m.workspace_id = v_member.workspace_id and m.user_id = v_member.user_id;
  return v_member;
end
$$;
comment on function app_public.remove_workspace_member is
  E'@resultFieldName member\n@errors WS301 WS201 WS303 WS502\nRemoves a member from a workspace. You need at least the role moderator in the workspace, and the member''s role must be below your own; owners can remove anyone.';
grant execute on function app_public.remove_workspace_member to rowhouse_user;

create or replace function app_public.leave_workspace(workspace_id uuid) returns app_public.workspace_members
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return app_public.remove_workspace_member(leave_workspace.workspace_id, core.current_user_id());
end
$$;
comment on function app_public.leave_workspace is
  E'@resultFieldName member\n@errors WS301 WS201 WS303 WS502\nEnds your own membership of a workspace.';
grant execute on function app_public.leave_workspace to rowhouse_user;

create or replace function app_public.join_workspace(workspace_id uuid) returns app_public.workspace_members
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := workspaces.locked_workspace(join_workspace.workspace_id, null);
  v_member app_public.workspace_members;
begin
  select * into v_member from app_public.workspace_members m
   where m.tenant_id = v_workspace.tenant_id and m.workspace_id = v_workspace.id and m.user_id = core.current_user_id();
  if found then
    return v_member;
  elsif v_workspace.visibility <> 'public' then
    perform core.raise_error('WS202', 'You cannot join this workspace by yourself.', 'Ask a moderator of the workspace to add you.');
  elsif v_workspace.archived_at is not null then
    perform core.raise_error('WS503', 'This workspace is archived.', 'Ask an admin of the workspace to unarchive it.');
  end if;
  perform tenancy.require_active_member(core.current_user_id());
  insert into app_public.workspace_members (workspace_id, user_id, role)
  values (v_workspace.id, core.current_user_id(),
          case when tenancy.has_role('member') then 'contributor' else 'viewer' end::app_public.member_role)
  returning * into v_member;
  return v_member;
end
$$;
comment on function app_public.join_workspace is
  E'@resultFieldName member\n@errors WS301 WS202 ID301 WS503\nMakes you a member of a public workspace, as a contributor or, if you are a viewer in the tenant, as a viewer. If you are a member already, nothing changes.';
grant execute on function app_public.join_workspace to rowhouse_user;

create or replace function app_public.transfer_workspace(workspace_id uuid, user_id uuid) returns app_public.workspace_members
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces := workspaces.locked_workspace(transfer_workspace.workspace_id, 'owner');
  v_member app_public.workspace_members;
begin
  perform tenancy.require_active_member(transfer_workspace.user_id);
  insert into app_public.workspace_members as m (workspace_id, user_id, role)
  values (v_workspace.id, transfer_workspace.user_id, 'owner')
  on conflict on constraint workspace_members_pkey do update set role = 'owner'
  returning * into v_member;
  update app_public.workspace_members m set role = 'admin'
   where m.tenant_id = v_workspace.tenant_id and m.workspace_id = v_workspace.id and m.role = 'owner'
     and m.user_id = core.current_user_id() and m.user_id <> v_member.user_id;
  return v_member;
end
$$;
comment on function app_public.transfer_workspace is
  E'@resultFieldName member\n@errors WS301 WS201 ID301\nMakes an active member of the tenant an owner of the workspace, and you an admin of it. Only owners of the workspace can do this.';
grant execute on function app_public.transfer_workspace to rowhouse_user;
