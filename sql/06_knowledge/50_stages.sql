-- The stages that a document passes: parse → chunk → embed → index → done. Each stage is a task that calls functions of this
-- file. A function does the work, moves the document to the next stage and queues the task of that stage in one transaction.
-- It takes a document only at its own stage and locks its row, so that a job that runs twice, late or after a crash does
-- nothing twice.

create or replace function knowledge.begin_parsing(tenant_id uuid, document_ids uuid[])
returns table (document_id uuid, file_name text, media_type text, content bytea, content_hash bytea)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(begin_parsing.tenant_id);
  perform knowledge.lock_documents(begin_parsing.tenant_id, begin_parsing.document_ids);
  update app_public.documents d
     set processing_status = 'processing', processing_started_at = coalesce(d.processing_started_at, clock_timestamp())
   where d.tenant_id = begin_parsing.tenant_id and d.id = any (begin_parsing.document_ids)
     and d.processing_stage = 'parse' and d.processing_status in ('pending', 'processing');
  return query
    select f.document_id, f.name, d.media_type, f.content, d.content_hash
      from knowledge.document_files f
      join app_public.documents d on d.tenant_id = f.tenant_id and d.id = f.document_id
     where f.tenant_id = begin_parsing.tenant_id and f.document_id = any (begin_parsing.document_ids)
       and d.processing_stage = 'parse' and d.processing_status = 'processing'
     order by f.document_id;
end
$$;
comment on function knowledge.begin_parsing is
  'The uploaded files that are to be parsed. Their documents get the status processing. content_hash says which version of the document a file is: it may be replaced while it is parsed.';
grant execute on function knowledge.begin_parsing to rowhouse_worker;

create or replace function knowledge.finish_parsing(
  tenant_id uuid, document_id uuid, content_hash bytea, title text, content text, metadata jsonb) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_longest_title constant int := 1000;
  v_document app_public.documents;
  v_file_name text;
  v_draft knowledge.document_drafts;
begin
  call core.enter_tenant(finish_parsing.tenant_id);
  select * into v_document from app_public.documents d
   where d.tenant_id = finish_parsing.tenant_id and d.id = finish_parsing.document_id and d.processing_stage = 'parse'
     and d.content_hash = finish_parsing.content_hash
     for update;
  if not found then
    return;
  end if;
  select f.name into strict v_file_name
    from knowledge.document_files f where f.tenant_id = v_document.tenant_id and f.document_id = v_document.id;
  select * into v_draft from knowledge.document_drafts r where r.tenant_id = v_document.tenant_id and r.document_id = v_document.id;
  v_draft.tenant_id := v_document.tenant_id;
  v_draft.document_id := v_document.id;
  v_draft.title := coalesce(v_draft.title, v_document.title);
  -- A title that is only the name of the file is replaced by the title that was found in the file.
  if v_draft.title = v_file_name then
    v_draft.title := left(coalesce(nullif(trim(finish_parsing.title), ''), v_draft.title), v_longest_title);
  end if;
  v_draft.content := finish_parsing.content;
  v_draft.metadata := coalesce(finish_parsing.metadata, '{}') || coalesce(v_draft.metadata, v_document.metadata);
  insert into knowledge.document_drafts values (v_draft.*)
  on conflict on constraint document_drafts_pkey do update
    set title = excluded.title, content = excluded.content, metadata = excluded.metadata;
  update app_public.documents d set processing_stage = 'chunk'
   where d.tenant_id = v_document.tenant_id and d.id = v_document.id;
  perform knowledge.enqueue_stage('chunk', v_document.tenant_id, array[v_document.id]);
exception when check_violation then
  perform knowledge.fail_documents(finish_parsing.tenant_id, array[finish_parsing.document_id], 'parse',
    'The file has more text or more metadata than a document may have: 53 MB and 100 kB.', finish_parsing.content_hash);
end
$$;
comment on function knowledge.finish_parsing is
  'Stores the text of a file as the draft of its document and queues the document for chunking. It does nothing when the document has been replaced since the parsing began.';
grant execute on function knowledge.finish_parsing to rowhouse_worker;

create or replace function knowledge.fail_documents(
  tenant_id uuid, document_ids uuid[], stage text, error text, content_hash bytea default null) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(fail_documents.tenant_id);
  perform knowledge.lock_documents(fail_documents.tenant_id, fail_documents.document_ids);
  update app_public.documents d
     set processing_status = 'failed', processing_error = left(coalesce(fail_documents.error, 'The processing failed.'), knowledge.longest_error())
   where d.tenant_id = fail_documents.tenant_id and d.id = any (fail_documents.document_ids)
     and d.processing_stage::text = fail_documents.stage and d.processing_status <> 'failed'
     and (fail_documents.content_hash is null or d.content_hash = fail_documents.content_hash);
