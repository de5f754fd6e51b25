-- The formulas of search: BM25 and reciprocal rank fusion. The index computes the same scores by a shorter way; the tests
-- compare its results with these functions.

create or replace function search.length_norm(document_length int, average_length double precision, k1 double precision, b double precision)
returns double precision
language sql immutable parallel safe
return k1 * (1 - b + coalesce(b * document_length / nullif(average_length, 0), 0));
comment on function search.length_norm is
  'The term that BM25 adds to a term''s frequency in its denominator: k1 · (1 - b + b · length / average length).';

create or replace function search.idf(document_count int, total_docs int) returns double precision
language sql immutable parallel safe
return ln(1 + (total_docs - document_count + 0.5::double precision) / (document_count + 0.5::double precision));
comment on function search.idf is
  'Lucene''s inverse document frequency, which is never negative: ln(1 + (N - df + 0.5) / (df + 0.5)).';

create or replace function search.bm25_score(
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
comment on function search.bm25_score is
  'The BM25 score of one term in one document (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009), with Lucene''s inverse document frequency. The score is 0 when the term does not occur or the collection is empty.';
grant execute on function search.bm25_score to rowhouse_user;

create or replace function search.reciprocal_rank_fusion(
  vector_scores double precision[], text_scores double precision[], k int default 60
) returns table (idx int, score double precision)
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- An item that is missing in a list (its score is null, or the list is shorter) gets nothing from that list.
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
comment on function search.reciprocal_rank_fusion is
  'Fuses two rankings of the same items by the sum of 1 / (k + rank) (Cormack, Clarke and Büttcher, Reciprocal Rank Fusion, 2009). Item i has the scores vector_scores[i] and text_scores[i]; a higher score is better, and null means that the list does not have the item. Equal scores rank by position. The result is ordered, best first; idx counts from 1.';
grant execute on function search.reciprocal_rank_fusion to rowhouse_user;

create or replace function search.rrf_score(bm25_rank int, vector_rank int, vector_weight double precision, rrf_k int)
returns double precision
language sql immutable parallel safe
return coalesce(1 / (rrf_k + bm25_rank)::double precision, 0) + coalesce(vector_weight / (rrf_k + vector_rank)::double precision, 0);
comment on function search.rrf_score is
  'The fused score of one hit by reciprocal rank fusion: 1 / (k + rank) by words plus the weighted 1 / (k + rank) by vectors. A rank that is null adds nothing.';

create or replace function search.convex_score(
  bm25_score double precision, highest_bm25_score double precision,
  vector_score double precision, lowest_vector_score double precision, highest_vector_score double precision,
  vector_weight double precision
) returns double precision
language sql immutable parallel safe
return (coalesce(bm25_score / nullif(highest_bm25_score, 0), 0)
  + vector_weight * coalesce((vector_score - lowest_vector_score) / nullif(highest_vector_score - lowest_vector_score, 0),
                             case when vector_score is not null then 1 end, 0)) / (1 + vector_weight);
comment on function search.convex_score is
  'The fused score of one hit as the weighted mean of both scores, each brought to the range 0 to 1: BM25 is divided by the highest BM25 score, the similarity is measured from the lowest of its ranking to the highest (Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, 2023).';
