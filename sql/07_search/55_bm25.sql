-- BM25's exact best k chunks. The chunks with the rare words are scored first, exactly and from their own texts. After that
-- most blocks have nothing that could beat the last of these k. In the other blocks the scores of all chunks are added up
-- at once, as vectors over the positions, and the few chunks above a threshold are scored exactly. An impact that a block has
-- stored can be too high or too low when the average length, k1 or b have changed since. By how much at most is known
-- (search.index_slack), so that no chunk that belongs in the result is left out (docs/adr/0006).

comment on type search.scoring is 'What BM25 computes scores with during one ranking.';
comment on type search.ranking is 'Scored chunks, best first.';

create or replace function search.bm25_scores(chunk_ids bigint[], scoring search.scoring)
returns table (chunk_id bigint, score double precision)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- Up to this many terms, looking each of them up in the text is faster than going through the terms of the text.
  v_few_terms constant int := 32;
  v_terms text[] := (scoring).terms;
  v_weights double precision[] := (scoring).weights;
  v_average_length double precision := (scoring).average_length;
  v_k1 double precision := (scoring).k1;
  v_b double precision := (scoring).b;
  v_source_ids uuid[] := ((scoring).scope).source_ids;
  v_document_ids uuid[] := ((scoring).scope).document_ids;
  v_text_filter tsquery := ((scoring).scope).text_filter;
  v_any_term tsquery := (scoring).any_term;
  v_queries tsquery[] := (scoring).term_queries;
  v_has_few_terms boolean := cardinality(v_queries) <= v_few_terms;
begin
  return query
    select c.id, s.score
      from search.chunks_by_id(bm25_scores.chunk_ids) c
     cross join lateral search.length_norm(c.document_length, v_average_length, v_k1, v_b) as n (norm)
     cross join lateral (
       select sum(f.weight * f.frequency / (f.frequency + n.norm)) as score
         from (
           select q.weight, search.term_frequency(c.content_tsvector, q.term) as frequency
             from unnest(v_queries, v_weights) as q (term, weight)
            where v_has_few_terms
           union all
           select v_weights[array_position(v_terms, l.lexeme)], cardinality(l.positions)
             from unnest(c.content_tsvector) l
            where not v_has_few_terms and l.lexeme = any (v_terms)) f
        where f.frequency > 0) s
     where c.content_tsvector @@ v_any_term
       and c.source_id = any (v_source_ids)
       and (v_text_filter is null or c.content_tsvector @@ v_text_filter)
       and (v_document_ids is null or c.document_id = any (v_document_ids));
end
$$;
comment on function search.bm25_scores is
  'The exact BM25 scores of those of these chunks that are in scope and have a term.';

create or replace function search.add_scores(ranking search.ranking, chunk_ids bigint[], scoring search.scoring)
returns search.ranking
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select (array_agg(s.chunk_id order by s.score desc, s.chunk_id), array_agg(s.score order by s.score desc, s.chunk_id))::search.ranking
      from (
        select id as chunk_id, score from unnest((ranking).chunk_ids, (ranking).scores) as u (id, score)
        union all
        select * from search.bm25_scores(
          case when (ranking).chunk_ids is null then add_scores.chunk_ids
            else array(select unnest(add_scores.chunk_ids) except select unnest((ranking).chunk_ids)) end, scoring)
      ) s);
end
$$;
comment on function search.add_scores is
  'Scores those of these chunks that are not in the ranking yet, and adds them to it.';

create or replace function search.chunk_ids_at(positions search.block_position[]) returns bigint[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select b.chunk_ids[u.position - b.start]
      from (
        -- The start of the row is computed here, before the join: row level security does not let an expression that is not
        -- leakproof into the condition of an index scan. Each row is read once.
        select p.block_id, search.start_of_row(p.position) as start, array_agg(p.position) as positions
          from unnest(chunk_ids_at.positions) p
         group by p.block_id, search.start_of_row(p.position)
        offset 0) p
     cross join lateral (
       select b.chunk_ids, b.start from search.block_chunks b
        where b.tenant_id = core.current_tenant_id() and b.block_id = p.block_id and b.start = p.start
       offset 0) b
     cross join lateral unnest(p.positions) as u (position));
