-- Roles and permissions. The role of a membership gives permissions, and the membership adds single ones and takes single
-- ones away. Both are read from the database at each request, so that a change of a membership holds at once.

grant execute on function tenancy.permission_keys to rowhouse_user, rowhouse_platform;
grant execute on function tenancy.are_permissions to rowhouse_user, rowhouse_platform;

-- What an API key leaves of its maker's role and permissions. The server says in the context which key a request came with; the
-- key is read here again, so that one that has ended, or that is another person's, leaves nothing.
create or replace function tenancy.key_status(revoked_at timestamptz, expires_at timestamptz, ancestor_ids uuid[])
returns app_public.api_key_status
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return case
    when key_status.revoked_at is not null
      or key_status.ancestor_ids <> '{}' and exists (
           select from app_public.api_keys a where a.id = any (key_status.ancestor_ids) and a.revoked_at is not null) then 'revoked'
    -- no key outlives those above it
    when key_status.expires_at <= core.clock() then 'expired'
    else 'active'
  end;
end
$$;
comment on function tenancy.key_status is
  'Whether an API key is active, expired or revoked. It is revoked when a key above it is.';
grant execute on function tenancy.key_status to rowhouse_user, rowhouse_platform;

create or replace function tenancy.current_api_key() returns app_public.api_keys
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key app_public.api_keys;
begin
  select k.* into v_key from app_public.api_keys k
   where k.id = core.current_api_key_id() and k.tenant_id = core.current_tenant_id()
     and k.created_by_user_id = core.current_user_id()
     and tenancy.key_status(k.revoked_at, k.expires_at, k.ancestor_ids) = 'active';
  return v_key;
end
$$;
comment on function tenancy.current_api_key is
  'The API key of this request; null when it comes from a person, or when the key has ended.';
grant execute on function tenancy.current_api_key to rowhouse_platform;

create or replace function tenancy.current_member_role() returns app_public.membership_role
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_role app_public.membership_role;
  v_key_role app_public.membership_role;
begin
  select m.role into v_role from app_public.user_tenants m
   where m.tenant_id = core.current_tenant_id() and m.user_id = core.current_user_id() and m.status = 'active';
  if core.current_api_key_id() is not null then
    v_key_role := (tenancy.current_api_key()).role;
    if v_key_role is null or tenancy.role_rank(v_key_role) < tenancy.role_rank(v_role) then
      v_role := v_key_role;
    end if;
  end if;
  return v_role;
end
$$;
comment on function tenancy.current_member_role is
  'Your role in this tenant; null when you are not an active member. A request with an API key has at most the role of the key.';
grant execute on function tenancy.current_member_role to rowhouse_user, rowhouse_platform;

create or replace function tenancy.is_platform_admin() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- This setting is the role of the request, also inside definer functions. Only the server's login can set it.
  select current_setting('role', true) = 'rowhouse_admin';
$$;
comment on function tenancy.is_platform_admin is
  'Whether the request comes from platform staff.';
grant execute on function tenancy.is_platform_admin to rowhouse_user, rowhouse_platform;

create or replace function tenancy.role_rank(role text) returns int
language sql immutable parallel safe
return array_position(array['viewer', 'member', 'admin', 'owner'], role);
comment on function tenancy.role_rank is
  'The rank of a role: 1 for viewer, 2 for member, 3 for admin, 4 for owner.';
grant execute on function tenancy.role_rank to rowhouse_user, rowhouse_platform;

create or replace function tenancy.has_role(minimum text) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- platform staff have the rights of an owner in every tenant that they enter
  select coalesce(
    tenancy.role_rank(case when tenancy.is_platform_admin() then 'owner' else tenancy.current_member_role() end)
    >= tenancy.role_rank(has_role.minimum), false);
$$;
comment on function tenancy.has_role is
  'Whether your role in this tenant is at least viewer, member, admin or owner.';
grant execute on function tenancy.has_role to rowhouse_user, rowhouse_platform;

create or replace function tenancy.role_permissions(role text) returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case role_permissions.role
    when 'owner' then tenancy.permission_keys()
    when 'admin' then array(
      select key from unnest(tenancy.permission_keys()) as key
       where key not in ('can_manage_tenant', 'can_manage_billing'))
    when 'member' then array[
      'can_create_agents', 'can_edit_agents', 'can_create_resources', 'can_edit_resources', 'can_manage_knowledge',
      'can_create_projects', 'can_record_usage', 'can_run_agents']
    else '{}'
  end;
$$;
comment on function tenancy.role_permissions is
  'The permissions that a role gives. An owner has all, an admin all but the ones for the tenant''s life cycle and billing, a member those to create and edit, to record usage and to run agents, a viewer none.';
