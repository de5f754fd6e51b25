-- Runtime: tasks that agents do, the people who approve, schedules, what agents keep of their runs, and workflows that run.

create schema runtime authorization rowhouse_owner;
comment on schema runtime is 'Tasks of agents, approvals, schedules, records of agents, and runs of workflows.';
grant usage on schema runtime to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Tasks ---------------------------------------------------------------------------------------------------------------------

create type app_public.task_status as enum
  ('pending', 'assigned', 'in_progress', 'completed', 'failed', 'cancelled', 'delegated', 'awaiting_approval');
create type app_public.task_priority as enum ('low', 'medium', 'high', 'critical');
create type app_public.delegation_type as enum ('handoff', 'collaboration', 'supervision', 'consultation');

create table app_public.tasks (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  -- the default is what an erasure leaves
  title text not null default 'Task',
  description text,
  status app_public.task_status not null,
  priority app_public.task_priority not null default 'medium',

  -- Agents may be shared by another tenant, and a task outlives agents and people, so no foreign key refers to them.
  assigned_agent_id uuid,
  required_capability text,
  -- who may claim it: one agent, those with a capability, or all
  lane text not null generated always as (
    case when assigned_agent_id is not null then 'agent ' || assigned_agent_id
         when required_capability is not null then 'capability ' || required_capability
         else '' end) stored,
  -- the priority of what waits, 1 for low to 4 for critical
  urgency smallint generated always as (
    case when status in ('pending', 'assigned')
         then case priority when 'low' then 1 when 'medium' then 2 when 'high' then 3 else 4 end end) stored,

  input jsonb not null default '{}',
  input_schema jsonb,
  output jsonb,
  output_schema jsonb,

  -- since when it may be claimed; a retry moves it into the future
  available_at timestamptz not null,
  due_at timestamptz,
  attempt_count int not null default 0,
  max_attempts int not null default 3,
  retry_delay interval not null default '10 seconds',
  -- the agent that holds the lease, or held the last one
  held_by_agent_id uuid,
  -- of the holder's token, which nobody can read here
  lease_hash bytea,
  lease_expires_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  -- who brought it into its state, and why; the transition takes them from here
  status_agent_id uuid,
  status_reason text,
  transition_count int not null default 1,

  parent_task_id uuid,
  root_task_id uuid not null,
  depth int not null default 0,
  -- of the whole tree; only the root's is kept
  subtask_count int not null default 0,

  -- of a task that was made by delegation: how, and by which agents it came
  delegation_type app_public.delegation_type,
  delegated_by_agent_ids uuid[] not null default '{}',
  max_delegations int not null default 3,
  delegation_count int not null default 0,
  auto_escalate boolean not null default false,
  escalation_timeout interval,
  escalates_at timestamptz,
  escalation_count int not null default 0,

  created_by_user_id uuid,
  created_by_agent_id uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, parent_task_id) references app_public.tasks (tenant_id, id) on delete cascade,

  constraint title_is_a_name check (core.is_name(title)),
  constraint required_capability_is_a_word check (required_capability ~ '^[a-z][a-z0-9_.:-]{0,62}$'),
  constraint input_schema_is_a_schema check (jsonb_typeof(input_schema) = 'object'),
  constraint output_schema_is_a_schema check (jsonb_typeof(output_schema) = 'object'),
  constraint max_attempts_is_in_range check (max_attempts between 1 and 20),
  constraint retry_delay_is_in_range check (retry_delay between interval '1 second' and interval '1 day'),
  constraint depth_is_in_range check (depth between 0 and 10),
  constraint subtask_count_is_in_range check (subtask_count between 0 and 1000),
  constraint max_delegations_is_in_range check (max_delegations between 0 and 20),
  constraint delegation_count_is_in_range check (delegation_count between 0 and max_delegations),
  constraint escalation_timeout_is_in_range check (escalation_timeout between interval '1 minute' and interval '366 days'),
  constraint escalation_has_a_timeout check (not auto_escalate or escalation_timeout is not null),
  constraint lease_is_of_work_in_progress check ((status = 'in_progress') = (lease_expires_at is not null)),
  constraint finished_at_is_of_an_end check ((status in ('completed', 'failed', 'cancelled')) = (finished_at is not null))
);
call core.limit_length('app_public.tasks', 255, 'title');
call core.limit_length('app_public.tasks', 10000, 'description');
call core.limit_length('app_public.tasks', 2000, 'status_reason');
call core.limit_length('app_public.tasks', 63, 'required_capability');
call core.limit_length('app_public.tasks', 100, 'lane');
call core.limit_bytes('app_public.tasks', 1000000, 'input', 'output');
call core.limit_bytes('app_public.tasks', 20000, 'input_schema', 'output_schema');
call core.limit_bytes('app_public.tasks', 32, 'lease_hash');
call core.limit_entries('app_public.tasks', 32, 'delegated_by_agent_ids');
-- The order of the lines; what waits for its retry lies behind what may be claimed. Comparing enums is not leakproof, so behind the
-- wall no index would be used for it; comparing numbers and times is.
create index tasks_waiting on app_public.tasks (tenant_id, lane, urgency, available_at) where urgency is not null;
create index tasks_leased on app_public.tasks (tenant_id, lease_expires_at) where lease_expires_at is not null;
create index tasks_escalating on app_public.tasks (escalates_at) where escalates_at is not null;
create index on app_public.tasks (tenant_id, created_at);
create index on app_public.tasks (tenant_id, assigned_agent_id, created_at) where assigned_agent_id is not null;
create index on app_public.tasks (tenant_id, parent_task_id);

