-- The search that people and programs call. It checks the arguments, ranks (65_rank_tenants.sql), shows the hits with their
-- texts, explains them when asked, and logs the question.

comment on type app_public.search_mode is 'How a search ranks: bm25 (by words), vector (by nearness of embeddings) or hybrid (by both, fused).';
comment on type app_public.fusion_method is 'How a hybrid search fuses its two rankings: rrf (by ranks) or convex (by normalised scores).';

comment on type app_public.search_options is 'How a search works. A field that is left out has its default.';
comment on column app_public.search_options.skip is 'How many of the best hits are left out, for the pages that follow the first: 0 to 9,000, by default 0.';
comment on column app_public.search_options.fusion is 'How a hybrid search fuses its rankings: rrf (weighted reciprocal rank, the default) or convex (weighted mean of normalised scores).';
comment on column app_public.search_options.rrf_k is 'The k of reciprocal rank fusion: 1 to 1,000,000, by default 60.';
comment on column app_public.search_options.embedding_model is 'Only the sources that use this embedding model are searched by vectors. By default each source is searched with its own.';
comment on column app_public.search_options.query_embedding is 'The embedding of the question, when the caller has it already and the search has one embedding model.';
comment on column app_public.search_options.explain is 'Whether each hit says in explanation how its score was computed; by default false.';
comment on column app_public.search_options.group_by_document is 'Whether each document is shown once, by its best chunk; by default false. further_hit_count then says how many more of its chunks were found.';
comment on column app_public.search_options.max_per_document is 'How many chunks of one document are shown at most: 1 to 1,000; by default as many as rank.';
comment on column app_public.search_options.context is 'How many chunks before and after a hit are given with it in the field context: 0 to 5, by default 0. With more than 0, limit is at most 100.';
comment on column app_public.search_options.freshness_half_life is 'The age at which a document counts half as much as a new one, from 1 hour to 100 years; by default age does not count. Scores are multiplied by 0.5 ^ (age / half-life), and the age is counted from the date in the metadata of the document (the key date, in ISO 8601), or else from when the document was changed last. A similarity below zero, s, becomes s · (2 - 0.5 ^ (age / half-life)). No document counts less than one of 100 half-lives.';
comment on column app_public.search_options.query_embeddings is 'The embeddings of the question by several models, when the caller has them already: at most 100.';

comment on type app_public.query_embedding is 'The embedding of a question by one model.';
comment on column app_public.query_embedding.model is E'@notNull\nThe name of the embedding model.';
comment on column app_public.query_embedding.embedding is E'@notNull\nThe embedding, of the model''s dimension.';

comment on type app_public.search_hit is 'A chunk that a search found, with its place in the result and the parts of its score.';
comment on column app_public.search_hit.rank is E'@notNull\nPlace in the result, from 1.';
comment on column app_public.search_hit.score is E'@notNull\nThe score by which the result is ordered: BM25, cosine similarity or the fused score, depending on the mode (fused, too, when a vector search has several embedding models), times what the age of the document leaves of it when the option freshness_half_life is set. Only scores of the same result can be compared.';
comment on column app_public.search_hit.bm25_score is 'BM25 score; null when the ranking by words did not reach the chunk.';
comment on column app_public.search_hit.bm25_rank is 'Place in the ranking by words, from 1; null when that ranking did not reach the chunk.';
comment on column app_public.search_hit.vector_score is 'Cosine similarity to the question, -1 to 1; null when the ranking by vectors did not reach the chunk.';
comment on column app_public.search_hit.vector_rank is 'Place in the ranking by vectors of the source''s embedding model, from 1; null when that ranking did not reach the chunk.';
comment on column app_public.search_hit.source_id is E'@notNull\nThe knowledge source.';
comment on column app_public.search_hit.document_id is E'@notNull\nThe document.';
comment on column app_public.search_hit.chunk_id is E'@notNull\nThe chunk.';
comment on column app_public.search_hit.title is E'@notNull\nTitle of the document.';
comment on column app_public.search_hit.content is E'@notNull\nText of the chunk.';
comment on column app_public.search_hit.snippet is E'@notNull\nThe part of the text that shows the words of the question, as HTML: the text is escaped, and the words are in <mark>.';
comment on column app_public.search_hit.explanation is 'How the score was computed; null unless the option explain is set. An object with chunkCount, averageLength, k1, b and length; terms, each with term, writtenAs (the word of the question that the term stands for, when they differ), weight, df, tf, idf and score (its part of the BM25 score); and, when vectors are searched, model and similarity, and in a hybrid search fusion, vectorWeight and, with fusion rrf, rrfK; and, with freshness_half_life, documentDate and decay, by which the score was multiplied.';
comment on column app_public.search_hit.mode is E'@notNull\nHow the search ranked; the embedding models of the sources decide when the search named no mode.';
comment on column app_public.search_hit.context is 'The text of the chunk with that of the chunks around it, where what two of them have in common stands once; null unless the option context is more than 0.';
comment on column app_public.search_hit.further_hit_count is 'How many more chunks of the document were found and are left out by group_by_document or max_per_document; null without these options. Counted are the hits that the rankings were read to: the first 1,000 of each, or 10,000 where fewer were not enough.';

