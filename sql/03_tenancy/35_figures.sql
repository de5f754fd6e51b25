-- Figures of a tenant, computed from what they count. Outside the wall, so that they are right wherever a tenant's row can
-- be read: in my_tenants, which spans tenants, and in psql, which has no context.

set local role rowhouse_platform;  -- outside the wall: figures of a tenant's row are right wherever the row can be read: my_tenants spans tenants
create or replace function app_public.tenants_user_count(tenant app_public.tenants) returns int
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select count(*) from app_public.user_tenants m where m.tenant_id = (tenant).id and m.status = 'active');
end
$$;
comment on function app_public.tenants_user_count is
  'How many active members it has.';
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
  'How many of its members have acted in it in the last 30 days.';
grant execute on function app_public.tenants_active_user_count to rowhouse_user;

set local role rowhouse_owner;
