-- The tables of metering. Usage is recorded once, as events that never change; all reports are views of roll-ups of these
-- events. Events and calls are partitioned by month. A row of a month without a partition goes to the default partition,
-- so that no row is lost.

-- btree_gist lets one exclusion constraint combine a uuid and a range: the final periods of a tenant must not overlap.
create extension if not exists btree_gist;

create schema metering authorization rowhouse_owner;
comment on schema metering is 'Usage, prices, quotas and rate limits.';
grant usage on schema metering to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics;

set role rowhouse_owner;

create type app_public.usage_outcome as enum ('success', 'error', 'abandoned');
create type app_public.tracking_period as enum ('minute', 'hour', 'day', 'month');

-- Closed lists --------------------------------------------------------------------------------------------------------

create domain app_public.token_class as text
  constraint token_class_is_known check (value in ('input', 'cached_input', 'output', 'reasoning', 'embedding'));
comment on domain app_public.token_class is
  'The class of a token of a language model. The classes do not overlap: input excludes tokens that were read from a cache (cached_input), output excludes tokens for reasoning (reasoning), and embedding has the tokens that were embedded.';

create domain app_public.quota_type as text
  constraint quota_type_is_known check (
    value in ('users', 'agents', 'api_keys', 'documents', 'storage', 'api_calls', 'tokens', 'cost'));
comment on domain app_public.quota_type is
  'What a quota limits. users (active members), agents (not deleted), api_keys (not revoked), documents and storage (bytes of documents) count what exists; api_calls, tokens and cost (US dollars) add up what is used in a period.';

create domain app_public.limit_scope as text
  constraint limit_scope_is_known check (value in ('tenant', 'user', 'agent', 'api_key'));
comment on domain app_public.limit_scope is 'Whose usage a limit counts: that of the tenant, a user, an agent or an API key.';

create domain app_public.quota_period as text
  constraint quota_period_is_known check (value in ('none', 'day', 'month', 'billing'));
comment on domain app_public.quota_period is
  'The period of a quota in the time zone of the tenant: none for what is counted; day; month of the calendar; or billing, a month from the day on which the subscription (or the tenant) began.';

create domain app_public.quota_source as text
  constraint quota_source_is_known check (value in ('plan', 'tenant', 'override', 'own'));
comment on domain app_public.quota_source is
  'Who set a quota. plan, tenant (from tenants.quotas) and override (platform staff) each replace the one before for the same thing; own is set by the tenant itself and adds to them.';

create domain app_public.rate_limit_type as text
  constraint rate_limit_type_is_known check (value in ('requests', 'tokens', 'cost'));
comment on domain app_public.rate_limit_type is 'What a rate limit counts: requests, tokens, or cost in US cents.';

create domain app_public.rate_limit_action as text
  constraint rate_limit_action_is_known check (value in ('block', 'throttle', 'warn', 'queue'));
comment on domain app_public.rate_limit_action is
  'What a rate limit does when it is exceeded: block refuses; queue refuses and asks the caller to try again; throttle allows and asks the caller to wait; warn allows.';

create domain app_public.rate_limit_source as text
  constraint rate_limit_source_is_known check (value in ('plan', 'override', 'own'));
comment on domain app_public.rate_limit_source is
  'Who set a rate limit. override (platform staff) replaces plan for the same thing; own is set by the tenant itself and adds to them.';

create domain app_public.reservation_status as text
  constraint reservation_status_is_known check (value in ('held', 'settled', 'released', 'expired'));
comment on domain app_public.reservation_status is
  'The state of a reservation: held until it ends; settled when its usage was reported; released when it was not needed; expired when its time ran out.';

-- Bounds ----------------------------------------------------------------------------------------------------------------

create function metering.max_amount() returns numeric
  language sql immutable parallel safe
  return 1e18;
comment on function metering.max_amount is
  'No quantity, limit or amount is above this number. NaN compares as larger than every number, so this bound refuses it too.';

create function metering.max_tokens_per_call() returns bigint
  language sql immutable parallel safe
  return 1000000000;
comment on function metering.max_tokens_per_call is 'One call uses at most this many tokens of each class.';

create function metering.max_usd_per_million() returns numeric
  language sql immutable parallel safe
  return 1e9;
comment on function metering.max_usd_per_million is 'A million tokens cost at most this many US dollars.';

-- Usage types and prices --------------------------------------------------------------------------------------------------

-- What can be used. The types are global because plans price them: they mean the same for every tenant.
create table app_public.usage_types (
  name text primary key,
  display_name text not null,
  unit text not null,
  is_whole boolean not null default true,
  max_quantity numeric not null,
  token_class app_public.token_class,
  is_recorded boolean not null default true,
  created_at timestamptz not null default now(),

  constraint name_is_an_identifier check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint display_name_is_a_name check (core.is_name(display_name)),
  constraint max_quantity_is_storable check (max_quantity > 0 and max_quantity <= metering.max_amount())
);
call core.limit_length('app_public.usage_types', 50, 'unit');
create unique index usage_types_token_class_key on app_public.usage_types (token_class);

insert into app_public.usage_types (name, display_name, unit, is_whole, max_quantity, token_class) values
  ('api_call', 'API calls', 'call', true, 1e9, null),
  ('llm_call', 'Calls of a language model', 'call', true, 1e9, null),
  ('input_tokens', 'Input tokens', 'token', true, 1e9, 'input'),
  ('cached_input_tokens', 'Input tokens read from a cache', 'token', true, 1e9, 'cached_input'),
  ('output_tokens', 'Output tokens', 'token', true, 1e9, 'output'),
  ('reasoning_tokens', 'Reasoning tokens', 'token', true, 1e9, 'reasoning'),
  ('embedding_tokens', 'Tokens embedded', 'token', true, 1e9, 'embedding'),
  ('storage_byte_hours', 'Storage', 'byte-hour', false, 1e18, null),
  ('document', 'Documents processed', 'document', true, 1e9, null),
  ('search', 'Searches', 'search', true, 1e9, null),
  ('tool_call', 'Tool calls', 'call', true, 1e9, null),
  ('consultation', 'Expert consultations', 'consultation', true, 1e9, null),
  ('panel', 'Panel discussions', 'discussion', true, 1e9, null),
  ('workflow_run', 'Workflow runs', 'run', true, 1e9, null),
  ('feature_use', 'Uses of a feature', 'use', true, 1e9, null);
