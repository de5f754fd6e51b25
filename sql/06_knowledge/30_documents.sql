-- Documents and how they are added. A document has a key of its own within its source, external_id. Giving a document again
-- under the same key replaces it when it has changed and does nothing when it has not, so that any load can be repeated.

call core.secure_tenant_table('app_public.documents');
call audit.track('app_public.documents');
call core.announce('app_public.documents', about => 'source_id');
call core.allow('app_public.documents', read => 'member, analyst');
-- All columns are granted, because a computed column is a function of the whole row. The columns that are not part of the API
-- are hidden from it by a tag in their comments.
grant select on app_public.documents to rowhouse_user;
grant select (tenant_id, id, source_id, processing_status, size_bytes, created_at) on app_public.documents to rowhouse_analytics;
grant select, insert, update, delete on app_public.documents to rowhouse_platform;
comment on table app_public.documents is
  E'@large\n@live\n@behavior -insert -update -delete\nA document of a knowledge source. It is added with create_documents or upload_file, and processed in the background: processing_status tells how far it is.';
comment on constraint documents_tenant_id_external_id_source_id_key on app_public.documents is E'@behavior -single -update -delete\nis used by another document of this source';
comment on constraint external_id_is_a_key on app_public.documents is 'must be 1 to 1,024 characters long';
comment on constraint title_is_in_range on app_public.documents is 'must be 1 to 1,000 characters long';
comment on constraint metadata_is_an_object on app_public.documents is 'must be an object';
comment on constraint documents_tenant_id_source_id_fkey on app_public.documents is E'@fieldName source\n@foreignFieldName documents';
comment on column app_public.documents.source_id is 'The knowledge source it belongs to.';
comment on column app_public.documents.external_id is E'@personal erase\nThe key of the document within its source, 1 to 1,024 characters. Giving a document again under the same key replaces it.';
comment on column app_public.documents.title is E'@personal erase\nThe title, 1 to 1,000 characters. It is searched together with every chunk.';
comment on constraint language_is_a_tag on app_public.documents is 'must be a language tag such as en, pt-BR or zh-Hant-TW';
comment on column app_public.documents.language is E'@notPersonal\nThe language in which its words are read, a tag such as en or zh-Hant-TW: its source''s, or what its metadata say under language, or what was detected; null until it has been cut into chunks.';
comment on column app_public.documents.content is E'@personal erase\n@behavior -filterBy -orderBy\nThe text that is searched; null until the first one is processed.';
comment on column app_public.documents.media_type is E'@notPersonal\nThe media type that it was given with.';
comment on column app_public.documents.size_bytes is 'The size as it was given, in bytes.';
comment on column app_public.documents.content_hash is E'@personal erase\n@behavior -*\nThe SHA-256 of everything that it was given with. It tells whether a document that is given again has changed.';
comment on column app_public.documents.metadata is E'@personal erase\nWhat is known about the document (page count, author, keys of your own), as an object.';
comment on column app_public.documents.processing_status is 'The state of its processing: pending, processing, completed (it is searchable) or failed.';
comment on column app_public.documents.processing_stage is E'@behavior -*\nThe next step of its processing: parse, chunk, embed, index, or done.';
comment on column app_public.documents.processing_started_at is 'When processing began.';
comment on column app_public.documents.processing_completed_at is 'When it became searchable.';
comment on column app_public.documents.processing_error is E'@personal erase\nWhy the processing failed; null when it has not failed. When a new version of a document has failed, the version before it stays searchable.';
comment on column app_public.documents.created_by_user_id is E'@personal erase\nThe member who added it.';
comment on column app_public.documents.created_at is 'When it was added.';
comment on column app_public.documents.updated_at is 'When it last changed.';

call core.secure_tenant_table('knowledge.document_files');
call audit.leave_out('parts of documents, written in bulk by tasks', 'knowledge.document_files');
call core.allow('knowledge.document_files', read => 'member');
grant select on knowledge.document_files to rowhouse_user;
grant select, insert, update, delete on knowledge.document_files to rowhouse_platform;
comment on table knowledge.document_files is 'The uploaded files as they were given. When a document is replaced, its new file takes the place of the old one.';
comment on column knowledge.document_files.name is E'@personal erase\nThe name of the file.';
comment on column knowledge.document_files.content is E'@personal erase\nIts bytes.';

