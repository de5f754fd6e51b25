-- The catalogue: the agents, tools, prompts, workflows and knowledge sources of each tenant, the categories and tags that
-- sort them, and the language models that all tenants share. Columns marked "kept" are copies of what logs, ratings or
-- join tables say; only triggers and tasks write them.

create schema catalog authorization rowhouse_owner;
comment on schema catalog is 'Agents, tools, prompts, workflows, knowledge sources, and how they are shared.';
grant usage on schema catalog to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics;

set role rowhouse_owner;

create type app_public.llm_model_kind as enum ('chat', 'embedding');
create type app_public.llm_provider_kind as enum ('builtin', 'openai', 'anthropic');
create type app_public.vector_quantization as enum ('none', 'halfvec', 'binary');
create type app_public.resource_kind as enum ('agent', 'tool', 'prompt', 'workflow', 'knowledge_source');
create type app_public.workflow_type as enum
  ('sequential', 'parallel', 'conditional', 'loop', 'map_reduce', 'scatter_gather');
-- Closed lists are domains over text, so that one place names the values: the API shows each as an enum. Behind row level
-- security an index finds text, and no value of an enum type, whose comparison PostgreSQL does not take for leakproof.
create domain app_public.agent_status_enum as text
  constraint agent_status_is_known check (value in ('active', 'inactive', 'draft', 'archived', 'deprecated'));
create domain app_public.sharing_mode as text
  constraint sharing_mode_is_known check (value in ('private', 'selected', 'subtree', 'platform'));
comment on domain app_public.sharing_mode is
  'Who beyond its tenant may use a resource: private (nobody), selected (those it was shared with), subtree (all tenants below its own) or platform (every tenant).';
create domain app_public.resource_origin as text
  constraint resource_origin_is_known check (value in ('custom', 'platform'));
comment on domain app_public.resource_origin is 'Whether a resource was made by its tenant (custom) or comes with the platform (platform).';
create domain app_public.resource_status as text
  constraint resource_status_is_known check (value in ('draft', 'active', 'inactive', 'deprecated', 'archived'));
comment on domain app_public.resource_status is
  'The stage a resource is in. active and deprecated resources work; deprecated ones should not be put to new uses.';
create domain app_public.knowledge_source_status as text
  constraint knowledge_source_status_is_known check (value in ('active', 'inactive', 'archived'));
comment on domain app_public.knowledge_source_status is 'The stage a knowledge source is in. Only active sources are searched.';
create domain app_public.knowledge_source_type as text
  constraint knowledge_source_type_is_known check (value in ('file', 'url', 'database', 'api', 'notion', 'confluence'));
comment on domain app_public.knowledge_source_type is 'Where the documents of a knowledge source come from.';
create domain app_public.lifecycle_stage as text
  constraint lifecycle_stage_is_known check (value in ('development', 'beta', 'production', 'sunset'));
comment on domain app_public.lifecycle_stage is 'How far an agent is developed.';
create domain app_public.validation_status as text
  constraint validation_status_is_known check (value in ('validated', 'pending', 'failed'));
comment on domain app_public.validation_status is 'Whether an agent passed its validation.';
create domain app_public.response_format as text
  constraint response_format_is_known check (value in ('json', 'text', 'structured'));
comment on domain app_public.response_format is 'The format in which a language model answers.';
create domain app_public.expertise_level as text
  constraint expertise_level_is_known check (value in ('beginner', 'intermediate', 'expert'));
comment on domain app_public.expertise_level is 'How much a person must know to use an agent.';
create domain app_public.tool_type as text
  constraint tool_type_is_known check (value in ('api', 'function', 'integration', 'webhook'));
comment on domain app_public.tool_type is 'How a tool is called. An api and a webhook are called at an address, so they need an endpoint_url.';
create domain app_public.http_method as text
  constraint http_method_is_known check (value in ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'));
comment on domain app_public.http_method is 'The HTTP method of a call.';
create domain app_public.authentication_type as text
  constraint authentication_type_is_known check (value in ('none', 'api_key', 'bearer', 'basic', 'oauth2_client'));
comment on domain app_public.authentication_type is 'How a tool proves who it is to the service that it calls.';
create domain app_public.output_format as text
  constraint output_format_is_known check (value in ('text', 'json', 'markdown', 'structured'));
comment on domain app_public.output_format is 'The format of the answer that a prompt asks for.';
create domain app_public.error_handling as text
  constraint error_handling_is_known check (value in ('stop', 'continue', 'retry', 'skip'));
comment on domain app_public.error_handling is
  'What a workflow does when a step fails: it ends (stop), goes on as if the step had succeeded (continue), runs the step again (retry) or leaves it out (skip).';

-- What app_public.render_prompt() returns.
create type app_public.rendered_prompt as (system text, prompt text);

create function catalog.is_semantic_version(value text) returns boolean
  language sql immutable parallel safe
  return value ~ '^\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z.-]{1,50})?$';
comment on function catalog.is_semantic_version(text) is 'Whether a text is a semantic version: major, minor and patch, such as 1.4.0 or 2.0.0-beta.1.';

create function catalog.is_color(value text) returns boolean
  language sql immutable parallel safe
  return value ~ '^#[0-9a-f]{6}$' or value ~ '^[a-z][a-z0-9-]{0,49}$';
comment on function catalog.is_color(text) is 'Whether a text is a colour: #rrggbb, or the name of a colour of the theme; lower case.';

-- Providers and models are global on purpose: they are facts of the platform, not of a tenant.
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

  constraint name_is_a_slug check (core.is_slug(name)),
  constraint display_name_is_a_name check (core.is_name(display_name)),
  constraint base_url_is_http check (core.is_web_url(base_url)),
  constraint openai_has_a_base_url check (kind <> 'openai' or base_url is not null),
  -- only environment variables that end in _API_KEY can be named, so that no other secret of the worker is sent out
  constraint api_key_variable_names_an_api_key check (api_key_variable ~ '^[A-Z][A-Z0-9_]*_API_KEY$')
);
call core.limit_length('app_public.llm_providers', 100, 'api_key_variable');

