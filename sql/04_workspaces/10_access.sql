-- Roles in workspaces and projects. A role counts only while the person is an active member of the tenant. Policies call a
-- function that lists all workspaces or projects once a query; computed columns call one for a single row.

comment on type app_public.member_role is
  'The role of a member in a workspace. Each role may do what the earlier ones may. viewer: reads. contributor: adds and changes things. moderator: manages members whose role is lower. admin: edits and archives the workspace. owner: manages all members, and deletes and transfers the workspace. Owners of the tenant have this role in every workspace.';

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
       -- an archived workspace can only be read
       and (w.archived_at is null or my_workspace_ids.minimum = 'viewer')
       and case
             when v_is_tenant_owner then 'owner'
             when m.role is not null then m.role
             when w.visibility in ('organization', 'public') then 'viewer'
           end >= my_workspace_ids.minimum), '{}');
end
$$;
comment on function workspaces.my_workspace_ids is
  'The workspaces in which you have at least this role, without deleted ones. Archived ones are included only for the role viewer. In policies: workspace_id = any ((select workspaces.my_workspace_ids(''contributor''))::uuid[]).';
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
  'The deleted workspaces that you may restore.';
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
  'Your role in the workspace: that of your membership, viewer where all of the tenant may read, or owner for owners of the tenant. It is null when you only see that the workspace exists.';
grant execute on function app_public.workspaces_my_role to rowhouse_user;

create or replace function workspaces.my_project_ids(minimum app_public.project_role default 'observer') returns uuid[]
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
  'The projects of which you are a member with at least this role, including deleted ones. For policies.';
grant execute on function workspaces.my_project_ids to rowhouse_user;

create or replace function app_public.projects_my_role(project app_public.projects) returns app_public.project_role
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
  -- the same rule as the policy select_member of projects
  if not (projects_my_role.project).is_private and (
    (projects_my_role.project).workspace_id is null
    or (projects_my_role.project).workspace_id = any (workspaces.my_workspace_ids())) then
    v_role := case when tenancy.has_role('admin') then 'lead' else coalesce(v_role, 'observer') end;
  end if;
  return v_role;
end
$$;
comment on function app_public.projects_my_role is
  'Your role in the project: that of your membership, or observer where you may only read. Owners of the tenant are leads of every project, and its admins are leads of those that are not private.';
grant execute on function app_public.projects_my_role to rowhouse_user;

-- Every function that changes a workspace or its members locks its row first, so that two changes at once cannot remove the
-- last owner. "no key update" still lets others add rows that refer to the workspace.
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
    perform core.raise_error('WS301', 'This workspace does not exist, or you cannot see it.', 'List the workspaces of this tenant.');
  elsif locked_workspace.minimum is not null and (v_role >= locked_workspace.minimum) is not true then
    perform core.raise_error('WS201', 'Your role in this workspace does not allow this.',
      format('You need the role %s. Ask an owner of the workspace.', locked_workspace.minimum));
  end if;
  return v_workspace;
end
$$;
comment on function workspaces.locked_workspace is
  E'@errors WS301 WS201\nThe workspace, locked until the end of the transaction. You need at least the role minimum in it; when minimum is null, it is enough that you see the workspace.';

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
    perform core.raise_error('WS304', 'This project does not exist, or you cannot see it.', 'List the projects of this tenant.');
  elsif v_role <> 'lead' then
    perform core.raise_error('WS203', 'Only leads of the project can do this.', 'Ask a lead of the project or an admin of the tenant.');
  end if;
  return v_project;
end
$$;
comment on function workspaces.locked_project is
  E'@errors WS304 WS203\nThe project, locked until the end of the transaction.';

-- words that only explain policies (see core.who_may)
do $$
declare
  v_word record;
begin
  for v_word in
    select w.word, w.condition, w.who
      from (values
        ('workspace_reader', 'id = any ((select workspaces.my_workspace_ids()))', 'those who can read the workspace'),
        ('workspace_admin', 'id = any ((select workspaces.my_workspace_ids(''admin'')))', 'admins and owners of the workspace'),
        ('workspace_restorer', 'id = any ((select workspaces.my_deleted_workspace_ids()))', 'owners of the workspace'),
        ('reader_of_its_workspace', 'workspace_id = any ((select workspaces.my_workspace_ids()))', 'those who can read its workspace'),
        ('in_no_workspace', 'workspace_id is null', 'it is in no workspace'),
        ('not_private', 'not is_private', 'it is not private'),
        ('project_member', 'id = any ((select workspaces.my_project_ids()))', 'members of the project'),
        ('project_lead', 'id = any ((select workspaces.my_project_ids(''lead'')))', 'leads of the project'),
        ('lead_of_its_project', 'project_id = any ((select workspaces.my_project_ids(''lead'')))', 'leads of its project'),
        ('project_is_visible', 'project_id in (select projects.id from app_public.projects)', 'those who can see its project'),
        ('project_is_open', 'project_id in (select projects.id from app_public.projects where (projects.deleted_at is null))',
         'they can see its project, which is not deleted'),
        ('institution_is_visible', 'institution_id in (select institutions.id from app_public.institutions)',
         'those who can see its institution'),
        ('institution_is_open',
         'institution_id in (select institutions.id from app_public.institutions where (institutions.deleted_at is null))',
         'they can see its institution, which is not deleted')
      ) as w (word, condition, who)
  loop
    call core.define_access(v_word.word, v_word.condition, v_word.who, null);
  end loop;
end
$$;
