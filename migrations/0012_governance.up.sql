-- Governance: a tenant's secrets, consent, obligations, and how long data is kept.

create schema governance authorization rowhouse_owner;
comment on schema governance is 'Secrets of tenants, consent, obligations, retention, export and erasure.';
grant usage on schema governance to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Provider secrets ----------------------------------------------------------------------------------------------------------

-- Consent and obligations ---------------------------------------------------------------------------------------------------

-- Retention, export and erasure ---------------------------------------------------------------------------------------------

create domain app_public.data_job_status as text
  constraint data_job_status_is_known check (value in ('queued', 'running', 'held', 'completed', 'cancelled'));
comment on domain app_public.data_job_status is 'How far a run of retention, an export or an erasure has come. held: a legal hold keeps the rest; it goes on when the hold is released.';
comment on constraint data_job_status_is_known on domain app_public.data_job_status is 'must be queued, running, held, completed or cancelled';

create domain app_public.retention_action_kind as text
  constraint retention_action_kind_is_known check (value in ('deleted', 'skipped'));
comment on domain app_public.retention_action_kind is 'What retention did with rows that were due: deleted them, or skipped them for a reason.';
comment on constraint retention_action_kind_is_known on domain app_public.retention_action_kind is 'must be deleted or skipped';

create table app_public.data_kinds (
  name text primary key check (name ~ '^[a-z_]{1,63}$'),
  description text not null,
  default_days int not null,
  least_days int not null default 1,
  law text,
  days_expression text,
  constraint default_days_is_in_range check (default_days between 0 and 36500),
  constraint least_days_is_at_most_the_default check (least_days between 0 and default_days)
);
call core.limit_length('app_public.data_kinds', 1000, 'description', 'law', 'days_expression');

create table governance.data_kind_tables (
  kind text not null references app_public.data_kinds (name) on delete cascade,
  table_name text not null,
  clock_column name not null,
  condition text not null default 'true',
  primary key (kind, table_name)
);
call core.limit_length('governance.data_kind_tables', 1000, 'table_name', 'condition');

create table app_public.retention_policies (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  kind text not null references app_public.data_kinds (name) on delete cascade,
  days int not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, kind)
);
create index on app_public.retention_policies (kind);

create table app_public.data_retention_tracking (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  kind text not null references app_public.data_kinds (name) on delete cascade,
  is_dry_run boolean not null default false,
  kept_days int not null,
  delete_before timestamptz not null,
  due_count bigint not null,
  deleted_count bigint not null default 0,
  held_count bigint not null default 0,
  status app_public.data_job_status not null default 'running',
  started_at timestamptz not null,
  finished_at timestamptz,
  primary key (tenant_id, id)
);
create index on app_public.data_retention_tracking (kind);
-- one run of a kind at a time
create unique index data_retention_tracking_one_run_key on app_public.data_retention_tracking (tenant_id, kind)
  where status = 'running';

create table app_public.retention_actions (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint not null generated always as identity,
  tracking_id uuid not null,
  action app_public.retention_action_kind not null,
  table_name text not null,
  row_count bigint not null,
  reason text not null,
  acted_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, tracking_id) references app_public.data_retention_tracking (tenant_id, id) on delete cascade
);
create index on app_public.retention_actions (tenant_id, tracking_id);
call core.limit_length('app_public.retention_actions', 1000, 'table_name', 'reason');

create table app_public.legal_holds (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid,
  resource_id uuid,
  reason text not null,
  placed_by_user_id uuid,
  placed_at timestamptz not null,
  released_by_user_id uuid,
  released_at timestamptz,
  primary key (tenant_id, id),
  constraint reason_is_said check (reason ~ '\S'),
  constraint holds_a_person_or_a_resource check (user_id is null or resource_id is null)
);
call core.limit_length('app_public.legal_holds', 2000, 'reason');
create index on app_public.legal_holds (user_id) where released_at is null;
create index legal_holds_active on app_public.legal_holds (tenant_id, user_id, resource_id) where released_at is null;

create table app_public.data_exports (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid,
  is_of_all_tenants boolean not null default false,
  requested_by_user_id uuid,
  status app_public.data_job_status not null default 'queued',
  attempt int not null default 0,
  table_count int not null default 0,
  tables_done int not null default 0,
  row_count bigint not null default 0,
  size_bytes bigint not null default 0,
  sha256 text,
  requested_at timestamptz not null,
  finished_at timestamptz,
  expires_at timestamptz,
  primary key (tenant_id, id),
  constraint sha256_is_a_hash check (sha256 ~ '^[0-9a-f]{64}$'),
  constraint only_a_person_is_in_all_tenants check (user_id is not null or not is_of_all_tenants)
);
call core.limit_length('app_public.data_exports', 64, 'sha256');
-- two workers never write one export, and nobody asks for the same one twice
create unique index data_exports_one_at_a_time_key on app_public.data_exports (tenant_id, user_id, requested_by_user_id) nulls not distinct
  where status in ('queued', 'running');

create table governance.export_parts (
  tenant_id uuid not null,
  export_id uuid not null,
  part_number int not null,
  content bytea not null,
  primary key (tenant_id, export_id, part_number),
  foreign key (tenant_id, export_id) references app_public.data_exports (tenant_id, id) on delete cascade
);
call core.limit_bytes('governance.export_parts', 1048576, 'content');

create type app_public.export_link as (id uuid, expires_at timestamptz);

create table governance.export_tickets (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  export_id uuid not null,
  user_id uuid not null,
  expires_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, export_id) references app_public.data_exports (tenant_id, id) on delete cascade
);
create index on governance.export_tickets (tenant_id, export_id);

create table app_public.erasures (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid,
  is_of_all_tenants boolean not null default false,
  is_dry_run boolean not null default false,
  requested_by_user_id uuid,
  status app_public.data_job_status not null default 'queued',
  step int not null default 0,
  tenant_ids uuid[] not null default '{}',
  counts jsonb not null default '{}',
  requested_at timestamptz not null,
  finished_at timestamptz,
  primary key (tenant_id, id),
  constraint counts_is_an_object check (jsonb_typeof(counts) = 'object')
);
call core.limit_bytes('app_public.erasures', 100000, 'counts');
call core.limit_entries('app_public.erasures', 10000, 'tenant_ids');
create unique index erasures_one_at_a_time_key on app_public.erasures (tenant_id, user_id) nulls not distinct
  where status in ('queued', 'running', 'held') and not is_dry_run;

create type governance.erasure_step as (
  number int, table_name regclass, action text, condition text, assignments text, reason text
);

-- It outlives the tenant and the person, so it refers to neither.
create table governance.erasure_receipts (
  id uuid primary key,
  of_tenant_id uuid,
  user_id uuid,
  requested_by_user_id uuid,
  requested_at timestamptz not null,
  finished_at timestamptz not null,
  counts jsonb not null,
  hash bytea not null,
  constraint counts_is_an_object check (jsonb_typeof(counts) = 'object')
);
call core.limit_bytes('governance.erasure_receipts', 100000, 'counts');
call core.limit_bytes('governance.erasure_receipts', 32, 'hash');


reset role;