end
$$;
comment on function knowledge.fail_documents is
  'Marks those of these documents that are at the stage as failed, with an error that people can read; with content_hash, only a document that still is this version. What was searchable of them stays so.';
grant execute on function knowledge.fail_documents to rowhouse_worker;

create or replace function knowledge.version_to_chunk(tenant_id uuid, document_id uuid) returns knowledge.document_drafts
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select row (d.tenant_id, d.id, coalesce(r.title, d.title), coalesce(r.content, d.content), coalesce(r.metadata, d.metadata))::knowledge.document_drafts
    from app_public.documents d
    left join knowledge.document_drafts r on r.tenant_id = d.tenant_id and r.document_id = d.id
   where d.tenant_id = version_to_chunk.tenant_id and d.id = version_to_chunk.document_id;
$$;
comment on function knowledge.version_to_chunk is
  'What is to be cut into chunks of a document: its draft, or else the document itself.';

create or replace function knowledge.chunk_documents(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_document record;
  v_version knowledge.document_drafts;
  v_language text;
  v_was_searchable boolean;
  v_chunked uuid[] := '{}';
  v_replaced uuid[] := '{}';
begin
  call core.enter_tenant(chunk_documents.tenant_id);
  for v_document in
    select d.id, d.source_id, s.chunk_size, s.chunk_overlap, s.language
      from app_public.documents d
      join app_public.rag_knowledge_sources s on s.tenant_id = d.tenant_id and s.id = d.source_id
     where d.tenant_id = chunk_documents.tenant_id and d.id = any (chunk_documents.document_ids)
       and d.processing_stage = 'chunk' and d.processing_status <> 'failed'
     order by d.id
       -- A source changes its embedding model when each of its chunks has a vector of the new one, so it waits for these.
       for update of d for key share of s
  loop
    begin
      -- The draft is read after its document is locked: a query that had to wait for the lock would have an older one.
      v_version := knowledge.version_to_chunk(chunk_documents.tenant_id, v_document.id);
      v_language := knowledge.document_language(v_document.language, v_version.metadata, v_version.content);
      delete from app_public.document_chunks c where c.tenant_id = chunk_documents.tenant_id and c.document_id = v_document.id;
      v_was_searchable := found;
      insert into app_public.document_chunks (
        tenant_id, source_id, document_id, ordinal, content, start_offset, end_offset, content_tsvector, document_length)
      select chunk_documents.tenant_id, v_document.source_id, v_document.id, c.ordinal, c.chunk, c.start_offset, c.end_offset,
             v.vector, knowledge.token_count(v.vector)
        from knowledge.chunks(v_version.content, v_document.chunk_size, v_document.chunk_overlap) c,
             knowledge.search_vector(knowledge.text_search_config(v_language), v_version.title, c.chunk) as v (vector)
       order by c.ordinal;
      delete from knowledge.document_drafts r where r.tenant_id = chunk_documents.tenant_id and r.document_id = v_document.id;
      update app_public.documents d
         set title = v_version.title, content = v_version.content, metadata = v_version.metadata, language = v_language,
             processing_status = 'processing', processing_stage = 'embed', processing_error = null,
             processing_started_at = coalesce(d.processing_started_at, clock_timestamp())
       where d.tenant_id = chunk_documents.tenant_id and d.id = v_document.id;
      v_chunked := v_chunked || v_document.id;
      if v_was_searchable then
        v_replaced := v_replaced || v_document.id;
      end if;
    exception when data_exception or program_limit_exceeded or check_violation then
      -- A text that cannot be cut into chunks fails alone, and keeps the chunks of its version before; the others go on.
      perform knowledge.fail_documents(chunk_documents.tenant_id, array[v_document.id], 'chunk', sqlerrm);
    end;
  end loop;
  -- In one order, so that two jobs that find the same new languages do not wait for each other in a circle.
  insert into knowledge.source_languages (tenant_id, source_id, language)
  select distinct d.tenant_id, d.source_id, d.language
    from app_public.documents d
   where d.tenant_id = chunk_documents.tenant_id and d.id = any (v_chunked)
   order by d.source_id, d.language
  on conflict do nothing;
  -- Where the model is built in, a document is found by its vectors, too, from the moment that they take the place of the old.
  perform knowledge.embed_builtin(chunk_documents.tenant_id, v_replaced);
  perform knowledge.enqueue_stage('embed', chunk_documents.tenant_id, v_chunked);
  return cardinality(v_chunked);
end
$$;
comment on function knowledge.chunk_documents is
  'Cuts documents into chunks and queues them for embedding. The draft of a document takes the place of its version before. Returns how many documents.';
grant execute on function knowledge.chunk_documents to rowhouse_worker;

call core.secure_global_table('knowledge.provider_pauses', 'providers are the same for every tenant');
call audit.leave_out('derived from other tables by rules', 'knowledge.provider_pauses');
comment on table knowledge.provider_pauses is
  'Model providers that do not work and are not asked for vectors meanwhile, each with the time when it is worth looking again. The domain that watches providers writes it.';

create or replace function knowledge.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit int)
returns table (
  chunk_id bigint, content text, model_id uuid, provider_kind text, base_url text, api_key_variable text, model_name text,
  dimension int, batch_size int, timeout_ms int, max_retries int
)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(chunks_to_embed.tenant_id);
  return query
    select c.id, knowledge.searchable_text(d.title, c.content), m.id, p.kind::text, p.base_url, p.api_key_variable, m.provider_model_name,
           m.dimension, m.batch_size, m.timeout_ms, m.max_retries
      from app_public.documents d
      join app_public.rag_knowledge_sources s on s.tenant_id = d.tenant_id and s.id = d.source_id
      join app_public.llm_models m on m.name = s.embedding_model
      join app_public.llm_providers p on p.id = m.provider_id
      join app_public.document_chunks c on c.tenant_id = d.tenant_id and c.document_id = d.id
     where d.tenant_id = chunks_to_embed.tenant_id and d.id = any (chunks_to_embed.document_ids)
       and d.processing_stage = 'embed' and d.processing_status <> 'failed'
       and not exists (
         select from app_public.embeddings e where e.tenant_id = c.tenant_id and e.model_id = m.id and e.chunk_id = c.id)
       and not exists (select from knowledge.provider_pauses u where u.provider_id = p.id)
     order by m.id, c.id
     limit chunks_to_embed.batch_limit;
