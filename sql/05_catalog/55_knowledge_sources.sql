-- Knowledge sources: collections of documents, as resources of the catalogue. The idea: a source is shared, searched for and
-- deleted like an agent; what it holds belongs to the domain above, knowledge.

call catalog.secure_shareable_table('app_public.rag_knowledge_sources', 'knowledge_source');
call audit.track('app_public.rag_knowledge_sources');
call core.allow('app_public.rag_knowledge_sources', insert => 'can_manage_knowledge');
create policy select_member on app_public.rag_knowledge_sources for select to rowhouse_user, rowhouse_own_rows, rowhouse_shared_rows
  using (deleted_at is null or (select tenancy.has_permission('can_manage_knowledge')));
create policy update_permitted on app_public.rag_knowledge_sources for update to rowhouse_user
  using ((select tenancy.has_permission('can_manage_knowledge')) and deleted_at is null);
call core.allow('app_public.rag_knowledge_sources', read => 'analyst');
grant select on app_public.rag_knowledge_sources to rowhouse_user;
grant insert (
  name, display_name, description, category, tags, source_type, source_url, source_config, file_path, file_type,
  file_size_bytes, page_count, embedding_model, chunk_size, chunk_overlap, language, vector_store_id, publication_date, author,
  source_organization, status, enabled, metadata
) on app_public.rag_knowledge_sources to rowhouse_user;
grant update (
  name, display_name, description, category, tags, source_type, source_url, source_config, file_path, file_type,
  file_size_bytes, page_count, chunk_size, chunk_overlap, language, vector_store_id, publication_date, author,
  source_organization, status, enabled, metadata
) on app_public.rag_knowledge_sources to rowhouse_user;
grant select (tenant_id, id, name, category, language, embedding_model, deleted_at) on app_public.rag_knowledge_sources to rowhouse_analytics;
grant select, insert, update, delete on app_public.rag_knowledge_sources to rowhouse_platform;
comment on column app_public.rag_knowledge_sources.search_vector is E'@behavior -*\nThe words search_catalog finds it by.';
comment on table app_public.rag_knowledge_sources is
  E'@large\n@listedBy catalog.visible_knowledge_sources\n@name knowledge_source\n@behavior -delete\nCollections of documents, with the settings for dividing them into chunks, embedding and searching them: those of this tenant, and those that are shared with it. Needs can_manage_knowledge to write, delete (delete_knowledge_source) and restore (restore_knowledge_source).';
