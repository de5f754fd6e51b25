-- Numbers of members of a tenant. They are counted when they are read, so they are always right.

set local role rowhouse_platform;  -- outside the wall: my_tenants shows these numbers for several tenants
create or replace function app_public.tenants_user_count(tenant app_public.tenants) returns int
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select count(*) from app_public.user_tenants m where m.tenant_id = (tenant).id and m.status = 'active');
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
     where m.tenant_id = (tenant).id and m.status = 'active' and m.last_accessed_at > core.clock() - interval '30 days');
end
$$;
comment on function app_public.tenants_active_user_count is
  'The number of its active members who have used it in the last 30 days.';
grant execute on function app_public.tenants_active_user_count to rowhouse_user;

set local role rowhouse_owner;
