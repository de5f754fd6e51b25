-- Runtime: tasks that agents do, the people who approve, schedules, what agents keep of their runs, and workflows that run.

create schema runtime authorization rowhouse_owner;
comment on schema runtime is 'Tasks of agents, approvals, schedules, records of agents, and runs of workflows.';
grant usage on schema runtime to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Tasks ---------------------------------------------------------------------------------------------------------------------

-- Approvals and schedules -----------------------------------------------------------------------------------------------------

-- Records of agents -------------------------------------------------------------------------------------------------------------

-- Runs of workflows -------------------------------------------------------------------------------------------------------------

create type app_public.workflow_status as enum ('draft', 'active', 'paused', 'completed', 'failed', 'archived');
create domain app_public.workflow_step_status as text
  constraint workflow_step_status_is_known check (value in ('ready', 'running', 'waiting', 'completed', 'failed', 'skipped', 'cancelled'));

-- A version of a workflow as the interpreter reads it: nodes and edges as rows. All runs of a version share its plan.
create table runtime.workflow_plans (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  -- a workflow of this tenant, or one that is shared with it
  workflow_id uuid not null,
  version text not null,
  content_hash bytea not null,
  content jsonb not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, workflow_id, content_hash)
);
call core.limit_length('runtime.workflow_plans', 100, 'version');
call core.limit_bytes('runtime.workflow_plans', 64, 'content_hash');
call core.limit_bytes('runtime.workflow_plans', 4000000, 'content');

create table runtime.workflow_plan_nodes (
  tenant_id uuid not null,
  plan_id uuid not null,
  node_id text not null,
  ordinal int not null,
  kind text not null,
  config jsonb not null,
  -- the loops around it, the outermost first, and itself
  chain text[] not null,
  primary key (tenant_id, plan_id, node_id),
  foreign key (tenant_id, plan_id) references runtime.workflow_plans (tenant_id, id) on delete cascade
);
call core.limit_length('runtime.workflow_plan_nodes', 100, 'node_id');
call core.limit_length('runtime.workflow_plan_nodes', 20, 'kind');
call core.limit_bytes('runtime.workflow_plan_nodes', 1000000, 'config');
call core.limit_entries('runtime.workflow_plan_nodes', 20, 'chain');

-- An edge lies at a level: that of the innermost loop that holds both of its ends, '' when none does. There it leads from one
-- node of the level to another; an end within a deeper loop is stood for by that loop.
create table runtime.workflow_plan_edges (
  tenant_id uuid not null,
  plan_id uuid not null,
  ordinal int not null,
  -- '' for the edge by which a run enters its first nodes
  from_node text not null,
  to_node text not null,
  to_chain text[] not null,
  condition text,
  level text not null,
  level_from text not null,
  level_to text not null,
  primary key (tenant_id, plan_id, ordinal),
  foreign key (tenant_id, plan_id) references runtime.workflow_plans (tenant_id, id) on delete cascade
);
call core.limit_length('runtime.workflow_plan_edges', 100, 'from_node', 'to_node', 'level', 'level_from', 'level_to');
call core.limit_length('runtime.workflow_plan_edges', 1000, 'condition');
call core.limit_entries('runtime.workflow_plan_edges', 20, 'to_chain');
create index on runtime.workflow_plan_edges (tenant_id, plan_id, from_node);
create index on runtime.workflow_plan_edges (tenant_id, plan_id, level_from);
create index on runtime.workflow_plan_edges (tenant_id, plan_id, level_to);

-- Runs and their steps change until they end, so they lie in no partitions; retention deletes those that have ended.
create table app_public.workflow_runs (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  workflow_id uuid not null,
  workflow_name text not null,
  plan_id uuid not null,
  status app_public.workflow_status not null default 'active',
  input jsonb not null,
  output jsonb,
  error_code text,
  error_message text,
  idempotency_key text,
  started_by_user_id uuid references app_public.user_profiles (id) on delete set null,

  -- a run within a run: the step that waits for it, and the run at the top, whose row is the lock of the whole tree
  root_run_id uuid not null,
  parent_step_run_id uuid,
  depth int not null default 0,

  -- of the whole tree; only the root's are kept
  step_count int not null default 0,
  output_bytes bigint not null default 0,
  -- of this run's own steps
  tokens bigint not null default 0,
  cost numeric not null default 0,

  deadline_at timestamptz not null,
  -- while it is paused its time stands still
  paused_at timestamptz,
  started_at timestamptz not null,
  finished_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, plan_id) references runtime.workflow_plans (tenant_id, id),
  foreign key (tenant_id, root_run_id) references app_public.workflow_runs (tenant_id, id) on delete cascade,

  constraint workflow_name_is_a_name check (core.is_name(workflow_name)),
  constraint idempotency_key_is_a_key check (length(idempotency_key) between 1 and 255),
  constraint depth_is_in_range check (depth between 0 and 5),
  constraint cost_is_not_negative check (cost >= 0),
  constraint tokens_is_not_negative check (tokens >= 0),
  constraint paused_at_is_of_a_pause check ((status = 'paused') = (paused_at is not null)),
  constraint finished_at_is_of_an_end check ((status in ('completed', 'failed', 'archived')) = (finished_at is not null))
);
call core.limit_length('app_public.workflow_runs', 255, 'workflow_name', 'idempotency_key');
call core.limit_length('app_public.workflow_runs', 100, 'error_code');
call core.limit_length('app_public.workflow_runs', 2000, 'error_message');
call core.limit_bytes('app_public.workflow_runs', 1000000, 'input');
call core.limit_bytes('app_public.workflow_runs', 20000000, 'output');
create unique index workflow_runs_idempotency_key on app_public.workflow_runs (tenant_id, idempotency_key);
create index on app_public.workflow_runs (tenant_id, started_at, id);
create index on app_public.workflow_runs (tenant_id, workflow_id, started_at, id);
create index on app_public.workflow_runs (tenant_id, status, started_at, id);
create index on app_public.workflow_runs (tenant_id, root_run_id);
create index on app_public.workflow_runs (tenant_id, plan_id);
create index on app_public.workflow_runs (tenant_id, parent_step_run_id) where parent_step_run_id is not null;
create index on app_public.workflow_runs (started_by_user_id);
create index workflow_runs_due on app_public.workflow_runs (deadline_at) where status = 'active';

