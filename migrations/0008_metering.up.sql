-- Metering: what was used, written down once and never changed, and the roll-ups that all reports are views of.
-- Events and calls are partitioned by month; the default partitions take what has no partition yet, so no row is lost.

-- a price's times must not overlap: uuid and range in one exclusion
create extension if not exists btree_gist;

create schema metering authorization rowhouse_owner;
comment on schema metering is 'Usage, prices, quotas and rate limits.';
grant usage on schema metering to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analyst;

set role rowhouse_owner;

create type app_public.usage_outcome as enum ('success', 'error', 'abandoned');
create type app_public.tracking_period as enum ('minute', 'hour', 'day', 'month');

-- What can be used. Global: plans price these types, so they mean the same for every tenant.
create table app_public.usage_types (
  name text primary key,
  display_name text not null,
  unit text not null,
  is_whole boolean not null default true,
  max_quantity numeric not null,
  token_class text,
  created_at timestamptz not null default now(),

  constraint name_is_an_identifier check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint display_name_is_a_name check (core.is_name(display_name)),
  constraint max_quantity_is_storable check (max_quantity > 0 and max_quantity <= 1e18),
  constraint token_class_is_known check (token_class in ('input', 'cached_input', 'output', 'reasoning'))
);
create unique index usage_types_token_class_key on app_public.usage_types (token_class);

insert into app_public.usage_types (name, display_name, unit, is_whole, max_quantity, token_class) values
  ('api_call', 'API calls', 'call', true, 1e9, null),
  ('llm_call', 'Calls of a language model', 'call', true, 1e9, null),
  ('input_tokens', 'Input tokens', 'token', true, 1e9, 'input'),
  ('cached_input_tokens', 'Input tokens read from a cache', 'token', true, 1e9, 'cached_input'),
  ('output_tokens', 'Output tokens', 'token', true, 1e9, 'output'),
  ('reasoning_tokens', 'Reasoning tokens', 'token', true, 1e9, 'reasoning'),
  ('embedding_tokens', 'Tokens embedded', 'token', true, 1e9, null),
  ('storage_byte_hours', 'Storage', 'byte-hour', false, 1e18, null),
  ('document', 'Documents processed', 'document', true, 1e9, null),
  ('search', 'Searches', 'search', true, 1e9, null),
  ('tool_call', 'Tool calls', 'call', true, 1e9, null),
  ('consultation', 'Expert consultations', 'consultation', true, 1e9, null),
  ('panel', 'Panel discussions', 'discussion', true, 1e9, null),
  ('workflow_run', 'Workflow runs', 'run', true, 1e9, null),
  ('feature_use', 'Uses of a feature', 'use', true, 1e9, null);

-- Prices of models, USD per million tokens, effective-dated. A row that a call names is never changed but for its end.
create table app_public.llm_model_prices (
  id uuid primary key default gen_random_uuid(),
  model_id uuid not null references app_public.llm_models (id),
  input_usd_per_million numeric not null,
  cached_input_usd_per_million numeric not null,
  output_usd_per_million numeric not null,
  reasoning_usd_per_million numeric not null,
  valid_from timestamptz not null,
  valid_to timestamptz,
  -- replaced by a correction from its first day on; calls that were rated by it still name it
  superseded_at timestamptz,
  created_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),

  constraint prices_are_in_range check (
    input_usd_per_million between 0 and 1e9 and cached_input_usd_per_million between 0 and 1e9
    and output_usd_per_million between 0 and 1e9 and reasoning_usd_per_million between 0 and 1e9),
  constraint price_ends_after_it_begins check (valid_to > valid_from),
  constraint prices_do_not_overlap exclude using gist (
    model_id with =, tstzrange(valid_from, valid_to) with &&) where (superseded_at is null)
);
create index on app_public.llm_model_prices (model_id);
create index on app_public.llm_model_prices (created_by_user_id);

-- What one tenant pays instead.
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

  constraint prices_are_in_range check (
    input_usd_per_million between 0 and 1e9 and cached_input_usd_per_million between 0 and 1e9
    and output_usd_per_million between 0 and 1e9 and reasoning_usd_per_million between 0 and 1e9),
  constraint price_ends_after_it_begins check (valid_to > valid_from),
  constraint price_overrides_do_not_overlap exclude using gist (
    tenant_id with =, model_id with =, tstzrange(valid_from, valid_to) with &&) where (superseded_at is null)
);
create index on app_public.llm_model_price_overrides (tenant_id, model_id);
create index on app_public.llm_model_price_overrides (model_id);
create index on app_public.llm_model_price_overrides (created_by_user_id);

-- A price of either kind, as costs are computed by.
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