create or replace function search.options(
  skip int default null, fusion app_public.fusion_method default null, rrf_k int default null, embedding_model text default null,
  query_embedding public.vector default null, explain boolean default null, group_by_document boolean default null,
  max_per_document int default null, context int default null, freshness_half_life interval default null,
  query_embeddings app_public.query_embedding[] default null
) returns app_public.search_options
language sql immutable parallel safe
return row (skip, fusion, rrf_k, embedding_model, query_embedding, explain, group_by_document, max_per_document, context,
  freshness_half_life, query_embeddings)::app_public.search_options;
comment on function search.options is
  'A search_options, for searches in SQL: app_public.search(''wing'', options => search.options(skip => 10)).';
grant execute on function search.options to rowhouse_user;

create or replace function search.complete_options(options app_public.search_options) returns app_public.search_options
language sql immutable parallel safe
return search.options(
  skip => coalesce((options).skip, 0), fusion => coalesce((options).fusion, 'rrf'), rrf_k => coalesce((options).rrf_k, 60),
  embedding_model => (options).embedding_model, query_embedding => (options).query_embedding,
  explain => coalesce((options).explain, false), group_by_document => coalesce((options).group_by_document, false),
  max_per_document => coalesce((options).max_per_document, case when (options).group_by_document then 1 end),
  context => coalesce((options).context, 0), freshness_half_life => (options).freshness_half_life,
  query_embeddings => (options).query_embeddings);
comment on function search.complete_options is
  'The options of a search with the defaults filled in.';

create or replace function search.deepest_ranking() returns int language sql immutable parallel safe return 10000;
comment on function search.deepest_ranking is 'How far a ranking is read at most.';

create or replace function search.ranking_depth(mode app_public.search_mode, last_rank int, needs_documents boolean) returns int
language sql immutable parallel safe
return case
  when not ranking_depth.needs_documents and ranking_depth.mode <> 'hybrid' then ranking_depth.last_rank
  when ranking_depth.last_rank > 1000 or ranking_depth.needs_documents and ranking_depth.last_rank > 100
    then search.deepest_ranking()
  when ranking_depth.last_rank > 100 or ranking_depth.needs_documents then 1000
  else 100
end;
comment on function search.ranking_depth is
  'How far each ranking is read to show the hits up to last_rank. A hybrid search reads both rankings to the same depth, in three steps, so that its pages within a step fit together. When documents decide which hits are shown or in which order, it is one step deeper.';

create or replace function search.may_reach_more(request search.request, candidates search.candidates, shown_count int)
returns boolean
language sql immutable parallel safe
return ((request).options).max_per_document is not null and shown_count < (request).hit_limit
  and (request).depth < search.deepest_ranking() and coalesce(cardinality((candidates).chunk_ids), 0) >= (request).depth;
