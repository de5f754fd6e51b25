drop table app_private.analyst_tenants cascade;
drop table app_private.admin_access_log cascade;
drop table app_public.tenants cascade;
