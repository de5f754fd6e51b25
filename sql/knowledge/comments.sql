comment on type app_public.processing_status is 'How far a document is: pending, processing, completed (searchable) or failed (processing_error says why).';
comment on type app_public.document_outcome is 'What became of a document that was given: created, replaced, unchanged, retried (unchanged, its processing had failed) or refused.';
comment on type app_public.document_receipt is 'What became of one document that was given.';
comment on column app_public.document_receipt.external_id is 'The key it was given under.';
comment on column app_public.document_receipt.document_id is 'Its id, null when it was refused.';
comment on column app_public.document_receipt.outcome is 'created, replaced, unchanged, retried or refused.';
comment on column app_public.document_receipt.error is 'Why it was refused, null when it was not.';
comment on type app_public.processing_counts is 'How many documents are in each state.';
comment on column app_public.processing_counts.pending is 'Waiting for a worker.';
comment on column app_public.processing_counts.processing is 'Being worked on.';
comment on column app_public.processing_counts.completed is 'Searchable.';
comment on column app_public.processing_counts.failed is 'Failed; retry_documents tries them again.';

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

comment on table app_public.documents is
  E'@behavior -single -insert -update -delete\nA document of a knowledge source. Add with create_documents or upload_file, watch processing_status, change with update_document, remove with delete_document.';
comment on constraint documents_tenant_id_source_id_external_id_key on app_public.documents is E'@behavior -single -update -delete';
comment on constraint documents_tenant_id_source_id_fkey on app_public.documents is E'@fieldName source\n@foreignFieldName documents';
comment on column app_public.documents.source_id is 'The knowledge source it belongs to.';
comment on column app_public.documents.external_id is 'Its key within the source: giving a document again under it replaces it. 1 to 1,024 characters.';
comment on column app_public.documents.title is 'Title, 1 to 1,000 characters; searched with every chunk.';
comment on column app_public.documents.content is E'@behavior -filterBy -orderBy\nIts text, null until it is parsed.';
comment on column app_public.documents.media_type is 'Media type it was given with.';
comment on column app_public.documents.size_bytes is 'Size as it was given, in bytes.';
comment on column app_public.documents.content_hash is E'@behavior -*\nSHA-256 of everything it was given with; tells whether it has changed.';
comment on column app_public.documents.metadata is 'What is known about it (page count, author, keys of your own): an object.';
comment on column app_public.documents.processing_status is 'pending, processing, completed (searchable) or failed.';
comment on column app_public.documents.processing_stage is E'@behavior -*\nWhat is done next: parse, chunk, embed, index, or done.';
comment on column app_public.documents.processing_started_at is 'When processing began.';
comment on column app_public.documents.processing_completed_at is 'When it became searchable.';
comment on column app_public.documents.processing_error is 'Why processing failed, null when it has not.';
comment on column app_public.documents.created_by_user_id is 'The member who added it.';
comment on column app_public.documents.created_at is 'When it was added.';
comment on column app_public.documents.updated_at is 'When it last changed.';

comment on table app_private.document_files is 'Bytes of uploaded files, kept until they are parsed.';

comment on table app_public.document_chunks is
  E'@behavior -single -insert -update -delete\nA piece of a document, cut at sentence borders: what search finds.';
comment on constraint document_chunks_tenant_id_document_id_ordinal_key on app_public.document_chunks is E'@behavior -single';
comment on constraint document_chunks_tenant_id_document_id_fkey on app_public.document_chunks is E'@fieldName document\n@foreignFieldName chunks';
comment on column app_public.document_chunks.source_id is 'The knowledge source of its document.';
comment on column app_public.document_chunks.document_id is 'The document it is a piece of.';
comment on column app_public.document_chunks.ordinal is 'Its place in the document, from 0.';
comment on column app_public.document_chunks.content is E'@behavior -filterBy -orderBy\nIts text.';
comment on column app_public.document_chunks.start_offset is 'Where it begins in the document''s text, in characters from 0.';
comment on column app_public.document_chunks.end_offset is 'Where it ends in the document''s text, exclusive.';
comment on column app_public.document_chunks.content_tsvector is E'@behavior -*\nThe document''s title (weight A) and the chunk, as the text-search configuration of the source''s language reads them.';
comment on column app_public.document_chunks.document_length is 'Length for BM25: tokens of content_tsvector.';
comment on column app_public.document_chunks.created_at is 'When it was cut.';

