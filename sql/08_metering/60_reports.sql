-- Reports of usage. All are views of two roll-ups, by minute and by day, so that they never disagree. A view adds up the rows
-- that its reader may see: a member sees their own usage, and can_view_analytics sees that of the tenant.
-- In the API the reports are one family: each name begins with usage and continues with what one row is.

comment on type app_public.tracking_period is 'The length of a period of usagePeriods: a minute, an hour, a day or a month.';

create or replace view app_public.usage_tracking with (security_invoker = true) as
  with periods as (
    select 'minute'::app_public.tracking_period as tracking_period, tenant_id, minute as period_start, minute + interval '1 minute' as period_end,
           user_id, agent_id, api_key_id, request_count, token_count, cost, consultation_count, panel_count, workflow_count,
           tool_call_count, duration_ms::numeric, timed_count::numeric, success_count::numeric, error_count::numeric, created_at, updated_at
      from metering.usage_minutes
    union all
    select 'hour', tenant_id, hour, hour + interval '1 hour', user_id, agent_id, api_key_id,
           sum(request_count), sum(token_count), sum(cost), sum(consultation_count), sum(panel_count), sum(workflow_count),
           sum(tool_call_count), sum(duration_ms), sum(timed_count), sum(success_count), sum(error_count), min(created_at), max(updated_at)
      from (select m.*, date_trunc('hour', m.minute, t.timezone) as hour
              from metering.usage_minutes m join app_public.tenants t on t.id = m.tenant_id) as m
     group by tenant_id, hour, user_id, agent_id, api_key_id
    union all
    select period, tenant_id, starts_on::timestamp at time zone timezone, ends_on::timestamp at time zone timezone, user_id, agent_id, api_key_id,
           coalesce(sum(quantity) filter (where usage_type in ('api_call', 'llm_call')), 0),
           coalesce(sum(quantity) filter (where usage_type in ('input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens')), 0),
           sum(cost), coalesce(sum(quantity) filter (where usage_type = 'consultation'), 0),
           coalesce(sum(quantity) filter (where usage_type = 'panel'), 0),
           coalesce(sum(quantity) filter (where usage_type = 'workflow_run'), 0),
           coalesce(sum(quantity) filter (where usage_type = 'tool_call'), 0),
           sum(duration_ms), sum(timed_count), sum(success_count), sum(error_count), min(created_at), max(updated_at)
      from (select d.*, t.timezone, p.*
              from metering.usage_days d
              join app_public.tenants t on t.id = d.tenant_id
             cross join lateral (
               select 'day'::app_public.tracking_period as period, d.used_on as starts_on, d.used_on + 1 as ends_on
               union all
               select 'month', date_trunc('month', d.used_on::timestamp)::date, (date_trunc('month', d.used_on::timestamp) + interval '1 month')::date
             ) as p) as d
     group by period, tenant_id, timezone, starts_on, ends_on, user_id, agent_id, api_key_id
  )
  select metering.derived_id(row(tenant_id, tracking_period, extract(epoch from period_start), user_id, agent_id, api_key_id)::text) as id,
         tenant_id, tracking_period, period_start, period_end, user_id, agent_id, api_key_id,
         request_count, token_count, cost as total_cost, consultation_count, panel_count, workflow_count, tool_call_count,
         round(duration_ms / nullif(timed_count, 0))::int as avg_response_time_ms,
         round(100 * success_count / nullif(success_count + error_count, 0), 2) as success_rate,
         error_count::bigint as error_count, created_at, updated_at
    from periods;
grant select on app_public.usage_tracking to rowhouse_user;
comment on view app_public.usage_tracking is
  E'@name usage_period\n@primaryKey id\nUsage by period, user, agent and API key. Every period is listed as minutes, hours, days and months, so filter by trackingPeriod. Days and months follow the calendar of the tenant. The report is about a minute old. It shows your own usage, and with can_view_analytics that of the whole tenant.';