insert into app_public.usage_types (name, display_name, unit, is_whole, max_quantity, is_recorded)
values ('llm_cost', 'Cost of models', 'US dollar', false, 1e15, false);

-- Prices of models in USD per million tokens, each from a date on. A price that a call refers to never changes, except for
-- its end.
create table app_public.llm_model_prices (
  id uuid primary key default gen_random_uuid(),
  model_id uuid not null references app_public.llm_models (id),
  input_usd_per_million numeric not null,
  cached_input_usd_per_million numeric not null,
  output_usd_per_million numeric not null,
  reasoning_usd_per_million numeric not null,
  valid_from timestamptz not null,
  valid_to timestamptz,
  -- set when a correction replaced the price from its first day on; calls that were rated by it still refer to it
  superseded_at timestamptz,
  created_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),

  constraint input_usd_per_million_is_in_range check (input_usd_per_million between 0 and metering.max_usd_per_million()),
  constraint cached_input_usd_per_million_is_in_range check (
    cached_input_usd_per_million between 0 and metering.max_usd_per_million()),
  constraint output_usd_per_million_is_in_range check (output_usd_per_million between 0 and metering.max_usd_per_million()),
  constraint reasoning_usd_per_million_is_in_range check (
    reasoning_usd_per_million between 0 and metering.max_usd_per_million()),
  constraint price_ends_after_it_begins check (valid_to > valid_from)
);
-- Prices may cover each other. The one that began last is in force, so no two may begin at the same time.
create unique index llm_model_prices_beginning_key on app_public.llm_model_prices (model_id, valid_from) where superseded_at is null;
create index on app_public.llm_model_prices (model_id);
create index on app_public.llm_model_prices (created_by_user_id);

-- Prices that one tenant pays instead.
create table app_public.llm_model_price_overrides (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  model_id uuid not null references app_public.llm_models (id),
  input_usd_per_million numeric not null,
  cached_input_usd_per_million numeric not null,
  output_usd_per_million numeric not null,
  reasoning_usd_per_million numeric not null,
  valid_from timestamptz not null,
  valid_to timestamptz,
  superseded_at timestamptz,
  created_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),

  constraint input_usd_per_million_is_in_range check (input_usd_per_million between 0 and metering.max_usd_per_million()),
  constraint cached_input_usd_per_million_is_in_range check (
    cached_input_usd_per_million between 0 and metering.max_usd_per_million()),
  constraint output_usd_per_million_is_in_range check (output_usd_per_million between 0 and metering.max_usd_per_million()),
  constraint reasoning_usd_per_million_is_in_range check (
    reasoning_usd_per_million between 0 and metering.max_usd_per_million()),
  constraint price_ends_after_it_begins check (valid_to > valid_from)
);
create unique index llm_model_price_overrides_beginning_key on app_public.llm_model_price_overrides (tenant_id, model_id, valid_from)
  where superseded_at is null;
create index on app_public.llm_model_price_overrides (tenant_id, model_id);
create index on app_public.llm_model_price_overrides (model_id);
create index on app_public.llm_model_price_overrides (created_by_user_id);

-- A price of either kind, in the form that the computation of costs uses.
create type metering.model_price as (
  model_id uuid,
  price_id uuid,
  is_override boolean,
  valid_from timestamptz,
  valid_to timestamptz,
  input_usd_per_million numeric,
  cached_input_usd_per_million numeric,
  output_usd_per_million numeric,
  reasoning_usd_per_million numeric
);

-- Events -----------------------------------------------------------------------------------------------------------------

-- Each call of record_usage, record_usages or record_llm_usage is one batch, and so are the calls of models that come as spans of
-- one request. The events of a batch are numbered from 1.
-- There are no foreign keys: checking one costs more than writing the row, and events outlive the rows they refer to.
create sequence metering.usage_batches;

create table app_public.usage_events (
  tenant_id uuid not null,
  batch_id bigint not null,
  ordinal int not null,
  occurred_at timestamptz not null,
  usage_type text not null,
  quantity numeric not null,
  user_id uuid,
  agent_id uuid,
  project_id uuid,
  api_key_id uuid,
  model_id uuid,
  feature_name text,
  outcome app_public.usage_outcome,
  duration_ms int,
  cost numeric,
  price_id uuid,
  is_unpriced boolean not null default false,
  adjusts_period tstzrange,
  -- the event whose cost this event corrects
  rerates_batch_id bigint,
  rerates_ordinal int,
  -- the event whose quantity this event takes back in part or whole
  corrects_batch_id bigint,
  corrects_ordinal int,
  idempotency_key text,
  metadata jsonb not null default '{}',
  recorded_at timestamptz not null default now(),
  -- the tenant at the top of the hierarchy, which pays for it; null when the tenant itself does
  payer_id uuid,

  primary key (tenant_id, batch_id, ordinal, occurred_at),
  constraint quantity_is_positive_and_bounded check (
    quantity between -metering.max_amount() and metering.max_amount()
    and sign(quantity) = case when corrects_batch_id is not null then -1 when rerates_batch_id is not null then 0 else 1 end),
  constraint cost_is_bounded check (cost > -1e15 and cost < 1e15),
  constraint duration_ms_is_not_negative check (duration_ms >= 0),
  constraint cost_names_its_price check ((cost is null) = (price_id is null)),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
) partition by range (occurred_at);
call core.limit_length('app_public.usage_events', 63, 'usage_type');
call core.limit_length('app_public.usage_events', 100, 'feature_name');
call core.limit_length('app_public.usage_events', 255, 'idempotency_key');
call core.limit_bytes('app_public.usage_events', 100000, 'metadata');
create index on app_public.usage_events (tenant_id, occurred_at);
create index usage_events_late_idx on app_public.usage_events (tenant_id, batch_id) where adjusts_period is not null;
create index usage_events_late_below_idx on app_public.usage_events (payer_id, batch_id) where adjusts_period is not null and payer_id is not null;
create index on app_public.usage_events (tenant_id, rerates_batch_id) where rerates_batch_id is not null;
create index on app_public.usage_events (tenant_id, corrects_batch_id) where corrects_batch_id is not null;
create index on app_public.usage_events (payer_id, usage_type, occurred_at) where payer_id is not null;
create table metering.usage_events_default partition of app_public.usage_events default;

