-- The last stage of a document. Its words are searchable since it was chunked; what is left is to say that it is done.

create or replace function app_private.index_documents(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  call app_private.enter_tenant(index_documents.tenant_id);
  update app_public.documents d
     set processing_stage = 'done', processing_status = 'completed', processing_error = null, processing_completed_at = clock_timestamp()
   where d.tenant_id = index_documents.tenant_id and d.id = any (index_documents.document_ids)
     and d.processing_stage = 'index' and d.processing_status <> 'failed';
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function app_private.index_documents(uuid, uuid[]) is 'Completes documents whose chunks are searchable by words and have their vectors; returns how many.';
grant execute on function app_private.index_documents(uuid, uuid[]) to rowhouse_worker;
