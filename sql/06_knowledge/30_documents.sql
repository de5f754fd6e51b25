-- Documents in and out. A document is known by its external_id within its source: giving it again replaces it when it
-- has changed and does nothing when it has not, so any load can be repeated.

call core.secure_tenant_table('app_public.documents');
call core.allow('app_public.documents', read => 'member, analyst');
grant select on app_public.documents to rowhouse_platform;
-- whole rows, because a computed column is a function of one; what is no business of the API is hidden from it by comments
grant select on app_public.documents to rowhouse_user;
grant select (tenant_id, id, source_id, processing_status, size_bytes, created_at) on app_public.documents to rowhouse_analyst;
grant select, insert, update, delete on app_public.documents to rowhouse_platform;
comment on table app_public.documents is
  E'@behavior -query:resource:single -insert -update -delete\nA document of a knowledge source. Add with create_documents or upload_file, watch processing_status, change with update_document, remove with delete_document.';
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

call core.secure_tenant_table('knowledge.document_files');
grant select, insert, update, delete on knowledge.document_files to rowhouse_platform;
comment on table knowledge.document_files is 'Bytes of uploaded files, kept until they are parsed.';

call core.secure_tenant_table('app_public.document_chunks');
call core.allow('app_public.document_chunks', read => 'member');
grant select on app_public.document_chunks to rowhouse_user;
grant select, insert, update, delete on app_public.document_chunks to rowhouse_platform;
comment on table app_public.document_chunks is
  E'@behavior -query:resource:single -insert -update -delete\nA piece of a document, cut at sentence borders: what search finds.';
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

comment on type app_public.document_outcome is 'What became of a document that was given: created, replaced, unchanged, retried (unchanged, its processing had failed) or refused.';
comment on type app_public.document_receipt is 'What became of one document that was given.';
comment on column app_public.document_receipt.external_id is 'The key it was given under.';
comment on column app_public.document_receipt.document_id is 'Its id, null when it was refused.';
comment on column app_public.document_receipt.outcome is 'created, replaced, unchanged, retried or refused.';
comment on column app_public.document_receipt.error is 'Why it was refused, null when it was not.';

create or replace function knowledge.writable_source(source_id uuid) returns app_public.rag_knowledge_sources
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources;
begin
  perform tenancy.require_permission('can_manage_knowledge');
  perform tenancy.require_feature('rag_enabled');
  select * into v_source from app_public.rag_knowledge_sources s where s.id = writable_source.source_id and s.deleted_at is null;
  if not found then
    perform core.raise_error('KN301', 'There is no such knowledge source.', 'List the knowledge sources of this tenant.');
  end if;
  return v_source;
end
$$;
comment on function knowledge.writable_source is
  E'@errors KN301 ID203 TN204\nA source you may add documents to.';

