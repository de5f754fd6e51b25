-- Knowledge: sources hold documents, documents are cut into chunks, and each chunk gets a vector.
-- A source belongs to the control plane. Everything below it belongs to the data plane, so its keys start with tenant_id.

create schema knowledge authorization rowhouse_owner;
comment on schema knowledge is 'Documents, chunks and their processing.';
grant usage on schema knowledge to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics;

set role rowhouse_owner;

-- One document for app_public.create_documents().
create type app_public.new_document as (external_id text, title text, text text, metadata jsonb);

-- The outcome for one document that was given.
create type app_public.document_outcome as enum ('created', 'replaced', 'unchanged', 'retried', 'refused');
create type app_public.document_receipt as (
  external_id text,
  document_id uuid,
  outcome app_public.document_outcome,
  error text
);

-- The permission to send one file.
create type app_public.upload_ticket as (id uuid, expires_at timestamptz);

create type app_public.processing_counts as (pending int, processing int, completed int, failed int);

create domain app_public.embedding_task_type as text
  constraint embedding_task_type_is_known check (value in ('retrieval_document', 'retrieval_query'));

create type knowledge.processing_stage as enum ('parse', 'chunk', 'embed', 'index', 'done');

create table app_public.documents (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  source_id uuid not null,
  external_id text not null,
  title text not null,
  -- in which its words are read, from when it is cut into chunks
  language text,
  content text,
  media_type text not null default 'text/plain',
  size_bytes bigint not null,
  content_hash bytea not null,
  metadata jsonb not null default '{}',
  processing_status app_public.processing_status not null default 'pending',
  processing_stage knowledge.processing_stage not null,
  processing_started_at timestamptz,
  processing_completed_at timestamptz,
  processing_error text,
  created_by_user_id uuid references app_public.user_profiles (id) on delete set null (created_by_user_id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  unique (tenant_id, external_id, source_id),
  foreign key (tenant_id, source_id) references app_public.rag_knowledge_sources (tenant_id, id) on delete cascade,
  constraint external_id_is_a_key check (length(external_id) between 1 and 1024),
  constraint title_is_in_range check (length(title) between 1 and 1000),
  constraint language_is_a_tag check (core.is_language_tag(language)),
  constraint size_bytes_is_not_negative check (size_bytes >= 0),
  constraint content_hash_is_sha_256 check (octet_length(content_hash) = 32),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  constraint processed_document_has_content check (processing_stage in ('parse', 'chunk') or content is not null),
  constraint completed_document_is_done check ((processing_status = 'completed') = (processing_stage = 'done')),
  constraint failed_document_has_an_error check (processing_status <> 'failed' or processing_error is not null)
);
call core.limit_length('app_public.documents', 255, 'media_type');
call core.limit_length('app_public.documents', 2000, 'processing_error');
call core.limit_bytes('app_public.documents', 100000, 'metadata');
call core.limit_bytes('app_public.documents', 53000000, 'content');
create index on app_public.documents (created_by_user_id, tenant_id, id);
create index on app_public.documents (tenant_id, source_id, processing_status);
create index on app_public.documents (tenant_id, source_id, id);
create index on app_public.documents (tenant_id, processing_status, id);
create index on app_public.documents (tenant_id, created_at, id);
create index on app_public.documents (tenant_id, updated_at, id);
-- This index serves searches that filter by metadata.
create index on app_public.documents using gin (tenant_id, metadata jsonb_path_ops);

-- The uploaded files as they were given.
create table knowledge.document_files (
  tenant_id uuid not null,
  document_id uuid not null,
  name text not null,
  content bytea not null,
  primary key (tenant_id, document_id),
  foreign key (tenant_id, document_id) references app_public.documents (tenant_id, id) on delete cascade
);
call core.limit_length('knowledge.document_files', 255, 'name');
call core.limit_bytes('knowledge.document_files', 53000000, 'content');
-- Uncompressed, so that a part of a file is read without the rest.
alter table knowledge.document_files alter column content set storage external;

-- Files that somebody may send: what is known of each before its bytes come. A ticket is deleted when it is used.
create table knowledge.upload_tickets (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  source_id uuid not null,
  external_id text not null,
  file_name text not null,
  size_bytes int not null,
  media_type text,
  title text,
  metadata jsonb not null,
  expires_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, source_id) references app_public.rag_knowledge_sources (tenant_id, id) on delete cascade,
  constraint external_id_is_a_key check (length(external_id) between 1 and 1024),
  constraint size_bytes_is_positive check (size_bytes > 0),
  constraint title_is_in_range check (length(title) between 1 and 1000),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
call core.limit_length('knowledge.upload_tickets', 255, 'file_name', 'media_type');
call core.limit_bytes('knowledge.upload_tickets', 100000, 'metadata');
create index on knowledge.upload_tickets (user_id, tenant_id, id);
create index on knowledge.upload_tickets (tenant_id, source_id);
create index on knowledge.upload_tickets (expires_at);

-- The next version of a document that is being replaced. The document keeps its text and its chunks until this version is
-- cut into chunks, so that a version that cannot be read takes nothing away.
create table knowledge.document_drafts (
  tenant_id uuid not null,
  document_id uuid not null,
  title text not null,
  -- null until the file is parsed
  content text,
  metadata jsonb not null,
  primary key (tenant_id, document_id),
  foreign key (tenant_id, document_id) references app_public.documents (tenant_id, id) on delete cascade
);
call core.limit_length('knowledge.document_drafts', 1000, 'title');
call core.limit_bytes('knowledge.document_drafts', 100000, 'metadata');
call core.limit_bytes('knowledge.document_drafts', 53000000, 'content');

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
call core.limit_bytes('app_public.document_chunks', 64000, 'content');
create index on app_public.document_chunks (tenant_id, source_id, id);

-- The column embedding has no dimension of its own, because each model has another one.
create table app_public.embeddings (
  tenant_id uuid not null,
  model_id uuid not null references app_public.llm_models (id),
  chunk_id bigint not null,
  embedding vector not null,
  agent_id uuid references app_public.agents (id) on delete set null (agent_id),
  task_type app_public.embedding_task_type not null default 'retrieval_document',
  cost_usd numeric not null default 0,
  generation_time_ms int,
  created_at timestamptz not null default now(),

  primary key (tenant_id, model_id, chunk_id),
  foreign key (tenant_id, chunk_id) references app_public.document_chunks (tenant_id, id) on delete cascade,
  constraint embedding_has_unit_length check (abs(vector_norm(embedding) - 1) < 1e-3),
  constraint cost_usd_is_not_negative check (cost_usd >= 0 and cost_usd < 'Infinity'),
  constraint generation_time_ms_is_not_negative check (generation_time_ms >= 0)
);
create index on app_public.embeddings (model_id);
create index on app_public.embeddings (agent_id, tenant_id);
create index on app_public.embeddings (tenant_id, chunk_id, model_id);

-- The sources that are being given another embedding model. Until each chunk has a vector of it, a source is searched by those
-- of its old model.
create table app_public.embedding_model_changes (
  tenant_id uuid not null,
  source_id uuid not null,
  model_id uuid not null references app_public.llm_models (id),
  last_error text,
  started_at timestamptz not null default now(),
  primary key (tenant_id, source_id),
  foreign key (tenant_id, source_id) references app_public.rag_knowledge_sources (tenant_id, id) on delete cascade
);
call core.limit_length('app_public.embedding_model_changes', 2000, 'last_error');
create index on app_public.embedding_model_changes (model_id);

-- The sources whose documents have changed since knowledge.refresh_sources last computed their statistics. Rows are only
-- inserted and deleted, never updated, so that two loads into one source do not wait for each other.
create table knowledge.changed_sources (
  tenant_id uuid not null,
  id bigint not null generated always as identity,
  source_id uuid not null,
  primary key (tenant_id, id)
);

-- The languages that documents of a source have or had: a question is read in each of them. Rows are only added, so that two loads
-- into one source do not wait for each other.
create table knowledge.source_languages (
  tenant_id uuid not null,
  source_id uuid not null,
  language text not null,
  primary key (tenant_id, source_id, language),
  foreign key (tenant_id, source_id) references app_public.rag_knowledge_sources (tenant_id, id) on delete cascade,
  constraint language_is_a_tag check (core.is_language_tag(language))
);

create domain app_public.sync_status as text
  constraint sync_status_is_known check (value in ('waiting', 'running', 'completed', 'failed'));
create domain app_public.sync_outcome as text
  constraint sync_outcome_is_known check (value in ('created', 'replaced', 'unchanged', 'failed', 'gone', 'removed'));
create type app_public.sync_counts as (created int, replaced int, unchanged int, failed int, gone int, removed int);

-- The last time that a source was compared with the place its documents come from.
create table app_public.knowledge_syncs (
  tenant_id uuid not null,
  source_id uuid not null,
  run int not null default 1,
  status app_public.sync_status not null default 'waiting',
  is_listed_whole boolean not null default true,
  requested_at timestamptz not null,
  started_at timestamptz,
  -- tells a run that goes on from one whose worker died
  progressed_at timestamptz not null,
  finished_at timestamptz,
  error text,
  primary key (tenant_id, source_id),
  foreign key (tenant_id, source_id) references app_public.rag_knowledge_sources (tenant_id, id) on delete cascade,
  constraint run_is_positive check (run > 0),
  constraint failed_sync_has_an_error check (status <> 'failed' or error is not null)
);
call core.limit_length('app_public.knowledge_syncs', 2000, 'error');

-- What the last run that came by a page found there.
create table app_public.knowledge_sync_pages (
  tenant_id uuid not null,
  source_id uuid not null,
  external_id text not null,
  run int not null,
  outcome app_public.sync_outcome not null,
  error text,
  etag text,
  last_modified text,
  checked_at timestamptz not null,
  primary key (tenant_id, source_id, external_id),
  foreign key (tenant_id, source_id) references app_public.knowledge_syncs (tenant_id, source_id) on delete cascade,
  constraint external_id_is_a_key check (length(external_id) between 1 and 1024),
  constraint run_is_positive check (run > 0)
);
call core.limit_length('app_public.knowledge_sync_pages', 2000, 'error');
call core.limit_length('app_public.knowledge_sync_pages', 1000, 'etag', 'last_modified');
create index on app_public.knowledge_sync_pages (tenant_id, outcome, source_id, external_id);

-- Providers that are not to be asked for vectors now. Whoever watches providers writes it.
create table knowledge.provider_pauses (
  provider_id uuid primary key references app_public.llm_providers (id) on delete cascade,
  resumes_at timestamptz not null
);

-- See the end of 0005_catalog.
alter table app_public.documents alter column tenant_id set (n_distinct = 100);
alter table app_public.document_chunks alter column tenant_id set (n_distinct = 100);
alter table app_public.embeddings alter column tenant_id set (n_distinct = 100);

reset role;
