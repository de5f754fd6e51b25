drop type app_public.quota_status,
  metering.quota_span,
  app_public.rate_limit_decision cascade;
drop table app_public.rate_limit_usage,
  app_public.rate_limit_config,
  app_public.quota_alerts,
  app_public.quota_reservations,
  app_public.quota_tracking,
  app_public.usage_quotas cascade;
drop type app_public.unpriced_line,
  app_public.rerating_line,
  app_public.llm_usage_receipt,
  app_public.new_llm_call,
  app_public.usage_receipt,
  app_public.new_usage_event cascade;
drop table app_public.usage_events cascade;
drop table app_public.llm_model_price_overrides,
  app_public.llm_model_prices,
  app_public.usage_types cascade;
drop type app_public.tracking_period,
  app_public.usage_outcome cascade;
drop schema metering cascade;
drop domain app_public.reservation_status,
  app_public.rate_limit_source,
  app_public.rate_limit_action,
  app_public.rate_limit_type,
  app_public.quota_source,
  app_public.quota_period,
  app_public.limit_scope,
  app_public.quota_type,
  app_public.token_class cascade;