comment on function search.may_reach_more is
  'Whether a page that few documents fill may be filled by reading the rankings further.';

create or replace function search.check_documents(options app_public.search_options, hit_limit int) returns void
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_largest_limit_with_context constant int := 100;
begin
  if (options).freshness_half_life not between interval '1 hour' and interval '100 years' then
    perform core.raise_error('SR417', 'freshness_half_life must be from 1 hour to 100 years.', 'Leave it out to let age not count.');
  end if;
  if (options).max_per_document not between 1 and 1000 then
    perform core.raise_error('SR418', 'max_per_document must be from 1 to 1,000.', 'Leave it out to see every hit.');
  end if;
  if (options).group_by_document and (options).max_per_document <> 1 then
    perform core.raise_error('SR418', 'max_per_document must be 1 with group_by_document.', 'Give one of the two.');
  end if;
  if (options).context not between 0 and 5 then
    perform core.raise_error('SR419', 'context must be from 0 to 5.', 'Read the document to see more of it.');
  end if;
  if (options).context > 0 and check_documents.hit_limit > v_largest_limit_with_context then
    perform core.raise_error('SR419', 'limit must be at most 100 with context.', 'Ask for the next hits by skip.');
  end if;
end
$$;
comment on function search.check_documents is
  E'@errors SR417 SR418 SR419\nRefuses options on the documents of hits that are out of range.';

create or replace function search.check_request(request search.request) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_largest_query constant int := 10000;
begin
  perform tenancy.require_feature('rag_enabled');
  if (request).query is null or (request).query !~ '\S' then
    perform core.raise_error('SR404', 'The query is empty.', 'Search for at least one word.');
  end if;
  if length((request).query) > v_largest_query then
    perform core.raise_error('SR405', 'The query is longer than 10,000 characters.', 'Search for its most important words.');
  end if;
  if (request).hit_limit not between 1 and 1000 then
    perform core.raise_error('SR406', 'limit must be from 1 to 1,000.', 'Ask for fewer hits.');
  end if;
  if ((request).options).rrf_k not between 1 and 1000000 then
    perform core.raise_error('SR407', 'rrf_k must be from 1 to 1,000,000.', 'Leave it out to use the default, 60.');
  end if;
  if ((request).options).skip not between 0 and 9000 then
    perform core.raise_error('SR413', 'skip must be from 0 to 9,000.', 'Make the question more precise to see other hits first.');
  end if;
  if cardinality(((request).options).query_embeddings) > 100 then
    perform core.raise_error('SR421', 'query_embeddings must have at most 100 entries.', 'Give one for each model that the sources use.');
  end if;
  if jsonb_typeof(((request).filter).metadata) <> 'object' then
    perform core.raise_error('SR415', 'The filter on metadata must be an object.', 'Filter by {"key": value}.');
  end if;
  perform search.check_documents((request).options, (request).hit_limit);
end
$$;
comment on function search.check_request is
  E'@errors TN204 SR404 SR405 SR406 SR407 SR413 SR415 SR417 SR418 SR419 SR421\nRefuses arguments that are out of range, and a tenant whose plan does not include search.';

create or replace function search.question_vector(
  model app_public.llm_models, question search.question, options app_public.search_options
) returns public.vector
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_embedding vector := coalesce((options).query_embedding, (
    select e.embedding from unnest((options).query_embeddings) e where e.model = (question_vector.model).name limit 1));
begin
  if v_embedding is null and (select p.kind = 'builtin' from app_public.llm_providers p where p.id = (model).provider_id) then
    v_embedding := knowledge.hashing_embedding((question).plain, (model).dimension);
  end if;
  if v_embedding is null then
    perform core.raise_error('SR409', format('The model %s is an endpoint outside of the database, so SQL cannot embed the query.', (model).name),
      'Search over GraphQL, or give its embedding as query_embedding or in query_embeddings, or use mode bm25.');
  end if;
  if vector_dims(v_embedding) <> (model).dimension then
    perform core.raise_error('SR410', format('The embedding of the query has %s dimensions, but the model %s has %s.',
      vector_dims(v_embedding), (model).name, (model).dimension), 'Embed the query with the same model as the sources.');
  end if;
  if vector_norm(v_embedding) = 0 then
    perform core.raise_error('SR411', 'The embedding of the query is the zero vector, which has no direction.', 'Embed the query again.');
  end if;
  return v_embedding;
