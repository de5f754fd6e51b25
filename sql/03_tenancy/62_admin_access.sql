call core.secure_tenant_table('tenancy.admin_access_log');
grant select, insert, update, delete on tenancy.admin_access_log to rowhouse_platform;
comment on table tenancy.admin_access_log is 'Each request of platform staff inside a tenant they are not a member of.';
