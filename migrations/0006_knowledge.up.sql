-- Knowledge: sources hold documents, documents are cut into chunks, chunks get vectors.
-- A source is control plane; everything below it is data plane, so its keys start with tenant_id.

set role rowhouse_owner;

-- The text-search configuration of a language. Unknown languages are not stemmed and have no stop words.
create function app_hidden.text_search_config(language text) returns regconfig
  language sql immutable parallel safe
  return case lower(left(language, 2))
    when 'ar' then 'pg_catalog.arabic'::regconfig
    when 'da' then 'pg_catalog.danish'::regconfig
    when 'nl' then 'pg_catalog.dutch'::regconfig
    when 'en' then 'pg_catalog.english'::regconfig
    when 'fi' then 'pg_catalog.finnish'::regconfig
    when 'fr' then 'pg_catalog.french'::regconfig
    when 'de' then 'pg_catalog.german'::regconfig
    when 'el' then 'pg_catalog.greek'::regconfig
    when 'hu' then 'pg_catalog.hungarian'::regconfig
    when 'id' then 'pg_catalog.indonesian'::regconfig
    when 'ga' then 'pg_catalog.irish'::regconfig
    when 'it' then 'pg_catalog.italian'::regconfig
    when 'lt' then 'pg_catalog.lithuanian'::regconfig
    when 'no' then 'pg_catalog.norwegian'::regconfig
    when 'pt' then 'pg_catalog.portuguese'::regconfig
    when 'ro' then 'pg_catalog.romanian'::regconfig
    when 'ru' then 'pg_catalog.russian'::regconfig
    when 'es' then 'pg_catalog.spanish'::regconfig
    when 'sv' then 'pg_catalog.swedish'::regconfig
    when 'tr' then 'pg_catalog.turkish'::regconfig
    else 'pg_catalog.simple'::regconfig
  end;
comment on function app_hidden.text_search_config(text) is
  'The text-search configuration for a language tag such as en or pt-BR; simple when the language is unknown or null.';

create type app_public.processing_status as enum ('pending', 'processing', 'completed', 'failed');
-- What became of one document of app_public.create_documents().
create type app_public.document_outcome as enum ('created', 'replaced', 'unchanged', 'retried', 'refused');
create type app_public.document_receipt as (
  external_id text,
  document_id uuid,
  outcome app_public.document_outcome,
  error text
);

create type app_public.processing_counts as (pending int, processing int, completed int, failed int);

create type app_hidden.processing_stage as enum ('parse', 'chunk', 'embed', 'index', 'done');

