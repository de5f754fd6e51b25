-- What a page about the state of a tenant shows: are its documents processed, is a quota nearly used, does one of its providers fail.

comment on type app_public.tenant_health is 'How things stand for a tenant.';
comment on column app_public.tenant_health.is_healthy is E'@notNull\nWhether nothing failed, no quota is used by 90 % or more, no provider fails and no alert fires.';
comment on column app_public.tenant_health.document_count is E'@notNull\nThe number of documents.';
comment on column app_public.tenant_health.waiting_document_count is E'@notNull\nHow many of them are being processed or wait for it.';
comment on column app_public.tenant_health.failed_document_count is E'@notNull\nHow many of them could not be processed.';
comment on column app_public.tenant_health.failing_source_count is E'@notNull\nHow many knowledge sources have such documents.';
comment on column app_public.tenant_health.highest_quota is 'The quota of the tenant that is used most; null when there is none.';
comment on column app_public.tenant_health.highest_quota_percent is 'How much of it is used and reserved, in percent.';
comment on column app_public.tenant_health.failing_providers is E'@notNull\nThe model providers that were called in the last week and cannot be used now.';
comment on column app_public.tenant_health.firing_alert_count is E'@notNull\nHow many alerts are firing, acknowledged ones too.';

create or replace function observability.failing_providers() returns text[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select array(
    select p.name from observability.provider_circuits c join app_public.llm_providers p on p.id = c.provider_id
     where c.circuit <> 'closed' and exists (
       select from metering.llm_calls l
        where l.tenant_id = core.current_tenant_id() and l.provider_id = p.id and l.occurred_at > core.clock() - interval '7 days')
     order by p.name);
$$;
comment on function observability.failing_providers is 'The providers that the tenant called in the last week and whose circuit is not closed.';

create or replace function app_public.my_status() returns app_public.tenant_health
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_status app_public.tenant_health;
begin
  perform tenancy.require_role('viewer');
  select count(*), count(*) filter (where d.processing_status in ('pending', 'processing')), count(*) filter (where d.processing_status = 'failed'),
         count(distinct d.source_id) filter (where d.processing_status = 'failed')
    into v_status.document_count, v_status.waiting_document_count, v_status.failed_document_count, v_status.failing_source_count
    from app_public.documents d where d.tenant_id = v_tenant_id;
  select q.quota_type, round(100 * (q.current_usage + q.reserved) / q.quota_limit, 1)
    into v_status.highest_quota, v_status.highest_quota_percent
    from app_public.quota_tracking q
   where q.tenant_id = v_tenant_id and q.quota_scope = 'tenant' and q.quota_limit > 0 and q.starts_at <= core.clock() and q.ends_at > core.clock()
   order by 2 desc, 1 limit 1;
  v_status.failing_providers := observability.failing_providers();
  v_status.firing_alert_count := (
    select count(*) from observability.alert_states s where s.tenant_id = v_tenant_id and s.state in ('firing', 'acknowledged', 'silenced'));
  v_status.is_healthy := v_status.failed_document_count = 0 and coalesce(v_status.highest_quota_percent, 0) < 90
    and v_status.failing_providers = '{}' and v_status.firing_alert_count = 0;
  return v_status;
end
$$;
comment on function app_public.my_status is
  E'@errors ID202\nHow things stand for this tenant: whether its documents are processed, its quotas near their limits, and its model providers reachable. For members.';
grant execute on function app_public.my_status to rowhouse_user;
