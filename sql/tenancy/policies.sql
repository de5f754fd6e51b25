-- A tenant's own row is its wall: you see the one you act in.
call app_private.secure_global_table('app_public.tenants');

drop policy if exists select_member on app_public.tenants;
create policy select_member on app_public.tenants for select to rowhouse_user
  using (id = (select app_hidden.current_tenant_id()));

drop policy if exists update_admin on app_public.tenants;
create policy update_admin on app_public.tenants for update to rowhouse_user
  using (id = (select app_hidden.current_tenant_id()) and (select app_hidden.has_permission('can_manage_settings')));

drop policy if exists select_analyst on app_public.tenants;
create policy select_analyst on app_public.tenants for select to rowhouse_analyst
  using (id = any ((select app_hidden.analyst_tenant_ids())::uuid[]));

call app_private.secure_tenant_table('app_public.tenant_status_history');
drop policy if exists select_auditor on app_public.tenant_status_history;
create policy select_auditor on app_public.tenant_status_history for select to rowhouse_user
  using ((select app_hidden.has_permission('can_view_audit')));

call app_private.secure_tenant_table('app_public.tenant_config');
drop policy if exists select_admin on app_public.tenant_config;
create policy select_admin on app_public.tenant_config for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_settings')));
drop policy if exists update_admin on app_public.tenant_config;
create policy update_admin on app_public.tenant_config for update to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_settings')));

call app_private.secure_tenant_table('app_private.admin_access_log');
call app_private.secure_tenant_table('app_private.analyst_tenants');
