-- Steps that call out
drop table app_public.outgoing_hosts;
-- Runs of workflows
-- Records of agents
-- Approvals and schedules
-- Tasks
drop schema runtime cascade;
