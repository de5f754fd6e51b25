-- Which chunks a search may return. A filter works inside the ranking, never on its result: what is ranked are chunks in
-- scope, and a scope of few chunks is ranked one by one.

comment on type search.scope is 'Which chunks a search may return.';

-- The sources a search may look into: those that are switched on, of the ones asked for.
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
  'The sources of this tenant that a search may look into, of these or of all.';

create or replace function search.sources_in_scope(source_ids uuid[], agent_id uuid, tags text[], category text) returns uuid[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select array(
      select s.id from search.searchable_sources(sources_in_scope.source_ids) s
       where (sources_in_scope.tags is null or s.tags && sources_in_scope.tags)
         and (sources_in_scope.category is null or s.category = sources_in_scope.category)
         and (sources_in_scope.agent_id is null or exists (
           select from app_public.agent_knowledge_sources a
            where a.tenant_id = s.tenant_id and a.agent_id = sources_in_scope.agent_id and a.source_id = s.id))
       order by s.id));
end
$$;
comment on function search.sources_in_scope is
  'The sources a search goes to: of these, of this agent, with any of the tags, of the category.';

create or replace function search.scope_of(
  source_ids uuid[] default null, document_ids uuid[] default null, created_after timestamptz default null,
  created_before timestamptz default null, metadata jsonb default null, text_filter tsquery default null
) returns search.scope
language plpgsql stable
set search_path to pg_catalog, pg_temp
-- planned for the filters there are
set plan_cache_mode to auto
as $$
declare
  -- up to here, scoring one by one costs less than the blocks do
  v_few constant int := 1000;
  v_scope search.scope;
  v_with_metadata uuid[] := case when scope_of.metadata is not null then array(select search.documents_with(scope_of.metadata)) end;
  v_source_count int := (select count(*) from app_public.rag_knowledge_sources s where s.tenant_id = core.current_tenant_id());
begin
  v_scope.source_ids := coalesce(scope_of.source_ids, search.sources_in_scope(null, null, null, null));
  v_scope.text_filter := scope_of.text_filter;
  if num_nonnulls(scope_of.document_ids, scope_of.created_after, scope_of.created_before, scope_of.metadata) > 0 then
    v_scope.document_ids := array(
      select d.id from app_public.documents d
       where d.tenant_id = core.current_tenant_id()
         and d.source_id = any (v_scope.source_ids)
         and (scope_of.document_ids is null or d.id = any (scope_of.document_ids))
         and (scope_of.created_after is null or d.created_at >= scope_of.created_after)
         and (scope_of.created_before is null or d.created_at < scope_of.created_before)
         and (scope_of.metadata is null or d.id = any (v_with_metadata)));
    v_scope.chunk_ids := array(
      select c.id from app_public.document_chunks c
       where c.tenant_id = core.current_tenant_id() and c.document_id = any (v_scope.document_ids)
         and c.source_id = any (v_scope.source_ids)
       limit v_few + 1);
  elsif cardinality(v_scope.source_ids) < v_source_count then
    v_scope.chunk_ids := array(
      select c.id from app_public.document_chunks c
       where c.tenant_id = core.current_tenant_id() and c.source_id = any (v_scope.source_ids)
       limit v_few + 1);
  end if;
  v_scope.is_everything := v_scope.document_ids is null and v_scope.text_filter is null
    and cardinality(v_scope.source_ids) = v_source_count;
  if cardinality(v_scope.chunk_ids) > v_few then
    v_scope.chunk_ids := null;
  end if;
  return v_scope;
end
$$;
comment on function search.scope_of is
  'What a search with these filters may return; without any, all that this tenant can search.';

set local role rowhouse_platform;  -- outside the wall: a shared resource that the request may see, for definer functions, which see no shared row by themselves
create or replace function search.shared_search_parts(source_ids uuid[], agent_id uuid, tags text[], category text)
returns table (tenant_id uuid, ids uuid[], model_names text[])
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shared_ids uuid[] := catalog.shared_resource_ids('knowledge_source');
begin
  -- all that most tenants' searches cost more for the sake of sharing
  if cardinality(v_shared_ids) = 0 then
    return;
  end if;
  return query
    with in_scope as (
      select s.tenant_id, s.id, s.embedding_model
        from app_public.rag_knowledge_sources s
       where s.id = any (v_shared_ids)
         and (shared_search_parts.source_ids is null or s.id = any (shared_search_parts.source_ids))
         and (shared_search_parts.tags is null or s.tags && shared_search_parts.tags)
         and (shared_search_parts.category is null or s.category = shared_search_parts.category)
         -- assigned here, or by the tenant that shares the agent as well
         and (shared_search_parts.agent_id is null or exists (
           select from app_public.agent_knowledge_sources a
            where a.agent_id = shared_search_parts.agent_id and a.source_id = s.id
              and (a.tenant_id = core.current_tenant_id() or a.agent_id = any (catalog.shared_resource_ids('agent')))))
         -- an empty source costs no search
         and exists (select from app_public.document_chunks c where c.tenant_id = s.tenant_id and c.source_id = s.id)
    )
    select i.tenant_id, array_agg(i.id order by i.id), array(select distinct j.embedding_model from in_scope j order by 1)
      from in_scope i
     group by i.tenant_id
     order by i.tenant_id;
end
$$;
comment on function search.shared_search_parts is
  'The sources of other tenants a search goes to, by tenant: shared with the request, with something in them, and in scope as search.sources_in_scope has it; and the embedding models that all of them use.';
grant execute on function search.shared_search_parts to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: an index of trigrams or metadata cannot be asked from behind row level security, whose operators may not leak; they name the tenant, and definer functions of the search alone may ask
create or replace function search.documents_with(metadata jsonb) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select d.id from app_public.documents d
   where d.tenant_id = core.current_tenant_id() and d.metadata @> documents_with.metadata;
$$;
comment on function search.documents_with is
  'The documents of this tenant whose metadata contain these.';
grant execute on function search.documents_with to rowhouse_owner;

set local role rowhouse_owner;
