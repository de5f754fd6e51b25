-- A search over several tenants. It ranks once for the tenant of the request and once for each tenant that shares sources
-- with it. Each of these rankings runs in the context of its tenant, so that row level security, the index, the statistics
-- and the settings are that tenant's, and it sees nothing but the sources that it is given. The functions here that change
-- the context restore it before they return. After an error the rollback restores it, because whoever catches the error
-- also goes back to the savepoint before it.

comment on type search.request is 'The arguments of a search, checked and with their defaults.';
comment on type search.candidates is 'The chunks that the rankings of all tenants in scope found.';

create or replace function search.sources_by_tenant(filter app_public.search_filter)
returns table (tenant_id uuid, source_ids uuid[], model_names text[])
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select core.current_tenant_id(), array_agg(s.id order by s.id), array_agg(distinct s.embedding_model)
      from search.searchable_sources(search.sources_in_scope(filter)) s
    having count(*) > 0;
  return query select s.* from search.shared_sources_in_scope(filter) s;
end
$$;
comment on function search.sources_by_tenant is
  'The tenants that a search with this filter goes to, the tenant of the request first, with their sources in scope. The model_names of the first row are the embedding models to choose from: those of this tenant''s own sources, so that what others share does not decide how one''s own sources are searched; or those of all shared sources when no own source is in scope.';

create or replace function search.rank_by_vectors(
  request search.request, question search.question, scope search.scope, models app_public.llm_models[]
) returns table (chunk_id bigint, score double precision, model_number int)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_model app_public.llm_models;
  v_source_ids uuid[];
  v_embedding vector;
  v_scope search.scope;
begin
  for v_number in 1 .. case (request).mode when 'bm25' then 0 else cardinality(models) end loop
    v_model := models[v_number];
    v_embedding := search.question_vector(v_model, question, (request).options);
    -- A source that is being embedded anew has vectors of a second model, which do not count before all of them are there.
    v_source_ids := array(
      select s.id from app_public.rag_knowledge_sources s
       where s.tenant_id = core.current_tenant_id() and s.id = any ((scope).source_ids) and s.embedding_model = v_model.name
       order by s.id);
    if cardinality(v_source_ids) > 0 then
      v_scope := scope;
      if cardinality(v_source_ids) < cardinality((scope).source_ids) then
        if (scope).chunk_ids is null then
          v_scope := search.scope_of(v_source_ids, (request).filter, (question).text_filter);
        else
          v_scope.source_ids := v_source_ids;
          v_scope.is_everything := false;
        end if;
      end if;
      return query
        select v.chunk_id, v.score, v_number from search.vector_ranking(v_model, v_embedding, v_scope, (request).depth) v;
    end if;
  end loop;
end
$$;
comment on function search.rank_by_vectors is
  E'@errors SR409 SR410 SR411\nThe nearest chunks in scope by each of these models, up to the depth of the request. A model ranks the chunks of the sources that use it, so each chunk has one similarity.';

create or replace function search.rank_tenant(
  request search.request, source_ids uuid[], is_own boolean, models app_public.llm_models[],
  out question search.question, out chunk_ids bigint[], out bm25_scores double precision[], out vector_scores double precision[],
  out model_numbers int[], out document_ids uuid[], out decays double precision[]
)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_scope search.scope;
begin
  question := search.parse_question(
    (request).query, rank_tenant.source_ids, (select s.title_boost from search.settings() s), rank_tenant.is_own);
  if question.terms is null then
    return;
  end if;
  v_scope := search.scope_of(rank_tenant.source_ids, (request).filter, question.text_filter);
  if question.conditions is not null and v_scope.chunk_ids is null then
    v_scope := search.bound_by_words(v_scope, question.conditions);
  end if;
  select array_agg(chunk_id order by chunk_id), array_agg(b.score order by chunk_id), array_agg(v.score order by chunk_id),
         array_agg(v.model_number order by chunk_id)
    into chunk_ids, bm25_scores, vector_scores, model_numbers
    from (select * from search.bm25_ranking(question.terms, question.weights, v_scope, (request).depth)
           where (request).mode <> 'vector') b
    full join search.rank_by_vectors(request, question, v_scope, models) v using (chunk_id);
  if search.needs_documents((request).options) then
    select d.document_ids, d.decays into document_ids, decays
      from search.documents_of_chunks(chunk_ids, ((request).options).freshness_half_life) d;
  end if;
end
$$;
comment on function search.rank_tenant is
  E'@errors SR409 SR410 SR411 SR416\nThe best chunks of these sources of the tenant of the context, up to the depth of the request by words and by the vectors of each model, and the question as the texts of the sources read it; with their documents and decays when the request needs them.';

