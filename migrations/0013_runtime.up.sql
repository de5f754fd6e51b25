-- Runtime: tasks that agents do, the people who approve, schedules, what agents keep of their runs, and workflows that run.

create schema runtime authorization rowhouse_owner;
comment on schema runtime is 'Tasks of agents, approvals, schedules, records of agents, and runs of workflows.';
grant usage on schema runtime to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Tasks ---------------------------------------------------------------------------------------------------------------------

-- Approvals and schedules -----------------------------------------------------------------------------------------------------

-- Records of agents -------------------------------------------------------------------------------------------------------------

-- Runs of workflows -------------------------------------------------------------------------------------------------------------

-- Steps that call out ---------------------------------------------------------------------------------------------------------------

-- Which hosts the tools of a tenant may call, and which of its secrets may be sent to each.
create table app_public.outgoing_hosts (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  host text not null,
  description text,
  secret_names text[] not null default '{}',
  created_by_user_id uuid default core.current_user_id() references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, host),
  -- a name, a name with *. before it for what is below it, or an address in its one spelling
  constraint host_is_a_host check (
    length(host) <= 253 and (host ~ '^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)+$' or host ~ '^[a-z0-9-]+$' or host ~ '^\[[0-9a-f:]+\]$')),
  constraint secret_names_are_given check (array_position(secret_names, null) is null)
);
call core.limit_length('app_public.outgoing_hosts', 1000, 'description');
call core.limit_entries('app_public.outgoing_hosts', 50, 'secret_names');
create index on app_public.outgoing_hosts (created_by_user_id);

-- The end of the runtime's tables -----------------------------------------------------------------------------------------------

reset role;