comment on column app_public.rag_knowledge_sources.sharing_mode is 'Who beyond this tenant may use it.';
comment on column app_public.rag_knowledge_sources.is_shared is 'Whether anyone beyond this tenant may use it.';
comment on column app_public.rag_knowledge_sources.resource_type is 'Whether this tenant made it, or the platform provides it.';
comment on column app_public.rag_knowledge_sources.name is E'@notPersonal\nName, unique among the tenant''s sources that are not deleted; at most 255 characters.';
comment on column app_public.rag_knowledge_sources.display_name is E'@notPersonal\nName to show.';
comment on column app_public.rag_knowledge_sources.description is 'What it holds.';
comment on column app_public.rag_knowledge_sources.category is 'Category, such as Guidelines, Regulations, Literature, Internal Docs.';
comment on column app_public.rag_knowledge_sources.tags is 'Tags.';
comment on column app_public.rag_knowledge_sources.source_type is 'Where its documents come from.';
comment on column app_public.rag_knowledge_sources.source_url is 'The address its documents come from.';
comment on column app_public.rag_knowledge_sources.source_config is 'Settings for the place its documents come from: an object without credentials. docs/knowledge.md has the keys.';
comment on column app_public.rag_knowledge_sources.file_path is 'Path of the file it comes from.';
comment on column app_public.rag_knowledge_sources.file_type is 'Type of the file it comes from.';
comment on column app_public.rag_knowledge_sources.file_size_bytes is 'Size of the file it comes from, in bytes.';
comment on column app_public.rag_knowledge_sources.page_count is 'Pages of the file it comes from.';
comment on column app_public.rag_knowledge_sources.embedding_model is 'Name of the embedding model (llm_models.name) whose vectors are searched. change_embedding_model gives it another one.';
comment on column app_public.rag_knowledge_sources.chunk_size is 'Most characters of a chunk, 100 to 16,000. After a change run reprocess_knowledge_source.';
comment on column app_public.rag_knowledge_sources.chunk_overlap is 'Most characters a chunk repeats of the one before, at most half of chunk_size. After a change run reprocess_knowledge_source.';
comment on column app_public.rag_knowledge_sources.language is 'Language of the documents, a tag (BCP 47) such as en, pt-BR or zh-Hant-TW: chooses stemming and stop words; und has neither. When it is null, by default, each document has its own: what its metadata say under language, or what is detected. After a change run reprocess_knowledge_source.';
comment on column app_public.rag_knowledge_sources.vector_store_id is 'Its key in an external vector store, when it has one.';
comment on column app_public.rag_knowledge_sources.extracted_metadata is 'Metadata found in the files: an object.';
comment on column app_public.rag_knowledge_sources.publication_date is 'When it was published.';
comment on column app_public.rag_knowledge_sources.author is E'@personal keep The author of a source is part of how it is cited.\nWho wrote it.';
comment on column app_public.rag_knowledge_sources.source_organization is 'Which organization published it.';
comment on column app_public.rag_knowledge_sources.status is 'The stage it is in. Only active sources are searched.';
comment on column app_public.rag_knowledge_sources.enabled is 'Whether it is searched.';
comment on column app_public.rag_knowledge_sources.created_by_user_id is E'@personal pseudonymise\nThe member who created it.';
comment on column app_public.rag_knowledge_sources.last_synced_at is E'@kept\nWhen it last took over changes from the place its documents come from; sync tells more.';
comment on column app_public.rag_knowledge_sources.metadata is 'Further data about it: an object.';
comment on column app_public.rag_knowledge_sources.created_at is 'When it was created.';
comment on column app_public.rag_knowledge_sources.updated_at is 'When it last changed.';
comment on column app_public.rag_knowledge_sources.deleted_at is 'When it was deleted, null when it is not.';
comment on column app_public.rag_knowledge_sources.processing_status is E'@kept\nThe state of its documents: pending (there are none, or all of them wait), processing, completed, or failed (some failed, and none is being processed). It can be a minute old; processingCounts is current.';
comment on column app_public.rag_knowledge_sources.processing_started_at is E'@kept\nWhen the processing of its first document began. It can be a minute old.';
comment on column app_public.rag_knowledge_sources.processing_completed_at is E'@kept\nWhen its last document was completed; null while some are not. It can be a minute old.';
comment on column app_public.rag_knowledge_sources.processing_error is E'@kept\nThe error of the document that failed last; null when none has failed. It can be a minute old.';
comment on column app_public.rag_knowledge_sources.total_chunks is E'@kept\nThe number of chunks of its documents. It can be a minute old; chunkCount is current.';
comment on column app_public.rag_knowledge_sources.query_count is E'@kept\nThe number of searches that found something in it. It can be a minute old.';
comment on column app_public.rag_knowledge_sources.hit_count is E'@kept\nThe number of its chunks that searches found. It can be a minute old.';
comment on column app_public.rag_knowledge_sources.avg_relevance_score is E'@kept\nThe mean relevance of its hits, 0 to 1: the score of a hit divided by the best score of its search. It can be a minute old.';
comment on column app_public.rag_knowledge_sources.last_queried_at is E'@kept\nWhen a search last found something in it. It can be a minute old.';
comment on column app_public.rag_knowledge_sources.relevance_sum is E'@kept\n@behavior -*\nThe sum of the relevances of its hits.';
comment on constraint source_url_is_http on app_public.rag_knowledge_sources is
  'must be an http address without user and password, with at most 2000 characters';