end
$$;
comment on function search.question_vector is
  E'@errors SR409 SR410 SR411\nThe vector of a question: the one that is given, or else the one that the built-in model computes.';

create or replace function app_public.search(
  query text, mode app_public.search_mode default null, "limit" int default 10,
  filter app_public.search_filter default null, options app_public.search_options default null
) returns setof app_public.search_hit
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
-- Compiling a plan takes longer than running any of these statements, and planning takes longer than running most of them.
-- A function whose plan depends on its arguments sets plan_cache_mode itself.
set jit to off
set plan_cache_mode to force_generic_plan
as $$
declare
  v_started_at constant timestamptz := clock_timestamp();
  v_request search.request;
  v_candidates search.candidates;
  v_hits app_public.search_hit[];
begin
  v_request.query := search.query;
  v_request.hit_limit := coalesce(search."limit", 10);
  v_request.filter := search.filter;
  v_request.options := search.complete_options(search.options);
  perform search.check_request(v_request);
  v_request.mode := coalesce(search.mode, search.default_mode(v_request.filter, v_request.options));
  v_request.depth := search.ranking_depth(
    v_request.mode, (v_request.options).skip + v_request.hit_limit, search.needs_documents(v_request.options));

  loop
    v_candidates := search.rank_tenants(v_request);
    v_hits := search.show_hits_of_tenants(v_request, v_candidates);
    exit when not search.may_reach_more(v_request, v_candidates, cardinality(v_hits));
    v_request.depth := search.deepest_ranking();
  end loop;
  perform search.log_query(v_request, v_started_at, v_hits);
  return query select * from unnest(v_hits);
end
$$;
comment on function app_public.search is
  E'@cost 500\n@errors SR402 SR403 SR404 SR405 SR406 SR407 SR409 SR410 SR411 SR412 SR413 SR415 SR416 SR417 SR418 SR419 SR421 TN204\nSearches the knowledge of this tenant and what other tenants share with it; the best hits come first. In the query, plain words rank the texts and need not all occur; "phrases" and title:words must occur; -words must not occur; word* stands for all words that begin like this; a word that no text has is read as the words that are spelt almost like it. mode bm25 ranks by words; vector ranks by nearness of meaning, as the embedding model sees it; hybrid fuses both with the weight of each embedding model, over the first 100 hits of each ranking (over the first 1,000 or 10,000 when the page is beyond). Without a mode the embedding models of the sources decide: when all are the built-in one, which knows no meanings, it is bm25, and otherwise hybrid; each hit says it in mode. limit is from 1 to 1,000, by default 10. A filter does not change the statistics that scores are computed from: they are those of the whole tenant; a shared source is ranked with those of its owner, and scores of different tenants are compared as they are. A query of stop words or exclusions only has no hits. The options can show each document once, or a few times, with the text around a hit, and let new documents count more: such a search chooses among the first 1,000 hits of each ranking (10,000 when the page is beyond the first 100 hits, or not full).';
grant execute on function app_public.search to rowhouse_user;

create or replace function search.explain_terms(
  chunk_id bigint, question search.question, document_counts int[], total_docs int, average_length double precision
) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_k1 double precision;
  v_b double precision;
