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
