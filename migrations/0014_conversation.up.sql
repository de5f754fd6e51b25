-- Conversation: what is said with agents, panels of agents, and what agents believe on which evidence.

create schema conversation authorization rowhouse_owner;
comment on schema conversation is 'Conversations with agents, panels of agents, signals, beliefs and their evidence.';
grant usage on schema conversation to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Conversations -------------------------------------------------------------------------------------------------------------


-- Panels --------------------------------------------------------------------------------------------------------------------


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
  return ln(reliability / (1 - reliability));
comment on function conversation.weight_of is 'The weight of evidence of a probability: its log-odds, in nats.';

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
  title text not null,
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
  constraint a_frozen_pack_was_used check ((frozen_at is null) = (decision is null))
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