create table app_public.llm_models (
  id uuid primary key default gen_random_uuid(),
  provider_id uuid not null references app_public.llm_providers (id),
  name text not null unique,
  display_name text,
  kind app_public.llm_model_kind not null,
  provider_model_name text not null,
  context_window_size int,
  max_output_tokens int,
  max_temperature numeric(3, 2) not null default 2,
  input_modalities text[] not null default '{text}',
  output_modalities text[] not null default '{text}',
  supports_function_calling boolean,
  dimension int,
  fusion_weight double precision not null default 1,
  vector_quantization app_public.vector_quantization not null default 'none',
  batch_size int not null default 64,
  timeout_ms int not null default 30000,
  max_retries int not null default 5,
  is_enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint name_is_a_name check (length(name) <= 100 and core.is_name(name)),
  constraint context_window_size_is_positive check (context_window_size > 0),
  constraint max_output_tokens_is_positive check (max_output_tokens > 0),
  constraint max_temperature_is_in_range check (max_temperature between 0 and 2),
  constraint input_modalities_are_known check (input_modalities <@ array['text', 'image', 'audio', 'video', 'document']),
  constraint output_modalities_are_known check (output_modalities <@ array['text', 'image', 'audio', 'video']),
  -- pgvector stores up to 16,000 dimensions
  constraint dimension_is_storable check (dimension between 1 and 16000),
  constraint embedding_model_has_a_dimension check (kind <> 'embedding' or dimension is not null),
  constraint fusion_weight_is_a_weight check (fusion_weight >= 0 and fusion_weight <= 100),
  constraint batch_size_is_in_range check (batch_size between 1 and 2048),
  constraint timeout_ms_is_in_range check (timeout_ms between 100 and 600000),
  constraint max_retries_is_in_range check (max_retries between 0 and 20)
);
call core.limit_length('app_public.llm_models', 255, 'display_name', 'provider_model_name');
call core.limit_entries('app_public.llm_models', 10, 'input_modalities', 'output_modalities');
create index on app_public.llm_models (provider_id);

-- The parts of an organization that an agent belongs to, and the roles and people it stands for.
create table app_public.departments (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  name text not null,
  description text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  unique (tenant_id, id),
  unique (tenant_id, name),
  constraint name_is_a_name check (core.is_name(name))
);
call core.limit_length('app_public.departments', 10000, 'description');

create table app_public.business_functions (like app_public.departments including all);
alter table app_public.business_functions add foreign key (tenant_id) references app_public.tenants (id) on delete cascade;
create table app_public.organizational_roles (like app_public.departments including all);
alter table app_public.organizational_roles add foreign key (tenant_id) references app_public.tenants (id) on delete cascade;

