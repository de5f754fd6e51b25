call catalog.secure_shareable_table('app_public.rag_knowledge_sources', 'knowledge_source');
call core.allow('app_public.rag_knowledge_sources', insert => 'can_manage_knowledge');
create policy select_member on app_public.rag_knowledge_sources for select to rowhouse_user
  using (deleted_at is null or (select tenancy.has_permission('can_manage_knowledge')));
create policy update_permitted on app_public.rag_knowledge_sources for update to rowhouse_user
  using ((select tenancy.has_permission('can_manage_knowledge')) and deleted_at is null);
call core.allow('app_public.rag_knowledge_sources', read => 'analyst');
grant select on app_public.rag_knowledge_sources to rowhouse_platform;
grant select on app_public.rag_knowledge_sources to rowhouse_user;
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
grant select (tenant_id, id, name, category, language, embedding_model, deleted_at) on app_public.rag_knowledge_sources to rowhouse_analyst;
grant select, insert, update, delete on app_public.rag_knowledge_sources to rowhouse_platform;
comment on column app_public.rag_knowledge_sources.search_vector is E'@behavior -*\nThe words search_catalog finds it by.';
comment on table app_public.rag_knowledge_sources is
  E'@name knowledge_source\n@behavior -delete\nA collection of documents with settings for how they are cut, embedded and searched. can_manage_knowledge to write, delete (delete_knowledge_source) and restore.';
comment on constraint rag_knowledge_sources_tenant_id_id_key on app_public.rag_knowledge_sources is
  E'@behavior -single -update -delete';