comment on column app_public.usage_tracking.id is E'@notNull\nThe id of the row, which is always the same.';
comment on column app_public.usage_tracking.tracking_period is E'@notNull\nThe length of the period.';
comment on column app_public.usage_tracking.period_start is E'@notNull\nWhen the period begins.';
comment on column app_public.usage_tracking.period_end is E'@notNull\nWhen the period ends, excluded.';
comment on column app_public.usage_tracking.agent_id is 'The agent; null for usage without an agent.';
comment on column app_public.usage_tracking.api_key_id is 'The API key; null for usage without an API key.';
comment on column app_public.usage_tracking.request_count is E'@notNull\nAPI calls and calls of language models.';
comment on column app_public.usage_tracking.token_count is E'@notNull\nTokens of all classes.';
comment on column app_public.usage_tracking.total_cost is E'@notNull\nThe cost of the tokens in USD, not rounded.';
comment on column app_public.usage_tracking.consultation_count is E'@notNull\nExpert consultations.';
comment on column app_public.usage_tracking.panel_count is E'@notNull\nPanel discussions.';
comment on column app_public.usage_tracking.workflow_count is E'@notNull\nWorkflow runs.';
comment on column app_public.usage_tracking.tool_call_count is E'@notNull\nTool calls.';
comment on column app_public.usage_tracking.avg_response_time_ms is 'The mean duration of the events that have one, in milliseconds.';
comment on column app_public.usage_tracking.success_rate is 'The share of successes among the events that succeeded or failed, in percent.';
comment on column app_public.usage_tracking.error_count is E'@notNull\nHow many events ended in an error.';
comment on column app_public.usage_tracking.created_at is E'@notNull\nWhen it was first counted.';
comment on column app_public.usage_tracking.updated_at is E'@notNull\nWhen it was last counted.';

create or replace view app_public.tenant_usage_tracking with (security_invoker = true) as
  select metering.derived_id(row(d.tenant_id, d.month)::text) as id, d.tenant_id, d.month as period_start,
         (d.month + interval '1 month')::date as period_end,
         count(distinct d.user_id)::int as active_users,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'api_call'), 0) as total_api_calls,
         coalesce(sum(d.quantity) filter (where d.usage_type in ('input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens')), 0)
           as total_tokens_used,
         -- the average in GB over the part of the month that has passed
         round(coalesce(sum(d.quantity) filter (where d.usage_type = 'storage_byte_hours'), 0) / core.bytes_per_gb()
           / greatest(1, extract(epoch from
               least((d.month + interval '1 month') at time zone d.timezone, greatest(core.clock(), max(d.updated_at)))
               - d.month::timestamp at time zone d.timezone) / 3600), 6) as storage_used_gb,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'consultation'), 0) as expert_consultations,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'panel'), 0) as panel_discussions,
         min(d.created_at) as created_at
    from (select d.*, t.timezone, date_trunc('month', d.used_on::timestamp)::date as month
            from metering.usage_days d join app_public.tenants t on t.id = d.tenant_id) as d
   group by d.tenant_id, d.month, d.timezone;
comment on view app_public.tenant_usage_tracking is
  E'@name usage_month\n@primaryKey id\nUsage by calendar month of the tenant. The report is about a minute old. It shows your own usage, and with can_view_analytics that of the whole tenant.';
comment on column app_public.tenant_usage_tracking.id is E'@notNull\nThe id of the row, which is always the same.';
comment on column app_public.tenant_usage_tracking.period_start is E'@notNull\nThe first day of the month.';
comment on column app_public.tenant_usage_tracking.period_end is E'@notNull\nThe first day of the next month.';
comment on column app_public.tenant_usage_tracking.active_users is E'@notNull\nHow many different people used something.';
comment on column app_public.tenant_usage_tracking.total_api_calls is E'@notNull\nAPI calls.';
comment on column app_public.tenant_usage_tracking.total_tokens_used is E'@notNull\nTokens of all classes.';
comment on column app_public.tenant_usage_tracking.storage_used_gb is E'@notNull\nThe average storage in GB (1,073,741,824 bytes) over the part of the month that has passed.';
comment on column app_public.tenant_usage_tracking.expert_consultations is E'@notNull\nExpert consultations.';
comment on column app_public.tenant_usage_tracking.panel_discussions is E'@notNull\nPanel discussions.';
comment on column app_public.tenant_usage_tracking.created_at is E'@notNull\nWhen it was first counted.';
grant select on app_public.tenant_usage_tracking to rowhouse_user;

