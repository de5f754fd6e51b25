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
