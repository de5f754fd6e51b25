-- Who is asking, and what their role in this tenant allows.

create or replace function app_hidden.current_member_role() returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select role from app_public.user_tenants
   where tenant_id = app_hidden.current_tenant_id() and user_id = app_hidden.current_user_id() and status = 'active';
$$;
comment on function app_hidden.current_member_role() is 'Your role in this tenant, null when you are not an active member.';

create or replace function app_hidden.is_platform_admin() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- the role of the transaction, also inside definer functions; only the server's login can take it
  select current_setting('role', true) = 'rowhouse_admin';
$$;
comment on function app_hidden.is_platform_admin() is 'Whether the request is one of platform staff.';

create or replace function app_hidden.has_role(minimum text) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- roles are a ladder; platform staff stand at its top in any tenant they enter
  select coalesce(
    array_position(array['viewer', 'member', 'admin', 'owner'],
      case when app_hidden.is_platform_admin() then 'owner' else app_hidden.current_member_role() end)
    >= array_position(array['viewer', 'member', 'admin', 'owner'], has_role.minimum), false);
$$;
comment on function app_hidden.has_role(text) is 'Whether your role in this tenant is at least viewer, member, admin or owner.';
grant execute on function app_hidden.current_member_role(), app_hidden.is_platform_admin(), app_hidden.has_role(text)
  to rowhouse_user, rowhouse_platform;

create or replace function app_hidden.role_permissions(role text) returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case role_permissions.role
    when 'owner' then app_hidden.permission_keys()
    when 'admin' then array(
      select key from unnest(app_hidden.permission_keys()) as key
       where key not in ('can_manage_tenant', 'can_manage_billing'))
    when 'member' then array[
      'can_create_agents', 'can_edit_agents', 'can_create_resources', 'can_edit_resources', 'can_manage_knowledge',
      'can_create_projects']
    else '{}'
  end;
$$;
comment on function app_hidden.role_permissions(text) is
  'What a role allows by itself: an owner everything, an admin all but the tenant''s life cycle and billing, a member to create and edit, a viewer to read.';

create or replace function app_hidden.effective_permissions(role text, permissions jsonb) returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(key order by key), '{}')
    from unnest(app_hidden.permission_keys()) as key
   where coalesce((effective_permissions.permissions ->> key)::boolean,
                  key = any (app_hidden.role_permissions(effective_permissions.role)));
$$;
comment on function app_hidden.effective_permissions(text, jsonb) is
  'The permissions of a membership: those of its role, with its own added and taken away.';

create or replace function app_hidden.current_permissions() returns text[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_permissions text[];
begin
  if app_hidden.is_platform_admin() then
    return app_hidden.permission_keys();
  end if;
  select app_hidden.effective_permissions(role, permissions) into v_permissions
    from app_public.user_tenants
   where tenant_id = app_hidden.current_tenant_id() and user_id = app_hidden.current_user_id() and status = 'active';
  return coalesce(v_permissions, '{}');
end
$$;
comment on function app_hidden.current_permissions() is
  'What you may do in this tenant; nothing when you are not an active member, everything for platform staff.';

create or replace function app_hidden.has_permission(permission text) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select has_permission.permission = any (app_hidden.current_permissions());
$$;
comment on function app_hidden.has_permission(text) is
  'Whether you have this permission (see app_hidden.permission_keys) in this tenant. What policies ask, in a scalar sub-select.';
grant execute on function app_hidden.role_permissions(text), app_hidden.effective_permissions(text, jsonb),
  app_hidden.current_permissions(), app_hidden.has_permission(text), app_hidden.permission_keys(), app_hidden.are_permissions(jsonb)
  to rowhouse_user, rowhouse_platform;

create or replace function app_private.require_permission(permission text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not app_hidden.has_permission(require_permission.permission) then
    perform app_private.raise_error('ID203', 'Your permissions in this tenant do not allow this.',
      format('Ask an owner of the tenant for the permission %s.', require_permission.permission));
  end if;
end
$$;
comment on function app_private.require_permission(text) is 'ID203 unless you have this permission in this tenant.';
grant execute on function app_private.require_permission(text) to rowhouse_platform;

create or replace function app_private.require_role(minimum text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not app_hidden.has_role(require_role.minimum) then
    perform app_private.raise_error('ID202', 'Your role in this tenant does not allow this.',
      format('Ask an owner of the tenant for the role %s.', require_role.minimum));
  end if;
end
$$;
comment on function app_private.require_role(text) is 'ID202 unless your role in this tenant is at least this one.';

create or replace function app_public.current_user_profile() returns app_public.user_profiles
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.user_profiles where id = app_hidden.current_user_id();
$$;
comment on function app_public.current_user_profile() is 'Your own profile.';
grant execute on function app_public.current_user_profile() to rowhouse_user;
