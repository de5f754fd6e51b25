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

reset role;
