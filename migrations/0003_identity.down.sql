alter table app_public.tenant_status_history drop constraint tenant_status_history_changed_by_user_id_fkey;
drop index app_public.tenant_status_history_changed_by_user_id_idx;
alter table app_private.admin_access_log drop constraint admin_access_log_admin_user_id_fkey;
drop index app_private.admin_access_log_admin_user_id_idx;
alter table app_public.tenants drop constraint tenants_account_manager_id_fkey;
drop index app_public.tenants_account_manager_id_idx;
drop table app_public.user_sessions cascade;
drop type app_public.onboarding_step, app_public.received_invitation, app_public.invitation_receipt, app_public.invitation_outcome cascade;
drop table app_public.invitations cascade;
drop table app_public.user_tenants cascade;
drop table app_private.user_identities cascade;
drop table app_public.user_profiles cascade;
drop function app_hidden.are_settings(jsonb, jsonb), app_hidden.is_setting(jsonb, jsonb), app_hidden.preference_schema(),
  app_hidden.notification_schema(), app_hidden.are_permissions(jsonb), app_hidden.permission_keys() cascade;