-- Idempotency keys are permanent. A unique index of a partitioned table would have to contain the month, so the keys have a
-- table of their own.
create table metering.usage_idempotency_keys (
  tenant_id uuid not null,
  key text collate "C" not null,
  payload_hash bigint not null,
  batch_id bigint not null,
  ordinal int not null,
  occurred_at timestamptz not null,
  primary key (tenant_id, key)
);
call core.limit_length('metering.usage_idempotency_keys', 255, 'key');

-- Batches that the roll-ups have not counted yet. A batch commits together with its row here, and the roll-up that counts the
-- batch deletes the row. There is no watermark, so a writer that commits late is never skipped (docs/adr/0011).
create table metering.usage_queue (
  tenant_id uuid not null,
  batch_id bigint not null,
  event_count int not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  -- the tenant at the top of the hierarchy, which pays for the whole batch; null when the tenant itself does
  payer_id uuid,
  primary key (tenant_id, batch_id)
);
create index on metering.usage_queue (payer_id) where payer_id is not null;

-- Periods whose invoice is final. Billing closes a period with metering.finalise_usage_period; an event of the period that
-- is recorded later has adjusts_period set.
create table metering.finalised_periods (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  period tstzrange not null,
  -- when the period was closed, all batches of the tenant up to this one were committed, and no later batch was
  last_batch_id bigint not null,
  finalised_at timestamptz not null default now(),
  primary key (tenant_id, period),
  constraint period_is_bounded check (not isempty(period) and not lower_inf(period) and not upper_inf(period)),
  constraint finalised_periods_do_not_overlap exclude using gist (tenant_id with =, period with &&)
);

-- Calls of language models: one row for each call, beside its events.
create table metering.llm_calls (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  occurred_at timestamptz not null,
  provider_id uuid,
  provider text,
  model_id uuid,
  model text not null,
  model_config_id uuid,
  agent_id uuid,
  agent_name text,
  user_id uuid,
  user_name text,
  project_id uuid,
  api_key_id uuid,
  conversation_id uuid,
  panel_id uuid,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  prompt_tokens bigint not null generated always as (input_tokens + cached_input_tokens) stored,
  completion_tokens bigint not null generated always as (output_tokens + reasoning_tokens) stored,
  total_tokens bigint not null
    generated always as (input_tokens + cached_input_tokens + output_tokens + reasoning_tokens) stored,
  price_id uuid,
  input_cost numeric,
  output_cost numeric,
  total_cost numeric generated always as (input_cost + output_cost) stored,
  is_priced boolean not null generated always as (price_id is not null) stored,
  response_time_ms int,
  time_to_first_token_ms int,
  temperature numeric(3, 2),
  max_tokens int,
  top_p numeric(3, 2),
  finish_reason text,
  function_call jsonb,
  success boolean not null default true,
  error_type text,
  error_message text,
  batch_id bigint not null,
  -- the position of its first event in the batch; the events of a call follow each other
  first_ordinal int not null default 1,
  is_over_quota boolean not null default false,
  created_at timestamptz not null default now(),

  primary key (tenant_id, occurred_at, id),
  constraint tokens_are_in_range check (
    least(input_tokens, cached_input_tokens, output_tokens, reasoning_tokens) >= 0
    and greatest(input_tokens, cached_input_tokens, output_tokens, reasoning_tokens) <= metering.max_tokens_per_call()),
  constraint costs_name_their_price check (
    (input_cost is null) = (price_id is null) and (output_cost is null) = (price_id is null)),
  constraint response_time_ms_is_not_negative check (response_time_ms >= 0),
  constraint time_to_first_token_ms_is_not_negative check (time_to_first_token_ms >= 0),
  constraint temperature_is_in_range check (temperature between 0 and 2),
  constraint max_tokens_is_positive check (max_tokens > 0),
  constraint top_p_is_a_probability check (top_p between 0 and 1),
  constraint finish_reason_is_short check (length(finish_reason) <= 50),
  constraint error_type_is_short check (length(error_type) <= 100),
  constraint error_message_is_bounded check (length(error_message) <= 10000)
) partition by range (occurred_at);
call core.limit_length('metering.llm_calls', 255, 'provider', 'model', 'agent_name', 'user_name');
call core.limit_bytes('metering.llm_calls', 100000, 'function_call');
create index on metering.llm_calls (tenant_id, model_id, occurred_at);
create index on metering.llm_calls (tenant_id, conversation_id) where conversation_id is not null;
create table metering.llm_calls_default partition of metering.llm_calls default;

-- The texts of calls. They are stored only for tenants that want to keep them, and only as long as the tenant wants.
create table metering.llm_texts (
  tenant_id uuid not null,
  call_id uuid not null,
  occurred_at timestamptz not null,
  user_id uuid,
  prompt_text text,
  system_prompt text,
  completion_text text,
  primary key (tenant_id, occurred_at, call_id)
) partition by range (occurred_at);
call core.limit_bytes('metering.llm_texts', 4000000, 'prompt_text', 'system_prompt', 'completion_text');
create table metering.llm_texts_default partition of metering.llm_texts default;

-- Roll-ups ---------------------------------------------------------------------------------------------------------------

-- The roll-up by minute shows what happens now: one row for each minute, user, agent and API key.
create table metering.usage_minutes (
  tenant_id uuid not null,
  minute timestamptz not null,
  user_id uuid,
  agent_id uuid,
  api_key_id uuid,
  request_count numeric not null,
  token_count numeric not null,
  cost numeric not null,
  consultation_count numeric not null,
  panel_count numeric not null,
  workflow_count numeric not null,
  tool_call_count numeric not null,
  duration_ms bigint not null,
  timed_count bigint not null,
  success_count bigint not null,
  error_count bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) partition by range (minute);
create unique index usage_minutes_key on metering.usage_minutes (tenant_id, minute, user_id, agent_id, api_key_id)
  nulls not distinct;
create table metering.usage_minutes_default partition of metering.usage_minutes default;

