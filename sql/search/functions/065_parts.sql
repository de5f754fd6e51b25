-- A search is made of parts: one for the tenant of the request, and one for each tenant that shares sources with it. A
-- part runs in the context of its tenant, so that the wall, the index, the statistics and the settings are that tenant's,
-- and sees nothing but the sources it is given. app_public.search changes the context and changes it back; after an error
-- the rollback does, for whoever catches one goes back to before.

create or replace function app_private.search_parts(source_ids uuid[], agent_id uuid, tags text[], category text)
returns table (tenant_id uuid, ids uuid[], model_names text[])
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select app_hidden.current_tenant_id(), array_agg(s.id order by s.id), array_agg(distinct s.embedding_model)
      from app_private.searchable_sources(app_private.sources_in_scope(
        search_parts.source_ids, search_parts.agent_id, search_parts.tags, search_parts.category)) s
    having count(*) > 0;
  return query
    select p.* from app_private.shared_search_parts(
      search_parts.source_ids, search_parts.agent_id, search_parts.tags, search_parts.category) p;
end
$$;
comment on function app_private.search_parts(uuid[], uuid, text[], text) is
  'The tenants a search goes to, that of the request first, with the sources in scope. The first row''s model_names are the embedding models to choose from: those of this tenant''s sources, for what others share must not decide how one''s own are searched; of all shared ones where it has none in scope.';

create or replace function app_private.ranked_part(
  source_ids uuid[], query text, is_own boolean, mode app_public.search_mode, depth int,
  model app_public.llm_models, query_embedding public.vector,
  document_ids uuid[], created_after timestamptz, created_before timestamptz, metadata jsonb,
  out question app_private.search_question, out chunk_ids bigint[], out bm25_scores double precision[], out vector_scores double precision[]
)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_scope app_private.search_scope;
  v_embedding vector;
begin
  question := app_private.parse_question(
    ranked_part.query, ranked_part.source_ids, (select s.title_boost from app_hidden.search_settings() s), ranked_part.is_own);
  if question.terms is null then
    return;
  end if;
  v_scope := app_private.scope_of(
    ranked_part.source_ids, ranked_part.document_ids, ranked_part.created_after, ranked_part.created_before, ranked_part.metadata,
    question.text_filter);
  if ranked_part.mode <> 'bm25' then
    v_embedding := app_private.question_vector(model, question, ranked_part.query_embedding);
  end if;
  select array_agg(chunk_id order by chunk_id), array_agg(b.score order by chunk_id), array_agg(v.score order by chunk_id)
    into chunk_ids, bm25_scores, vector_scores
    from (select * from app_private.bm25_ranking(question.terms, question.weights, v_scope, ranked_part.depth)
           where ranked_part.mode <> 'vector') b
    full join (select * from app_private.vector_ranking(model, v_embedding, v_scope, ranked_part.depth)
                where ranked_part.mode <> 'bm25') v using (chunk_id);
end
$$;
comment on function app_private.ranked_part(uuid[], text, boolean, app_public.search_mode, int, app_public.llm_models, public.vector, uuid[], timestamptz, timestamptz, jsonb) is
  'The best chunks of these sources of the tenant of the context, to a depth by words and to one by vectors, and the question as its texts read it. SR409 to SR411, SR416 as search.';

create or replace function app_private.shown_part(
  hits app_public.search_hit[], question app_private.search_question, explain boolean,
  mode app_public.search_mode, fusion app_public.fusion_method, rrf_k int, model app_public.llm_models
) returns app_public.search_hit[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_any_term tsquery := app_private.any_term((question).terms);
  v_hits app_public.search_hit[];
begin
  v_hits := array(
    select row (h.rank, h.score, h.bm25_score, h.bm25_rank, h.vector_score, h.vector_rank,
             c.source_id, c.document_id, c.id, d.title, c.content,
             app_private.snippet(c.content, v_any_term, app_hidden.text_search_config(s.language)),
             null)::app_public.search_hit
      from unnest(shown_part.hits) h
      join app_public.document_chunks c on c.tenant_id = app_hidden.current_tenant_id() and c.id = h.chunk_id
      join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
      join app_public.rag_knowledge_sources s on s.tenant_id = c.tenant_id and s.id = c.source_id);
  if shown_part.explain then
    v_hits := app_private.explained(v_hits, question, shown_part.mode, shown_part.fusion, shown_part.rrf_k, model);
  end if;
  return v_hits;
end
$$;
comment on function app_private.shown_part(app_public.search_hit[], app_private.search_question, boolean, app_public.search_mode, app_public.fusion_method, int, app_public.llm_models) is
  'Hits in the tenant of the context with their texts and, when asked for, how their scores came about.';
