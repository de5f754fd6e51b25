grant select (
  id, slug, name, type, status, activated_at, deactivated_at, suspended_at, suspension_reason,
  subscription_tier, subscription_status, trial_ends_at, subscription_started_at, subscription_ends_at,
  billing_cycle, last_payment_at, next_billing_date, parent_tenant_id, tenant_level, tenant_path,
  resource_access_config, features, config, quotas, domain, industry, company_size, country_code, timezone,
  language_code, hipaa_compliant, gdpr_compliant, sox_compliant, iso_certified, compliance_notes,
  primary_contact_email, primary_contact_name, primary_contact_phone, support_tier, account_manager_id,
  last_login_at, metadata, created_at, updated_at
) on app_public.tenants to rowhouse_user;
grant update (
  name, config, industry, company_size, country_code, timezone, language_code,
  primary_contact_email, primary_contact_name, primary_contact_phone, metadata
) on app_public.tenants to rowhouse_user;
grant select (id, slug, name, status, timezone) on app_public.tenants to rowhouse_analyst;

grant select, insert, update, delete on app_public.tenants, app_private.admin_access_log, app_private.analyst_tenants
  to rowhouse_platform;
