-- Who may read the audit of a tenant: whoever has can_view_audit, and platform staff in the tenant that they have entered.

grant select on audit.ledger to rowhouse_user;
call core.allow('audit.ledger', read => 'can_view_audit');
grant select on app_public.audit_entries, app_public.audit_log, app_public.user_activity_log, app_public.system_events,
  app_public.security_events, app_public.compliance_audit_trail to rowhouse_user;
grant execute on function app_public.search_audit to rowhouse_user;

-- The name by which staff's visits were known before there was a ledger.
create or replace view tenancy.admin_access_log with (security_invoker = true) as
select tenant_id, id, actor_user_id as admin_user_id, request_id, occurred_at as accessed_at, operation
  from audit.ledger
 where kind = 'security' and operation in ('staff_entered', 'visitor_entered');
comment on view tenancy.admin_access_log is
  'Requests in a tenant by people who are not its members: platform staff, and visitors from a tenant above. They are entries of the audit.';

create or replace function app_public.verify_audit(from_at timestamptz default null, to_at timestamptz default null)
returns setof app_public.audit_finding
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_view_audit');
  return query
    select v.batch_number, v.problem, v.entry_id
      from audit.verify(core.current_tenant_id(), verify_audit.from_at, verify_audit.to_at) v limit 1000;
end
$$;
comment on function app_public.verify_audit is
  E'@errors ID203\nWhat does not fit in the sealed audit of this tenant, at most 1000 findings: altered, deleted, inserted and reordered entries, altered and missing batches. Normally there is nothing. from_at and to_at choose batches by the time when they were sealed. Needs can_view_audit.';
grant execute on function app_public.verify_audit to rowhouse_user;

create or replace function app_public.audit_proof(entry_id bigint) returns jsonb
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_view_audit');
  return audit.proof(core.current_tenant_id(), audit_proof.entry_id);
end
$$;
comment on function app_public.audit_proof is
  E'@errors ID203 UD301\nWhat proves to anybody, without access to Rowhouse, that an entry of the audit was sealed; npm run audit -- check-proof checks it. Needs can_view_audit.';
grant execute on function app_public.audit_proof to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a refusal is recorded in the tenant that was tried, in which nobody is
create or replace function tenancy.record_refusal(
  code text, tenant_id uuid, requested_tenant text, user_id uuid, request_operation text, request_id text, ip inet
) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tried constant text := lower(trim(record_refusal.requested_tenant));
begin
  return audit.record_refusal(
    coalesce(record_refusal.tenant_id, (select t.id from app_public.tenants t where t.slug = v_tried or t.id::text = v_tried)),
    case
      when record_refusal.code like 'KY%' then 'key_refused'
      when record_refusal.code = 'ID201' then 'tenant_refused'
      when record_refusal.code ~ '^..1' then 'login_failed'
      else 'permission_refused' end,
    jsonb_strip_nulls(jsonb_build_object('code', record_refusal.code, 'operation', record_refusal.request_operation)),
    record_refusal.user_id, record_refusal.request_id, record_refusal.ip);
end
$$;
comment on function tenancy.record_refusal is
  'Records a refusal that the server answered with: in the tenant that the request was in or, before it was in one, in the one that it named, or in the platform''s ledger. For the server''s login.';
grant execute on function tenancy.record_refusal to rowhouse_authenticator;
set local role rowhouse_owner;
