call app_private.secure_tenant_table('app_public.usage_quotas');
call app_private.secure_tenant_table('app_public.quota_tracking');
call app_private.secure_tenant_table('app_public.quota_reservations');
call app_private.secure_tenant_table('app_private.quota_holds');
call app_private.secure_tenant_table('app_public.quota_alerts');

-- what concerns one person is for them, and for those who look after the tenant's use
drop policy if exists select_member on app_public.usage_quotas;
create policy select_member on app_public.usage_quotas for select to rowhouse_user
  using (quota_scope <> 'user' or scope_id is null or scope_id = (select app_hidden.current_user_id())
         or (select app_hidden.has_permission('can_view_analytics')));
drop policy if exists select_member on app_public.quota_tracking;
create policy select_member on app_public.quota_tracking for select to rowhouse_user
  using (quota_scope <> 'user' or scope_id = (select app_hidden.current_user_id())
         or (select app_hidden.has_permission('can_view_analytics')));
drop policy if exists select_member on app_public.quota_reservations;
create policy select_member on app_public.quota_reservations for select to rowhouse_user
  using (user_id = (select app_hidden.current_user_id()) or (select app_hidden.has_permission('can_view_analytics')));
drop policy if exists select_member on app_public.quota_alerts;
create policy select_member on app_public.quota_alerts for select to rowhouse_user
  using (quota_scope = 'user' and scope_id = (select app_hidden.current_user_id())
         or (select app_hidden.has_permission('can_view_analytics')));

-- a tenant may limit itself further; what it was sold, only platform staff and billing set
drop policy if exists insert_manager on app_public.usage_quotas;
create policy insert_manager on app_public.usage_quotas for insert to rowhouse_user
  with check (source = 'own' and not overage_allowed and (select app_hidden.has_permission('can_manage_settings')));
drop policy if exists update_manager on app_public.usage_quotas;
create policy update_manager on app_public.usage_quotas for update to rowhouse_user
  using (source = 'own' and (select app_hidden.has_permission('can_manage_settings')))
  with check (source = 'own' and not overage_allowed and (select app_hidden.has_permission('can_manage_settings')));
drop policy if exists delete_manager on app_public.usage_quotas;
create policy delete_manager on app_public.usage_quotas for delete to rowhouse_user
  using (source = 'own' and (select app_hidden.has_permission('can_manage_settings')));
drop policy if exists all_admin on app_public.usage_quotas;
create policy all_admin on app_public.usage_quotas to rowhouse_admin using (true) with check (true);
