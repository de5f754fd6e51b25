-- Upper bounds of BM25 scores, from the impacts that the index stores. They find the few chunks that may be among the best,
-- without reading any text; 55_bm25.sql then scores these exactly. A rare term has a bound at each of its positions; the
-- frequent terms of a block are added up for all its positions at once, as vectors.

comment on type search.block_bound is 'How much the terms of a question can add to the score of a chunk of this block.';
comment on type search.block_position is 'A place in the index, with an upper bound of the score of the chunk that is there.';

create or replace function search.constant_vector(value double precision, dimension int) returns public.vector
language plpgsql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
declare
  -- The vector is doubled until it is long enough, which is four times as fast as making all of it from an array.
  v_first_length constant int := 125;
  v_vector vector := array_fill(value::real, array[least(v_first_length, dimension)])::vector;
begin
  while 2 * vector_dims(v_vector) <= dimension loop
    v_vector := v_vector || v_vector;
  end loop;
  if vector_dims(v_vector) < dimension then
    v_vector := v_vector || subvector(v_vector, 1, dimension - vector_dims(v_vector));
  end if;
  return v_vector;
end
$$;
comment on function search.constant_vector is
  'A vector whose elements all have this value.';

create or replace function search.block_bounds(
  block_terms search.block_term[], weights double precision[], masks search.block_mask[] default null
) returns search.block_bound[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select (block.id, b.chunk_count, m.mask, coalesce(bit_count(m.mask), b.chunk_count), block.frequent, block.frequent_terms,
             rare.positions, rare.totals)::search.block_bound
      from (
        select c.block_id as id, coalesce(sum(block_bounds.weights[c.term_number] * coalesce(search.impact_above_rest(c.head), c.highest_impact)), 0) / search.impact_scale() as frequent,
               array_agg(c.term_number) filter (where c.postings is null) as frequent_terms
          from unnest(block_bounds.block_terms) c
         group by c.block_id
      ) block
      join search.blocks b on b.tenant_id = core.current_tenant_id() and b.id = block.id
      left join unnest(block_bounds.masks) m on m.block_id = block.id
      left join (
        select p.block_id, array_agg(p.position) as positions, array_agg(p.total) as totals
          from (
            select c.block_id, search.posting_position(p) as position,
                   sum(search.posting_impact(p) * block_bounds.weights[c.term_number]) / search.impact_scale() as total
              from unnest(block_bounds.block_terms) c, unnest(c.postings) as p
             group by c.block_id, search.posting_position(p)
          ) p
          left join unnest(block_bounds.masks) m using (block_id)
         where m.mask is null or get_bit(m.mask, p.position - 1) = 1
         group by p.block_id
      ) rare on rare.block_id = block.id
     where block_bounds.masks is null or m.block_id is not null);
end
$$;
comment on function search.block_bounds is
  'How much the terms can add to the score of a chunk of each block that may have hits. What heads have is not counted: search.head_positions has it. weights: as in search.scoring; masks: as in search.scope.';

-- This function and search.block_totals are sets and inlined, because a function call for each block would take longer than
-- adding up its vectors. They add the stored vectors up as they are, without multiplying each by the weight of its term, which
-- would take four times as long: the stored impacts contain the idf that the term had in the block, and weight_scale is the
-- largest factor between a weight and such an idf. Only a term whose factor is much smaller is multiplied.
create or replace function search.frequent_total(
  block search.block_bound, terms text[], weights double precision[], weight_scale double precision
) returns table (total public.vector)
language sql stable
begin atomic
  select search.vector_total(
           case
             when r.ratio > 0.9 then p.impacts::public.vector
             else p.impacts::public.vector operator(public.*) search.constant_vector(r.ratio, (frequent_total.block).chunk_count)
           end)
    from unnest((frequent_total.block).frequent_terms) as t (n)
   cross join lateral (
     select p.idf, p.impacts from search.postings p
      where p.tenant_id = core.current_tenant_id() and p.term = frequent_total.terms[t.n] collate "C"
        and p.block_id = (frequent_total.block).block_id
     offset 0) p
   cross join lateral (select frequent_total.weights[t.n] / p.idf / frequent_total.weight_scale as ratio) r;
end;
comment on function search.frequent_total is
  'What the frequent terms add to the score of each chunk of the block, by position, in units of weight_scale / search.impact_scale(). It is never below the truth by more than the slack.';

create or replace function search.block_totals(
  blocks search.block_bound[], terms text[], weights double precision[], weight_scale double precision
) returns table (block_id bigint, chunk_count int, mask bit varying, candidate_count int, total public.vector)
language sql stable
begin atomic
  select b.block_id, b.chunk_count, b.mask, b.candidate_count, t.total
    from unnest(block_totals.blocks) b
   cross join lateral (
     select search.vector_total(part.total) as total
       from (
         select f.total from search.frequent_total(b, block_totals.terms, block_totals.weights, block_totals.weight_scale) f
         union all
         select ('{' || string_agg(u.position || ':' || (u.total * search.impact_scale() / block_totals.weight_scale)::real, ',')
                 || '}/' || b.chunk_count)::public.sparsevec::public.vector
           from unnest(b.positions, b.rare) as u (position, total)
       ) part) t
   where t.total is not null;
