-- The inverted index of BM25, tenant first, so that every statistic is the tenant's own (docs/adr/0006).
--
-- Chunks that came or went since the last merge are listed in search_changes and read from their own tsvectors; a merge
-- folds them into blocks of up to 16,000 chunks. Within a block a chunk is known by its position, from 1, and each term
-- has a sparse vector over the positions, so that scores are added up by pgvector's arithmetic instead of row by row.

create schema search authorization rowhouse_owner;
comment on schema search is 'The inverted index, vectors and ranking.';
grant usage on schema search to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analyst;

set role rowhouse_owner;

create type search.change as enum ('added', 'removed');

create table search.changes (
  tenant_id uuid not null,
  chunk_id bigint not null,
  kind search.change not null,
  document_length int not null,
  -- of a removed chunk, which can no longer be read elsewhere
  terms tsvector,
  primary key (tenant_id, chunk_id, kind),
  constraint removed_chunk_keeps_its_terms check ((kind = 'removed') = (terms is not null))
);

create table search.blocks (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint not null generated always as identity,
  chunk_count int not null,
  removed_count int not null default 0,
  -- of the chunks that are not removed
  total_length bigint not null,
  min_length int not null,
  max_length int not null,
  -- what its impacts were computed with
  k1 double precision not null,
  b double precision not null,
  average_length double precision not null,
  -- of its rare terms, a power of two
  bucket_count int not null,
  created_at timestamptz not null default now(),

  primary key (tenant_id, id),
  constraint chunk_count_is_what_a_vector_holds check (chunk_count between 1 and 16000),
  constraint removed_count_is_in_range check (removed_count between 0 and chunk_count)
);

-- Which chunks the positions are: 200 a row, so that one can be read without the others.
create table search.block_chunks (
  tenant_id uuid not null,
  block_id bigint not null,
  -- those before the first of this row
  start int not null,
  chunk_ids bigint[] not null,
  primary key (tenant_id, block_id, start),
  foreign key (tenant_id, block_id) references search.blocks (tenant_id, id) on delete cascade
);

-- A term that many chunks of the block have.
create table search.postings (
  tenant_id uuid not null,
  term text collate "C" not null,
  block_id bigint not null,
  document_count int not null,
  -- within the block; the impacts have it in them
  idf double precision not null,
  -- in 1/32767 and without the idf
  highest_impact smallint not null,
  impacts sparsevec not null,
  primary key (tenant_id, term, block_id),
  foreign key (tenant_id, block_id) references search.blocks (tenant_id, id) on delete cascade
);
create index on search.postings (tenant_id, block_id);

-- Terms that few chunks of the block have, some dozens a row: those whose hashes have the same last bits. Blocks of one size
-- have a term in the same bucket, so that one range of the index finds it in all of them.
create table search.rare_postings (
  tenant_id uuid not null,
  bucket_count int not null,
  bucket int not null,
  block_id bigint not null,
  terms text[] collate "C" not null,
  -- where each term's postings end
  ends smallint[] not null,
  -- position · 32,768 + impact (in 1/32767)
  postings int[] not null,
  primary key (tenant_id, bucket_count, bucket, block_id),
  foreign key (tenant_id, block_id) references search.blocks (tenant_id, id) on delete cascade
);
create index on search.rare_postings (tenant_id, block_id);

-- How many removed chunks of a block have a term.
create table search.removals (
  tenant_id uuid not null,
  term text collate "C" not null,
  block_id bigint not null,
  document_count int not null,
  primary key (tenant_id, term, block_id),
  foreign key (tenant_id, block_id) references search.blocks (tenant_id, id) on delete cascade
);
create index on search.removals (tenant_id, block_id);

-- The vocabulary: every term the blocks have or had.
create table search.terms (
  tenant_id uuid not null,
  term text collate "C" not null,
  primary key (tenant_id, term)
);
-- typing errors are made in words, not in numbers and codes
create index search_terms_trigrams on search.terms using gin (tenant_id, term gin_trgm_ops)
  -- what waits to be sorted in leaves its pages behind
  with (gin_pending_list_limit = 256)
  where length(term) between 4 and 40 and term !~ '[0-9]';

