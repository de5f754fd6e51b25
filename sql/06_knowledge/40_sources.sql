-- Knowledge sources seen from their documents: processing all documents of a source again, counting them, and the statistics
-- that each source keeps. The statistics are never counted up and down: triggers note which sources have changed, and a
-- task computes the figures of these from the documents again.

call core.secure_tenant_table('knowledge.changed_sources');
call audit.leave_out('the progress of tasks', 'knowledge.changed_sources');
grant select, insert, update, delete on knowledge.changed_sources to rowhouse_platform;
comment on table knowledge.changed_sources is 'The sources whose statistics (processing_status and so on) must be computed again.';

call core.secure_tenant_table('knowledge.source_languages');
call audit.leave_out('the progress of tasks', 'knowledge.source_languages');
grant select, insert, update, delete on knowledge.source_languages to rowhouse_platform;
comment on table knowledge.source_languages is 'The languages that documents of a source have, or once had. A question is read in each of them.';

comment on domain app_public.processing_status is 'The state of a document''s processing: pending, processing, completed (it is searchable) or failed (processing_error says why).';
comment on type app_public.processing_counts is 'How many documents of a source are in each state of processing.';
comment on column app_public.processing_counts.pending is E'@notNull\nDocuments that wait for a worker.';
comment on column app_public.processing_counts.processing is E'@notNull\nDocuments that are being processed.';
comment on column app_public.processing_counts.completed is E'@notNull\nDocuments that are searchable.';
comment on column app_public.processing_counts.failed is E'@notNull\nDocuments whose processing failed; retry_documents processes them again.';

create or replace function app_public.reprocess_knowledge_source(source_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(reprocess_knowledge_source.source_id);
  v_document_ids uuid[];
begin
  perform knowledge.lock_documents(v_source.tenant_id, array(
    select d.id from app_public.documents d where d.tenant_id = v_source.tenant_id and d.source_id = v_source.id));
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
  E'@resultFieldName count\n@errors KN301 ID203 TN204\nCuts, embeds and indexes all documents of a source again and returns how many there are. This is needed after its chunk size, overlap or language has changed. A document stays searchable as it was until it has been cut again. It requires the permission can_manage_knowledge.';
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

set local role rowhouse_platform;  -- outside the wall: a person sees all tenants that they are a member of, so the figure must be right for a tenant that is not the one of the request
create or replace function app_public.tenants_storage_used_gb(tenant app_public.tenants) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select round(coalesce(sum(d.size_bytes), 0) / core.bytes_per_gb(), 3) from app_public.documents d where d.tenant_id = tenancy.readable_tenant_id(tenant));
end
$$;
comment on function app_public.tenants_storage_used_gb is
  'The size of the tenant''s documents as they were given, in GB (1,073,741,824 bytes), rounded to a MB.';
grant execute on function app_public.tenants_storage_used_gb to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a change of documents is noted whoever made it, also when a whole tenant is deleted
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
  'Notes the sources of documents that were added or removed.';
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
  'Notes the sources of documents whose processing_status has changed.';
grant execute on function knowledge.tg_documents__note_source_progress to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: the worker computes the statistics of the sources of all tenants
create or replace function knowledge.refresh_sources() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source_ids uuid[];
begin
  -- The notes are deleted in one statement and the documents are counted in a later one, which sees at least the changes that
  -- were noted. A change that is committed after that has a note of its own.
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
  'Computes the statistics of the sources whose documents have changed since the last time. Returns how many sources. Two workers at once do no harm, because each note is deleted by one of them.';
grant execute on function knowledge.refresh_sources to rowhouse_worker;

set local role rowhouse_owner;

create or replace trigger _500_note_changed_sources_of_added after insert on app_public.documents
  referencing new table as changed
  for each statement execute function knowledge.tg_documents__note_changed_sources();
create or replace trigger _500_note_changed_sources_of_removed after delete on app_public.documents
  referencing old table as changed
  for each statement execute function knowledge.tg_documents__note_changed_sources();
create or replace trigger _500_note_source_progress after update on app_public.documents
  referencing old table as old_documents new table as new_documents
  for each statement execute function knowledge.tg_documents__note_source_progress();
