-- Which chunks a search may return. A filter works inside the ranking, never on its result: what is ranked are chunks in
-- scope, and a scope of few chunks is ranked one by one.

-- The sources a search may look into: those that are switched on, of the ones asked for.
create or replace function app_private.searchable_sources(source_ids uuid[]) returns setof app_public.rag_knowledge_sources
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select s.*
      from app_public.rag_knowledge_sources s
     where s.tenant_id = app_hidden.current_tenant_id()
       and s.enabled and s.status = 'active' and s.deleted_at is null
       and (searchable_sources.source_ids is null or s.id = any (searchable_sources.source_ids));
end
$$;
comment on function app_private.searchable_sources(uuid[]) is 'The sources of this tenant that a search may look into, of these or of all.';

create or replace function app_private.sources_in_scope(source_ids uuid[], agent_id uuid, tags text[], category text) returns uuid[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select array(
      select s.id from app_private.searchable_sources(sources_in_scope.source_ids) s
       where (sources_in_scope.tags is null or s.tags && sources_in_scope.tags)
         and (sources_in_scope.category is null or s.category = sources_in_scope.category)
         and (sources_in_scope.agent_id is null or exists (
           select from app_public.agent_knowledge_sources a
            where a.tenant_id = s.tenant_id and a.agent_id = sources_in_scope.agent_id and a.source_id = s.id))
       order by s.id));
end
$$;
comment on function app_private.sources_in_scope(uuid[], uuid, text[], text) is 'The sources a search goes to: of these, of this agent, with any of the tags, of the category.';

create or replace function app_private.scope_of(
  source_ids uuid[] default null, document_ids uuid[] default null, created_after timestamptz default null,
  created_before timestamptz default null, metadata jsonb default null, text_filter tsquery default null
) returns app_private.search_scope
language plpgsql stable
set search_path to pg_catalog, pg_temp
-- planned for the filters there are
set plan_cache_mode to auto
as $$
declare
  -- up to here, scoring one by one costs less than the blocks do
  v_few constant int := 1000;
  v_scope app_private.search_scope;
  v_with_metadata uuid[] := case when scope_of.metadata is not null then array(select app_private.documents_with(scope_of.metadata)) end;
  v_source_count int := (select count(*) from app_public.rag_knowledge_sources s where s.tenant_id = app_hidden.current_tenant_id());
begin
  v_scope.source_ids := coalesce(scope_of.source_ids, app_private.sources_in_scope(null, null, null, null));
  v_scope.text_filter := scope_of.text_filter;
  if num_nonnulls(scope_of.document_ids, scope_of.created_after, scope_of.created_before, scope_of.metadata) > 0 then
    v_scope.document_ids := array(
      select d.id from app_public.documents d
       where d.tenant_id = app_hidden.current_tenant_id()
         and d.source_id = any (v_scope.source_ids)
         and (scope_of.document_ids is null or d.id = any (scope_of.document_ids))
         and (scope_of.created_after is null or d.created_at >= scope_of.created_after)
         and (scope_of.created_before is null or d.created_at < scope_of.created_before)
         and (scope_of.metadata is null or d.id = any (v_with_metadata)));
    v_scope.chunk_ids := array(
      select c.id from app_public.document_chunks c
       where c.tenant_id = app_hidden.current_tenant_id() and c.document_id = any (v_scope.document_ids)
         and c.source_id = any (v_scope.source_ids)
       limit v_few + 1);
  elsif cardinality(v_scope.source_ids) < v_source_count then
    v_scope.chunk_ids := array(
      select c.id from app_public.document_chunks c
       where c.tenant_id = app_hidden.current_tenant_id() and c.source_id = any (v_scope.source_ids)
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
comment on function app_private.scope_of(uuid[], uuid[], timestamptz, timestamptz, jsonb, tsquery) is 'What a search with these filters may return; without any, all that this tenant can search.';
