-- Webhooks: events of a tenant reach the team's own programs over HTTP. A delivery is written in the transaction that caused
-- the event, one for each endpoint that wants its kind, and the row is both the outbox and the log.

create schema webhooks authorization rowhouse_owner;
comment on schema webhooks is 'Events that are sent to the endpoints of tenants, signed and retried.';
grant usage on schema webhooks to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

create domain app_public.webhook_disabled_reason as text
  constraint webhook_disabled_reason_is_known check (value in ('manual', 'gone', 'failing'));
comment on domain app_public.webhook_disabled_reason is
  'Why an endpoint gets nothing: manual when a person disabled it; gone when it answered 410 Gone; failing when every call failed for five days.';

create domain app_public.webhook_delivery_status as text
  constraint webhook_delivery_status_is_known check (value in ('pending', 'delivered', 'failed', 'skipped'));
comment on domain app_public.webhook_delivery_status is
  'The state of a delivery: pending waits to be sent, or to be sent again; delivered was answered with a status from 200 to 299; failed after the last attempt; skipped was not sent, because the endpoint was disabled or had too many waiting.';

-- The kinds are the same for every tenant. Each domain registers those of its own events.
create table app_public.webhook_event_kinds (
  kind text primary key,
  description text not null,
  version int not null default 1,
  payload jsonb not null,

  constraint kind_is_dotted check (kind ~ '^[a-z][a-z_]{0,62}\.[a-z][a-z_]{0,62}$'),
  constraint version_is_positive check (version > 0),
  constraint payload_is_an_object check (jsonb_typeof(payload) = 'object')
);
call core.limit_length('app_public.webhook_event_kinds', 1000, 'description');
call core.limit_bytes('app_public.webhook_event_kinds', 10000, 'payload');

create table app_public.webhook_endpoints (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  url text not null,
  description text,
  kinds text[] not null,
  of_all_tenants boolean not null default false,
  disabled_reason app_public.webhook_disabled_reason,
  disabled_at timestamptz,
  failing_since timestamptz,
  failure_count int not null default 0,
  last_claimed_at timestamptz,
  rested_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  constraint url_is_a_web_url check (core.is_web_url(url)),
  constraint kinds_are_chosen check (cardinality(kinds) > 0),
  constraint disabled_is_dated check ((disabled_reason is null) = (disabled_at is null)),
  constraint failing_is_counted check ((failing_since is null) = (failure_count = 0))
);
call core.limit_length('app_public.webhook_endpoints', 1000, 'description');
call core.limit_entries('app_public.webhook_endpoints', 100, 'kinds');
create index webhook_endpoints_of_all_tenants_idx on app_public.webhook_endpoints (id) where of_all_tenants;

create table vault.webhook_endpoints (
  tenant_id uuid not null,
  endpoint_id uuid not null,
  secret bytea not null,
  previous_secret bytea,
  previous_until timestamptz,

  primary key (tenant_id, endpoint_id),
  foreign key (tenant_id, endpoint_id) references app_public.webhook_endpoints (tenant_id, id) on delete cascade,
  constraint secret_is_256_bits check (octet_length(secret) = 32),
  constraint previous_secret_is_256_bits check (octet_length(previous_secret) = 32),
  constraint previous_secret_ends check ((previous_secret is null) = (previous_until is null))
);

-- Events of one object are written under the lock of the object's row, so its order of sequence is the order of its changes.
create table app_public.webhook_deliveries (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  sequence bigint not null generated always as identity,
  endpoint_id uuid not null,
  event_id uuid not null,
  kind text not null,
  version int not null,
  about_tenant_id uuid not null,
  object_id uuid not null,
  payload jsonb not null,
  occurred_at timestamptz not null,
  status app_public.webhook_delivery_status not null default 'pending',
  attempts int not null default 0,
  next_attempt_at timestamptz,
  leased_until timestamptz,
  response_status int,
  response_body text,
  duration_ms int,
  error text,
  delivered_at timestamptz,
  created_at timestamptz not null default now(),

  primary key (tenant_id, id),
  foreign key (tenant_id, endpoint_id) references app_public.webhook_endpoints (tenant_id, id) on delete cascade,
  constraint pending_has_a_time check ((next_attempt_at is not null) = (status = 'pending')),
  constraint delivered_is_dated check ((delivered_at is not null) = (status = 'delivered')),
  constraint leased_is_pending check (leased_until is null or status = 'pending')
);
call core.limit_length('app_public.webhook_deliveries', 127, 'kind');
call core.limit_length('app_public.webhook_deliveries', 500, 'error');
call core.limit_bytes('app_public.webhook_deliveries', 70000, 'payload');
call core.limit_bytes('app_public.webhook_deliveries', 4000, 'response_body');
create index on app_public.webhook_deliveries (tenant_id, endpoint_id, sequence);
create index on app_public.webhook_deliveries (created_at);
-- what may be sent is found by the first, and what an earlier event of the same object holds back by the second
create index webhook_deliveries_pending_idx on app_public.webhook_deliveries (tenant_id, endpoint_id, sequence) where status = 'pending';
create index webhook_deliveries_of_object_idx on app_public.webhook_deliveries (tenant_id, endpoint_id, object_id, sequence) where status = 'pending';
create index webhook_deliveries_leased_idx on app_public.webhook_deliveries (tenant_id, endpoint_id) where leased_until is not null;

create type app_public.new_webhook_secret as (endpoint_id uuid, secret text);

reset role;
