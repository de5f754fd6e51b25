-- Ranking by vectors. A tenant's vectors are compared one by one when they are few, which is exact; when they are many, they
-- are found through the model's HNSW index, which may miss some.

-- A function may name pgvector's settings only after pgvector's library is loaded, which using the type does.
do $$ begin perform '[1]'::public.vector; end $$;

create or replace function search.vector_index_name(model_id uuid) returns name
language sql immutable parallel safe
return ('embeddings_' || replace(vector_index_name.model_id::text, '-', '') || '_hnsw')::name;
comment on function search.vector_index_name is
  'The name of a model''s vector index.';
grant execute on function search.vector_index_name to rowhouse_platform;

create or replace function search.vector_expression(model app_public.llm_models, argument text) returns text
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select case (model).vector_quantization
      when 'binary' then format('public.binary_quantize(%s)::bit(%s)', vector_expression.argument, (model).dimension)
      when 'halfvec' then format('%s::public.halfvec(%s)', vector_expression.argument, (model).dimension)
      else format('%s::public.vector(%s)', vector_expression.argument, (model).dimension)
    end);
end
$$;
comment on function search.vector_expression is
  'The SQL expression of a vector that the model''s index is built on.';

create or replace function search.vector_index_definition(model_id uuid) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- An HNSW index holds vectors of up to 2,000 dimensions, halfvec of up to 4,000 and bits of up to 64,000.
  select format('on app_public.embeddings using hnsw ((%s) %s) where model_id = %L',
           search.vector_expression(m, 'embedding'),
           case m.vector_quantization when 'binary' then 'public.bit_hamming_ops' when 'halfvec' then 'public.halfvec_cosine_ops'
             else 'public.vector_cosine_ops' end, m.id)
    from app_public.llm_models m
   where m.id = vector_index_definition.model_id and m.kind = 'embedding'
     and m.dimension <= case m.vector_quantization when 'binary' then 64000 when 'halfvec' then 4000 else 2000 end;
$$;
comment on function search.vector_index_definition is
  'What follows the name in the statement that creates a model''s vector index. It is null when the model''s vectors have too many dimensions for an index; vector_quantization raises the limit.';
grant execute on function search.vector_index_definition to rowhouse_platform;

create or replace function search.vector_index_statements(model_id uuid)
returns table (drop_statement text, create_statement text)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select format('drop index concurrently if exists app_public.%I', search.vector_index_name(d.id)),
         format('create index concurrently %I %s', search.vector_index_name(d.id), d.definition)
    from (select vector_index_statements.model_id as id, search.vector_index_definition(vector_index_statements.model_id) as definition) d
   where d.definition is not null;
$$;
comment on function search.vector_index_statements is
  'The statements by which an administrator builds a model''s vector index anew without keeping writers waiting. Returns no row when the model''s vectors have too many dimensions for an index.';

-- Nobody but the owner of a table can build an index concurrently, and no function can. A role that the worker could take
-- must not own the table, because the owner of a table can act as everyone who uses it. So this function builds the index in
-- the plain way: searches go on, and writers of vectors wait (docs/adr/0007).
create or replace function search.build_vector_index(model_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
-- While the build waits for a writer, later writers wait behind it. The task tries again.
set lock_timeout to '2s'
as $$
declare
  v_definition text := search.vector_index_definition(build_vector_index.model_id);
  v_name name := search.vector_index_name(build_vector_index.model_id);
  v_new_name name := v_name || '_new';
begin
  if v_definition is null then
    return false;
  end if;
  -- The old index, if there is one, serves until the new one is complete: dropping it keeps out readers, too.
  execute format('create index %I %s', v_new_name, v_definition);
  execute format('drop index if exists app_public.%I', v_name);
  execute format('alter index app_public.%I rename to %I', v_new_name, v_name);
  return true;
end
$$;
comment on function search.build_vector_index is
  'Builds a model''s vector index anew. Searches go on meanwhile; vectors are stored when it is complete. Returns whether the model can have an index.';
grant execute on function search.build_vector_index to rowhouse_worker;

create or replace function search.vector_index_is_ready(model_id uuid) returns boolean
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select exists (
      select from pg_index i
       where i.indexrelid = to_regclass('app_public.' || quote_ident(search.vector_index_name(vector_index_is_ready.model_id)))
         and i.indisvalid));