-- What a task may become. A new task comes from no state.
create table runtime.task_moves (
  from_status app_public.task_status,
  to_status app_public.task_status not null,
  unique nulls not distinct (from_status, to_status)
);
insert into runtime.task_moves (from_status, to_status)
values (null, 'pending'), (null, 'assigned'), (null, 'awaiting_approval'),
       ('pending', 'assigned'), ('pending', 'in_progress'), ('pending', 'awaiting_approval'), ('pending', 'cancelled'),
       -- to another agent
       ('assigned', 'assigned'), ('awaiting_approval', 'awaiting_approval'),
       ('assigned', 'pending'), ('assigned', 'in_progress'), ('assigned', 'delegated'), ('assigned', 'awaiting_approval'),
       ('assigned', 'cancelled'),
       ('in_progress', 'pending'), ('in_progress', 'assigned'), ('in_progress', 'delegated'), ('in_progress', 'awaiting_approval'),
       ('in_progress', 'completed'), ('in_progress', 'failed'), ('in_progress', 'cancelled'),
       ('delegated', 'pending'), ('delegated', 'assigned'), ('delegated', 'cancelled'),
       ('awaiting_approval', 'pending'), ('awaiting_approval', 'assigned'), ('awaiting_approval', 'failed'),
       ('awaiting_approval', 'cancelled');

create table app_public.task_state_transitions (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  task_id uuid not null,
  ordinal int not null,
  from_status app_public.task_status,
  to_status app_public.task_status not null,
  transitioned_by uuid,
  user_id uuid,
  reason text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null,
  primary key (tenant_id, task_id, ordinal, created_at),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
) partition by range (created_at);
call core.limit_length('app_public.task_state_transitions', 2000, 'reason');
call core.limit_bytes('app_public.task_state_transitions', 8192, 'metadata');
create index on app_public.task_state_transitions (tenant_id, created_at);
create table runtime.task_state_transitions_default partition of app_public.task_state_transitions default;

create table app_public.task_idempotency_keys (
  tenant_id uuid not null,
  idempotency_key text not null,
  request_hash bytea not null,
  task_id uuid not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, idempotency_key),
  -- the key is taken first, so that of many who create one task only one does
  foreign key (tenant_id, task_id) references app_public.tasks (tenant_id, id) on delete cascade deferrable initially deferred,
  constraint idempotency_key_is_not_empty check (idempotency_key <> ''),
  constraint request_hash_is_sha_256 check (octet_length(request_hash) = 32)
);
call core.limit_length('app_public.task_idempotency_keys', 255, 'idempotency_key');
create index on app_public.task_idempotency_keys (tenant_id, task_id);
create index on app_public.task_idempotency_keys (expires_at);

