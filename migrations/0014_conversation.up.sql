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
-- what the API offers as filters, and what answers them for a person, who sees the own ones alone
create index on app_public.expert_consultations (tenant_id, agent_id, last_message_at, id);
create index on app_public.expert_consultations (tenant_id, user_id, agent_id, last_message_at, id);
create index on app_public.expert_consultations (tenant_id, status, last_message_at, id);
create index on app_public.expert_consultations (tenant_id, user_id, status, last_message_at, id);
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

-- A panel: several agents answer a question in rounds, vote, and a moderator sums up. Each of them has a seat, and the seat a
-- conversation of its own; a turn is a question and an answer in it. The row of the panel is the lock of how it goes on.

create domain app_public.panel_status as text
  constraint panel_status_is_known
    check (value in ('discussing', 'voting', 'synthesizing', 'completed', 'failed', 'cancelled'));
create domain app_public.panel_turn_kind as text
  constraint panel_turn_kind_is_known check (value in ('statement', 'vote', 'synthesis'));

create table app_public.panel_discussions (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  question text not null,
  options text[] not null,
  round_count int not null,
  status app_public.panel_status not null default 'discussing',
  -- the rounds are the steps 1 to round_count; the vote and the synthesis follow them
  step int not null default 1,
  votes_closed_at timestamptz,
  error_code text,
  error_message text,
  idempotency_key text,
  request_hash bytea not null,
  created_at timestamptz not null,
  finished_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),

  constraint question_is_in_range check (question ~ '\S' and length(question) <= 4000),
  constraint options_are_none_or_several check (cardinality(options) <> 1),
  constraint round_count_is_in_range check (round_count between 1 and 5),
  constraint step_is_in_range check (step between 1 and round_count + 2),
  constraint idempotency_key_is_a_key check (length(idempotency_key) between 1 and 255),
  constraint finished_at_is_of_an_end check ((status in ('completed', 'failed', 'cancelled')) = (finished_at is not null))
);
call core.limit_entries('app_public.panel_discussions', 10, 'options');
call core.limit_length('app_public.panel_discussions', 100, 'error_code');
call core.limit_length('app_public.panel_discussions', 2000, 'error_message');
call core.limit_length('app_public.panel_discussions', 255, 'idempotency_key');
call core.limit_bytes('app_public.panel_discussions', 32, 'request_hash');
create unique index panel_discussions_idempotency_key on app_public.panel_discussions (tenant_id, user_id, idempotency_key)
  where idempotency_key is not null;
create index on app_public.panel_discussions (tenant_id, user_id, created_at, id);
create index on app_public.panel_discussions (tenant_id, created_at, id);
create index on app_public.panel_discussions (tenant_id, status, created_at, id);
create index on app_public.panel_discussions (user_id);
create index panel_discussions_open on app_public.panel_discussions (tenant_id, user_id) where finished_at is null;
create index panel_discussions_secret on app_public.panel_discussions (tenant_id, user_id) where votes_closed_at is null and status in ('voting', 'failed');

-- The conversations of a panel go with it.
alter table app_public.expert_consultations
  add column panel_id uuid,
  add foreign key (tenant_id, panel_id) references app_public.panel_discussions (tenant_id, id) on delete cascade;
create index on app_public.expert_consultations (tenant_id, panel_id);

create table app_public.panel_seats (
  tenant_id uuid not null,
  panel_id uuid not null,
  -- 0 is the moderator's
  number int not null,
  agent_id uuid not null,
  agent_name text not null,
  conversation_id uuid,
  -- how many messages the conversation may have: those that the panel has asked for
  allowed_messages int not null default 0,
  primary key (tenant_id, panel_id, number),
  foreign key (tenant_id, panel_id) references app_public.panel_discussions (tenant_id, id) on delete cascade,
  foreign key (tenant_id, conversation_id) references app_public.expert_consultations (tenant_id, id) on delete set null (conversation_id),
  constraint number_is_in_range check (number between 0 and 12)
);
call core.limit_length('app_public.panel_seats', 255, 'agent_name');
create unique index on app_public.panel_seats (tenant_id, panel_id, agent_id);
create unique index on app_public.panel_seats (tenant_id, conversation_id);

create table app_public.panel_turns (
  tenant_id uuid not null,
  panel_id uuid not null,
  step int not null,
  seat_number int not null,
  kind app_public.panel_turn_kind not null,
  question_id uuid,
  answer_id uuid,
  is_skipped boolean not null default false,
  primary key (tenant_id, panel_id, step, seat_number),
  foreign key (tenant_id, panel_id, seat_number) references app_public.panel_seats (tenant_id, panel_id, number) on delete cascade,
  foreign key (tenant_id, question_id) references app_public.messages (tenant_id, id) on delete set null (question_id),
  foreign key (tenant_id, answer_id) references app_public.messages (tenant_id, id) on delete set null (answer_id)
);
create index on app_public.panel_turns (tenant_id, panel_id, seat_number);
create unique index on app_public.panel_turns (tenant_id, answer_id);
create index on app_public.panel_turns (tenant_id, question_id);

