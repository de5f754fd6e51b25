-- Who may do what in which workspace and project. A role here counts only while the membership of the tenant is active,
-- and is read live: one function for policies (a list, once a query), one for a single row.

comment on type app_public.member_role is
  'What a member of a workspace may do, each what the earlier ones may: viewer reads; contributor adds things and changes them; moderator also manages members below their own role, as all above do; admin edits and archives the workspace; owner manages everyone, deletes and transfers it. The tenant''s owners count as owners of every workspace.';

create or replace function workspaces.my_workspace_ids(minimum app_public.member_role default 'viewer') returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_is_tenant_owner boolean := tenancy.has_role('owner');
begin
  if not tenancy.has_role('viewer') then
    return '{}';
  end if;
  return coalesce((
    select array_agg(w.id)
      from app_public.workspaces w
      left join app_public.workspace_members m
        on m.tenant_id = w.tenant_id and m.workspace_id = w.id and m.user_id = core.current_user_id()
     where w.tenant_id = core.current_tenant_id() and w.deleted_at is null
       -- an archived workspace can be read, and nothing else
       and (w.archived_at is null or my_workspace_ids.minimum = 'viewer')
       and case
             when v_is_tenant_owner then 'owner'
             when m.role is not null then m.role
             when w.visibility in ('organization', 'public') then 'viewer'
           end >= my_workspace_ids.minimum), '{}');
end
$$;
comment on function workspaces.my_workspace_ids is
  'The workspaces in which your role is at least this one, without deleted ones and, above viewer, without archived ones. For policies: workspace_id = any ((select workspaces.my_workspace_ids(''contributor''))::uuid[]).';
grant execute on function workspaces.my_workspace_ids to rowhouse_user;

create or replace function workspaces.my_deleted_workspace_ids() returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return coalesce((
    select array_agg(w.id)
      from app_public.workspaces w
     where w.tenant_id = core.current_tenant_id() and w.deleted_at is not null
       and app_public.workspaces_my_role(w) = 'owner'), '{}');
end
$$;
comment on function workspaces.my_deleted_workspace_ids is
  'The deleted workspaces you may restore.';
grant execute on function workspaces.my_deleted_workspace_ids to rowhouse_user;

create or replace function app_public.workspaces_my_role(workspace app_public.workspaces) returns app_public.member_role
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not tenancy.has_role('viewer') then
    return null;
  elsif tenancy.has_role('owner') then
    return 'owner';
  end if;
  return coalesce(
    (select m.role
       from app_public.workspace_members m
      where m.tenant_id = core.current_tenant_id() and m.workspace_id = (workspaces_my_role.workspace).id
        and m.user_id = core.current_user_id()),
    case when (workspaces_my_role.workspace).visibility in ('organization', 'public') then 'viewer'::app_public.member_role end);
end
$$;
comment on function app_public.workspaces_my_role is
  'What you may do in the workspace: the role of your membership, viewer where everyone of the tenant may read, owner for the tenant''s owners; null when you only see that it exists.';
grant execute on function app_public.workspaces_my_role to rowhouse_user;

create or replace function workspaces.my_project_ids(minimum text default 'observer') returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ladder constant text[] := array['observer', 'member', 'lead'];
begin
  if not tenancy.has_role('viewer') then
    return '{}';
  end if;
  return coalesce((
    select array_agg(m.project_id)
      from app_public.project_members m
     where m.tenant_id = core.current_tenant_id() and m.user_id = core.current_user_id()
       and array_position(v_ladder, m.role) >= array_position(v_ladder, my_project_ids.minimum)), '{}');
end
$$;
comment on function workspaces.my_project_ids is
  'The projects you are a member of with at least this role (observer, member, lead), deleted ones as well. For policies.';
grant execute on function workspaces.my_project_ids to rowhouse_user;

