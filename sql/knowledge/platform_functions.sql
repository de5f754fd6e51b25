-- A source keeps how far its documents are, so that lists can be filtered and sorted by it. The numbers are never counted
-- up and down: a trigger notes that a source has changed, and a task computes all of them from the documents again.

create or replace function app_private.tg_documents__note_changed_sources() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_private.changed_sources (tenant_id, source_id) select distinct c.tenant_id, c.source_id from changed c;
  return null;
end
$$;
comment on function app_private.tg_documents__note_changed_sources() is 'Notes the sources whose documents came or went.';

create or replace function app_private.tg_documents__note_source_progress() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_private.changed_sources (tenant_id, source_id)
  select distinct n.tenant_id, n.source_id
    from new_documents n join old_documents o on o.tenant_id = n.tenant_id and o.id = n.id
   where n.processing_status <> o.processing_status;
  return null;
end
$$;
comment on function app_private.tg_documents__note_source_progress() is 'Notes the sources whose documents have come to another processing_status.';
grant execute on function app_private.tg_documents__note_changed_sources(), app_private.tg_documents__note_source_progress()
  to rowhouse_owner;

create or replace function app_private.refresh_sources() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source_ids uuid[];
begin
  -- First the notes, then the documents, in a statement of its own: it sees at least what the notes speak of. Whatever
  -- is committed later has a note of its own.
  with noted as (delete from app_private.changed_sources returning source_id)
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
comment on function app_private.refresh_sources() is
  'Writes down how far the sources are whose documents have changed since it last did; returns how many. Twice at once does nothing twice.';
grant execute on function app_private.refresh_sources() to rowhouse_worker;