create table app_public.workflow_step_runs (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  run_id uuid not null,
  root_run_id uuid not null,
  sequence int not null,
  node_id text not null,
  kind text not null,
  -- in which iterations of which loops: '' outside of loops, else l[2] or l[2]/m[0]
  scope text not null default '',
  -- of a step for one item of a fan-out: its place, from 0; and the step that gathers them
  item_index int,
  parent_step_run_id uuid,
  -- the step whose max_concurrency limits it, and whether it waits for its turn
  throttle_id uuid,
  is_queued boolean not null default false,
  status app_public.workflow_step_status not null,
  attempt int not null default 0,
  lost_count int not null default 0,
  input jsonb,
  output jsonb,
  error_code text,
  error_message text,
  -- the failed attempts before the last one
  failures jsonb not null default '[]',

  -- the edges that led to it, and those that were taken from it; of a loop, also those into its present iteration
  entered_edges int[] not null default '{}',
  taken_edges int[] not null default '{}',
  iteration int,
  iteration_edges int[] not null default '{}',

  available_at timestamptz,
  wake_at timestamptz,
  worker text,
  lease_token uuid,
  leased_until timestamptz,
  timeout_at timestamptz,
  reservation_id uuid,
  approval_id uuid,
  tokens bigint not null default 0,
  cost numeric not null default 0,

  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  -- a retry from an earlier step does this one again
  superseded_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, run_id) references app_public.workflow_runs (tenant_id, id) on delete cascade,

  constraint kind_is_a_word check (kind ~ '^[a-z_]{1,20}$'),
  constraint item_index_is_in_range check (item_index between 0 and 1000),
  constraint tokens_is_not_negative check (tokens >= 0),
  constraint cost_is_not_negative check (cost >= 0),
  constraint failures_is_an_array check (jsonb_typeof(failures) = 'array'),
  constraint lease_is_of_a_running_step check ((status = 'running') = (lease_token is not null)),
  constraint finished_at_is_of_an_end
    check ((status in ('completed', 'failed', 'skipped', 'cancelled')) = (finished_at is not null))
);
call core.limit_length('app_public.workflow_step_runs', 100, 'node_id', 'error_code');
call core.limit_length('app_public.workflow_step_runs', 1000, 'scope');
call core.limit_length('app_public.workflow_step_runs', 20, 'kind');
call core.limit_length('app_public.workflow_step_runs', 255, 'worker');
call core.limit_length('app_public.workflow_step_runs', 2000, 'error_message');
call core.limit_bytes('app_public.workflow_step_runs', 1000000, 'input');
call core.limit_bytes('app_public.workflow_step_runs', 20000000, 'output');
call core.limit_bytes('app_public.workflow_step_runs', 100000, 'failures');
call core.limit_entries('app_public.workflow_step_runs', 2500, 'entered_edges', 'taken_edges', 'iteration_edges');
-- A place of a run has one step.
create unique index workflow_step_runs_place_key on app_public.workflow_step_runs
  (tenant_id, run_id, scope, node_id, item_index) nulls not distinct where superseded_at is null;
create index on app_public.workflow_step_runs (tenant_id, run_id, sequence);
create index on app_public.workflow_step_runs (tenant_id, run_id, node_id, sequence) where superseded_at is null and item_index is null;
create index workflow_step_runs_open on app_public.workflow_step_runs (tenant_id, run_id, scope)
  where finished_at is null and superseded_at is null;
create index workflow_step_runs_throttled on app_public.workflow_step_runs (tenant_id, throttle_id) where throttle_id is not null and finished_at is null;
create index on app_public.workflow_step_runs (tenant_id, parent_step_run_id, item_index) where parent_step_run_id is not null;
create index on app_public.workflow_step_runs (tenant_id, approval_id) where approval_id is not null;
create index workflow_step_runs_reserved on app_public.workflow_step_runs (tenant_id, root_run_id) where reservation_id is not null;
-- of all tenants, for the workers
create index workflow_step_runs_ready on app_public.workflow_step_runs (available_at) where status = 'ready';
create index workflow_step_runs_leased on app_public.workflow_step_runs (leased_until) where status = 'running';
create index workflow_step_runs_waking on app_public.workflow_step_runs (wake_at) where wake_at is not null and finished_at is null;

-- What a run may become.
create table runtime.workflow_moves (
  from_status app_public.workflow_status not null,
  to_status app_public.workflow_status not null,
  primary key (from_status, to_status)
);
insert into runtime.workflow_moves (from_status, to_status)
values ('active', 'paused'), ('active', 'completed'), ('active', 'failed'), ('paused', 'active'), ('paused', 'failed'), ('paused', 'completed'),
       ('failed', 'active'), ('completed', 'active'), ('completed', 'archived'), ('failed', 'archived');

-- What a worker gets for a step that it has claimed.
create type runtime.claimed_workflow_step as (
  tenant_id uuid,
  step_run_id uuid,
  run_id uuid,
  attempt int,
  lease_token uuid,
  kind text,
  config jsonb,
  input jsonb,
  idempotency_key text,
  timeout_seconds int
);

-- The end of the runtime's tables -----------------------------------------------------------------------------------------------

reset role;
