grant select on app_public.usage_types, app_public.llm_model_prices, app_public.llm_model_price_overrides, app_public.usage_events,
  app_private.llm_calls, app_private.llm_texts, app_private.usage_minutes, app_private.usage_days, app_public.usage_tracking,
  app_public.tenant_usage_tracking, app_public.token_usage_summary, app_public.feature_usage, app_public.cost_tracking,
  app_public.usage_logs, app_public.llm_usage_logs
  to rowhouse_user;
grant select on app_public.usage_types, app_public.llm_model_prices, app_private.usage_minutes, app_private.usage_days,
  app_public.usage_tracking, app_public.tenant_usage_tracking, app_public.feature_usage, app_public.cost_tracking
  to rowhouse_analyst;

grant select, delete on app_public.usage_events, app_private.usage_events_default, app_private.llm_calls, app_private.llm_calls_default,
  app_private.llm_texts, app_private.llm_texts_default, app_private.usage_minutes, app_private.usage_minutes_default,
  app_private.usage_idempotency_keys, app_private.usage_queue, app_private.usage_days, app_private.usage_agents,
  app_private.usage_user_agents, app_private.usage_conversations
  to rowhouse_platform;
grant insert, update on app_private.usage_user_agents to rowhouse_platform;
grant select on app_private.usage_rollup_state to rowhouse_platform;