-- Each call of record_usage or record_usages is one batch; a batch's events are numbered from 1. No foreign keys: each
-- would cost more than the row, and history outlives what it names.
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
  -- the event whose cost this one corrects
  rerates_batch_id bigint,
  rerates_ordinal int,
  idempotency_key text,
  metadata jsonb not null default '{}',
  recorded_at timestamptz not null default now(),

  primary key (tenant_id, batch_id, ordinal, occurred_at),
  -- NaN is above every number
  constraint quantity_is_positive_and_bounded check (
    quantity <= 1e18 and (quantity > 0 or quantity = 0 and rerates_batch_id is not null)),
  constraint cost_is_bounded check (cost > -1e15 and cost < 1e15),
  constraint duration_ms_is_not_negative check (duration_ms >= 0),
  constraint cost_names_its_price check ((cost is null) = (price_id is null)),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
) partition by range (occurred_at);
create index on app_public.usage_events (tenant_id, occurred_at);
create index on app_public.usage_events (tenant_id, rerates_batch_id) where rerates_batch_id is not null;
create table metering.usage_events_default partition of app_public.usage_events default;

-- Idempotency keys are for ever, and a unique index of a partitioned table must contain the month: so they live apart.
create table metering.usage_idempotency_keys (
  tenant_id uuid not null,
  key text collate "C" not null,
  payload_hash bigint not null,
  batch_id bigint not null,
  ordinal int not null,
  occurred_at timestamptz not null,
  primary key (tenant_id, key)
);

-- Batches that the roll-ups have not seen yet. A batch commits with its row here, and the roll-up that reads the batch
-- deletes it: no watermark, so no writer that commits late is passed over (docs/adr/0011).
create table metering.usage_queue (
  tenant_id uuid not null,
  batch_id bigint not null,
  event_count int not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (tenant_id, batch_id)
);

-- Periods whose invoice is final. Billing closes them by metering.finalise_usage_period; an event that falls into one
-- afterwards has adjusts_period set.
create table metering.finalised_periods (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  period tstzrange not null,
  -- all of the tenant's batches up to this one had been committed when the period was closed, and no later one had
  last_batch_id bigint not null,
  finalised_at timestamptz not null default now(),
  primary key (tenant_id, period),
  constraint period_is_bounded check (not isempty(period) and not lower_inf(period) and not upper_inf(period)),
  constraint finalised_periods_do_not_overlap exclude using gist (tenant_id with =, period with &&)
);

-- Calls of language models.
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
  created_at timestamptz not null default now(),

  primary key (tenant_id, occurred_at, id),
  constraint tokens_are_in_range check (
    input_tokens between 0 and 1e9 and cached_input_tokens between 0 and 1e9
    and output_tokens between 0 and 1e9 and reasoning_tokens between 0 and 1e9),
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
create index on metering.llm_calls (tenant_id, model_id, occurred_at);
create index on metering.llm_calls (tenant_id, conversation_id) where conversation_id is not null;
create table metering.llm_calls_default partition of metering.llm_calls default;

-- What was said, apart from the facts of the call: only where the tenant wants it kept, and only as long.
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
create table metering.llm_texts_default partition of metering.llm_texts default;

-- Roll-up by minute: what "now" looks like. One row a minute and combination of who and by what.
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

-- Roll-up by calendar day of the tenant's time zone, with every dimension: all coarser reports are views of it.
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
create unique index usage_days_key on metering.usage_days
  (tenant_id, used_on, usage_type, user_id, agent_id, api_key_id, project_id, model_id, feature_name) nulls not distinct;

-- Roll-up of each agent's calls since ever, for what the catalogue shows of it.
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

-- Roll-up of each person's calls of each agent since ever, for their own list of agents. Conversations are remembered one
-- by one, so that each is counted once however often it is gone on with.
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

-- Which time zone the days of a tenant were counted in: when the tenant moves, they are counted again.
create table metering.usage_rollup_state (
  tenant_id uuid primary key references app_public.tenants (id) on delete cascade,
  timezone text not null,
  rolled_up_at timestamptz not null default now()
);

-- What record_usage and record_usages return of an event.
create type app_public.usage_receipt as (
  idempotency_key text,
  batch_id bigint,
  ordinal int,
  occurred_at timestamptz,
  is_repeated boolean
);

-- What record_llm_usage returns.
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
  is_repeated boolean
);

