-- Governance: a tenant's secrets, consent, obligations, and how long data is kept.

create schema governance authorization rowhouse_owner;
comment on schema governance is 'Secrets of tenants, consent, obligations, retention, export and erasure.';
grant usage on schema governance to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Provider secrets ----------------------------------------------------------------------------------------------------------

create domain app_public.secret_provider_type as text
  constraint secret_provider_type_is_known check (value in ('llm', 'tool', 'integration'));
comment on domain app_public.secret_provider_type is
  'What a secret is for: llm (a provider of models), tool (tools name it in authentication_config) or integration (anything else).';

create table app_public.encrypted_api_keys (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null,
  key_name text not null,
  description text,
  key_prefix text not null,
  provider_type app_public.secret_provider_type not null,
  provider_id uuid references app_public.llm_providers (id),
  allowed_agents uuid[],
  allowed_users uuid[],
  allowed_ips inet[],
  max_calls_per_day int,
  max_cost_per_day numeric(10, 2),
  is_active boolean not null default true,
  expires_at timestamptz,
  last_used_at timestamptz,
  last_rotated_at timestamptz,
  created_by uuid references app_public.user_profiles (id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revoked_at timestamptz,
  revoked_by uuid references app_public.user_profiles (id),
  primary key (tenant_id, id),

  -- the form of secret_name in tools.authentication_config
  constraint key_name_is_a_name check (key_name ~ '^[a-z][a-z0-9_-]{0,62}$'),
  constraint provider_is_of_models check (provider_id is null or provider_type = 'llm'),
  constraint max_calls_per_day_is_positive check (max_calls_per_day > 0),
  constraint max_cost_per_day_is_positive check (max_cost_per_day > 0)
);
call core.limit_length('app_public.encrypted_api_keys', 1000, 'description');
call core.limit_length('app_public.encrypted_api_keys', 20, 'key_prefix');
call core.limit_entries('app_public.encrypted_api_keys', 100, 'allowed_agents', 'allowed_users', 'allowed_ips');
create unique index encrypted_api_keys_name_key on app_public.encrypted_api_keys (tenant_id, key_name) where revoked_at is null;
create unique index encrypted_api_keys_provider_key on app_public.encrypted_api_keys (tenant_id, provider_id) where revoked_at is null;
create index on app_public.encrypted_api_keys (provider_id);
create index on app_public.encrypted_api_keys (created_by);
create index on app_public.encrypted_api_keys (revoked_by);

-- A tenant has one data key. The server makes it, and wraps it by a master key that the database never sees.
create table vault.data_keys (
  tenant_id uuid primary key references app_public.tenants (id) on delete cascade,
  master_key_id text not null,
  wrapped_key bytea not null,
  created_at timestamptz not null default now(),
  rewrapped_at timestamptz
);
call core.limit_length('vault.data_keys', 63, 'master_key_id');
call core.limit_bytes('vault.data_keys', 1000, 'wrapped_key');
create index on vault.data_keys (master_key_id, tenant_id);

create table vault.encrypted_api_keys (
  tenant_id uuid not null,
  id uuid not null,
  encrypted_key bytea not null,
  -- an HMAC under the data key: a plain hash of a short secret could be guessed from a dump
  key_hash bytea not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, id) references app_public.encrypted_api_keys (tenant_id, id) on delete cascade,
  constraint key_hash_is_sha_256 check (octet_length(key_hash) = 32)
);
call core.limit_bytes('vault.encrypted_api_keys', 20000, 'encrypted_key');

create table governance.secret_uses (
  tenant_id uuid not null,
  secret_id uuid not null,
  used_on date not null,
  call_count int not null default 0,
  cost_usd numeric not null default 0,
  primary key (tenant_id, secret_id, used_on),
  foreign key (tenant_id, secret_id) references app_public.encrypted_api_keys (tenant_id, id) on delete cascade
);

-- Consent and obligations ---------------------------------------------------------------------------------------------------

create domain app_public.consent_purpose as text
  constraint consent_purpose_is_known check (value in ('memory', 'analytics', 'training', 'prompt_texts'));