create table app_public.panel_votes (
  tenant_id uuid not null,
  panel_id uuid not null,
  seat_number int not null,
  -- null is an abstention
  option int,
  reason text,
  cast_at timestamptz not null,
  primary key (tenant_id, panel_id, seat_number),
  foreign key (tenant_id, panel_id, seat_number) references app_public.panel_seats (tenant_id, panel_id, number) on delete cascade,
  constraint option_is_in_range check (option between 1 and 10)
);
call core.limit_length('app_public.panel_votes', 2000, 'reason');

create type app_public.panel_option as (number int, text text, vote_count int);

-- Signals and beliefs -------------------------------------------------------------------------------------------------------

-- An event is recorded once. Rules make signals of events; a rule, its key and a window have one signal, which counts.

create domain app_public.evidence_stance as text
  constraint evidence_stance_is_known check (value in ('supports', 'opposes'));
create domain app_public.evidence_origin as text
  constraint evidence_origin_is_known
    check (value in ('chunk', 'document', 'message', 'signal', 'event', 'fact', 'task', 'run', 'person', 'other'));
create domain app_public.belief_status as text
  constraint belief_status_is_known check (value in ('current', 'superseded', 'retracted'));

create table app_public.events (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null,
  event_type text not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  agent_id uuid,
  user_id uuid,
  api_key_id uuid,
  summary text,
  metadata jsonb not null default '{}',
  primary key (tenant_id, id),

  constraint event_type_is_a_name check (core.is_name(event_type)),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
call core.limit_length('app_public.events', 100, 'event_type');
call core.limit_length('app_public.events', 2000, 'summary');
call core.limit_bytes('app_public.events', 8192, 'metadata');
create index on app_public.events (tenant_id, occurred_at, id);
create index on app_public.events (tenant_id, event_type, occurred_at, id);

create table app_public.signal_rules (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,
  description text,
  is_enabled boolean not null default true,
  event_type text,
  condition text,
  dedup_key text,
  window_minutes int not null default 60,
  severity app_public.alert_severity not null default 'warning',
  tags text[] not null default '{}',
  created_by_user_id uuid default core.current_user_id() references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name),

  constraint name_is_a_name check (core.is_name(name)),
  constraint event_type_is_a_name check (core.is_name(event_type)),
  constraint window_minutes_is_in_range check (window_minutes between 1 and 43200),
  constraint tags_are_given check (array_position(tags, null) is null and '' <> all (tags))
);
call core.limit_length('app_public.signal_rules', 255, 'name');
call core.limit_length('app_public.signal_rules', 100, 'event_type');
call core.limit_length('app_public.signal_rules', 1000, 'description', 'condition', 'dedup_key');
call core.limit_entries('app_public.signal_rules', 20, 'tags');
create index on app_public.signal_rules (created_by_user_id);

create table app_public.signals (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  rule_id uuid,
  name text not null,
  severity app_public.alert_severity not null,
  dedup_key text not null,
  window_start timestamptz not null,
  window_end timestamptz not null,
  occurrence_count bigint not null,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  created_at timestamptz not null,
  primary key (tenant_id, id),
  -- the lock under which events are counted
  constraint signals_are_one_a_window unique (tenant_id, rule_id, dedup_key, window_start),
  foreign key (tenant_id, rule_id) references app_public.signal_rules (tenant_id, id) on delete set null (rule_id),

  constraint occurrence_count_is_positive check (occurrence_count > 0),
  constraint seen_within_the_window check (first_seen_at >= window_start and last_seen_at < window_end and first_seen_at <= last_seen_at)
);
call core.limit_length('app_public.signals', 255, 'name', 'dedup_key');
create index on app_public.signals (tenant_id, last_seen_at, id);
create index on app_public.signals (tenant_id, severity, last_seen_at, id);

create table app_public.signal_tags (
  tenant_id uuid not null,
  signal_id uuid not null,
  tag text not null,
  primary key (tenant_id, signal_id, tag),
  foreign key (tenant_id, signal_id) references app_public.signals (tenant_id, id) on delete cascade,
  constraint tag_is_a_name check (core.is_name(tag))
);
call core.limit_length('app_public.signal_tags', 200, 'tag');
create index on app_public.signal_tags (tenant_id, tag, signal_id);