create or replace view app_public.token_usage_summary with (security_invoker = true) as
  select metering.derived_id(row('tokens', m.tenant_id, m.month)::text) as id, m.tenant_id, m.month as period_start,
         (m.month + interval '1 month')::date as period_end,
         sum(m.prompt_tokens + m.completion_tokens) as total_tokens,
         sum(m.prompt_tokens) as total_prompt_tokens, sum(m.completion_tokens) as total_completion_tokens,
         sum(m.cost) as total_cost_usd,
         jsonb_object_agg(coalesce(m.model, 'unknown'), jsonb_build_object(
           'model_id', m.model_id, 'tokens', m.prompt_tokens + m.completion_tokens, 'prompt_tokens', m.prompt_tokens,
           'completion_tokens', m.completion_tokens, 'cost_usd', m.cost)) as usage_by_model,
         min(m.created_at) as created_at
    from (
      select d.tenant_id, date_trunc('month', d.used_on::timestamp)::date as month, d.model_id, l.name as model,
             coalesce(sum(d.quantity) filter (where d.usage_type in ('input_tokens', 'cached_input_tokens')), 0) as prompt_tokens,
             coalesce(sum(d.quantity) filter (where d.usage_type in ('output_tokens', 'reasoning_tokens')), 0) as completion_tokens,
             sum(d.cost) as cost, min(d.created_at) as created_at
        from metering.usage_days d
        left join app_public.llm_models l on l.id = d.model_id
       where d.usage_type in ('input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens')
       group by d.tenant_id, month, d.model_id, l.name
    ) as m
   group by m.tenant_id, m.month;
comment on view app_public.token_usage_summary is
  E'@name usage_token_month\n@primaryKey id\nTokens and their cost by calendar month of the tenant. The report is about a minute old. It shows your own usage, and with can_view_analytics that of the whole tenant.';
comment on column app_public.token_usage_summary.id is E'@notNull\nThe id of the row, which is always the same.';
comment on column app_public.token_usage_summary.period_start is E'@notNull\nThe first day of the month.';
comment on column app_public.token_usage_summary.period_end is E'@notNull\nThe first day of the next month.';
comment on column app_public.token_usage_summary.total_tokens is E'@notNull\nTokens of all classes.';
comment on column app_public.token_usage_summary.total_prompt_tokens is E'@notNull\nInput tokens, including those that were read from a cache.';
comment on column app_public.token_usage_summary.total_completion_tokens is E'@notNull\nOutput tokens, including those for reasoning.';
comment on column app_public.token_usage_summary.total_cost_usd is E'@notNull\nThe cost in USD, not rounded.';
comment on column app_public.token_usage_summary.usage_by_model is E'@notNull\nAn object for each model, by the name of the model: {model_id, tokens, prompt_tokens, completion_tokens, cost_usd}. The name is unknown for models that are not in the catalogue.';
comment on column app_public.token_usage_summary.created_at is E'@notNull\nWhen it was first counted.';
grant select on app_public.token_usage_summary to rowhouse_user;

create or replace view app_public.feature_usage with (security_invoker = true) as
  select metering.derived_id(row(d.tenant_id, d.feature_name, d.used_on)::text) as id, d.tenant_id, d.feature_name,
         d.used_on as usage_date, sum(d.event_count) as usage_count, count(distinct d.user_id)::int as unique_users,
         round(sum(d.duration_ms) / 1000, 3) as total_duration_seconds, sum(d.success_count) as success_count,
         sum(d.error_count) as error_count, sum(d.abandon_count) as abandon_count, min(d.created_at) as created_at
    from metering.usage_days d
   where d.feature_name is not null
   group by d.tenant_id, d.feature_name, d.used_on;
