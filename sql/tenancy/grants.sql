-- all columns, because computed columns take the whole row; what is not for the API is hidden by its comment
grant select on app_public.tenants to rowhouse_user;
grant update (
  name, config, industry, company_size, country_code, timezone, language_code,
  primary_contact_email, primary_contact_name, primary_contact_phone, metadata
) on app_public.tenants to rowhouse_user;
-- service_tokens is nobody's to read: functions list, make and revoke them
grant select (id, tenant_id, rate_limit_config, allowed_origins, features, created_at, updated_at) on app_public.tenant_config to rowhouse_user;
grant update (allowed_origins, features) on app_public.tenant_config to rowhouse_user;
grant select on app_public.tenant_status_history to rowhouse_user;
grant select (id, slug, name, status, timezone) on app_public.tenants to rowhouse_analyst;

grant select, insert, update, delete on app_public.tenants, app_public.tenant_config, app_public.tenant_status_history, app_private.admin_access_log, app_private.analyst_tenants
  to rowhouse_platform;

-- checks run as whoever writes
grant execute on function app_hidden.is_country_code(text), app_hidden.is_host_name(text), app_hidden.are_origins(text[])
  to rowhouse_user, rowhouse_platform;