create table app_public.task_delegation_history (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  task_id uuid not null,
  from_agent_id uuid,
  to_agent_id uuid not null,
  delegation_type app_public.delegation_type not null,
  reason text,
  metadata jsonb not null default '{}',
  -- the task that the other agent does, unless it was handed the task itself
  delegated_task_id uuid,
  is_escalation boolean not null default false,
  user_id uuid,
  created_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, task_id) references app_public.tasks (tenant_id, id) on delete cascade,
  foreign key (tenant_id, delegated_task_id) references app_public.tasks (tenant_id, id) on delete cascade,
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
call core.limit_length('app_public.task_delegation_history', 2000, 'reason');
call core.limit_bytes('app_public.task_delegation_history', 8192, 'metadata');
create index on app_public.task_delegation_history (tenant_id, task_id, created_at);
create index on app_public.task_delegation_history (tenant_id, delegated_task_id);

-- To whom an agent's tasks go when they take too long.
create table app_public.agent_supervisors (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  agent_id uuid not null,
  supervisor_agent_id uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, agent_id),
  constraint is_not_its_own_supervisor check (agent_id <> supervisor_agent_id)
);

-- What a worker gets that claims a task. Only with the token can it finish.
create type app_public.task_lease as (task_id uuid, lease_token uuid, lease_expires_at timestamptz, attempt int);

-- Approvals and schedules -----------------------------------------------------------------------------------------------------

-- Closed lists. GraphQL shows each of these domains as an enum.
create domain app_public.approval_status as text
  constraint approval_status_is_known check (value in ('pending', 'approved', 'rejected', 'withdrawn'));
create domain app_public.approval_answer as text
  constraint approval_answer_is_known check (value in ('approved', 'rejected'));
create domain app_public.approval_cause as text
  constraint approval_cause_is_known check (value in ('agent', 'policy', 'cost', 'request'));
create domain app_public.missed_runs_policy as text
  constraint missed_runs_policy_is_known check (value in ('skip', 'once', 'all'));
create domain app_public.overlap_policy as text
  constraint overlap_policy_is_known check (value in ('allow', 'skip', 'queue'));
create domain app_public.scheduled_run_status as text
  constraint scheduled_run_status_is_known check (value in ('running', 'queued', 'finished', 'skipped', 'missed', 'failed'));

create type app_public.approval_terms as (
  required_count int, is_four_eyes boolean, expires_after interval, default_answer app_public.approval_answer);
create type runtime.approval_subject as (kind text, id uuid, agent_id uuid, given_by_user_id uuid);

-- Agents and tools may be shared by another tenant, so no foreign key refers to them.
create table app_public.approval_policies (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  agent_id uuid,
  tool_id uuid,
  is_required boolean not null default false,
  cost_above_usd numeric(20, 10),
  required_count int not null default 1,
  is_four_eyes boolean not null default false,
  expires_after interval not null default '7 days',
  default_answer app_public.approval_answer not null default 'rejected',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique nulls not distinct (tenant_id, agent_id, tool_id),
  constraint subject_is_an_agent_or_a_tool check (num_nonnulls(agent_id, tool_id) <= 1),
  constraint cost_above_usd_is_not_negative check (cost_above_usd >= 0),
  constraint required_count_is_in_range check (required_count between 1 and 5),
  constraint expires_after_is_in_range check (expires_after between interval '1 minute' and interval '366 days')
);

