call app_private.secure_global_table('app_public.user_profiles');
call app_private.secure_global_table('app_private.user_identities');
call app_private.secure_tenant_table('app_public.user_tenants');

drop policy if exists select_member on app_public.user_tenants;
create policy select_member on app_public.user_tenants for select to rowhouse_user using (true);

-- you and the people you share this tenant with; the inner select sees the memberships of this tenant only
drop policy if exists select_member on app_public.user_profiles;
create policy select_member on app_public.user_profiles for select to rowhouse_user
  using (id = (select app_hidden.current_user_id()) or id in (select user_id from app_public.user_tenants));

drop policy if exists update_self on app_public.user_profiles;
create policy update_self on app_public.user_profiles for update to rowhouse_user
  using (id = (select app_hidden.current_user_id()));

call app_private.secure_tenant_table('app_public.invitations');
drop policy if exists select_manager on app_public.invitations;
create policy select_manager on app_public.invitations for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_users')));

call app_private.secure_tenant_table('app_public.user_sessions');
drop policy if exists select_own on app_public.user_sessions;
create policy select_own on app_public.user_sessions for select to rowhouse_user
  using (user_id = (select app_hidden.current_user_id()) or (select app_hidden.has_permission('can_view_analytics')));