end
$$;
comment on function search.chunk_ids_at is
  'The chunks at these positions.';

create or replace function search.index_slack(average_length double precision, k1 double precision, b double precision)
returns double precision
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- The rounding of single precision adds less than this.
  v_rounding constant double precision := 1.00001;
begin
  return (
    -- The factor for one term of one chunk is (tf + stored norm) / (tf + norm). It lies between its value at tf = 1 and 1, and
    -- it is monotonic in the length, so the shortest and the longest chunk of a block have its extremes.
    select v_rounding * max(greatest(1,
             (1 + search.length_norm(block.min_length, block.average_length, block.k1, block.b))
               / (1 + search.length_norm(block.min_length, index_slack.average_length, index_slack.k1, index_slack.b)),
             (1 + search.length_norm(block.max_length, block.average_length, block.k1, block.b))
               / (1 + search.length_norm(block.max_length, index_slack.average_length, index_slack.k1, index_slack.b))))
      from search.blocks block
     where block.tenant_id = core.current_tenant_id());
end
$$;
comment on function search.index_slack is
  'The largest factor by which a true impact can exceed a stored one, because the average length, k1 or b have changed since it was stored; null when there is no block.';

create or replace function search.scoring_of(
  terms text[], term_weights double precision[], block_terms search.block_term[], unmerged_ids bigint[], scope search.scope
) returns search.scoring
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_total_docs int;
  v_scoring search.scoring;
begin
  v_scoring.terms := scoring_of.terms;
  v_scoring.scope := scoring_of.scope;
  select string_agg(core.tsquery_term(t.term), ' | ')::tsquery, array_agg(core.tsquery_term(t.term)::tsquery order by t.n)
    into v_scoring.any_term, v_scoring.term_queries
    from unnest(scoring_of.terms) with ordinality as t (term, n);
  select t.total_docs, t.avg_doc_length, s.k1, s.b into v_total_docs, v_scoring.average_length, v_scoring.k1, v_scoring.b
    from search.totals() t, search.settings() s;
  v_scoring.weights := array(
    select w.weight * (v_scoring.k1 + 1) * search.idf(w.document_count, v_total_docs)
      from unnest(scoring_of.term_weights, search.document_counts(scoring_of.terms, scoring_of.block_terms, scoring_of.unmerged_ids))
        as w (weight, document_count));
  return v_scoring;
end
$$;
comment on function search.scoring_of is
  'What the scores of a question are computed with: the statistics of the whole tenant, its settings, and the weights of the terms.';

create or replace function search.score_positions(
  ranking search.ranking, positions search.block_position[], depth int, slack double precision, scoring search.scoring
) returns search.ranking
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ranking search.ranking := score_positions.ranking;
  v_next int := 1;
  v_step int := score_positions.depth + 5;
begin
  while v_next <= cardinality(score_positions.positions)
    and coalesce(score_positions.positions[v_next].bound * score_positions.slack >= v_ranking.scores[score_positions.depth], true)
  loop
    v_ranking := search.add_scores(
      v_ranking, search.chunk_ids_at(score_positions.positions[v_next : v_next + v_step - 1]), score_positions.scoring);
    v_next := v_next + v_step;
    v_step := 2 * v_step;
  end loop;
  return v_ranking;
end
$$;
comment on function search.score_positions is
  'Scores the chunks at these positions exactly, those with the highest bounds (positions is in this order) first, until no other can be among the best depth.';

create or replace function search.sampled_threshold(
  blocks search.block_bound[], lowest double precision, wanted double precision, weight_scale double precision, scoring search.scoring
) returns double precision
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Chance decides about the scores of fewer chunks of a sample.
  v_smallest_sample constant int := 4;
  v_weights double precision[] := (scoring).weights;
