drop type app_public.report_link,
  app_public.report_column cascade;
drop table observability.report_tickets,
  observability.report_mails,
  observability.report_results,
  app_public.analytics_report_runs,
  app_public.analytics_reports,
  app_public.report_templates cascade;
drop type app_public.report_parameter cascade;
drop domain app_public.report_format,
  app_public.report_run_status,
  app_public.report_parameter_type cascade;
drop type app_public.tenant_health,
  app_public.alert_status cascade;
drop table vault.alert_slack,
  app_public.alert_notifications,
  app_public.alert_logs,
  observability.alert_states,
  app_public.alerts,
  app_public.alert_metrics,
  app_public.health_checks,
  app_public.llm_provider_health_checks cascade;
drop schema analytics cascade;
drop type app_public.recording_receipt,
  app_public.new_analytics_event,
  app_public.new_tool_execution,
  app_public.new_agent_metric cascade;
drop table app_public.analytics_events,
  app_public.analytics_event_types,
  app_public.tool_executions,
  app_public.agent_metrics cascade;
drop schema observability cascade;
drop domain app_public.operation_kind,
  app_public.tool_execution_status cascade;
drop domain app_public.alert_state,
  app_public.alert_severity,
  app_public.alert_comparator,
  app_public.alert_aggregation,
  app_public.alert_notification_status,
  app_public.health_status,
  app_public.circuit_state cascade;
