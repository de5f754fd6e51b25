drop index app_public.tenant_status_history_changed_by_user_id_idx;
drop index app_public.tenants_account_manager_id_idx;
drop table app_public.user_sessions cascade;
drop type app_public.issued_api_key, app_public.new_api_key cascade;
drop table vault.api_keys;
drop table app_public.api_keys cascade;
drop domain app_public.api_key_type, app_public.api_key_environment, app_public.api_service, app_public.api_key_status cascade;
drop type app_public.onboarding_step,
  app_public.new_invitation,
  app_public.permission_overrides,
  app_public.received_invitation,
  app_public.invitation_receipt,
  app_public.invitation_outcome cascade;
drop table vault.invitations;
drop table tenancy.daily_invitations cascade;
drop table app_public.invitations cascade;
drop table app_public.user_tenants cascade;
drop table app_public.user_profiles cascade;
drop table vault.tenant_config;
drop table app_public.tenant_config cascade;
drop table app_public.tenant_status_history cascade;
drop table app_public.tenants cascade;
drop type app_public.tenant_subtree_entry cascade;
drop type app_public.service_token cascade;
drop schema tenancy cascade;
drop domain app_public.tenant_type, app_public.tenant_status, app_public.tenant_subscription_tier,
  app_public.tenant_subscription_status, app_public.tenant_billing_cycle, app_public.tenant_feature, app_public.company_size, app_public.support_tier,
  app_public.membership_role, app_public.permission, app_public.membership_status, app_public.invitation_status,
  app_public.invitation_delivery_status cascade;
