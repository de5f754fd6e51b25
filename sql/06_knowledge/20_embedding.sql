-- The built-in embedder: feature hashing. It needs nothing, gives the same vector for the same text everywhere, and
-- knows no meanings: texts are near when they share words and parts of words. For development, tests and first steps.
-- Source: Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009 (signed hashing).

call core.secure_tenant_table('app_public.embeddings');
call core.allow('app_public.embeddings', read => 'member');
grant select on app_public.embeddings to rowhouse_user;
grant select, insert, update, delete on app_public.embeddings to rowhouse_platform;
comment on table app_public.embeddings is
  E'@behavior -query:resource:single -insert -update -delete\nA chunk''s vector by one embedding model.';
comment on constraint embeddings_tenant_id_chunk_id_fkey on app_public.embeddings is E'@fieldName chunk\n@foreignFieldName embeddings';
comment on column app_public.embeddings.model_id is 'The embedding model.';
comment on column app_public.embeddings.chunk_id is 'The chunk.';
comment on column app_public.embeddings.embedding is 'The vector, of unit length and of the model''s dimension.';
comment on column app_public.embeddings.agent_id is 'The agent it was made for, null when it serves all.';
comment on column app_public.embeddings.task_type is 'retrieval_document or retrieval_query.';
comment on column app_public.embeddings.cost_usd is 'What making it cost, in US dollars.';
comment on column app_public.embeddings.generation_time_ms is 'How long the request that made it took, in milliseconds.';
comment on column app_public.embeddings.created_at is 'When it was made.';

create or replace function knowledge.hashing_embedding(content text, dimension int) returns public.vector
language sql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
  with words as (
    select lexeme, 1 + ln(cardinality(positions)) as weight from unnest(to_tsvector('pg_catalog.simple', content))
  ), features as (
    select 'w' || lexeme as feature, weight from words
    union all
    -- parts of words, weaker than the words themselves: they let inflected and mistyped words meet
    select 't' || substr('_' || left(lexeme, 64) || '_', i, 3), weight * 0.25
      from words, generate_series(1, length(left(lexeme, 64))) as i
  ), hashed as (
    select ('x' || substr(md5(feature), 1, 8))::bit(32)::int as hash, weight from features
  ), components as (
    select (hash & 1073741823) % hashing_embedding.dimension as i, sum(case when hash < 0 then -weight else weight end) as value
      from hashed group by 1
  ), dense as (
    select array_agg(coalesce(value, 0)::real order by slot) as vector, coalesce(sum(value * value), 0) as square
      from generate_series(0, hashing_embedding.dimension - 1) as slot
      left join components on i = slot
  )
  -- a text without words gets the first axis: the zero vector has no direction
  select public.l2_normalize(case when square > 0 then vector
           else array_prepend(1::real, array_fill(0::real, array[hashing_embedding.dimension - 1])) end::public.vector)
    from dense;
$$;
comment on function knowledge.hashing_embedding is
  'The built-in embedder''s unit vector of a text: signed feature hashing of words and parts of words. Knows no meanings.';
