grant select, insert, update, delete on app_private.search_changes, app_private.search_blocks,
  app_private.search_block_chunks, app_private.search_postings,
  app_private.search_rare_postings, app_private.search_removals, app_private.search_terms, app_public.query_logs,
  app_private.query_log_buffer to rowhouse_platform;
grant select on app_public.query_logs to rowhouse_user;
grant select on app_public.embedding_statistics, app_public.rag_usage_analytics to rowhouse_user;
grant select (tenant_id, id, created_at, mode, latency_ms, hit_count, source_ids, source_hit_counts, source_relevances)
  on app_public.query_logs to rowhouse_analyst;
grant select on app_public.rag_usage_analytics to rowhouse_analyst;
