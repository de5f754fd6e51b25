-- The catalogue: agents of each tenant, and the models all tenants share.

set role rowhouse_owner;

create type app_public.agent_status_enum as enum ('active', 'inactive', 'draft', 'archived', 'deprecated');
create type app_public.llm_model_kind as enum ('chat', 'embedding');
create type app_public.llm_provider_kind as enum ('builtin', 'openai');
create type app_public.vector_quantization as enum ('none', 'halfvec', 'binary');

-- Providers and models are global on purpose: facts of the platform, not of a tenant.
create table app_public.llm_providers (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  display_name text,
  kind app_public.llm_provider_kind not null,
  base_url text,
  api_key_variable text,
  is_enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint name_is_a_slug check (app_hidden.is_slug(name)),
  constraint display_name_is_a_name check (app_hidden.is_name(display_name)),
  constraint base_url_is_http check (base_url ~ '^https?://\S+$'),
  constraint openai_has_a_base_url check (kind <> 'openai' or base_url is not null),
  -- the name of an environment variable of the worker, and only of one that is meant for it
  constraint api_key_variable_names_an_api_key check (api_key_variable ~ '^[A-Z][A-Z0-9_]*_API_KEY$')
);

create table app_public.llm_models (
  id uuid primary key default gen_random_uuid(),
  provider_id uuid not null references app_public.llm_providers (id),
  name text not null unique,
  display_name text,
  kind app_public.llm_model_kind not null,
  provider_model_name text not null,
  context_window_size int,
  dimension int,
  fusion_weight double precision not null default 1,
  vector_quantization app_public.vector_quantization not null default 'none',
  batch_size int not null default 64,
  timeout_ms int not null default 30000,
  max_retries int not null default 5,
  is_enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint name_is_a_name check (length(name) <= 100 and app_hidden.is_name(name)),
  constraint context_window_size_is_positive check (context_window_size > 0),
  -- pgvector stores up to 16,000 dimensions
  constraint dimension_is_storable check (dimension between 1 and 16000),
  constraint embedding_model_has_a_dimension check (kind <> 'embedding' or dimension is not null),
  constraint fusion_weight_is_a_weight check (fusion_weight >= 0 and fusion_weight <= 100),
  constraint batch_size_is_in_range check (batch_size between 1 and 2048),
  constraint timeout_ms_is_in_range check (timeout_ms between 100 and 600000),
  constraint max_retries_is_in_range check (max_retries between 0 and 20)
);
create index on app_public.llm_models (provider_id);

create table app_public.agents (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default app_hidden.current_tenant_id() references app_public.tenants (id) on delete cascade,
  name text not null,

  -- identity and display
  display_name text,
  description text,
  avatar_url text,
  icon text,
  color_scheme text,
  badge_text text,
  badge_color text,
  sort_order int not null default 0,

  -- status and life cycle
  status app_public.agent_status_enum not null default 'draft',
  tier int,
  lifecycle_stage text,
  validation_status text,
  is_active boolean not null default true,
  activated_at timestamptz,
  deactivated_at timestamptz,
  deleted_at timestamptz,
  last_seen_at timestamptz,

  -- language model
  model_id uuid references app_public.llm_models (id),
  system_prompt text,
  temperature numeric(3, 2),
  max_tokens int,
  top_p numeric(3, 2),
  frequency_penalty numeric(3, 2),
  presence_penalty numeric(3, 2),
  response_format text,
  stop_sequences text[],
  streaming_enabled boolean not null default true,
  function_calling_enabled boolean not null default false,
  parallel_function_calls boolean not null default false,
  max_retry_attempts int not null default 3,
  timeout_seconds int not null default 60,

  -- categorization
  primary_category text,
  subcategory text,
  specialty text,
  therapeutic_areas text[] not null default '{}',
  regulatory_domains text[] not null default '{}',
  industry_focus text[] not null default '{}',
  use_cases text[] not null default '{}',
  target_audience text[] not null default '{}',
  required_expertise_level text,
  compliance_frameworks text[] not null default '{}',
  certifications text[] not null default '{}',
  geographic_scope text[] not null default '{}',

  -- knowledge and tools
  knowledge_domains jsonb not null default '{}',
  tools jsonb not null default '[]',
  prompt_templates jsonb not null default '[]',
  context_window_size int,
  supports_multimodal boolean not null default false,
  supported_file_types text[] not null default '{}',
  max_file_size_mb int,

  -- business
  owner_id uuid default app_hidden.current_user_id() references app_public.user_profiles (id) on delete set null,
  cost_per_query numeric,
  billing_code text,
  budget_allocation_id uuid,
  approval_required boolean not null default false,

  analytics_enabled boolean not null default true,

  -- version
  version text not null default '1.0.0',
  changelog text,
  published_at timestamptz,

  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint name_is_a_name check (app_hidden.is_name(name)),
  constraint display_name_is_a_name check (app_hidden.is_name(display_name)),
  constraint tier_is_1_to_3 check (tier in (1, 2, 3)),
  constraint lifecycle_stage_is_known check (lifecycle_stage in ('development', 'beta', 'production', 'sunset')),
  constraint validation_status_is_known check (validation_status in ('validated', 'pending', 'failed')),
  constraint temperature_is_in_range check (temperature between 0 and 2),
  constraint max_tokens_is_positive check (max_tokens > 0),
  constraint top_p_is_a_probability check (top_p between 0 and 1),
  constraint frequency_penalty_is_in_range check (frequency_penalty between -2 and 2),
  constraint presence_penalty_is_in_range check (presence_penalty between -2 and 2),
  constraint response_format_is_known check (response_format in ('json', 'text', 'structured')),
  constraint max_retry_attempts_is_in_range check (max_retry_attempts between 0 and 20),
  constraint timeout_seconds_is_in_range check (timeout_seconds between 1 and 3600),
  constraint required_expertise_level_is_known
    check (required_expertise_level in ('beginner', 'intermediate', 'expert')),
  constraint knowledge_domains_is_an_object check (jsonb_typeof(knowledge_domains) = 'object'),
  constraint tools_is_an_array check (jsonb_typeof(tools) = 'array'),
  constraint prompt_templates_is_an_array check (jsonb_typeof(prompt_templates) = 'array'),
  constraint context_window_size_is_positive check (context_window_size > 0),
  constraint max_file_size_mb_is_positive check (max_file_size_mb > 0),
  constraint cost_per_query_is_not_negative check (cost_per_query >= 0 and cost_per_query < 'Infinity'),
  constraint version_is_semantic check (version ~ '^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$')
);
-- what joins within a tenant refer to
alter table app_public.agents add unique (tenant_id, id);
create unique index agents_tenant_id_name_key on app_public.agents (tenant_id, name) where deleted_at is null;
create index on app_public.agents (tenant_id, sort_order, name);
create index on app_public.agents (model_id);
create index on app_public.agents (owner_id);

-- The embedder that needs nothing: every database has it, so text can be embedded before anything is configured.
insert into app_public.llm_providers (name, display_name, kind) values ('builtin', 'Built in', 'builtin');
insert into app_public.llm_models
  (provider_id, name, display_name, kind, provider_model_name, dimension, fusion_weight)
select id, 'hashing-384', 'Feature hashing, 384 dimensions', 'embedding', 'hashing-384', 384, 0.05
  from app_public.llm_providers where name = 'builtin';

reset role;
