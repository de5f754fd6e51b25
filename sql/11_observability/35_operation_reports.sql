-- Reports over operations by day: of tools, prompts, panels, and of everything. They are about a minute old.

create or replace view observability.operation_reports with (security_invoker = true) as
  select d.tenant_id, d.day, d.kind, d.subject_id, d.operation,
         sum(d.execution_count)::bigint as execution_count, sum(d.success_count)::bigint as success_count,
         sum(d.error_count)::bigint as error_count,
         round(100.0 * sum(d.success_count) / sum(d.execution_count), 2) as success_rate,
         round(sum(d.duration_ms)::numeric / nullif(sum(d.execution_count) filter (where d.bucket is not null), 0), 1) as average_ms,
         observability.percentile(array_agg(d.bucket), array_agg(d.execution_count), 0.5) as p50_ms,
         observability.percentile(array_agg(d.bucket), array_agg(d.execution_count), 0.95) as p95_ms,
         observability.percentile(array_agg(d.bucket), array_agg(d.execution_count), 0.99) as p99_ms,
         sum(d.token_count)::bigint as token_count, sum(d.cost_usd) as cost_usd
    from observability.operation_days d
   group by d.tenant_id, d.day, d.kind, d.subject_id, d.operation;
comment on view observability.operation_reports is 'Operations by day, kind, subject and operation, with percentiles of their durations.';
grant select on observability.operation_reports to rowhouse_user;

create or replace procedure observability.comment_report(name text, verb text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_column record;
begin
  for v_column in
    select * from (values
      ('id', e'@notNull\nThe id of the row, which is always the same.'),
      ('day', e'@notNull\nThe day, in the tenant''s time zone.'),
      ('execution_count', e'@notNull\nHow often it ' || comment_report.verb || '.'),
      ('success_count', e'@notNull\nHow often it succeeded.'),
      ('error_count', e'@notNull\nHow often it failed.'),
      ('success_rate', e'@notNull\nThe share that succeeded, in percent.'),
      ('average_ms', 'The mean duration in milliseconds; null when no duration is known.'),
      ('p50_ms', 'The median of the durations in milliseconds, at most 1 % away from the exact one; null when no duration is known.'),
      ('p95_ms', 'The duration in milliseconds that 95 % did not exceed, at most 1 % away from the exact one.'),
      ('p99_ms', 'The duration in milliseconds that 99 % did not exceed, at most 1 % away from the exact one.'),
      ('token_count', e'@notNull\nThe tokens that were read and written.'),
      ('cost_usd', e'@notNull\nThe cost in USD, as the programs know it that recorded the operations.')
    ) as c (name, comment)
  loop
    execute format('comment on column app_public.%I.%I is %L', comment_report.name, v_column.name, v_column.comment);
  end loop;
end
$$;
comment on procedure observability.comment_report is 'Comments the columns that all reports over operations have.';

create or replace view app_public.tool_usage_logs with (security_invoker = true) as
  select metering.derived_id(row(r.tenant_id, r.kind, r.subject_id, r.operation, r.day)::text) as id, r.tenant_id, r.day,
         r.subject_id as tool_id, r.operation as tool_name, r.execution_count, r.success_count, r.error_count, r.success_rate,
         r.average_ms, r.p50_ms, r.p95_ms, r.p99_ms, r.token_count, r.cost_usd
    from observability.operation_reports r where r.kind = 'tool';
comment on view app_public.tool_usage_logs is
  E'@primaryKey id\n@behavior -query:resource:single\nRuns of tools by calendar day and tool, also of tools that are not in the catalogue. The report is about a minute old. It needs the permission can_view_analytics.';
call observability.comment_report('tool_usage_logs', 'ran');
comment on column app_public.tool_usage_logs.tool_id is 'The tool; null for a tool that is not in the catalogue.';
comment on column app_public.tool_usage_logs.tool_name is E'@notNull\n@notPersonal\nThe name of the tool.';
grant select on app_public.tool_usage_logs to rowhouse_user;

create or replace view app_public.prompt_usage_analytics with (security_invoker = true) as
  select metering.derived_id(row(r.tenant_id, r.kind, r.subject_id, r.operation, r.day)::text) as id, r.tenant_id, r.day,
         r.subject_id as prompt_id, r.operation as operation_type, r.execution_count, r.success_count, r.error_count, r.success_rate,
         r.average_ms, r.p50_ms, r.p95_ms, r.p99_ms, r.token_count, r.cost_usd
    from observability.operation_reports r where r.kind = 'prompt';
comment on view app_public.prompt_usage_analytics is
  E'@primaryKey id\n@behavior -query:resource:single\nUses of prompts by calendar day, prompt and kind of operation. The report is about a minute old. It needs the permission can_view_analytics.';
call observability.comment_report('prompt_usage_analytics', 'was used');
comment on column app_public.prompt_usage_analytics.prompt_id is 'The prompt.';
comment on column app_public.prompt_usage_analytics.operation_type is E'@notNull\n@notPersonal\nThe kind of operation it was used in.';
grant select on app_public.prompt_usage_analytics to rowhouse_user;

create or replace view app_public.panel_analytics with (security_invoker = true) as
  select metering.derived_id(row(r.tenant_id, r.kind, r.subject_id, r.operation, r.day)::text) as id, r.tenant_id, r.day,
         r.subject_id as panel_id, r.operation as operation_type, r.execution_count, r.success_count, r.error_count, r.success_rate,
         r.average_ms, r.p50_ms, r.p95_ms, r.p99_ms, r.token_count, r.cost_usd
    from observability.operation_reports r where r.kind = 'panel';
comment on view app_public.panel_analytics is
  E'@primaryKey id\n@behavior -query:resource:single\nWhat agents did in panel discussions, by calendar day, panel and kind of operation. The report is about a minute old. It needs the permission can_view_analytics.';
call observability.comment_report('panel_analytics', 'happened');
comment on column app_public.panel_analytics.panel_id is 'The panel discussion.';
comment on column app_public.panel_analytics.operation_type is E'@notNull\n@notPersonal\nThe kind of operation.';
grant select on app_public.panel_analytics to rowhouse_user;

create or replace view app_public.performance_metrics with (security_invoker = true) as
  select metering.derived_id(row(r.tenant_id, r.kind, r.subject_id, r.operation, r.day)::text) as id, r.*
    from observability.operation_reports r;
comment on view app_public.performance_metrics is
  E'@primaryKey id\n@behavior -query:resource:single\nHow long operations took and how many failed, by calendar day, kind, subject and operation. The report is about a minute old. It needs the permission can_view_analytics.';
call observability.comment_report('performance_metrics', 'happened');
comment on column app_public.performance_metrics.kind is E'@notNull\nWhat the operations are counted by. An operation of an agent with a prompt counts for both.';
comment on column app_public.performance_metrics.subject_id is 'The agent, prompt, workflow, panel or tool; null for what is not in the catalogue, and for events.';
comment on column app_public.performance_metrics.operation is E'@notNull\nThe kind of operation, the name of the tool, or the name of the event.';
grant select on app_public.performance_metrics to rowhouse_user;
