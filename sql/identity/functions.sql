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
