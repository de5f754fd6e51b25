-- Figures of a tenant, computed from what they count. Outside the wall, so that they are right wherever a tenant's row can
-- be read: in my_tenants, which spans tenants, and in psql, which has no context.

create or replace function app_public.tenants_user_count(tenant app_public.tenants) returns int
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select count(*) from app_public.user_tenants m where m.tenant_id = (tenant).id and m.status = 'active');
end
$$;
comment on function app_public.tenants_user_count(app_public.tenants) is 'How many active members it has.';

create or replace function app_public.tenants_active_user_count(tenant app_public.tenants) returns int
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select count(*) from app_public.user_tenants m
     where m.tenant_id = (tenant).id and m.status = 'active' and m.last_accessed_at > app_hidden.clock() - interval '30 days');
end
$$;
comment on function app_public.tenants_active_user_count(app_public.tenants) is 'How many of its members have acted in it in the last 30 days.';

create or replace function app_public.tenants_total_api_calls(tenant app_public.tenants) returns bigint
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- in one statement, so that a call on its way from the buffer through the queue into the roll-up is counted once
  return (select coalesce(sum(d.quantity), 0) from app_private.usage_days d
           where d.tenant_id = (tenant).id and d.usage_type = 'api_call')
       + (select coalesce(sum(e.quantity), 0) from app_private.usage_queue q
            join app_public.usage_events e
              on e.tenant_id = q.tenant_id and e.batch_id = q.batch_id and e.occurred_at between q.first_at and q.last_at
           where q.tenant_id = (tenant).id and e.usage_type = 'api_call')
       + (select count(*) from app_private.api_call_buffer b where b.tenant_id = (tenant).id);
end
$$;
comment on function app_public.tenants_total_api_calls(app_public.tenants) is
  'How many API calls it has ever made, up to this moment: those of tenant_usage_tracking and those of the last minute, which are not rolled up yet.';

create or replace function app_public.tenants_storage_used_gb(tenant app_public.tenants) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select round(coalesce(sum(d.size_bytes), 0) / 1e9, 3) from app_public.documents d where d.tenant_id = (tenant).id);
end
$$;
comment on function app_public.tenants_storage_used_gb(app_public.tenants) is
  'Size of its documents as they were given, in GB (1,000,000,000 bytes), to the MB.';
grant execute on function
  app_public.tenants_user_count(app_public.tenants), app_public.tenants_active_user_count(app_public.tenants),
  app_public.tenants_total_api_calls(app_public.tenants), app_public.tenants_storage_used_gb(app_public.tenants)
to rowhouse_user;
