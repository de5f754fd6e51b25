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
