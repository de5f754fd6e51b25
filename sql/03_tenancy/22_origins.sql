-- The addresses of a tenant: its custom domain, and the web origins from which browsers may call on its behalf.

create or replace function app_public.set_tenant_domain(domain text default null) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant app_public.tenants;
begin
  perform tenancy.require_staff();
  update app_public.tenants t set domain = lower(trim(set_tenant_domain.domain))
   where t.id = core.current_tenant_id()
  returning * into v_tenant;
  return v_tenant;
end
$$;
comment on function app_public.set_tenant_domain is
  E'@resultFieldName tenant\n@errors TN205 23505 23514\nSets the custom domain of this tenant, a host name that no other tenant has. Without a domain, it removes the one that is set. Only platform staff can do this, because they have to check who owns the domain.';
grant execute on function app_public.set_tenant_domain to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a browser's preflight request names no tenant; for the server's login only
create or replace function tenancy.is_allowed_origin(origin text, tenant_id uuid default null) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.tenant_config c
     where c.allowed_origins @> array[is_allowed_origin.origin]
       and (is_allowed_origin.tenant_id is null or c.tenant_id = is_allowed_origin.tenant_id));
end
$$;
comment on function tenancy.is_allowed_origin is
  'Whether browsers may call from this origin on behalf of this tenant or, without a tenant, of any tenant. A preflight request names no tenant. For the server''s login.';
grant execute on function tenancy.is_allowed_origin to rowhouse_authenticator;

set local role rowhouse_owner;
