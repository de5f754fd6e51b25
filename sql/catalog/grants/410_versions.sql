grant select on app_public.resource_versions to rowhouse_user;
