-- source and overage_allowed are granted so that platform staff can set them through the API; policies keep others from it
grant select, delete on app_public.usage_quotas to rowhouse_user;
grant insert (quota_type, quota_scope, scope_id, period, quota_limit, is_hard_limit, overage_allowed, alert_threshold_percentage,
  applies_to_subtree, source) on app_public.usage_quotas to rowhouse_user;
grant update (quota_limit, is_hard_limit, overage_allowed, alert_threshold_percentage) on app_public.usage_quotas to rowhouse_user;
grant select on app_public.quota_tracking, app_public.quota_reservations, app_public.quota_alerts to rowhouse_user;

grant select, insert, update, delete on app_public.usage_quotas, app_public.quota_tracking, app_public.quota_reservations,
  app_private.quota_holds, app_public.quota_alerts to rowhouse_platform;
grant execute on function app_hidden.is_count_quota(text), app_hidden.billing_period(timestamptz, date, text, int) to rowhouse_user, rowhouse_platform;
