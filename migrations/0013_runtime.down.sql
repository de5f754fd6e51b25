-- Steps that call out
drop table app_public.outgoing_hosts cascade;
-- Runs of workflows
drop table app_public.workflow_step_runs cascade;
drop table app_public.workflow_runs cascade;
drop domain app_public.workflow_step_status cascade;
drop type app_public.workflow_status cascade;
-- Records of agents
drop type app_public.new_agent_run, app_public.new_agent_event, app_public.new_agent_outcome, app_public.new_agent_fact cascade;
drop table app_public.agent_knowledge, app_public.agent_knowledge_base, app_public.agent_patterns, app_public.agent_outcomes,
  app_public.agent_events, app_public.agent_execution_logs cascade;
drop domain app_public.agent_fact_status, app_public.agent_fact_origin, app_public.agent_presence, app_public.agent_event_severity,
  app_public.agent_run_status cascade;
-- Approvals and schedules
drop table app_public.agent_scheduled_runs cascade;
drop table app_public.agent_scheduled_tasks cascade;
drop table app_public.agent_approval_votes cascade;
drop table app_public.agent_approvals cascade;
drop table app_public.approval_policies cascade;
drop type app_public.approval_terms cascade;
drop domain app_public.scheduled_run_status, app_public.overlap_policy, app_public.missed_runs_policy, app_public.approval_cause, app_public.approval_answer, app_public.approval_status cascade;
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