create table app_public.agent_approvals (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  -- What it is about, such as a task. Its owner has a trigger of its own on this table, which does what follows.
  subject_kind text not null,
  subject_id uuid not null,
  agent_id uuid,
  -- The default is what an erasure leaves.
  title text not null default '(erased)',
  details jsonb not null default '{}',
  cause app_public.approval_cause not null,
  cost_usd numeric(20, 10),
  status app_public.approval_status not null default 'pending',
  required_count int not null,
  is_four_eyes boolean not null,
  default_answer app_public.approval_answer not null,
  expires_at timestamptz not null,
  requested_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  requested_by_agent_id uuid,
  given_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  decided_at timestamptz,
  decision_reason text,
  is_default_answer boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint subject_kind_is_a_word check (subject_kind ~ '^[a-z][a-z_]{0,39}$'),
  constraint title_is_a_name check (core.is_name(title)),
  constraint details_are_an_object check (jsonb_typeof(details) = 'object'),
  constraint cost_usd_is_not_negative check (cost_usd >= 0),
  constraint required_count_is_in_range check (required_count between 1 and 5),
  constraint decided_at_is_of_an_end check ((status = 'pending') = (decided_at is null))
);
call core.limit_length('app_public.agent_approvals', 40, 'subject_kind');
call core.limit_length('app_public.agent_approvals', 255, 'title');
call core.limit_length('app_public.agent_approvals', 2000, 'decision_reason');
call core.limit_bytes('app_public.agent_approvals', 100000, 'details');
create unique index agent_approvals_one_pending on app_public.agent_approvals (tenant_id, subject_kind, subject_id) where status = 'pending';
create index on app_public.agent_approvals (tenant_id, subject_kind, subject_id, created_at);
create index on app_public.agent_approvals (tenant_id, status, created_at);
create index on app_public.agent_approvals (tenant_id, agent_id, created_at);
create index on app_public.agent_approvals (tenant_id, created_at);
create index agent_approvals_pending on app_public.agent_approvals (tenant_id, agent_id) where status = 'pending';
create index agent_approvals_expiring on app_public.agent_approvals (tenant_id, expires_at) where status = 'pending';
create index on app_public.agent_approvals (requested_by_user_id);
create index on app_public.agent_approvals (given_by_user_id);

create table app_public.agent_approval_votes (
  tenant_id uuid not null,
  approval_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  answer app_public.approval_answer not null,
  reason text,
  created_at timestamptz not null,
  primary key (tenant_id, approval_id, user_id),
  foreign key (tenant_id, approval_id) references app_public.agent_approvals (tenant_id, id) on delete cascade
);
call core.limit_length('app_public.agent_approval_votes', 2000, 'reason');
create index on app_public.agent_approval_votes (user_id);

create table app_public.agent_scheduled_tasks (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,

  -- the task that each run creates
  title text not null,
  description text,
  priority app_public.task_priority not null default 'medium',
  assigned_agent_id uuid,
  required_capability text,
  input jsonb not null default '{}',

  cron_expression text,
  every interval,
  starts_at timestamptz not null default core.clock(),
  ends_at timestamptz,
  max_runs int,
  missed_runs app_public.missed_runs_policy not null default 'once',
  most_missed_runs int not null default 10,
  overlap app_public.overlap_policy not null default 'skip',
  is_paused boolean not null default false,

  next_run_at timestamptz,
  run_count int not null default 0,
  created_by_user_id uuid default core.current_user_id() references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name),
  constraint name_is_a_name check (core.is_name(name)),
  constraint title_is_a_name check (core.is_name(title)),
  constraint required_capability_is_a_word check (required_capability ~ '^[a-z][a-z0-9_.:-]{0,62}$'),
  constraint input_is_an_object check (jsonb_typeof(input) = 'object'),
  constraint timing_is_cron_or_an_interval check (num_nonnulls(cron_expression, every) = 1),
  constraint every_is_in_range check (
    every between interval '1 minute' and interval '366 days' and extract(year from every) = 0 and extract(month from every) = 0),
  constraint starts_at_is_finite check (isfinite(starts_at)),
  constraint ends_at_is_after_starts_at check (ends_at > starts_at),
  constraint max_runs_is_in_range check (max_runs between 1 and 1000000),
  constraint most_missed_runs_is_in_range check (most_missed_runs between 1 and 100)
);
call core.limit_length('app_public.agent_scheduled_tasks', 255, 'name', 'title');
call core.limit_length('app_public.agent_scheduled_tasks', 10000, 'description');
call core.limit_length('app_public.agent_scheduled_tasks', 63, 'required_capability');
call core.limit_length('app_public.agent_scheduled_tasks', 200, 'cron_expression');
call core.limit_bytes('app_public.agent_scheduled_tasks', 100000, 'input');
create index agent_scheduled_tasks_due on app_public.agent_scheduled_tasks (tenant_id, next_run_at) where next_run_at is not null;
create index on app_public.agent_scheduled_tasks (created_by_user_id);

