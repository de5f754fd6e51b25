call app_private.secure_tenant_table('app_public.rate_limit_config');
call app_private.secure_tenant_table('app_private.rate_limit_rules');
call app_private.secure_tenant_table('app_public.rate_limit_usage');
call app_private.secure_tenant_table('app_private.api_call_buffer');

drop policy if exists select_member on app_public.rate_limit_config;
create policy select_member on app_public.rate_limit_config for select to rowhouse_user
  using (limit_scope <> 'user' or scope_id is null or scope_id = (select app_hidden.current_user_id())
         or (select app_hidden.has_permission('can_view_analytics')));
drop policy if exists select_member on app_public.rate_limit_usage;
create policy select_member on app_public.rate_limit_usage for select to rowhouse_user
  using (scope_id = (select app_hidden.current_user_id()) or (select app_hidden.has_permission('can_view_analytics')));

drop policy if exists insert_manager on app_public.rate_limit_config;
create policy insert_manager on app_public.rate_limit_config for insert to rowhouse_user
  with check (source = 'own' and not is_default and (select app_hidden.has_permission('can_manage_settings')));
drop policy if exists update_manager on app_public.rate_limit_config;
create policy update_manager on app_public.rate_limit_config for update to rowhouse_user
  using (source = 'own' and not is_default and (select app_hidden.has_permission('can_manage_settings')))
  with check (source = 'own' and not is_default and (select app_hidden.has_permission('can_manage_settings')));
drop policy if exists delete_manager on app_public.rate_limit_config;
create policy delete_manager on app_public.rate_limit_config for delete to rowhouse_user
  using (source = 'own' and not is_default and (select app_hidden.has_permission('can_manage_settings')));
drop policy if exists all_admin on app_public.rate_limit_config;
create policy all_admin on app_public.rate_limit_config to rowhouse_admin using (true) with check (true);