-- What ANALYZE knows of tenants says nothing about one that came since: it is taken for empty, any index will do for it, and
-- the one that is chosen may have to be read from end to end for each row. Without statistics a tenant is one of 200.
alter table app_public.document_chunks alter column tenant_id set statistics 0;
alter table search.postings alter column tenant_id set statistics 0;
alter table search.rare_postings alter column tenant_id set statistics 0;
alter table search.removals alter column tenant_id set statistics 0;

-- Adds vectors up; pgvector's own sum() keeps its state in double precision, which is five times slower.
create aggregate search.vector_total(vector) (sfunc = vector_add, stype = vector, parallel = safe);
create aggregate search.array_concat(anycompatiblearray) (sfunc = array_cat, stype = anycompatiblearray, parallel = safe);

create type app_public.search_mode as enum ('bm25', 'vector', 'hybrid');

-- A row of app_public.search().
create type app_public.search_hit as (
  rank int,
  score double precision,
  bm25_score double precision,
  bm25_rank int,
  vector_score double precision,
  vector_rank int,
  source_id uuid,
  document_id uuid,
  chunk_id bigint,
  title text,
  content text,
  snippet text,
  explanation jsonb
);

create type app_public.fusion_method as enum ('rrf', 'convex');

-- What a question says, as the index knows it.
create type search.question as (
  terms text[],
  -- how much each term counts
  weights double precision[],
  -- the word of the question that a term stands for, where it was not written like this
  written_as text[],
  -- what a text must match: phrases, words of the title, nothing that is excluded
  text_filter tsquery,
  -- the question without its operators, as it is embedded
  plain text
);

-- Which chunks a search may return.
create type search.scope as (
  source_ids uuid[],
  -- null: those of all documents of these sources
  document_ids uuid[],
  text_filter tsquery,
  -- every chunk of the tenant
  is_everything boolean,
  -- all chunks in scope but for text_filter, when they are few enough to be looked at one by one
  chunk_ids bigint[]
);

-- A chunk by its place in the index, with a score that it may have but not exceed.
create type search.position as (block_id bigint, position int, bound double precision);

-- A term in a block.
create type search.cell as (
  term_number int,
  block_id bigint,
  document_count int,
  -- where the term has a vector; the highest impact is in 1/32767 and without the idf
  idf double precision,
  highest_impact int,
  -- where it is rare
  postings int[]
);

-- What a block can contribute to an answer.
create type search.bounds as (
  block_id bigint,
  chunk_count int,
  -- what the terms that have vectors can add up to at most
  common double precision,
  common_terms int[],
  -- the positions that have a rare term, and what those terms add up to there
  positions int[],
  rare double precision[]
);

-- What was searched. A search writes to the buffer, which is not crash-safe and therefore makes no search wait for the
-- disk; a task moves it on every minute.
create table app_public.query_logs (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint not null generated always as identity,
  created_at timestamptz not null,
  user_id uuid,
  agent_id uuid,
  mode app_public.search_mode not null,
  query_text text,
  query_hash bytea,
  latency_ms double precision not null,
  hit_count int not null,
  source_ids uuid[] not null,
  source_hit_counts int[] not null,
  source_relevances double precision[] not null,
  primary key (tenant_id, id),
  constraint each_source_has_its_numbers check (
    cardinality(source_ids) = cardinality(source_hit_counts) and cardinality(source_ids) = cardinality(source_relevances))
);
create index on app_public.query_logs (tenant_id, created_at);

create unlogged table search.query_log_buffer (
  tenant_id uuid not null,
  created_at timestamptz not null,
  user_id uuid,
  agent_id uuid,
  mode app_public.search_mode not null,
  query_text text,
  query_hash bytea,
  latency_ms double precision not null,
  hit_count int not null,
  source_ids uuid[] not null,
  source_hit_counts int[] not null,
  source_relevances double precision[] not null
);
create index on search.query_log_buffer (tenant_id);

reset role;
