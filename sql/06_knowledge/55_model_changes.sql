-- A source changes its embedding model gradually: a task embeds its chunks by the new model beside the vectors that are
-- searched, and when each chunk has a vector of the new model, one transaction makes it the source's. Documents that are
-- processed meanwhile get a vector of the old model by their stage and one of the new model by the task.

call core.secure_tenant_table('app_public.embedding_model_changes');
call audit.leave_out('the progress of tasks', 'app_public.embedding_model_changes');
call core.allow('app_public.embedding_model_changes', read => 'member');
grant select on app_public.embedding_model_changes to rowhouse_user;
grant select, insert, update, delete on app_public.embedding_model_changes to rowhouse_platform;
comment on table app_public.embedding_model_changes is
  E'@behavior -query:resource:connection -query:resource:single -insert -update -delete\nA change of a knowledge source''s embedding model that is running. The source is searched by the vectors of its old model until each of its chunks has one of the new; then the new model is the source''s, and the change is gone.';
comment on constraint embedding_model_changes_tenant_id_source_id_fkey on app_public.embedding_model_changes is
  E'@fieldName source\n@foreignFieldName embeddingModelChange\nThe knowledge source.';
comment on constraint embedding_model_changes_model_id_fkey on app_public.embedding_model_changes is
  E'@fieldName model\n@behavior -manyRelation:resource:connection -manyRelation:resource:list\nThe new embedding model.';
comment on column app_public.embedding_model_changes.source_id is 'The knowledge source.';
comment on column app_public.embedding_model_changes.model_id is 'The new embedding model.';
comment on column app_public.embedding_model_changes.last_error is 'What was wrong when embedding last failed; null when it has not failed. It is tried ten times in about an hour; change_embedding_model with the same model begins again where it stopped.';
comment on column app_public.embedding_model_changes.started_at is 'When the change to this model was asked for.';

create or replace function app_public.embedding_model_changes_chunk_count(change app_public.embedding_model_changes) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select count(*)::int from app_public.document_chunks c where c.tenant_id = (change).tenant_id and c.source_id = (change).source_id;
$$;
comment on function app_public.embedding_model_changes_chunk_count is
  E'@notNull\nHow many chunks the source has.';
grant execute on function app_public.embedding_model_changes_chunk_count to rowhouse_user;

create or replace function app_public.embedding_model_changes_embedded_count(change app_public.embedding_model_changes) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select count(*)::int
    from app_public.document_chunks c
    join app_public.embeddings e on e.tenant_id = c.tenant_id and e.chunk_id = c.id and e.model_id = (change).model_id
   where c.tenant_id = (change).tenant_id and c.source_id = (change).source_id;
$$;
comment on function app_public.embedding_model_changes_embedded_count is
  E'@notNull\nHow many of the source''s chunks have a vector of the new model already.';
grant execute on function app_public.embedding_model_changes_embedded_count to rowhouse_user;

create or replace function knowledge.enqueue_model_change(tenant_id uuid, source_id uuid, after_chunk_id bigint default 0) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.enqueue_tenant_job('knowledge__change_embedding_model',
    json_build_object('tenantId', enqueue_model_change.tenant_id, 'sourceId', enqueue_model_change.source_id,
      'afterChunkId', enqueue_model_change.after_chunk_id::text),
    enqueue_model_change.tenant_id, job_key => 'change_embedding_model:' || enqueue_model_change.source_id);
end
$$;
comment on function knowledge.enqueue_model_change is
  'Queues the task that embeds a source by its new model, from the chunks after this one on. A source has at most one such job waiting.';
grant execute on function knowledge.enqueue_model_change to rowhouse_worker;

