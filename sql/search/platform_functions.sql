-- What is searched follows the chunks, whoever changes them: an ingest of one tenant, the deletion of a whole one.

create or replace function app_private.tg__list_added_chunks() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_private.search_changes (tenant_id, chunk_id, kind, document_length)
  select tenant_id, id, 'added', document_length from added_chunks;
  return null;
end
$$;
comment on function app_private.tg__list_added_chunks() is 'Makes new chunks searchable at once, until a merge takes them into a block.';

create or replace function app_private.tg__list_removed_chunks() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_private.search_changes (tenant_id, chunk_id, kind, document_length, terms)
  select c.tenant_id, c.id, 'removed', c.document_length, c.content_tsvector
    from removed_chunks c
   -- of a tenant that is deleted nothing is left to search
   where exists (select from app_public.tenants t where t.id = c.tenant_id);
  return null;
end
$$;
comment on function app_private.tg__list_removed_chunks() is 'Takes removed chunks out of what is searched and counted, at once.';

create or replace function app_private.tg__drop_search_index() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_private.search_changes where tenant_id = old.id;
  delete from app_private.search_terms where tenant_id = old.id;
  return null;
end
$$;
comment on function app_private.tg__drop_search_index() is
  'Removes what a deleted tenant has left in the tables that have no foreign key, because checking one for each row would cost more than writing it.';

create or replace function app_private.tenants_to_merge(minimum int default 1000) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select tenant_id from app_private.search_changes group by tenant_id having count(*) >= tenants_to_merge.minimum order by tenant_id;
$$;
comment on function app_private.tenants_to_merge(int) is 'The tenants whose search index has at least this many changes to merge.';
grant execute on function app_private.tenants_to_merge(int) to rowhouse_worker;
grant execute on function app_private.tg__list_added_chunks(), app_private.tg__list_removed_chunks(), app_private.tg__drop_search_index()
  to rowhouse_owner;

create or replace function app_private.store_query_logs() returns int
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  with moved as (
    delete from app_private.query_log_buffer returning *
  ), stored as (
    insert into app_public.query_logs (
      tenant_id, created_at, user_id, agent_id, mode, query_text, query_hash, latency_ms, hit_count,
      source_ids, source_hit_counts, source_relevances)
    -- a tenant may have been deleted since
    select m.* from moved m where exists (select from app_public.tenants t where t.id = m.tenant_id)
     order by m.created_at
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
  )
  select count(*)::int from moved;
$$;
comment on function app_private.store_query_logs() is 'Moves what searches wrote into the buffer to query_logs and counts it for each source; returns how many searches. Each is moved once: the row''s lock decides between two workers.';
grant execute on function app_private.store_query_logs() to rowhouse_worker;

create or replace function app_private.models_to_index(minimum int default 10000) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select m.id
    from app_public.llm_models m
   where m.kind = 'embedding' and m.is_enabled
     and not (select app_private.vector_index_is_ready(m.id))
     and exists (select from app_private.vector_index_statements(m.id))
     and exists (select from app_public.embeddings e where e.model_id = m.id offset models_to_index.minimum)
   order by m.id;
$$;
comment on function app_private.models_to_index(int) is 'The embedding models that have more than this many vectors, of all tenants, and no vector index.';
grant execute on function app_private.models_to_index(int) to rowhouse_worker;

-- Behind row level security an operator that is not leakproof is no condition of an index, so that every word or document
-- of a tenant would be looked at. These name the tenant themselves.
create or replace function app_private.similar_vocabulary(term text) returns table (similar_term text, similarity double precision)
language sql stable security definer
set search_path to pg_catalog, public, pg_temp
as $$
  select t.term, similarity(t.term, similar_vocabulary.term)::double precision
    from app_private.search_terms t
   where t.tenant_id = app_hidden.current_tenant_id() and t.term % similar_vocabulary.term
     and length(t.term) between 4 and 40 and t.term !~ '[0-9]';
$$;
comment on function app_private.similar_vocabulary(text) is 'The words of this tenant''s vocabulary that share at least pg_trgm.similarity_threshold of their trigrams with this one.';

create or replace function app_private.documents_with(metadata jsonb) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select d.id from app_public.documents d
   where d.tenant_id = app_hidden.current_tenant_id() and d.metadata @> documents_with.metadata;
$$;
comment on function app_private.documents_with(jsonb) is 'The documents of this tenant whose metadata contain these.';
grant execute on function app_private.similar_vocabulary(text), app_private.documents_with(jsonb) to rowhouse_owner;
