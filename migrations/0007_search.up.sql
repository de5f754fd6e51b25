-- The inverted index of BM25, tenant first, so that every statistic is the tenant's own (docs/adr/0006).
--
-- Chunks that were added or removed since the last merge are listed in search.changes and are read from their own
-- tsvectors; a merge folds them into blocks of up to search.block_capacity() chunks. Within a block a chunk is known by
-- its position, from 1, and each term has a sparse vector over the positions, so that pgvector's arithmetic adds up the
-- scores of all chunks at once instead of row by row.

create schema search authorization rowhouse_owner;
comment on schema search is 'The inverted index, vectors and ranking.';
grant usage on schema search to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics;

set role rowhouse_owner;

-- The largest dimension that a vector of pgvector may have.
create function search.block_capacity() returns int language sql immutable parallel safe return 16000;
comment on function search.block_capacity is 'How many chunks a block holds at most.';

create type search.change as enum ('added', 'removed');

create table search.changes (
  tenant_id uuid not null,
  chunk_id bigint not null,
  kind search.change not null,
  document_length int not null,
  -- the terms of a removed chunk, because its row is gone
  terms tsvector,
  primary key (tenant_id, chunk_id, kind),
  constraint removed_chunk_keeps_its_terms check ((kind = 'removed') = (terms is not null))
);

create table search.blocks (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint not null generated always as identity,
  chunk_count int not null,
  removed_count int not null default 0,
  -- the lengths of those chunks that are not removed, added up
  total_length bigint not null,
  min_length int not null,
  max_length int not null,
  -- the settings and the statistic that its impacts were computed with
  k1 double precision not null,
  b double precision not null,
  average_length double precision not null,
  -- how many buckets its rare terms are spread over, a power of two
  bucket_count int not null,
  -- how many different terms its chunks have
  term_count int not null,
  created_at timestamptz not null default now(),

  primary key (tenant_id, id),
  constraint chunk_count_is_what_a_vector_holds check (chunk_count between 1 and search.block_capacity()),
  constraint removed_count_is_in_range check (removed_count between 0 and chunk_count)
);

-- Which chunk is at which position: a few hundred a row, so that the id of one chunk is read without all others.
create table search.block_chunks (
  tenant_id uuid not null,
  block_id bigint not null,
  -- the number of positions before the first of this row
  start int not null,
  chunk_ids bigint[] not null,
  primary key (tenant_id, block_id, start),
  foreign key (tenant_id, block_id) references search.blocks (tenant_id, id) on delete cascade
);

-- The postings of a term that many chunks of the block have.
create table search.postings (
  tenant_id uuid not null,
  term text collate "C" not null,
  block_id bigint not null,
  document_count int not null,
  -- the term's idf within the block, by which the impacts are multiplied
  idf double precision not null,
  -- in units of 1 / search.impact_scale(), without the idf
  highest_impact smallint not null,
  impacts sparsevec not null,
  -- of a common term (search.head_minimum): its postings with the highest impacts, packed, the highest first; the last one
  -- is above all the others
  head int[],
  primary key (tenant_id, term, block_id),
  foreign key (tenant_id, block_id) references search.blocks (tenant_id, id) on delete cascade
);
call core.limit_entries('search.postings', 17, 'head');
create index on search.postings (tenant_id, block_id);

-- The postings of terms that few chunks of the block have, some dozens of terms a row: a bucket takes the terms whose
-- hashes end in the same bits. Blocks with equally many buckets have a term in the same bucket, so that one range of the
-- index finds it in all of them.
create table search.rare_postings (
  tenant_id uuid not null,
  bucket_count int not null,
  bucket int not null,
  block_id bigint not null,
  -- the terms, each between two line breaks (search.list_terms): shorter than an array, and searched as one text
  terms text collate "C" not null,
  -- the index in postings of each term's last posting
  ends smallint[] not null,
  -- packed by search.pack_posting
  postings int[] not null,
  primary key (tenant_id, bucket_count, bucket, block_id),
  foreign key (tenant_id, block_id) references search.blocks (tenant_id, id) on delete cascade
);
create index on search.rare_postings (tenant_id, block_id);
-- A row of some kilobytes stays as it is: unpacking it would take longer than reading it.
alter table search.rare_postings set (toast_tuple_target = 8160);

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

