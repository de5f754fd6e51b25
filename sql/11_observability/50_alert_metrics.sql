-- What a rule of an alert can look at: a closed list of metrics. Each is a piece of SQL over the rows of one table, which is
-- written here and nowhere else; what a person chooses is only looked up in it, or is a parameter of the statement.

call core.secure_global_table('app_public.alert_metrics', 'every tenant chooses from the same metrics');
call core.allow('app_public.alert_metrics', read => 'everyone');
grant select (name, description, unit, aggregations, filter_keys, is_platform) on app_public.alert_metrics to rowhouse_user;
grant select on app_public.alert_metrics to rowhouse_platform;
call audit.leave_out('the files of rules write it', 'app_public.alert_metrics');
comment on table app_public.alert_metrics is
  E'@behavior -insert -update -delete -query:resource:single\nThe metrics that a rule of an alert can look at.';
comment on column app_public.alert_metrics.name is E'@notPersonal\nThe name of the metric.';
comment on column app_public.alert_metrics.description is 'What it measures.';
comment on column app_public.alert_metrics.unit is 'The unit of its value.';
comment on column app_public.alert_metrics.aggregations is 'How the values of a window can be put together.';
comment on column app_public.alert_metrics.filter_keys is 'The keys that the filter of a rule can have.';
comment on column app_public.alert_metrics.is_platform is 'Whether it is a metric of the whole platform, which only rules of the platform''s own tenant can look at.';
comment on column app_public.alert_metrics.row_source is E'@behavior -*\nThe table or function whose rows it reads, as t.';
comment on column app_public.alert_metrics.row_value is E'@behavior -*\nThe value of a row.';
comment on column app_public.alert_metrics.row_at is E'@behavior -*\nThe time of a row; null for a metric of how things are now, which has no window.';
comment on column app_public.alert_metrics.row_condition is E'@behavior -*\nWhich rows count; null when all do.';
comment on column app_public.alert_metrics.filter_columns is E'@behavior -*\nFor each key of a filter what it is compared with.';
comment on domain app_public.alert_aggregation is
  'How the values of a window are put together: their number, sum, mean, least, greatest, or a percentile of them.';

create or replace procedure observability.define_metric(
  name text, description text, unit text, aggregations text[], row_source text, row_value text,
  row_at text default null, row_condition text default null, filter_columns jsonb default '{}', is_platform boolean default false)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.alert_metrics as m (
    name, description, unit, aggregations, filter_keys, is_platform, row_source, row_value, row_at, row_condition, filter_columns)
  values (define_metric.name, define_metric.description, define_metric.unit, define_metric.aggregations,
          array(select jsonb_object_keys(define_metric.filter_columns) order by 1), define_metric.is_platform, define_metric.row_source,
          define_metric.row_value, define_metric.row_at, define_metric.row_condition, define_metric.filter_columns)
  on conflict on constraint alert_metrics_pkey do update
     set description = excluded.description, unit = excluded.unit, aggregations = excluded.aggregations, filter_keys = excluded.filter_keys,
         is_platform = excluded.is_platform, row_source = excluded.row_source, row_value = excluded.row_value, row_at = excluded.row_at,
         row_condition = excluded.row_condition, filter_columns = excluded.filter_columns;
end
$$;
comment on procedure observability.define_metric is
  'Registers a metric. What its SQL reads must be behind the wall, or, for a metric of the platform, a function that tells only figures.';

do $$
declare
  v_counts constant text[] := '{count}';
  v_shares constant text[] := '{average}';
  v_durations constant text[] := '{average,greatest,p50,p95,p99}';
  v_call constant jsonb := '{"model": "t.model", "provider": "t.provider", "agent_id": "t.agent_id::text"}';
  v_agent constant jsonb := '{"agent_id": "t.agent_id::text", "operation_type": "t.operation_type"}';
  v_tool constant jsonb := '{"tool_name": "t.tool_name", "tool_id": "t.tool_id::text", "agent_id": "t.agent_id::text"}';
  v_quota constant jsonb := '{"quota_type": "t.quota_type", "quota_scope": "t.quota_scope", "scope_id": "t.scope_id::text"}';
