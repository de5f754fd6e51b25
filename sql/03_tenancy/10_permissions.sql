-- Who is asking, and what their role in this tenant allows.

grant execute on function tenancy.permission_keys to rowhouse_user, rowhouse_platform;
grant execute on function tenancy.are_permissions to rowhouse_user, rowhouse_platform;

create or replace function tenancy.current_member_role() returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select role from app_public.user_tenants
   where tenant_id = core.current_tenant_id() and user_id = core.current_user_id() and status = 'active';
$$;
comment on function tenancy.current_member_role is
  'Your role in this tenant, null when you are not an active member.';
grant execute on function tenancy.current_member_role to rowhouse_user, rowhouse_platform;

create or replace function tenancy.is_platform_admin() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- the role of the transaction, also inside definer functions; only the server's login can take it
  select current_setting('role', true) = 'rowhouse_admin';
$$;
comment on function tenancy.is_platform_admin is
  'Whether the request is one of platform staff.';
grant execute on function tenancy.is_platform_admin to rowhouse_user, rowhouse_platform;

create or replace function tenancy.has_role(minimum text) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- roles are a ladder; platform staff stand at its top in any tenant they enter
  select coalesce(
    array_position(array['viewer', 'member', 'admin', 'owner'],
      case when tenancy.is_platform_admin() then 'owner' else tenancy.current_member_role() end)
    >= array_position(array['viewer', 'member', 'admin', 'owner'], has_role.minimum), false);
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
      'can_create_projects']
    else '{}'
  end;
$$;
comment on function tenancy.role_permissions is
  'What a role allows by itself: an owner everything, an admin all but the tenant''s life cycle and billing, a member to create and edit, a viewer to read.';
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
  'The permissions of a membership: those of its role, with its own added and taken away.';
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
  return coalesce(v_permissions, '{}');
end
$$;
comment on function tenancy.current_permissions is
  'What you may do in this tenant; nothing when you are not an active member, everything for platform staff.';
grant execute on function tenancy.current_permissions to rowhouse_user, rowhouse_platform;

create or replace function tenancy.has_permission(permission text) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select has_permission.permission = any (tenancy.current_permissions());
$$;
comment on function tenancy.has_permission is
  'Whether you have this permission (see tenancy.permission_keys) in this tenant. What policies ask, in a scalar sub-select.';
grant execute on function tenancy.has_permission to rowhouse_user, rowhouse_platform;

create or replace function tenancy.require_permission(permission text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not tenancy.has_permission(require_permission.permission) then
    perform core.raise_error('ID203', 'Your permissions in this tenant do not allow this.',
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
  if not tenancy.has_role(require_role.minimum) then
    perform core.raise_error('ID202', 'Your role in this tenant does not allow this.',
      format('Ask an owner of the tenant for the role %s.', require_role.minimum));
  end if;
end
$$;
comment on function tenancy.require_role is
  E'@errors ID202\nRaises an error unless your role in this tenant is at least this one.';

-- What access rules are written in (see core.allow): the roles that policies ask for, and every permission.
do $$
declare
  v_permission text;
  v_roles text;
begin
  call core.define_access('viewer', '(select tenancy.has_role(''viewer''))', 'active members of the tenant');
  call core.define_access('admin', '(select tenancy.has_role(''admin''))', 'owners and admins of the tenant');
  foreach v_permission in array tenancy.permission_keys() loop
    select string_agg(r.role, ', ' order by r.rank)
      into v_roles
      from unnest(array['owner', 'admin', 'member', 'viewer']) with ordinality as r (role, rank)
     where v_permission = any (tenancy.role_permissions(r.role));
    call core.define_access(v_permission, format('(select tenancy.has_permission(%L))', v_permission),
      format('who has %s: by role %s, unless the membership says otherwise', v_permission, coalesce(v_roles, 'nobody')));
  end loop;
end
$$;