create or replace function knowledge.enqueue_stage(stage knowledge.processing_stage, tenant_id uuid, document_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- 50 documents a job: few enough to share among workers, enough to fill an embedder's batch
  perform core.enqueue_job(
    case enqueue_stage.stage
      when 'parse' then 'knowledge__parse_documents'
      when 'chunk' then 'knowledge__chunk_documents'
      when 'embed' then 'knowledge__embed_chunks'
      when 'index' then 'knowledge__index_documents'
    end,
    json_build_object('tenantId', enqueue_stage.tenant_id, 'documentIds', json_agg(id order by n)))
    from unnest(enqueue_stage.document_ids) with ordinality as d (id, n)
   group by (n - 1) / 50;
end
$$;
comment on function knowledge.enqueue_stage is
  'Queues the task of a stage for these documents.';

-- One document in: the unique key decides between two that come at once, the row lock between two changes.
create or replace function knowledge.put_document(
  source app_public.rag_knowledge_sources, external_id text, title text, content text,
  file_name text, file_content bytea, media_type text, metadata jsonb
) returns app_public.document_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_size bigint := coalesce(octet_length(put_document.file_content), octet_length(put_document.content));
  v_hash bytea := sha256(
    sha256(coalesce(put_document.file_content, convert_to(put_document.content, 'UTF8')))
    || convert_to(put_document.title || e'\x1f' || put_document.media_type || e'\x1f' || put_document.metadata::text, 'UTF8'));
  v_stage knowledge.processing_stage := case when put_document.file_content is null then 'chunk' else 'parse' end;
  v_document app_public.documents;
  v_receipt app_public.document_receipt;
begin
  v_receipt.external_id := put_document.external_id;
  insert into app_public.documents (
    tenant_id, source_id, external_id, title, content, media_type, size_bytes, content_hash, metadata,
    processing_stage, created_by_user_id
  ) values (
    (source).tenant_id, (source).id, put_document.external_id, put_document.title, put_document.content, put_document.media_type,
    v_size, v_hash, put_document.metadata, v_stage, core.current_user_id()
  )
  on conflict (tenant_id, source_id, external_id) do nothing
  returning id into v_receipt.document_id;

  if found then
    v_receipt.outcome := 'created';
  else
    select * into strict v_document from app_public.documents d
     where d.tenant_id = (source).tenant_id and d.source_id = (source).id and d.external_id = put_document.external_id
       for update;
    v_receipt.document_id := v_document.id;
    if v_document.content_hash = v_hash then
      v_receipt.outcome := 'unchanged';
      if v_document.processing_status = 'failed' then
        perform knowledge.resume_documents((source).tenant_id, array[v_document.id]);
        v_receipt.outcome := 'retried';
      end if;
      return v_receipt;
    end if;
    v_receipt.outcome := 'replaced';
    delete from app_public.document_chunks c where c.tenant_id = v_document.tenant_id and c.document_id = v_document.id;
    delete from knowledge.document_files f where f.tenant_id = v_document.tenant_id and f.document_id = v_document.id;
    update app_public.documents d
       set title = put_document.title, content = put_document.content, media_type = put_document.media_type, size_bytes = v_size,
           content_hash = v_hash, metadata = put_document.metadata, processing_status = 'pending', processing_stage = v_stage,
           processing_started_at = null, processing_completed_at = null, processing_error = null
     where d.tenant_id = v_document.tenant_id and d.id = v_document.id;
  end if;

  if put_document.file_content is not null then
    insert into knowledge.document_files (tenant_id, document_id, name, content)
    values ((source).tenant_id, v_receipt.document_id, put_document.file_name, put_document.file_content);
  end if;
  return v_receipt;
end
$$;
comment on function knowledge.put_document is
  'Stores a new or changed document of a source, without queueing its processing, and says which it was.';

create or replace function app_public.create_documents(source_id uuid, documents jsonb) returns setof app_public.document_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(create_documents.source_id);
  v_item jsonb;
  v_receipt app_public.document_receipt;
  v_document_ids uuid[] := '{}';
begin
  if jsonb_typeof(create_documents.documents) is distinct from 'array'
    or jsonb_array_length(create_documents.documents) not between 1 and 500 then
    perform core.raise_error('KN401', 'documents must be an array of 1 to 500 objects.', 'Send them in several calls.');
  end if;

  -- in the order of their keys, so that two loads of the same documents never wait for each other in a circle
  for v_item in
    select d from jsonb_array_elements(create_documents.documents) with ordinality as e (d, n) order by d ->> 'externalId', n
  loop
    v_receipt := row (v_item ->> 'externalId', null, 'refused', knowledge.document_error(v_item))::app_public.document_receipt;
    if v_receipt.error is null then
      v_receipt := knowledge.put_document(
        v_source, v_item ->> 'externalId', coalesce(nullif(trim(v_item ->> 'title'), ''), v_item ->> 'externalId'),
        v_item ->> 'text', null, null, 'text/plain', coalesce(v_item -> 'metadata', '{}'));
      if v_receipt.outcome in ('created', 'replaced') then
        v_document_ids := v_document_ids || v_receipt.document_id;
      end if;
    end if;
    return next v_receipt;
  end loop;
  perform knowledge.enqueue_stage('chunk', v_source.tenant_id, v_document_ids);
end
$$;
comment on function app_public.create_documents is
  E'@resultFieldName receipts\n@errors KN301 KN401 ID203\nAdds 1 to 500 documents to a source: [{"externalId", "text", "title"?, "metadata"?}], text up to 10 million characters. A receipt for each: created, replaced (same externalId, other content), unchanged, retried (unchanged, but its processing had failed) or refused with the error; a refused one does not stop the others. Processing follows in the background. can_manage_knowledge.';
grant execute on function app_public.create_documents to rowhouse_user;

create or replace function knowledge.document_error(item jsonb) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(item) <> 'object' then 'A document must be an object.'
    when exists (select from jsonb_object_keys(item) k where k not in ('externalId', 'title', 'text', 'metadata'))
      then format('Unknown key: %s.', (select string_agg(k, ', ') from jsonb_object_keys(item) k
                                        where k not in ('externalId', 'title', 'text', 'metadata')))
    when jsonb_typeof(item -> 'externalId') is distinct from 'string' or length(item ->> 'externalId') not between 1 and 1024
      then 'externalId must be a text of 1 to 1,024 characters.'
    when jsonb_typeof(item -> 'text') is distinct from 'string' then 'text must be a text.'
    when item ->> 'text' !~ '\S' then 'The document is empty.'
    when length(item ->> 'text') > 10000000 then 'The text is longer than 10 million characters.'
    when jsonb_typeof(item -> 'title') not in ('string', 'null') then 'title must be a text.'
    when length(item ->> 'title') > 1000 then 'The title is longer than 1,000 characters.'
    when jsonb_typeof(item -> 'metadata') <> 'object' then 'metadata must be an object.'
  end;
$$;
comment on function knowledge.document_error is
  'What is wrong with an element of create_documents, or null.';

create or replace function app_public.upload_file(
  source_id uuid, file_name text, content_base64 text, media_type text default null, external_id text default null,
  title text default null, metadata jsonb default '{}'
) returns app_public.document_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(upload_file.source_id);
  v_bytes bytea;
  v_receipt app_public.document_receipt;
begin
  if not coalesce(core.is_name(upload_file.file_name), false) then
    perform core.raise_error('KN402', 'file_name must be a name of at most 255 characters.', 'Send the file''s own name: its ending tells its type.');
  end if;
  begin
    v_bytes := decode(upload_file.content_base64, 'base64');
  exception when invalid_parameter_value or invalid_text_representation then
    perform core.raise_error('KN403', 'content_base64 is not Base64.', 'Encode the file''s bytes in standard Base64.');
  end;
  if coalesce(octet_length(v_bytes), 0) not between 1 and 52428800 then
    perform core.raise_error('KN404', 'The file is empty or larger than 50 MB.', 'Split it into smaller files.');
  end if;
  if jsonb_typeof(upload_file.metadata) is distinct from 'object' then
    perform core.raise_error('KN405', 'metadata must be an object.', 'Send {"key": value}.');
  end if;
  v_receipt := knowledge.put_document(
    v_source, coalesce(upload_file.external_id, upload_file.file_name),
    coalesce(nullif(trim(upload_file.title), ''), upload_file.file_name), null,
    upload_file.file_name, v_bytes, coalesce(upload_file.media_type, 'application/octet-stream'), upload_file.metadata);
  if v_receipt.outcome in ('created', 'replaced') then
    perform knowledge.enqueue_stage('parse', v_source.tenant_id, array[v_receipt.document_id]);
  end if;
  return v_receipt;
end
$$;
comment on function app_public.upload_file is
  E'@resultFieldName receipt\n@errors KN301 KN402 KN403 KN404 KN405 ID203\nAdds one file to a source: .md, .txt, .html, .pdf, .csv or .json, at most 50 MB, its bytes in Base64. external_id (by default the file''s name) tells it apart within the source: the same one again replaces the document when it has changed, and the receipt says what happened. The file is parsed in the background; watch the document''s processing_status. can_manage_knowledge.';
grant execute on function app_public.upload_file to rowhouse_user;

create or replace function app_public.update_document(id uuid, title text default null, metadata jsonb default null)
returns app_public.documents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_document app_public.documents;
  v_is_renamed boolean;
begin
  perform tenancy.require_permission('can_manage_knowledge');
  select * into v_document from app_public.documents d
   where d.tenant_id = core.current_tenant_id() and d.id = update_document.id
     for update;
  if not found then
    perform core.raise_error('KN302', 'There is no such document.', 'List the documents of this tenant.');
  end if;
  -- the title is part of what is searched
  v_is_renamed := trim(update_document.title) <> v_document.title and v_document.processing_stage <> 'parse';
  update app_public.documents d
     set title = coalesce(trim(update_document.title), d.title),
         metadata = coalesce(update_document.metadata, d.metadata),
         processing_stage = case when v_is_renamed then 'chunk' else d.processing_stage end,
         processing_status = case when v_is_renamed then 'pending' else d.processing_status end,
         processing_completed_at = case when not v_is_renamed then d.processing_completed_at end,
         processing_error = case when not v_is_renamed then d.processing_error end
   where d.tenant_id = v_document.tenant_id and d.id = v_document.id
  returning * into v_document;
  if v_is_renamed then
    perform knowledge.enqueue_stage('chunk', v_document.tenant_id, array[v_document.id]);
  end if;
  return v_document;
end
$$;
comment on function app_public.update_document is
  E'@resultFieldName document\n@errors KN302 23514 ID203\nChanges the title or the metadata of a document; what is left out stays. A new title is searchable once the document has been processed again. To change its text, give it again under the same externalId. can_manage_knowledge.';
grant execute on function app_public.update_document to rowhouse_user;

create or replace function app_public.delete_document(id uuid) returns app_public.documents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_document app_public.documents;
begin
  perform tenancy.require_permission('can_manage_knowledge');
  delete from app_public.documents d
   where d.tenant_id = core.current_tenant_id() and d.id = delete_document.id
  returning * into v_document;
  if not found then
    perform core.raise_error('KN302', 'There is no such document.', 'List the documents of this tenant.');
  end if;
  return v_document;
end
$$;
comment on function app_public.delete_document is
  E'@resultFieldName document\n@errors KN302 ID203\nDeletes a document with its chunks, vectors and postings, at once and for good. can_manage_knowledge.';
grant execute on function app_public.delete_document to rowhouse_user;

create or replace function knowledge.resume_documents(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_stage knowledge.processing_stage;
  v_document_ids uuid[];
  v_count int := 0;
begin
  for v_stage, v_document_ids in
    with resumed as (
      update app_public.documents d
         set processing_status = 'pending', processing_error = null
       where d.tenant_id = resume_documents.tenant_id and d.id = any (resume_documents.document_ids)
         and d.processing_status = 'failed'
      returning d.processing_stage, d.id
    )
    select processing_stage, array_agg(id order by id) from resumed group by processing_stage
  loop
    perform knowledge.enqueue_stage(v_stage, resume_documents.tenant_id, v_document_ids);
    v_count := v_count + cardinality(v_document_ids);
  end loop;
  return v_count;
end
$$;
comment on function knowledge.resume_documents is
  'Queues failed documents again at the stage where they failed; returns how many.';

create or replace function app_public.retry_document(id uuid) returns app_public.documents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_document app_public.documents;
begin
  perform tenancy.require_permission('can_manage_knowledge');
  perform knowledge.resume_documents(core.current_tenant_id(), array[retry_document.id]);
  select * into v_document from app_public.documents d
   where d.tenant_id = core.current_tenant_id() and d.id = retry_document.id;
  if not found then
    perform core.raise_error('KN302', 'There is no such document.', 'List the documents of this tenant.');
  end if;
  return v_document;
end
$$;
comment on function app_public.retry_document is
  E'@resultFieldName document\n@errors KN302 ID203\nProcesses a failed document again, from the stage where it failed; does nothing to one that has not. can_manage_knowledge.';
grant execute on function app_public.retry_document to rowhouse_user;

create or replace function app_public.retry_documents(source_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(retry_documents.source_id);
begin
  return knowledge.resume_documents(v_source.tenant_id, array(
    select d.id from app_public.documents d
     where d.tenant_id = v_source.tenant_id and d.source_id = v_source.id and d.processing_status = 'failed'));
end
$$;
comment on function app_public.retry_documents is
  E'@resultFieldName count\n@errors KN301 ID203\nProcesses all failed documents of a source again and returns how many. can_manage_knowledge.';
grant execute on function app_public.retry_documents to rowhouse_user;

create or replace function app_public.document(id uuid) returns app_public.documents
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.documents d where d.tenant_id = core.current_tenant_id() and d.id = document.id;
$$;
comment on function app_public.document is
  'A document by its id, null when this tenant has none with it.';
grant execute on function app_public.document to rowhouse_user;

create or replace function knowledge.has_documents() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.documents d where d.tenant_id = core.current_tenant_id() and d.processing_status = 'completed');
$$;
comment on function knowledge.has_documents is 'Whether a document of this tenant can be searched.';
call tenancy.define_onboarding_step('load_document', 30, 'Load a document', 'knowledge.has_documents()', 'can_manage_knowledge');