begin
  call observability.define_metric('llm_cost_usd', 'What calls of language models cost.', 'USD', '{sum,greatest}',
    'metering.llm_calls t', 't.total_cost', 't.occurred_at', filter_columns => v_call);
  call observability.define_metric('llm_calls', 'Calls of language models.', 'calls', v_counts,
    'metering.llm_calls t', '1', 't.occurred_at', filter_columns => v_call);
  call observability.define_metric('llm_tokens', 'Tokens that language models read and wrote.', 'tokens', '{sum,greatest}',
    'metering.llm_calls t', 't.total_tokens', 't.occurred_at', filter_columns => v_call);
  call observability.define_metric('llm_latency_ms', 'How long calls of language models took.', 'ms', v_durations,
    'metering.llm_calls t', 't.response_time_ms', 't.occurred_at', filter_columns => v_call);
  call observability.define_metric('llm_error_percent', 'The share of calls of language models that failed.', 'percent', v_shares,
    'metering.llm_calls t', 'case when t.success then 0 else 100 end', 't.occurred_at', filter_columns => v_call);
  call observability.define_metric('unpriced_llm_calls', 'Calls of language models that have no price.', 'calls', v_counts,
    'metering.llm_calls t', '1', 't.occurred_at', 'not t.is_priced', v_call);
  call observability.define_metric('agent_latency_ms', 'How long operations of agents took.', 'ms', v_durations,
    'app_public.agent_metrics t', 't.response_time_ms', 't.created_at', filter_columns => v_agent);
  call observability.define_metric('agent_error_percent', 'The share of operations of agents that failed.', 'percent', v_shares,
    'app_public.agent_metrics t', 'case when t.success then 0 else 100 end', 't.created_at', filter_columns => v_agent);
  call observability.define_metric('tool_runs', 'Runs of tools.', 'runs', v_counts,
    'app_public.tool_executions t', '1', 't.executed_at', filter_columns => v_tool);
  call observability.define_metric('tool_latency_ms', 'How long runs of tools took.', 'ms', v_durations,
    'app_public.tool_executions t', 't.duration_ms', 't.executed_at', filter_columns => v_tool);
  call observability.define_metric('tool_error_percent', 'The share of runs of tools that failed.', 'percent', v_shares,
    'app_public.tool_executions t', $e$case when t.status = 'success' then 0 else 100 end$e$, 't.executed_at', filter_columns => v_tool);
  call observability.define_metric('events', 'Events of the product.', 'events', v_counts,
    'app_public.analytics_events t', '1', 't.occurred_at', 't.is_known', '{"event_name": "t.event_name"}');
  call observability.define_metric('api_calls', 'Requests, as they count for quotas. They are recorded about a minute later.', 'calls', '{sum}',
    'app_public.usage_events t', 't.quantity', 't.occurred_at', $e$t.usage_type = 'api_call'$e$, '{"api_key_id": "t.api_key_id::text"}');
  call observability.define_metric('search_latency_ms', 'How long searches took.', 'ms', v_durations,
    'app_public.query_logs t', 't.latency_ms', 't.created_at', filter_columns => '{"mode": "t.mode::text"}');
  call observability.define_metric('empty_search_percent', 'The share of searches that found nothing.', 'percent', v_shares,
    'app_public.query_logs t', 'case when t.hit_count = 0 then 100 else 0 end', 't.created_at', filter_columns => '{"mode": "t.mode::text"}');
  call observability.define_metric('quota_percent', 'How much of a quota is used and reserved in its running period.', 'percent', '{greatest}',
    'app_public.quota_tracking t', '100 * (t.current_usage + t.reserved) / nullif(t.quota_limit, 0)',
    row_condition => 't.starts_at <= $3 and t.ends_at > $3', filter_columns => v_quota);
  call observability.define_metric('failed_documents', 'Documents that could not be processed.', 'documents', v_counts,
    'app_public.documents t', '1', row_condition => $e$t.processing_status = 'failed'$e$, filter_columns => '{"source_id": "t.source_id::text"}');
  call observability.define_metric('failing_webhooks', 'Webhook endpoints that were disabled because calls failed, or whose last ten calls failed.', 'endpoints', v_counts,
    'app_public.webhook_endpoints t', '1', row_condition => $e$(t.disabled_reason in ('gone', 'failing') or t.failure_count >= 10)$e$);

  call observability.define_metric('failed_jobs', 'Jobs of the queue that failed for good.', 'jobs', '{sum}',
    'core.queue_depth() t', 't.failed_count', filter_columns => '{"task": "t.task"}', is_platform => true);
  call observability.define_metric('oldest_job_seconds', 'For how long the oldest job that is due has been waiting.', 'seconds', '{greatest}',
    'core.queue_depth() t', 't.oldest_waiting_seconds', filter_columns => '{"task": "t.task"}', is_platform => true);
  call observability.define_metric('stale_views', 'Materialized views that are older than they may be.', 'views', v_counts,
    'observability.materialized_views t', '1', row_condition => 'observability.is_stale(t)', is_platform => true);
  call observability.define_metric('failing_providers', 'Model providers that cannot be used.', 'providers', v_counts,
    'observability.provider_circuits t', '1', row_condition => $e$t.circuit <> 'closed'$e$,
    filter_columns => '{"provider": "(select p.name from app_public.llm_providers p where p.id = t.provider_id)"}', is_platform => true);
  call observability.define_metric('failing_checks', 'Checks of the health of the database, the queue and the mail server that fail.', 'checks', v_counts,
    'observability.latest_checks() t', '1', row_condition => $e$t.status = 'failing'$e$, filter_columns => '{"name": "t.name", "part": "t.part"}', is_platform => true);
  call observability.define_metric('unverified_audits', 'Tenants whose audit does not verify.', 'tenants', v_counts,
    'observability.audit_checks t', '1', row_condition => 't.problem_count > 0', is_platform => true);
  call observability.define_metric('unpriced_models', 'Models without a price that were called in the last day.', 'models', v_counts,
    'observability.unpriced_models($3) t', '1', is_platform => true);
