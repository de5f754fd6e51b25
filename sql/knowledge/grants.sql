grant select on app_public.rag_knowledge_sources, app_public.embeddings to rowhouse_user;
grant select, delete on app_public.agent_knowledge_sources to rowhouse_user;
grant insert (agent_id, source_id) on app_public.agent_knowledge_sources to rowhouse_user;
grant insert (
  name, display_name, description, category, tags, source_type, source_url, source_config, file_path, file_type,
  file_size_bytes, page_count, embedding_model, chunk_size, chunk_overlap, language, vector_store_id, publication_date, author,
  source_organization, status, enabled, metadata
) on app_public.rag_knowledge_sources to rowhouse_user;
grant update (
  name, display_name, description, category, tags, source_type, source_url, source_config, file_path, file_type,
  file_size_bytes, page_count, embedding_model, chunk_size, chunk_overlap, language, vector_store_id, publication_date, author,
  source_organization, status, enabled, metadata
) on app_public.rag_knowledge_sources to rowhouse_user;

-- whole rows, because a computed column is a function of one; what is no business of the API is hidden from it by comments
grant select on app_public.documents, app_public.document_chunks to rowhouse_user;

grant select (tenant_id, id, name, category, language, embedding_model, deleted_at) on app_public.rag_knowledge_sources
  to rowhouse_analyst;
grant select (tenant_id, id, source_id, processing_status, size_bytes, created_at) on app_public.documents to rowhouse_analyst;
grant select on app_public.knowledge_report to rowhouse_analyst;

grant select, insert, update, delete on app_public.rag_knowledge_sources, app_public.documents, app_private.document_files,
  app_public.document_chunks, app_public.embeddings, app_public.agent_knowledge_sources,
  app_private.changed_sources to rowhouse_platform;