create table app_public.personas (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  name text not null,
  description text,
  avatar_url text,
  goals text[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  unique (tenant_id, id),
  unique (tenant_id, name),
  constraint name_is_a_name check (core.is_name(name)),
  constraint avatar_url_is_an_image check (core.is_image_url(avatar_url))
);
call core.limit_length('app_public.personas', 10000, 'description');
call core.limit_entries('app_public.personas', 100, 'goals');

-- Libraries of pictures to choose from.
create table app_public.avatars (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  name text not null,
  image_url text not null,
  category text,
  license text,
  sort_order int not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  unique (tenant_id, id),
  unique (tenant_id, name),
  constraint name_is_a_name check (core.is_name(name)),
  constraint image_url_is_an_image check (core.is_image_url(image_url))
);
call core.limit_length('app_public.avatars', 255, 'category', 'license');

create table app_public.icons (like app_public.avatars including all);
alter table app_public.icons add foreign key (tenant_id) references app_public.tenants (id) on delete cascade;

-- Named sets of parameters for a model.
create table app_public.model_configurations (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  name text not null,
  description text,
  model_id uuid not null references app_public.llm_models (id),
  temperature numeric(3, 2),
  top_p numeric(3, 2),
  max_tokens int,
  frequency_penalty numeric(3, 2),
  presence_penalty numeric(3, 2),
  response_format app_public.response_format,
  stop_sequences text[],
  is_default boolean not null default false,
  created_by_user_id uuid default core.current_user_id()
    references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  unique (tenant_id, id),
  unique (tenant_id, name),
  constraint name_is_a_name check (core.is_name(name)),
  constraint temperature_is_in_range check (temperature between 0 and 2),
  constraint top_p_is_a_probability check (top_p between 0 and 1),
  constraint max_tokens_is_positive check (max_tokens > 0),
  constraint frequency_penalty_is_in_range check (frequency_penalty between -2 and 2),
  constraint presence_penalty_is_in_range check (presence_penalty between -2 and 2),
  constraint stop_sequences_are_few check (cardinality(stop_sequences) <= 16)
);
call core.limit_length('app_public.model_configurations', 10000, 'description');
call core.limit_entries('app_public.model_configurations', 16, 'stop_sequences');
create unique index model_configurations_one_default_key on app_public.model_configurations (tenant_id) where is_default;
create index on app_public.model_configurations (model_id);
create index on app_public.model_configurations (created_by_user_id);

create table app_public.agents (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  sharing_mode app_public.sharing_mode not null default 'private',
  is_shared boolean not null generated always as (sharing_mode <> 'private') stored,
  resource_type app_public.resource_origin not null default 'custom',
  copied_from_id uuid references app_public.agents (id) on delete set null,
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
  lifecycle_stage app_public.lifecycle_stage,
  validation_status app_public.validation_status,
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
  response_format app_public.response_format,
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
  required_expertise_level app_public.expertise_level,
  compliance_frameworks text[] not null default '{}',
  certifications text[] not null default '{}',
  geographic_scope text[] not null default '{}',

  -- knowledge and tools
  knowledge_domains jsonb not null default '{}',
  tools jsonb not null default '[]',
  tool_ids uuid[] not null default '{}', -- kept from agent_tools
  prompt_templates jsonb not null default '[]',
  context_window_size int,
  supports_multimodal boolean not null default false,
  supported_file_types text[] not null default '{}',
  max_file_size_mb int,

  -- business
  owner_id uuid default core.current_user_id() references app_public.user_profiles (id) on delete set null,
  department_id uuid,
  business_function_id uuid,
  role_id uuid,
  cost_per_query numeric,
  billing_code text,
  budget_allocation_id uuid,
  approval_required boolean not null default false,

  -- performance, kept from logs and ratings
  usage_count bigint not null default 0,
  success_rate numeric(5, 2),
  avg_response_time_ms int,
  rating numeric(3, 2),
  feedback_count int not null default 0,
  error_count bigint not null default 0,
  last_error_at timestamptz,
  last_success_at timestamptz,
  -- the mean of those that are known: the success rate, and the rating as a percentage (1 star is 0, 5 stars are 100)
  performance_score numeric(5, 2) generated always as (
    (coalesce(success_rate, 0) + coalesce((rating - 1) * 25, 0))
    / nullif((success_rate is not null)::int + (rating is not null)::int, 0)) stored,
  analytics_enabled boolean not null default true,

  -- version
  version text not null default '1.0.0',
  previous_version_id uuid,
  is_latest_version boolean not null default true,
  changelog text,
  published_at timestamptz,

  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  -- foreign keys of join tables refer to the tenant and the id together
  unique (tenant_id, id),
  foreign key (tenant_id, department_id) references app_public.departments (tenant_id, id) on delete set null (department_id),
  foreign key (tenant_id, business_function_id)
    references app_public.business_functions (tenant_id, id) on delete set null (business_function_id),
  foreign key (tenant_id, role_id) references app_public.organizational_roles (tenant_id, id) on delete set null (role_id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint display_name_is_a_name check (core.is_name(display_name)),
  constraint avatar_url_is_an_image check (core.is_image_url(avatar_url)),
  constraint tier_is_1_to_3 check (tier in (1, 2, 3)),
  constraint temperature_is_in_range check (temperature between 0 and 2),
  constraint max_tokens_is_positive check (max_tokens > 0),
  constraint top_p_is_a_probability check (top_p between 0 and 1),
  constraint frequency_penalty_is_in_range check (frequency_penalty between -2 and 2),
  constraint presence_penalty_is_in_range check (presence_penalty between -2 and 2),
  constraint max_retry_attempts_is_in_range check (max_retry_attempts between 0 and 20),
  constraint timeout_seconds_is_in_range check (timeout_seconds between 1 and 3600),
  constraint knowledge_domains_is_an_object check (jsonb_typeof(knowledge_domains) = 'object'),
  constraint tools_is_an_array check (jsonb_typeof(tools) = 'array'),
  constraint prompt_templates_is_an_array check (jsonb_typeof(prompt_templates) = 'array'),
  constraint context_window_size_is_positive check (context_window_size > 0),
  constraint max_file_size_mb_is_positive check (max_file_size_mb > 0),
  constraint cost_per_query_is_not_negative check (cost_per_query >= 0 and cost_per_query < 'Infinity'),
  constraint stop_sequences_are_few check (cardinality(stop_sequences) <= 16),
  constraint success_rate_is_a_percentage check (success_rate between 0 and 100),
  constraint rating_is_1_to_5 check (rating between 1 and 5),
  constraint version_is_semantic check (catalog.is_semantic_version(version)),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
call core.limit_length('app_public.agents', 255, 'icon', 'color_scheme', 'badge_text', 'badge_color', 'primary_category',
  'subcategory', 'specialty', 'billing_code');
call core.limit_length('app_public.agents', 10000, 'description', 'changelog');
call core.limit_bytes('app_public.agents', 400000, 'system_prompt');
call core.limit_entries('app_public.agents', 16, 'stop_sequences');
call core.limit_entries('app_public.agents', 100, 'therapeutic_areas', 'regulatory_domains', 'industry_focus', 'use_cases',
  'target_audience', 'compliance_frameworks', 'certifications', 'geographic_scope', 'supported_file_types');
call core.limit_entries('app_public.agents', 1000, 'tool_ids');
call core.limit_bytes('app_public.agents', 100000, 'knowledge_domains', 'tools', 'prompt_templates', 'metadata');
create unique index agents_tenant_id_name_key on app_public.agents (tenant_id, name) where deleted_at is null;
-- The API lists by what an index carries that begins with the tenant, so these are also the orders and filters on offer.
-- The id makes each order a complete one, and lets a filter's rows be paged without sorting them.
create index on app_public.agents (tenant_id, sort_order, name);
create index on app_public.agents (tenant_id, sort_order, id);
create index on app_public.agents (tenant_id, name, id);
create index on app_public.agents (tenant_id, created_at, id);
create index on app_public.agents (tenant_id, updated_at, id);
create index on app_public.agents (tenant_id, status, id);
create index on app_public.agents (tenant_id, tier, id);
create index on app_public.agents (tenant_id, deleted_at);
create index on app_public.agents (model_id, tenant_id, id);
create index on app_public.agents (owner_id, tenant_id, id);
create index on app_public.agents (copied_from_id, tenant_id, id);
create index on app_public.agents (sharing_mode, tenant_id) where sharing_mode in ('subtree', 'platform') and deleted_at is null;
create index on app_public.agents (tenant_id, department_id);
create index on app_public.agents (tenant_id, business_function_id);
create index on app_public.agents (tenant_id, role_id);

-- A tree of categories. A category without a parent is a root.
create table app_public.tool_categories (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  parent_id uuid,
  name text not null,
  slug text not null,
  description text,
  icon text,
  sort_order int not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  unique (tenant_id, id),
  unique nulls not distinct (tenant_id, parent_id, slug),
  foreign key (tenant_id, parent_id) references app_public.tool_categories (tenant_id, id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint slug_is_a_slug check (core.is_slug(slug)),
  constraint category_is_not_its_own_parent check (parent_id <> id)
);
call core.limit_length('app_public.tool_categories', 255, 'icon');
call core.limit_length('app_public.tool_categories', 10000, 'description');
create index on app_public.tool_categories (tenant_id, parent_id);

create table app_public.tools (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  sharing_mode app_public.sharing_mode not null default 'private',
  is_shared boolean not null generated always as (sharing_mode <> 'private') stored,
  resource_type app_public.resource_origin not null default 'custom',
  copied_from_id uuid references app_public.tools (id) on delete set null,

  name text not null,
  display_name text,
  description text,
  icon text,

  tool_type app_public.tool_type not null,
  category text,
  tool_category_id uuid,
  endpoint_url text,
  http_method app_public.http_method,
  headers jsonb not null default '{}',
  authentication_type app_public.authentication_type not null default 'none',
  authentication_config jsonb not null default '{}',
  request_schema jsonb not null default '{}',
  response_schema jsonb not null default '{}',
  timeout_seconds int not null default 30,
  retry_config jsonb not null default '{}',

  status app_public.resource_status not null default 'active',
  enabled boolean not null default true,
  activated_at timestamptz,
  deactivated_at timestamptz,
  version text not null default '1.0.0',
  created_by_user_id uuid default core.current_user_id()
    references app_public.user_profiles (id) on delete set null,

  -- kept from logs
  usage_count bigint not null default 0,
  success_rate numeric(5, 2),
  avg_response_time_ms int,
  last_used_at timestamptz,

  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,

  unique (tenant_id, id),
  foreign key (tenant_id, tool_category_id)
    references app_public.tool_categories (tenant_id, id) on delete set null (tool_category_id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint display_name_is_a_name check (core.is_name(display_name)),
  constraint called_tool_has_an_endpoint check (tool_type not in ('api', 'webhook') or endpoint_url is not null),
  constraint endpoint_url_is_http check (core.is_web_url(endpoint_url)),
  constraint headers_is_an_object check (jsonb_typeof(headers) = 'object'),
  constraint authentication_config_is_an_object check (jsonb_typeof(authentication_config) = 'object'),
  constraint request_schema_is_an_object check (jsonb_typeof(request_schema) = 'object' and pg_column_size(request_schema) <= 1000000),
  constraint response_schema_is_an_object check (jsonb_typeof(response_schema) = 'object' and pg_column_size(response_schema) <= 1000000),
  constraint timeout_seconds_is_in_range check (timeout_seconds between 1 and 3600),
  constraint retry_config_is_an_object check (jsonb_typeof(retry_config) = 'object'),
  constraint version_is_semantic check (catalog.is_semantic_version(version)),
  constraint success_rate_is_a_percentage check (success_rate between 0 and 100),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
call core.limit_length('app_public.tools', 255, 'icon', 'category');
call core.limit_length('app_public.tools', 10000, 'description');
call core.limit_bytes('app_public.tools', 100000, 'headers', 'authentication_config', 'retry_config', 'metadata');
create unique index tools_tenant_id_name_key on app_public.tools (tenant_id, name) where deleted_at is null;
create index on app_public.tools (tenant_id, tool_category_id);
create index on app_public.tools (tenant_id, name, id);
create index on app_public.tools (tenant_id, created_at, id);
create index on app_public.tools (tenant_id, updated_at, id);
create index on app_public.tools (tenant_id, status, id);
create index on app_public.tools (tenant_id, deleted_at);
create index on app_public.tools (created_by_user_id, tenant_id, id);
create index on app_public.tools (copied_from_id, tenant_id, id);
create index on app_public.tools (sharing_mode, tenant_id) where sharing_mode in ('subtree', 'platform') and deleted_at is null;

create table app_public.prompts (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  sharing_mode app_public.sharing_mode not null default 'private',
  is_shared boolean not null generated always as (sharing_mode <> 'private') stored,
  resource_type app_public.resource_origin not null default 'custom',
  copied_from_id uuid references app_public.prompts (id) on delete set null,

  name text not null,
  display_name text,
  description text,
  category text,
  tags text[] not null default '{}',

  prompt_text text not null,
  system_prompt text,
  input_variables jsonb not null default '{}',
  output_format app_public.output_format not null default 'text',
  model_requirements jsonb not null default '{}',
  temperature numeric(3, 2),
  max_tokens int,

  status app_public.resource_status not null default 'active',
  version text not null default '1.0.0',
  created_by_user_id uuid default core.current_user_id()
    references app_public.user_profiles (id) on delete set null,

  -- kept from logs and ratings
  usage_count bigint not null default 0,
  rating numeric(3, 2),
  success_rate numeric(5, 2),
  last_used_at timestamptz,

  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,

  unique (tenant_id, id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint display_name_is_a_name check (core.is_name(display_name)),
  constraint prompt_text_is_in_range check (prompt_text ~ '\S' and length(prompt_text) <= 100000),
  constraint system_prompt_is_in_range check (length(system_prompt) <= 100000),
  constraint input_variables_is_an_object check (jsonb_typeof(input_variables) = 'object'),
  constraint model_requirements_is_an_object check (jsonb_typeof(model_requirements) = 'object'),
  constraint temperature_is_in_range check (temperature between 0 and 2),
  constraint max_tokens_is_positive check (max_tokens > 0),
  constraint version_is_semantic check (catalog.is_semantic_version(version)),
  constraint rating_is_1_to_5 check (rating between 1 and 5),
  constraint success_rate_is_a_percentage check (success_rate between 0 and 100),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
call core.limit_length('app_public.prompts', 255, 'category');
call core.limit_length('app_public.prompts', 10000, 'description');
call core.limit_entries('app_public.prompts', 100, 'tags');
call core.limit_bytes('app_public.prompts', 100000, 'input_variables', 'model_requirements', 'metadata');
create unique index prompts_tenant_id_name_key on app_public.prompts (tenant_id, name) where deleted_at is null;
create index on app_public.prompts (tenant_id, name, id);
create index on app_public.prompts (tenant_id, created_at, id);
create index on app_public.prompts (tenant_id, updated_at, id);
create index on app_public.prompts (tenant_id, status, id);
create index on app_public.prompts (tenant_id, deleted_at);
create index on app_public.prompts (created_by_user_id, tenant_id, id);
create index on app_public.prompts (copied_from_id, tenant_id, id);
create index on app_public.prompts (sharing_mode, tenant_id) where sharing_mode in ('subtree', 'platform') and deleted_at is null;

create table app_public.workflows (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  sharing_mode app_public.sharing_mode not null default 'private',
  is_shared boolean not null generated always as (sharing_mode <> 'private') stored,
  resource_type app_public.resource_origin not null default 'custom',
  copied_from_id uuid references app_public.workflows (id) on delete set null,

  name text not null,
  display_name text,
  description text,
  category text,
  tags text[] not null default '{}',
  icon text,

  workflow_type app_public.workflow_type not null default 'sequential',
  workflow_definition jsonb not null,
  steps jsonb not null default '[]',
  input_schema jsonb not null default '{}',
  output_schema jsonb not null default '{}',
  agent_ids uuid[] not null default '{}', -- kept from the definition, the steps and the roles
  agent_roles jsonb not null default '{}',

  timeout_seconds int not null default 300,
  max_retries int not null default 3,
  error_handling app_public.error_handling not null default 'stop',

  status app_public.resource_status not null default 'active',
  enabled boolean not null default true,
  version text not null default '1.0.0',
  created_by_user_id uuid default core.current_user_id()
    references app_public.user_profiles (id) on delete set null,

  -- kept from logs
  execution_count bigint not null default 0,
  success_count bigint not null default 0,
  failure_count bigint not null default 0,
  avg_execution_time_ms bigint,
  last_executed_at timestamptz,

  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,

  unique (tenant_id, id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint display_name_is_a_name check (core.is_name(display_name)),
  constraint workflow_definition_is_an_object check (jsonb_typeof(workflow_definition) = 'object'),
  constraint steps_is_an_array check (jsonb_typeof(steps) = 'array'),
  constraint input_schema_is_an_object check (jsonb_typeof(input_schema) = 'object' and pg_column_size(input_schema) <= 1000000),
  constraint output_schema_is_an_object check (jsonb_typeof(output_schema) = 'object' and pg_column_size(output_schema) <= 1000000),
  constraint agent_roles_is_an_object check (jsonb_typeof(agent_roles) = 'object'),
  constraint timeout_seconds_is_in_range check (timeout_seconds between 1 and 86400),
  constraint max_retries_is_in_range check (max_retries between 0 and 20),
  constraint version_is_semantic check (catalog.is_semantic_version(version)),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
call core.limit_length('app_public.workflows', 255, 'category', 'icon');
call core.limit_length('app_public.workflows', 10000, 'description');
call core.limit_entries('app_public.workflows', 100, 'tags');
call core.limit_entries('app_public.workflows', 1000, 'agent_ids');
call core.limit_bytes('app_public.workflows', 100000, 'metadata');
call core.limit_bytes('app_public.workflows', 1000000, 'workflow_definition', 'steps', 'agent_roles');
create unique index workflows_tenant_id_name_key on app_public.workflows (tenant_id, name) where deleted_at is null;
create index on app_public.workflows using gin (tenant_id, agent_ids);
create index on app_public.workflows (tenant_id, name, id);
create index on app_public.workflows (tenant_id, created_at, id);
create index on app_public.workflows (tenant_id, updated_at, id);
create index on app_public.workflows (tenant_id, status, id);
create index on app_public.workflows (tenant_id, deleted_at);
create index on app_public.workflows (created_by_user_id, tenant_id, id);
create index on app_public.workflows (copied_from_id, tenant_id, id);
create index on app_public.workflows (sharing_mode, tenant_id) where sharing_mode in ('subtree', 'platform') and deleted_at is null;

-- Which tools an agent works with. A tool may belong to another tenant that shares it with this one.
create table app_public.agent_tools (
  tenant_id uuid not null default core.current_tenant_id(),
  agent_id uuid not null,
  tool_id uuid not null references app_public.tools (id) on delete cascade,
  sort_order int not null default 0,
  config jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, agent_id, tool_id),
  foreign key (tenant_id, agent_id) references app_public.agents (tenant_id, id) on delete cascade,
  constraint config_is_an_object check (jsonb_typeof(config) = 'object')
);
call core.limit_bytes('app_public.agent_tools', 100000, 'config');
create index on app_public.agent_tools (tool_id);

-- Sharing. The sharing_mode of a resource says who beyond its tenant may use it; a share names another tenant, or one user
-- or workspace of that tenant. resource_id refers to the table of resource_kind. Only functions write here, and they lock
-- the resource's row first.
create type app_public.sharing_action as enum
  ('mode_changed', 'granted', 'expiry_changed', 'revoked', 'declined', 'accepted', 'copied');
-- What app_public.received_shares() lists.
create type app_public.received_share as (
  share_id uuid,
  resource_kind app_public.resource_kind,
  resource_id uuid,
  resource_name text,
  sharing_mode app_public.sharing_mode,
  from_tenant_slug text,
  from_tenant_name text,
  grantee_user_id uuid,
  grantee_workspace_id uuid,
  shared_at timestamptz,
  expires_at timestamptz,
  declined_at timestamptz
);

create table app_public.resource_shares (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  resource_kind app_public.resource_kind not null,
  resource_id uuid not null,
  grantee_tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  grantee_user_id uuid,
  grantee_workspace_id uuid,
  expires_at timestamptz,
  declined_at timestamptz,
  created_by_user_id uuid default core.current_user_id()
    references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  unique nulls not distinct (tenant_id, resource_kind, resource_id, grantee_tenant_id, grantee_user_id, grantee_workspace_id),
  -- a member who leaves the tenant loses what was shared with them there
  foreign key (grantee_tenant_id, grantee_user_id)
    references app_public.user_tenants (tenant_id, user_id) on delete cascade,
  foreign key (grantee_tenant_id, grantee_workspace_id)
    references app_public.workspaces (tenant_id, id) on delete cascade,
  constraint grantee_is_another_tenant check (grantee_tenant_id <> tenant_id),
  constraint share_is_for_a_user_or_a_workspace check (num_nonnulls(grantee_user_id, grantee_workspace_id) <= 1)
);
create index on app_public.resource_shares (grantee_tenant_id, resource_kind);
create index on app_public.resource_shares (grantee_tenant_id, grantee_user_id);
create index on app_public.resource_shares (grantee_tenant_id, grantee_workspace_id);
create index on app_public.resource_shares (created_by_user_id);

-- Triggers write this audit, and nothing changes it. It has no foreign key but the one to its tenant, so an entry stays when
-- the resource or the user is deleted.
create table app_public.resource_sharing_audit (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint not null generated always as identity,
  occurred_at timestamptz not null default clock_timestamp(),
  action app_public.sharing_action not null,
  user_id uuid,
  resource_kind app_public.resource_kind not null,
  resource_id uuid not null,
  resource_name text not null,
  from_mode app_public.sharing_mode,
  to_mode app_public.sharing_mode,
  other_tenant_id uuid,
  other_tenant_slug text,
  grantee_user_id uuid,
  grantee_workspace_id uuid,
  expires_at timestamptz,

  primary key (tenant_id, id)
);
call core.limit_length('app_public.resource_sharing_audit', 63, 'other_tenant_slug');
call core.limit_length('app_public.resource_sharing_audit', 255, 'resource_name');
create index on app_public.resource_sharing_audit (tenant_id, resource_id, id);
create index on app_public.resource_sharing_audit (tenant_id, occurred_at, id);

-- The personas and industries that an agent suits.
create table app_public.agent_persona_mapping (
  tenant_id uuid not null default core.current_tenant_id(),
  agent_id uuid not null,
  persona_id uuid not null,
  relevance_score numeric(5, 4) not null default 1,
  performance_score numeric(5, 2),
  is_primary boolean not null default false,
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, agent_id, persona_id),
  foreign key (tenant_id, agent_id) references app_public.agents (tenant_id, id) on delete cascade,
  foreign key (tenant_id, persona_id) references app_public.personas (tenant_id, id) on delete cascade,
  constraint relevance_score_is_a_share check (relevance_score between 0 and 1),
  constraint performance_score_is_a_percentage check (performance_score between 0 and 100)
);
call core.limit_length('app_public.agent_persona_mapping', 10000, 'notes');
create index on app_public.agent_persona_mapping (tenant_id, persona_id);
create unique index agent_persona_mapping_one_primary_key
  on app_public.agent_persona_mapping (tenant_id, agent_id) where is_primary;

create table app_public.agent_industry_mapping (
  tenant_id uuid not null default core.current_tenant_id(),
  agent_id uuid not null,
  industry text not null,
  relevance_score numeric(5, 4) not null default 1,
  performance_score numeric(5, 2),
  is_primary boolean not null default false,
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, agent_id, industry),
  foreign key (tenant_id, agent_id) references app_public.agents (tenant_id, id) on delete cascade,
  constraint industry_is_a_slug check (core.is_slug(industry)),
  constraint relevance_score_is_a_share check (relevance_score between 0 and 1),
  constraint performance_score_is_a_percentage check (performance_score between 0 and 100)
);
call core.limit_length('app_public.agent_industry_mapping', 10000, 'notes');
create unique index agent_industry_mapping_one_primary_key
  on app_public.agent_industry_mapping (tenant_id, agent_id) where is_primary;

-- Tags for anything in the catalogue. item_id refers to the table of item_type; a trigger checks it.
create table app_public.tags (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  name text not null,
  slug text not null,
  color text,
  description text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  unique (tenant_id, id),
  unique (tenant_id, slug),
  constraint name_is_a_name check (core.is_name(name)),
  constraint slug_is_a_slug check (core.is_slug(slug)),
  constraint color_is_a_color check (catalog.is_color(color))
);
call core.limit_length('app_public.tags', 10000, 'description');

create table app_public.tag_assignments (
  tenant_id uuid not null default core.current_tenant_id(),
  item_type app_public.resource_kind not null,
  item_id uuid not null,
  tag_id uuid not null,
  created_at timestamptz not null default now(),

  primary key (tenant_id, item_type, item_id, tag_id),
  foreign key (tenant_id, tag_id) references app_public.tags (tenant_id, id) on delete cascade
);
create index on app_public.tag_assignments (tenant_id, tag_id);

-- The published versions of agents, prompts and workflows. A version never changes. The newest one has the highest number;
-- no column marks it, because two rows could then carry the mark.
create table app_public.resource_versions (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  resource_kind app_public.resource_kind not null,
  resource_id uuid not null,
  version_number int not null,
  version text not null,
  content jsonb not null,
  changelog text,
  rolled_back_to text,
  published_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  published_at timestamptz not null default now(),

  primary key (tenant_id, id),
  unique (tenant_id, resource_kind, resource_id, version_number),
  unique (tenant_id, resource_kind, resource_id, version),
  constraint resource_kind_has_versions check (resource_kind in ('agent', 'prompt', 'workflow')),
  constraint version_number_is_positive check (version_number > 0),
  constraint version_is_semantic check (catalog.is_semantic_version(version)),
  constraint content_is_an_object check (jsonb_typeof(content) = 'object'),
  constraint changelog_is_in_range check (length(changelog) <= 10000)
);
call core.limit_length('app_public.resource_versions', 100, 'rolled_back_to');
call core.limit_bytes('app_public.resource_versions', 10000000, 'content');
create index on app_public.resource_versions (published_by_user_id);

-- A difference that app_public.compare_versions() lists.
create type app_public.version_change as (path text, from_value jsonb, to_value jsonb);

-- Searching the catalogue. A query word finds the words that begin with it, and the words that begin with its English stem.
create function catalog.catalog_words(value text) returns text
  language sql immutable parallel safe
  -- split compounds in texts and in queries alike, so that each part can be found
  return translate(left(normalize(coalesce(value, ''), nfc), 20000), '-_/', '   ');
comment on function catalog.catalog_words(text) is 'A text as the catalogue search reads it: its first 20,000 characters, with compounds split into words.';

create function catalog.catalog_vector(name text, display_name text, description text, tags text[]) returns tsvector
  language sql immutable parallel safe
  return
    setweight(to_tsvector('pg_catalog.simple', catalog.catalog_words(name)), 'A')
    || setweight(to_tsvector('pg_catalog.english', catalog.catalog_words(name)), 'A')
    || setweight(to_tsvector('pg_catalog.simple', catalog.catalog_words(display_name)), 'B')
    || setweight(to_tsvector('pg_catalog.english', catalog.catalog_words(display_name)), 'B')
    || setweight(to_tsvector('pg_catalog.simple', catalog.catalog_words(description)), 'C')
    || setweight(to_tsvector('pg_catalog.english', catalog.catalog_words(description)), 'C')
    || setweight(to_tsvector('pg_catalog.simple', catalog.catalog_words(array_to_string(tags, ' '))), 'D')
    || setweight(to_tsvector('pg_catalog.english', catalog.catalog_words(array_to_string(tags, ' '))), 'D');
comment on function catalog.catalog_vector(text, text, text, text[]) is
  'The words of a resource, weighted: the name weighs most, then the display name, the description, and last the tags and categories.';

create function catalog.catalog_label(name text, display_name text) returns text
  language sql immutable parallel safe
  return lower(catalog.catalog_words(name) || ' ' || catalog.catalog_words(display_name));
comment on function catalog.catalog_label(text, text) is 'The text that a misspelt query word is compared with: name and display name.';

-- Generated columns, so that they always agree with the row. Tenant, words and label share one index, because a search is
-- always within one tenant.
alter table app_public.agents add column search_vector tsvector generated always as (
  catalog.catalog_vector(name, display_name, description,
    array[primary_category, subcategory, specialty] || therapeutic_areas || compliance_frameworks || regulatory_domains || use_cases)) stored;
alter table app_public.tools add column search_vector tsvector generated always as (
  catalog.catalog_vector(name, display_name, description, array[category])) stored;
alter table app_public.prompts add column search_vector tsvector generated always as (
  catalog.catalog_vector(name, display_name, description, category || tags)) stored;
alter table app_public.workflows add column search_vector tsvector generated always as (
  catalog.catalog_vector(name, display_name, description, category || tags)) stored;
create index on app_public.agents
  using gin (tenant_id, search_vector, catalog.catalog_label(name, display_name) gin_trgm_ops) where deleted_at is null;
create index on app_public.tools
  using gin (tenant_id, search_vector, catalog.catalog_label(name, display_name) gin_trgm_ops) where deleted_at is null;
create index on app_public.prompts
  using gin (tenant_id, search_vector, catalog.catalog_label(name, display_name) gin_trgm_ops) where deleted_at is null;
create index on app_public.workflows
  using gin (tenant_id, search_vector, catalog.catalog_label(name, display_name) gin_trgm_ops) where deleted_at is null;

-- The filters of app_public.search_catalog().
create type app_public.catalog_filter as (
  kinds app_public.resource_kind[],
  categories text[],
  therapeutic_areas text[],
  compliance_frameworks text[],
  tiers int[],
  statuses app_public.resource_status[],
  tags text[]
);
create type app_public.catalog_facet_kind as enum
  ('kind', 'category', 'therapeutic_area', 'compliance_framework', 'tier', 'status', 'tag');
create type app_public.catalog_facet as (facet app_public.catalog_facet_kind, value text, count int);
create type app_public.catalog_search_hit as (
  rank int,
  score double precision,
  kind app_public.resource_kind,
  resource_id uuid,
  is_own boolean,
  name text,
  display_name text,
  description text,
  category text,
  therapeutic_areas text[],
  compliance_frameworks text[],
  tier int,
  status app_public.resource_status,
  tags text[],
  version text,
  rating numeric,
  usage_count bigint,
  updated_at timestamptz
);
-- What app_public.search_catalog() returns.
create type app_public.catalog_search_result as (
  total_count int,
  hits app_public.catalog_search_hit[],
  facets app_public.catalog_facet[]
);

-- What each person adds to the catalogue: their own list of agents, their favorites and their ratings. An item may belong to
-- another tenant that shares it, so a row refers to it by id alone, and a trigger checks that the person sees it.
create table app_public.user_agents (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null default core.current_user_id() references app_public.user_profiles (id) on delete cascade,
  agent_id uuid not null references app_public.agents (id) on delete cascade,
  original_agent_id uuid references app_public.agents (id) on delete set null,
  is_user_copy boolean not null generated always as (original_agent_id is not null) stored,

  folder text,
  tags text[] not null default '{}',
  is_pinned boolean not null default false,
  sort_order int not null default 0,
  is_favorite boolean not null default false, -- kept from user_favorites

  custom_name text,
  custom_description text,
  custom_avatar text,
  custom_color text,
  custom_system_prompt text,
  settings jsonb not null default '{}',

  -- kept from the usage log
  usage_count bigint not null default 0,
  message_count bigint not null default 0,
  conversation_count bigint not null default 0,
  success_count bigint not null default 0,
  error_count bigint not null default 0,
  first_used_at timestamptz,
  last_used_at timestamptz,

  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  unique (tenant_id, user_id, agent_id),
  constraint folder_is_a_name check (core.is_name(folder)),
  constraint tags_are_few check (cardinality(tags) <= 50 and array_position(tags, null) is null),
  constraint custom_name_is_a_name check (core.is_name(custom_name)),
  constraint custom_description_is_in_range check (length(custom_description) <= 10000),
  constraint custom_avatar_is_an_image check (core.is_image_url(custom_avatar)),
  constraint custom_color_is_a_color check (catalog.is_color(custom_color)),
  constraint custom_system_prompt_is_in_range check (length(custom_system_prompt) <= 100000),
  constraint settings_is_an_object check (jsonb_typeof(settings) = 'object' and pg_column_size(settings) <= 100000)
);
call core.limit_entries('app_public.user_agents', 50, 'tags');
create index on app_public.user_agents (user_id);
create index on app_public.user_agents (agent_id);
create index on app_public.user_agents (original_agent_id);
create index on app_public.user_agents (tenant_id, user_id, is_pinned desc, sort_order);

-- A folder that app_public.my_agent_folders() lists.
create type app_public.agent_folder as (folder text, agent_count int);

create table app_public.user_favorites (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null default core.current_user_id() references app_public.user_profiles (id) on delete cascade,
  item_type app_public.resource_kind not null,
  item_id uuid not null,
  notes text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),

  primary key (tenant_id, id),
  unique (tenant_id, user_id, item_type, item_id),
  constraint notes_are_in_range check (length(notes) <= 10000),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 100000)
);
create index on app_public.user_favorites (user_id);

create table app_public.user_ratings (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null default core.current_user_id() references app_public.user_profiles (id) on delete cascade,
  item_type app_public.resource_kind not null,
  item_id uuid not null,
  rating int not null,
  review text,
  helpful_count int not null default 0, -- kept from user_rating_votes
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  unique (tenant_id, user_id, item_type, item_id),
  constraint rating_is_1_to_5 check (rating between 1 and 5),
  constraint review_is_in_range check (length(review) <= 10000),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 100000)
);
create index on app_public.user_ratings (user_id);
-- an item's rating is made of those of all tenants that see it
create index on app_public.user_ratings (item_id, item_type) include (rating);

create table app_public.user_rating_votes (
  tenant_id uuid not null,
  rating_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (tenant_id, rating_id, user_id),
  foreign key (tenant_id, rating_id) references app_public.user_ratings (tenant_id, id) on delete cascade
);
create index on app_public.user_rating_votes (user_id);

-- The built-in embedder needs no service. Every database has it, so text can be embedded before a provider is configured.
insert into app_public.llm_providers (name, display_name, kind) values ('builtin', 'Built in', 'builtin');
insert into app_public.llm_models
  (provider_id, name, display_name, kind, provider_model_name, dimension, fusion_weight)
select id, 'hashing-384', 'Feature hashing, 384 dimensions', 'embedding', 'hashing-384', 384, 0.05
  from app_public.llm_providers where name = 'builtin';
-- Nor does the echo, which knows nothing: agents and workflows can be tried before a provider is configured.
insert into app_public.llm_models
  (provider_id, name, display_name, kind, provider_model_name, max_output_tokens, supports_function_calling)
select id, 'echo', 'Echo, which knows nothing', 'chat', 'echo', 1000, false
  from app_public.llm_providers where name = 'builtin';

-- Knowledge sources are resources like agents; the documents they hold belong to the knowledge domain.
create domain app_public.processing_status as text
  constraint processing_status_is_known check (value in ('pending', 'processing', 'completed', 'failed'));

create table app_public.rag_knowledge_sources (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  sharing_mode app_public.sharing_mode not null default 'private',
  is_shared boolean not null generated always as (sharing_mode <> 'private') stored,
  resource_type app_public.resource_origin not null default 'custom',

  name text not null,
  display_name text,
  description text,
  category text,
  tags text[] not null default '{}',

  source_type app_public.knowledge_source_type not null default 'file',
  source_url text,
  source_config jsonb not null default '{}',
  file_path text,
  file_type text,
  file_size_bytes bigint,
  page_count int,

  embedding_model text not null default 'hashing-384'
    references app_public.llm_models (name) on update cascade,
  chunk_size int not null default 1000,
  chunk_overlap int not null default 200,
  -- null: each document's own
  language text,
  vector_store_id text,

  -- kept from the documents, by a task
  processing_status app_public.processing_status not null default 'pending',
  processing_started_at timestamptz,
  processing_completed_at timestamptz,
  processing_error text,
  total_chunks int not null default 0,

  extracted_metadata jsonb not null default '{}',
  publication_date date,
  author text,
  source_organization text,

  status app_public.knowledge_source_status not null default 'active',
  enabled boolean not null default true,
  created_by_user_id uuid default core.current_user_id()
    references app_public.user_profiles (id) on delete set null,
  last_synced_at timestamptz,

  -- kept from the query logs, by a task
  query_count bigint not null default 0,
  hit_count bigint not null default 0,
  relevance_sum double precision not null default 0,
  avg_relevance_score numeric(5, 4) generated always as (round((relevance_sum / nullif(hit_count, 0))::numeric, 4)) stored,
  last_queried_at timestamptz,

  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,

  -- documents refer to the tenant and the id together, so that a document never belongs to another tenant's source
  unique (tenant_id, id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint display_name_is_a_name check (core.is_name(display_name)),
  constraint source_url_is_http check (core.is_web_url(source_url)),
  constraint source_config_is_an_object check (jsonb_typeof(source_config) = 'object'),
  constraint file_size_bytes_is_not_negative check (file_size_bytes >= 0),
  constraint page_count_is_not_negative check (page_count >= 0),
  -- tsvector keeps positions up to 16,383: half as many words as this many characters can hold
  constraint chunk_size_is_in_range check (chunk_size between 100 and 16000),
  constraint chunk_overlap_is_below_half_the_size check (chunk_overlap >= 0 and chunk_overlap * 2 <= chunk_size),
  constraint language_is_a_tag check (core.is_language_tag(language)),
  constraint extracted_metadata_is_an_object check (jsonb_typeof(extracted_metadata) = 'object'),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
call core.limit_length('app_public.rag_knowledge_sources', 255, 'category', 'file_type', 'vector_store_id', 'author',
  'source_organization');
call core.limit_length('app_public.rag_knowledge_sources', 1024, 'file_path');
call core.limit_length('app_public.rag_knowledge_sources', 2000, 'processing_error');
call core.limit_length('app_public.rag_knowledge_sources', 10000, 'description');
call core.limit_entries('app_public.rag_knowledge_sources', 100, 'tags');
call core.limit_bytes('app_public.rag_knowledge_sources', 100000, 'source_config', 'extracted_metadata', 'metadata');
create unique index rag_knowledge_sources_tenant_id_name_key
  on app_public.rag_knowledge_sources (tenant_id, name) where deleted_at is null;
create index on app_public.rag_knowledge_sources (embedding_model, tenant_id, id);
create index on app_public.rag_knowledge_sources (tenant_id, name, id);
create index on app_public.rag_knowledge_sources (tenant_id, created_at, id);
create index on app_public.rag_knowledge_sources (tenant_id, updated_at, id);
create index on app_public.rag_knowledge_sources (tenant_id, status, id);
create index on app_public.rag_knowledge_sources (tenant_id, processing_status, id);
create index on app_public.rag_knowledge_sources (tenant_id, deleted_at);
create index on app_public.rag_knowledge_sources (created_by_user_id, tenant_id, id);
create index on app_public.rag_knowledge_sources (sharing_mode, tenant_id)
  where sharing_mode in ('subtree', 'platform') and deleted_at is null;

create table app_public.agent_knowledge_sources (
  tenant_id uuid not null default core.current_tenant_id(),
  agent_id uuid not null,
  source_id uuid not null references app_public.rag_knowledge_sources (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (tenant_id, agent_id, source_id),
  foreign key (tenant_id, agent_id) references app_public.agents (tenant_id, id) on delete cascade
);
create index on app_public.agent_knowledge_sources (source_id);

alter table app_public.rag_knowledge_sources add column search_vector tsvector generated always as (
  catalog.catalog_vector(name, display_name, description, category || tags || array[author, source_organization])) stored;
create index on app_public.rag_knowledge_sources
  using gin (tenant_id, search_vector, catalog.catalog_label(name, display_name) gin_trgm_ops) where deleted_at is null;

-- The planner does not know which tenant asks, so it takes the mean. That is a few rows when most tenants are small, and for
-- a few rows it reads and sorts all that a tenant has, which a large tenant pays for. For the lists that grow it therefore
-- takes a tenant to have a hundredth of the table: then it reads a page in its order, which costs a small tenant nothing.
alter table app_public.agents alter column tenant_id set (n_distinct = 100);
alter table app_public.tools alter column tenant_id set (n_distinct = 100);
alter table app_public.prompts alter column tenant_id set (n_distinct = 100);
alter table app_public.workflows alter column tenant_id set (n_distinct = 100);
alter table app_public.rag_knowledge_sources alter column tenant_id set (n_distinct = 100);
alter table app_public.resource_sharing_audit alter column tenant_id set (n_distinct = 100);

reset role;