end;
comment on function search.block_totals is
  'The scores of all chunks of these blocks, in the units of search.frequent_total: the sum of their frequent and their rare terms.';

create or replace function search.rare_positions_above(
  threshold double precision, blocks search.block_bound[], terms text[], weights double precision[], weight_scale double precision
) returns setof search.block_position
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  -- Adding up the frequent terms of a block takes as long as scoring this many chunks from their texts.
  v_cost_of_total constant int := 3;
begin
  return query
    with block as materialized (
      select b.*, b as bounds,
             b.frequent > 0
               and (select count(*) from unnest(b.rare) as r where r + b.frequent > rare_positions_above.threshold) > v_cost_of_total
               as is_refined
        from unnest(rare_positions_above.blocks) b
    )
    select b.block_id, u.position, u.rare + b.frequent
      from block b, unnest(b.positions, b.rare) as u (position, rare)
     where not b.is_refined and u.rare + b.frequent > rare_positions_above.threshold
    union all
    select * from (
      select b.block_id, u.position,
             u.rare + vector_norm(subvector(f.total, u.position, 1)) * rare_positions_above.weight_scale / search.impact_scale() as bound
        from block b
       cross join lateral search.frequent_total(
         b.bounds, rare_positions_above.terms, rare_positions_above.weights, rare_positions_above.weight_scale) f
       cross join lateral unnest(b.positions, b.rare) as u (position, rare)
       where b.is_refined and u.rare + b.frequent > rare_positions_above.threshold
      offset 0) refined
     where refined.bound > rare_positions_above.threshold;
end
$$;
comment on function search.rare_positions_above is
  'The positions that have a rare term and that may score more than the threshold, as far as the stored impacts tell.';

create or replace function search.score_exceeded_by(
  scores public.vector, mask bit varying, wanted double precision, lowest double precision, highest double precision
) returns double precision
language plpgsql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
declare
  -- So many halvings are finer than the distances between the scores of a sample.
  v_halvings constant int := 10;
  v_low double precision := score_exceeded_by.lowest;
  v_high double precision := score_exceeded_by.highest;
  v_middle double precision := score_exceeded_by.lowest;
  v_dimension int := vector_dims(score_exceeded_by.scores);
  v_exceeding bit varying;
begin
  for i in 0..v_halvings loop
    v_exceeding := binary_quantize(score_exceeded_by.scores - search.constant_vector(v_middle, v_dimension));
    if bit_count(coalesce(v_exceeding & score_exceeded_by.mask, v_exceeding)) >= score_exceeded_by.wanted then
      v_low := v_middle;
    elsif i = 0 then
      exit;
    else
      v_high := v_middle;
    end if;
    v_middle := (v_low + v_high) / 2;
  end loop;
  return v_low;
end
$$;
comment on function search.score_exceeded_by is
  'About the highest score that at least wanted of these scores, at positions of the mask, exceed, found by halving the range between lowest and highest; lowest when fewer exceed it.';

create or replace function search.positions_above(
  threshold double precision, blocks search.block_bound[], terms text[], weights double precision[], weight_scale double precision
) returns setof search.block_position
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  -- Adding up a whole block takes as long as scoring about this many chunks from their texts.
  v_cost_of_total constant int := 8;
  -- the threshold in the units of search.block_totals
  v_threshold double precision := threshold * search.impact_scale() / weight_scale;
  v_added_up search.block_bound[] := array(
    select b from unnest(positions_above.blocks) b
     where b.frequent > positions_above.threshold
        or (select count(*) from unnest(b.rare) as r where r + b.frequent > positions_above.threshold) > v_cost_of_total);
  v_dimension int := (select max(b.chunk_count) from unnest(v_added_up) b);
  v_thresholds vector := search.constant_vector(v_threshold, v_dimension);
begin
  return query
    select b.block_id, u.position, u.rare + b.frequent
      from unnest(positions_above.blocks) b, unnest(b.positions, b.rare) as u (position, rare)
     where u.rare + b.frequent > positions_above.threshold
       and b.block_id <> all (array(select a.block_id from unnest(v_added_up) a))
    union all
    select scored.block_id, found.position,
           (v_threshold + vector_norm(subvector(scored.excess, found.position, 1))) * positions_above.weight_scale / search.impact_scale()
      from (
        select block.block_id, block.excess,
               case when block.mask is null then binary_quantize(block.excess) else binary_quantize(block.excess) & block.mask end as bits
          from (
            select t.block_id, t.mask,
                   t.total - case when t.chunk_count = v_dimension then v_thresholds else subvector(v_thresholds, 1, t.chunk_count) end as excess
              from search.block_totals(v_added_up, positions_above.terms, positions_above.weights, positions_above.weight_scale) t
            offset 0) block
        offset 0) scored
     -- The bits are split at each 1: the number of characters up to a 1 is its position.
     cross join lateral (
       select (sum(length(p.gap) + 1) over (order by p.n))::int as position
         from string_to_table(scored.bits::text, '1') with ordinality as p (gap, n)
        where p.n <= bit_count(scored.bits)) found
     where bit_count(scored.bits) > 0;
end
$$;
comment on function search.positions_above is
  'The positions that may score more than the threshold, as far as the stored impacts tell.';