comment on domain app_public.consent_purpose is
  'What a person consents to: memory (agents remember what they say), analytics (their use is analysed), training (their data trains models) or prompt_texts (the texts of their questions and prompts are stored).';
create domain app_public.lawful_basis as text
  constraint lawful_basis_is_known check (value in (
    'consent', 'contract', 'legal_obligation', 'vital_interests', 'public_task', 'legitimate_interests'));
comment on domain app_public.lawful_basis is 'The lawful basis of processing, as in article 6 of the GDPR.';
create domain app_public.consent_source as text
  constraint consent_source_is_known check (value in ('self', 'administrator'));
comment on domain app_public.consent_source is
  'Who recorded a decision: the person (self), or an administrator, who must give evidence.';

-- One decision of a person. The last one of a person and a purpose holds.
create table app_public.consent_records (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint not null generated always as identity,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  purpose app_public.consent_purpose not null,
  text_version text,
  lawful_basis app_public.lawful_basis not null default 'consent',
  granted_at timestamptz,
  withdrawn_at timestamptz,
  source app_public.consent_source not null,
  evidence text,
  recorded_by uuid references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),

  constraint is_one_decision check (num_nonnulls(granted_at, withdrawn_at) = 1),
  constraint granted_names_a_text check (granted_at is null or text_version is not null),
  constraint administrator_gives_evidence check (source = 'self' or evidence is not null)
);
call core.limit_length('app_public.consent_records', 100, 'text_version');
call core.limit_length('app_public.consent_records', 4000, 'evidence');
create index on app_public.consent_records (tenant_id, user_id, purpose, id desc);
create index on app_public.consent_records (user_id);
create index on app_public.consent_records (recorded_by);

create domain app_public.compliance_status as text
  constraint compliance_status_is_known check (value in ('not_assessed', 'in_progress', 'compliant', 'non_compliant', 'not_applicable'));
comment on domain app_public.compliance_status is
  'The state of an obligation: not_assessed at first; in_progress while it is assessed or worked on; compliant, non_compliant or not_applicable as the result.';

create table governance.compliance_moves (
  from_status app_public.compliance_status not null,
  to_status app_public.compliance_status not null,
  primary key (from_status, to_status)
);
insert into governance.compliance_moves (from_status, to_status)
values ('not_assessed', 'in_progress'), ('not_assessed', 'not_applicable'),
       ('in_progress', 'compliant'), ('in_progress', 'non_compliant'), ('in_progress', 'not_applicable'),
       ('compliant', 'compliant'), ('compliant', 'in_progress'), ('compliant', 'non_compliant'),
       ('non_compliant', 'in_progress'), ('not_applicable', 'in_progress');

create table app_public.regulatory_compliance (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  regulation text not null,
  jurisdiction text not null,
  status app_public.compliance_status not null default 'not_assessed',
  last_assessment timestamptz,
  next_deadline timestamptz,
  compliance_data jsonb not null default '{}',
  reminded_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, regulation, jurisdiction),

  constraint regulation_is_a_code check (regulation ~ '^[A-Z0-9][A-Z0-9_-]{0,49}$'),
  constraint jurisdiction_is_a_code check (jurisdiction ~ '^[A-Z0-9][A-Z0-9_-]{0,49}$'),
  constraint compliance_data_is_an_object check (jsonb_typeof(compliance_data) = 'object')
);
call core.limit_bytes('app_public.regulatory_compliance', 100000, 'compliance_data');
create index on app_public.regulatory_compliance (tenant_id, next_deadline);
create index on app_public.regulatory_compliance (next_deadline);

-- One assessment of an obligation: its result, the evidence, and how long it is valid.
create table app_public.compliance_records (
  tenant_id uuid not null,
  id bigint not null generated always as identity,
  obligation_id uuid not null,
  status app_public.compliance_status not null,
  evidence text not null,
  valid_until timestamptz,
  recorded_by uuid references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, obligation_id) references app_public.regulatory_compliance (tenant_id, id) on delete cascade
);
call core.limit_length('app_public.compliance_records', 10000, 'evidence');
create index on app_public.compliance_records (tenant_id, obligation_id, id desc);
create index on app_public.compliance_records (recorded_by);

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