create or replace function app_public.projects_my_role(project app_public.projects) returns text
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_role text;
begin
  if not tenancy.has_role('viewer') then
    return null;
  elsif tenancy.has_role('owner') then
    return 'lead';
  end if;
  select m.role into v_role
    from app_public.project_members m
   where m.tenant_id = core.current_tenant_id() and m.project_id = (projects_my_role.project).id
     and m.user_id = core.current_user_id();
  -- the same as the policy select_member, for one row
  if not (projects_my_role.project).is_private and (
    (projects_my_role.project).workspace_id is null
    or (projects_my_role.project).workspace_id = any (workspaces.my_workspace_ids())) then
    v_role := case when tenancy.has_role('admin') then 'lead' else coalesce(v_role, 'observer') end;
  end if;
  return v_role;
end
$$;
comment on function app_public.projects_my_role is
  'What you may do in the project: the role of your membership, observer where you may only read, lead for the tenant''s owners, and for its admins where the project is not private.';
grant execute on function app_public.projects_my_role to rowhouse_user;

create or replace function workspaces.require_active_member(user_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.user_tenants t
     where t.tenant_id = core.current_tenant_id() and t.user_id = require_active_member.user_id and t.status = 'active'
  ) then
    perform core.raise_error('WS401', 'This person is not an active member of this tenant.', 'Invite the person to the tenant first.');
  end if;
end
$$;
comment on function workspaces.require_active_member is
  E'@errors WS401\nRaises an error unless this person is an active member of this tenant.';

-- Whoever changes a workspace or its members holds its row first: that is what makes "the last owner" true when two try.
-- It leaves room for rows that refer to the workspace.
create or replace function workspaces.locked_workspace(id uuid, minimum app_public.member_role) returns app_public.workspaces
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_workspace app_public.workspaces;
  v_role app_public.member_role;
begin
  select * into v_workspace from app_public.workspaces w
   where w.tenant_id = core.current_tenant_id() and w.id = locked_workspace.id and w.deleted_at is null
     for no key update;
  v_role := app_public.workspaces_my_role(v_workspace);
  if v_workspace.id is null
    or v_role is null and (v_workspace.visibility = 'private' or not tenancy.has_role('viewer'))
  then
    perform core.raise_error('WS301', 'There is no such workspace.', 'List the workspaces of this tenant.');
  elsif locked_workspace.minimum is not null and (v_role >= locked_workspace.minimum) is not true then
    perform core.raise_error('WS201', 'Your role in this workspace does not allow this.',
      format('This needs the role %s; ask an owner of the workspace.', locked_workspace.minimum));
  end if;
  return v_workspace;
end
$$;
comment on function workspaces.locked_workspace is
  E'@errors WS301 WS201\nThe workspace, locked until the end of the transaction; with a null minimum it is enough to see that it exists.';

create or replace function workspaces.locked_project(id uuid) returns app_public.projects
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
  v_role text;
begin
  select * into v_project from app_public.projects p
   where p.tenant_id = core.current_tenant_id() and p.id = locked_project.id and p.deleted_at is null
     for no key update;
  v_role := app_public.projects_my_role(v_project);
  if v_project.id is null or v_role is null then
    perform core.raise_error('WS304', 'There is no such project.', 'List the projects of this tenant.');
  elsif v_role <> 'lead' then
    perform core.raise_error('WS203', 'Only leads of the project can do this.', 'Ask a lead of the project or an admin of the tenant.');
  end if;
  return v_project;
end
$$;
comment on function workspaces.locked_project is
  E'@errors WS304 WS203\nThe project, locked until the end of the transaction.';

-- A membership here rests on an active one of the tenant, whoever writes it. After the row, so that the wall speaks first.
create or replace function workspaces.tg__require_active_member() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform workspaces.require_active_member(new.user_id);
  return null;
end
$$;
comment on function workspaces.tg__require_active_member is
  E'@errors WS401\nRaises an error unless user_id is an active member of this tenant.';

create or replace trigger _200_require_active_member after insert on app_public.project_members
  for each row execute function workspaces.tg__require_active_member();