create table app_public.agent_scheduled_runs (
  tenant_id uuid not null,
  scheduled_task_id uuid not null,
  -- The key is what makes ten workers run it once.
  planned_at timestamptz not null,
  status app_public.scheduled_run_status not null,
  is_manual boolean not null default false,
  task_id uuid,
  reason text,
  created_at timestamptz not null,
  primary key (tenant_id, scheduled_task_id, planned_at),
  foreign key (tenant_id, scheduled_task_id) references app_public.agent_scheduled_tasks (tenant_id, id) on delete cascade,
  foreign key (tenant_id, task_id) references app_public.tasks (tenant_id, id) on delete set null (task_id),
  constraint queued_has_no_task check (status <> 'queued' or task_id is null)
);
call core.limit_length('app_public.agent_scheduled_runs', 2000, 'reason');
create index on app_public.agent_scheduled_runs (tenant_id, task_id);
create index on app_public.agent_scheduled_runs (tenant_id, created_at);
create index agent_scheduled_runs_open on app_public.agent_scheduled_runs (tenant_id, scheduled_task_id) where status in ('running', 'queued');

-- Records of agents -------------------------------------------------------------------------------------------------------------
-- What agents report of themselves. Runs and events are only added to, and lie by month; outcomes stay as long as what was learned
-- from them, because patterns are exactly their sums.

create domain app_public.agent_run_status as text
  constraint agent_run_status_is_known check (value in ('success', 'error', 'timeout', 'cancelled'));
create domain app_public.agent_event_severity as text
  constraint agent_event_severity_is_known check (value in ('debug', 'info', 'warning', 'error', 'critical'));
create domain app_public.agent_presence as text
  constraint agent_presence_is_known check (value in ('online', 'idle', 'offline'));
create domain app_public.agent_fact_origin as text
  constraint agent_fact_origin_is_known check (value in ('chunk', 'document', 'task', 'run', 'person', 'other'));
create domain app_public.agent_fact_status as text
  constraint agent_fact_status_is_known check (value in ('future', 'current', 'expired', 'superseded', 'retracted'));

create table app_public.agent_execution_logs (
  tenant_id uuid not null,
  id uuid not null,
  started_at timestamptz not null,
  agent_id uuid not null,
  agent_version text,
  user_id uuid,
  api_key_id uuid,
  task_id uuid,
  conversation_id uuid,
  status app_public.agent_run_status not null,
  duration_ms int not null,
  input jsonb,
  output jsonb,
  steps jsonb not null default '[]',
  step_count int not null generated always as (jsonb_array_length(steps)) stored,
  tokens_input int not null default 0,
  tokens_output int not null default 0,
  cost_usd numeric not null default 0,
  error_type text,
  error_message text,
  metadata jsonb not null default '{}',
  primary key (tenant_id, started_at, id),

  constraint duration_ms_is_not_negative check (duration_ms >= 0),
  constraint steps_is_an_array check (jsonb_typeof(steps) = 'array'),
  constraint tokens_input_is_not_negative check (tokens_input >= 0),
  constraint tokens_output_is_not_negative check (tokens_output >= 0),
  constraint cost_usd_is_an_amount check (cost_usd >= 0 and cost_usd <= metering.max_amount()),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
) partition by range (started_at);
call core.limit_length('app_public.agent_execution_logs', 100, 'agent_version', 'error_type');
call core.limit_length('app_public.agent_execution_logs', 10000, 'error_message');
call core.limit_bytes('app_public.agent_execution_logs', 100000, 'input', 'output', 'steps');
call core.limit_bytes('app_public.agent_execution_logs', 8192, 'metadata');
create index on app_public.agent_execution_logs (tenant_id, agent_id, started_at);
create index on app_public.agent_execution_logs (tenant_id, task_id) where task_id is not null;
create table runtime.agent_execution_logs_default partition of app_public.agent_execution_logs default;

create table app_public.agent_events (
  tenant_id uuid not null,
  id uuid not null,
  occurred_at timestamptz not null,
  agent_id uuid not null,
  user_id uuid,
  api_key_id uuid,
  event_name text not null,
  severity app_public.agent_event_severity not null,
  message text,
  run_id uuid,
  task_id uuid,
  metadata jsonb not null default '{}',
  primary key (tenant_id, occurred_at, id),

  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
) partition by range (occurred_at);
call core.limit_length('app_public.agent_events', 100, 'event_name');
call core.limit_length('app_public.agent_events', 10000, 'message');
call core.limit_bytes('app_public.agent_events', 8192, 'metadata');
create index on app_public.agent_events (tenant_id, agent_id, occurred_at);
create table runtime.agent_events_default partition of app_public.agent_events default;

