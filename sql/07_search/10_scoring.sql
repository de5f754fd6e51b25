-- The formulas of search. The engine's results are checked against them.

create or replace function app_public.bm25_score(
  term_freq double precision, doc_freq int, total_docs int, doc_length int, avg_doc_length double precision,
  k1 double precision default 1.2, b double precision default 0.75
) returns double precision
language sql immutable parallel safe
return case
  when term_freq is null or doc_freq is null or total_docs is null or doc_length is null or avg_doc_length is null
    or term_freq <= 0 or avg_doc_length <= 0 then 0
  else ln(1 + (total_docs - doc_freq + 0.5::double precision) / (doc_freq + 0.5::double precision))
    * term_freq * (k1 + 1) / (term_freq + k1 * (1 - b + b * doc_length / avg_doc_length))
end;
comment on function app_public.bm25_score is
  E'@behavior -*\nBM25 of one term in one document (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) with Lucene''s idf, ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative. 0 when the term does not occur or the collection is empty.';
grant execute on function app_public.bm25_score to rowhouse_user, rowhouse_analyst;

create or replace function app_public.reciprocal_rank_fusion(
  vector_scores double precision[], text_scores double precision[], k int default 60
) returns table (idx int, score double precision)
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- an item that a list does not have (null, or beyond its end) gets nothing from that list
  with items as (
    select i, vector_scores[i] as vector_score, text_scores[i] as text_score
      from generate_series(1, greatest(cardinality(vector_scores), cardinality(text_scores))) as i
  ), ranked as (
    select i,
           case when vector_score is not null then row_number() over (order by vector_score desc nulls last, i) end as vector_rank,
           case when text_score is not null then row_number() over (order by text_score desc nulls last, i) end as text_rank
      from items
  )
  select i::int, coalesce(1 / (k + vector_rank)::double precision, 0) + coalesce(1 / (k + text_rank)::double precision, 0) as fused
    from ranked
   where vector_rank is not null or text_rank is not null
   order by fused desc, i;
$$;
comment on function app_public.reciprocal_rank_fusion is
  E'@behavior -*\nFuses two rankings of the same items (Cormack, Clarke and Büttcher, Reciprocal Rank Fusion, 2009): the sum of 1 / (k + rank). Item i has score vector_scores[i] and text_scores[i], higher is better, null when the list does not have it; equal scores rank by position. Best first; idx counts from 1.';
grant execute on function app_public.reciprocal_rank_fusion to rowhouse_user, rowhouse_analyst;

-- The merge folds what changed into the blocks. It is one transaction a batch, so a merge that is killed leaves nothing
-- behind and the next one begins where it did; readers see the index before or after, never between.

create or replace function search.length_norm(document_length int, average_length double precision, k1 double precision, b double precision)
returns double precision
language sql immutable parallel safe
return k1 * (1 - b + coalesce(b * document_length / nullif(average_length, 0), 0));
comment on function search.length_norm is
  'What BM25 adds to a term''s frequency in its denominator: k1 · (1 - b + b · length / average length).';

create or replace function search.idf(document_count int, total_docs int) returns double precision
language sql immutable parallel safe
return ln(1 + (total_docs - document_count + 0.5::double precision) / (document_count + 0.5::double precision));
comment on function search.idf is
  'Lucene''s inverse document frequency: ln(1 + (N - df + 0.5) / (df + 0.5)).';
