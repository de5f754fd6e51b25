grant select (id, email, full_name, avatar_url, job_title, department, organization, is_active, last_seen_at,
  onboarding_completed, created_at, updated_at)
  on app_public.user_profiles to rowhouse_user;
grant update (full_name, avatar_url, job_title, department, organization)
  on app_public.user_profiles to rowhouse_user;
grant select (id, tenant_id, user_id, role, status, permissions, invited_by_user_id, joined_at, last_accessed_at,
  activated_at, deactivated_at, metadata, created_at, updated_at)
  on app_public.user_tenants to rowhouse_user;
grant select, insert, update, delete on app_public.user_profiles, app_private.user_identities, app_public.user_tenants
  to rowhouse_platform;
-- the hash of a token is no secret that opens anything, and the computed column needs the whole row
grant select on app_public.invitations, app_public.user_sessions to rowhouse_user;
grant select, insert, update, delete on app_public.invitations, app_public.user_sessions to rowhouse_platform;
