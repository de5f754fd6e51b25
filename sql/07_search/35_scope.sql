-- Which chunks a search may return. A filter works inside the ranking and never on its result: the chunks that are ranked
-- are those in scope, so a filter does not make a page shorter. When few chunks are in scope, each of them is scored.

comment on type search.scope is 'Which chunks of one tenant a search may return.';

comment on type app_public.search_filter is 'Which chunks a search may return. A field that is left out does not restrict it.';
comment on column app_public.search_filter.source_ids is 'Only these knowledge sources.';
comment on column app_public.search_filter.document_ids is 'Only these documents.';
comment on column app_public.search_filter.agent_id is 'Only the knowledge sources that are assigned to this agent.';
comment on column app_public.search_filter.tags is 'Only knowledge sources with at least one of these tags.';
comment on column app_public.search_filter.category is 'Only knowledge sources of this category.';
comment on column app_public.search_filter.created_after is 'Only documents that were added at this time or later.';
comment on column app_public.search_filter.created_before is 'Only documents that were added before this time.';
comment on column app_public.search_filter.metadata is 'Only documents whose metadata contain this object.';

create or replace function search.filter(
  source_ids uuid[] default null, document_ids uuid[] default null, agent_id uuid default null, tags text[] default null,
  category text default null, created_after timestamptz default null, created_before timestamptz default null,
  metadata jsonb default null
) returns app_public.search_filter
language sql immutable parallel safe
return row (source_ids, document_ids, agent_id, tags, category, created_after, created_before, metadata)::app_public.search_filter;
comment on function search.filter is
  'A search_filter, for searches in SQL: app_public.search(''wing'', filter => search.filter(tags => ''{physics}'')).';
grant execute on function search.filter to rowhouse_user;

create or replace function search.searchable_sources(source_ids uuid[]) returns setof app_public.rag_knowledge_sources
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select s.*
      from app_public.rag_knowledge_sources s
     where s.tenant_id = core.current_tenant_id()
       and s.enabled and s.status = 'active' and s.deleted_at is null
       and (searchable_sources.source_ids is null or s.id = any (searchable_sources.source_ids));
end
$$;
comment on function search.searchable_sources is
  'The sources of this tenant that can be searched (enabled, active and not deleted): of these ids, or all when source_ids is null.';

create or replace function search.sources_in_scope(filter app_public.search_filter) returns uuid[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select array(
      select s.id from search.searchable_sources((filter).source_ids) s
       where ((filter).tags is null or s.tags && (filter).tags)
         and ((filter).category is null or s.category = (filter).category)
         and ((filter).agent_id is null or exists (
           select from app_public.agent_knowledge_sources a
            where a.tenant_id = s.tenant_id and a.agent_id = (filter).agent_id and a.source_id = s.id))
       order by s.id));
end
$$;
comment on function search.sources_in_scope is
  'The sources of this tenant that a search with this filter goes to.';