comment on constraint chunk_overlap_is_below_half_the_size on app_public.rag_knowledge_sources is
  'must be from 0 to half of the chunk size';
comment on constraint chunk_size_is_in_range on app_public.rag_knowledge_sources is 'must be from 100 to 16,000';
comment on constraint display_name_is_a_name on app_public.rag_knowledge_sources is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint extracted_metadata_is_an_object on app_public.rag_knowledge_sources is 'must be a JSON object';
comment on constraint file_size_bytes_is_not_negative on app_public.rag_knowledge_sources is 'must be 0 or more';
comment on constraint language_is_a_tag on app_public.rag_knowledge_sources is 'must be a language tag such as en, pt-BR or zh-Hant-TW';
comment on constraint metadata_is_an_object on app_public.rag_knowledge_sources is 'must be a JSON object';
comment on constraint name_is_a_name on app_public.rag_knowledge_sources is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint page_count_is_not_negative on app_public.rag_knowledge_sources is 'must be 0 or more';
comment on constraint source_config_is_an_object on app_public.rag_knowledge_sources is 'must be a JSON object';
comment on index app_public.rag_knowledge_sources_tenant_id_name_key is 'is taken by another one of this tenant';

call core.secure_tenant_table('app_public.agent_knowledge_sources');
call audit.track('app_public.agent_knowledge_sources');
call core.allow('app_public.agent_knowledge_sources',
  read => 'member', insert => 'can_edit_agents', delete => 'can_edit_agents');
grant select, delete on app_public.agent_knowledge_sources to rowhouse_user;
grant insert (agent_id, source_id) on app_public.agent_knowledge_sources to rowhouse_user;
grant select, insert, update, delete on app_public.agent_knowledge_sources to rowhouse_platform;
comment on table app_public.agent_knowledge_sources is
  E'@behavior -query:resource:connection -query:resource:single\nThe knowledge sources that each agent works with. A source belongs to this tenant or is shared with it. A search with agent_id searches these. Needs can_edit_agents to write.';
comment on column app_public.agent_knowledge_sources.tenant_id is 'The tenant.';
comment on column app_public.agent_knowledge_sources.agent_id is 'The agent.';
comment on column app_public.agent_knowledge_sources.source_id is 'The knowledge source.';
comment on column app_public.agent_knowledge_sources.created_at is 'When it was assigned.';
comment on constraint agent_knowledge_sources_tenant_id_agent_id_fkey on app_public.agent_knowledge_sources is
  E'@fieldName agent\n@foreignFieldName knowledgeSourceAssignments\nThe agent.';
comment on constraint agent_knowledge_sources_source_id_fkey on app_public.agent_knowledge_sources is
  E'@fieldName source\n@foreignFieldName agentAssignments\nThe knowledge source.';
comment on constraint agent_knowledge_sources_pkey on app_public.agent_knowledge_sources is
  'is one of the agents knowledge sources already';

create or replace function catalog.tg_agent_knowledge_sources__check_source() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- administrators and seeds write outside of a tenant's request: then only the foreign key decides
  if new.tenant_id = core.current_tenant_id() and not catalog.is_visible_resource('knowledge_source', new.source_id) then
    perform catalog.raise_no_such_resource('knowledge_source');
  end if;
  return new;
end
$$;
comment on function catalog.tg_agent_knowledge_sources__check_source is
  E'@errors RS301\nLets an agent use only knowledge sources that its tenant sees.';

create or replace trigger _300_check_source before insert on app_public.agent_knowledge_sources
  for each row execute function catalog.tg_agent_knowledge_sources__check_source();
create or replace trigger _300_refuse_credentials before insert or update of source_config on app_public.rag_knowledge_sources
  for each row execute function catalog.tg__refuse_credentials('source_config');
