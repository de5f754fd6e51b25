-- The index stage: what makes a document findable. Deleting a chunk removes its postings by foreign key.

create or replace function app_private.index_documents(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_indexed uuid[];
begin
  call app_private.enter_tenant(index_documents.tenant_id);
  select array_agg(id) into v_indexed from (
    select d.id from app_public.documents d
     where d.tenant_id = index_documents.tenant_id and d.id = any (index_documents.document_ids)
       and d.processing_stage = 'index' and d.processing_status <> 'failed'
     order by d.id
       for update
  ) as locked;

  insert into app_private.search_postings (tenant_id, term, chunk_id, term_frequency)
  select c.tenant_id, l.lexeme, c.id, cardinality(l.positions)
    from app_public.document_chunks c, unnest(c.content_tsvector) l
   where c.tenant_id = index_documents.tenant_id and c.document_id = any (v_indexed)
   order by l.lexeme collate "C", c.id
  on conflict do nothing;

  update app_public.documents d
     set processing_stage = 'done', processing_status = 'completed', processing_error = null, processing_completed_at = clock_timestamp()
   where d.tenant_id = index_documents.tenant_id and d.id = any (v_indexed);
  return coalesce(cardinality(v_indexed), 0);
end
$$;
comment on function app_private.index_documents(uuid, uuid[]) is 'Writes the postings of documents, which makes them findable, and completes them; returns how many.';
grant execute on function app_private.index_documents(uuid, uuid[]) to rowhouse_worker;
