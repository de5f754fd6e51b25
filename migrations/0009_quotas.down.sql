-- what hangs on other domains' tables
drop function if exists app_private.tg_user_tenants__count_rows(), app_private.tg_user_tenants__count_change(),
  app_private.tg_agents__count_rows(), app_private.tg_agents__count_change(),
  app_private.tg_documents__count_rows(), app_private.tg_documents__count_change(),
  app_private.tg_tenants__move_counts(), app_private.tg_tenants__set_quotas(), app_private.tg_tenants__set_rate_limits() cascade;
drop type app_public.quota_status, app_public.rate_limit_decision cascade;
drop table app_public.rate_limit_usage, app_private.rate_limit_rules, app_public.rate_limit_config, app_private.api_call_buffer,
  app_public.quota_alerts, app_private.quota_holds, app_public.quota_reservations, app_public.quota_tracking,
  app_public.usage_quotas cascade;
drop function app_hidden.is_count_quota(text) cascade;
