comment on view app_public.usage_tracking is
  E'@primaryKey id\nUsage by minute, hour, day and month, user, agent and API key; days and months are the tenant''s calendar''s. A minute behind. You see your own; the whole tenant''s with can_view_analytics. Name the tracking_period.';
comment on column app_public.usage_tracking.tracking_period is 'minute, hour, day or month.';
comment on column app_public.usage_tracking.period_start is 'When the period begins.';
comment on column app_public.usage_tracking.period_end is 'When it ends, excluded.';
comment on column app_public.usage_tracking.agent_id is 'The agent, null for what no agent used.';
comment on column app_public.usage_tracking.api_key_id is 'The API key, null for what came without one.';
comment on column app_public.usage_tracking.request_count is 'API calls and calls of language models.';
comment on column app_public.usage_tracking.token_count is 'Tokens of all classes.';
comment on column app_public.usage_tracking.total_cost is 'What the tokens cost, USD, not rounded.';
comment on column app_public.usage_tracking.consultation_count is 'Expert consultations.';
comment on column app_public.usage_tracking.panel_count is 'Panel discussions.';
comment on column app_public.usage_tracking.workflow_count is 'Workflow runs.';
comment on column app_public.usage_tracking.tool_call_count is 'Tool calls.';
comment on column app_public.usage_tracking.avg_response_time_ms is 'Mean duration of what has one, milliseconds.';
comment on column app_public.usage_tracking.success_rate is 'Successes among what succeeded or failed, percent.';
comment on column app_public.usage_tracking.error_count is 'What ended in an error.';
comment on column app_public.usage_tracking.created_at is 'When it was first counted.';
comment on column app_public.usage_tracking.updated_at is 'When it was last counted.';

comment on view app_public.tenant_usage_tracking is
  E'@primaryKey id\nUsage by calendar month of the tenant. A minute behind. With can_view_analytics the whole tenant''s, else your own.';
comment on column app_public.tenant_usage_tracking.period_start is 'First day of the month.';
comment on column app_public.tenant_usage_tracking.period_end is 'First day of the next month.';
comment on column app_public.tenant_usage_tracking.active_users is 'How many different people used something.';
comment on column app_public.tenant_usage_tracking.total_api_calls is 'API calls.';
comment on column app_public.tenant_usage_tracking.total_tokens_used is 'Tokens of all classes.';
comment on column app_public.tenant_usage_tracking.storage_used_gb is 'Gigabytes (10⁹ bytes) stored on average, over the part of the month that has passed.';
comment on column app_public.tenant_usage_tracking.expert_consultations is 'Expert consultations.';
comment on column app_public.tenant_usage_tracking.panel_discussions is 'Panel discussions.';
comment on column app_public.tenant_usage_tracking.created_at is 'When it was first counted.';

comment on view app_public.token_usage_summary is
  E'@primaryKey id\nTokens and their cost by calendar month of the tenant. A minute behind. With can_view_analytics the whole tenant''s, else your own.';
comment on column app_public.token_usage_summary.period_start is 'First day of the month.';
comment on column app_public.token_usage_summary.period_end is 'First day of the next month.';
comment on column app_public.token_usage_summary.total_tokens is 'Tokens of all classes.';
comment on column app_public.token_usage_summary.total_prompt_tokens is 'Input tokens, those read from a cache included.';
comment on column app_public.token_usage_summary.total_completion_tokens is 'Output tokens, those for reasoning included.';
comment on column app_public.token_usage_summary.total_cost_usd is 'USD, not rounded.';
comment on column app_public.token_usage_summary.usage_by_model is 'By name of the model (unknown: none of the catalogue): {model_id, tokens, prompt_tokens, completion_tokens, cost_usd}.';
comment on column app_public.token_usage_summary.created_at is 'When it was first counted.';

comment on view app_public.feature_usage is
  E'@primaryKey id\nHow the features of the product are used, by calendar day of the tenant. A minute behind. With can_view_analytics the whole tenant''s, else your own.';
comment on column app_public.feature_usage.feature_name is 'The feature.';
comment on column app_public.feature_usage.usage_date is 'The day.';
comment on column app_public.feature_usage.usage_count is 'How often it was used.';
comment on column app_public.feature_usage.unique_users is 'By how many different people.';
comment on column app_public.feature_usage.total_duration_seconds is 'For how long in all, seconds.';
comment on column app_public.feature_usage.success_count is 'Uses that succeeded.';
comment on column app_public.feature_usage.error_count is 'Uses that ended in an error.';
comment on column app_public.feature_usage.abandon_count is 'Uses that were abandoned.';
comment on column app_public.feature_usage.created_at is 'When it was first counted.';

comment on view app_public.cost_tracking is
  E'@primaryKey id\nWhat tokens cost, by calendar day of the tenant, project, agent, user and model. A minute behind. You see your own; the whole tenant''s with can_view_analytics.';
comment on column app_public.cost_tracking.used_on is 'The day.';
comment on column app_public.cost_tracking.project_id is 'The project, null for none.';
comment on column app_public.cost_tracking.agent_id is 'The agent, null for none.';
comment on column app_public.cost_tracking.model_id is 'The language model, null for none.';
comment on column app_public.cost_tracking.llm_call_count is 'Calls of the model.';
comment on column app_public.cost_tracking.input_tokens is 'Input tokens that were not read from a cache.';
comment on column app_public.cost_tracking.cached_input_tokens is 'Input tokens read from a cache.';
comment on column app_public.cost_tracking.output_tokens is 'Output tokens, without those for reasoning.';
comment on column app_public.cost_tracking.reasoning_tokens is 'Tokens for reasoning.';
comment on column app_public.cost_tracking.total_cost is 'USD, not rounded, corrections included.';
comment on column app_public.cost_tracking.created_at is 'When it was first counted.';
comment on column app_public.cost_tracking.updated_at is 'When it was last counted.';

