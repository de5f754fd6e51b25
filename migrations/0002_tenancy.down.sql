drop table app_private.analyst_tenants cascade;
drop table app_private.admin_access_log cascade;
drop table app_public.tenant_config cascade;
drop table app_public.tenant_status_history cascade;
drop table app_public.tenants cascade;
drop type app_public.tenant_subtree_entry cascade;
drop type app_public.service_token cascade;
drop function app_hidden.is_country_code(text), app_hidden.is_host_name(text), app_hidden.are_origins(text[]) cascade;
