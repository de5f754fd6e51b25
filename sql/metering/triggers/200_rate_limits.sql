create or replace trigger _200_check_scope before insert or update on app_public.rate_limit_config
  for each row execute function app_private.tg_rate_limit_config__check_scope();
create or replace trigger _600_refresh_rules after insert or update or delete on app_public.rate_limit_config
  for each row execute function app_private.tg_rate_limit_config__refresh_rules();
create or replace trigger _620_set_rate_limits after insert on app_public.tenants
  for each row execute function app_private.tg_tenants__set_rate_limits();