comment on view app_public.usage_logs is
  E'@primaryKey tenant_id,batch_id,ordinal,occurred_at\nEvents of usage with the names of what they refer to, as these are now. You see your own; the whole tenant''s with can_view_analytics.';
comment on column app_public.usage_logs.usage_type_name is 'Name of the usage type for people.';
comment on column app_public.usage_logs.unit is 'What a quantity of 1 is.';
comment on column app_public.usage_logs.user_name is 'Name of the person, null when you share no tenant any more.';
comment on column app_public.usage_logs.agent_name is 'Name of the agent, null when there is none, or none that you see.';
comment on column app_public.usage_logs.model_name is 'Name of the language model.';

comment on view app_public.llm_usage_logs is
  E'@primaryKey tenant_id,id\nCalls of language models; recordLlmUsage writes them. The names of agent, model and user are those at the time, so that history outlives what it names. You see your own; the whole tenant''s with can_view_analytics, its texts with can_view_audit.';
comment on column app_public.llm_usage_logs.occurred_at is 'When the call was made.';
comment on column app_public.llm_usage_logs.provider_id is 'The provider of the model.';
comment on column app_public.llm_usage_logs.provider is 'Name of the provider at the time.';
comment on column app_public.llm_usage_logs.model_id is 'The model; null when the catalogue did not know it.';
comment on column app_public.llm_usage_logs.model is 'Name of the model at the time.';
comment on column app_public.llm_usage_logs.model_config_id is 'The configuration it was called with, as the caller names it.';
comment on column app_public.llm_usage_logs.agent_id is 'The agent that called it.';
comment on column app_public.llm_usage_logs.agent_name is 'Name of the agent at the time.';
comment on column app_public.llm_usage_logs.user_name is 'Name of the person at the time.';
comment on column app_public.llm_usage_logs.project_id is 'The project it was for.';
comment on column app_public.llm_usage_logs.api_key_id is 'The API key it came with.';
comment on column app_public.llm_usage_logs.conversation_id is 'The conversation it belongs to.';
comment on column app_public.llm_usage_logs.panel_id is 'The panel discussion it belongs to.';
comment on column app_public.llm_usage_logs.input_tokens is 'Input tokens that were not read from a cache.';
comment on column app_public.llm_usage_logs.cached_input_tokens is 'Input tokens read from a cache.';
comment on column app_public.llm_usage_logs.output_tokens is 'Output tokens, without those for reasoning.';
comment on column app_public.llm_usage_logs.reasoning_tokens is 'Tokens for reasoning.';
comment on column app_public.llm_usage_logs.prompt_tokens is 'input_tokens + cached_input_tokens.';
comment on column app_public.llm_usage_logs.completion_tokens is 'output_tokens + reasoning_tokens.';
comment on column app_public.llm_usage_logs.total_tokens is 'prompt_tokens + completion_tokens.';
comment on column app_public.llm_usage_logs.price_id is 'The price its cost was computed by: a row of llm_model_prices or llm_model_price_overrides.';
comment on column app_public.llm_usage_logs.is_priced is 'Whether a price held for the model when it was recorded.';
comment on column app_public.llm_usage_logs.input_cost is 'What the prompt cost, USD, not rounded.';
comment on column app_public.llm_usage_logs.output_cost is 'What the completion cost, USD, not rounded.';
comment on column app_public.llm_usage_logs.total_cost is 'input_cost + output_cost; null while the model has no price.';
comment on column app_public.llm_usage_logs.response_time_ms is 'How long the call took, milliseconds.';
comment on column app_public.llm_usage_logs.time_to_first_token_ms is 'Until the first token came, milliseconds.';
comment on column app_public.llm_usage_logs.temperature is '0 to 2.';
comment on column app_public.llm_usage_logs.max_tokens is 'The most tokens the answer might have.';
comment on column app_public.llm_usage_logs.top_p is '0 to 1.';
comment on column app_public.llm_usage_logs.finish_reason is 'Why it ended: stop, length, function_call, error, or what the provider says.';
comment on column app_public.llm_usage_logs.function_call is 'The function it called, as the provider gives it.';
comment on column app_public.llm_usage_logs.success is 'Whether it succeeded.';
comment on column app_public.llm_usage_logs.error_type is 'The kind of its error.';
comment on column app_public.llm_usage_logs.error_message is 'Its error.';
comment on column app_public.llm_usage_logs.batch_id is 'The batch of its events in usageEvents.';
comment on column app_public.llm_usage_logs.prompt_text is E'@behavior -filterBy -orderBy\nWhat was asked, where the tenant keeps it.';
comment on column app_public.llm_usage_logs.system_prompt is E'@behavior -filterBy -orderBy\nThe system prompt, where the tenant keeps it.';
comment on column app_public.llm_usage_logs.completion_text is E'@behavior -filterBy -orderBy\nThe answer, where the tenant keeps it.';
comment on column app_public.llm_usage_logs.created_at is 'When it was recorded.';
