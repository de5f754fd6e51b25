-- What a source can do beyond its columns, and how far its documents have come.

create or replace function app_public.reprocess_knowledge_source(source_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := app_private.writable_source(reprocess_knowledge_source.source_id);
  v_document_ids uuid[];
begin
  with parsed as (
    update app_public.documents d
       set processing_status = 'pending', processing_stage = 'chunk', processing_completed_at = null, processing_error = null
     where d.tenant_id = v_source.tenant_id and d.source_id = v_source.id and d.processing_stage <> 'parse'
    returning id
  )
  select array_agg(id order by id) into v_document_ids from parsed;
  perform app_private.enqueue_stage('chunk', v_source.tenant_id, v_document_ids);
  return coalesce(cardinality(v_document_ids), 0);
end
$$;
comment on function app_public.reprocess_knowledge_source(uuid) is
  E'@resultFieldName count\nCuts, embeds and indexes all documents of a source again, as is needed when its chunk size, overlap, language or embedding model has changed; returns how many. Until a document is done it is not found. can_manage_knowledge. KN301: no such source; ID203: your permissions do not allow it.';

create or replace function app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources)
returns app_public.processing_counts
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select
    (count(*) filter (where processing_status = 'pending'))::int,
    (count(*) filter (where processing_status = 'processing'))::int,
    (count(*) filter (where processing_status = 'completed'))::int,
    (count(*) filter (where processing_status = 'failed'))::int
    from app_public.documents d
   where d.tenant_id = (source).tenant_id and d.source_id = (source).id;
$$;
comment on function app_public.rag_knowledge_sources_processing_counts(app_public.rag_knowledge_sources) is
  'How many documents of the source are pending, processing, completed and failed.';

create or replace function app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select count(*)::int from app_public.document_chunks c where c.tenant_id = (source).tenant_id and c.source_id = (source).id;
$$;
comment on function app_public.rag_knowledge_sources_chunk_count(app_public.rag_knowledge_sources) is 'How many chunks the source''s documents were cut into.';

create or replace function app_public.documents_chunk_count(document app_public.documents) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select count(*)::int from app_public.document_chunks c where c.tenant_id = (document).tenant_id and c.document_id = (document).id;
$$;
comment on function app_public.documents_chunk_count(app_public.documents) is 'How many chunks the document was cut into.';

grant execute on function
  app_public.reprocess_knowledge_source(uuid),
  app_public.rag_knowledge_sources_processing_counts(app_public.rag_knowledge_sources),
  app_public.rag_knowledge_sources_chunk_count(app_public.rag_knowledge_sources),
  app_public.documents_chunk_count(app_public.documents)
to rowhouse_user;
