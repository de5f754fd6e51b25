-- What is computed for one row at a time in the API, as columns for whoever reports in SQL.

create or replace view governance.tenants with (security_invoker = true) as
select t.id, t.slug, t.name, t.status, app_public.tenants_hipaa_compliant(t) as hipaa_compliant,
       app_public.tenants_gdpr_compliant(t) as gdpr_compliant, app_public.tenants_sox_compliant(t) as sox_compliant,
       app_public.tenants_iso_certified(t) as iso_certified
  from app_public.tenants t;
comment on view governance.tenants is
  'Tenants with what they comply with by the assessments that are valid today. The flags are those of the tenant of the context.';

create or replace view governance.encrypted_api_keys with (security_invoker = true) as
select k.*, app_public.encrypted_api_keys_current_daily_calls(k) as current_daily_calls,
       app_public.encrypted_api_keys_current_daily_cost(k) as current_daily_cost,
       app_public.encrypted_api_keys_last_reset_at(k) as last_reset_at
  from app_public.encrypted_api_keys k;
comment on view governance.encrypted_api_keys is 'The secrets of the tenant of the context, without the secrets, and how much each was used today.';