create table app_public.agent_outcomes (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null,
  observed_at timestamptz not null,
  agent_id uuid not null,
  user_id uuid,
  api_key_id uuid,
  pattern text not null,
  is_success boolean not null,
  note text,
  run_id uuid,
  task_id uuid,
  primary key (tenant_id, id),

  constraint pattern_is_a_name check (core.is_name(pattern))
);
call core.limit_length('app_public.agent_outcomes', 1000, 'note');
create index on app_public.agent_outcomes (tenant_id, agent_id, pattern, observed_at);
create index on app_public.agent_outcomes (tenant_id, observed_at, id);

-- The lower bound of the score interval for a share (E. B. Wilson, Probable inference, the law of succession, and statistical
-- inference, Journal of the American Statistical Association 22 (1927), 209 to 212) at 95 %. One success of one is 0.21, and a hundred
-- of a hundred are 0.96: a share is trusted as far as its support goes.
create function runtime.wilson_lower_bound(success_count bigint, trial_count bigint) returns double precision
  language sql immutable parallel safe
  return case when trial_count > 0 then (
    select greatest(0, (p.share + z.square / (2 * trial_count)
             - sqrt(z.square * (p.share * (1 - p.share) + z.square / (4 * trial_count)) / trial_count)) / (1 + z.square / trial_count))
      from (select least(greatest(success_count, 0), trial_count)::double precision / trial_count as share) as p
     cross join (select 1.959963984540054::double precision ^ 2 as square) as z) end;
comment on function runtime.wilson_lower_bound(bigint, bigint) is
  'The lower bound of Wilson''s 95 % score interval for a share of successes; null without trials.';

create table app_public.agent_patterns (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  agent_id uuid not null,
  name text not null,
  support_count bigint not null,
  success_count bigint not null,
  confidence double precision not null generated always as (runtime.wilson_lower_bound(success_count, support_count)) stored,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  primary key (tenant_id, agent_id, name),

  constraint support_count_is_positive check (support_count > 0),
  constraint success_count_is_within_support check (success_count between 0 and support_count)
);
call core.limit_length('app_public.agent_patterns', 255, 'name');
create index on app_public.agent_patterns (tenant_id, confidence, agent_id, name);

-- The knowledge of an agent is a knowledge source, and each fact that holds is a document in it.
create table app_public.agent_knowledge_base (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  agent_id uuid not null,
  source_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, agent_id),
  unique (tenant_id, source_id),
  foreign key (tenant_id, agent_id) references app_public.agents (tenant_id, id) on delete cascade,
  foreign key (tenant_id, source_id) references app_public.rag_knowledge_sources (tenant_id, id) on delete cascade
);

-- valid_from and valid_to say when a fact holds in the world; recorded_at and ended_at, since when and until when the agent believed it.
create table app_public.agent_knowledge (
  tenant_id uuid not null,
  id uuid not null,
  agent_id uuid not null,
  subject text not null,
  statement text not null,
  confidence numeric(3, 2),
  valid_from timestamptz not null,
  valid_to timestamptz not null default 'infinity',
  origin app_public.agent_fact_origin not null,
  origin_id text,
  origin_excerpt text,
  about_user_id uuid references app_public.user_profiles (id) on delete cascade,
  recorded_by_user_id uuid references app_public.user_profiles (id) on delete set null (recorded_by_user_id),
  api_key_id uuid,
  recorded_at timestamptz not null,
  ended_at timestamptz,
  superseded_by_id uuid,
  retraction_reason text,
  -- null while it is not searched
  document_id uuid,
  primary key (tenant_id, id),

  foreign key (tenant_id, agent_id) references app_public.agents (tenant_id, id) on delete cascade,
  foreign key (tenant_id, document_id) references app_public.documents (tenant_id, id) on delete set null (document_id),
  constraint subject_is_a_name check (core.is_name(subject)),
  constraint statement_is_in_range check (statement ~ '\S' and length(statement) <= 10000),
  constraint confidence_is_a_share check (confidence between 0 and 1),
  constraint valid_to_is_after_valid_from check (valid_to > valid_from),
  constraint only_an_ended_fact_has_a_successor check (superseded_by_id is null or ended_at is not null),
  constraint only_a_retracted_fact_has_a_reason check (retraction_reason is null or ended_at is not null and superseded_by_id is null),
  constraint an_ended_fact_is_not_searched check (ended_at is null or document_id is null)
);
call core.limit_length('app_public.agent_knowledge', 255, 'origin_id');
call core.limit_length('app_public.agent_knowledge', 1000, 'origin_excerpt', 'retraction_reason');
create index on app_public.agent_knowledge (tenant_id, agent_id, recorded_at);
create index on app_public.agent_knowledge (tenant_id, ended_at) where ended_at is not null;
create index on app_public.agent_knowledge (tenant_id, document_id);
create index on app_public.agent_knowledge (about_user_id);
create index on app_public.agent_knowledge (recorded_by_user_id);
-- What a task looks for: facts that no longer hold and are still searched, and facts that hold and are not.
create index agent_knowledge_searched_idx on app_public.agent_knowledge (valid_to) where document_id is not null;
create index agent_knowledge_unsearched_idx on app_public.agent_knowledge (valid_to) where document_id is null and ended_at is null;

