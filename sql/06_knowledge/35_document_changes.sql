-- Changing, deleting and retrying documents that are there. A document keeps what a call leaves out.

create or replace function app_public.update_document(id uuid, title text default null, metadata jsonb default null)
returns app_public.documents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_document app_public.documents;
  v_title text := trim(update_document.title);
  v_is_chunked_again boolean;
begin
  perform tenancy.require_permission('can_manage_knowledge');
  select * into v_document from app_public.documents d
   where d.tenant_id = core.current_tenant_id() and d.id = update_document.id
     for update;
  if not found then
    perform core.raise_error('KN302', 'There is no such document.', 'List the documents of this tenant.');
  end if;
  -- The title is searched with every chunk, so a new title means new chunks. A file that waits to be parsed is cut afterwards anyway.
  v_is_chunked_again := v_title is not null and v_title <> v_document.title and v_document.processing_stage <> 'parse';
  update app_public.documents d
     set title = coalesce(v_title, d.title), metadata = coalesce(update_document.metadata, d.metadata)
   where d.tenant_id = v_document.tenant_id and d.id = v_document.id
  returning * into v_document;
  update knowledge.document_drafts r
     set title = coalesce(v_title, r.title), metadata = coalesce(update_document.metadata, r.metadata)
   where r.tenant_id = v_document.tenant_id and r.document_id = v_document.id;
  if v_is_chunked_again then
    update app_public.documents d
       set processing_stage = 'chunk', processing_status = 'pending', processing_completed_at = null, processing_error = null
     where d.tenant_id = v_document.tenant_id and d.id = v_document.id
    returning * into v_document;
    perform knowledge.enqueue_stage('chunk', v_document.tenant_id, array[v_document.id]);
  end if;
  return v_document;
end
$$;
comment on function app_public.update_document is
  E'@resultFieldName document\n@errors KN302 23514 ID203\nChanges the title or the metadata of a document; what is left out stays as it is. A new title is searchable after the document has been processed again. To change its text, give the document again under the same external id. It requires the permission can_manage_knowledge.';
grant execute on function app_public.update_document to rowhouse_user;

create or replace function app_public.delete_document(id uuid) returns app_public.documents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_document app_public.documents;
begin
  perform tenancy.require_permission('can_manage_knowledge');
  delete from app_public.documents d
   where d.tenant_id = core.current_tenant_id() and d.id = delete_document.id
  returning * into v_document;
  if not found then
    perform core.raise_error('KN302', 'There is no such document.', 'List the documents of this tenant.');
  end if;
  return v_document;
end
$$;
comment on function app_public.delete_document is
  E'@resultFieldName document\n@errors KN302 ID203\nDeletes a document with its chunks and vectors, at once and permanently. It requires the permission can_manage_knowledge.';
grant execute on function app_public.delete_document to rowhouse_user;

create or replace function knowledge.resume_documents(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_stage knowledge.processing_stage;
  v_document_ids uuid[];
  v_count int := 0;
begin
  perform knowledge.lock_documents(resume_documents.tenant_id, resume_documents.document_ids);
  for v_stage, v_document_ids in
    with resumed as (
      update app_public.documents d
         set processing_status = 'pending', processing_error = null
       where d.tenant_id = resume_documents.tenant_id and d.id = any (resume_documents.document_ids)
         and d.processing_status = 'failed'
      returning d.processing_stage, d.id
    )
    select processing_stage, array_agg(id order by id) from resumed group by processing_stage
  loop
    perform knowledge.enqueue_stage(v_stage, resume_documents.tenant_id, v_document_ids);
    v_count := v_count + cardinality(v_document_ids);
  end loop;
  return v_count;
end
$$;
comment on function knowledge.resume_documents is
  'Queues those of these documents that failed again, each at the stage where it failed. Returns how many.';

create or replace function app_public.retry_document(id uuid) returns app_public.documents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_document app_public.documents;
begin
  perform tenancy.require_permission('can_manage_knowledge');
  perform knowledge.resume_documents(core.current_tenant_id(), array[retry_document.id]);
  select * into v_document from app_public.documents d
   where d.tenant_id = core.current_tenant_id() and d.id = retry_document.id;
  if not found then
    perform core.raise_error('KN302', 'There is no such document.', 'List the documents of this tenant.');
  end if;
  return v_document;
end
$$;
comment on function app_public.retry_document is
  E'@resultFieldName document\n@errors KN302 ID203\nProcesses a failed document again, from the stage where it failed. It does nothing when the document has not failed. It requires the permission can_manage_knowledge.';
grant execute on function app_public.retry_document to rowhouse_user;

create or replace function app_public.retry_documents(source_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(retry_documents.source_id);
begin
  return knowledge.resume_documents(v_source.tenant_id, array(
    select d.id from app_public.documents d
     where d.tenant_id = v_source.tenant_id and d.source_id = v_source.id and d.processing_status = 'failed'));
end
$$;
comment on function app_public.retry_documents is
  E'@resultFieldName count\n@errors KN301 ID203 TN204\nProcesses all failed documents of a source again and returns how many there are. It requires the permission can_manage_knowledge.';
grant execute on function app_public.retry_documents to rowhouse_user;