begin
  select s.k1, s.b into v_k1, v_b from search.settings() s;
  return jsonb_build_object(
    'chunkCount', explain_terms.total_docs, 'averageLength', explain_terms.average_length, 'k1', v_k1, 'b', v_b,
    'length', (select c.document_length from app_public.document_chunks c
                where c.tenant_id = core.current_tenant_id() and c.id = explain_terms.chunk_id),
    'terms', (
      select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'term', t.term, 'writtenAs', t.written_as, 'weight', t.weight, 'df', f.n, 'tf', cardinality(l.positions),
               'idf', search.idf(f.n, explain_terms.total_docs),
               'score', t.weight * search.bm25_score(
                 cardinality(l.positions), f.n, explain_terms.total_docs, c.document_length, explain_terms.average_length, v_k1, v_b)))
               order by t.i), '[]')
        from unnest((question).terms, (question).weights, (question).written_as) with ordinality as t (term, weight, written_as, i)
        join unnest(explain_terms.document_counts) with ordinality as f (n, i) using (i)
        join app_public.document_chunks c on c.tenant_id = core.current_tenant_id() and c.id = explain_terms.chunk_id
        join unnest(c.content_tsvector) l on l.lexeme = t.term));
end
$$;
comment on function search.explain_terms is
  'How the BM25 score of a chunk is computed, as search_hit.explanation has it.';

create or replace function search.explain_age(document_id uuid, half_life interval) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_build_object('documentDate', a.date, 'decay', search.decay(a.date, explain_age.half_life))
    from app_public.documents d
   cross join search.document_date(d.metadata, d.updated_at) as a (date)
   where d.tenant_id = core.current_tenant_id() and d.id = explain_age.document_id;
$$;
comment on function search.explain_age is
  'How old a document is, and what its age leaves of a score, as search_hit.explanation has it.';

create or replace function search.explain_hits(
  hits app_public.search_hit[], request search.request, question search.question, models app_public.llm_models[]
) returns app_public.search_hit[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_mode app_public.search_mode := (request).mode;
  v_fusion app_public.fusion_method := ((request).options).fusion;
  v_half_life interval := ((request).options).freshness_half_life;
  v_total_docs int;
  v_average_length double precision;
  v_document_counts int[];
  v_model app_public.llm_models;
  v_hit app_public.search_hit;
  v_explained app_public.search_hit[] := '{}';
begin
  select t.total_docs, t.avg_doc_length into v_total_docs, v_average_length from search.totals() t;
  v_document_counts := search.document_counts(
    (question).terms, search.block_terms((question).terms), search.unmerged_chunk_ids());
  foreach v_hit in array explain_hits.hits loop
    v_hit.explanation := search.explain_terms(v_hit.chunk_id, question, v_document_counts, v_total_docs, v_average_length);
    if v_mode <> 'bm25' then
      select m.* into v_model
        from unnest(models) m
        join app_public.rag_knowledge_sources s on s.embedding_model = m.name
       where s.tenant_id = core.current_tenant_id() and s.id = v_hit.source_id;
      v_hit.explanation := v_hit.explanation || jsonb_build_object('model', v_model.name, 'similarity', v_hit.vector_score);
    end if;
    if v_mode = 'hybrid' then
      v_hit.explanation := v_hit.explanation || jsonb_build_object('fusion', v_fusion, 'vectorWeight', v_model.fusion_weight)
        || case when v_fusion = 'rrf' then jsonb_build_object('rrfK', ((request).options).rrf_k) else '{}' end;
    end if;
    if v_half_life is not null then
      v_hit.explanation := v_hit.explanation || search.explain_age(v_hit.document_id, v_half_life);
    end if;
    v_explained := v_explained || v_hit;
  end loop;
  return v_explained;
end
$$;
comment on function search.explain_hits is
  'The hits with their explanations.';

create or replace function app_public.search_hit_document(hit app_public.search_hit) returns app_public.documents
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.documents d where d.tenant_id = core.current_tenant_id() and d.id = (hit).document_id;
$$;
comment on function app_public.search_hit_document is
  'The document that the chunk is part of; null when another tenant shares the source, because a share gives access to passages and not to documents.';
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
  'The knowledge source that the document belongs to.';
grant execute on function app_public.search_hit_source to rowhouse_user;