create table app_public.rag_knowledge_sources (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default app_hidden.current_tenant_id() references app_public.tenants (id) on delete cascade,
  sharing_mode text not null default 'private',
  is_shared boolean not null generated always as (sharing_mode <> 'private') stored,
  resource_type text not null default 'custom',

  name text not null,
  display_name text,
  description text,
  category text,
  tags text[] not null default '{}',

  source_type text not null default 'file',
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
  language text not null default 'en',
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

  status text not null default 'active',
  enabled boolean not null default true,
  created_by_user_id uuid default app_hidden.current_user_id()
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

  -- what the data plane refers to, so that a document can never hang under another tenant's source
  unique (tenant_id, id),
  constraint name_is_a_name check (app_hidden.is_name(name)),
  constraint display_name_is_a_name check (app_hidden.is_name(display_name)),
  constraint sharing_mode_is_known check (sharing_mode in ('private', 'selected', 'subtree', 'platform')),
  constraint resource_type_is_known check (resource_type in ('custom', 'platform')),
  constraint source_type_is_known check (source_type in ('file', 'url', 'database', 'api', 'notion', 'confluence')),
  constraint source_config_is_an_object check (jsonb_typeof(source_config) = 'object'),
  constraint file_size_bytes_is_not_negative check (file_size_bytes >= 0),
  constraint page_count_is_not_negative check (page_count >= 0),
  -- tsvector keeps positions up to 16,383: half as many words as this many characters can hold
  constraint chunk_size_is_in_range check (chunk_size between 100 and 16000),
  constraint chunk_overlap_is_below_half_the_size check (chunk_overlap >= 0 and chunk_overlap * 2 <= chunk_size),
  constraint language_is_a_tag check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$'),
  constraint status_is_known check (status in ('active', 'inactive', 'archived')),
  constraint extracted_metadata_is_an_object check (jsonb_typeof(extracted_metadata) = 'object'),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
create unique index rag_knowledge_sources_tenant_id_name_key
  on app_public.rag_knowledge_sources (tenant_id, name) where deleted_at is null;
create index on app_public.rag_knowledge_sources (embedding_model);
create index on app_public.rag_knowledge_sources (created_by_user_id);
create index on app_public.rag_knowledge_sources (sharing_mode, tenant_id)
  where sharing_mode in ('subtree', 'platform') and deleted_at is null;

create table app_public.documents (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  source_id uuid not null,
  external_id text not null,
  title text not null,
  content text,
  media_type text not null default 'text/plain',
  size_bytes bigint not null,
  content_hash bytea not null,
  metadata jsonb not null default '{}',
  processing_status app_public.processing_status not null default 'pending',
  processing_stage app_hidden.processing_stage not null,
  processing_started_at timestamptz,
  processing_completed_at timestamptz,
  processing_error text,
  created_by_user_id uuid references app_public.user_profiles (id) on delete set null (created_by_user_id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  unique (tenant_id, source_id, external_id),
  foreign key (tenant_id, source_id) references app_public.rag_knowledge_sources (tenant_id, id) on delete cascade,
  constraint external_id_is_a_key check (length(external_id) between 1 and 1024),
  constraint title_is_in_range check (length(title) between 1 and 1000),
  constraint size_bytes_is_not_negative check (size_bytes >= 0),
  constraint content_hash_is_sha_256 check (octet_length(content_hash) = 32),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  constraint parsed_document_has_content check (processing_stage = 'parse' or content is not null),
  constraint completed_document_is_done check ((processing_status = 'completed') = (processing_stage = 'done')),
  constraint failed_document_has_an_error check (processing_status <> 'failed' or processing_error is not null)
);
create index on app_public.documents (created_by_user_id);
create index on app_public.documents (tenant_id, source_id, processing_status);
-- for searches that filter by metadata
create index on app_public.documents using gin (tenant_id, metadata jsonb_path_ops);

-- Bytes as they were uploaded, kept until they have been parsed.
create table app_private.document_files (
  tenant_id uuid not null,
  document_id uuid not null,
  name text not null,
  content bytea not null,
  primary key (tenant_id, document_id),
  foreign key (tenant_id, document_id) references app_public.documents (tenant_id, id) on delete cascade
);

create table app_public.document_chunks (
  tenant_id uuid not null,
  id bigint not null generated always as identity,
  source_id uuid not null,
  document_id uuid not null,
  ordinal int not null,
  content text not null,
  start_offset int not null,
  end_offset int not null,
  content_tsvector tsvector not null,
  document_length int not null,
  created_at timestamptz not null default now(),

  primary key (tenant_id, id),
  unique (tenant_id, document_id, ordinal),
  foreign key (tenant_id, document_id) references app_public.documents (tenant_id, id) on delete cascade,
  constraint ordinal_is_not_negative check (ordinal >= 0),
  constraint offsets_are_ordered check (start_offset >= 0 and end_offset > start_offset),
  constraint document_length_is_not_negative check (document_length >= 0)
);
create index on app_public.document_chunks (tenant_id, source_id);

-- The vector's dimension belongs to its model, so the column has none.
create table app_public.embeddings (
  tenant_id uuid not null,
  model_id uuid not null references app_public.llm_models (id),
  chunk_id bigint not null,
  embedding vector not null,
  agent_id uuid references app_public.agents (id) on delete set null (agent_id),
  task_type text not null default 'retrieval_document',
  cost_usd numeric not null default 0,
  generation_time_ms int,
  created_at timestamptz not null default now(),

  primary key (tenant_id, model_id, chunk_id),
  foreign key (tenant_id, chunk_id) references app_public.document_chunks (tenant_id, id) on delete cascade,
  constraint embedding_has_unit_length check (abs(vector_norm(embedding) - 1) < 1e-3),
  constraint task_type_is_known check (task_type in ('retrieval_document', 'retrieval_query')),
  constraint cost_usd_is_not_negative check (cost_usd >= 0 and cost_usd < 'Infinity'),
  constraint generation_time_ms_is_not_negative check (generation_time_ms >= 0)
);
create index on app_public.embeddings (model_id);
create index on app_public.embeddings (agent_id);
create index on app_public.embeddings (tenant_id, chunk_id);

-- Which sources an agent works with. A source may be another tenant's that is shared with this one.
create table app_public.agent_knowledge_sources (
  tenant_id uuid not null default app_hidden.current_tenant_id(),
  agent_id uuid not null,
  source_id uuid not null references app_public.rag_knowledge_sources (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (tenant_id, agent_id, source_id),
  foreign key (tenant_id, agent_id) references app_public.agents (tenant_id, id) on delete cascade
);
create index on app_public.agent_knowledge_sources (source_id);

-- Which sources' documents have changed since a task last wrote down how far they are. Appended to and emptied, never
-- updated, so that loads of one source do not wait for each other.
create table app_private.changed_sources (
  tenant_id uuid not null,
  id bigint not null generated always as identity,
  source_id uuid not null,
  primary key (tenant_id, id)
);

-- the worker's task takes on this role to build a vector index while others write
grant usage, create on schema app_public to rowhouse_indexer;
alter table app_public.embeddings owner to rowhouse_indexer;

-- Sources are found with the rest of the catalogue (see 0005_catalog).
alter table app_public.rag_knowledge_sources add column search_vector tsvector generated always as (
  app_hidden.catalog_vector(name, display_name, description, category || tags || array[author, source_organization])) stored;
create index on app_public.rag_knowledge_sources
  using gin (tenant_id, search_vector, app_hidden.catalog_label(name, display_name) gin_trgm_ops) where deleted_at is null;

-- What is counted once an hour instead of with every question. A materialized view knows no wall, so each is read through
-- a filtering one in app_public.
create materialized view app_private.mv_platform_shared_resources as
  select 'agent'::app_public.resource_kind as kind, id, tenant_id, name, display_name, description, primary_category as category,
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.tenant_id = r.tenant_id and a.item_type = 'agent' and a.item_id = r.id order by t.name) as tags,
         icon, version, status::text as status, usage_count, rating, updated_at
    from app_public.agents r where sharing_mode = 'platform' and deleted_at is null
  union all
  select 'tool', id, tenant_id, name, display_name, description, category,
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.tenant_id = r.tenant_id and a.item_type = 'tool' and a.item_id = r.id order by t.name),
         icon, version, status, usage_count, null, updated_at
    from app_public.tools r where sharing_mode = 'platform' and deleted_at is null
  union all
  select 'prompt', id, tenant_id, name, display_name, description, category, tags, null, version, status, usage_count, rating, updated_at
    from app_public.prompts where sharing_mode = 'platform' and deleted_at is null
  union all
  select 'workflow', id, tenant_id, name, display_name, description, category, tags, icon, version, status, execution_count, null, updated_at
    from app_public.workflows where sharing_mode = 'platform' and deleted_at is null
  union all
  select 'knowledge_source', id, tenant_id, name, display_name, description, category, tags, null, null, status, query_count, null, updated_at
    from app_public.rag_knowledge_sources where sharing_mode = 'platform' and deleted_at is null;
create unique index on app_private.mv_platform_shared_resources (tenant_id, kind, id);

create materialized view app_private.mv_tenant_resource_counts as
  select t.id as tenant_id,
         coalesce(agents.n, 0) as agent_count,
         coalesce(agents.active, 0) as active_agent_count,
         coalesce(tools.n, 0) as tool_count,
         coalesce(prompts.n, 0) as prompt_count,
         coalesce(workflows.n, 0) as workflow_count,
         coalesce(sources.n, 0) as knowledge_source_count,
         coalesce(documents.n, 0) as document_count,
         coalesce(documents.bytes, 0) as document_bytes,
         coalesce(members.n, 0) as member_count,
         coalesce(workspaces.n, 0) as workspace_count,
         coalesce(projects.n, 0) as project_count
    from app_public.tenants t
    left join (select tenant_id, count(*) as n, count(*) filter (where status = 'active' and is_active) as active
                 from app_public.agents where deleted_at is null group by tenant_id) agents on agents.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.tools where deleted_at is null group by tenant_id) tools
      on tools.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.prompts where deleted_at is null group by tenant_id) prompts
      on prompts.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.workflows where deleted_at is null group by tenant_id) workflows
      on workflows.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.rag_knowledge_sources where deleted_at is null group by tenant_id) sources
      on sources.tenant_id = t.id
    left join (select tenant_id, count(*) as n, sum(size_bytes)::bigint as bytes from app_public.documents group by tenant_id) documents
      on documents.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.user_tenants where status = 'active' group by tenant_id) members
      on members.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.workspaces where deleted_at is null group by tenant_id) workspaces on workspaces.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.projects where deleted_at is null group by tenant_id) projects on projects.tenant_id = t.id;
