-- Analysts read the schema analytics by SQL, each with a login of their own. An administrator says which login may read which
-- tenant, until when, and whether people are named. What they read is decided by the name of the login, because a session can
-- change every setting but that. The server, which has one login for all tenants, reads for a report as the login
-- rowhouse_reporter, which nobody has, in the one tenant that tenancy.report_transactions says of the transaction.

call core.secure_tenant_table('tenancy.analyst_tenants');
call audit.track('tenancy.analyst_tenants', 'pseudonym_key');
grant select, insert, update, delete on tenancy.analyst_tenants to rowhouse_platform;
grant select on tenancy.analyst_tenants to rowhouse_analytics;
comment on table tenancy.analyst_tenants is 'The tenants whose reporting views an analyst''s login may read.';
comment on column tenancy.analyst_tenants.expires_at is 'When the login may no longer read the tenant; null when it may until that is taken back.';
comment on column tenancy.analyst_tenants.sees_people is 'Whether the login reads who the people are; otherwise it reads pseudonyms.';
comment on column tenancy.analyst_tenants.pseudonym_key is 'The secret by which the pseudonyms are made.';

call core.secure_tenant_table('tenancy.report_transactions');
call audit.leave_out('its rows are never committed', 'tenancy.report_transactions');
grant select, insert on tenancy.report_transactions to rowhouse_platform;
comment on table tenancy.report_transactions is
  'The tenant that a transaction reads for a report. Only that transaction sees its row, because it never commits.';

create or replace function tenancy.grant_analyst_access(
  login name, tenant_id uuid, expires_at timestamptz default null, sees_people boolean default false) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (select from pg_roles where rolname = grant_analyst_access.login and pg_has_role(oid, 'rowhouse_analyst', 'member')) then
    perform core.raise_error('TN401', 'This login is not an analyst.',
      'Run: grant rowhouse_analyst to the login, then try again.');
  end if;
  call core.enter_tenant(grant_analyst_access.tenant_id);
  insert into tenancy.analyst_tenants as a (tenant_id, login, expires_at, sees_people)
  values (grant_analyst_access.tenant_id, grant_analyst_access.login, grant_analyst_access.expires_at,
          coalesce(grant_analyst_access.sees_people, false))
  on conflict on constraint analyst_tenants_pkey
    do update set expires_at = excluded.expires_at, sees_people = excluded.sees_people;
end
$$;
comment on function tenancy.grant_analyst_access is
  E'@errors TN401\nLets the login of an analyst read the reporting views of a tenant, until it expires. Granting it again changes only the end and whether people are named: pseudonyms stay the same. For administrators.';

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

create or replace function tenancy.pseudonym(person uuid, key text) returns uuid
language sql immutable strict parallel safe
return encode(substring(sha256(convert_to(key || person::text, 'UTF8')) for 16), 'hex')::uuid;
comment on function tenancy.pseudonym is
  'What an analyst reads in place of a person''s id. Without the key nobody can say whose it is, and without a key there is none.';
grant execute on function tenancy.pseudonym to rowhouse_analyst, rowhouse_analytics, rowhouse_reporter;

set local role rowhouse_platform;  -- outside the wall: a login may have been given several tenants
create or replace function tenancy.reporting_tenant_id() returns uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select tenant_id from tenancy.report_transactions where transaction_id = pg_current_xact_id_if_assigned();
$$;
comment on function tenancy.reporting_tenant_id is
  'The tenant that this transaction reads for a report; null in every other transaction.';

create or replace function tenancy.analyst_login() returns name
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- session_user is the login, which no setting of the session can change.
  select case when tenancy.reporting_tenant_id() is null then session_user else 'rowhouse_reporter' end;
$$;
comment on function tenancy.analyst_login is
  'Whose grants count in this transaction: those of the session''s login, and in a transaction that reads for a report those of the reporter.';
grant execute on function tenancy.analyst_login to rowhouse_analyst, rowhouse_analytics, rowhouse_reporter;

create or replace function tenancy.analyst_tenant_ids() returns uuid[]
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- now() is the server's clock, which no setting of the session can change.
  select coalesce(array_agg(a.tenant_id), '{}')
    from tenancy.analyst_tenants a, tenancy.reporting_tenant_id() as reporting_tenant_id
   where a.login = tenancy.analyst_login() and (a.expires_at is null or a.expires_at > now())
     and (reporting_tenant_id is null or a.tenant_id = reporting_tenant_id);
$$;
comment on function tenancy.analyst_tenant_ids is
  'The tenants whose reporting views the login of this session may read; in a transaction that reads for a report, its one tenant.';
grant execute on function tenancy.analyst_tenant_ids to rowhouse_analyst, rowhouse_analytics, rowhouse_reporter;

create or replace function tenancy.admit_reporter(tenant_id uuid) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  insert into tenancy.analyst_tenants (tenant_id, login) values (admit_reporter.tenant_id, 'rowhouse_reporter')
  on conflict on constraint analyst_tenants_pkey do nothing;
$$;
comment on function tenancy.admit_reporter is
  'Lets reports read a tenant. Its pseudonyms are the same in all reports of the tenant from then on.';
grant execute on function tenancy.admit_reporter to rowhouse_owner;

create or replace function tenancy.begin_reporting(tenant_id uuid) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  insert into tenancy.report_transactions (tenant_id, transaction_id) values (begin_reporting.tenant_id, pg_current_xact_id());
$$;
comment on function tenancy.begin_reporting is
  'Binds this transaction to a tenant, for a report. The caller rolls it back; what reads as rowhouse_reporter until then reads that tenant and no other, whatever it sets.';
grant execute on function tenancy.begin_reporting to rowhouse_worker;

create or replace function tenancy.analyst_grants()
returns table (login name, tenant text, granted_at timestamptz, expires_at timestamptz, sees_people boolean)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select a.login, t.slug, a.granted_at, a.expires_at, a.sees_people
    from tenancy.analyst_tenants a join app_public.tenants t on t.id = a.tenant_id
   where a.login <> 'rowhouse_reporter'
   order by a.login, t.slug;
$$;
comment on function tenancy.analyst_grants is 'Which login of an analyst may read which tenant. For administrators.';
grant execute on function tenancy.analyst_grants to rowhouse_owner;

create or replace function tenancy.forget_analyst(login name) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  delete from tenancy.analyst_tenants a where a.login = forget_analyst.login;
$$;
comment on function tenancy.forget_analyst is
  'Takes all tenants from a login, so that a later login of the same name does not inherit them. For administrators.';
grant execute on function tenancy.forget_analyst to rowhouse_owner;

set local role rowhouse_owner;

create policy select_own_login on tenancy.analyst_tenants for select to rowhouse_analytics
  using (login = (select tenancy.analyst_login()) and tenant_id = any ((select tenancy.analyst_tenant_ids())::uuid[]));

call core.define_access('analyst', 'tenant_id = any ((select tenancy.analyst_tenant_ids())::uuid[])',
  'analysts, in the tenants that their login was given', 'rowhouse_analytics');
call core.define_access('every_analyst', 'true', 'every analyst', 'rowhouse_analytics');