comment on view app_public.feature_usage is
  E'@name usage_feature_day\n@primaryKey id\nUsage of the features of the product by calendar day of the tenant. The report is about a minute old. It shows your own usage, and with can_view_analytics that of the whole tenant.';
comment on column app_public.feature_usage.id is E'@notNull\nThe id of the row, which is always the same.';
comment on column app_public.feature_usage.feature_name is E'@notNull\nThe feature.';
comment on column app_public.feature_usage.usage_date is E'@notNull\nThe day.';
comment on column app_public.feature_usage.usage_count is E'@notNull\nHow often it was used.';
comment on column app_public.feature_usage.unique_users is E'@notNull\nHow many different people used it.';
comment on column app_public.feature_usage.total_duration_seconds is E'@notNull\nThe duration of all uses in seconds.';
comment on column app_public.feature_usage.success_count is E'@notNull\nUses that succeeded.';
comment on column app_public.feature_usage.error_count is E'@notNull\nUses that ended in an error.';
comment on column app_public.feature_usage.abandon_count is E'@notNull\nUses that were abandoned.';
comment on column app_public.feature_usage.created_at is E'@notNull\nWhen it was first counted.';
grant select on app_public.feature_usage to rowhouse_user;

create or replace view app_public.cost_tracking with (security_invoker = true) as
  select metering.derived_id(row(d.tenant_id, d.used_on, d.project_id, d.agent_id, d.user_id, d.model_id)::text) as id,
         d.tenant_id, d.used_on, d.project_id, d.agent_id, d.user_id, d.model_id,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'llm_call'), 0) as llm_call_count,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'input_tokens'), 0) as input_tokens,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'cached_input_tokens'), 0) as cached_input_tokens,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'output_tokens'), 0) as output_tokens,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'reasoning_tokens'), 0) as reasoning_tokens,
         sum(d.cost) as total_cost, min(d.created_at) as created_at, max(d.updated_at) as updated_at
    from metering.usage_days d
   group by d.tenant_id, d.used_on, d.project_id, d.agent_id, d.user_id, d.model_id;
comment on view app_public.cost_tracking is
  E'@name usage_cost_day\n@primaryKey id\n@aggregates on\nThe cost of tokens by calendar day of the tenant, project, agent, user and model. The report is about a minute old. It shows your own usage, and with can_view_analytics that of the whole tenant.';
comment on column app_public.cost_tracking.id is E'@notNull\nThe id of the row, which is always the same.';
comment on column app_public.cost_tracking.used_on is E'@notNull\nThe day.';
comment on column app_public.cost_tracking.project_id is 'The project; null for usage without a project.';
comment on column app_public.cost_tracking.agent_id is 'The agent; null for usage without an agent.';
comment on column app_public.cost_tracking.model_id is 'The language model; null for usage without a model.';
comment on column app_public.cost_tracking.llm_call_count is E'@notNull\nCalls of the model.';
comment on column app_public.cost_tracking.input_tokens is E'@notNull\nInput tokens that were not read from a cache.';
comment on column app_public.cost_tracking.cached_input_tokens is E'@notNull\nInput tokens that were read from a cache.';
comment on column app_public.cost_tracking.output_tokens is E'@notNull\nOutput tokens without those for reasoning.';
comment on column app_public.cost_tracking.reasoning_tokens is E'@notNull\nTokens for reasoning.';
comment on column app_public.cost_tracking.total_cost is E'@notNull\nThe cost in USD, not rounded, including corrections.';
comment on column app_public.cost_tracking.created_at is E'@notNull\nWhen it was first counted.';
comment on column app_public.cost_tracking.updated_at is E'@notNull\nWhen it was last counted.';
grant select on app_public.cost_tracking to rowhouse_user;

create or replace view app_public.usage_logs with (security_invoker = true) as
  select e.tenant_id, e.batch_id, e.ordinal, e.occurred_at, e.usage_type, t.display_name as usage_type_name, e.quantity, t.unit,
         e.user_id, u.full_name as user_name, e.agent_id, a.name as agent_name, e.model_id, m.name as model_name,
         e.project_id, e.api_key_id, e.feature_name, e.outcome, e.duration_ms, e.cost, e.recorded_at, e.is_unpriced
    from app_public.usage_events e
    join app_public.usage_types t on t.name = e.usage_type
    left join app_public.user_profiles u on u.id = e.user_id
    left join app_public.agents a on a.id = e.agent_id
    left join app_public.llm_models m on m.id = e.model_id;
