-- Steps that call out
drop table app_public.outgoing_hosts;
-- Runs of workflows
drop table app_public.workflow_step_runs;
drop table app_public.workflow_runs;
-- Records of agents
-- Approvals and schedules
-- Tasks
drop schema runtime cascade;
drop domain app_public.workflow_step_status;
drop type app_public.workflow_status;
