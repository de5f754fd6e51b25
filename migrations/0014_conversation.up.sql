-- Conversation: what is said with agents, panels of agents, and what agents believe on which evidence.

create schema conversation authorization rowhouse_owner;
comment on schema conversation is 'Conversations with agents, panels of agents, signals, beliefs and their evidence.';
grant usage on schema conversation to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Conversations -------------------------------------------------------------------------------------------------------------

-- Closed lists. GraphQL shows each of these domains as an enum.
create domain app_public.conversation_status as text
  constraint conversation_status_is_known check (value in ('active', 'archived'));
create domain app_public.message_role as text
  constraint message_role_is_known check (value in ('user', 'assistant'));
create domain app_public.message_status as text
  constraint message_status_is_known check (value in ('pending', 'streaming', 'complete', 'failed', 'cancelled'));
create domain app_public.message_part_kind as text
  constraint message_part_kind_is_known check (value in ('text', 'tool_call', 'tool_result', 'citation', 'file'));
create domain app_public.answer_rating as text
  constraint answer_rating_is_known check (value in ('up', 'down'));

-- One person and one agent. The agent may be shared by another tenant, so no foreign key refers to it.
create table app_public.expert_consultations (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  agent_id uuid not null,
  agent_name text not null,
  title text not null default 'New conversation',
  is_title_given boolean not null default false,
  status app_public.conversation_status not null default 'active',

  -- the end of the active branch; the row is the lock of everything in the conversation
  active_message_id uuid,
  message_count int not null default 0,
  branch_count int not null default 0,
  token_count bigint not null default 0,
  cost_usd numeric not null default 0,

  last_message_at timestamptz not null,
  archived_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),

  constraint agent_name_is_a_name check (core.is_name(agent_name)),
  constraint title_is_a_name check (core.is_name(title)),
  constraint message_count_is_in_range check (message_count between 0 and 20000),
  constraint branch_count_is_in_range check (branch_count between 0 and 1000),
  constraint token_count_is_not_negative check (token_count >= 0),
  constraint cost_usd_is_not_negative check (cost_usd >= 0),
  constraint archived_at_is_of_an_archived_one check ((status = 'archived') = (archived_at is not null))
);
call core.limit_length('app_public.expert_consultations', 255, 'agent_name', 'title');
create index on app_public.expert_consultations (tenant_id, user_id, last_message_at, id);
create index on app_public.expert_consultations (tenant_id, last_message_at, id);
create index on app_public.expert_consultations (tenant_id, agent_id, last_message_at, id);
create index on app_public.expert_consultations (tenant_id, status, last_message_at, id);
create index on app_public.expert_consultations (user_id);
create index on app_public.expert_consultations (tenant_id, deleted_at) where deleted_at is not null;

-- Messages are a tree: a message that takes the place of another has the same parent. A branch is a run of messages, one below the
-- other; where a message gets a second child, a new branch forks. So the way from the first message to any other is a few ranges of
-- branches, and switching marks ranges and not messages.
create table conversation.branches (
  tenant_id uuid not null,
  conversation_id uuid not null,
  number int not null,
  -- where it forks from: below the message of the parent that has this depth; a branch without a parent begins the conversation
  parent_number int,
  fork_depth int not null,
  -- down to which depth it is a part of the active branch; null when it is no part
  active_until int,
  primary key (tenant_id, conversation_id, number),
  foreign key (tenant_id, conversation_id) references app_public.expert_consultations (tenant_id, id) on delete cascade,
  constraint fork_depth_is_not_negative check (fork_depth >= 0),
  constraint parent_number_is_of_a_fork check ((parent_number is null) = (fork_depth = 0)),
  constraint parent_number_is_an_older_one check (parent_number < number),
  constraint active_until_is_below_the_fork check (active_until > fork_depth)
);
create index on conversation.branches (tenant_id, conversation_id, parent_number);

create type app_public.message_part as (
  kind app_public.message_part_kind,
  text text,
  tool_call_id text,
  tool_name text,
  tool_input jsonb,
  tool_output jsonb,
  is_error boolean,
  number int,
  document_id uuid,
  chunk_id bigint,
  title text
);
-- What a person sends: a text, or a document of the tenant.
create type app_public.new_message_part as (text text, document_id uuid);

