-- Memory: what agents remember of people.

create schema memory authorization rowhouse_owner;
comment on schema memory is 'What agents remember of people: its validity, its index, its forgetting.';
grant usage on schema memory to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Memories ------------------------------------------------------------------------------------------------------------------

-- What may be kept, by kind: a fact, a preference, a relationship of the person, what matters for a while (context), and what was said
-- (an episode, such as a turn of a conversation).
create domain app_public.memory_type as text
  constraint memory_type_is_known check (value in ('fact', 'preference', 'relationship', 'context', 'episode'));
create domain app_public.memory_status as text
  constraint memory_status_is_known check (value in ('current', 'future', 'ended', 'expired', 'superseded', 'corrected'));

create table app_public.memory_settings (
  tenant_id uuid primary key default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  is_shared boolean not null default false,
  near_threshold numeric(3, 2) not null default 0.75,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint near_threshold_is_in_range check (near_threshold between 0.6 and 1)
);

create table app_public.agent_memory_settings (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  -- an agent may be shared by another tenant, so no foreign key refers to it
  agent_id uuid not null,
  is_shared boolean not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, agent_id)
);

create table app_public.memory_rules (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  memory_type app_public.memory_type not null,
  -- null when it is kept without an end
  kept_days int,
  -- null when its confidence does not decay
  half_life_days int,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, memory_type),
  constraint kept_days_is_in_range check (kept_days between 1 and 36500),
  constraint half_life_days_is_in_range check (half_life_days between 1 and 36500)
);

-- A person's row is the lock under which the memories of the person change, and counts them.
create table memory.people (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  memory_count int not null default 0,
  primary key (tenant_id, user_id),
  constraint memory_count_is_not_negative check (memory_count >= 0)
);
create index on memory.people (user_id);

-- Two times: valid_from and valid_to say when it is true in the world; extracted_at, superseded_at and retracted_at when that was learned.
create table app_public.user_memory (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  -- Who learned it. No foreign key: the agent may be of another tenant, or gone.
  agent_id uuid,
  is_shared boolean not null default true,
  -- The agent that alone may use it; null when all of the tenant's may. Together with the person it is where its key is unique.
  scope_agent_id uuid generated always as (case when not is_shared then agent_id end) stored,
  -- the same for all versions of one memory
  history_id uuid not null,
  memory_type app_public.memory_type not null,
  memory_key text not null,
  content text not null,
  memory_value jsonb,

  confidence_score numeric(3, 2) not null default 0.8,
  importance_score numeric(3, 2) not null default 0.5,
  confirmation_count int not null default 1,
  last_confirmed_at timestamptz not null,

  speaker text,
  occurred_at timestamptz,
  session_id text,
  context text,
  source_conversation_id uuid,
  source_message_id uuid,
  api_key_id uuid,

  extracted_at timestamptz not null,
  valid_from timestamptz not null,
  valid_to timestamptz not null default 'infinity',
  -- what valid_to was before another version took its place
  stated_valid_to timestamptz not null default 'infinity',
  superseded_by_id uuid,
  superseded_at timestamptz,
  retracted_at timestamptz,
  expires_at timestamptz,
  is_valid boolean not null generated always as (superseded_by_id is null and retracted_at is null) stored,
  -- from when on it is neither true, believed nor kept
  ended_at timestamptz not null
    generated always as (least(valid_to, coalesce(expires_at, 'infinity'), coalesce(retracted_at, 'infinity'))) stored,
  is_long_term boolean not null,
  -- when consolidation looked at it; null while it has not
  settled_at timestamptz,

  last_accessed_at timestamptz,
  access_count int not null default 0,
  -- the words that nearness compares, as ordered hashes
  near_terms int[] not null default '{}',
  embedding vector,
  embedding_model_id uuid references app_public.llm_models (id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),

  constraint a_private_memory_names_its_agent check (is_shared or agent_id is not null),
  constraint memory_key_is_a_name check (core.is_name(memory_key)),
  constraint content_says_something check (content ~ '\S'),
  constraint confidence_score_is_a_share check (confidence_score between 0 and 1),
  constraint importance_score_is_a_share check (importance_score between 0 and 1),
  constraint valid_to_is_after_valid_from check (valid_to > valid_from),
  constraint a_superseded_memory_says_when check (superseded_by_id is null or superseded_at is not null),
  constraint counts_are_not_negative check (access_count >= 0 and confirmation_count > 0),
  constraint embedding_has_unit_length check (abs(vector_norm(embedding) - 1) < 1e-3),
  constraint embedding_names_its_model check ((embedding is null) = (embedding_model_id is null))
);
call core.limit_length('app_public.user_memory', 255, 'speaker', 'session_id');
call core.limit_bytes('app_public.user_memory', 16000, 'content');
call core.limit_bytes('app_public.user_memory', 8000, 'context', 'memory_value');
call core.limit_entries('app_public.user_memory', 32, 'near_terms');
-- Never two latest versions of one key of one person and scope.
create unique index user_memory_latest_key on app_public.user_memory (tenant_id, user_id, scope_agent_id, memory_key)
  nulls not distinct where superseded_by_id is null and retracted_at is null;
-- the order of one person's list
create index on app_public.user_memory (tenant_id, user_id, id);
create index on app_public.user_memory (tenant_id, user_id, session_id) where session_id is not null;
create index on app_public.user_memory (tenant_id, history_id);
create index on app_public.user_memory (tenant_id, ended_at) where ended_at < 'infinity';
create index on app_public.user_memory (user_id);
create index on app_public.user_memory (embedding_model_id);
-- what consolidation looks for
create index user_memory_of_sessions_idx on app_public.user_memory (tenant_id, extracted_at) where not is_long_term and settled_at is null;