end
$$;
comment on function search.vector_index_is_ready is
  'Whether the model has a vector index that is completely built.';
grant execute on function search.vector_index_is_ready to rowhouse_platform;

create or replace function search.has_many_vectors(model_id uuid) returns boolean
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_limit int := (select s.exact_vector_limit from search.settings() s);
begin
  return (
    select count(*) > v_limit
      from (select from app_public.embeddings e
             where e.tenant_id = core.current_tenant_id() and e.model_id = has_many_vectors.model_id limit v_limit + 1) as counted);
end
$$;
comment on function search.has_many_vectors is
  'Whether this tenant has too many vectors of the model to compare them one by one (tenants.config.search.exactVectorLimit).';

create or replace function search.exact_vector_ranking(
  model_id uuid, query_embedding public.vector, scope search.scope, depth int
) returns table (chunk_id bigint, score double precision)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
-- A plan is made for the scope that is given.
set plan_cache_mode to auto
as $$
#variable_conflict use_column
begin
  return query
    select e.chunk_id, 1 - (e.embedding <=> exact_vector_ranking.query_embedding) as score
      from app_public.embeddings e
     where e.tenant_id = core.current_tenant_id() and e.model_id = exact_vector_ranking.model_id
       and ((scope).chunk_ids is null or e.chunk_id = any ((scope).chunk_ids))
       and ((scope).is_everything or exists (
         select from app_public.document_chunks c
          where c.tenant_id = e.tenant_id and c.id = e.chunk_id and c.source_id = any ((scope).source_ids)
            and ((scope).text_filter is null or c.content_tsvector @@ (scope).text_filter)
            and ((scope).document_ids is null or c.document_id = any ((scope).document_ids))
         offset 0))
     order by score desc, e.chunk_id
     limit exact_vector_ranking.depth;
end
$$;
comment on function search.exact_vector_ranking is
  'The nearest chunks in scope by cosine similarity, found by comparing every vector.';

create or replace function search.indexed_vector_ranking(
  model app_public.llm_models, query_embedding public.vector, scope search.scope, depth int
) returns table (chunk_id bigint, score double precision)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
-- The index is read on until enough of the neighbours it finds belong to this tenant and are in scope.
set hnsw.iterative_scan to relaxed_order
set hnsw.ef_search to 200
set hnsw.max_scan_tuples to 200000
as $$
declare
  -- An index of quantised vectors only proposes chunks; the whole vectors decide. The coarser the quantisation, the more
  -- proposals are needed.
  v_proposals int := indexed_vector_ranking.depth
    * case (model).vector_quantization when 'binary' then 10 when 'halfvec' then 2 else 1 end;
begin
  return query execute format(
    'select proposal.chunk_id, 1 - (proposal.embedding <=> $1)
       from (
         select e.chunk_id, e.embedding
           from app_public.embeddings e
          where e.model_id = %L and e.tenant_id = $2
            and (($3).is_everything or exists (
              select from app_public.document_chunks c
               where c.tenant_id = e.tenant_id and c.id = e.chunk_id and c.source_id = any (($3).source_ids)
                 and (($3).text_filter is null or c.content_tsvector @@ ($3).text_filter)
                 and (($3).document_ids is null or c.document_id = any (($3).document_ids))
              offset 0))
          order by %s %s %s
          limit $4) proposal
      order by 2 desc, 1
      limit $5',
    (model).id, search.vector_expression(model, 'e.embedding'),
    case (model).vector_quantization when 'binary' then '<~>' else '<=>' end,
    search.vector_expression(model, '$1'))
  using indexed_vector_ranking.query_embedding, core.current_tenant_id(), scope, v_proposals, indexed_vector_ranking.depth;
end
$$;
comment on function search.indexed_vector_ranking is
  'The nearest chunks in scope by cosine similarity, found through the model''s index. It may miss some; those that it finds are in exact order.';