-- The roll-up by calendar day of the tenant's time zone has every dimension: all coarser reports are views of it.
create table metering.usage_days (
  tenant_id uuid not null,
  used_on date not null,
  usage_type text not null,
  user_id uuid,
  agent_id uuid,
  api_key_id uuid,
  project_id uuid,
  model_id uuid,
  feature_name text,
  event_count bigint not null,
  quantity numeric not null,
  cost numeric not null,
  duration_ms bigint not null,
  timed_count bigint not null,
  success_count bigint not null,
  error_count bigint not null,
  abandon_count bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  last_success_at timestamptz,
  last_error_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
call core.limit_length('metering.usage_days', 63, 'usage_type');
call core.limit_length('metering.usage_days', 100, 'feature_name');
create unique index usage_days_key on metering.usage_days
  (tenant_id, used_on, usage_type, user_id, agent_id, api_key_id, project_id, model_id, feature_name) nulls not distinct;

-- The roll-up that invoices are added up from: what was recorded in time, by quarter of an hour and by who pays for it. All time
-- zones differ by whole quarters, so a midnight never cuts one.
create table metering.usage_quarter_hours (
  tenant_id uuid not null,
  usage_type text not null,
  starts_at timestamptz not null,
  payer_id uuid,
  quantity numeric not null
);
call core.limit_length('metering.usage_quarter_hours', 63, 'usage_type');
create unique index usage_quarter_hours_key on metering.usage_quarter_hours (tenant_id, usage_type, starts_at, payer_id) nulls not distinct;
create index on metering.usage_quarter_hours (payer_id, usage_type, starts_at) where payer_id is not null;

-- The totals of all calls of each agent, which the catalogue shows.
create table metering.usage_agents (
  tenant_id uuid not null,
  agent_id uuid not null,
  call_count bigint not null,
  duration_ms bigint not null,
  timed_count bigint not null,
  success_count bigint not null,
  error_count bigint not null,
  last_success_at timestamptz,
  last_error_at timestamptz,
  primary key (tenant_id, agent_id)
);

-- The totals of all calls of each agent by each person, for the person's list of agents. Each conversation has a row, so that
-- it is counted once, however often it is continued.
create table metering.usage_user_agents (
  tenant_id uuid not null,
  user_id uuid not null,
  agent_id uuid not null,
  call_count bigint not null default 0,
  conversation_count bigint not null default 0,
  success_count bigint not null default 0,
  error_count bigint not null default 0,
  first_at timestamptz,
  last_at timestamptz,
  primary key (tenant_id, user_id, agent_id)
);
create table metering.usage_conversations (
  tenant_id uuid not null,
  user_id uuid not null,
  agent_id uuid not null,
  conversation_id uuid not null,
  primary key (tenant_id, user_id, agent_id, conversation_id)
);

-- Days by what reports ask most: who used something, and what models cost. A person has many rows of usage_days a day and one
-- here. Everyone who ever used something has one row, so that a report names a person once.
create table metering.usage_user_days (
  tenant_id uuid not null,
  used_on date not null,
  user_id uuid not null,
  event_count bigint not null,
  primary key (tenant_id, used_on, user_id)
);
create table metering.usage_users (
  tenant_id uuid not null,
  user_id uuid not null,
  primary key (tenant_id, user_id)
);
create table metering.usage_model_days (
  tenant_id uuid not null,
  used_on date not null,
  model_id uuid,
  agent_id uuid,
  project_id uuid,
  cost numeric not null,
  call_count numeric not null,
  error_count bigint not null,
  token_count numeric not null
);
create unique index usage_model_days_key on metering.usage_model_days (tenant_id, used_on, model_id, agent_id, project_id) nulls not distinct;

-- The time zone in which the days of a tenant were counted. When the tenant changes its time zone, the days are counted again.
create table metering.usage_rollup_state (
  tenant_id uuid primary key references app_public.tenants (id) on delete cascade,
  timezone text not null,
  rolled_up_at timestamptz not null default now()
);
call core.limit_length('metering.usage_rollup_state', 64, 'timezone');

-- Inputs and results --------------------------------------------------------------------------------------------------------

create type app_public.new_usage_event as (
  idempotency_key text,
  usage_type text,
  quantity numeric,
  occurred_at timestamptz,
  user_id uuid,
  agent_id uuid,
  project_id uuid,
  api_key_id uuid,
  model_id uuid,
  feature_name text,
  outcome app_public.usage_outcome,
  duration_ms int,
  metadata jsonb
);
comment on type app_public.new_usage_event is 'One event of usage to be recorded: how much of which usage type was used, when, by whom and by what.';
comment on column app_public.new_usage_event.idempotency_key is
  E'@notNull\nA key of 1 to 255 characters that is unique within the tenant, such as the id of what was done. Recording the same event again under the same key stores nothing.';
comment on column app_public.new_usage_event.usage_type is E'@notNull\nThe name of a usage type, such as tool_call.';
comment on column app_public.new_usage_event.quantity is
  E'@notNull\nHow much was used, in the unit of the usage type: above 0, at most the maximum of the type, and whole where the type says so.';
comment on column app_public.new_usage_event.occurred_at is 'When it was used: at most 400 days ago and at most an hour ahead. The default is now.';
comment on column app_public.new_usage_event.user_id is 'The member who used it. The default is you; only admins may name another member.';
comment on column app_public.new_usage_event.agent_id is 'The agent that used it.';
comment on column app_public.new_usage_event.project_id is 'The project it was used for.';
comment on column app_public.new_usage_event.api_key_id is 'The API key it was used with. The default is the key of this request; only admins may name another key.';
comment on column app_public.new_usage_event.model_id is 'The language model. Tokens of a model with a price get their cost from it.';
comment on column app_public.new_usage_event.feature_name is 'The feature of the product, 1 to 100 characters.';
comment on column app_public.new_usage_event.outcome is 'How it ended.';
comment on column app_public.new_usage_event.duration_ms is 'How long it took in milliseconds, from 0 to 30 days.';
comment on column app_public.new_usage_event.metadata is 'Anything else, as an object of at most 8 kB.';

create type app_public.usage_receipt as (
  idempotency_key text,
  batch_id bigint,
  ordinal int,
  occurred_at timestamptz,
  is_repeated boolean
);
comment on type app_public.usage_receipt is 'The result of recording one event.';
comment on column app_public.usage_receipt.idempotency_key is E'@notNull\nThe key under which the event was recorded.';
comment on column app_public.usage_receipt.batch_id is E'@notNull\nThe batch of the event. Together with ordinal it identifies the event in usageLogs.';
comment on column app_public.usage_receipt.ordinal is E'@notNull\nThe position of the event in its batch, from 1.';
comment on column app_public.usage_receipt.occurred_at is E'@notNull\nWhen it was used.';
comment on column app_public.usage_receipt.is_repeated is E'@notNull\nWhether the event had been recorded before, so that this call stored nothing.';

create type app_public.new_llm_call as (
  idempotency_key text,
  model text,
  input_tokens bigint,
  cached_input_tokens bigint,
  output_tokens bigint,
  reasoning_tokens bigint,
  prompt_tokens bigint,
  completion_tokens bigint,
  total_tokens bigint,
  occurred_at timestamptz,
  user_id uuid,
  agent_id uuid,
  agent_name text,
  project_id uuid,
  api_key_id uuid,
  model_config_id uuid,
  conversation_id uuid,
  panel_id uuid,
  response_time_ms int,
  time_to_first_token_ms int,
  temperature numeric,
  max_tokens int,
  top_p numeric,
  finish_reason text,
  function_call jsonb,
  success boolean,
  error_type text,
  error_message text,
  prompt_text text,
  system_prompt text,
  completion_text text,
  reservation_ids uuid[]
);
comment on type app_public.new_llm_call is 'One call of a language model to be recorded.';
comment on column app_public.new_llm_call.idempotency_key is
  E'@notNull\nA key of 1 to 255 characters that is unique within the tenant, such as the id of the call. Recording the same call again under the same key stores nothing.';
comment on column app_public.new_llm_call.model is
  E'@notNull\nThe name or id of a model of the catalogue. Another name is kept as it is, and the call then has no cost.';
comment on column app_public.new_llm_call.input_tokens is
  E'@notNull\nInput tokens that were not read from a cache, from 0 to a thousand million.';
comment on column app_public.new_llm_call.cached_input_tokens is 'Input tokens that were read from a cache. The default is 0.';
comment on column app_public.new_llm_call.output_tokens is
  E'@notNull\nOutput tokens without the tokens for reasoning, from 0 to a thousand million.';
comment on column app_public.new_llm_call.reasoning_tokens is 'Output tokens for reasoning. The default is 0.';
comment on column app_public.new_llm_call.prompt_tokens is 'A check: when you give it, it must be input_tokens + cached_input_tokens.';
comment on column app_public.new_llm_call.completion_tokens is 'A check: when you give it, it must be output_tokens + reasoning_tokens.';
comment on column app_public.new_llm_call.total_tokens is 'A check: when you give it, it must be the sum of all four classes.';
comment on column app_public.new_llm_call.occurred_at is 'When the call was made: at most 400 days ago and at most an hour ahead. The default is now.';
comment on column app_public.new_llm_call.user_id is 'The member who made the call. The default is you; only admins may name another member.';
comment on column app_public.new_llm_call.agent_id is 'The agent that made the call.';
comment on column app_public.new_llm_call.agent_name is
  'The name of an agent that is shared with you. The name of an agent of this tenant is read from the agent.';
comment on column app_public.new_llm_call.project_id is 'The project it was made for.';
comment on column app_public.new_llm_call.api_key_id is 'The API key it was made with. The default is the key of this request; only admins may name another key.';
comment on column app_public.new_llm_call.model_config_id is 'Your own id of the configuration of the model.';
comment on column app_public.new_llm_call.conversation_id is 'The conversation it belongs to.';
comment on column app_public.new_llm_call.panel_id is 'The panel discussion it belongs to.';
comment on column app_public.new_llm_call.response_time_ms is 'How long the call took in milliseconds, from 0 to 30 days.';
comment on column app_public.new_llm_call.time_to_first_token_ms is 'The time until the first token in milliseconds, at least 0.';
comment on column app_public.new_llm_call.temperature is 'From 0 to 2.';
comment on column app_public.new_llm_call.max_tokens is 'The largest number of tokens that the answer could have, at least 1.';
comment on column app_public.new_llm_call.top_p is 'From 0 to 1.';
comment on column app_public.new_llm_call.finish_reason is
  'Why the answer ended, as the provider names it (stop, length, function_call, error, …), at most 50 characters.';
comment on column app_public.new_llm_call.function_call is 'The function that the model called, in the form of the provider.';
comment on column app_public.new_llm_call.success is 'Whether the call succeeded. The default is true.';
comment on column app_public.new_llm_call.error_type is 'The kind of the error, at most 100 characters.';
comment on column app_public.new_llm_call.error_message is 'The message of the error, at most 10,000 characters.';
comment on column app_public.new_llm_call.prompt_text is
  'The prompt. Texts are stored only when the settings of the tenant say store_llm_texts.';
comment on column app_public.new_llm_call.system_prompt is 'The system prompt.';
comment on column app_public.new_llm_call.completion_text is 'The answer.';
comment on column app_public.new_llm_call.reservation_ids is
  'The reservations that were made for the call, at most two: they are settled with what it used.';

create type app_public.llm_usage_receipt as (
  id uuid,
  occurred_at timestamptz,
  batch_id bigint,
  prompt_tokens bigint,
  completion_tokens bigint,
  total_tokens bigint,
  input_cost numeric,
  output_cost numeric,
  total_cost numeric,
  price_id uuid,
  is_repeated boolean,
  is_over_quota boolean
);
comment on type app_public.llm_usage_receipt is 'The result of recording a call of a language model.';
comment on column app_public.llm_usage_receipt.id is E'@notNull\nThe id of the call in usageLlmCalls.';
comment on column app_public.llm_usage_receipt.occurred_at is E'@notNull\nWhen the call was made.';
comment on column app_public.llm_usage_receipt.batch_id is E'@notNull\nThe batch of its events in usageLogs.';
comment on column app_public.llm_usage_receipt.prompt_tokens is E'@notNull\nInput tokens, including those that were read from a cache.';
comment on column app_public.llm_usage_receipt.completion_tokens is E'@notNull\nOutput tokens, including those for reasoning.';
comment on column app_public.llm_usage_receipt.total_tokens is E'@notNull\nTokens of all classes.';
comment on column app_public.llm_usage_receipt.input_cost is 'The cost of the prompt in USD, not rounded; null when the model had no price.';
comment on column app_public.llm_usage_receipt.output_cost is 'The cost of the answer in USD, not rounded; null when the model had no price.';
comment on column app_public.llm_usage_receipt.total_cost is 'The cost of the call in USD, not rounded; null when the model had no price.';
comment on column app_public.llm_usage_receipt.price_id is 'The price from which the cost was computed; null when the model had no price.';
comment on column app_public.llm_usage_receipt.is_repeated is E'@notNull\nWhether the call had been recorded before, so that nothing was stored this time.';
comment on column app_public.llm_usage_receipt.is_over_quota is
  E'@notNull\nWhether more is used with this call than a hard limit of tokens or cost allows. The call is kept and counted; further uses and reservations are refused. Calls that come together as spans are marked together.';

create type app_public.rerating_line as (
  usage_type text,
  model_id uuid,
  model text,
  event_count bigint,
  quantity numeric,
  cost_before numeric,
  cost_after numeric,
  difference numeric
);
comment on type app_public.rerating_line is 'How the cost of a model''s tokens of one type would change if it were computed again.';
comment on column app_public.rerating_line.usage_type is E'@notNull\nThe usage type of the tokens.';
comment on column app_public.rerating_line.model_id is E'@notNull\nThe model.';
comment on column app_public.rerating_line.model is 'The name of the model; null when the model was deleted.';
comment on column app_public.rerating_line.event_count is E'@notNull\nHow many events would change.';
comment on column app_public.rerating_line.quantity is E'@notNull\nHow many tokens these events have.';
comment on column app_public.rerating_line.cost_before is E'@notNull\nTheir cost now in USD, including corrections; 0 for events without a cost.';
comment on column app_public.rerating_line.cost_after is E'@notNull\nTheir cost by the current prices in USD.';
comment on column app_public.rerating_line.difference is E'@notNull\ncost_after - cost_before.';

create type app_public.unpriced_line as (
  usage_type text,
  model_id uuid,
  model text,
  event_count bigint,
  quantity numeric,
  first_at timestamptz,
  last_at timestamptz
);
comment on type app_public.unpriced_line is 'Tokens of one type and model that have no cost, because the model has no price or is not in the catalogue.';
comment on column app_public.unpriced_line.usage_type is E'@notNull\nThe usage type of the tokens.';
comment on column app_public.unpriced_line.model_id is 'The model; null when the catalogue does not know it.';
comment on column app_public.unpriced_line.model is 'The name of the model, as the caller gave it when the catalogue does not know it; null when none was given.';
comment on column app_public.unpriced_line.event_count is E'@notNull\nHow many events have no cost.';
comment on column app_public.unpriced_line.quantity is E'@notNull\nHow many tokens these events have.';
comment on column app_public.unpriced_line.first_at is E'@notNull\nWhen the first of them occurred.';
comment on column app_public.unpriced_line.last_at is E'@notNull\nWhen the last of them occurred.';

reset role;

-- Quotas and rate limits. A quota limits how much exists, or how much is used in a calendar period; its counters are rows
-- that one conditional update changes. A rate limit limits how fast something is used; a crash may forget its windows.

set role rowhouse_owner;

-- A quota of users, agents, api_keys, documents or storage follows the rows that it counts. The other quotas are used up and begin
-- again with each period.
create function metering.is_count_quota(quota_type app_public.quota_type) returns boolean
  language sql immutable parallel safe
  return quota_type in ('users', 'agents', 'api_keys', 'documents', 'storage');
comment on function metering.is_count_quota is
  'Whether a quota of this type counts what exists (users, agents, api_keys, documents, storage) instead of what is used in a period.';

create table app_public.usage_quotas (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  quota_type app_public.quota_type not null,
  quota_scope app_public.limit_scope not null default 'tenant',
  scope_id uuid,
  period app_public.quota_period not null,
  quota_limit numeric,
  is_hard_limit boolean not null default true,
  overage_allowed boolean not null default false,
  alert_threshold_percentage numeric not null default 80,
  applies_to_subtree boolean not null default false,
  source app_public.quota_source not null default 'own',
  -- until share_until only share_days / period_days of the limit hold
  share_days int,
  period_days int,
  share_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint share_is_whole_or_missing check (
    num_nulls(share_days, period_days, share_until) in (0, 3) and share_days > 0 and share_days <= period_days),
  constraint scope_of_the_tenant_has_no_id check (quota_scope <> 'tenant' or scope_id is null),
  -- agents, documents and storage belong to a tenant and to a user, memberships and API keys only to a tenant
  constraint scope_fits_what_is_counted check (
    not metering.is_count_quota(quota_type) or quota_scope = 'tenant' or (quota_scope = 'user' and quota_type not in ('users', 'api_keys'))),
  constraint period_fits_the_type check (
    case when metering.is_count_quota(quota_type) then period = 'none' else period in ('day', 'month', 'billing') end),
  constraint quota_limit_is_an_amount check (
    quota_limit >= 0 and quota_limit < metering.max_amount() and (quota_type = 'cost' or quota_limit = trunc(quota_limit))),
  constraint hard_limit_has_no_overage check (not (is_hard_limit and overage_allowed)),
  constraint alert_threshold_is_a_percentage check (alert_threshold_percentage > 0 and alert_threshold_percentage <= 100),
  constraint only_a_tenant_has_a_subtree check (not applies_to_subtree or quota_scope = 'tenant')
);
create unique index on app_public.usage_quotas
  (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) nulls not distinct;

-- One counter for each limited thing and each period. Limits of the same thing share a counter, so that a new plan continues
-- to count where the old plan stopped.
create table app_public.quota_tracking (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  quota_type app_public.quota_type not null,
  quota_scope app_public.limit_scope not null,
  scope_id uuid not null,
  includes_subtree boolean not null,
  period app_public.quota_period not null,
  period_start date not null,
  period_end date not null,
  -- The instants at which the period begins and ends. They were fixed by the time zone that the tenant had then, so that a
  -- change of the zone never begins a period, and so a counter, before the running one has ended.
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  -- copies of the current limits, because the conditional update reads only this row
  quota_limit numeric,
  hard_limit numeric,
  included_amount numeric,
  alert_threshold_percentage numeric not null default 80,
  current_usage numeric not null default 0,
  reserved numeric not null default 0,
  is_exceeded boolean not null generated always as (coalesce(current_usage > quota_limit, false)) stored,
  overage numeric not null generated always as (coalesce(greatest(current_usage - included_amount, 0), 0)) stored,
  excess numeric not null generated always as (coalesce(greatest(current_usage - hard_limit, 0), 0)) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  constraint current_usage_is_not_negative check (current_usage >= 0 and current_usage < 'Infinity'),
  constraint reserved_is_not_negative check (reserved >= 0 and reserved < 'Infinity'),
  constraint period_ends_after_it_starts check (period_end > period_start and ends_at > starts_at)
) with (fillfactor = 70);
create unique index on app_public.quota_tracking
  (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, starts_at);

create table app_public.quota_reservations (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  quota_type app_public.quota_type not null,
  amount numeric not null,
  user_id uuid,
  agent_id uuid,
  api_key_id uuid,
  expires_at timestamptz not null,
  hold_count int not null default 0,
  settled_amount numeric,
  settled_at timestamptz,
  released_at timestamptz,
  -- the batch of the recorded call that it served; one call only, so that what was settled is not taken off twice
  batch_id bigint,
  created_at timestamptz not null default now(),

  primary key (tenant_id, id),
  constraint quota_type_is_metered check (not metering.is_count_quota(quota_type)),
  constraint amount_is_positive check (amount > 0 and amount < metering.max_amount()),
  constraint settled_amount_is_not_negative check (settled_amount >= 0),
  constraint settled_has_an_amount check ((settled_at is null) = (settled_amount is null)),
  constraint ends_once check (settled_at is null or released_at is null)
);
create index on app_public.quota_reservations (expires_at);

-- What a reservation holds in one counter, which may belong to a parent tenant. A hold changes only while the row of its
-- counter is locked, so the sum of a counter's holds always equals its reserved amount.
create table metering.quota_holds (
  tenant_id uuid not null,
  counter_id uuid not null,
  reservation_tenant_id uuid not null,
  reservation_id uuid not null,
  user_id uuid,
  amount numeric not null,
  expires_at timestamptz not null,
  primary key (tenant_id, counter_id, reservation_id),
  foreign key (tenant_id, counter_id) references app_public.quota_tracking (tenant_id, id) on delete cascade,
  constraint amount_is_positive check (amount > 0)
);
create index on metering.quota_holds (tenant_id, counter_id, expires_at);
create index on metering.quota_holds (reservation_id);

-- The keys of uses and reservations. The row is inserted before the use, so callers of one key wait for the first, and it has
-- the answer that the repeated call gets.
create table metering.quota_keys (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  key text collate "C" not null,
  payload_hash bigint not null,
  -- of a use its quotas; of a reservation its id
  answer jsonb,
  reservation_id uuid,
  used_at timestamptz not null,
  primary key (tenant_id, key)
);
call core.limit_length('metering.quota_keys', 255, 'key');
call core.limit_bytes('metering.quota_keys', 100000, 'answer');
create index on metering.quota_keys (used_at);

create table app_public.quota_alerts (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  quota_type app_public.quota_type not null,
  quota_scope app_public.limit_scope not null,
  scope_id uuid not null,
  includes_subtree boolean not null,
  period app_public.quota_period not null,
  period_start date not null,
  threshold_percentage numeric not null,
  quota_limit numeric not null,
  usage_at_alert numeric not null,
  acknowledged_at timestamptz,
  acknowledged_by_user_id uuid references app_public.user_profiles (id) on delete set null (acknowledged_by_user_id),
  created_at timestamptz not null default now(),

  primary key (tenant_id, id)
);
-- One alert for each threshold and period. A changed limit has thresholds of its own.
create unique index on app_public.quota_alerts
  (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, threshold_percentage, quota_limit);
create index on app_public.quota_alerts (acknowledged_by_user_id);

-- Requests that were served. Each is appended as a row of its own, so that no two requests wait for each other; a task takes
-- them out in bulk.
create table metering.api_call_buffer (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint not null generated always as identity,
  user_id uuid,
  api_key_id uuid,
  called_at timestamptz not null,
  calls int not null default 1,
  primary key (tenant_id, id),
  constraint calls_is_positive check (calls > 0)
);

create table app_public.rate_limit_config (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  limit_scope app_public.limit_scope not null default 'tenant',
  scope_id uuid,
  limit_type app_public.rate_limit_type not null default 'requests',
  per_minute int,
  per_hour int,
  per_day int,
  per_month int,
  on_limit_action app_public.rate_limit_action not null default 'block',
  is_hard_limit boolean not null generated always as (on_limit_action in ('block', 'queue')) stored,
  warning_threshold_percent int not null default 80,
  is_active boolean not null default true,
  is_default boolean not null default false,
  source app_public.rate_limit_source not null default 'own',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint scope_of_the_tenant_has_no_id check (limit_scope <> 'tenant' or scope_id is null),
  constraint per_minute_is_positive check (per_minute > 0),
  constraint per_hour_is_positive check (per_hour > 0),
  constraint per_day_is_positive check (per_day > 0),
  constraint per_month_is_positive check (per_month > 0),
  constraint there_is_a_limit check (num_nonnulls(per_minute, per_hour, per_day, per_month) > 0),
  constraint warning_threshold_is_a_percentage check (warning_threshold_percent between 0 and 100),
  constraint default_names_nobody check (not is_default or scope_id is null)
);
create unique index on app_public.rate_limit_config
  (tenant_id, limit_scope, scope_id, limit_type, source, is_hard_limit, is_default) nulls not distinct;
-- A default belongs to the tenant of the platform and applies to every tenant.
create index on app_public.rate_limit_config (is_default) where is_default;

-- The rate limits that apply, one row for each window. A trigger derives them from rate_limit_config, so that a request does
-- not have to compute precedence and defaults.
create table metering.rate_limit_rules (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  config_id uuid not null references app_public.rate_limit_config (id) on delete cascade,
  window_seconds int not null,
  limit_scope app_public.limit_scope not null,
  scope_id uuid,
  except_scope_ids uuid[] not null,
  limit_type app_public.rate_limit_type not null,
  limit_value double precision not null,
  on_limit_action app_public.rate_limit_action not null,
  warning_value double precision not null,
  -- whether it is the only rate limit of the tenant and counts all its requests
  is_sole boolean not null,
  primary key (tenant_id, config_id, window_seconds)
);
create index on metering.rate_limit_rules (config_id);

-- The state of a window. The table is unlogged, so a crash forgets the windows and nothing else. No index covers a column
-- that changes and the pages have free space, so an update is one heap-only tuple. The newest bucket has the amount
-- usage_count - past_count.
create unlogged table app_public.rate_limit_usage (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  -- without a foreign key: a window outlives its limit, so that setting the limit again does not begin it anew
  config_id uuid not null,
  scope_id uuid not null,
  window_seconds int not null,
  usage_count double precision not null default 0,
  past_count double precision not null default 0,
  past_buckets double precision[] not null,
  window_start timestamptz not null,
  window_end timestamptz not null,
  is_exceeded boolean not null default false,
  exceeded_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, config_id, scope_id, window_seconds)
) with (fillfactor = 50);
create index on app_public.rate_limit_usage (config_id);

