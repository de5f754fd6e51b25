grant select on app_public.resource_shares, app_public.resource_sharing_audit to rowhouse_user;
grant select, insert, update, delete on app_public.resource_shares, app_public.resource_sharing_audit to rowhouse_platform;
grant select on app_public.workspaces, app_public.workspace_members to rowhouse_platform;
