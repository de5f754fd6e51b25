-- The vectors of chunks, and the built-in embedder, which needs no model and always gives the same vector for the same text. It
-- knows no meanings: two texts are near each other when they share words and parts of words. It serves development, tests
-- and first steps. Its method is signed feature hashing (Weinberger et al., Feature Hashing for Large Scale Multitask
-- Learning, 2009).

comment on domain app_public.embedding_task_type is 'What an embedding was made for: to be found (retrieval_document) or to search with (retrieval_query).';

call core.secure_tenant_table('app_public.embeddings');
call audit.leave_out('parts of documents, written in bulk by tasks', 'app_public.embeddings');
call core.allow('app_public.embeddings', read => 'member');
grant select on app_public.embeddings to rowhouse_user;
grant select, insert, update, delete on app_public.embeddings to rowhouse_platform;
comment on table app_public.embeddings is
  E'@large\n@behavior -query:resource:single -insert -update -delete\nA chunk''s vector by one embedding model.';
comment on constraint embeddings_tenant_id_chunk_id_fkey on app_public.embeddings is E'@fieldName chunk\n@foreignFieldName embeddings';
comment on column app_public.embeddings.model_id is 'The embedding model.';
comment on column app_public.embeddings.chunk_id is 'The chunk that was embedded.';
comment on column app_public.embeddings.embedding is 'The vector, of unit length and of the model''s dimension.';
comment on column app_public.embeddings.agent_id is 'The agent that it was made for; null when it serves all agents.';
comment on column app_public.embeddings.task_type is 'What it was made for: retrieval_document or retrieval_query.';
comment on column app_public.embeddings.cost_usd is 'The cost of making it, in US dollars.';
comment on column app_public.embeddings.generation_time_ms is 'How long the request took that made it, in milliseconds.';
comment on column app_public.embeddings.created_at is 'When it was made.';

create or replace function knowledge.hashing_embedding(content text, dimension int) returns public.vector
language sql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
  -- The number of a feature is 32 bits of its hash: the highest bit gives the sign, and 30 others choose the component.
  with words as (
    select lexeme, 1 + ln(cardinality(positions)) as weight
      from unnest(case
        when knowledge.has_characters(content) then knowledge.term_vector('pg_catalog.simple', content)
        -- PostgreSQL's parser is good enough for a method that looks at parts of words, and a few times as fast.
        else to_tsvector('pg_catalog.simple', knowledge.fold_text(content)) end)
  ), features as (
    select 'w' || lexeme as feature, weight from words
    union all
    -- Parts of words bring inflected and misspelt words near each other. They count a quarter of a word, and only the first
    -- 64 characters of a word have parts.
    select 't' || substr('_' || left(lexeme, 64) || '_', i, 3), weight * 0.25
      from words, generate_series(1, length(left(lexeme, 64))) as i
  ), hashed as (
    select ('x' || substr(md5(feature), 1, 8))::bit(32)::int as hash, weight from features
  ), components as (
    select (hash & x'3fffffff'::int) % hashing_embedding.dimension as i, sum(case when hash < 0 then -weight else weight end) as value
      from hashed group by 1
  ), dense as (
    select array_agg(coalesce(value, 0)::real order by slot) as vector, coalesce(sum(value * value), 0) as square
      from generate_series(0, hashing_embedding.dimension - 1) as slot
      left join components on i = slot
  )
  -- A text without words gets the unit vector of the first component, because the zero vector has no direction.
  select public.l2_normalize(case when square > 0 then vector
           else array_prepend(1::real, array_fill(0::real, array[hashing_embedding.dimension - 1])) end::public.vector)
    from dense;
$$;
comment on function knowledge.hashing_embedding is
  'The vector of a text, of length 1, by the built-in embedder: signed feature hashing of words and parts of words. It knows no meanings.';