create or replace function search.documents_in_scope(source_ids uuid[], filter app_public.search_filter) returns uuid[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
-- A plan is made for the filters that are given.
set plan_cache_mode to auto
as $$
declare
  v_document_ids uuid[] := (filter).document_ids;
  v_created_after timestamptz := (filter).created_after;
  v_created_before timestamptz := (filter).created_before;
  v_has_metadata boolean := (filter).metadata is not null;
  v_ids_with_metadata uuid[] := case when v_has_metadata then array(select search.documents_with_metadata((filter).metadata)) end;
begin
  return array(
    select d.id from app_public.documents d
     where d.tenant_id = core.current_tenant_id()
       and d.source_id = any (documents_in_scope.source_ids)
       and (v_document_ids is null or d.id = any (v_document_ids))
       and (v_created_after is null or d.created_at >= v_created_after)
       and (v_created_before is null or d.created_at < v_created_before)
       and (not v_has_metadata or d.id = any (v_ids_with_metadata)));
end
$$;
comment on function search.documents_in_scope is
  'The documents of these sources that a search with this filter goes to.';

create or replace function search.scope_of(
  source_ids uuid[] default null, filter app_public.search_filter default null, text_filter tsquery default null
) returns search.scope
language plpgsql stable
set search_path to pg_catalog, pg_temp
-- A plan is made for the filters that are given.
set plan_cache_mode to auto
as $$
declare
  -- Up to this many chunks, scoring one by one costs less than reading the blocks.
  v_few_chunks constant int := 1000;
  v_scope search.scope;
  v_source_count int := (select count(*) from app_public.rag_knowledge_sources s where s.tenant_id = core.current_tenant_id());
begin
  v_scope.source_ids := coalesce(scope_of.source_ids, search.sources_in_scope(null));
  v_scope.text_filter := scope_of.text_filter;
  if num_nonnulls((filter).document_ids, (filter).created_after, (filter).created_before, (filter).metadata) > 0 then
    v_scope.document_ids := search.documents_in_scope(v_scope.source_ids, filter);
    v_scope.chunk_ids := array(
      select c.id from app_public.document_chunks c
       where c.tenant_id = core.current_tenant_id() and c.document_id = any (v_scope.document_ids)
         and c.source_id = any (v_scope.source_ids)
       limit v_few_chunks + 1);
  elsif cardinality(v_scope.source_ids) < v_source_count then
    v_scope.chunk_ids := array(
      select c.id from app_public.document_chunks c
       where c.tenant_id = core.current_tenant_id() and c.source_id = any (v_scope.source_ids)
       limit v_few_chunks + 1);
  end if;
  v_scope.is_everything := v_scope.document_ids is null and v_scope.text_filter is null
    and cardinality(v_scope.source_ids) = v_source_count;
  if cardinality(v_scope.chunk_ids) > v_few_chunks then
    v_scope.chunk_ids := null;
  end if;
  return v_scope;
end
$$;
comment on function search.scope_of is
  'What a search of these sources (of all that can be searched when null) may return, by the filter on documents and by text_filter. The filter on sources is search.sources_in_scope''s.';

set local role rowhouse_platform;  -- outside the wall: a definer function sees no row that another tenant shares, so this one looks the shared sources up for the request, and returns only those that the request may see
create or replace function search.shared_sources_in_scope(filter app_public.search_filter)
returns table (tenant_id uuid, source_ids uuid[], model_names text[])
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shared_ids uuid[] := catalog.shared_resource_ids('knowledge_source');
begin
  -- Most tenants have no shared source. This one look-up is all that sharing costs their searches.
  if cardinality(v_shared_ids) = 0 then
    return;
  end if;
  return query
    with in_scope as (
      select s.tenant_id, s.id, s.embedding_model
        from app_public.rag_knowledge_sources s
       where s.id = any (v_shared_ids)
         and ((filter).source_ids is null or s.id = any ((filter).source_ids))
         and ((filter).tags is null or s.tags && (filter).tags)
         and ((filter).category is null or s.category = (filter).category)
         -- The source is assigned to the agent by this tenant, or by a tenant that shares the agent with this one.
         and ((filter).agent_id is null or exists (
           select from app_public.agent_knowledge_sources a
            where a.agent_id = (filter).agent_id and a.source_id = s.id
              and (a.tenant_id = core.current_tenant_id() or a.agent_id = any (catalog.shared_resource_ids('agent')))))
         -- An empty source is left out, because it would cost a search of its tenant.
         and exists (select from app_public.document_chunks c where c.tenant_id = s.tenant_id and c.source_id = s.id)
    )
    select i.tenant_id, array_agg(i.id order by i.id), array(select distinct j.embedding_model from in_scope j order by 1)
      from in_scope i
     group by i.tenant_id
     order by i.tenant_id;
end
$$;
comment on function search.shared_sources_in_scope is
  'The sources of other tenants that a search with this filter goes to, by tenant: those that are shared with the request and not empty. model_names are the embedding models that all of these sources use.';
grant execute on function search.shared_sources_in_scope to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: behind row level security an operator that is not leakproof cannot use an index, so this function names the tenant itself; only definer functions of the search may call it
create or replace function search.documents_with_metadata(metadata jsonb) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select d.id from app_public.documents d
   where d.tenant_id = core.current_tenant_id() and d.metadata @> documents_with_metadata.metadata;
$$;
comment on function search.documents_with_metadata is
  'The documents of this tenant whose metadata contain the given object.';
grant execute on function search.documents_with_metadata to rowhouse_owner;

set local role rowhouse_owner;
