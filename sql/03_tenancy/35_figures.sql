-- Numbers of members of a tenant. They are counted when they are read, so they are always right.

set local role rowhouse_platform;  -- outside the wall: my_tenants shows these numbers for several tenants
create or replace function tenancy.readable_tenant_id(tenant app_public.tenants) returns uuid
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  -- The caller may have made this row, with any id in it. So only the id is taken from it, and whether the caller may read
  -- that tenant is looked up.
  return (
    select t.id
      from app_public.tenants t
     where t.id = (readable_tenant_id.tenant).id
       and (t.id = core.current_tenant_id()
         -- an API key belongs to one tenant
         or core.current_api_key_id() is null and (
              exists (
                select from app_public.user_tenants m
                 where m.tenant_id = t.id and m.user_id = core.current_user_id() and m.status = 'active')
              or tenancy.may_view_subtree(core.current_user_id(), t.id))
         or tenancy.is_platform_admin()
         -- an administrator in psql
         or current_setting('role', true) = 'none' and pg_has_role(session_user, 'rowhouse_owner', 'member')));
end
$$;
comment on function tenancy.readable_tenant_id is
  'The id of a tenant whose row the caller may read, or null. Functions outside the wall that take a row of tenants begin with it.';

create or replace function app_public.tenants_user_count(tenant app_public.tenants) returns int
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select count(*) from app_public.user_tenants m where m.tenant_id = tenancy.readable_tenant_id(tenant) and m.status = 'active');
end
$$;
comment on function app_public.tenants_user_count is
  'The number of its active members.';
grant execute on function app_public.tenants_user_count to rowhouse_user;

create or replace function app_public.tenants_active_user_count(tenant app_public.tenants) returns int
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select count(*) from app_public.user_tenants m
     where m.tenant_id = tenancy.readable_tenant_id(tenant) and m.status = 'active' and m.last_accessed_at > core.clock() - interval '30 days');
end
$$;
comment on function app_public.tenants_active_user_count is
  'The number of its active members who have used it in the last 30 days.';
grant execute on function app_public.tenants_active_user_count to rowhouse_user;

set local role rowhouse_owner;