end
$$;
comment on function knowledge.chunks_to_embed is
  'The chunks of these documents that have no vector of their source''s model yet: the text to embed, which begins with the title of the document, and what is needed to call the model. Those of a provider that is paused wait.';
grant execute on function knowledge.chunks_to_embed to rowhouse_worker;

create or replace function knowledge.store_embeddings(
  tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms int default null, cost_usd numeric default 0
) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_dimension int := (select m.dimension from app_public.llm_models m where m.id = store_embeddings.model_id and m.kind = 'embedding');
  v_count int;
begin
  call core.enter_tenant(store_embeddings.tenant_id);
  if cardinality(store_embeddings.chunk_ids) is distinct from cardinality(store_embeddings.vectors) then
    perform core.raise_error('KN901', 'There must be one vector for each chunk.');
  end if;
  if exists (select from unnest(store_embeddings.vectors) v where v is null or vector_dims(v) is distinct from v_dimension) then
    perform core.raise_error('KN902', format('A vector does not have the %s dimensions that the model is registered with.', v_dimension),
      'Correct the dimension of the model, then process the source again.');
  end if;
  insert into app_public.embeddings (tenant_id, model_id, chunk_id, embedding, generation_time_ms, cost_usd)
  select store_embeddings.tenant_id, store_embeddings.model_id, c.id, l2_normalize(v.vector),
         store_embeddings.generation_time_ms, coalesce(store_embeddings.cost_usd, 0) / cardinality(store_embeddings.chunk_ids)
    from unnest(store_embeddings.chunk_ids, store_embeddings.vectors) as v (chunk_id, vector)
    -- The vector of a chunk is left out when its document has been replaced meanwhile, because the chunk is gone.
    join app_public.document_chunks c on c.tenant_id = store_embeddings.tenant_id and c.id = v.chunk_id
   order by c.id
     for key share of c
  on conflict on constraint embeddings_pkey do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function knowledge.store_embeddings is
  E'@errors KN901 KN902\nStores the vectors of chunks, normalised to length 1. Returns how many chunks had no vector of the model yet.';
grant execute on function knowledge.store_embeddings to rowhouse_worker;

