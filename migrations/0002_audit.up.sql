-- Audit: one ledger of who did what, sealed in batches. A tenant's id is kept without a foreign key, because what happened in a
-- tenant is still to be proven when the tenant is gone.

create schema audit authorization rowhouse_owner;
comment on schema audit is 'The ledger of who did what, its seals, and what is recorded of which table.';
grant usage on schema audit to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

create domain app_public.audit_kind as text
  constraint audit_kind_is_known check (value in ('data', 'system', 'security', 'compliance'));
comment on domain app_public.audit_kind is 'What an entry of the audit is about.';
create domain app_public.audit_actor as text
  constraint audit_actor_is_known check (value in ('user', 'key', 'staff', 'system', 'login'));
comment on domain app_public.audit_actor is 'Who acted: a person, an API key, platform staff, the server or a task of the worker, or a login of the database.';

create type app_public.audit_finding as (
  batch_number int,
  problem text,
  entry_id bigint
);

-- The ledger of events that belong to no tenant, such as changes of the platform's plans.
create function audit.platform_ledger() returns uuid
  language sql immutable parallel safe
  return '00000000-0000-0000-0000-000000000000'::uuid;
comment on function audit.platform_ledger is 'The tenant id under which the ledger keeps what belongs to no tenant.';

create table audit.ledger (
  tenant_id uuid not null,
  id bigint generated always as identity,
  occurred_at timestamptz not null default now(),
  kind app_public.audit_kind not null,
  operation text not null,
  table_name text,
  row_key text,
  changes jsonb,
  details jsonb,
  actor app_public.audit_actor not null,
  actor_name text not null,
  actor_role text not null,
  actor_user_id uuid,
  actor_key_id uuid,
  on_behalf_of_user_id uuid,
  request_id text,
  ip inet,
  primary key (tenant_id, id, occurred_at)
) partition by range (occurred_at);
call core.limit_length('audit.ledger', 100, 'operation', 'request_id');
call core.limit_length('audit.ledger', 150, 'table_name', 'actor_name', 'actor_role');
call core.limit_length('audit.ledger', 500, 'row_key');
call core.limit_bytes('audit.ledger', 4000000, 'changes');
call core.limit_bytes('audit.ledger', 10000, 'details');
create index on audit.ledger (tenant_id, occurred_at, id);
create index on audit.ledger (tenant_id, row_key, id);
-- The rows since the last seal are at the end of the table, where such an index costs writers next to nothing.
create index on audit.ledger using brin (id) with (pages_per_range = 16, autosummarize = on);
create table audit.ledger_default partition of audit.ledger default;

-- A sealed batch: the rows of a tenant above the last id of the batch before and up to its own.
create table audit.batches (
  tenant_id uuid not null,
  number int not null,
  after_id bigint not null,
  to_id bigint not null,
  sealed_at timestamptz not null,
  row_ids bigint[] not null,
  leaves bytea not null,
  root bytea not null,
  previous bytea not null,
  head bytea not null,
  sequence bigint generated always as identity,
  primary key (tenant_id, number),
  constraint number_is_positive check (number > 0),
  constraint row_ids_are_given check (cardinality(row_ids) > 0),
  constraint leaves_fit_row_ids check (octet_length(leaves) = 32 * cardinality(row_ids)),
  constraint root_is_a_hash check (octet_length(root) = 32),
  constraint previous_is_a_hash check (octet_length(previous) = 32),
  constraint head_is_a_hash check (octet_length(head) = 32)
);
call core.limit_entries('audit.batches', 4096, 'row_ids');
create index on audit.batches (sequence);

-- Without a foreign key, which would need the right to update batches: nobody has it.
create table audit.signatures (
  tenant_id uuid not null,
  number int not null,
  public_key bytea not null,
  signature bytea not null,
  signed_at timestamptz not null default now(),
  primary key (tenant_id, number),
  constraint public_key_is_ed25519 check (octet_length(public_key) = 32),
  constraint signature_is_ed25519 check (octet_length(signature) = 64)
);

-- How far the ledger is sealed. Ids up to marked_id are settled when no transaction below marked_xid runs any more.
create table audit.seal_state (
  is_only boolean primary key default true check (is_only),
  sealed_id bigint not null default 0,
  marked_id bigint not null default 0,
  marked_xid xid8
);
insert into audit.seal_state default values;

-- What has been delivered to each place outside of the database: heads to anchors by their sequence, entries to a SIEM by id.
create table audit.deliveries (
  destination text primary key,
  delivered_to bigint not null default 0,
  delivered_at timestamptz not null default now()
);
call core.limit_length('audit.deliveries', 2000, 'destination');

-- How many security events came in a minute, for each tenant and address. It bounds what an attacker can make the ledger keep.
create unlogged table audit.event_counts (
  tenant_id uuid not null,
  minute timestamptz not null,
  address text not null,
  event_count int not null,
  primary key (tenant_id, minute, address)
);
call core.limit_length('audit.event_counts', 45, 'address');

-- The tables that are recorded, and those that are not with the reason. The files of sql/ write both anew each time.
create table audit.tracked_tables (
  table_name text primary key,
  tenant_column name,
  redacted name[] not null
);
create table audit.untracked_tables (
  table_name text primary key,
  reason text not null,
  constraint reason_is_given check (reason ~ '\S')
);

reset role;
