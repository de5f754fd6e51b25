create or replace view app_public.embedding_statistics with (security_invoker = true) as
  select * from app_hidden.embedding_statistics();
comment on view app_public.embedding_statistics is
  'Statistics of this tenant''s chunks as BM25 uses them, read from the index. term_document_counts reads the whole vocabulary: leave it out where it is not needed.';

create or replace view app_public.rag_usage_analytics with (security_invoker = true) as
  select l.tenant_id, u.source_id, (l.created_at at time zone 'UTC')::date as used_on, l.mode,
         count(*) as query_count, sum(u.hit_count) as hit_count,
         sum(u.relevance * u.hit_count) / nullif(sum(u.hit_count), 0) as avg_relevance_score,
         avg(l.latency_ms) as avg_latency_ms, max(l.created_at) as last_queried_at
    from app_public.query_logs l, unnest(l.source_ids, l.source_hit_counts, l.source_relevances) as u (source_id, hit_count, relevance)
   group by l.tenant_id, u.source_id, used_on, l.mode;
comment on view app_public.rag_usage_analytics is 'How the knowledge sources are used: searches that found something in them, by day (UTC) and mode.';