-- What is checked against the rate limits of a tenant at an instant.
create type metering.rate_limit_use as (
  tenant_id uuid,
  user_id uuid,
  agent_id uuid,
  api_key_id uuid,
  requests double precision,
  tokens double precision,
  cost double precision,
  at timestamptz
);

-- A rate limit that applies to a use: whose usage it counts, and how much the use adds in the unit of the limit.
create type metering.applicable_rate_limit as (
  rule metering.rate_limit_rules,
  subject_id uuid,
  amount double precision
);

create type app_public.rate_limit_decision as (
  is_allowed boolean,
  action app_public.rate_limit_action,
  is_warning boolean,
  limit_scope app_public.limit_scope,
  limit_type app_public.rate_limit_type,
  window_seconds int,
  limit_value double precision,
  remaining double precision,
  reset_at timestamptz,
  retry_after_ms bigint,
  config_id uuid
);
comment on type app_public.rate_limit_decision is 'What the rate limits decided about a use.';
comment on column app_public.rate_limit_decision.is_allowed is E'@notNull\nWhether the use is allowed.';
comment on column app_public.rate_limit_decision.action is
  'What the exceeded limit does: block, queue, throttle or warn; null when no limit was exceeded.';
comment on column app_public.rate_limit_decision.is_warning is E'@notNull\nWhether the warning threshold of a limit is reached.';
comment on column app_public.rate_limit_decision.limit_scope is
  'Whose usage the reported limit counts. The reported limit is the refusal with the longest wait; if no limit refused, it is the limit closest to exhaustion. null when no limit applies.';
