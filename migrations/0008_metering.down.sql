-- The extension stays: it was perhaps there before us.
drop type app_private.usage_input, app_private.model_price cascade;
drop type app_public.llm_usage_receipt, app_public.usage_receipt cascade;
drop table app_private.usage_rollup_state, app_private.usage_conversations, app_private.usage_user_agents, app_private.usage_agents, app_private.usage_days, app_private.usage_minutes, app_private.llm_texts,
  app_private.llm_calls, app_private.finalised_periods, app_private.usage_queue, app_private.usage_idempotency_keys,
  app_public.usage_events cascade;
drop sequence app_private.usage_batches cascade;
drop table app_public.llm_model_price_overrides, app_public.llm_model_prices, app_public.usage_types cascade;
drop type app_public.tracking_period, app_public.usage_outcome cascade;
