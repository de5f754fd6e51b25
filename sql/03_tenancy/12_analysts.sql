-- Analysts read reporting views by SQL, each with a login of their own. An administrator says which login may read which
-- tenant. The policies for analysts go by the name of the login, because a session can change every setting but that.

call core.secure_tenant_table('tenancy.analyst_tenants');
call audit.track('tenancy.analyst_tenants');
grant select, insert, update, delete on tenancy.analyst_tenants to rowhouse_platform;
comment on table tenancy.analyst_tenants is 'The tenants whose reporting views an analyst''s login may read.';

create or replace function tenancy.grant_analyst_access(login name, tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (select from pg_roles where rolname = grant_analyst_access.login and pg_has_role(oid, 'rowhouse_analyst', 'member')) then
    perform core.raise_error('TN401', 'This login is not an analyst.',
      'Run: grant rowhouse_analyst to the login, then try again.');
  end if;
  call core.enter_tenant(grant_analyst_access.tenant_id);
  insert into tenancy.analyst_tenants (tenant_id, login)
  values (grant_analyst_access.tenant_id, grant_analyst_access.login)
  on conflict do nothing;
end
$$;
comment on function tenancy.grant_analyst_access is
  E'@errors TN401\nLets the login of an analyst read the reporting views of a tenant. For administrators in psql.';

create or replace function tenancy.revoke_analyst_access(login name, tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(revoke_analyst_access.tenant_id);
  delete from tenancy.analyst_tenants a
   where a.tenant_id = revoke_analyst_access.tenant_id and a.login = revoke_analyst_access.login;
end
$$;
comment on function tenancy.revoke_analyst_access is
  'Takes back what grant_analyst_access gave, at once. It is no error to do it twice.';

set local role rowhouse_platform;  -- outside the wall: a login may have been given several tenants
create or replace function tenancy.analyst_tenant_ids() returns uuid[]
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- session_user is the login, which no setting of the session can change.
  select coalesce(array_agg(tenant_id), '{}') from tenancy.analyst_tenants where login = session_user;
$$;
comment on function tenancy.analyst_tenant_ids is
  'The tenants whose reporting views the login of this session may read.';
grant execute on function tenancy.analyst_tenant_ids to rowhouse_analyst;

set local role rowhouse_owner;

call core.define_access('analyst', 'tenant_id = any ((select tenancy.analyst_tenant_ids())::uuid[])',
  'analysts, in the tenants that their login was given', 'rowhouse_analyst');
call core.define_access('every_analyst', 'true', 'every analyst', 'rowhouse_analyst');
