-- Runs of workflows
-- Records of agents
drop type app_public.new_agent_run, app_public.new_agent_event, app_public.new_agent_outcome, app_public.new_agent_fact cascade;
drop table app_public.agent_knowledge, app_public.agent_knowledge_base, app_public.agent_patterns, app_public.agent_outcomes,
  app_public.agent_events, app_public.agent_execution_logs cascade;
drop domain app_public.agent_fact_status, app_public.agent_fact_origin, app_public.agent_presence, app_public.agent_event_severity,
  app_public.agent_run_status cascade;
-- Approvals and schedules
-- Tasks
drop table app_public.agent_supervisors cascade;
drop table app_public.task_delegation_history cascade;
drop table app_public.task_idempotency_keys cascade;
drop table app_public.task_state_transitions cascade;
drop table app_public.tasks cascade;
drop type app_public.task_lease cascade;
drop schema runtime cascade;
drop type app_public.delegation_type cascade;
drop type app_public.task_priority cascade;
drop type app_public.task_status cascade;