create table app_public.event_signals (
  tenant_id uuid not null,
  signal_id uuid not null,
  event_id uuid not null,
  primary key (tenant_id, signal_id, event_id),
  foreign key (tenant_id, signal_id) references app_public.signals (tenant_id, id) on delete cascade,
  foreign key (tenant_id, event_id) references app_public.events (tenant_id, id) on delete cascade
);
create index on app_public.event_signals (tenant_id, event_id);

-- The weight of a piece of evidence that is right with the probability r, whether or not the claim is true, is
-- ln(P(E | claim) / P(E | not claim)) = ln(r / (1 - r)), in nats (I. J. Good, Probability and the Weighing of Evidence, Griffin 1950).
create function conversation.weight_of(reliability double precision) returns double precision
  language sql immutable strict parallel safe
  return case when reliability > 0 and reliability < 1 then ln(reliability / (1 - reliability)) else 'NaN' end;
comment on function conversation.weight_of is
  'The weight of evidence of a probability: its log-odds, in nats. NaN for what is no probability, which a check of the table refuses by its name.';

-- No evidence makes a claim certain or impossible (Cromwell's rule: D. V. Lindley, Making Decisions, Wiley 1985, 104).
create function conversation.confidence_of(log_odds double precision) returns double precision
  language sql immutable strict parallel safe
  return 1 / (1 + exp(-least(greatest(log_odds, -ln(9999::double precision)), ln(9999::double precision))));
comment on function conversation.confidence_of is 'The probability of log-odds, within 0.0001 and 0.9999.';

create table app_public.beliefs (
  tenant_id uuid not null,
  id uuid not null,
  agent_id uuid not null,
  claim text not null,
  prior double precision not null default 0.5,
  log_odds double precision not null,
  confidence double precision not null generated always as (conversation.confidence_of(log_odds)) stored,
  supporting_count int not null default 0,
  opposing_count int not null default 0,
  revision int not null default 1,
  about_user_id uuid references app_public.user_profiles (id) on delete cascade,
  recorded_by_user_id uuid references app_public.user_profiles (id) on delete set null (recorded_by_user_id),
  api_key_id uuid,
  recorded_at timestamptz not null,
  ended_at timestamptz,
  superseded_by_id uuid,
  retraction_reason text,
  primary key (tenant_id, id),
  -- what is kept of a belief names its agent, too, because who does not see the agent does not see it
  unique (tenant_id, id, agent_id),

  foreign key (tenant_id, agent_id) references app_public.agents (tenant_id, id) on delete cascade,
  constraint claim_is_in_range check (claim ~ '\S' and length(claim) <= 2000),
  constraint prior_is_in_range check (prior between 0.01 and 0.99),
  constraint only_an_ended_belief_has_a_successor check (superseded_by_id is null or ended_at is not null),
  constraint only_a_retracted_belief_has_a_reason check (retraction_reason is null or ended_at is not null and superseded_by_id is null)
);
call core.limit_length('app_public.beliefs', 1000, 'retraction_reason');
create index on app_public.beliefs (tenant_id, agent_id, recorded_at, id);
create index beliefs_current on app_public.beliefs (tenant_id, agent_id, confidence, id) where ended_at is null;
create index on app_public.beliefs (tenant_id, ended_at) where ended_at is not null;
create index on app_public.beliefs (about_user_id);
create index on app_public.beliefs (recorded_by_user_id);

create table app_public.belief_revisions (
  tenant_id uuid not null,
  belief_id uuid not null,
  revision int not null,
  agent_id uuid not null,
  revised_at timestamptz not null,
  log_odds double precision not null,
  confidence double precision not null,
  supporting_count int not null,
  opposing_count int not null,
  primary key (tenant_id, belief_id, revision),
  foreign key (tenant_id, belief_id, agent_id) references app_public.beliefs (tenant_id, id, agent_id) on delete cascade
);
create index on app_public.belief_revisions (tenant_id, belief_id, agent_id);

-- Evidence never changes; it can only be retracted.
create table app_public.evidence (
  tenant_id uuid not null,
  id uuid not null,
  belief_id uuid not null,
  agent_id uuid not null,
  stance app_public.evidence_stance not null,
  reliability double precision not null,
  weight double precision not null
    generated always as (case when stance = 'supports' then conversation.weight_of(reliability) else -conversation.weight_of(reliability) end) stored,
  statement text not null,
  origin app_public.evidence_origin not null,
  origin_id text,
  origin_excerpt text,
  independence_group text not null,
  about_user_id uuid references app_public.user_profiles (id) on delete cascade,
  recorded_by_user_id uuid references app_public.user_profiles (id) on delete set null (recorded_by_user_id),
  api_key_id uuid,
  recorded_at timestamptz not null,
  retracted_at timestamptz,
  retraction_reason text,
  primary key (tenant_id, id),
  foreign key (tenant_id, belief_id, agent_id) references app_public.beliefs (tenant_id, id, agent_id) on delete cascade,

  constraint statement_is_in_range check (statement ~ '\S' and length(statement) <= 2000),
  constraint reliability_is_in_range check (reliability between 0.5 and 0.99),
  constraint only_retracted_evidence_has_a_reason check (retraction_reason is null or retracted_at is not null)
);
call core.limit_length('app_public.evidence', 255, 'origin_id');
call core.limit_length('app_public.evidence', 300, 'independence_group');
call core.limit_length('app_public.evidence', 1000, 'origin_excerpt', 'retraction_reason');
create index on app_public.evidence (tenant_id, belief_id, recorded_at, id);
create index on app_public.evidence (tenant_id, belief_id, agent_id);
create index on app_public.evidence (about_user_id);
create index on app_public.evidence (recorded_by_user_id);

create table app_public.belief_contradictions (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  agent_id uuid not null,
  -- the smaller of the two ids
  belief_id uuid not null,
  other_belief_id uuid not null,
  note text,
  noted_by_user_id uuid references app_public.user_profiles (id) on delete set null (noted_by_user_id),
  noted_at timestamptz not null,
  settled_at timestamptz,
  settlement text,
  primary key (tenant_id, id),
  foreign key (tenant_id, belief_id, agent_id) references app_public.beliefs (tenant_id, id, agent_id) on delete cascade,
  foreign key (tenant_id, other_belief_id, agent_id) references app_public.beliefs (tenant_id, id, agent_id) on delete cascade,

  constraint beliefs_are_two check (belief_id < other_belief_id),
  constraint only_a_settled_contradiction_has_a_settlement check (settlement is null or settled_at is not null)
);
call core.limit_length('app_public.belief_contradictions', 1000, 'note', 'settlement');
create unique index belief_contradictions_open on app_public.belief_contradictions (tenant_id, belief_id, other_belief_id) where settled_at is null;
create index on app_public.belief_contradictions (tenant_id, belief_id, agent_id);
create index on app_public.belief_contradictions (tenant_id, other_belief_id, agent_id);
create index on app_public.belief_contradictions (noted_by_user_id);

create table app_public.evidence_pack (
  tenant_id uuid not null,
  id uuid not null,
  -- what is left of a title when whoever gave it is erased
  title text not null default 'Untitled',
  claim text,
  item_count int not null default 0,
  created_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  api_key_id uuid,
  created_at timestamptz not null,
  frozen_at timestamptz,
  decision text,
  used_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  primary key (tenant_id, id),
  foreign key (tenant_id) references app_public.tenants (id) on delete cascade,

  constraint title_is_a_name check (core.is_name(title)),
  constraint item_count_is_in_range check (item_count between 0 and 200),
  constraint only_a_frozen_pack_has_a_decision check (decision is null or frozen_at is not null)
);
call core.limit_length('app_public.evidence_pack', 255, 'title');
call core.limit_length('app_public.evidence_pack', 2000, 'claim', 'decision');
create index on app_public.evidence_pack (tenant_id, created_at, id);
create index on app_public.evidence_pack (tenant_id, frozen_at) where frozen_at is not null;
create index on app_public.evidence_pack (created_by_user_id);
create index on app_public.evidence_pack (used_by_user_id);

create table app_public.evidence_pack_items (
  tenant_id uuid not null,
  pack_id uuid not null,
  evidence_id uuid not null,
  added_at timestamptz not null,
  primary key (tenant_id, pack_id, evidence_id),
  foreign key (tenant_id, pack_id) references app_public.evidence_pack (tenant_id, id) on delete cascade,
  foreign key (tenant_id, evidence_id) references app_public.evidence (tenant_id, id) on delete cascade
);
create index on app_public.evidence_pack_items (tenant_id, evidence_id);

create type app_public.new_event as (
  idempotency_key text,
  event_type text,
  occurred_at timestamptz,
  agent_id uuid,
  user_id uuid,
  summary text,
  metadata jsonb
);

create type app_public.new_belief as (
  idempotency_key text,
  claim text,
  prior double precision,
  about_user_id uuid,
  supersedes_id uuid
);

create type app_public.new_evidence as (
  idempotency_key text,
  stance app_public.evidence_stance,
  reliability double precision,
  statement text,
  origin app_public.evidence_origin,
  origin_id text,
  origin_excerpt text,
  independence_group text
);

reset role;
