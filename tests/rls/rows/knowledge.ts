// Rows of knowledge. Makes ids.source, ids.document and ids.chunk.

import type { Fill } from './types.ts'

export const fillKnowledge: Fill = async (t, tenant, ids) => {
  ids.source = await t.value(
    `insert into app_public.rag_knowledge_sources (tenant_id, name) values ($1, 's') returning id`,
    [tenant.id],
  )
  ids.document = await t.value(
    `insert into app_public.documents (tenant_id, source_id, external_id, title, content, size_bytes, content_hash, processing_stage)
     values ($1, $2, 'd', 'd', 'd', 1, sha256('d'), 'chunk') returning id`,
    [tenant.id, ids.source],
  )
  await t.query(`insert into knowledge.document_files values ($1, $2, 'd.txt', 'd')`, [tenant.id, ids.document])
  await t.query(
    `insert into knowledge.upload_tickets (tenant_id, user_id, source_id, external_id, file_name, size_bytes, metadata, expires_at)
     values ($1, $2, $3, 'f', 'f.txt', 1, '{}', 'infinity')`,
    [tenant.id, tenant.owner.userId, ids.source],
  )
  await t.query(`insert into knowledge.document_drafts values ($1, $2, 'd', 'd', '{}')`, [tenant.id, ids.document])
  ids.chunk = await t.value(
    `insert into app_public.document_chunks (tenant_id, source_id, document_id, ordinal, content, start_offset, end_offset, content_tsvector, document_length)
     values ($1, $2, $3, 0, 'd', 0, 1, 'd:1', 1) returning id`,
    [tenant.id, ids.source, ids.document],
  )
  await t.query(
    `insert into app_public.embeddings (tenant_id, model_id, chunk_id, embedding)
     select $1, id, $2, knowledge.hashing_embedding('d', 384) from app_public.llm_models where name = 'hashing-384'`,
    [tenant.id, ids.chunk],
  )
  await t.query(
    `insert into app_public.embedding_model_changes (tenant_id, source_id, model_id)
     select $1, $2, id from app_public.llm_models where name = 'hashing-384'`,
    [tenant.id, ids.source],
  )
  await t.query(`insert into app_public.agent_knowledge_sources values ($1, $2, $3)`, [
    tenant.id,
    ids.agent,
    ids.source,
  ])
  await t.query(`insert into knowledge.changed_sources (tenant_id, source_id) values ($1, $2)`, [tenant.id, ids.source])
  await t.query(`insert into knowledge.source_languages (tenant_id, source_id, language) values ($1, $2, 'en')`, [
    tenant.id,
    ids.source,
  ])
  await t.query(
    `insert into app_public.knowledge_syncs (tenant_id, source_id, requested_at, progressed_at) values ($1, $2, now(), now())`,
    [tenant.id, ids.source],
  )
  await t.query(
    `insert into app_public.knowledge_sync_pages (tenant_id, source_id, external_id, run, outcome, checked_at)
     values ($1, $2, 'p', 1, 'created', now())`,
    [tenant.id, ids.source],
  )
}