create or replace function knowledge.embed_builtin(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_count int;
begin
  call core.enter_tenant(embed_builtin.tenant_id);
  insert into app_public.embeddings (tenant_id, model_id, chunk_id, embedding)
  select c.tenant_id, m.id, c.id, knowledge.hashing_embedding(knowledge.searchable_text(d.title, c.content), m.dimension)
    from app_public.documents d
    join app_public.rag_knowledge_sources s on s.tenant_id = d.tenant_id and s.id = d.source_id
    join app_public.llm_models m on m.name = s.embedding_model
    join app_public.llm_providers p on p.id = m.provider_id and p.kind = 'builtin'
    join app_public.document_chunks c on c.tenant_id = d.tenant_id and c.document_id = d.id
   where d.tenant_id = embed_builtin.tenant_id and d.id = any (embed_builtin.document_ids)
     and d.processing_stage = 'embed' and d.processing_status <> 'failed'
   order by c.id
     for key share of c
  on conflict on constraint embeddings_pkey do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function knowledge.embed_builtin is
  'Embeds the chunks of those of these documents whose source uses the built-in model. Returns how many chunks.';
grant execute on function knowledge.embed_builtin to rowhouse_worker;

create or replace function knowledge.postpone_embedding(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_shortest_wait constant interval := '30 seconds';
  v_waiting uuid[];
  v_run_at timestamptz;
begin
  -- A pause may have ended since the chunks were asked for, so whatever can be embedded and is not comes again.
  select array_agg(d.id order by d.id), max(greatest(u.resumes_at, core.clock() + v_shortest_wait)) into v_waiting, v_run_at
    from app_public.documents d
    join app_public.rag_knowledge_sources s on s.tenant_id = d.tenant_id and s.id = d.source_id
    join app_public.llm_models m on m.name = s.embedding_model
    left join knowledge.provider_pauses u on u.provider_id = m.provider_id
   where d.tenant_id = postpone_embedding.tenant_id and d.id = any (postpone_embedding.document_ids)
     and d.processing_stage = 'embed' and d.processing_status <> 'failed'
     and exists (
       select from app_public.document_chunks c
        where c.tenant_id = d.tenant_id and c.document_id = d.id
          and not exists (
            select from app_public.embeddings e where e.tenant_id = c.tenant_id and e.model_id = m.id and e.chunk_id = c.id));
  if v_waiting is not null then
    perform core.enqueue_tenant_job('knowledge__embed_chunks',
      json_build_object('tenantId', postpone_embedding.tenant_id, 'documentIds', v_waiting), postpone_embedding.tenant_id,
      is_next_stage => true, run_at => v_run_at);
  end if;
  return coalesce(cardinality(v_waiting), 0);
end
$$;
comment on function knowledge.postpone_embedding is
  'Queues the embedding of those of these documents that still lack a vector again, for when their provider is worth asking. Returns how many.';

create or replace function knowledge.finish_embedding(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_embedded uuid[];
begin
  call core.enter_tenant(finish_embedding.tenant_id);
  perform knowledge.lock_documents(finish_embedding.tenant_id, finish_embedding.document_ids);
  with embedded as (
    update app_public.documents d set processing_stage = 'index'
     where d.tenant_id = finish_embedding.tenant_id and d.id = any (finish_embedding.document_ids)
       and d.processing_stage = 'embed' and d.processing_status <> 'failed'
       and not exists (
         select from app_public.document_chunks c
          where c.tenant_id = d.tenant_id and c.document_id = d.id
            and not exists (
              select from app_public.embeddings e
                join app_public.llm_models m on m.id = e.model_id
                join app_public.rag_knowledge_sources s on s.embedding_model = m.name
               where e.tenant_id = c.tenant_id and e.chunk_id = c.id and s.tenant_id = d.tenant_id and s.id = d.source_id))
    returning d.id
  )
  select array_agg(id order by id) into v_embedded from embedded;
  perform knowledge.enqueue_stage('index', finish_embedding.tenant_id, v_embedded);
  perform knowledge.postpone_embedding(finish_embedding.tenant_id, finish_embedding.document_ids);
  return coalesce(cardinality(v_embedded), 0);
end
$$;
comment on function knowledge.finish_embedding is
  'Queues for indexing those of these documents whose chunks all have a vector of the source''s model, and the others, which wait for their provider, for embedding later. Returns how many documents have all.';
grant execute on function knowledge.finish_embedding to rowhouse_worker;
