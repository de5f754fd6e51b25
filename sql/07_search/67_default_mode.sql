-- Which mode a search has that names none. Vectors are worth their time when the model behind them knows meanings. The
-- built-in embedder hashes words, which ranking by words does better, so what only has its vectors is searched by words.

create or replace function search.default_mode(filter app_public.search_filter, options app_public.search_options)
returns app_public.search_mode
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_models app_public.llm_models[];
begin
  -- Whoever gives the vector of the question wants it to count.
  if (options).query_embedding is not null or cardinality((options).query_embeddings) > 0 then
    return 'hybrid';
  end if;
  v_models := search.models_of_search(
    (options).embedding_model, (select s.model_names from search.sources_by_tenant(filter) s limit 1));
  return case when exists (
      select from unnest(v_models) m
        join app_public.llm_providers p on p.id = m.provider_id
       where p.kind <> 'builtin')
    then 'hybrid' else 'bm25' end;
end
$$;
comment on function search.default_mode is
  E'@errors SR403\nThe mode of a search that names none: hybrid when one of its embedding models is not the built-in one, or when the caller gives an embedding of the question; else bm25.';