end
$$;

create or replace function observability.aggregate_sql(aggregation text, row_value text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select format(case aggregate_sql.aggregation
    when 'count' then 'count(%s)' when 'sum' then 'coalesce(sum(%s), 0)' when 'average' then 'avg(%s)'
    when 'least' then 'min(%s)' when 'greatest' then 'max(%s)'
    when 'p50' then 'percentile_disc(0.5) within group (order by %s)'
    when 'p95' then 'percentile_disc(0.95) within group (order by %s)'
    when 'p99' then 'percentile_disc(0.99) within group (order by %s)' end, aggregate_sql.row_value);
$$;
comment on function observability.aggregate_sql is 'The SQL that puts the values of rows together.';

create or replace function observability.measure_sql(metric app_public.alert_metrics, aggregation text, filter_keys text[]) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  -- The tenant is $1, the window begins with $2 and ends before $3, and the filter is $4.
  select format('select (%s)::numeric, count(*) from %s where ($1, $2, $3, $4) is not null and %s',
    observability.aggregate_sql(measure_sql.aggregation, (metric).row_value), (metric).row_source,
    concat_ws(' and ', case when (metric).is_platform then 'true' else 't.tenant_id = $1' end,
      (metric).row_at || ' >= $2', (metric).row_at || ' < $3', (metric).row_condition,
      (select string_agg(format('%s = $4 ->> %L', (metric).filter_columns ->> k, k), ' and ') from unnest(measure_sql.filter_keys) as k)));
$$;
comment on function observability.measure_sql is
  'The statement that measures: all of its words are of the registry. A key that the registry does not know makes the statement null.';

create or replace function observability.measure(
  metric app_public.alert_metrics, aggregation text, filter jsonb, from_at timestamptz, to_at timestamptz, out value numeric, out row_count bigint)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  execute observability.measure_sql(measure.metric, measure.aggregation, array(select jsonb_object_keys(measure.filter) order by 1))
    into value, row_count using core.current_tenant_id(), measure.from_at, measure.to_at, measure.filter;
end
$$;
comment on function observability.measure is
  'The value of a metric between two instants (the end excluded) in the tenant of the context, and how many rows it is of. Without rows it is 0 for a count or a sum, and null for everything else.';
