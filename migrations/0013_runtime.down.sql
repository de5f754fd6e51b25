-- Runs of workflows
-- Records of agents
-- Approvals and schedules
-- Tasks
drop schema runtime cascade;