comment on column app_public.rate_limit_decision.limit_type is 'What the reported limit counts.';
comment on column app_public.rate_limit_decision.window_seconds is 'The length of its window in seconds.';
comment on column app_public.rate_limit_decision.limit_value is 'The most that it allows in any window of that length.';
comment on column app_public.rate_limit_decision.remaining is 'How much it allows now.';
comment on column app_public.rate_limit_decision.reset_at is 'When its whole amount is available again, if nothing is used until then.';
comment on column app_public.rate_limit_decision.retry_after_ms is
  'In how many milliseconds this use would be allowed: 0 when it is allowed now, null when it is larger than the limit itself.';
comment on column app_public.rate_limit_decision.config_id is 'The rate limit (rateLimitConfig).';

-- What is taken from the quotas of a tenant, or held in them for a reservation.
create type metering.quota_use as (
  tenant_id uuid,
  quota_type app_public.quota_type,
  amount numeric,
  user_id uuid,
  agent_id uuid,
  api_key_id uuid,
  reservation_id uuid,
  expires_at timestamptz,
  -- What has been used already is counted also beyond a hard limit.
  is_done boolean
);

-- A period of a quota, as local days and as instants.
create type metering.quota_span as (
  period_start date,
  period_end date,
  starts_at timestamptz,
  ends_at timestamptz
);