comment on column app_public.rag_knowledge_sources.sharing_mode is 'private, selected, subtree or platform.';
comment on column app_public.rag_knowledge_sources.is_shared is 'Whether sharing_mode is anything but private.';
comment on column app_public.rag_knowledge_sources.resource_type is 'custom (the tenant''s own) or platform.';
comment on column app_public.rag_knowledge_sources.name is 'Name, unique among the tenant''s sources that are not deleted; at most 255 characters.';
comment on column app_public.rag_knowledge_sources.display_name is 'Name to show.';
comment on column app_public.rag_knowledge_sources.description is 'What it holds.';
comment on column app_public.rag_knowledge_sources.category is 'Category, such as Guidelines, Regulations, Literature, Internal Docs.';
comment on column app_public.rag_knowledge_sources.tags is 'Tags.';
comment on column app_public.rag_knowledge_sources.source_type is 'file, url, database, api, notion or confluence.';
comment on column app_public.rag_knowledge_sources.source_url is 'Address it comes from.';
comment on column app_public.rag_knowledge_sources.source_config is 'Settings of where it comes from: an object.';
comment on column app_public.rag_knowledge_sources.file_path is 'Path of the file it comes from.';
comment on column app_public.rag_knowledge_sources.file_type is 'Type of the file it comes from.';
comment on column app_public.rag_knowledge_sources.file_size_bytes is 'Size of the file it comes from, in bytes.';
comment on column app_public.rag_knowledge_sources.page_count is 'Pages of the file it comes from.';
comment on column app_public.rag_knowledge_sources.embedding_model is 'Name of the embedding model (llm_models.name). After a change run reprocess_knowledge_source.';
comment on column app_public.rag_knowledge_sources.chunk_size is 'Most characters of a chunk, 100 to 16,000. After a change run reprocess_knowledge_source.';
comment on column app_public.rag_knowledge_sources.chunk_overlap is 'Most characters a chunk repeats of the one before, at most half of chunk_size. After a change run reprocess_knowledge_source.';
comment on column app_public.rag_knowledge_sources.language is 'Language of the documents, a tag such as en or pt-BR: chooses stemming and stop words. After a change run reprocess_knowledge_source.';
comment on column app_public.rag_knowledge_sources.vector_store_id is 'Its key in an outside vector store, for sources that have one.';
comment on column app_public.rag_knowledge_sources.extracted_metadata is 'Metadata found in the files: an object.';
comment on column app_public.rag_knowledge_sources.publication_date is 'When it was published.';
comment on column app_public.rag_knowledge_sources.author is 'Who wrote it.';
comment on column app_public.rag_knowledge_sources.source_organization is 'Which organization published it.';
comment on column app_public.rag_knowledge_sources.status is 'active, inactive or archived; only active sources are searched.';
comment on column app_public.rag_knowledge_sources.enabled is 'Whether it is searched.';
comment on column app_public.rag_knowledge_sources.created_by_user_id is 'The member who created it.';
comment on column app_public.rag_knowledge_sources.last_synced_at is 'When it was last brought up to date with where it comes from.';
comment on column app_public.rag_knowledge_sources.metadata is 'Anything else, an object.';
comment on column app_public.rag_knowledge_sources.created_at is 'When it was created.';
comment on column app_public.rag_knowledge_sources.updated_at is 'When it last changed.';
comment on column app_public.rag_knowledge_sources.deleted_at is 'When it was deleted, null when it is not.';
comment on column app_public.rag_knowledge_sources.processing_status is E'@kept\nHow far its documents are: pending (none yet, or all wait), processing, completed, or failed (some did, and nothing is being processed). As of a minute ago; processingCounts is of now.';
comment on column app_public.rag_knowledge_sources.processing_started_at is E'@kept\nWhen the first of its documents began to be processed; as of a minute ago.';
comment on column app_public.rag_knowledge_sources.processing_completed_at is E'@kept\nWhen the last of its documents was completed, null while some are not; as of a minute ago.';
comment on column app_public.rag_knowledge_sources.processing_error is E'@kept\nWhy the document that failed last did; null when none is failed. As of a minute ago.';
comment on column app_public.rag_knowledge_sources.total_chunks is E'@kept\nHow many chunks its documents were cut into, as of a minute ago; chunkCount is of now.';
comment on column app_public.rag_knowledge_sources.query_count is E'@kept\nHow many searches found something in it, as of a minute ago.';
comment on column app_public.rag_knowledge_sources.hit_count is E'@kept\nHow many of its chunks searches found, as of a minute ago.';
comment on column app_public.rag_knowledge_sources.avg_relevance_score is E'@kept\nMean relevance of its hits, 0 to 1: a hit''s score over the best score of its search. As of a minute ago.';
comment on column app_public.rag_knowledge_sources.last_queried_at is E'@kept\nWhen a search last found something in it, as of a minute ago.';
comment on column app_public.rag_knowledge_sources.relevance_sum is E'@kept\n@behavior -*\nSum of the relevances of its hits.';

call core.secure_tenant_table('app_public.agent_knowledge_sources');
call core.allow('app_public.agent_knowledge_sources',
  read => 'member', insert => 'can_edit_agents', delete => 'can_edit_agents');
grant select, delete on app_public.agent_knowledge_sources to rowhouse_user;
grant insert (agent_id, source_id) on app_public.agent_knowledge_sources to rowhouse_user;
grant select, insert, update, delete on app_public.agent_knowledge_sources to rowhouse_platform;
comment on table app_public.agent_knowledge_sources is 'Which knowledge sources an agent works with, of this tenant or shared with it; a search with agent_id looks into these. can_edit_agents assigns and takes away.';
comment on column app_public.agent_knowledge_sources.tenant_id is 'The tenant.';
comment on column app_public.agent_knowledge_sources.agent_id is 'The agent.';
comment on column app_public.agent_knowledge_sources.source_id is 'The knowledge source.';
comment on column app_public.agent_knowledge_sources.created_at is 'When it was assigned.';
comment on constraint agent_knowledge_sources_tenant_id_agent_id_fkey on app_public.agent_knowledge_sources is
  E'@fieldName agent\n@foreignFieldName knowledgeSourceAssignments\nThe agent.';
comment on constraint agent_knowledge_sources_source_id_fkey on app_public.agent_knowledge_sources is
  E'@fieldName source\n@foreignFieldName agentAssignments\nThe knowledge source.';
