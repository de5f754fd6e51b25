-- Reports of usage. All are views of two roll-ups, by minute and by day, so they cannot disagree. What a view shows is
-- summed up from the rows its reader may see: a member's own, or the tenant's.

create or replace view app_public.usage_tracking with (security_invoker = true) as
  with periods as (
    select 'minute'::app_public.tracking_period as tracking_period, tenant_id, minute as period_start, minute + interval '1 minute' as period_end,
           user_id, agent_id, api_key_id, request_count, token_count, cost, consultation_count, panel_count, workflow_count,
           tool_call_count, duration_ms::numeric, timed_count::numeric, success_count::numeric, error_count::numeric, created_at, updated_at
      from app_private.usage_minutes
    union all
    select 'hour', tenant_id, hour, hour + interval '1 hour', user_id, agent_id, api_key_id,
           sum(request_count), sum(token_count), sum(cost), sum(consultation_count), sum(panel_count), sum(workflow_count),
           sum(tool_call_count), sum(duration_ms), sum(timed_count), sum(success_count), sum(error_count), min(created_at), max(updated_at)
      from (select m.*, date_trunc('hour', m.minute, t.timezone) as hour
              from app_private.usage_minutes m join app_public.tenants t on t.id = m.tenant_id) as m
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
              from app_private.usage_days d
              join app_public.tenants t on t.id = d.tenant_id
             cross join lateral (
               select 'day'::app_public.tracking_period as period, d.used_on as starts_on, d.used_on + 1 as ends_on
               union all
               select 'month', date_trunc('month', d.used_on::timestamp)::date, (date_trunc('month', d.used_on::timestamp) + interval '1 month')::date
             ) as p) as d
     group by period, tenant_id, timezone, starts_on, ends_on, user_id, agent_id, api_key_id
  )
  select app_hidden.derived_id(row(tenant_id, tracking_period, extract(epoch from period_start), user_id, agent_id, api_key_id)::text) as id,
         tenant_id, tracking_period, period_start, period_end, user_id, agent_id, api_key_id,
         request_count, token_count, cost as total_cost, consultation_count, panel_count, workflow_count, tool_call_count,
         round(duration_ms / nullif(timed_count, 0))::int as avg_response_time_ms,
         round(100 * success_count / nullif(success_count + error_count, 0), 2) as success_rate,
         error_count::bigint as error_count, created_at, updated_at
    from periods;

create or replace view app_public.tenant_usage_tracking with (security_invoker = true) as
  select app_hidden.derived_id(row(d.tenant_id, d.month)::text) as id, d.tenant_id, d.month as period_start,
         (d.month + interval '1 month')::date as period_end,
         count(distinct d.user_id)::int as active_users,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'api_call'), 0) as total_api_calls,
         coalesce(sum(d.quantity) filter (where d.usage_type in ('input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens')), 0)
           as total_tokens_used,
         -- gigabytes on average, over the part of the month that has passed
         round(coalesce(sum(d.quantity) filter (where d.usage_type = 'storage_byte_hours'), 0) / 1e9
           / greatest(1, extract(epoch from
               least((d.month + interval '1 month') at time zone d.timezone, greatest(app_hidden.clock(), max(d.updated_at)))
               - d.month::timestamp at time zone d.timezone) / 3600), 6) as storage_used_gb,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'consultation'), 0) as expert_consultations,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'panel'), 0) as panel_discussions,
         min(d.created_at) as created_at
    from (select d.*, t.timezone, date_trunc('month', d.used_on::timestamp)::date as month
            from app_private.usage_days d join app_public.tenants t on t.id = d.tenant_id) as d
   group by d.tenant_id, d.month, d.timezone;

create or replace view app_public.token_usage_summary with (security_invoker = true) as
  select app_hidden.derived_id(row('tokens', m.tenant_id, m.month)::text) as id, m.tenant_id, m.month as period_start,
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
        from app_private.usage_days d
        left join app_public.llm_models l on l.id = d.model_id
       where d.usage_type in ('input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens')
       group by d.tenant_id, month, d.model_id, l.name
    ) as m
   group by m.tenant_id, m.month;

create or replace view app_public.feature_usage with (security_invoker = true) as
  select app_hidden.derived_id(row(d.tenant_id, d.feature_name, d.used_on)::text) as id, d.tenant_id, d.feature_name,
         d.used_on as usage_date, sum(d.event_count) as usage_count, count(distinct d.user_id)::int as unique_users,
         round(sum(d.duration_ms) / 1000, 3) as total_duration_seconds, sum(d.success_count) as success_count,
         sum(d.error_count) as error_count, sum(d.abandon_count) as abandon_count, min(d.created_at) as created_at
    from app_private.usage_days d
   where d.feature_name is not null
   group by d.tenant_id, d.feature_name, d.used_on;

create or replace view app_public.cost_tracking with (security_invoker = true) as
  select app_hidden.derived_id(row(d.tenant_id, d.used_on, d.project_id, d.agent_id, d.user_id, d.model_id)::text) as id,
         d.tenant_id, d.used_on, d.project_id, d.agent_id, d.user_id, d.model_id,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'llm_call'), 0) as llm_call_count,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'input_tokens'), 0) as input_tokens,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'cached_input_tokens'), 0) as cached_input_tokens,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'output_tokens'), 0) as output_tokens,
         coalesce(sum(d.quantity) filter (where d.usage_type = 'reasoning_tokens'), 0) as reasoning_tokens,
         sum(d.cost) as total_cost, min(d.created_at) as created_at, max(d.updated_at) as updated_at
    from app_private.usage_days d
   group by d.tenant_id, d.used_on, d.project_id, d.agent_id, d.user_id, d.model_id;

create or replace view app_public.usage_logs with (security_invoker = true) as
  select e.tenant_id, e.batch_id, e.ordinal, e.occurred_at, e.usage_type, t.display_name as usage_type_name, e.quantity, t.unit,
         e.user_id, u.full_name as user_name, e.agent_id, a.name as agent_name, e.model_id, m.name as model_name,
         e.project_id, e.api_key_id, e.feature_name, e.outcome, e.duration_ms, e.cost, e.recorded_at
    from app_public.usage_events e
    join app_public.usage_types t on t.name = e.usage_type
    left join app_public.user_profiles u on u.id = e.user_id
    left join app_public.agents a on a.id = e.agent_id
    left join app_public.llm_models m on m.id = e.model_id;

create or replace view app_public.llm_usage_logs with (security_invoker = true) as
  select c.id, c.tenant_id, c.occurred_at, c.provider_id, c.provider, c.model_id, c.model, c.model_config_id, c.agent_id, c.agent_name,
         c.user_id, c.user_name, c.project_id, c.api_key_id, c.conversation_id, c.panel_id,
         c.input_tokens, c.cached_input_tokens, c.output_tokens, c.reasoning_tokens,
         c.prompt_tokens, c.completion_tokens, c.total_tokens, c.price_id, c.is_priced, c.input_cost, c.output_cost, c.total_cost,
         c.response_time_ms, c.time_to_first_token_ms, c.temperature, c.max_tokens, c.top_p, c.finish_reason, c.function_call,
         c.success, c.error_type, c.error_message, c.batch_id, x.prompt_text, x.system_prompt, x.completion_text, c.created_at
    from app_private.llm_calls c
    left join app_private.llm_texts x on x.tenant_id = c.tenant_id and x.occurred_at = c.occurred_at and x.call_id = c.id;