create or replace function search.vector_ranking(
  model app_public.llm_models, query_embedding public.vector, scope search.scope, depth int
) returns table (chunk_id bigint, score double precision, rank int)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
  v_chunk_ids bigint[];
  v_scores double precision[];
begin
  if (scope).chunk_ids is null and search.vector_index_is_ready((model).id) and search.has_many_vectors((model).id) then
    select array_agg(v.chunk_id order by v.score desc, v.chunk_id), array_agg(v.score order by v.score desc, v.chunk_id)
      into v_chunk_ids, v_scores
      from search.indexed_vector_ranking(model, vector_ranking.query_embedding, scope, vector_ranking.depth) v;
  end if;
  -- The index finds too few chunks when the scope is narrow.
  if v_chunk_ids is null or cardinality(v_chunk_ids) < vector_ranking.depth then
    select array_agg(v.chunk_id order by v.score desc, v.chunk_id), array_agg(v.score order by v.score desc, v.chunk_id)
      into v_chunk_ids, v_scores
      from search.exact_vector_ranking((model).id, vector_ranking.query_embedding, scope, vector_ranking.depth) v;
  end if;
  return query select u.id, u.score, u.rank::int from unnest(v_chunk_ids, v_scores) with ordinality as u (id, score, rank);
end
$$;
comment on function search.vector_ranking is
  'The nearest chunks in scope by cosine similarity. They are exact for a tenant with up to tenants.config.search.exactVectorLimit vectors (by default 3,000) and while the model has no index.';

create or replace function search.models_of_search(embedding_model text, model_names text[]) returns app_public.llm_models[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Without sources there is no model, and the search has no hits.
  v_names text[] := case when models_of_search.embedding_model is null then coalesce(models_of_search.model_names, '{}')
    else array[models_of_search.embedding_model] end;
  v_models app_public.llm_models[] := array(
    select m from app_public.llm_models m where m.name = any (v_names) and m.kind = 'embedding' and m.is_enabled order by m.name);
begin
  if cardinality(v_models) < cardinality(v_names) then
    perform core.raise_error('SR403', 'There is no such embedding model, or it is disabled.', 'List the LLM models of kind embedding.');
  end if;
  return v_models;
end
$$;
comment on function search.models_of_search is
  E'@errors SR403\nThe embedding models of a search: the one that is named, or else those that its sources use. model_names has each name once.';

create or replace function search.query_embedding_models(query text, embedding_model text, filter app_public.search_filter)
returns table (model text, input text, base_url text, api_key_variable text, model_name text, dimension int, batch_size int, timeout_ms int)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_models app_public.llm_models[] := search.models_of_search(
    query_embedding_models.embedding_model, (select s.model_names from search.sources_by_tenant(filter) s limit 1));
begin
  return query
    -- The text to embed does not depend on the language of the sources, so no source is named.
    select m.name, (search.parse_question(query_embedding_models.query, '{}')).plain,
           p.base_url, p.api_key_variable, m.provider_model_name, m.dimension, m.batch_size, m.timeout_ms
      from unnest(v_models) m
      join app_public.llm_providers p on p.id = m.provider_id and p.kind <> 'builtin'
     order by m.name;
end
$$;
comment on function search.query_embedding_models is
  E'@errors SR403\nWhat the server needs to embed a question for a search with this filter: the text to embed and each model that is an endpoint. The built-in model embeds the question in SQL, so it has no row.';
grant execute on function search.query_embedding_models to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the worker counts the vectors of all tenants to find the models that need an index
create or replace function search.models_to_index(minimum int default 10000) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select m.id
    from app_public.llm_models m
   where m.kind = 'embedding' and m.is_enabled
     and not (select search.vector_index_is_ready(m.id))
     and search.vector_index_definition(m.id) is not null
     and exists (select from app_public.embeddings e where e.model_id = m.id offset models_to_index.minimum)
   order by m.id;
$$;
comment on function search.models_to_index is
  'The embedding models that have more than minimum vectors, counted over all tenants, and no vector index.';
grant execute on function search.models_to_index to rowhouse_worker;

set local role rowhouse_owner;
