-- Statistics that people can read: the figures that BM25 uses, from the index, and the use of the sources, from the log of
-- searches.

create or replace function search.merged_document_counts() returns table (term text, document_count int)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select found.term, sum(found.n)::int
    from (
      select p.term, p.document_count as n from search.postings p where p.tenant_id = core.current_tenant_id()
      union all
      select u.term, u.upto - coalesce(lag(u.upto) over (partition by r.block_id, r.bucket order by u.i), 0)
        from search.rare_postings r, unnest(search.listed_terms(r.terms), r.ends) with ordinality as u (term, upto, i)
       where r.tenant_id = core.current_tenant_id()
      union all
      select r.term, -r.document_count from search.removals r where r.tenant_id = core.current_tenant_id()
    ) as found (term, n)
   group by found.term;
$$;
comment on function search.merged_document_counts is
  'For each term of the blocks, in how many chunks of this tenant it occurred at the last merge.';

create or replace function search.term_document_counts() returns table (term text, document_count int)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select found.term, sum(found.n)::int
    from (
      select c.term, c.document_count as n from search.merged_document_counts() c
      union all
      select l.lexeme, 1
        from search.chunks_by_id(search.unmerged_chunk_ids()) c, unnest(c.content_tsvector) l
      union all
      select l.lexeme, -1 from search.pending_removals() r, unnest(r.terms) l
    ) as found (term, n)
   group by found.term
  having sum(found.n) <> 0;
$$;
comment on function search.term_document_counts is
  'For each term of the vocabulary, in how many chunks of this tenant it occurs, as the index has it.';

create or replace function search.embedding_statistics()
returns table (
  collection_id text, total_documents int, avg_document_length double precision, term_document_counts jsonb, last_updated timestamptz
)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select core.current_tenant_id()::text, t.total_docs, t.avg_doc_length,
         (select coalesce(jsonb_object_agg(c.term, c.document_count), '{}') from search.term_document_counts() c),
         now()
    from search.totals() t
   where core.current_tenant_id() is not null;
$$;
comment on function search.embedding_statistics is
  'The only row of app_public.embedding_statistics.';
grant execute on function search.embedding_statistics to rowhouse_user;

create or replace function app_public.document_chunks_term_frequencies(chunk app_public.document_chunks) returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(l.lexeme, cardinality(l.positions)), '{}')
    from app_public.document_chunks c, unnest(c.content_tsvector) l
   where c.tenant_id = core.current_tenant_id() and c.id = (chunk).id;
$$;
comment on function app_public.document_chunks_term_frequencies is
  'How often each term occurs in the chunk: {"term": count}.';
grant execute on function app_public.document_chunks_term_frequencies to rowhouse_user;

create or replace function app_public.document_chunks_idf_scores(chunk app_public.document_chunks) returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(u.term, search.idf(u.document_count, t.total_docs)), '{}')
    from app_public.document_chunks c
   cross join search.totals() t
   cross join lateral (select tsvector_to_array(c.content_tsvector) as terms) v
   cross join lateral unnest(
     v.terms, search.document_counts(v.terms, search.block_terms(v.terms), search.unmerged_chunk_ids())) as u (term, document_count)
   where c.tenant_id = core.current_tenant_id() and c.id = (chunk).id;
$$;
comment on function app_public.document_chunks_idf_scores is
  'The inverse document frequency of each term of the chunk among all chunks of this tenant: {"term": ln(1 + (N - df + 0.5) / (df + 0.5))}.';
grant execute on function app_public.document_chunks_idf_scores to rowhouse_user;

create or replace view app_public.embedding_statistics with (security_invoker = true) as
  select * from search.embedding_statistics();
comment on view app_public.embedding_statistics is
  'Statistics of this tenant''s chunks that BM25 uses. Select term_document_counts only when it is needed, because it reads the whole vocabulary.';
comment on column app_public.embedding_statistics.collection_id is E'@notNull\nThe id of the tenant, whose chunks are the collection.';
comment on column app_public.embedding_statistics.total_documents is E'@notNull\nThe number of chunks (N).';
comment on column app_public.embedding_statistics.avg_document_length is E'@notNull\nThe average length of a chunk in terms.';
comment on column app_public.embedding_statistics.term_document_counts is E'@notNull\nIn how many chunks each term occurs: {"term": count}.';
comment on column app_public.embedding_statistics.last_updated is E'@notNull\nThe current time, because the statistics are always up to date.';
grant select on app_public.embedding_statistics to rowhouse_user;

create or replace view app_public.rag_usage_analytics with (security_invoker = true) as
  select l.tenant_id, u.source_id, (l.created_at at time zone 'UTC')::date as used_on, l.mode,
         count(*) as query_count, sum(u.hit_count) as hit_count,
         sum(u.relevance * u.hit_count) / nullif(sum(u.hit_count), 0) as avg_relevance_score,
         avg(l.latency_ms) as avg_latency_ms, max(l.created_at) as last_queried_at
    from app_public.query_logs l, unnest(l.source_ids, l.source_hit_counts, l.source_relevances) as u (source_id, hit_count, relevance)
   group by l.tenant_id, u.source_id, used_on, l.mode;
comment on view app_public.rag_usage_analytics is 'The use of the knowledge sources: the searches that had hits in them, by day (UTC) and mode.';
comment on column app_public.rag_usage_analytics.tenant_id is E'@notNull\nThe tenant.';
comment on column app_public.rag_usage_analytics.source_id is E'@notNull\nThe knowledge source.';
comment on column app_public.rag_usage_analytics.used_on is E'@notNull\nThe day in UTC.';
comment on column app_public.rag_usage_analytics.mode is E'@notNull\nThe mode of the searches.';
comment on column app_public.rag_usage_analytics.query_count is E'@notNull\nHow many searches had a hit in the source.';
comment on column app_public.rag_usage_analytics.hit_count is E'@notNull\nHow many hits these searches had in the source.';
comment on column app_public.rag_usage_analytics.avg_relevance_score is 'The mean relevance of these hits, 0 to 1.';
comment on column app_public.rag_usage_analytics.avg_latency_ms is E'@notNull\nHow long these searches took on average, in milliseconds.';
comment on column app_public.rag_usage_analytics.last_queried_at is E'@notNull\nWhen the last of these searches began.';
grant select on app_public.rag_usage_analytics to rowhouse_user;
