-- Runtime: tasks that agents do, the people who approve, schedules, what agents keep of their runs, and workflows that run.

create schema runtime authorization rowhouse_owner;
comment on schema runtime is 'Tasks of agents, approvals, schedules, records of agents, and runs of workflows.';
grant usage on schema runtime to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Tasks ---------------------------------------------------------------------------------------------------------------------

-- Approvals and schedules -----------------------------------------------------------------------------------------------------

-- Records of agents -------------------------------------------------------------------------------------------------------------

-- Runs of workflows -------------------------------------------------------------------------------------------------------------

-- The end of the runtime's tables -----------------------------------------------------------------------------------------------

reset role;
