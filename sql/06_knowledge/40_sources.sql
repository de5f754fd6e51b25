-- What a source can do beyond its columns, and how far its documents have come.

call core.secure_tenant_table('knowledge.changed_sources');
grant select, insert, update, delete on knowledge.changed_sources to rowhouse_platform;
comment on table knowledge.changed_sources is 'Sources whose statistics (processing_status and so on) are to be computed again.';

comment on type app_public.processing_status is 'How far a document is: pending, processing, completed (searchable) or failed (processing_error says why).';
comment on type app_public.processing_counts is 'How many documents are in each state.';
comment on column app_public.processing_counts.pending is 'Waiting for a worker.';
comment on column app_public.processing_counts.processing is 'Being worked on.';
comment on column app_public.processing_counts.completed is 'Searchable.';
comment on column app_public.processing_counts.failed is 'Failed; retry_documents tries them again.';

create or replace function app_public.reprocess_knowledge_source(source_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(reprocess_knowledge_source.source_id);
  v_document_ids uuid[];
begin
  with parsed as (
    update app_public.documents d
       set processing_status = 'pending', processing_stage = 'chunk', processing_completed_at = null, processing_error = null
     where d.tenant_id = v_source.tenant_id and d.source_id = v_source.id and d.processing_stage <> 'parse'
    returning id
  )
  select array_agg(id order by id) into v_document_ids from parsed;
  perform knowledge.enqueue_stage('chunk', v_source.tenant_id, v_document_ids);
  return coalesce(cardinality(v_document_ids), 0);
end
$$;
comment on function app_public.reprocess_knowledge_source is
  E'@resultFieldName count\n@errors KN301 ID203\nCuts, embeds and indexes all documents of a source again, as is needed when its chunk size, overlap, language or embedding model has changed; returns how many. Until a document is done it is not found. can_manage_knowledge.';
grant execute on function app_public.reprocess_knowledge_source to rowhouse_user;

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
comment on function app_public.rag_knowledge_sources_processing_counts is
  'How many documents of the source are pending, processing, completed and failed.';
grant execute on function app_public.rag_knowledge_sources_processing_counts to rowhouse_user;

create or replace function app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select count(*)::int from app_public.document_chunks c where c.tenant_id = (source).tenant_id and c.source_id = (source).id;
$$;
comment on function app_public.rag_knowledge_sources_chunk_count is
  'How many chunks the source''s documents were cut into.';
grant execute on function app_public.rag_knowledge_sources_chunk_count to rowhouse_user;

create or replace function app_public.documents_chunk_count(document app_public.documents) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select count(*)::int from app_public.document_chunks c where c.tenant_id = (document).tenant_id and c.document_id = (document).id;
$$;
comment on function app_public.documents_chunk_count is
  'How many chunks the document was cut into.';
grant execute on function app_public.documents_chunk_count to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: figures of a tenant's row are right wherever the row can be read: my_tenants spans tenants
create or replace function app_public.tenants_storage_used_gb(tenant app_public.tenants) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select round(coalesce(sum(d.size_bytes), 0) / 1e9, 3) from app_public.documents d where d.tenant_id = (tenant).id);
end
$$;
comment on function app_public.tenants_storage_used_gb is
  'Size of its documents as they were given, in GB (1,000,000,000 bytes), to the MB.';
grant execute on function app_public.tenants_storage_used_gb to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: what a source knows of its documents follows them, whoever changes them
-- A source keeps how far its documents are, so that lists can be filtered and sorted by it. The numbers are never counted
-- up and down: a trigger notes that a source has changed, and a task computes all of them from the documents again.

create or replace function knowledge.tg_documents__note_changed_sources() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into knowledge.changed_sources (tenant_id, source_id) select distinct c.tenant_id, c.source_id from changed c;
  return null;
end
$$;
comment on function knowledge.tg_documents__note_changed_sources is
  'Notes the sources whose documents came or went.';
grant execute on function knowledge.tg_documents__note_changed_sources to rowhouse_owner;

