-- The inverted index: one row a term and chunk, tenant first, so that every statistic is the tenant's own.

set role rowhouse_owner;

create table app_private.search_postings (
  tenant_id uuid not null,
  term text collate "C" not null,
  chunk_id bigint not null,
  term_frequency int not null,

  primary key (tenant_id, term, chunk_id) include (term_frequency),
  foreign key (tenant_id, chunk_id) references app_public.document_chunks (tenant_id, id) on delete cascade,
  constraint term_frequency_is_positive check (term_frequency > 0)
);
-- what a deleted chunk leaves behind is found by its id
create index on app_private.search_postings (tenant_id, chunk_id);

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
  snippet text
);

reset role;
