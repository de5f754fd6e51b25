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
  title text not null,
  description text,
  status app_public.task_status not null,
  priority app_public.task_priority not null default 'medium',

  -- Agents may be shared by another tenant, and a task outlives its agent, so no foreign key refers to them.
  assigned_agent_id uuid,
  required_capability text,
  -- who may claim it: one agent, those with a capability, or all
  lane text not null generated always as (
    case when assigned_agent_id is not null then 'agent ' || assigned_agent_id
         when required_capability is not null then 'capability ' || required_capability
         else '' end) stored,

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

  created_by_user_id uuid references app_public.user_profiles (id) on delete set null,
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
-- The order of a line; what waits for its retry lies behind what may be claimed.
create index tasks_waiting on app_public.tasks (tenant_id, lane, priority, available_at) where status in ('pending', 'assigned');
create index tasks_leased on app_public.tasks (tenant_id, lease_expires_at) where status = 'in_progress';
create index tasks_escalating on app_public.tasks (escalates_at) where escalates_at is not null;
create index on app_public.tasks (tenant_id, created_at);
create index on app_public.tasks (tenant_id, status, created_at);
create index on app_public.tasks (tenant_id, assigned_agent_id, created_at);
create index on app_public.tasks (tenant_id, parent_task_id);
create index on app_public.tasks (created_by_user_id);

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
  from_status app_public.task_status,
  to_status app_public.task_status not null,
  transitioned_by uuid,
  user_id uuid,
  reason text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null,
  primary key (tenant_id, created_at, id),
  foreign key (tenant_id, task_id) references app_public.tasks (tenant_id, id) on delete cascade,
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
) partition by range (created_at);
call core.limit_length('app_public.task_state_transitions', 2000, 'reason');
call core.limit_bytes('app_public.task_state_transitions', 8192, 'metadata');
create index on app_public.task_state_transitions (tenant_id, task_id, created_at);
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
      from (select success_count::double precision / trial_count as share) as p
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
create index on app_public.agent_patterns (tenant_id, confidence);

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

-- The end of the runtime's tables -----------------------------------------------------------------------------------------------

reset role;