create or replace function knowledge.tg_documents__note_source_progress() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into knowledge.changed_sources (tenant_id, source_id)
  select distinct n.tenant_id, n.source_id
    from new_documents n join old_documents o on o.tenant_id = n.tenant_id and o.id = n.id
   where n.processing_status <> o.processing_status;
  return null;
end
$$;
comment on function knowledge.tg_documents__note_source_progress is
  'Notes the sources whose documents have come to another processing_status.';
grant execute on function knowledge.tg_documents__note_source_progress to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: the worker writes down how far the sources of all tenants are
create or replace function knowledge.refresh_sources() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source_ids uuid[];
begin
  -- First the notes, then the documents, in a statement of its own: it sees at least what the notes speak of. Whatever
  -- is committed later has a note of its own.
  with noted as (delete from knowledge.changed_sources returning source_id)
  select array_agg(distinct source_id) into v_source_ids from noted;
  perform from app_public.rag_knowledge_sources s where s.id = any (v_source_ids) order by s.id for no key update;
  update app_public.rag_knowledge_sources s
     set processing_status = case
           when d.total = d.pending then 'pending'
           when d.pending + d.processing > 0 then 'processing'
           when d.failed > 0 then 'failed'
           else 'completed' end::app_public.processing_status,
         processing_started_at = d.started_at,
         processing_completed_at = case when d.total > 0 and d.total = d.completed then d.completed_at end,
         processing_error = d.error,
         total_chunks = (select count(*) from app_public.document_chunks c where c.tenant_id = s.tenant_id and c.source_id = s.id)
    from (
      select t.id, count(d.id) as total, min(d.processing_started_at) as started_at, max(d.processing_completed_at) as completed_at,
             count(*) filter (where d.processing_status = 'pending') as pending,
             count(*) filter (where d.processing_status = 'processing') as processing,
             count(*) filter (where d.processing_status = 'completed') as completed,
             count(*) filter (where d.processing_status = 'failed') as failed,
             (array_agg(d.processing_error order by d.updated_at desc) filter (where d.processing_status = 'failed'))[1] as error
        from app_public.rag_knowledge_sources t
        left join app_public.documents d on d.tenant_id = t.tenant_id and d.source_id = t.id
       where t.id = any (v_source_ids)
       group by t.id
    ) as d
   where s.id = d.id;
  return coalesce(cardinality(v_source_ids), 0);
end
$$;
comment on function knowledge.refresh_sources is
  'Writes down how far the sources are whose documents have changed since it last did; returns how many. Twice at once does nothing twice.';
grant execute on function knowledge.refresh_sources to rowhouse_worker;

set local role rowhouse_owner;

-- Reporting: what analysts read with their own logins, of the tenants those were given.
create or replace view app_public.knowledge_report with (security_invoker = true) as
  select s.tenant_id, t.slug as tenant_slug, s.id as source_id, s.name as source_name, s.category, s.language, s.embedding_model,
         count(d.id) as document_count,
         count(d.id) filter (where d.processing_status = 'completed') as completed_count,
         count(d.id) filter (where d.processing_status = 'failed') as failed_count,
         coalesce(sum(d.size_bytes), 0) as size_bytes,
         max(d.created_at) as last_document_at
    from app_public.rag_knowledge_sources s
    join app_public.tenants t on t.id = s.tenant_id
    left join app_public.documents d on d.tenant_id = s.tenant_id and d.source_id = s.id
   where s.deleted_at is null
   group by s.tenant_id, t.slug, s.id;
comment on view app_public.knowledge_report is
  'Knowledge sources with the number and size of their documents. For analysts: the tenants their login was given.';
grant select on app_public.knowledge_report to rowhouse_analyst;

create or replace trigger _500_note_changed_sources_of_added after insert on app_public.documents
  referencing new table as changed
  for each statement execute function knowledge.tg_documents__note_changed_sources();
create or replace trigger _500_note_changed_sources_of_removed after delete on app_public.documents
  referencing old table as changed
  for each statement execute function knowledge.tg_documents__note_changed_sources();
create or replace trigger _500_note_source_progress after update on app_public.documents
  referencing old table as old_documents new table as new_documents
  for each statement execute function knowledge.tg_documents__note_source_progress();
