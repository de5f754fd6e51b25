-- Search: reads the question, ranks by words and by vectors, fuses, shows, explains, writes down.

create or replace function search.snippet(content text, any_term tsquery, config regconfig) returns text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    -- the text is escaped before it is marked, so that a document cannot smuggle markup into a page
    select case
      when snippet.any_term is not null then
        ts_headline(snippet.config, escaped.text, snippet.any_term,
          'StartSel=<mark>, StopSel=</mark>, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=" … "')
      else left(escaped.text, 200)
    end
    from (select replace(replace(replace(snippet.content, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')) as escaped (text));
end
$$;
comment on function search.snippet is
  'The part of a text that shows the terms, as HTML: escaped, the terms in <mark>.';

create or replace function search.fused_score(
  fusion app_public.fusion_method, vector_weight double precision, rrf_k int,
  bm25_rank int, vector_rank int, bm25_score double precision, vector_score double precision,
  highest_bm25_score double precision, lowest_vector_score double precision, highest_vector_score double precision
) returns double precision
language sql immutable parallel safe
return case fused_score.fusion
  when 'rrf' then coalesce(1 / (rrf_k + bm25_rank)::double precision, 0) + coalesce(vector_weight / (rrf_k + vector_rank)::double precision, 0)
  else (coalesce(bm25_score / nullif(highest_bm25_score, 0), 0)
    + vector_weight * coalesce((vector_score - lowest_vector_score) / nullif(highest_vector_score - lowest_vector_score, 0),
                               case when vector_score is not null then 1 end, 0)) / (1 + vector_weight)
end;
comment on function search.fused_score is
  'rrf: 1 / (k + rank) by words plus the weighted one by vectors (Cormack, Clarke and Büttcher, 2009). convex: the weighted mean of both scores brought to 0..1, BM25 from 0 and similarity from the lowest of its ranking (Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, 2023).';

create or replace function search.check_search_arguments(
  query text, mode app_public.search_mode, "limit" int, skip int, rrf_k int, fusion app_public.fusion_method, metadata jsonb
) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_feature('rag_enabled');
  if check_search_arguments.query is null or check_search_arguments.query !~ '\S' then
    perform core.raise_error('SR404', 'The query is empty.', 'Search for at least one word.');
  end if;
  if length(check_search_arguments.query) > 10000 then
    perform core.raise_error('SR405', 'The query is longer than 10,000 characters.', 'Search for its essential words.');
  end if;
  if coalesce(check_search_arguments."limit" not between 1 and 1000, true) then
    perform core.raise_error('SR406', 'limit must be from 1 to 1000.', 'Ask for fewer hits.');
  end if;
  if coalesce(check_search_arguments.rrf_k not between 1 and 1000000, true) then
    perform core.raise_error('SR407', 'rrf_k must be from 1 to 1,000,000.', 'Leave it out for the usual 60.');
  end if;
  if check_search_arguments.mode is null then
    perform core.raise_error('SR408', 'mode must be bm25, vector or hybrid.', 'Leave it out for hybrid.');
  end if;
  if coalesce(check_search_arguments.skip not between 0 and 9000, true) then
    perform core.raise_error('SR413', 'skip must be from 0 to 9000.', 'Nobody reads that far: narrow the question.');
  end if;
  if check_search_arguments.fusion is null then
    perform core.raise_error('SR414', 'fusion must be rrf or convex.', 'Leave it out for rrf.');
  end if;
  if jsonb_typeof(check_search_arguments.metadata) <> 'object' then
    perform core.raise_error('SR415', 'metadata must be an object.', 'Filter by {"key": value}.');
  end if;
end
$$;
comment on function search.check_search_arguments is
  E'@errors TN204\nRefuses arguments that are out of range: SR404 to SR408, SR413 to SR415; and a tenant without the feature:';

create or replace function search.question_vector(
  model app_public.llm_models, question search.question, query_embedding public.vector
) returns public.vector
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_embedding vector := question_vector.query_embedding;
begin
  if v_embedding is null and (select p.kind = 'builtin' from app_public.llm_providers p where p.id = (model).provider_id) then
    v_embedding := knowledge.hashing_embedding((question).plain, (model).dimension);
  end if;
  if v_embedding is null then
    perform core.raise_error('SR409', format('The model %s is not in the database, so SQL cannot embed the query.', (model).name),
      'Search over GraphQL, or give query_embedding, or use mode bm25.');
  end if;
  if vector_dims(v_embedding) <> (model).dimension then
    perform core.raise_error('SR410', format('query_embedding has %s dimensions, and the model %s has %s.',
      vector_dims(v_embedding), (model).name, (model).dimension), 'Embed the query with the same model as the sources.');
  end if;
  if vector_norm(v_embedding) = 0 then
    perform core.raise_error('SR411', 'query_embedding is the zero vector, which has no direction.', 'Embed the query again.');
  end if;
  return v_embedding;
end
$$;
comment on function search.question_vector is
  E'@errors SR409 SR410 SR411\nThe vector of a question: the one given, or the built-in model''s.';

create or replace function app_public.search(
  query text,
  mode app_public.search_mode default 'hybrid',
  "limit" int default 10,
  source_ids uuid[] default null,
  embedding_model text default null,
  query_embedding public.vector default null,
  rrf_k int default 60,
  skip int default 0,
  document_ids uuid[] default null,
  agent_id uuid default null,
  tags text[] default null,
  category text default null,
  created_after timestamptz default null,
  created_before timestamptz default null,
  metadata jsonb default null,
  fusion app_public.fusion_method default 'rrf',
  explain boolean default false
) returns setof app_public.search_hit
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
-- compiling a plan takes longer than any of these, and planning longer than most; where arguments decide about a plan,
-- the function says so
set jit to off
set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  v_started_at constant timestamptz := clock_timestamp();
  v_tenant_id constant uuid := core.current_tenant_id();
  v_end int;
  v_depth int;
  v_model app_public.llm_models;
  v_part record;
  v_ranked record;
  v_tenant_ids uuid[] := '{}';
  v_questions search.question[] := '{}';
  -- of each candidate: its part, its chunk, its scores
  v_parts int[] := '{}';
  v_chunk_ids bigint[] := '{}';
  v_bm25_scores double precision[] := '{}';
  v_vector_scores double precision[] := '{}';
  v_top_parts int[];
  v_top app_public.search_hit[];
  v_hits app_public.search_hit[] := '{}';
begin
  perform search.check_search_arguments(
    search.query, search.mode, search."limit", search.skip, search.rrf_k, search.fusion, search.metadata);
  v_end := search.skip + search."limit";
  -- both rankings are read to one depth, the same for all pages of a hundred, a thousand or ten thousand
  v_depth := case when search.mode <> 'hybrid' then v_end when v_end <= 100 then 100 when v_end <= 1000 then 1000 else 10000 end;

  for v_part in
    select p.* from search.parts(search.source_ids, search.agent_id, search.tags, search.category) p
  loop
    -- the first part's for all of them, because there is one vector of the question
    if v_model.id is null and search.mode <> 'bm25' then
      v_model := search.default_model(search.embedding_model, v_part.model_names);
    end if;
    perform set_config('rowhouse.tenant_id', v_part.tenant_id::text, true);
    v_ranked := search.ranked_part(
      v_part.ids, search.query, v_part.tenant_id = v_tenant_id, search.mode, v_depth,
      v_model, search.query_embedding, search.document_ids, search.created_after, search.created_before, search.metadata);
    perform set_config('rowhouse.tenant_id', v_tenant_id::text, true);
    if v_ranked.chunk_ids is not null then
      v_tenant_ids := v_tenant_ids || v_part.tenant_id;
      v_questions := v_questions || v_ranked.question;
      v_parts := v_parts || array_fill(cardinality(v_tenant_ids), array[cardinality(v_ranked.chunk_ids)]);
      v_chunk_ids := v_chunk_ids || v_ranked.chunk_ids;
      v_bm25_scores := v_bm25_scores || v_ranked.bm25_scores;
      v_vector_scores := v_vector_scores || v_ranked.vector_scores;
    end if;
  end loop;

  -- Scores of all parts are compared as they are, and ranks are those among all parts: as if each part had been read to
  -- the depth, and then the best of them taken to that depth again.
  with ranked as (
    select u.part, u.chunk_id, u.bm25, u.similarity,
           row_number() over (order by u.bm25 desc nulls last, u.chunk_id, u.part) as bm25_rank,
           row_number() over (order by u.similarity desc nulls last, u.chunk_id, u.part) as vector_rank
      from unnest(v_parts, v_chunk_ids, v_bm25_scores, v_vector_scores) as u (part, chunk_id, bm25, similarity)
  ), best as (
    select part, chunk_id,
           case when bm25_rank <= v_depth then bm25 end as bm25,
           case when bm25_rank <= v_depth and bm25 is not null then bm25_rank::int end as bm25_rank,
           case when vector_rank <= v_depth then similarity end as similarity,
           case when vector_rank <= v_depth and similarity is not null then vector_rank::int end as vector_rank
      from ranked
  ), fused as (
    select b.*,
           case search.mode
             when 'bm25' then b.bm25
             when 'vector' then b.similarity
             else search.fused_score(search.fusion, v_model.fusion_weight, search.rrf_k, b.bm25_rank, b.vector_rank, b.bm25,
               b.similarity, max(b.bm25) over (), min(b.similarity) over (), max(b.similarity) over ())
           end as score
      from best b
     where num_nonnulls(b.bm25, b.similarity) > 0
  ), top as (
    select f.*, row_number() over (order by f.score desc, f.chunk_id, f.part) as position
      from fused f order by f.score desc, f.chunk_id, f.part limit search."limit" offset search.skip
  )
  select array_agg(part order by position),
         array_agg(row (position, score, bm25, bm25_rank, similarity, vector_rank, null, null, chunk_id, null, null, null, null)
           ::app_public.search_hit order by position)
    into v_top_parts, v_top
    from top;
  for v_index in 1 .. cardinality(v_tenant_ids) loop
    if v_index = any (v_top_parts) then
      perform set_config('rowhouse.tenant_id', v_tenant_ids[v_index]::text, true);
      v_hits := v_hits || search.shown_part(
        array(select row (h.rank, h.score, h.bm25_score, h.bm25_rank, h.vector_score, h.vector_rank, null, null, h.chunk_id, null, null, null, null)::app_public.search_hit
                from unnest(v_top) with ordinality as h where v_top_parts[h.ordinality] = v_index),
        v_questions[v_index], search.explain, search.mode, search.fusion, search.rrf_k, v_model);
      perform set_config('rowhouse.tenant_id', v_tenant_id::text, true);
    end if;
  end loop;
  v_hits := array(select h from unnest(v_hits) h order by h.rank);

  perform search.log_query(
    search.query, (select s.log_queries from search.settings() s), search.mode, search.agent_id, v_started_at, v_hits);
  return query select * from unnest(v_hits);
end
$$;
comment on function app_public.search is
  E'@cost 500\n@errors SR402 SR403 SR404 SR416\nSearches the knowledge of this tenant and what others share with it, best first. The query: words rank and need not all occur; "phrases" and title:words must occur; -words must not; word* stands for the words that begin so; a word that no text has is read as those spelt almost like it. mode bm25 ranks by words, exactly; vector by nearness of meaning as the embedding model sees it; hybrid fuses both, by fusion rrf (weighted reciprocal rank, rrf_k 60 by default) or convex (weighted mean of normalised scores), with the weight of the embedding model, over the first 100 of each ranking (1,000 or 10,000 when the page lies beyond). limit 1 to 1000, default 10; skip 0 to 9000, for the pages that follow. Filters: source_ids, document_ids, agent_id (the sources assigned to it), tags (any of a source''s), category (of the source), created_after and created_before (of the document, from and until before), metadata (of the document, contained). Statistics stay those of the whole tenant; a shared source is ranked by its owner''s, and scores are compared as they are. query_embedding saves embedding the query. explain fills explanation. A query of stop words or exclusions only has no hits.';
grant execute on function app_public.search to rowhouse_user;

create or replace function search.explained(
  hits app_public.search_hit[], question search.question, mode app_public.search_mode, fusion app_public.fusion_method,
  rrf_k int, model app_public.llm_models
) returns app_public.search_hit[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_total_docs int;
  v_average_length double precision;
  v_k1 double precision;
  v_b double precision;
  v_frequencies int[];
  v_hit app_public.search_hit;
  v_explained app_public.search_hit[] := '{}';
begin
  select t.total_docs, t.avg_doc_length into v_total_docs, v_average_length from search.totals() t;
  select s.k1, s.b into v_k1, v_b from search.settings() s;
  v_frequencies := search.document_counts(
    (question).terms, search.cells((question).terms), search.unmerged_chunk_ids());
  foreach v_hit in array explained.hits loop
    v_hit.explanation := jsonb_build_object(
      'chunkCount', v_total_docs, 'averageLength', v_average_length, 'k1', v_k1, 'b', v_b,
      'length', (select c.document_length from app_public.document_chunks c
                  where c.tenant_id = core.current_tenant_id() and c.id = v_hit.chunk_id),
      'terms', (
        select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                 'term', t.term, 'writtenAs', t.written_as, 'weight', t.weight, 'df', f.n, 'tf', cardinality(l.positions),
                 'idf', search.idf(f.n, v_total_docs),
                 'score', t.weight * app_public.bm25_score(cardinality(l.positions), f.n, v_total_docs, c.document_length, v_average_length, v_k1, v_b)))
                 order by t.i), '[]')
          from unnest((question).terms, (question).weights, (question).written_as) with ordinality as t (term, weight, written_as, i)
          join unnest(v_frequencies) with ordinality as f (n, i) using (i)
          join app_public.document_chunks c on c.tenant_id = core.current_tenant_id() and c.id = v_hit.chunk_id
          join unnest(c.content_tsvector) l on l.lexeme = t.term));
    if explained.mode <> 'bm25' then
      v_hit.explanation := v_hit.explanation || jsonb_build_object('model', (model).name, 'similarity', v_hit.vector_score);
    end if;
    if explained.mode = 'hybrid' then
      v_hit.explanation := v_hit.explanation || jsonb_build_object('fusion', explained.fusion, 'vectorWeight', (model).fusion_weight)
        || case when explained.fusion = 'rrf' then jsonb_build_object('rrfK', explained.rrf_k) else '{}' end;
    end if;
    v_explained := v_explained || v_hit;
  end loop;
  return v_explained;
end
$$;
comment on function search.explained is
  'The hits with how their scores came about.';

create or replace function app_public.search_hit_document(hit app_public.search_hit) returns app_public.documents
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.documents d where d.tenant_id = core.current_tenant_id() and d.id = (hit).document_id;
$$;
comment on function app_public.search_hit_document is
  E'@behavior typeField -queryField\nThe document the chunk is of; null when its source is shared by another tenant, which lends passages and no documents.';
grant execute on function app_public.search_hit_document to rowhouse_user;

create or replace function app_public.search_hit_source(hit app_public.search_hit) returns app_public.rag_knowledge_sources
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select s.*
    from catalog.visible_resource('knowledge_source', (hit).source_id) as v
   cross join jsonb_populate_record(null::app_public.rag_knowledge_sources, v) as s
   where v is not null;
$$;
comment on function app_public.search_hit_source is
  E'@behavior typeField -queryField\nThe knowledge source the document belongs to.';
grant execute on function app_public.search_hit_source to rowhouse_user;