create or replace function search.rank_tenants(request search.request) returns search.candidates
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_options app_public.search_options := (request).options;
  v_tenant record;
  v_ranked record;
  v_found search.candidates;
begin
  v_found.tenant_ids := '{}';
  for v_tenant in select s.* from search.sources_by_tenant((request).filter) s loop
    -- The models of the first tenant, which is the one of the request, are used for all.
    if v_found.models is null then
      v_found.models := case (request).mode when 'bm25' then '{}'
        else search.models_of_search(v_options.embedding_model, v_tenant.model_names) end;
      if v_options.query_embedding is not null and cardinality(v_found.models) > 1 then
        perform core.raise_error('SR402', format('query_embedding is of one model, but the sources use several: %s.',
          array_to_string(v_tenant.model_names, ', ')),
          'Name its model as the option embedding_model, or give query_embeddings, or leave it out.');
      end if;
    end if;
    perform set_config('rowhouse.tenant_id', v_tenant.tenant_id::text, true);
    v_ranked := search.rank_tenant(request, v_tenant.source_ids, v_tenant.tenant_id = v_tenant_id, v_found.models);
    perform set_config('rowhouse.tenant_id', v_tenant_id::text, true);
    if v_ranked.chunk_ids is not null then
      v_found.tenant_ids := v_found.tenant_ids || v_tenant.tenant_id;
      v_found.questions := v_found.questions || v_ranked.question;
      v_found.tenant_numbers := v_found.tenant_numbers
        || array_fill(cardinality(v_found.tenant_ids), array[cardinality(v_ranked.chunk_ids)]);
      v_found.chunk_ids := v_found.chunk_ids || v_ranked.chunk_ids;
      v_found.bm25_scores := v_found.bm25_scores || v_ranked.bm25_scores;
      v_found.vector_scores := v_found.vector_scores || v_ranked.vector_scores;
      v_found.document_ids := v_found.document_ids || v_ranked.document_ids;
      v_found.decays := v_found.decays || v_ranked.decays;
      v_found.model_numbers := v_found.model_numbers || v_ranked.model_numbers;
    end if;
  end loop;
  return v_found;
end
$$;
comment on function search.rank_tenants is
  E'@errors SR402 SR403 SR409 SR410 SR411 SR416\nRanks in every tenant that the search goes to.';

create or replace function search.fuse(request search.request, candidates search.candidates)
returns table (tenant_number int, hit app_public.search_hit)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_mode app_public.search_mode := (request).mode;
  v_fusion app_public.fusion_method := ((request).options).fusion;
  v_rrf_k int := ((request).options).rrf_k;
  v_depth int := (request).depth;
  v_models app_public.llm_models[] := (candidates).models;
  -- Similarities of one model can be compared, those of several cannot: then ranks decide.
  v_is_one_model boolean := cardinality(v_models) = 1;
  -- The weighted means of convex fusion are brought to the same measure, so that a word counts the same beside each model.
  v_highest_weight double precision := (select max(m.fusion_weight) from unnest((candidates).models) m);
  v_most int := ((request).options).max_per_document;
