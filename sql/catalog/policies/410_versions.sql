call app_private.secure_tenant_table('app_public.resource_versions');

drop policy if exists select_member on app_public.resource_versions;
create policy select_member on app_public.resource_versions for select to rowhouse_user using (true);