comment on table app_public.embeddings is
  E'@behavior -single -insert -update -delete\nA chunk''s vector by one embedding model.';
comment on constraint embeddings_tenant_id_chunk_id_fkey on app_public.embeddings is E'@fieldName chunk\n@foreignFieldName embeddings';
comment on column app_public.embeddings.model_id is 'The embedding model.';
comment on column app_public.embeddings.chunk_id is 'The chunk.';
comment on column app_public.embeddings.embedding is 'The vector, of unit length and of the model''s dimension.';
comment on column app_public.embeddings.agent_id is 'The agent it was made for, null when it serves all.';
comment on column app_public.embeddings.task_type is 'retrieval_document or retrieval_query.';
comment on column app_public.embeddings.cost_usd is 'What making it cost, in US dollars.';
comment on column app_public.embeddings.generation_time_ms is 'How long the request that made it took, in milliseconds.';
comment on column app_public.embeddings.created_at is 'When it was made.';

comment on table app_public.agent_knowledge_sources is 'Which knowledge sources an agent works with, of this tenant or shared with it; a search with agent_id looks into these. can_edit_agents assigns and takes away.';
comment on column app_public.agent_knowledge_sources.tenant_id is 'The tenant.';
comment on column app_public.agent_knowledge_sources.agent_id is 'The agent.';
comment on column app_public.agent_knowledge_sources.source_id is 'The knowledge source.';
comment on column app_public.agent_knowledge_sources.created_at is 'When it was assigned.';
comment on constraint agent_knowledge_sources_tenant_id_agent_id_fkey on app_public.agent_knowledge_sources is
  E'@fieldName agent\n@foreignFieldName knowledgeSourceAssignments\nThe agent.';
comment on constraint agent_knowledge_sources_source_id_fkey on app_public.agent_knowledge_sources is
  E'@fieldName source\n@foreignFieldName agentAssignments\nThe knowledge source.';
comment on column app_public.rag_knowledge_sources.processing_status is 'How far its documents are: pending (none yet, or all wait), processing, completed, or failed (some did, and nothing is being processed). As of a minute ago; processingCounts is of now.';
comment on column app_public.rag_knowledge_sources.processing_started_at is 'When the first of its documents began to be processed; as of a minute ago.';
comment on column app_public.rag_knowledge_sources.processing_completed_at is 'When the last of its documents was completed, null while some are not; as of a minute ago.';
comment on column app_public.rag_knowledge_sources.processing_error is 'Why the document that failed last did; null when none is failed. As of a minute ago.';
comment on column app_public.rag_knowledge_sources.total_chunks is 'How many chunks its documents were cut into, as of a minute ago; chunkCount is of now.';
comment on column app_public.rag_knowledge_sources.query_count is 'How many searches found something in it, as of a minute ago.';
comment on column app_public.rag_knowledge_sources.hit_count is 'How many of its chunks searches found, as of a minute ago.';
comment on column app_public.rag_knowledge_sources.avg_relevance_score is 'Mean relevance of its hits, 0 to 1: a hit''s score over the best score of its search. As of a minute ago.';
comment on column app_public.rag_knowledge_sources.last_queried_at is 'When a search last found something in it, as of a minute ago.';
comment on column app_public.rag_knowledge_sources.relevance_sum is E'@behavior -*\nSum of the relevances of its hits.';
comment on table app_private.changed_sources is 'Sources whose statistics (processing_status and so on) are to be computed again.';