call core.secure_tenant_table('knowledge.document_drafts');
call audit.leave_out('parts of documents, written in bulk by tasks', 'knowledge.document_drafts');
call core.normalize_texts('knowledge.document_drafts');
grant select, insert, update, delete on knowledge.document_drafts to rowhouse_platform;
comment on table knowledge.document_drafts is 'The next versions of documents that are being replaced, kept until they are cut into chunks.';
comment on column knowledge.document_drafts.title is E'@personal erase\nThe new title.';
comment on column knowledge.document_drafts.content is E'@personal erase\nThe new text.';
comment on column knowledge.document_drafts.metadata is E'@personal erase\nThe new metadata.';

call core.secure_tenant_table('app_public.document_chunks');
call audit.leave_out('parts of documents, written in bulk by tasks', 'app_public.document_chunks');
call core.allow('app_public.document_chunks', read => 'member');
grant select on app_public.document_chunks to rowhouse_user;
grant select, insert, update, delete on app_public.document_chunks to rowhouse_platform;
comment on table app_public.document_chunks is
  E'@large\n@behavior -query:resource:single -insert -update -delete\nA piece of a document, cut at sentence borders: what search finds.';
comment on constraint document_chunks_tenant_id_document_id_ordinal_key on app_public.document_chunks is E'@behavior -single';
comment on constraint document_chunks_tenant_id_document_id_fkey on app_public.document_chunks is E'@fieldName document\n@foreignFieldName chunks';
comment on column app_public.document_chunks.source_id is 'The knowledge source of its document.';
comment on column app_public.document_chunks.document_id is 'The document that it is a piece of.';
comment on column app_public.document_chunks.ordinal is 'The place of the chunk in the document, from 0.';
comment on column app_public.document_chunks.content is E'@personal erase\n@behavior -filterBy -orderBy\nThe text of the chunk.';
comment on column app_public.document_chunks.start_offset is 'Where the chunk begins in the text of the document, in characters from 0.';
comment on column app_public.document_chunks.end_offset is 'Where the chunk ends in the text of the document: the position after its last character.';
comment on column app_public.document_chunks.content_tsvector is E'@personal erase\n@behavior -*\nThe document''s title (weight A) and the chunk, as the text-search configuration of the document''s language reads them.';
comment on column app_public.document_chunks.document_length is 'The length of the chunk for BM25: the number of places in content_tsvector that have a term.';
comment on column app_public.document_chunks.created_at is 'When the document was cut into chunks.';

comment on type app_public.document_outcome is 'The outcome for a document that was given: created, replaced (there was another one under its key), unchanged, retried (it is unchanged, but its processing had failed) or refused.';
comment on type app_public.document_receipt is 'The outcome for one document that was given.';
comment on column app_public.document_receipt.external_id is E'@notNull\nThe key that it was given under.';
comment on column app_public.document_receipt.document_id is 'The id of the document; null when it was refused.';
comment on column app_public.document_receipt.outcome is E'@notNull\nWhether it was created, replaced, unchanged, retried or refused.';
comment on column app_public.document_receipt.error is 'Why it was refused; null when it was not refused.';

comment on type app_public.new_document is 'A document to be added to a knowledge source.';
comment on column app_public.new_document.external_id is E'@notNull\nThe key of the document within its source, 1 to 1,024 characters.';
comment on column app_public.new_document.title is 'The title, up to 1,000 characters; by default the key.';
comment on column app_public.new_document.text is E'@notNull\nThe text, up to 10 million characters.';
comment on column app_public.new_document.metadata is 'What is known about the document, as an object; by default empty.';

create or replace function knowledge.longest_text() returns int
language sql immutable parallel safe return 10000000;
comment on function knowledge.longest_text is 'How many characters the text of a document may have.';

create or replace function knowledge.largest_file() returns int
language sql immutable parallel safe return 50 * 1024 * 1024;
comment on function knowledge.largest_file is 'How many bytes an uploaded file may have: 50 MB.';

create or replace function knowledge.longest_error() returns int
language sql immutable parallel safe return 2000;
comment on function knowledge.longest_error is 'How many characters of an error are kept with what it is about.';

create or replace function knowledge.largest_metadata() returns int
language sql immutable parallel safe return 100000;
comment on function knowledge.largest_metadata is 'How many bytes the metadata of a document may have, as it is stored.';

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
  E'@errors KN301 ID203 TN204\nA source of this tenant, for a member who may add documents to it.';