begin
  return (
    select search.score_exceeded_by(
             t.total, t.mask, greatest(v_smallest_sample, sampled_threshold.wanted * t.candidate_count / open.candidate_count),
             sampled_threshold.lowest * search.impact_scale() / sampled_threshold.weight_scale,
             search.impact_scale() * (select sum(w) from unnest(v_weights) as w) / sampled_threshold.weight_scale)
           * sampled_threshold.weight_scale / search.impact_scale()
      from (
        select sum(b.candidate_count) as candidate_count, array_agg(b order by b.candidate_count desc) as blocks
          from unnest(sampled_threshold.blocks) b) open
     cross join lateral search.block_totals(open.blocks[1:1], (scoring).terms, v_weights, sampled_threshold.weight_scale) t);
end
$$;
comment on function search.sampled_threshold is
  'A score, not below lowest, that about wanted chunks of these blocks exceed, estimated from the block with the most candidates; null when there is no block.';

create or replace function search.first_positions(
  blocks search.block_bound[], heads search.block_position[], depth int, weight_scale double precision, scoring search.scoring,
  out threshold double precision, out positions search.block_position[]
)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- The last hit scores a little less than the depth-th best sum of rare terms, when so many chunks have rare terms.
  v_share_of_rare constant double precision := 0.98;
  -- the most that the frequent terms add up to in any block
  v_frequent double precision := (select max(b.frequent) from unnest(first_positions.blocks) b);
begin
  -- A question of one word has all its rare positions scored in their order, and the heads where the word is common.
  if cardinality((scoring).terms) = 1 then
    positions := array(
      select p from (
        select (b.block_id, u.position, u.rare)::search.block_position as p
          from unnest(first_positions.blocks) b, unnest(b.positions, b.rare) as u (position, rare)
        union all
        select h from unnest(first_positions.heads) h) found
       order by (p).bound desc);
    threshold := v_frequent;
    return;
  end if;
  threshold := (
    select v_share_of_rare * r from unnest(first_positions.blocks) b, unnest(b.rare) as r
     order by r desc limit 1 offset first_positions.depth - 1);
  if v_frequent <= threshold then
    positions := array(
      select p from search.rare_positions_above(
        threshold, first_positions.blocks, (scoring).terms, (scoring).weights, first_positions.weight_scale) p
       order by p.bound desc);
  else
    positions := array(
      select (b.block_id, u.position, u.rare + b.frequent)::search.block_position
        from unnest(first_positions.blocks) b, unnest(b.positions, b.rare) as u (position, rare)
       order by u.rare desc limit first_positions.depth + 5);
    threshold := case when v_frequent = 0 then 0 else 'Infinity'::double precision end;
  end if;
end
$$;
comment on function search.first_positions is
  'The positions to score first: those with the rare terms, and the heads. No other position scores more than the threshold, as far as the stored impacts tell; it is infinite when the frequent terms alone may score more.';

create or replace function search.rank_blocks(
  ranking search.ranking, block_terms search.block_term[], masks search.block_mask[], depth int, scoring search.scoring
) returns search.ranking
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- A little below the score of the last hit, so that rounding does not exclude a chunk of the same score.
  v_below constant double precision := 1 - 1e-9;
  -- How much more chunks are scored in each further round.
  v_growth constant int := 6;
  v_terms text[] := (scoring).terms;
  v_weights double precision[] := (scoring).weights;
  v_slack double precision := search.index_slack((scoring).average_length, (scoring).k1, (scoring).b);
  v_blocks search.block_bound[] := search.block_bounds(rank_blocks.block_terms, v_weights, rank_blocks.masks);
  -- see search.frequent_total
  v_weight_scale double precision := coalesce((select max(v_weights[t.term_number] / t.idf) from unnest(rank_blocks.block_terms) t), 1);
  -- Of the chunks that are scored, so many times more than wanted are no hits when they must match a condition. Too many cost
  -- little, because those with the highest bounds are scored first.
  v_share_of_matches constant int := 10;
  -- about how many chunks the next round is to score
  v_wanted double precision := (1.5 * rank_blocks.depth + 20)
    * case when ((scoring).scope).text_filter is null then 1 else v_share_of_matches end;
  v_heads search.block_position[] := case when cardinality(v_terms) = 1
    then search.head_positions(rank_blocks.block_terms, rank_blocks.masks, v_weights[1]) end;
  v_ranking search.ranking := rank_blocks.ranking;
  v_threshold double precision;
  v_floor double precision;
  v_positions search.block_position[];