create type app_public.new_agent_run as (
  idempotency_key text,
  started_at timestamptz,
  agent_id uuid,
  agent_version text,
  user_id uuid,
  task_id uuid,
  conversation_id uuid,
  status app_public.agent_run_status,
  duration_ms int,
  input jsonb,
  output jsonb,
  steps jsonb,
  tokens_input int,
  tokens_output int,
  cost_usd numeric,
  error_type text,
  error_message text,
  metadata jsonb
);

create type app_public.new_agent_event as (
  idempotency_key text,
  occurred_at timestamptz,
  agent_id uuid,
  user_id uuid,
  event_name text,
  severity app_public.agent_event_severity,
  message text,
  run_id uuid,
  task_id uuid,
  metadata jsonb
);

create type app_public.new_agent_outcome as (
  idempotency_key text,
  observed_at timestamptz,
  agent_id uuid,
  user_id uuid,
  pattern text,
  is_success boolean,
  note text,
  run_id uuid,
  task_id uuid
);

create type app_public.new_agent_fact as (
  idempotency_key text,
  subject text,
  statement text,
  confidence numeric,
  valid_from timestamptz,
  valid_to timestamptz,
  origin app_public.agent_fact_origin,
  origin_id text,
  origin_excerpt text,
  about_user_id uuid,
  supersedes_id uuid
);

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
  input jsonb not null default '{}',
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

  -- steps from which the next transaction goes on, when a run goes far without waiting
  pending_ids uuid[] not null default '{}',
  continue_at timestamptz,

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
create index workflow_runs_continuing on app_public.workflow_runs (continue_at) where continue_at is not null;
call core.limit_entries('app_public.workflow_runs', 20000, 'pending_ids');

create table app_public.workflow_step_runs (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  run_id uuid not null,
  root_run_id uuid not null,
  -- who started the run, and so whose data the step has
  started_by_user_id uuid references app_public.user_profiles (id) on delete set null,
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
create index on app_public.workflow_step_runs (started_by_user_id);
create index on app_public.workflow_step_runs (tenant_id, run_id, node_id, sequence) where superseded_at is null and item_index is null;
create index workflow_step_runs_open on app_public.workflow_step_runs (tenant_id, run_id, scope)
  where finished_at is null and superseded_at is null;
create index workflow_step_runs_throttled on app_public.workflow_step_runs (tenant_id, throttle_id) where throttle_id is not null and finished_at is null;
create index on app_public.workflow_step_runs (tenant_id, parent_step_run_id, item_index) where parent_step_run_id is not null;
create index on app_public.workflow_step_runs (tenant_id, approval_id) where approval_id is not null;
create index workflow_step_runs_reserved on app_public.workflow_step_runs (tenant_id, root_run_id) where reservation_id is not null;
-- of all tenants, for the workers
create index workflow_step_runs_ready on app_public.workflow_step_runs (tenant_id, available_at, sequence) where status = 'ready';
create index workflow_step_runs_at_workers on app_public.workflow_step_runs (tenant_id) where status = 'running';
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
