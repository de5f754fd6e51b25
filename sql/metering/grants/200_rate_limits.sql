grant select, delete on app_public.rate_limit_config to rowhouse_user;
grant insert (limit_scope, scope_id, limit_type, per_minute, per_hour, per_day, per_month, on_limit_action, warning_threshold_percent,
  is_active, is_default, source) on app_public.rate_limit_config to rowhouse_user;
grant update (per_minute, per_hour, per_day, per_month, on_limit_action, warning_threshold_percent, is_active)
  on app_public.rate_limit_config to rowhouse_user;
grant select on app_public.rate_limit_usage to rowhouse_user;

grant select, insert, update, delete on app_public.rate_limit_config, app_private.rate_limit_rules, app_public.rate_limit_usage,
  app_private.api_call_buffer to rowhouse_platform;