-- Where nearness finds what it compares: the words of each memory, as hashes.
create table memory.near_terms (
  tenant_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  term int not null,
  memory_id uuid not null,
  primary key (tenant_id, user_id, term, memory_id),
  foreign key (tenant_id, memory_id) references app_public.user_memory (tenant_id, id) on delete cascade
);
create index on memory.near_terms (tenant_id, memory_id);
create index on memory.near_terms (user_id);

-- The key of a request outlives what was remembered, so that a request that comes late brings nothing back that was forgotten.
create table memory.requests (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  idempotency_key text not null,
  request_hash bytea not null,
  memory_id uuid,
  created_at timestamptz not null,
  primary key (tenant_id, user_id, idempotency_key),
  foreign key (tenant_id, memory_id) references app_public.user_memory (tenant_id, id) on delete set null (memory_id)
);
call core.limit_length('memory.requests', 255, 'idempotency_key');
call core.limit_bytes('memory.requests', 32, 'request_hash');
create index on memory.requests (created_at);
create index on memory.requests (user_id);
create index on memory.requests (tenant_id, memory_id);

-- Memories that were recalled and are not counted yet.
create table memory.accesses (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint generated always as identity,
  memory_ids uuid[] not null,
  accessed_at timestamptz not null,
  primary key (tenant_id, id)
);
call core.limit_entries('memory.accesses', 1000, 'memory_ids');

create type app_public.new_memory as (
  memory_type app_public.memory_type,
  memory_key text,
  content text,
  memory_value jsonb,
  confidence_score numeric,
  importance_score numeric,
  valid_from timestamptz,
  valid_to timestamptz,
  expires_at timestamptz,
  speaker text,
  occurred_at timestamptz,
  session_id text,
  context text,
  source_conversation_id uuid,
  source_message_id uuid,
  supersedes_id uuid,
  is_long_term boolean,
  idempotency_key text
);

create type app_public.memory_selection as (
  ids uuid[],
  query text,
  memory_type app_public.memory_type,
  session_id text,
  learned_by_agent_id uuid,
  is_everything boolean
);

-- Recall --------------------------------------------------------------------------------------------------------------------

alter table app_public.memory_settings
  add column relevance_weight real not null default 1,
  add column recency_weight real not null default 0.1,
  add column importance_weight real not null default 0.1,
  add column recency_half_life_days int not null default 30,
  -- null when recall goes by words alone
  add column embedding_model_id uuid references app_public.llm_models (id),
  add constraint relevance_weight_is_in_range check (relevance_weight between 0 and 10),
  add constraint recency_weight_is_in_range check (recency_weight between 0 and 10),
  add constraint importance_weight_is_in_range check (importance_weight between 0 and 10),
  add constraint recency_half_life_days_is_in_range check (recency_half_life_days between 1 and 36500),
  add constraint something_counts_in_a_recall check (relevance_weight + recency_weight + importance_weight > 0);
create index on app_public.memory_settings (embedding_model_id);

-- A person's index. Its row is the lock under which entries get their numbers, and has the statistics of BM25.
create table memory.indexes (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  -- the language in which its words are read
  language text not null,
  last_number int not null default 0,
  entry_count int not null default 0,
  primary key (tenant_id, user_id),
  constraint index_counts_are_not_negative check (last_number >= 0 and entry_count >= 0)
);
call core.limit_length('memory.indexes', 35, 'language');
create index on memory.indexes (user_id);

-- What recall reads of a memory, so that it need not read the memory itself.
create table memory.entries (
  tenant_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  -- in the order in which they came; the turns of a session that follow each other have numbers that do
  number int not null,
  memory_id uuid not null,
  session_id text,
  -- term → impact
  words sparsevec not null,
  memory_type app_public.memory_type not null,
  scope_agent_id uuid,
  happened_at timestamptz not null,
  importance real not null,
  valid_from timestamptz not null,
  ended_at timestamptz not null,
  primary key (tenant_id, user_id, number),
  foreign key (tenant_id, memory_id) references app_public.user_memory (tenant_id, id) on delete cascade
);
call core.limit_length('memory.entries', 255, 'session_id');
create unique index on memory.entries (tenant_id, memory_id);
create index on memory.entries (user_id);

-- Which entries have a term, 1,024 numbers a row.
create table memory.postings (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  term int not null,
  block int not null,
  numbers smallint[] not null,
  primary key (tenant_id, user_id, term, block)
) with (fillfactor = 80);
call core.limit_entries('memory.postings', 1024, 'numbers');
create index on memory.postings (user_id);

-- What a recall asks for, when its arguments have been checked.
create type memory.recall_request as (
  person_id uuid,
  agent_id uuid,
  memory_types text[],
  as_of timestamptz,
  terms int[],
  words text[],
  term_weights double precision[],
  -- the terms and their weights as a vector; null when the question has none
  question sparsevec,
  -- what it adds when one whom the question names says it
  speakers sparsevec,
  word_weight double precision,
  embedding vector,
  vector_weight double precision,
  settings app_public.memory_settings,
  depth int
);

create type app_public.recalled_memory as (
  rank int,
  score double precision,
  relevance double precision,
  recency double precision,
  importance double precision,
  word_score double precision,
  neighbor_score double precision,
  similarity double precision,
  matched_words text[],
  memory_id uuid,
  memory_type app_public.memory_type,
  memory_key text,
  content text,
  memory_value jsonb,
  speaker text,
  occurred_at timestamptz,
  session_id text,
  agent_id uuid,
  valid_from timestamptz,
  valid_to timestamptz,
  confidence double precision,
  tokens int
);

reset role;