comment on view app_public.usage_logs is
  E'@name usage_log\n@primaryKey tenant_id,batch_id,ordinal,occurred_at\n@aggregates on\nEvents of usage, with the current names of what they refer to. It shows your own usage, and with can_view_analytics that of the whole tenant.';
comment on column app_public.usage_logs.batch_id is E'@notNull\nThe batch with which the event was recorded.';
comment on column app_public.usage_logs.ordinal is E'@notNull\nIts position in the batch, from 1.';
comment on column app_public.usage_logs.occurred_at is E'@notNull\nWhen it was used.';
comment on column app_public.usage_logs.usage_type is E'@notNull\nWhat was used: the name of a usage type.';
comment on column app_public.usage_logs.usage_type_name is E'@notNull\nThe name of the usage type that people read.';
comment on column app_public.usage_logs.quantity is E'@notNull\nHow much was used; 0 for the correction of a cost, and below 0 for the correction of a quantity.';
comment on column app_public.usage_logs.cost is 'The cost in USD, not rounded; null without a price.';
comment on column app_public.usage_logs.is_unpriced is E'@notNull\nWhether these are tokens that had no price when they were recorded; unpricedUsage lists those that still have none.';
comment on column app_public.usage_logs.recorded_at is E'@notNull\nWhen it was recorded.';
comment on column app_public.usage_logs.unit is E'@notNull\nThe unit: what a quantity of 1 is.';
comment on column app_public.usage_logs.user_name is 'The name of the person; null when you no longer share a tenant with them.';
comment on column app_public.usage_logs.agent_name is 'The name of the agent; null when there is none, or none that you may see.';
comment on column app_public.usage_logs.model_name is 'The name of the language model.';
grant select on app_public.usage_logs to rowhouse_user;

create or replace view app_public.llm_usage_logs with (security_invoker = true) as
  select c.id, c.tenant_id, c.occurred_at, c.provider_id, c.provider, c.model_id, c.model, c.model_config_id, c.agent_id, c.agent_name,
         c.user_id, c.user_name, c.project_id, c.api_key_id, c.conversation_id, c.panel_id,
         c.input_tokens, c.cached_input_tokens, c.output_tokens, c.reasoning_tokens,
         c.prompt_tokens, c.completion_tokens, c.total_tokens, c.price_id, c.is_priced, c.input_cost, c.output_cost, c.total_cost,
         c.response_time_ms, c.time_to_first_token_ms, c.temperature, c.max_tokens, c.top_p, c.finish_reason, c.function_call,
         c.success, c.error_type, c.error_message, c.batch_id, x.prompt_text, x.system_prompt, x.completion_text, c.created_at, c.is_over_quota
    from metering.llm_calls c
    left join metering.llm_texts x on x.tenant_id = c.tenant_id and x.occurred_at = c.occurred_at and x.call_id = c.id;
comment on view app_public.llm_usage_logs is
  E'@name usage_llm_call\n@primaryKey tenant_id,id\n@aggregates on\n@behavior +query:resource:single\nCalls of language models, which recordLlmUsage records. The names of agent, model and user are those at the time of the call. It shows your own calls, with can_view_analytics those of the whole tenant, and with can_view_audit their texts.';