-- A limit that applies to a use of a quota, in the form that its counter stores.
create type metering.effective_quota as (
  owner_id uuid,
  quota_scope app_public.limit_scope,
  scope_id uuid,
  includes_subtree boolean,
  period app_public.quota_period,
  quota_limit numeric,
  hard_limit numeric,
  included_amount numeric,
  alert_threshold_percentage numeric
);

create type app_public.quota_status as (
  quota_type app_public.quota_type,
  quota_scope app_public.limit_scope,
  scope_id uuid,
  includes_subtree boolean,
  period app_public.quota_period,
  period_start date,
  period_end date,
  quota_limit numeric,
  hard_limit numeric,
  current_usage numeric,
  reserved numeric,
  remaining numeric,
  is_warning boolean,
  is_exceeded boolean
);
comment on type app_public.quota_status is 'A quota and how much of it is used.';
comment on column app_public.quota_status.quota_type is E'@notNull\nWhat the quota limits.';
comment on column app_public.quota_status.quota_scope is E'@notNull\nWhose usage it counts.';
comment on column app_public.quota_status.scope_id is E'@notNull\nThe tenant, user, agent or API key.';
comment on column app_public.quota_status.includes_subtree is E'@notNull\nWhether the usage of the tenants below this one counts too.';
comment on column app_public.quota_status.period is E'@notNull\nThe period in which usage adds up.';
comment on column app_public.quota_status.period_start is 'The first day of the current period; null when the quota has no period.';
comment on column app_public.quota_status.period_end is 'The day after the last day of the current period; null when the quota has no period.';
comment on column app_public.quota_status.quota_limit is
  'The strictest limit, hard or soft; null when the limit was removed after the usage began.';
comment on column app_public.quota_status.hard_limit is 'The limit at which usage is refused; null when the limit is soft.';
comment on column app_public.quota_status.current_usage is E'@notNull\nHow much exists, or was used in the period.';
comment on column app_public.quota_status.reserved is E'@notNull\nHow much reservations hold.';
comment on column app_public.quota_status.remaining is 'How much of quota_limit is left.';
comment on column app_public.quota_status.is_warning is E'@notNull\nWhether the alert threshold is reached.';
comment on column app_public.quota_status.is_exceeded is E'@notNull\nWhether more is used than quota_limit.';

reset role;
