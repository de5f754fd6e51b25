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
  E'@resultFieldName tenant\n@errors TN205 23505 23514\nGives this tenant its custom domain, a host name no other tenant has; without one, takes it away. Platform staff only, because who owns a domain must be looked at.';
grant execute on function app_public.set_tenant_domain to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a browser's preflight names no tenant; for the server's login only
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
  'Whether browsers may call from this origin: on behalf of this tenant, or, where none is known yet (a preflight), of any. For the server''s login.';
grant execute on function tenancy.is_allowed_origin to rowhouse_authenticator;

set local role rowhouse_owner;
