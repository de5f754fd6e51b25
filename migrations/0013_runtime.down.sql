-- Runs of workflows
-- Records of agents
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