-- Whoever changes several documents locks them first, all in the same order, so that a load and the workers that process what
-- it replaces never wait for each other in a circle.
create or replace function knowledge.lock_documents(tenant_id uuid, document_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform from app_public.documents d
    where d.tenant_id = lock_documents.tenant_id and d.id = any (lock_documents.document_ids)
    order by d.id
      for update;
end
$$;
comment on function knowledge.lock_documents is 'Locks documents in the order of their ids, until the transaction ends.';

create or replace function knowledge.lock_loading(source_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  -- 7269740 is an arbitrary number that no other advisory lock of ours begins with.
  select pg_advisory_xact_lock(7269740, hashtext(lock_loading.source_id::text));
$$;
comment on function knowledge.lock_loading is
  'Lets one transaction at a time add documents to a source. A transaction that adds several holds keys, documents and the counter of a quota, and two that took them in different orders would wait for each other in a circle.';

create or replace function knowledge.enqueue_stage(stage knowledge.processing_stage, tenant_id uuid, document_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Few enough that several workers share a load, and enough to fill a batch of an embedder.
  v_documents_per_job constant int := 50;
  -- A job holds a slot of a worker for about as long as it takes to process this much text: a second or two.
  v_bytes_per_job constant int := 500000;
  -- What a person writes and waits for.
  v_small_bytes constant int := 50000;
  v_task text := case enqueue_stage.stage
    when 'parse' then 'knowledge__parse_documents'
    when 'chunk' then 'knowledge__chunk_documents'
    when 'embed' then 'knowledge__embed_chunks'
    when 'index' then 'knowledge__index_documents'
  end;
  v_job record;
begin
  for v_job in
    select json_agg(g.id order by g.n) as document_ids, sum(g.size_bytes) as size_bytes
      from (
        select i.id, i.n, d.size_bytes,
               sum(d.size_bytes) over (order by i.n) / v_bytes_per_job as part
          from unnest(enqueue_stage.document_ids) with ordinality as i (id, n)
          join app_public.documents d on d.tenant_id = enqueue_stage.tenant_id and d.id = i.id
      ) g
     group by (g.n - 1) / v_documents_per_job, floor(g.part)
     order by min(g.n)
  loop
    perform core.enqueue_tenant_job(
      v_task, json_build_object('tenantId', enqueue_stage.tenant_id, 'documentIds', v_job.document_ids), enqueue_stage.tenant_id,
      is_bulk => v_job.size_bytes > v_small_bytes, is_next_stage => enqueue_stage.stage in ('embed', 'index'));
  end loop;
end
$$;
comment on function knowledge.enqueue_stage is
  'Queues the task of a stage for these documents, in jobs of about half a megabyte.';

-- When the same new document is given twice at once, the unique constraint decides which one is inserted. When two changes of
-- a document are given at once, the row lock makes one wait for the other.
create or replace function knowledge.put_document(
  source app_public.rag_knowledge_sources, given app_public.new_document,
  file_name text default null, file_content bytea default null, media_type text default 'text/plain'
) returns app_public.document_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_given app_public.documents;
  v_document app_public.documents;
  v_receipt app_public.document_receipt;
begin
  perform knowledge.lock_loading((source).id);
  v_given.tenant_id := (source).tenant_id;
  v_given.source_id := (source).id;
  -- The key is compared and the content hashed in the form in which they are stored.
  v_given.external_id := normalize((given).external_id, nfc);
  v_given.title := normalize(coalesce(nullif(trim((given).title), ''), put_document.file_name, (given).external_id), nfc);
  v_given.content := normalize((given).text, nfc);
  v_given.media_type := put_document.media_type;
  v_given.metadata := coalesce((given).metadata, '{}');
  v_given.size_bytes := coalesce(octet_length(put_document.file_content), octet_length(v_given.content));
  v_given.content_hash := sha256(
    sha256(coalesce(put_document.file_content, convert_to(v_given.content, 'UTF8')))
    || convert_to(concat_ws(e'\x1f', v_given.title, v_given.media_type, v_given.metadata), 'UTF8'));
  v_given.processing_stage := case when put_document.file_content is null then 'chunk' else 'parse' end;

  v_receipt.external_id := v_given.external_id;
  insert into app_public.documents (
    tenant_id, source_id, external_id, title, content, media_type, size_bytes, content_hash, metadata,
    processing_stage, created_by_user_id
  ) values (
    v_given.tenant_id, v_given.source_id, v_given.external_id, v_given.title, v_given.content, v_given.media_type,
    v_given.size_bytes, v_given.content_hash, v_given.metadata, v_given.processing_stage, core.current_user_id()
  )
  on conflict on constraint documents_tenant_id_external_id_source_id_key do nothing
  returning id into v_receipt.document_id;

  if found then
    v_receipt.outcome := 'created';
  else
    select * into strict v_document from app_public.documents d
     where d.tenant_id = v_given.tenant_id and d.source_id = v_given.source_id and d.external_id = v_given.external_id
       for update;
    v_receipt.document_id := v_document.id;
    if v_document.content_hash = v_given.content_hash then
      v_receipt.outcome := case
        when knowledge.resume_documents(v_given.tenant_id, array[v_document.id]) > 0 then 'retried' else 'unchanged' end;
      return v_receipt;
    end if;
    v_receipt.outcome := 'replaced';
    perform knowledge.replace_document(v_document, v_given);
  end if;

  if put_document.file_content is not null then
    insert into knowledge.document_files (tenant_id, document_id, name, content)
    values (v_given.tenant_id, v_receipt.document_id, normalize(put_document.file_name, nfc), put_document.file_content);
  end if;
  return v_receipt;
end
$$;
comment on function knowledge.put_document is
  'Stores a new or changed document of a source and says which it was. It does not queue its processing, except that of an unchanged document whose processing had failed.';

create or replace function knowledge.replace_document(old app_public.documents, new app_public.documents) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from knowledge.document_files f where f.tenant_id = (old).tenant_id and f.document_id = (old).id;
  insert into knowledge.document_drafts (tenant_id, document_id, title, content, metadata)
  values ((old).tenant_id, (old).id, (new).title, (new).content, (new).metadata)
  on conflict (tenant_id, document_id) do update
    set title = excluded.title, content = excluded.content, metadata = excluded.metadata;
  update app_public.documents d
     set media_type = (new).media_type, size_bytes = (new).size_bytes, content_hash = (new).content_hash,
         processing_status = 'pending', processing_stage = (new).processing_stage, processing_started_at = null,
         processing_completed_at = null, processing_error = null
   where d.tenant_id = (old).tenant_id and d.id = (old).id;
end
$$;
comment on function knowledge.replace_document is
  'Gives an existing document, whose row is locked, a draft of its next version. Its text and its chunks stay until the draft is cut into chunks.';

create or replace function knowledge.new_documents(documents jsonb) returns app_public.new_document[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select array_agg((d ->> 'externalId', d ->> 'title', d ->> 'text', nullif(d -> 'metadata', 'null'))::app_public.new_document order by n)
    from jsonb_array_elements(case when jsonb_typeof(new_documents.documents) = 'array' then new_documents.documents end)
      with ordinality as e (d, n);
$$;
comment on function knowledge.new_documents is
  'Documents for create_documents, from a JSON array of objects with the keys externalId, title, text and metadata; null when it is not an array or is empty.';
grant execute on function knowledge.new_documents to rowhouse_user;

create or replace function app_public.create_documents(source_id uuid, documents app_public.new_document[])
returns setof app_public.document_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_largest_count constant int := 500;
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(create_documents.source_id);
  v_document app_public.new_document;
  v_receipt app_public.document_receipt;
  v_document_ids uuid[] := '{}';
begin
  if coalesce(cardinality(create_documents.documents), 0) not between 1 and v_largest_count then
    perform core.raise_error('KN401', 'There must be 1 to 500 documents.', 'Send them in several calls.');
  end if;

  perform knowledge.lock_loading(v_source.id);
  perform knowledge.lock_documents(v_source.tenant_id, array(
    select d.id from unnest(create_documents.documents) as given
      join app_public.documents d on d.tenant_id = v_source.tenant_id and d.source_id = v_source.id and d.external_id = given.external_id));
  for v_document in
    select d.external_id, d.title, d.text, d.metadata
      from unnest(create_documents.documents) with ordinality as d (external_id, title, text, metadata, n)
     order by d.external_id, d.n
  loop
    v_receipt := row (v_document.external_id, null, 'refused', knowledge.document_error(v_document))::app_public.document_receipt;
    if v_receipt.error is null then
      v_receipt := knowledge.put_document(v_source, v_document);
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
  E'@resultFieldName receipts\n@errors KN301 KN401 ID203 TN204\nAdds 1 to 500 documents to a knowledge source and returns a receipt for each. A document that cannot be added is refused, its receipt says why, and the others are added. Documents are processed in the background; processing_status tells how far each is. It requires the permission can_manage_knowledge.';
grant execute on function app_public.create_documents to rowhouse_user;

create or replace function knowledge.cut_error(field text, value text) returns text
language sql immutable parallel safe
return case when strpos(cut_error.value, U&'\FFFF') > 0
  then cut_error.field || ' has a NUL character or half of a surrogate pair: it was cut inside a character.' end;
comment on function knowledge.cut_error is
  'Why a text cannot be stored that has U+FFFF, which is no character: the API puts it where a text has a NUL character or half a surrogate pair.';

create or replace function knowledge.document_error(document app_public.new_document) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(
    case
      when coalesce(length((document).external_id) not between 1 and 1024, true)
        then 'The external id must be 1 to 1,024 characters long.'
      when (document).text is null or (document).text !~ '\S' then 'The document is empty.'
      when length((document).text) > knowledge.longest_text() then 'The text is longer than 10 million characters.'
      when length((document).title) > 1000 then 'The title is longer than 1,000 characters.'
      when jsonb_typeof((document).metadata) <> 'object' then 'metadata must be an object.'
      when pg_column_size((document).metadata) > knowledge.largest_metadata() then 'metadata has more than 100 kB.'
    end,
    knowledge.cut_error('The external id', (document).external_id),
    knowledge.cut_error('The title', (document).title),
    knowledge.cut_error('The text', (document).text),
    knowledge.cut_error('metadata', (document).metadata::text));
$$;
comment on function knowledge.document_error is
  'Why a document for create_documents must be refused; null when it need not.';

create or replace function knowledge.require_file_name(file_name text) returns void
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not coalesce(core.is_name(require_file_name.file_name), false) then
    perform core.raise_error('KN402', 'The name of the file must be 1 to 255 characters long.', 'Send the name of the file with its ending, which tells its type.');
  end if;
end
$$;
comment on function knowledge.require_file_name is
  E'@errors KN402\nRefuses a file without a name that tells its type.';

create or replace function knowledge.require_file_size(size_bytes int) returns void
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  if coalesce(require_file_size.size_bytes, 0) not between 1 and knowledge.largest_file() then
    perform core.raise_error('KN404', 'The file is empty or larger than 50 MB.', 'Split a large file into smaller ones.');
  end if;
end
$$;
comment on function knowledge.require_file_size is
  E'@errors KN404\nRefuses a file that is empty or too large.';

create or replace function knowledge.put_file(
  source app_public.rag_knowledge_sources, given app_public.new_document, file_name text, file_content bytea, media_type text
) returns app_public.document_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_receipt app_public.document_receipt := knowledge.put_document(source, given, file_name, file_content, media_type);
begin
  if v_receipt.outcome in ('created', 'replaced') then
    perform knowledge.enqueue_stage('parse', (source).tenant_id, array[v_receipt.document_id]);
  end if;
  return v_receipt;
end
$$;
comment on function knowledge.put_file is
  'Stores a file as a document of a source, queues its parsing when it is new or changed, and says which it was.';

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
begin
  perform knowledge.require_file_name(upload_file.file_name);
  begin
    v_bytes := decode(upload_file.content_base64, 'base64');
  exception when invalid_parameter_value or invalid_text_representation then
    perform core.raise_error('KN403', 'The content is not Base64.', 'Encode the bytes of the file in standard Base64.');
  end;
  perform knowledge.require_file_size(octet_length(v_bytes));
  return knowledge.put_file(
    v_source,
    row (coalesce(upload_file.external_id, upload_file.file_name), upload_file.title, null, upload_file.metadata)::app_public.new_document,
    upload_file.file_name, v_bytes, coalesce(upload_file.media_type, 'application/octet-stream'));
end
$$;
comment on function app_public.upload_file is
  E'@resultFieldName receipt\n@errors KN301 KN402 KN403 KN404 23514 ID203 TN204\nAdds one file to a knowledge source: a file of type .md, .txt, .html, .pdf, .csv, .json, .docx, .pptx, .xlsx, .odt, .epub or .eml, at most 50 MB, its bytes in Base64. The bytes say what a file is; media_type may tell the encoding (charset=windows-1252) and the separator of CSV (separator=";"), which are recognised otherwise. external_id is the key of the document within the source, by default the name of the file. A file that is given again under the same key replaces the document when it has changed; the receipt says what happened. The version before stays searchable until the new one has been read. The file is parsed in the background; processing_status tells how far the document is. It requires the permission can_manage_knowledge.';
grant execute on function app_public.upload_file to rowhouse_user;

create or replace function knowledge.has_documents() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.documents d where d.tenant_id = core.current_tenant_id() and d.processing_status = 'completed');
$$;
comment on function knowledge.has_documents is 'Whether a document of this tenant can be searched.';
call tenancy.define_onboarding_step('load_document', 30, 'Load a document', 'knowledge.has_documents()', 'can_manage_knowledge');