grant execute on function tenancy.role_permissions to rowhouse_user, rowhouse_platform;

create or replace function tenancy.effective_permissions(role text, permissions jsonb) returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(key order by key), '{}')
    from unnest(tenancy.permission_keys()) as key
   where coalesce((effective_permissions.permissions ->> key)::boolean,
                  key = any (tenancy.role_permissions(effective_permissions.role)));
$$;
comment on function tenancy.effective_permissions is
  'The permissions of a membership: those of its role, changed by those that the membership itself sets to true or false.';
grant execute on function tenancy.effective_permissions to rowhouse_user, rowhouse_platform;

create or replace function tenancy.current_permissions() returns text[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_permissions text[];
begin
  if tenancy.is_platform_admin() then
    return tenancy.permission_keys();
  end if;
  select tenancy.effective_permissions(role, permissions) into v_permissions
    from app_public.user_tenants
   where tenant_id = core.current_tenant_id() and user_id = core.current_user_id() and status = 'active';
  if core.current_api_key_id() is not null then
    v_permissions := array(
      select p from unnest(v_permissions) as p where p = any ((tenancy.current_api_key()).permissions::text[]) order by p);
  end if;
  return coalesce(v_permissions, '{}');
end
$$;
comment on function tenancy.current_permissions is
  'Your permissions in this tenant: none when you are not an active member, all when you are platform staff. A request with an API key has those of its maker that the key was given.';
grant execute on function tenancy.current_permissions to rowhouse_user, rowhouse_platform;

create or replace function tenancy.has_permission(permission text) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select has_permission.permission = any (tenancy.current_permissions());
$$;
comment on function tenancy.has_permission is
  'Whether you have this permission in this tenant. Policies call it in a scalar sub-select, so that it runs once a query.';
grant execute on function tenancy.has_permission to rowhouse_user, rowhouse_platform;

create or replace function tenancy.require_permission(permission text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not tenancy.has_permission(require_permission.permission) then
    perform core.raise_error('ID203', 'You do not have the permission to do this in this tenant.',
      format('Ask an owner of the tenant for the permission %s.', require_permission.permission));
  end if;
end
$$;
comment on function tenancy.require_permission is
  E'@errors ID203\nRaises an error unless you have this permission in this tenant.';
grant execute on function tenancy.require_permission to rowhouse_platform;

create or replace function tenancy.require_role(minimum text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if tenancy.has_role(require_role.minimum) then
    return;
  elsif tenancy.current_member_role() is null then
    perform core.raise_error('ID202', 'You are not a member of this tenant.', 'Ask an owner of the tenant to invite you.');
  else
    perform core.raise_error('ID202', 'Your role in this tenant does not allow this.',
      format('Ask an owner of the tenant for the role %s.', require_role.minimum));
  end if;
end
$$;
comment on function tenancy.require_role is
  E'@errors ID202\nRaises an error unless you are an active member of this tenant and your role is at least this one.';

create or replace function tenancy.require_person() returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if core.current_api_key_id() is not null then
    perform core.raise_error('KY201', 'Only a person can do this, not an API key.', 'Log in, and do it with a token of your own.');
  end if;
end
$$;
comment on function tenancy.require_person is
  E'@errors KY201\nRaises an error when the request came with an API key. What concerns a person as such begins with it: the profile, invitations, ownership, and other tenants of the person.';
grant execute on function tenancy.require_person to rowhouse_platform;

-- The words for core.allow: the roles that policies ask for, and all permissions.
do $$
declare
  v_permission text;
  v_roles text;
begin
  call core.define_access('viewer', '(select tenancy.has_role(''viewer''))', 'active members of the tenant');
  call core.define_access('editor', '(select tenancy.has_role(''member''))', 'members of the tenant who are not viewers');
  call core.define_access('admin', '(select tenancy.has_role(''admin''))', 'owners and admins of the tenant');
  call core.define_access('owner', '(select tenancy.has_role(''owner''))', 'owners of the tenant');
  call core.define_access('by_a_person', '(select core.current_api_key_id()) is null', 'by people, not by API keys', null);
  foreach v_permission in array tenancy.permission_keys() loop
    select string_agg(r.role, ', ' order by r.rank)
      into v_roles
      from unnest(array['owner', 'admin', 'member', 'viewer']) with ordinality as r (role, rank)
     where v_permission = any (tenancy.role_permissions(r.role));
    call core.define_access(v_permission, format('(select tenancy.has_permission(%L))', v_permission),
      format('members with %s (%s, unless the membership changes it)', v_permission, coalesce(v_roles, 'no role has it')));
  end loop;
end
$$;
