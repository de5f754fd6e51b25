-- Quotas and rate limits. A quota says how much there may be (counted) or be used in a calendar period (metered); its
-- counters are rows that one conditional update changes. A rate limit says how fast; its windows may be forgotten.

set role rowhouse_owner;

-- What a quota can be of. Counts follow the rows they count; the others are used up and begin anew with each period.
create function app_hidden.is_count_quota(quota_type text) returns boolean
  language sql immutable parallel safe
  return quota_type in ('users', 'agents', 'documents', 'storage');
comment on function app_hidden.is_count_quota(text) is
  'Whether a quota of this type counts what there is (users, agents, documents, storage) instead of what is used in a period.';

create table app_public.usage_quotas (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default app_hidden.current_tenant_id() references app_public.tenants (id) on delete cascade,
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
    not app_hidden.is_count_quota(quota_type) or quota_scope = 'tenant' or (quota_scope = 'user' and quota_type <> 'users')),
  constraint period_fits_the_type check (
    case when app_hidden.is_count_quota(quota_type) then period = 'none' else period in ('day', 'month', 'billing') end),
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
create table app_private.quota_holds (
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
create index on app_private.quota_holds (tenant_id, counter_id, expires_at);
create index on app_private.quota_holds (reservation_id);

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
create table app_private.api_call_buffer (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint not null generated always as identity,
  user_id uuid,
  api_key_id uuid,
  called_at timestamptz not null,
  primary key (tenant_id, id)
);

create table app_public.rate_limit_config (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default app_hidden.current_tenant_id() references app_public.tenants (id) on delete cascade,
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

-- The limits that hold, one row a window: what app_private.check_rate_limit reads. Derived from rate_limit_config by a
-- trigger, so that precedence and defaults cost nothing at a request.
create table app_private.rate_limit_rules (
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
create index on app_private.rate_limit_rules (config_id);

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