begin
  -- The scores of all tenants are compared as they are, and ranks count the chunks of all tenants: the result is the same as
  -- if the rankings of all tenants, each read to the depth, were put together and cut off at the depth again.
  return query
    with ranked as (
      select u.*,
             row_number() over (order by u.bm25 desc nulls last, u.chunk_id, u.tenant_number) as bm25_rank,
             row_number() over (partition by u.model_number order by u.similarity desc nulls last, u.chunk_id, u.tenant_number) as vector_rank
        from unnest((candidates).tenant_numbers, (candidates).chunk_ids, (candidates).bm25_scores, (candidates).vector_scores,
                    (candidates).document_ids, (candidates).decays, (candidates).model_numbers)
          as u (tenant_number, chunk_id, bm25, similarity, document_id, decay, model_number)
    ), best as (
      select r.tenant_number, r.chunk_id, r.document_id, r.decay, r.model_number,
             coalesce((v_models[r.model_number]).fusion_weight, v_highest_weight) as vector_weight,
             case when r.bm25_rank <= v_depth then r.bm25 end as bm25,
             case when r.bm25_rank <= v_depth and r.bm25 is not null then r.bm25_rank::int end as bm25_rank,
             case when r.vector_rank <= v_depth then r.similarity end as similarity,
             case when r.vector_rank <= v_depth and r.similarity is not null then r.vector_rank::int end as vector_rank
        from ranked r
    ), fused as (
      select b.*,
             case
               when v_mode = 'bm25' then b.bm25
               when v_mode = 'vector' and v_is_one_model then b.similarity
               when v_mode = 'vector' or v_fusion = 'rrf' then search.rrf_score(b.bm25_rank, b.vector_rank, b.vector_weight, v_rrf_k)
               else search.convex_score(b.bm25, max(b.bm25) over (),
                 b.similarity, min(b.similarity) over model, max(b.similarity) over model,
                 b.vector_weight) * ((1 + b.vector_weight) / (1 + v_highest_weight))
             end as relevance
        from best b
       where num_nonnulls(b.bm25, b.similarity) > 0
      window model as (partition by b.model_number)
    ), scored as (
      -- Age makes every score smaller, also a similarity below zero.
      select f.*,
             case when f.decay is null then f.relevance
                  when f.relevance >= 0 then f.relevance * f.decay
                  else f.relevance * (2 - f.decay) end as score
        from fused f
    ), chosen as (
      -- Only one of the two branches runs.
      select s.*, null::bigint as place, null::bigint as document_hits from scored s where v_most is null
      union all
      select d.*
        from (
          select s.*, row_number() over (partition by s.tenant_number, s.document_id order by s.score desc, s.chunk_id) as place,
                 count(*) over (partition by s.tenant_number, s.document_id) as document_hits
            from scored s where v_most is not null) d
       where d.place <= v_most
    ), top as (
      select f.*, row_number() over (order by f.score desc, f.chunk_id, f.tenant_number)::int as position
        from chosen f
       order by f.score desc, f.chunk_id, f.tenant_number
       limit (request).hit_limit offset ((request).options).skip
    )
    select t.tenant_number,
           row (t.position, t.score, t.bm25, t.bm25_rank, t.similarity, t.vector_rank, null, null, t.chunk_id,
             null, null, null, null, null,
             (t.document_hits - least(t.document_hits, v_most))::int, v_mode)::app_public.search_hit
      from top t
     order by t.position;
end
$$;
comment on function search.fuse is
  'The page of hits that is asked for, with their ranks and scores and without their texts.';

create or replace function search.show_hits(
  request search.request, hits app_public.search_hit[], question search.question, models app_public.llm_models[]
) returns app_public.search_hit[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context int := ((request).options).context;
  v_hits app_public.search_hit[];
  v_contents text[];
  v_configs regconfig[];
begin
  select array_agg(s.hit order by (s.hit).rank), array_agg((s.hit).content order by (s.hit).rank),
         array_agg(knowledge.text_search_config(s.language) order by (s.hit).rank)
    into v_hits, v_contents, v_configs
    from (
      select row (h.rank, h.score, h.bm25_score, h.bm25_rank, h.vector_score, h.vector_rank,
               c.source_id, c.document_id, c.id, d.title, c.content, null,
               null, case when v_context > 0 then search.text_around(c.document_id, c.ordinal, v_context) end,
               h.further_hit_count, h.mode)::app_public.search_hit as hit, d.language
        from unnest(show_hits.hits) h
        join app_public.document_chunks c on c.tenant_id = core.current_tenant_id() and c.id = h.chunk_id
        join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id) s;
  v_hits := array(
    select row (u.rank, u.score, u.bm25_score, u.bm25_rank, u.vector_score, u.vector_rank, u.source_id, u.document_id, u.chunk_id,
             u.title, u.content, u.new_snippet, null, u.context, u.further_hit_count, u.mode)::app_public.search_hit
      from unnest(v_hits, search.snippets(v_contents, (question).terms, v_configs))
        as u (rank, score, bm25_score, bm25_rank, vector_score, vector_rank, source_id, document_id, chunk_id,
              title, content, snippet, explanation, context, further_hit_count, mode, new_snippet));
  if ((request).options).explain then
    v_hits := search.explain_hits(v_hits, request, question, models);
  end if;
  return v_hits;
end
$$;
comment on function search.show_hits is
  'Adds to hits in the tenant of the context their texts and, when the request asks for it, how their scores were computed.';

create or replace function search.show_hits_of_tenants(request search.request, candidates search.candidates)
returns app_public.search_hit[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_tenant record;
  v_hits app_public.search_hit[] := '{}';
begin
  for v_tenant in
    select f.tenant_number, array_agg(f.hit) as hits from search.fuse(request, candidates) f group by f.tenant_number order by 1
  loop
    perform set_config('rowhouse.tenant_id', (candidates).tenant_ids[v_tenant.tenant_number]::text, true);
    v_hits := v_hits || search.show_hits(
      request, v_tenant.hits, (candidates).questions[v_tenant.tenant_number], (candidates).models);
    perform set_config('rowhouse.tenant_id', v_tenant_id::text, true);
  end loop;
  return array(select h from unnest(v_hits) h order by h.rank);
end
$$;
comment on function search.show_hits_of_tenants is
  'The page of hits that is asked for, each shown as its own tenant has it.';
