-- Every search is written down, without waiting for the disk: see the buffer in migrations/0006_search.up.sql.

create or replace function app_private.log_query(
  query text, keep text, mode app_public.search_mode, agent_id uuid, started_at timestamptz, hits app_public.search_hit[]
) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- a standby and a read-only transaction can search, but not write
  if current_setting('transaction_read_only')::boolean or app_hidden.current_tenant_id() is null then
    return;
  end if;
  insert into app_private.query_log_buffer (
    tenant_id, created_at, user_id, agent_id, mode, query_text, query_hash, latency_ms, hit_count,
    source_ids, source_hit_counts, source_relevances)
  select app_hidden.current_tenant_id(), log_query.started_at, app_hidden.current_user_id(), log_query.agent_id, log_query.mode,
         case when log_query.keep = 'text' then log_query.query end,
         -- the tenant is part of what is hashed, so that hashes of different tenants say nothing about each other
         case when log_query.keep = 'hash' then sha256(convert_to(app_hidden.current_tenant_id() || lower(regexp_replace(trim(log_query.query), '\s+', ' ', 'g')), 'UTF8')) end,
         extract(epoch from clock_timestamp() - log_query.started_at) * 1000, cardinality(log_query.hits),
         coalesce(array_agg(s.source_id order by s.source_id), '{}'), coalesce(array_agg(s.hits order by s.source_id), '{}'),
         coalesce(array_agg(s.relevance order by s.source_id), '{}')
    from (
      select h.source_id, count(*)::int as hits, avg(h.relevance) as relevance
        from (select source_id, score / nullif(max(score) over (), 0) as relevance from unnest(log_query.hits)) h
       group by h.source_id
    ) s;
end
$$;
comment on function app_private.log_query(text, text, app_public.search_mode, uuid, timestamptz, app_public.search_hit[]) is
  'Writes a search down: the question as text, as a hash or not at all, as tenants.config.search.logQueries says.';
