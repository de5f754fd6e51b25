-- A search is made of parts: one for the tenant of the request, and one for each tenant that shares sources with it. A
-- part runs in the context of its tenant, so that the wall, the index, the statistics and the settings are that tenant's,
-- and sees nothing but the sources it is given. app_public.search changes the context and changes it back; after an error
-- the rollback does, for whoever catches one goes back to before.

comment on type app_public.fusion_method is 'How hybrid search fuses its two rankings: rrf (by ranks) or convex (by normalised scores).';
comment on type app_public.search_mode is 'How a search ranks: bm25 (words), vector (nearness of embeddings) or hybrid (both, fused).';
comment on type app_public.search_hit is 'A chunk that a search found, with its place and the parts of its score.';
comment on column app_public.search_hit.rank is 'Place in the result, from 1.';
comment on column app_public.search_hit.score is 'What the result is ordered by: BM25, cosine similarity or the fused score, as the mode says. Comparable within one result only.';
comment on column app_public.search_hit.bm25_score is 'BM25 score, null when the words ranking did not reach the chunk.';
comment on column app_public.search_hit.bm25_rank is 'Place in the words ranking, from 1, or null.';
comment on column app_public.search_hit.vector_score is 'Cosine similarity to the query, -1 to 1, null when the vector ranking did not reach the chunk.';
comment on column app_public.search_hit.vector_rank is 'Place in the vector ranking, from 1, or null.';
comment on column app_public.search_hit.source_id is 'The knowledge source.';
comment on column app_public.search_hit.document_id is 'The document.';
comment on column app_public.search_hit.chunk_id is 'The chunk.';
comment on column app_public.search_hit.title is 'Title of the document.';
comment on column app_public.search_hit.content is 'Text of the chunk.';
comment on column app_public.search_hit.snippet is 'The part of the text that shows the query''s words, as HTML: escaped, the words in <mark>.';
comment on column app_public.search_hit.explanation is 'Only with explain: chunkCount, averageLength, k1, b and length; terms, each with term, writtenAs (the word it stands for, when it was not written so), weight, df, tf, idf and its part of the BM25 score; in the other modes model, similarity, fusion, vectorWeight and rrfK.';

create or replace function search.parts(source_ids uuid[], agent_id uuid, tags text[], category text)
returns table (tenant_id uuid, ids uuid[], model_names text[])
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select core.current_tenant_id(), array_agg(s.id order by s.id), array_agg(distinct s.embedding_model)
      from search.searchable_sources(search.sources_in_scope(
        parts.source_ids, parts.agent_id, parts.tags, parts.category)) s
    having count(*) > 0;
  return query
    select p.* from search.shared_search_parts(
      parts.source_ids, parts.agent_id, parts.tags, parts.category) p;
end
$$;
comment on function search.parts is
  'The tenants a search goes to, that of the request first, with the sources in scope. The first row''s model_names are the embedding models to choose from: those of this tenant''s sources, for what others share must not decide how one''s own are searched; of all shared ones where it has none in scope.';

create or replace function search.ranked_part(
  source_ids uuid[], query text, is_own boolean, mode app_public.search_mode, depth int,
  model app_public.llm_models, query_embedding public.vector,
  document_ids uuid[], created_after timestamptz, created_before timestamptz, metadata jsonb,
  out question search.question, out chunk_ids bigint[], out bm25_scores double precision[], out vector_scores double precision[]
)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_scope search.scope;
  v_embedding vector;
begin
  question := search.parse_question(
    ranked_part.query, ranked_part.source_ids, (select s.title_boost from search.settings() s), ranked_part.is_own);
  if question.terms is null then
    return;
  end if;
  v_scope := search.scope_of(
    ranked_part.source_ids, ranked_part.document_ids, ranked_part.created_after, ranked_part.created_before, ranked_part.metadata,
    question.text_filter);
  if ranked_part.mode <> 'bm25' then
    v_embedding := search.question_vector(model, question, ranked_part.query_embedding);
  end if;
  select array_agg(chunk_id order by chunk_id), array_agg(b.score order by chunk_id), array_agg(v.score order by chunk_id)
    into chunk_ids, bm25_scores, vector_scores
    from (select * from search.bm25_ranking(question.terms, question.weights, v_scope, ranked_part.depth)
           where ranked_part.mode <> 'vector') b
    full join (select * from search.vector_ranking(model, v_embedding, v_scope, ranked_part.depth)
                where ranked_part.mode <> 'bm25') v using (chunk_id);
end
$$;
comment on function search.ranked_part is
  'The best chunks of these sources of the tenant of the context, to a depth by words and to one by vectors, and the question as its texts read it. SR409 to SR411, SR416 as search.';

create or replace function search.shown_part(
  hits app_public.search_hit[], question search.question, explain boolean,
  mode app_public.search_mode, fusion app_public.fusion_method, rrf_k int, model app_public.llm_models
) returns app_public.search_hit[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_any_term tsquery := search.any_term((question).terms);
  v_hits app_public.search_hit[];
begin
  v_hits := array(
    select row (h.rank, h.score, h.bm25_score, h.bm25_rank, h.vector_score, h.vector_rank,
             c.source_id, c.document_id, c.id, d.title, c.content,
             search.snippet(c.content, v_any_term, knowledge.text_search_config(s.language)),
             null)::app_public.search_hit
      from unnest(shown_part.hits) h
      join app_public.document_chunks c on c.tenant_id = core.current_tenant_id() and c.id = h.chunk_id
      join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
      join app_public.rag_knowledge_sources s on s.tenant_id = c.tenant_id and s.id = c.source_id);
  if shown_part.explain then
    v_hits := search.explained(v_hits, question, shown_part.mode, shown_part.fusion, shown_part.rrf_k, model);
  end if;
  return v_hits;
end
$$;
comment on function search.shown_part is
  'Hits in the tenant of the context with their texts and, when asked for, how their scores came about.';