-- The vocabulary of a large tenant, some dozens of terms a row in the order of their bytes. The first row of a tenant begins
-- at the empty text, so that each term has a row: the last that begins at or before it.
create table search.terms (
  tenant_id uuid not null,
  first_term text collate "C" not null,
  -- as search.list_terms makes them, in no order
  terms text collate "C" not null,
  term_count int not null,
  -- which trigrams its words have (search.trigram_bits), for misspelt words
  trigrams bit(2048) not null,
  primary key (tenant_id, first_term)
);

-- The planner takes a tenant that was created after the last ANALYZE for empty, so that it may choose an index that has to
-- be read from end to end for each row. Without statistics on tenant_id it takes every tenant for a 200th of the table.
alter table app_public.document_chunks alter column tenant_id set statistics 0;
alter table search.postings alter column tenant_id set statistics 0;
alter table search.rare_postings alter column tenant_id set statistics 0;
alter table search.removals alter column tenant_id set statistics 0;

-- The sum of vectors. pgvector's own sum() keeps its state in double precision, which is five times slower.
create aggregate search.vector_total(vector) (sfunc = vector_add, stype = vector, parallel = safe);
create aggregate search.array_concat(anycompatiblearray) (sfunc = array_cat, stype = anycompatiblearray, parallel = safe);

create type app_public.search_mode as enum ('bm25', 'vector', 'hybrid');

create type app_public.fusion_method as enum ('rrf', 'convex');

-- Which chunks app_public.search may return; a field that is null does not restrict it.
create type app_public.search_filter as (
  source_ids uuid[],
  document_ids uuid[],
  agent_id uuid,
  tags text[],
  category text,
  created_after timestamptz,
  created_before timestamptz,
  metadata jsonb
);

-- The vector of a question by one model.
create type app_public.query_embedding as (model text, embedding vector);

-- How app_public.search works; a field that is null has its default (search.complete_options).
create type app_public.search_options as (
  skip int,
  fusion app_public.fusion_method,
  rrf_k int,
  embedding_model text,
  query_embedding vector,
  explain boolean,
  group_by_document boolean,
  max_per_document int,
  context int,
  freshness_half_life interval,
  query_embeddings app_public.query_embedding[]
);

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
  explanation jsonb,
  context text,
  further_hit_count int,
  mode app_public.search_mode
);

-- What app_public.search_facets counts by, and its rows.
create type app_public.search_facet_field as enum ('source', 'category', 'tag', 'language', 'metadata');
create type app_public.search_facet as (value text, document_count int, hit_count int);

-- The arguments of a search, checked, with their defaults filled in.
create type search.request as (
  query text,
  mode app_public.search_mode,
  hit_limit int,
  filter app_public.search_filter,
  options app_public.search_options,
  -- how far each ranking is read
  depth int
);

-- A word, phrase or operator of a question, as it is written.
create type search.question_token as (
  number int,
  text text,
  is_excluded boolean,
  is_title boolean,
  is_phrase boolean,
  is_prefix boolean
);

-- A term of a token, as one language reads it.
create type search.question_word as (
  -- 0 for the plain words, which are read together
  token_number int,
  config regconfig,
  term text,
  place int
);

-- What a text must have, or must not have, to meet a condition of a question, by one of its readings.
create type search.condition as (
  -- the same for all readings of a condition; a text meets it when it meets one of them
  number int,
  -- the text must have all of these, or, when is_excluded, must not have the only one
  terms text[],
  is_excluded boolean
);

-- The positions of a block whose chunks may be hits: a bit each, from the first position on.
create type search.block_mask as (
  block_id bigint,
  -- null when all of them may be
  mask bit varying
);

-- A question as the index understands it.
create type search.question as (
  terms text[],
  -- how much each term counts
  weights double precision[],
  -- the word of the question that a term stands for, null where the question has the term itself
  written_as text[],
  -- what a text must match: phrases, words of the title, no excluded words
  text_filter tsquery,
  -- what follows of text_filter for the terms of a text; null when nothing does
  conditions search.condition[],
  -- the question without its operators, which is what is embedded
  plain text
);

