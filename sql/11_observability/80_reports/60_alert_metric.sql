-- Alerts over a report: what the runs of a report brought is a metric when it is one number. So an alert looks at a stranger's
-- statement behind the same walls and limits as everything else of reports, as often as its schedule runs it.

create or replace view observability.report_values with (security_invoker = true) as
select n.tenant_id, n.report_id, n.finished_at, (r.rows #>> '{0,0}')::numeric as value
  from app_public.analytics_report_runs n
  join app_public.analytics_reports a on a.tenant_id = n.tenant_id and a.id = n.report_id
  join observability.report_results r on r.tenant_id = n.tenant_id and r.run_id = n.id
 -- Alerts are read with can_view_analytics alone.
 where n.status = 'completed' and n.row_count = 1 and not a.reads_billing
   and jsonb_array_length(r.columns) = 1 and r.columns #>> '{0,kind}' = 'number' and r.rows #>> '{0,0}' ~ '^-?[0-9]';
comment on view observability.report_values is 'The results of runs that are one number.';

call observability.define_metric('report_value', 'What the runs of a report brought, when it is one number. Name the report.', 'the report''s own',
  '{average,least,greatest}', 'observability.report_values t', 't.value', 't.finished_at', filter_columns => '{"report_id": "t.report_id::text"}');
