-- The log of searches. A search writes its row to an unlogged table, so that it does not wait for the disk; a task moves the
-- rows to app_public.query_logs every minute and counts them. What is kept of the question is the tenant's choice.

call core.secure_tenant_table('app_public.query_logs');
call audit.leave_out('a log that rules write; its rows never change', 'app_public.query_logs');
call core.exempt_from_guard('app_public.query_logs', '_000_require_writable_tenant', 'searches are logged in a read-only tenant as well');
-- The questions of its people may be read only by those who run the tenant.
call core.allow('app_public.query_logs', read => 'admin, analyst');
grant select, insert, update, delete on app_public.query_logs to rowhouse_platform;
grant select on app_public.query_logs to rowhouse_user;
grant select (
  tenant_id, id, created_at, mode, latency_ms, hit_count, source_ids, source_hit_counts, source_relevances
) on app_public.query_logs to rowhouse_analytics;
comment on table app_public.query_logs is
  E'@aggregates on\n@behavior -query:resource:single\nThe searches that were made, about a minute after they were made. Only admins can read them.';
comment on column app_public.query_logs.tenant_id is 'The tenant.';
comment on column app_public.query_logs.id is 'The number of the search; later searches have higher numbers.';
comment on column app_public.query_logs.created_at is 'When the search began.';
comment on column app_public.query_logs.user_id is E'@personal erase\nWho searched. It stays when the person leaves.';
comment on column app_public.query_logs.agent_id is 'The agent whose sources were searched, when the filter named one.';
comment on column app_public.query_logs.mode is 'bm25, vector or hybrid.';
comment on column app_public.query_logs.query_text is E'@personal erase\nThe question; null unless tenants.config.search.logQueries is text.';
comment on column app_public.query_logs.query_hash is E'@personal erase\nSHA-256 of the tenant and the question in lower case; null unless logQueries is hash. With it equal questions can be counted but not read.';
comment on column app_public.query_logs.latency_ms is 'How long the search took in the database, in milliseconds.';
comment on column app_public.query_logs.hit_count is 'How many hits it returned.';
comment on column app_public.query_logs.source_ids is 'The sources that had hits.';
comment on column app_public.query_logs.source_hit_counts is 'How many hits each of source_ids had.';
comment on column app_public.query_logs.source_relevances is 'The mean relevance of the hits of each of source_ids, 0 to 1: the score of a hit divided by the best score of the search.';

call core.secure_tenant_table('search.query_quarter_hours');
call audit.leave_out('derived from other tables by rules', 'search.query_quarter_hours');
call core.exempt_from_guard('search.query_quarter_hours', '_000_require_writable_tenant', 'searches are counted in a read-only tenant as well');
call core.allow('search.query_quarter_hours', read => 'analyst');
grant select on search.query_quarter_hours to rowhouse_analytics;
grant select, insert, update, delete on search.query_quarter_hours to rowhouse_platform;
comment on table search.query_quarter_hours is
  'Searches by quarter of an hour and mode. They name nobody, and stay when logs are removed or a person is erased.';
comment on column search.query_quarter_hours.latency_ms is 'How long the searches took together, in milliseconds.';

call core.secure_tenant_table('search.query_log_buffer');
call audit.leave_out('a queue or a buffer of tasks', 'search.query_log_buffer');
grant select, insert, update, delete on search.query_log_buffer to rowhouse_platform;
comment on table search.query_log_buffer is 'The searches of the last minute, before a task moves them to query_logs. The table is unlogged on purpose: a crash loses them.';
comment on column search.query_log_buffer.user_id is E'@personal erase\nThe person.';
comment on column search.query_log_buffer.query_text is E'@personal erase\nThe question, if the tenant stores it.';
comment on column search.query_log_buffer.query_hash is E'@personal erase\nThe hash of the question.';

create or replace function search.log_query(request search.request, started_at timestamptz, hits app_public.search_hit[])
returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_kept_as text := (select s.log_queries from search.settings() s);
  v_query text := (request).query;