-- An event as a caller gives it.
create type metering.usage_input as (
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

reset role;

-- Quotas and rate limits. A quota says how much there may be (counted) or be used in a calendar period (metered); its
-- counters are rows that one conditional update changes. A rate limit says how fast; its windows may be forgotten.

set role rowhouse_owner;

-- What a quota can be of. Counts follow the rows they count; the others are used up and begin anew with each period.
create function metering.is_count_quota(quota_type text) returns boolean
  language sql immutable parallel safe
  return quota_type in ('users', 'agents', 'documents', 'storage');
comment on function metering.is_count_quota(text) is
  'Whether a quota of this type counts what there is (users, agents, documents, storage) instead of what is used in a period.';

create table app_public.usage_quotas (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  quota_type text not null,
  quota_scope text not null default 'tenant',
  scope_id uuid,
  period text not null,
  quota_limit numeric,
  is_hard_limit boolean not null default true,
  overage_allowed boolean not null default false,
  alert_threshold_percentage numeric not null default 80,
  applies_to_subtree boolean not null default false,
  source text not null default 'own',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint quota_type_is_known
    check (quota_type in ('users', 'agents', 'documents', 'storage', 'api_calls', 'tokens', 'cost')),
  constraint quota_scope_is_known check (quota_scope in ('tenant', 'user', 'agent', 'api_key')),
  constraint scope_of_the_tenant_has_no_id check (quota_scope <> 'tenant' or scope_id is null),
  -- what is counted belongs to a tenant and, but for memberships, to a user
  constraint scope_fits_what_is_counted check (
    not metering.is_count_quota(quota_type) or quota_scope = 'tenant' or (quota_scope = 'user' and quota_type <> 'users')),
  constraint period_fits_the_type check (
    case when metering.is_count_quota(quota_type) then period = 'none' else period in ('day', 'month', 'billing') end),
  constraint quota_limit_is_an_amount check (
    quota_limit >= 0 and quota_limit < 1e18 and (quota_type = 'cost' or quota_limit = trunc(quota_limit))),
  constraint hard_limit_has_no_overage check (not (is_hard_limit and overage_allowed)),
  constraint alert_threshold_is_a_percentage check (alert_threshold_percentage > 0 and alert_threshold_percentage <= 100),
  constraint only_a_tenant_has_a_subtree check (not applies_to_subtree or quota_scope = 'tenant'),
  constraint source_is_known check (source in ('plan', 'tenant', 'override', 'own'))
);
-- indexes, not constraints: the API would make an accessor of each constraint, by eight columns
create unique index on app_public.usage_quotas
  (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) nulls not distinct;

-- One counter for each thing that is limited and each period. Limits that mean the same share it, so a change of plan
-- goes on counting where the old one stopped.
create table app_public.quota_tracking (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  quota_type text not null,
  quota_scope text not null,
  scope_id uuid not null,
  includes_subtree boolean not null,
  period text not null,
  period_start date not null,
  period_end date not null,
  -- copies of the limits that hold; the row is what the conditional update looks at
  quota_limit numeric,
  hard_limit numeric,
  included_amount numeric,
  alert_threshold_percentage numeric not null default 80,
  current_usage numeric not null default 0,
  reserved numeric not null default 0,
  is_exceeded boolean not null generated always as (coalesce(current_usage > quota_limit, false)) stored,
  overage numeric not null generated always as (coalesce(greatest(current_usage - included_amount, 0), 0)) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  constraint current_usage_is_not_negative check (current_usage >= 0 and current_usage < 'Infinity'),
  constraint reserved_is_not_negative check (reserved >= 0 and reserved < 'Infinity'),
  constraint period_ends_after_it_starts check (period_end > period_start)
) with (fillfactor = 70);
create unique index on app_public.quota_tracking
  (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start);

create table app_public.quota_reservations (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  quota_type text not null,
  amount numeric not null,
  user_id uuid,
  agent_id uuid,
  api_key_id uuid,
  expires_at timestamptz not null,
  hold_count int not null default 0,
  settled_amount numeric,
  settled_at timestamptz,
  released_at timestamptz,
  created_at timestamptz not null default now(),

  primary key (tenant_id, id),
  constraint quota_type_is_metered check (quota_type in ('api_calls', 'tokens', 'cost')),
  constraint amount_is_positive check (amount > 0 and amount < 1e18),
  constraint settled_amount_is_not_negative check (settled_amount >= 0),
  constraint settled_has_an_amount check ((settled_at is null) = (settled_amount is null)),
  constraint ends_once check (settled_at is null or released_at is null)
);
create index on app_public.quota_reservations (expires_at);

-- What a reservation holds of one counter, which may be a parent tenant's. Whoever changes a hold has the counter's row
-- locked, so the sum of a counter's holds is always what it has reserved.
create table metering.quota_holds (
  tenant_id uuid not null,
  counter_id uuid not null,
  reservation_tenant_id uuid not null,
  reservation_id uuid not null,
  amount numeric not null,
  expires_at timestamptz not null,
  primary key (tenant_id, counter_id, reservation_id),
  foreign key (tenant_id, counter_id) references app_public.quota_tracking (tenant_id, id) on delete cascade,
  constraint amount_is_positive check (amount > 0)
);
create index on metering.quota_holds (tenant_id, counter_id, expires_at);
create index on metering.quota_holds (reservation_id);

create table app_public.quota_alerts (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  quota_type text not null,
  quota_scope text not null,
  scope_id uuid not null,
  includes_subtree boolean not null,
  period text not null,
  period_start date not null,
  threshold_percentage numeric not null,
  quota_limit numeric not null,
  usage_at_alert numeric not null,
  acknowledged_at timestamptz,
  acknowledged_by_user_id uuid references app_public.user_profiles (id) on delete set null (acknowledged_by_user_id),
  created_at timestamptz not null default now(),

  primary key (tenant_id, id)
);
-- once a threshold and period; another limit is another threshold
create unique index on app_public.quota_alerts
  (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, threshold_percentage, quota_limit);
create index on app_public.quota_alerts (acknowledged_by_user_id);

-- Requests served, appended one by one so that no two of them wait for each other; a task takes them out in bulk.
create table metering.api_call_buffer (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint not null generated always as identity,
  user_id uuid,
  api_key_id uuid,
  called_at timestamptz not null,
  primary key (tenant_id, id)
);

create table app_public.rate_limit_config (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  limit_scope text not null default 'tenant',
  scope_id uuid,
  limit_type text not null default 'requests',
  per_minute int,
  per_hour int,
  per_day int,
  per_month int,
  on_limit_action text not null default 'block',
  is_hard_limit boolean not null generated always as (on_limit_action in ('block', 'queue')) stored,
  warning_threshold_percent int not null default 80,
  is_active boolean not null default true,
  is_default boolean not null default false,
  source text not null default 'own',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint limit_scope_is_known check (limit_scope in ('tenant', 'user', 'agent', 'api_key')),
  constraint scope_of_the_tenant_has_no_id check (limit_scope <> 'tenant' or scope_id is null),
  constraint limit_type_is_known check (limit_type in ('requests', 'tokens', 'cost')),
  constraint limits_are_positive check (per_minute > 0 and per_hour > 0 and per_day > 0 and per_month > 0),
  constraint there_is_a_limit check (num_nonnulls(per_minute, per_hour, per_day, per_month) > 0),
  constraint on_limit_action_is_known check (on_limit_action in ('block', 'throttle', 'warn', 'queue')),
  constraint warning_threshold_is_a_percentage check (warning_threshold_percent between 0 and 100),
  constraint default_names_nobody check (not is_default or scope_id is null),
  constraint source_is_known check (source in ('plan', 'override', 'own'))
);
create unique index on app_public.rate_limit_config
  (tenant_id, limit_scope, scope_id, limit_type, source, is_hard_limit, is_default) nulls not distinct;
-- a default is of the platform's tenant and holds for all
create index on app_public.rate_limit_config (is_default) where is_default;

-- The limits that hold, one row a window: what metering.check_rate_limit reads. Derived from rate_limit_config by a
-- trigger, so that precedence and defaults cost nothing at a request.
create table metering.rate_limit_rules (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  config_id uuid not null references app_public.rate_limit_config (id) on delete cascade,
  window_seconds int not null,
  limit_scope text not null,
  scope_id uuid,
  except_scope_ids uuid[] not null,
  limit_type text not null,
  limit_value double precision not null,
  on_limit_action text not null,
  warning_value double precision not null,
  -- whether it is the tenant's only one, and on all its requests
  is_sole boolean not null,
  primary key (tenant_id, config_id, window_seconds)
);
create index on metering.rate_limit_rules (config_id);

-- The state of a window. Unlogged: a crash forgets it and nothing else. No index on what changes, and room on the page,
-- so an update is one heap-only tuple. The last bucket's amount is usage_count - past_count.
create unlogged table app_public.rate_limit_usage (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  config_id uuid not null references app_public.rate_limit_config (id) on delete cascade,
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

-- What a check decided, and by which limit.
create type app_public.rate_limit_decision as (
  is_allowed boolean,
  action text,
  is_warning boolean,
  limit_scope text,
  limit_type text,
  window_seconds int,
  limit_value double precision,
  remaining double precision,
  reset_at timestamptz,
  retry_after_ms bigint,
  config_id uuid
);

create type app_public.quota_status as (
  quota_type text,
  quota_scope text,
  scope_id uuid,
  includes_subtree boolean,
  period text,
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

reset role;