create table app_public.messages (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  conversation_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  sequence int not null,
  parent_id uuid,
  branch int not null,
  depth int not null,
  role app_public.message_role not null,
  status app_public.message_status not null,
  parts app_public.message_part[] not null default '{}',

  -- of an answer
  model_name text,
  finish_reason text,
  error_code text,
  error_message text,
  token_count bigint not null default 0,
  cost_usd numeric not null default 0,

  idempotency_key text,
  request_hash bytea,
  created_at timestamptz not null,
  finished_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, conversation_id) references app_public.expert_consultations (tenant_id, id) on delete cascade,
  foreign key (tenant_id, parent_id) references app_public.messages (tenant_id, id) on delete cascade,

  constraint sequence_is_in_range check (sequence between 1 and 20000),
  constraint depth_is_in_range check (depth between 1 and 20000),
  constraint parent_id_is_given_below_the_first check ((parent_id is null) = (depth = 1)),
  constraint message_of_a_person_is_complete check (role = 'assistant' or status = 'complete'),
  constraint finished_at_is_of_an_end check ((status in ('complete', 'failed', 'cancelled')) = (finished_at is not null)),
  constraint idempotency_key_is_a_key check (length(idempotency_key) between 1 and 255),
  constraint token_count_is_not_negative check (token_count >= 0),
  constraint cost_usd_is_not_negative check (cost_usd >= 0)
);
call core.limit_entries('app_public.messages', 300, 'parts');
call core.limit_bytes('app_public.messages', 2000000, 'parts');
call core.limit_length('app_public.messages', 100, 'model_name', 'finish_reason', 'error_code');
call core.limit_length('app_public.messages', 2000, 'error_message');
call core.limit_length('app_public.messages', 255, 'idempotency_key');
call core.limit_bytes('app_public.messages', 32, 'request_hash');
create unique index on app_public.messages (tenant_id, conversation_id, sequence);
create unique index on app_public.messages (tenant_id, conversation_id, branch, depth);
create index on app_public.messages (tenant_id, conversation_id, depth, id);
create index on app_public.messages (tenant_id, parent_id, sequence);
create index on app_public.messages (user_id);
create unique index messages_idempotency_key on app_public.messages (tenant_id, conversation_id, idempotency_key) where idempotency_key is not null;
-- One answer at a time.
create unique index messages_open_answer_key on app_public.messages (tenant_id, conversation_id) where status in ('pending', 'streaming');

-- The answers that are not there yet: a queue for workers, of all tenants. Its row goes when the answer ends.
create table conversation.open_answers (
  tenant_id uuid not null,
  message_id uuid not null,
  conversation_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  agent_id uuid not null,
  available_at timestamptz not null,
  attempt int not null default 0,
  -- how many workers were lost that had begun it
  lost_count int not null default 0,
  worker text,
  lease_token uuid,
  leased_until timestamptz,
  timeout_at timestamptz,
  reservation_id uuid,
  -- what was found for the answer: [{"number", "chunk_id", "document_id", "title", "quote"}]
  passages jsonb not null default '[]',
  primary key (tenant_id, message_id),
  foreign key (tenant_id, message_id) references app_public.messages (tenant_id, id) on delete cascade,
  foreign key (tenant_id, conversation_id) references app_public.expert_consultations (tenant_id, id) on delete cascade,
  constraint lease_is_whole check (num_nulls(worker, lease_token, leased_until, timeout_at) in (0, 4)),
  constraint passages_is_an_array check (jsonb_typeof(passages) = 'array')
);
call core.limit_length('conversation.open_answers', 255, 'worker');
call core.limit_bytes('conversation.open_answers', 200000, 'passages');
create unique index on conversation.open_answers (tenant_id, conversation_id);
create index on conversation.open_answers (user_id);
-- of all tenants, for the workers
create index open_answers_waiting on conversation.open_answers (tenant_id, available_at) where lease_token is null;
create index open_answers_leased on conversation.open_answers (leased_until) where lease_token is not null;
create index open_answers_at_workers on conversation.open_answers (tenant_id) where lease_token is not null;

-- What a worker gets for an answer that it has claimed.
create type conversation.claimed_answer as (
  tenant_id uuid,
  message_id uuid,
  conversation_id uuid,
  user_id uuid,
  agent_id uuid,
  attempt int,
  lease_token uuid,
  idempotency_key text,
  reservation_ids uuid[]
);

-- What is answered to who sends a message.
create type app_public.sent_message as (message_id uuid, answer_id uuid);

create table app_public.message_feedback (
  tenant_id uuid not null,
  message_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  rating app_public.answer_rating not null,
  comment text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, message_id, user_id),
  foreign key (tenant_id, message_id) references app_public.messages (tenant_id, id) on delete cascade
);
call core.limit_length('app_public.message_feedback', 2000, 'comment');
create index on app_public.message_feedback (user_id);

-- Panels --------------------------------------------------------------------------------------------------------------------


-- Signals and beliefs -------------------------------------------------------------------------------------------------------

reset role;