comment on column app_public.llm_usage_logs.id is E'@notNull\nThe id of the call.';
comment on column app_public.llm_usage_logs.occurred_at is E'@notNull\nWhen the call was made.';
comment on column app_public.llm_usage_logs.provider_id is 'The provider of the model.';
comment on column app_public.llm_usage_logs.provider is 'The name of the provider at that time.';
comment on column app_public.llm_usage_logs.model_id is 'The model; null when the catalogue did not know it.';
comment on column app_public.llm_usage_logs.model is E'@notNull\nThe name of the model at that time.';
comment on column app_public.llm_usage_logs.model_config_id is 'The caller''s id of the configuration of the model.';
comment on column app_public.llm_usage_logs.agent_id is 'The agent that made the call.';
comment on column app_public.llm_usage_logs.agent_name is 'The name of the agent at that time.';
comment on column app_public.llm_usage_logs.user_name is 'The name of the person at that time.';
comment on column app_public.llm_usage_logs.project_id is 'The project it was made for.';
comment on column app_public.llm_usage_logs.api_key_id is 'The API key it was made with.';
comment on column app_public.llm_usage_logs.conversation_id is 'The conversation it belongs to.';
comment on column app_public.llm_usage_logs.panel_id is 'The panel discussion it belongs to.';
comment on column app_public.llm_usage_logs.input_tokens is E'@notNull\nInput tokens that were not read from a cache.';
comment on column app_public.llm_usage_logs.cached_input_tokens is E'@notNull\nInput tokens that were read from a cache.';
comment on column app_public.llm_usage_logs.output_tokens is E'@notNull\nOutput tokens without those for reasoning.';
comment on column app_public.llm_usage_logs.reasoning_tokens is E'@notNull\nTokens for reasoning.';
comment on column app_public.llm_usage_logs.prompt_tokens is E'@notNull\ninput_tokens + cached_input_tokens.';
comment on column app_public.llm_usage_logs.completion_tokens is E'@notNull\noutput_tokens + reasoning_tokens.';
comment on column app_public.llm_usage_logs.total_tokens is E'@notNull\nprompt_tokens + completion_tokens.';
comment on column app_public.llm_usage_logs.price_id is 'The price from which its cost was computed: a row of llm_model_prices or llm_model_price_overrides.';
comment on column app_public.llm_usage_logs.is_priced is E'@notNull\nWhether the model had a price when the call was recorded.';
comment on column app_public.llm_usage_logs.input_cost is 'The cost of the prompt in USD, not rounded.';
comment on column app_public.llm_usage_logs.output_cost is 'The cost of the answer in USD, not rounded.';
comment on column app_public.llm_usage_logs.total_cost is 'input_cost + output_cost; null when the model had no price.';
comment on column app_public.llm_usage_logs.response_time_ms is 'How long the call took, in milliseconds.';
comment on column app_public.llm_usage_logs.time_to_first_token_ms is 'The time until the first token, in milliseconds.';
comment on column app_public.llm_usage_logs.temperature is 'The temperature, from 0 to 2.';
comment on column app_public.llm_usage_logs.max_tokens is 'The largest number of tokens that the answer could have.';
comment on column app_public.llm_usage_logs.top_p is 'The nucleus of sampling, from 0 to 1.';
comment on column app_public.llm_usage_logs.finish_reason is 'Why the answer ended: stop, length, function_call, error, or what the provider says.';
comment on column app_public.llm_usage_logs.function_call is 'The function that the model called, in the form of the provider.';
comment on column app_public.llm_usage_logs.success is E'@notNull\nWhether the call succeeded.';
comment on column app_public.llm_usage_logs.error_type is 'The kind of its error.';
comment on column app_public.llm_usage_logs.error_message is 'The message of its error.';
comment on column app_public.llm_usage_logs.batch_id is E'@notNull\nThe batch of its events in usageLogs.';
comment on column app_public.llm_usage_logs.prompt_text is E'@behavior -filterBy -orderBy\nThe prompt, when the tenant keeps texts.';
comment on column app_public.llm_usage_logs.system_prompt is E'@behavior -filterBy -orderBy\nThe system prompt, when the tenant keeps texts.';
comment on column app_public.llm_usage_logs.completion_text is E'@behavior -filterBy -orderBy\nThe answer, when the tenant keeps texts.';
comment on column app_public.llm_usage_logs.created_at is E'@notNull\nWhen it was recorded.';
comment on column app_public.llm_usage_logs.is_over_quota is
  E'@notNull\nWhether a hard limit of tokens or cost was passed when the call was recorded.';
grant select on app_public.llm_usage_logs to rowhouse_user;