create or replace function knowledge.enqueue_removal_of_old_embeddings(tenant_id uuid, source_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.enqueue_tenant_job('knowledge__delete_old_embeddings',
    json_build_object('tenantId', enqueue_removal_of_old_embeddings.tenant_id, 'sourceId', enqueue_removal_of_old_embeddings.source_id),
    enqueue_removal_of_old_embeddings.tenant_id, job_key => 'delete_old_embeddings:' || enqueue_removal_of_old_embeddings.source_id);
end
$$;
comment on function knowledge.enqueue_removal_of_old_embeddings is
  'Queues the task that deletes the vectors of a source by models that it does not use any more.';

create or replace function app_public.change_embedding_model(source_id uuid, embedding_model text)
returns app_public.rag_knowledge_sources
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(change_embedding_model.source_id);
  v_model_id uuid := (
    select m.id from app_public.llm_models m
     where m.name = change_embedding_model.embedding_model and m.kind = 'embedding' and m.is_enabled);
begin
  if v_model_id is null then
    perform core.raise_error('KN305', 'embedding_model does not name an embedding model that is enabled.', 'List the LLM models of kind embedding.');
  end if;
  -- The lock makes this wait for a change that is just being completed, and the source is read again after it.
  select * into strict v_source from app_public.rag_knowledge_sources s
   where s.tenant_id = v_source.tenant_id and s.id = v_source.id
     for update;
  if v_source.embedding_model = change_embedding_model.embedding_model then
    delete from app_public.embedding_model_changes c where c.tenant_id = v_source.tenant_id and c.source_id = v_source.id;
    if found then
      perform knowledge.enqueue_removal_of_old_embeddings(v_source.tenant_id, v_source.id);
    end if;
    return v_source;
  end if;
  insert into app_public.embedding_model_changes as c (tenant_id, source_id, model_id)
  values (v_source.tenant_id, v_source.id, v_model_id)
  on conflict on constraint embedding_model_changes_pkey do update
    set last_error = null, model_id = excluded.model_id,
        started_at = case when c.model_id = excluded.model_id then c.started_at else excluded.started_at end;
  perform knowledge.enqueue_model_change(v_source.tenant_id, v_source.id);
  return v_source;
end
$$;
comment on function app_public.change_embedding_model is
  E'@resultFieldName knowledgeSource\n@errors KN301 KN305 ID203 TN204\nGives a knowledge source another embedding model. Its chunks are embedded by it in the background, as embeddingModelChange of the source tells; meanwhile the source is searched by its old model, and when each chunk has its new vector, the new model takes its place at once. Naming another model during a change changes to that one instead; naming the model that the source uses ends the change and keeps it. It requires the permission can_manage_knowledge.';
grant execute on function app_public.change_embedding_model to rowhouse_user;

create or replace function knowledge.chunks_to_embed_anew(tenant_id uuid, source_id uuid, after_chunk_id bigint, batch_limit int)
returns table (
  chunk_id bigint, content text, model_id uuid, provider_kind text, base_url text, api_key_variable text, model_name text,
  dimension int, batch_size int, timeout_ms int, max_retries int
)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(chunks_to_embed_anew.tenant_id);
  return query
    select c.id, knowledge.searchable_text(d.title, c.content), m.id, p.kind::text, p.base_url, p.api_key_variable, m.provider_model_name,
           m.dimension, m.batch_size, m.timeout_ms, m.max_retries
      from app_public.embedding_model_changes h
      join app_public.llm_models m on m.id = h.model_id
      join app_public.llm_providers p on p.id = m.provider_id
      join app_public.document_chunks c on c.tenant_id = h.tenant_id and c.source_id = h.source_id
      join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
     where h.tenant_id = chunks_to_embed_anew.tenant_id and h.source_id = chunks_to_embed_anew.source_id
       and c.id > chunks_to_embed_anew.after_chunk_id
       and not exists (
         select from app_public.embeddings e where e.tenant_id = c.tenant_id and e.model_id = m.id and e.chunk_id = c.id)
     order by c.id
     limit chunks_to_embed_anew.batch_limit;
end
$$;
comment on function knowledge.chunks_to_embed_anew is
  'The next chunks, after this one, that have no vector of their source''s new model yet, as chunks_to_embed returns them. Returns no row when the source does not change its model.';
grant execute on function knowledge.chunks_to_embed_anew to rowhouse_worker;

create or replace function knowledge.hashing_embeddings(contents text[], dimension int) returns public.vector[]
language sql immutable parallel safe security definer
set search_path to pg_catalog, pg_temp
as $$
  select array(
    select knowledge.hashing_embedding(c.content, hashing_embeddings.dimension)
      from unnest(hashing_embeddings.contents) with ordinality as c (content, n)
     order by c.n);
$$;
comment on function knowledge.hashing_embeddings is 'The vectors of these texts by the built-in embedder, in their order.';
grant execute on function knowledge.hashing_embeddings to rowhouse_worker;

create or replace function knowledge.complete_model_change(tenant_id uuid, source_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_change app_public.embedding_model_changes;
begin
  call core.enter_tenant(complete_model_change.tenant_id);
  -- Whoever adds chunks to the source or deletes vectors of it holds a lock that this one waits for. The statements that
  -- follow see what they have done, and no more is done until this transaction ends.
  perform from app_public.rag_knowledge_sources s
    where s.tenant_id = complete_model_change.tenant_id and s.id = complete_model_change.source_id
      for update;
  select * into v_change from app_public.embedding_model_changes h
   where h.tenant_id = complete_model_change.tenant_id and h.source_id = complete_model_change.source_id;
  if not found then
    return true;
  end if;
  if exists (
    select from app_public.document_chunks c
     where c.tenant_id = v_change.tenant_id and c.source_id = v_change.source_id
       and not exists (
         select from app_public.embeddings e where e.tenant_id = c.tenant_id and e.model_id = v_change.model_id and e.chunk_id = c.id))
  then
    return false;
  end if;
  update app_public.rag_knowledge_sources s set embedding_model = m.name
    from app_public.llm_models m
   where s.tenant_id = v_change.tenant_id and s.id = v_change.source_id and m.id = v_change.model_id;
  delete from app_public.embedding_model_changes h where h.tenant_id = v_change.tenant_id and h.source_id = v_change.source_id;
  perform knowledge.enqueue_removal_of_old_embeddings(v_change.tenant_id, v_change.source_id);
  return true;
end
$$;
comment on function knowledge.complete_model_change is
  'Makes the new model the source''s when each chunk has a vector of it. Returns false when some have none yet, and true when there is nothing left to do, also when the change was completed or ended before.';
grant execute on function knowledge.complete_model_change to rowhouse_worker;

create or replace function knowledge.fail_model_change(tenant_id uuid, source_id uuid, model_id uuid, error text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(fail_model_change.tenant_id);
  update app_public.embedding_model_changes h
     set last_error = left(coalesce(fail_model_change.error, 'The embedding failed.'), knowledge.longest_error())
   where h.tenant_id = fail_model_change.tenant_id and h.source_id = fail_model_change.source_id
     and h.model_id = fail_model_change.model_id;
end
$$;
comment on function knowledge.fail_model_change is
  'Notes why the chunks of a source could not be embedded by its new model, if it still changes to this one. Its old model goes on serving.';
grant execute on function knowledge.fail_model_change to rowhouse_worker;

create or replace function knowledge.delete_old_embeddings(
  tenant_id uuid, source_id uuid, after_chunk_id bigint, batch_limit int default 1000) returns bigint
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_chunk_ids bigint[];
begin
  call core.enter_tenant(delete_old_embeddings.tenant_id);
  -- See complete_model_change: vectors that a new change relies on must not vanish after it has counted them.
  perform from app_public.rag_knowledge_sources s
    where s.tenant_id = delete_old_embeddings.tenant_id and s.id = delete_old_embeddings.source_id
      for key share;
  v_chunk_ids := array(
    select c.id from app_public.document_chunks c
     where c.tenant_id = delete_old_embeddings.tenant_id and c.source_id = delete_old_embeddings.source_id
       and c.id > delete_old_embeddings.after_chunk_id
     order by c.id
     limit delete_old_embeddings.batch_limit);
  delete from app_public.embeddings e
   where e.tenant_id = delete_old_embeddings.tenant_id and e.chunk_id = any (v_chunk_ids)
     and not exists (
       select from app_public.rag_knowledge_sources s
         join app_public.llm_models m on m.name = s.embedding_model
        where s.tenant_id = e.tenant_id and s.id = delete_old_embeddings.source_id and m.id = e.model_id)
     and not exists (
       select from app_public.embedding_model_changes h
        where h.tenant_id = e.tenant_id and h.source_id = delete_old_embeddings.source_id and h.model_id = e.model_id);
  return v_chunk_ids[cardinality(v_chunk_ids)];
end
$$;
comment on function knowledge.delete_old_embeddings is
  'Deletes the vectors of the next chunks of a source, after this one, by models that the source neither uses nor changes to. Returns the last of these chunks, or null when there were none.';
grant execute on function knowledge.delete_old_embeddings to rowhouse_worker;
