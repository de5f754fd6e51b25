-- Search. Both rankings are exact: every candidate is scored, ties go to the smaller chunk id, so the same question on
-- the same rows always has the same answer. All statistics are the tenant's own.

create or replace function app_hidden.search_settings() returns table (k1 double precision, b double precision)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((config #>> '{search,k1}')::double precision, 1.2), coalesce((config #>> '{search,b}')::double precision, 0.75)
    from app_public.tenants where id = app_hidden.current_tenant_id();
$$;
comment on function app_hidden.search_settings() is 'BM25''s parameters of this tenant.';

-- The sources a search may look into: those that are switched on, of the ones asked for.
create or replace function app_private.searchable_sources(source_ids uuid[]) returns setof app_public.rag_knowledge_sources
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select s.*
    from app_public.rag_knowledge_sources s
   where s.enabled and s.status = 'active' and s.deleted_at is null
     and (searchable_sources.source_ids is null or s.id = any (searchable_sources.source_ids));
$$;
comment on function app_private.searchable_sources(uuid[]) is 'The sources of this tenant that a search may look into, of these or of all.';

create or replace function app_private.query_terms(query text, source_ids uuid[]) returns table (term text, frequency int)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- a question is read in every language of the sources it goes to; a word said twice counts twice
  select l.lexeme, max(cardinality(l.positions))
    from (select distinct app_hidden.text_search_config(language) as config
            from app_private.searchable_sources(query_terms.source_ids)) as c,
         unnest(to_tsvector(c.config, query_terms.query)) as l
   group by l.lexeme;
$$;
comment on function app_private.query_terms(text, uuid[]) is 'The terms of a question, as the index knows them, and how often it has each.';

-- Both rankings take the tenant, the sources and the terms as plain values: with nothing but constants to estimate, the
-- planner finds the indexes also right after a load, before there are statistics.
create or replace function app_private.bm25_ranking(terms text[], term_counts int[], source_ids uuid[], depth int)
returns table (chunk_id bigint, score double precision, rank int)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_total_docs int;
  v_avg_doc_length double precision;
  v_k1 double precision;
  v_b double precision;
begin
  select s.k1, s.b into v_k1, v_b from app_hidden.search_settings() s;
  select count(*), avg(c.document_length) into v_total_docs, v_avg_doc_length
    from app_public.documents d
    join app_public.document_chunks c on c.tenant_id = v_tenant_id and c.document_id = d.id
   where d.tenant_id = v_tenant_id and d.processing_stage = 'done';

  return query
    with frequencies as (
      select q.term, q.term_count, count(*)::int as doc_freq
        from unnest(bm25_ranking.terms, bm25_ranking.term_counts) as q (term, term_count)
        join app_private.search_postings p on p.tenant_id = v_tenant_id and p.term = q.term
       group by q.term, q.term_count
    ), scored as (
      select p.chunk_id,
             -- in the order of the terms: floating-point addition depends on it
             sum(f.term_count * app_public.bm25_score(p.term_frequency, f.doc_freq, v_total_docs, c.document_length, v_avg_doc_length, v_k1, v_b)
                 order by p.term) as score
        from app_private.search_postings p
        join frequencies f on f.term = p.term
        join app_public.document_chunks c on c.tenant_id = v_tenant_id and c.id = p.chunk_id
       where p.tenant_id = v_tenant_id and p.term = any (bm25_ranking.terms)
         and c.source_id = any (bm25_ranking.source_ids)
       group by p.chunk_id
    )
    select s.chunk_id, s.score, (row_number() over (order by s.score desc, s.chunk_id))::int
      from scored s
     order by s.score desc, s.chunk_id
     limit bm25_ranking.depth;
end
$$;
comment on function app_private.bm25_ranking(text[], int[], uuid[], int) is 'The best chunks of these sources by BM25, exactly. Statistics are those of the whole tenant.';

create or replace function app_private.vector_ranking(model_id uuid, query_embedding public.vector, source_ids uuid[], depth int)
returns table (chunk_id bigint, score double precision, rank int)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
begin
  return query
    with scored as (
      select e.chunk_id, 1 - (e.embedding <=> vector_ranking.query_embedding) as score
        from app_public.embeddings e
        join app_public.document_chunks c on c.tenant_id = v_tenant_id and c.id = e.chunk_id
        join app_public.documents d on d.tenant_id = v_tenant_id and d.id = c.document_id
       where e.tenant_id = v_tenant_id and e.model_id = vector_ranking.model_id
         and d.processing_stage = 'done' and c.source_id = any (vector_ranking.source_ids)
    )
    select s.chunk_id, s.score, (row_number() over (order by s.score desc, s.chunk_id))::int
      from scored s
     order by s.score desc, s.chunk_id
     limit vector_ranking.depth;
end
$$;
comment on function app_private.vector_ranking(uuid, public.vector, uuid[], int) is 'The nearest chunks of these sources by cosine similarity, exactly.';

create or replace function app_private.search_model(embedding_model text, source_ids uuid[]) returns app_public.llm_models
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_names text[];
  v_model app_public.llm_models;
begin
  if search_model.embedding_model is null then
    select array_agg(distinct s.embedding_model order by s.embedding_model) into v_names
      from app_private.searchable_sources(search_model.source_ids) s;
    if cardinality(v_names) > 1 then
      perform app_private.raise_error('SR402', format('The sources use several embedding models: %s.', array_to_string(v_names, ', ')),
        'Name one as embedding_model, or search the sources of one model by source_ids.');
    end if;
  else
    v_names := array[search_model.embedding_model];
  end if;
  -- no source, no model, no result
  if v_names is null then
    return null;
  end if;
  select * into v_model from app_public.llm_models m where m.name = v_names[1] and m.kind = 'embedding' and m.is_enabled;
  if not found then
    perform app_private.raise_error('SR403', 'There is no such embedding model, or it is switched off.', 'List llm_models of kind embedding.');
  end if;
  return v_model;
end
$$;
comment on function app_private.search_model(text, uuid[]) is 'The embedding model of a search: the one named, or the one all its sources use. SR402: they use several; SR403: no such model.';

create or replace function app_hidden.query_embedding_model(embedding_model text, source_ids uuid[])
returns table (base_url text, api_key_variable text, model_name text, dimension int, batch_size int, timeout_ms int)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_model app_public.llm_models := app_private.search_model(query_embedding_model.embedding_model, query_embedding_model.source_ids);
begin
  return query
    select p.base_url, p.api_key_variable, v_model.provider_model_name, v_model.dimension, v_model.batch_size, v_model.timeout_ms
      from app_public.llm_providers p
     where p.id = v_model.provider_id and p.kind <> 'builtin';
end
$$;
comment on function app_hidden.query_embedding_model(text, uuid[]) is
  'What the server needs to embed a question for these sources; nothing when the built-in model does it in SQL. SR402, SR403 as search.';
grant execute on function app_hidden.query_embedding_model(text, uuid[]) to rowhouse_user;

create or replace function app_private.snippet(content text, terms text[], config regconfig) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- the text is escaped before it is marked, so that a document cannot smuggle markup into a page
  select case
    when cardinality(snippet.terms) > 0 then
      ts_headline(snippet.config, escaped.text,
        (select string_agg(quote_literal(t), ' | ')::tsquery from unnest(snippet.terms) t),
        'StartSel=<mark>, StopSel=</mark>, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=" … "')
    else left(escaped.text, 200)
  end
  from (select replace(replace(replace(snippet.content, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')) as escaped (text);
$$;
comment on function app_private.snippet(text, text[], regconfig) is 'The part of a text that shows the terms, as HTML: escaped, the terms in <mark>.';

create or replace function app_public.search(
  query text,
  mode app_public.search_mode default 'hybrid',
  "limit" int default 10,
  source_ids uuid[] default null,
  embedding_model text default null,
  query_embedding public.vector default null,
  rrf_k int default 60
) returns setof app_public.search_hit
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_model app_public.llm_models;
  v_is_builtin boolean;
  v_embedding vector;
  v_depth int;
  v_source_ids uuid[] := array(select s.id from app_private.searchable_sources(search.source_ids) s);
  v_terms text[];
  v_term_counts int[];
begin
  if search.query is null or search.query !~ '\S' then
    perform app_private.raise_error('SR404', 'The query is empty.', 'Search for at least one word.');
  end if;
  if length(search.query) > 10000 then
    perform app_private.raise_error('SR405', 'The query is longer than 10,000 characters.', 'Search for its essential words.');
  end if;
  if coalesce(search."limit" not between 1 and 1000, true) then
    perform app_private.raise_error('SR406', 'limit must be from 1 to 1000.', 'Ask for fewer hits.');
  end if;
  if coalesce(search.rrf_k not between 1 and 1000000, true) then
    perform app_private.raise_error('SR407', 'rrf_k must be from 1 to 1,000,000.', 'Leave it out for the usual 60.');
  end if;
  if search.mode is null then
    perform app_private.raise_error('SR408', 'mode must be bm25, vector or hybrid.', 'Leave it out for hybrid.');
  end if;

  -- each ranking is read to the same depth, so a hit can be found by either
  v_depth := case when search.mode = 'hybrid' then greatest(search."limit", 100) else search."limit" end;
  select array_agg(t.term order by t.term), array_agg(t.frequency order by t.term) into v_terms, v_term_counts
    from app_private.query_terms(search.query, search.source_ids) t;
  if v_terms is null then
    -- nothing but stop words says nothing, in any mode
    return;
  end if;

  if search.mode <> 'bm25' then
    v_model := app_private.search_model(search.embedding_model, search.source_ids);
    if v_model.id is null then
      return;
    end if;
    select kind = 'builtin' into v_is_builtin from app_public.llm_providers p where p.id = v_model.provider_id;
    v_embedding := coalesce(
      search.query_embedding,
      case when v_is_builtin then app_hidden.hashing_embedding(search.query, v_model.dimension) end);
    if v_embedding is null then
      perform app_private.raise_error('SR409', format('The model %s is not in the database, so SQL cannot embed the query.', v_model.name),
        'Search over GraphQL, or give query_embedding, or use mode bm25.');
    end if;
    if vector_dims(v_embedding) <> v_model.dimension then
      perform app_private.raise_error('SR410', format('query_embedding has %s dimensions, and the model %s has %s.',
        vector_dims(v_embedding), v_model.name, v_model.dimension), 'Embed the query with the same model as the sources.');
    end if;
    if vector_norm(v_embedding) = 0 then
      perform app_private.raise_error('SR411', 'query_embedding is the zero vector, which has no direction.', 'Embed the query again.');
    end if;
  end if;

  return query
    with bm25 as (
      select * from app_private.bm25_ranking(v_terms, v_term_counts, v_source_ids, v_depth) where search.mode <> 'vector'
    ), vec as (
      select * from app_private.vector_ranking(v_model.id, v_embedding, v_source_ids, v_depth) where search.mode <> 'bm25'
    ), fused as (
      select chunk_id, b.score as bm25, b.rank as bm25_rank, v.score as similarity, v.rank as vector_rank,
             case search.mode
               when 'bm25' then b.score
               when 'vector' then v.score
               else coalesce(1 / (search.rrf_k + b.rank)::double precision, 0)
                  + coalesce(v_model.fusion_weight / (search.rrf_k + v.rank)::double precision, 0)
             end as score
        from bm25 b full join vec v using (chunk_id)
    ), top as (
      select f.*, row_number() over (order by f.score desc, f.chunk_id) as position
        from fused f order by f.score desc, f.chunk_id limit search."limit"
    )
    select top.position::int, top.score, top.bm25, top.bm25_rank, top.similarity, top.vector_rank,
           c.source_id, c.document_id, c.id, d.title, c.content,
           app_private.snippet(c.content, v_terms, app_hidden.text_search_config(s.language))
      from top
      join app_public.document_chunks c on c.tenant_id = app_hidden.current_tenant_id() and c.id = top.chunk_id
      join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
      join app_public.rag_knowledge_sources s on s.tenant_id = c.tenant_id and s.id = c.source_id
     order by top.position;
end
$$;
comment on function app_public.search(text, app_public.search_mode, int, uuid[], text, public.vector, int) is
  'Searches the knowledge of this tenant, best first. mode bm25 ranks by words, vector by nearness of meaning as the embedding model sees it, hybrid fuses both by weighted reciprocal rank (the first 100 of each, or limit when that is more). limit 1 to 1000, default 10. source_ids narrows the search; statistics stay those of the whole tenant. query_embedding saves embedding the query; rrf_k (default 60) flattens or sharpens the fusion. A query of stop words only has no hits. SR402: several embedding models, name one; SR403: no such model; SR404 to SR411: an argument is out of range.';
grant execute on function app_public.search(text, app_public.search_mode, int, uuid[], text, public.vector, int) to rowhouse_user;

create or replace function app_public.search_hit_document(hit app_public.search_hit) returns app_public.documents
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.documents d where d.tenant_id = app_hidden.current_tenant_id() and d.id = (hit).document_id;
$$;
comment on function app_public.search_hit_document(app_public.search_hit) is E'@behavior typeField -queryField\nThe document the chunk is of.';

create or replace function app_public.search_hit_source(hit app_public.search_hit) returns app_public.rag_knowledge_sources
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.rag_knowledge_sources s where s.tenant_id = app_hidden.current_tenant_id() and s.id = (hit).source_id;
$$;
comment on function app_public.search_hit_source(app_public.search_hit) is E'@behavior typeField -queryField\nThe knowledge source the document belongs to.';
grant execute on function app_public.search_hit_document(app_public.search_hit), app_public.search_hit_source(app_public.search_hit)
  to rowhouse_user;
