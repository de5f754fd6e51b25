-- The tenant of the request, and who may see which tenant besides.

create or replace function app_public.current_tenant() returns app_public.tenants
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.tenants where id = app_hidden.current_tenant_id();
$$;
comment on function app_public.current_tenant() is 'The tenant this request acts in.';
grant execute on function app_public.current_tenant() to rowhouse_user;

create or replace function app_private.grant_analyst_access(login name, tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (select from pg_roles where rolname = grant_analyst_access.login and pg_has_role(oid, 'rowhouse_analyst', 'member')) then
    perform app_private.raise_error('TN401', 'This login is not an analyst.',
      'Run: grant rowhouse_analyst to the login, then try again.');
  end if;
  call app_private.enter_tenant(grant_analyst_access.tenant_id);
  insert into app_private.analyst_tenants (tenant_id, login)
  values (grant_analyst_access.tenant_id, grant_analyst_access.login)
  on conflict do nothing;
end
$$;
comment on function app_private.grant_analyst_access(name, uuid) is
  'Lets an analyst''s own login read the reporting views of a tenant. For administrators in psql. TN401: the login is not a member of rowhouse_analyst.';

create or replace function app_private.revoke_analyst_access(login name, tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call app_private.enter_tenant(revoke_analyst_access.tenant_id);
  delete from app_private.analyst_tenants a
   where a.tenant_id = revoke_analyst_access.tenant_id and a.login = revoke_analyst_access.login;
end
$$;
comment on function app_private.revoke_analyst_access(name, uuid) is
  'Takes back what grant_analyst_access gave. Works at once; doing it twice is no error.';