begin
  -- A search on a standby or in a read-only transaction cannot be logged.
  if current_setting('transaction_read_only')::boolean or core.current_tenant_id() is null then
    return;
  end if;
  insert into search.query_log_buffer (
    tenant_id, created_at, user_id, agent_id, mode, query_text, query_hash, latency_ms, hit_count,
    source_ids, source_hit_counts, source_relevances)
  select core.current_tenant_id(), log_query.started_at, core.current_user_id(), ((request).filter).agent_id, (request).mode,
         case when v_kept_as = 'text' then v_query end,
         -- The tenant is hashed as well, so that equal questions of different tenants have different hashes.
         case when v_kept_as = 'hash' then sha256(convert_to(
           core.current_tenant_id() || lower(regexp_replace(trim(v_query), '\s+', ' ', 'g')), 'UTF8')) end,
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
comment on function search.log_query is
  'Logs a search. The question is kept as text, as a hash or not at all, as tenants.config.search.logQueries says.';

set local role rowhouse_platform;  -- outside the wall: the worker moves the logged searches of all tenants
create or replace function search.store_query_logs() returns int
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  with moved as (
    delete from search.query_log_buffer returning *
  ), stored as (
    insert into app_public.query_logs (
      tenant_id, created_at, user_id, agent_id, mode, query_text, query_hash, latency_ms, hit_count,
      source_ids, source_hit_counts, source_relevances)
    -- The tenant may have been deleted after the search.
    select m.* from moved m where exists (select from app_public.tenants t where t.id = m.tenant_id)
     order by m.created_at
    returning tenant_id, created_at, mode, hit_count, latency_ms
  ), counted as (
    select m.tenant_id, u.source_id, count(*) as queries, sum(u.hit_count) as hits, sum(u.relevance * u.hit_count) as relevances,
           max(m.created_at) as last_at
      from moved m, unnest(m.source_ids, m.source_hit_counts, m.source_relevances) as u (source_id, hit_count, relevance)
     group by m.tenant_id, u.source_id
  ), kept as (
    update app_public.rag_knowledge_sources s
       set query_count = s.query_count + c.queries, hit_count = s.hit_count + c.hits,
           relevance_sum = s.relevance_sum + coalesce(c.relevances, 0), last_queried_at = greatest(s.last_queried_at, c.last_at)
      from counted c
     where s.tenant_id = c.tenant_id and s.id = c.source_id
  ), summed as (
    insert into search.query_quarter_hours as h (tenant_id, starts_at, mode, search_count, hitless_count, latency_ms)
    select s.tenant_id, date_bin('15 minutes', s.created_at, '2000-01-01 00:00+00'), s.mode, count(*),
           count(*) filter (where s.hit_count = 0), sum(s.latency_ms)
      from stored s
     group by 1, 2, 3
     -- Two workers lock the same rows in the same order.
     order by 1, 2, 3
    on conflict (tenant_id, starts_at, mode) do update
       set search_count = h.search_count + excluded.search_count, hitless_count = h.hitless_count + excluded.hitless_count,
           latency_ms = h.latency_ms + excluded.latency_ms
  )
  select count(*)::int from moved;
$$;
comment on function search.store_query_logs is
  'Moves the logged searches from the buffer to query_logs and adds them to the figures of their sources and to the counts by quarter of an hour. Returns how many were moved. Two workers never move the same search, because deleting it locks its row.';
grant execute on function search.store_query_logs to rowhouse_worker;

set local role rowhouse_owner;

create or replace function search.has_searched() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.query_logs q where q.tenant_id = core.current_tenant_id() and q.user_id = core.current_user_id())
      or exists (select from search.query_log_buffer q where q.tenant_id = core.current_tenant_id() and q.user_id = core.current_user_id());
$$;
comment on function search.has_searched is 'Whether you have searched in this tenant.';
call tenancy.define_onboarding_step('search', 40, 'Search the knowledge', 'search.has_searched()');