-- Which chunks of one tenant a search may return.
create type search.scope as (
  source_ids uuid[],
  -- null when all documents of these sources are in scope
  document_ids uuid[],
  text_filter tsquery,
  -- true when every chunk of the tenant is in scope
  is_everything boolean,
  -- all chunks in scope, when they are few enough to be scored one by one, and maybe some that text_filter excludes; else null
  chunk_ids bigint[],
  -- by text_filter: the blocks that may have hits, and where; null when all blocks may have
  masks search.block_mask[]
);

-- What BM25 computes scores with during one ranking.
create type search.scoring as (
  terms text[],
  -- for each term: idf · (k1 + 1) · its weight in the question
  weights double precision[],
  -- the terms as queries: what has at least one of them, and each by itself
  any_term tsquery,
  term_queries tsquery[],
  average_length double precision,
  k1 double precision,
  b double precision,
  scope search.scope
);

-- Scored chunks, best first.
create type search.ranking as (chunk_ids bigint[], scores double precision[]);

-- A place in the index, with an upper bound of the score of the chunk that is there.
create type search.block_position as (block_id bigint, position int, bound double precision);

-- A term in a block.
create type search.block_term as (
  term_number int,
  block_id bigint,
  document_count int,
  -- of a frequent term, else null: its idf in the block and its highest impact, as search.postings has them
  idf double precision,
  highest_impact int,
  -- of a rare term, else null: its postings
  postings int[],
  -- of a common term that is the only one of the question, else null: as search.postings has it
  head int[]
);

-- How much the terms of a question can add to the score of a chunk of this block.
create type search.block_bound as (
  block_id bigint,
  chunk_count int,
  -- the positions that may be hits, and how many they are; mask is null when all may be
  mask bit varying,
  candidate_count int,
  -- the highest impacts of the frequent terms, weighted and added up
  frequent double precision,
  frequent_terms int[],
  -- the positions that have a rare term, and what the rare terms add up to at each
  positions int[],
  rare double precision[]
);

-- The chunks that the rankings of all tenants in scope found: one array element a chunk.
create type search.candidates as (
  -- by number: the tenants that were searched, and the question as each tenant's texts read it
  tenant_ids uuid[],
  questions search.question[],
  -- for each chunk: the number of its tenant, its id and its scores
  tenant_numbers int[],
  chunk_ids bigint[],
  bm25_scores double precision[],
  vector_scores double precision[],
  -- null unless the request needs them (search.needs_documents): the chunk's document and how much its age leaves of a score
  document_ids uuid[],
  decays double precision[],
  -- for each chunk: the number of the model that ranked it, null where none did
  model_numbers int[],
  -- by number: the models that ranked by vectors, each the chunks of the sources that use it
  models app_public.llm_models[]
);

-- The searches that were made. A search writes to search.query_log_buffer, which is unlogged, so that no search waits for
-- the disk; a task moves the rows here every minute.
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
call core.limit_length('app_public.query_logs', 10000, 'query_text');
call core.limit_bytes('app_public.query_logs', 32, 'query_hash');
call core.limit_entries('app_public.query_logs', 1000, 'source_ids', 'source_hit_counts', 'source_relevances');
create index on app_public.query_logs (tenant_id, created_at);

-- How many searches there were, by quarter of an hour. All time zones differ by whole quarters, so a day of any zone is a sum.
create table search.query_quarter_hours (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  starts_at timestamptz not null,
  mode app_public.search_mode not null,
  search_count bigint not null,
  hitless_count bigint not null,
  latency_ms double precision not null,
  primary key (tenant_id, starts_at, mode)
);

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
call core.limit_length('search.query_log_buffer', 10000, 'query_text');
call core.limit_bytes('search.query_log_buffer', 32, 'query_hash');
call core.limit_entries('search.query_log_buffer', 1000, 'source_ids', 'source_hit_counts', 'source_relevances');
create index on search.query_log_buffer (tenant_id);

reset role;