begin
  select f.threshold, f.positions into v_threshold, v_positions
    from search.first_positions(v_blocks, v_heads, rank_blocks.depth, v_weight_scale, scoring) f;
  loop
    v_ranking := search.score_positions(v_ranking, v_positions, rank_blocks.depth, v_slack, scoring);
    -- The bound of every chunk that was left out is at most the threshold. A bound below the floor means a score below that
    -- of the last hit. So nothing is missing when the threshold is below the floor.
    v_floor := coalesce(v_ranking.scores[rank_blocks.depth] / v_slack, 0);
    exit when v_threshold < v_floor or v_threshold = 0;

    -- When many chunks exceed the floor, the next threshold is one that only about v_wanted exceed.
    v_threshold := coalesce(
      search.sampled_threshold(
        array(select b from unnest(v_blocks) b where b.frequent >= v_floor), v_floor * v_below, v_wanted, v_weight_scale, scoring),
      v_floor * v_below);
    v_positions := array(
      select p from search.positions_above(v_threshold, v_blocks, v_terms, v_weights, v_weight_scale) p order by p.bound desc);
    v_wanted := v_wanted * v_growth;
  end loop;
  return v_ranking;
end
$$;
comment on function search.rank_blocks is
  'Adds to a ranking the chunks of the blocks that belong to the best depth. It scores the chunks with the highest bounds first and stops when no other chunk can be among the best.';

create or replace function search.bm25_ranking(terms text[], term_weights double precision[], scope search.scope, depth int)
returns table (chunk_id bigint, score double precision, rank int)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
-- The plans do not depend on the question, and planning with the question's vectors as constants would be slow.
set plan_cache_mode to force_generic_plan
set jit to off
as $$
#variable_conflict use_column
declare
  v_unmerged_ids bigint[] := search.unmerged_chunk_ids();
  v_block_terms search.block_term[] := search.block_terms(bm25_ranking.terms);
  -- Scoring one chunk does not need the masks, which are large.
  v_masks search.block_mask[] := (scope).masks;
  v_scope search.scope := scope;
  v_scoring search.scoring;
  -- These chunks are scored from their own texts: those in scope, when they are few; else those that are not in a block yet.
  v_chunk_ids bigint[] := coalesce((scope).chunk_ids, v_unmerged_ids);
  v_ranking search.ranking;
begin
  if cardinality((scope).chunk_ids) = 0 then
    return;
  end if;
  v_scope.masks := null;
  v_scoring := search.scoring_of(bm25_ranking.terms, bm25_ranking.term_weights, v_block_terms, v_unmerged_ids, v_scope);
  if cardinality(v_chunk_ids) > 0 then
    v_ranking := search.add_scores(null, v_chunk_ids, v_scoring);
  end if;
  if (scope).chunk_ids is null and v_block_terms is not null then
    v_ranking := search.rank_blocks(v_ranking, v_block_terms, v_masks, bm25_ranking.depth, v_scoring);
  end if;
  return query
    select u.id, u.score, u.rank::int
      from unnest(v_ranking.chunk_ids, v_ranking.scores) with ordinality as u (id, score, rank)
     where u.rank <= bm25_ranking.depth;
end
$$;
comment on function search.bm25_ranking is
  'The best chunks in scope by BM25, exactly; of equal scores the smaller id comes first. term_weights says how much each term counts in the question. The statistics are those of the whole tenant.';