create unique index on app_private.mv_tenant_resource_counts (tenant_id);

-- At most twenty of a tenant, none that was neither used nor rated.
create materialized view app_private.mv_popular_agents as
  select ranked.tenant_id, ranked.rank::int as rank, ranked.agent_id, ranked.usage_count, ranked.success_rate, ranked.rating, ranked.feedback_count
    from (
      select tenant_id, id as agent_id, usage_count, success_rate, rating, feedback_count,
             row_number() over (partition by tenant_id order by usage_count desc, rating desc nulls last, feedback_count desc, name, id) as rank
        from app_public.agents
       where deleted_at is null and status = 'active' and is_active and (usage_count > 0 or feedback_count > 0)
    ) as ranked
   where ranked.rank <= 20;
create unique index on app_private.mv_popular_agents (tenant_id, rank);

-- Which materialized views there are, and how they are.
create table app_private.materialized_views (
  name text primary key,
  stale_after interval not null default '2 hours',
  created_at timestamptz not null default now(),
  refreshed_at timestamptz,
  duration_ms int,
  row_count bigint,

  constraint stale_after_is_positive check (stale_after > '0')
);
insert into app_private.materialized_views (name)
values ('mv_platform_shared_resources'), ('mv_tenant_resource_counts'), ('mv_popular_agents');

create table app_private.materialized_view_alerts (
  id bigint primary key generated always as identity,
  view_name text not null references app_private.materialized_views (name) on delete cascade,
  raised_at timestamptz not null,
  resolved_at timestamptz,

  constraint resolved_at_is_after_raised_at check (resolved_at >= raised_at)
);
create index on app_private.materialized_view_alerts (view_name, raised_at);
create unique index materialized_view_alerts_one_open_key on app_private.materialized_view_alerts (view_name) where resolved_at is null;

grant usage, create on schema app_private to rowhouse_platform;
reset role;
-- a refresh reads what the view's owner sees: this one stands outside the wall
alter materialized view app_private.mv_platform_shared_resources owner to rowhouse_platform;
alter materialized view app_private.mv_tenant_resource_counts owner to rowhouse_platform;
alter materialized view app_private.mv_popular_agents owner to rowhouse_platform;
