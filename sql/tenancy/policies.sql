-- A tenant's own row is its wall: you see the one you act in.
call app_private.secure_global_table('app_public.tenants');

drop policy if exists select_member on app_public.tenants;
create policy select_member on app_public.tenants for select to rowhouse_user
  using (id = (select app_hidden.current_tenant_id()));

drop policy if exists update_admin on app_public.tenants;
create policy update_admin on app_public.tenants for update to rowhouse_user
  using (id = (select app_hidden.current_tenant_id()) and (select app_hidden.has_role('admin')));

drop policy if exists select_analyst on app_public.tenants;
create policy select_analyst on app_public.tenants for select to rowhouse_analyst
  using (id = any ((select app_hidden.analyst_tenant_ids())::uuid[]));

call app_private.secure_tenant_table('app_private.admin_access_log');
call app_private.secure_tenant_table('app_private.analyst_tenants');
