comment on type search.bounds is 'What a block can contribute to an answer.';
comment on type search.position is 'A chunk''s place in the index and the score it does not exceed.';

create or replace function search.bm25_scores(
  chunk_ids bigint[], terms text[], weights double precision[], average_length double precision, k1 double precision, b double precision,
  scope search.scope
) returns table (chunk_id bigint, score double precision)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_any_term tsquery := search.any_term(bm25_scores.terms);
  v_queries tsquery[] := array(select core.tsquery_term(t)::tsquery from unnest(bm25_scores.terms) t);
begin
  return query
    select c.id, s.score
      from search.chunks(bm25_scores.chunk_ids) c
     cross join lateral search.length_norm(c.document_length, bm25_scores.average_length, bm25_scores.k1, bm25_scores.b) as n (norm)
     cross join lateral (
       select sum(f.weight * f.frequency / (f.frequency + n.norm)) as score
         from (
           -- few terms are looked for in the text, of many those are taken that it has
           select q.weight, search.term_frequency(c.content_tsvector, q.term) as frequency
             from unnest(v_queries, bm25_scores.weights) as q (term, weight)
            where cardinality(v_queries) <= 32
           union all
           select bm25_scores.weights[array_position(bm25_scores.terms, l.lexeme)], cardinality(l.positions)
             from unnest(c.content_tsvector) l
            where cardinality(v_queries) > 32 and l.lexeme = any (bm25_scores.terms)) f
        where f.frequency > 0) s
     where c.content_tsvector @@ v_any_term
       and c.source_id = any ((scope).source_ids)
       and ((scope).text_filter is null or c.content_tsvector @@ (scope).text_filter)
       and ((scope).document_ids is null or c.document_id = any ((scope).document_ids));
end
$$;
comment on function search.bm25_scores is
  'The exact BM25 score of those of these chunks that are in scope and have a term. weights: idf · (k1 + 1) · the term''s weight in the question.';

create or replace function search.constant_vector(value double precision, dimension int) returns public.vector
language plpgsql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_vector vector := array_fill(value::real, array[least(125, dimension)])::vector;
begin
  -- by doubling, which is four times as fast as from an array
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
  'A vector of one value.';

create or replace function search.block_bounds(cells search.cell[], weights double precision[])
returns search.bounds[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select (block.id, b.chunk_count, block.common, block.common_terms, rare.positions, rare.totals)::search.bounds
      from (
        select c.block_id as id, coalesce(sum(block_bounds.weights[c.term_number] * c.highest_impact), 0) / 32767 as common,
               array_agg(c.term_number) filter (where c.postings is null) as common_terms
          from unnest(block_bounds.cells) c
         group by c.block_id
      ) block
      join search.blocks b on b.tenant_id = core.current_tenant_id() and b.id = block.id
      left join (
        select p.block_id, array_agg(p.position) as positions, array_agg(p.total) as totals
          from (
            select c.block_id, p >> 15 as position, sum((p & 32767) * block_bounds.weights[c.term_number]) / 32767 as total
              from unnest(block_bounds.cells) c, unnest(c.postings) as p
             group by c.block_id, p >> 15
          ) p
         group by p.block_id
      ) rare on rare.block_id = block.id);
end
$$;
comment on function search.block_bounds is
  'What each block can contribute. weights: idf · (k1 + 1) · the term''s weight in the question.';

-- Set-based and inlined, because per block a function of its own would cost more than the vectors do.
create or replace function search.common_total(
  block search.bounds, terms text[], weights double precision[], scale double precision
) returns table (total public.vector)
language sql stable
begin atomic
  select search.vector_total(
           case
             when r.ratio > 0.9 then p.impacts::public.vector
             else p.impacts::public.vector operator(public.*) search.constant_vector(r.ratio, (common_total.block).chunk_count)
           end)
    from unnest((common_total.block).common_terms) as t (n)
   cross join lateral (
     select p.idf, p.impacts from search.postings p
      where p.tenant_id = core.current_tenant_id() and p.term = common_total.terms[t.n] collate "C"
        and p.block_id = (common_total.block).block_id
     offset 0) p
   cross join lateral (select common_total.weights[t.n] / p.idf / common_total.scale as ratio) r;
end;
comment on function search.common_total is
  'What the terms that have vectors add up to, by position, in 1/32767 and divided by scale; never below the truth by more than the slack. scale: the largest weight over a stored idf.';

create or replace function search.block_totals(
  blocks search.bounds[], terms text[], weights double precision[], scale double precision
) returns table (block_id bigint, chunk_count int, total public.vector)
language sql stable
begin atomic
  select b.block_id, b.chunk_count, t.total
    from unnest(block_totals.blocks) b
   cross join lateral (
     select search.vector_total(part.total) as total
       from (
         select c.total from search.common_total(b, block_totals.terms, block_totals.weights, block_totals.scale) c
         union all
         select ('{' || string_agg(u.position || ':' || (u.total * 32767 / block_totals.scale)::real, ',') || '}/' || b.chunk_count)::public.sparsevec::public.vector
           from unnest(b.positions, b.rare) as u (position, total)
       ) part) t
   where t.total is not null;
end;
comment on function search.block_totals is
  'The scores of all chunks of these blocks, as common_total has them, with the rare terms.';

create or replace function search.rare_hits(
  threshold double precision, blocks search.bounds[], terms text[], weights double precision[], scale double precision
) returns setof search.position
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
begin
  return query
    with block as materialized (
      select b.*, b as bounds, b.common > 0 and (select count(*) from unnest(b.rare) as r where r + b.common > rare_hits.threshold) > 3 as is_worth_it
        from unnest(rare_hits.blocks) b
    )
    select b.block_id, u.position, u.rare + b.common
      from block b, unnest(b.positions, b.rare) as u (position, rare)
     where not b.is_worth_it and u.rare + b.common > rare_hits.threshold
    union all
    -- one vector costs as much as scoring three chunks from their texts
    select * from (
      select b.block_id, u.position, u.rare + vector_norm(subvector(c.total, u.position, 1)) * rare_hits.scale / 32767 as bound
        from block b
       cross join lateral search.common_total(b.bounds, rare_hits.terms, rare_hits.weights, rare_hits.scale) c
       cross join lateral unnest(b.positions, b.rare) as u (position, rare)
       where b.is_worth_it and u.rare + b.common > rare_hits.threshold
      offset 0) refined
     where refined.bound > rare_hits.threshold;
end
$$;
comment on function search.rare_hits is
  'The positions with a rare term that may score more than the threshold, as far as stored impacts tell.';

create or replace function search.threshold(scores public.vector, wanted double precision, lowest double precision, highest double precision)
returns double precision
language plpgsql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_low double precision := threshold.lowest;
  v_high double precision := threshold.highest;
  v_middle double precision := threshold.lowest;
  v_dimension int := vector_dims(threshold.scores);
begin
  -- ten halvings are finer than the scores of a sample lie apart
  for i in 0..10 loop
    if bit_count(binary_quantize(threshold.scores - search.constant_vector(v_middle, v_dimension))) >= threshold.wanted then
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
comment on function search.threshold is
  'A score that at least so many of these exceed, as high as ten halvings from the highest find it; the lowest when there are not so many.';

create or replace function search.hits_above(
  threshold double precision, blocks search.bounds[], terms text[], weights double precision[], scale double precision
) returns setof search.position
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  -- as the vectors have it
  v_threshold double precision := threshold * 32767 / scale;
  -- adding up a block costs as much as scoring some eight chunks from their texts
  v_open search.bounds[] := array(
    select b from unnest(hits_above.blocks) b
     where b.common > hits_above.threshold
        or (select count(*) from unnest(b.rare) as r where r + b.common > hits_above.threshold) > 8);
  v_dimension int := (select max(b.chunk_count) from unnest(v_open) b);
  v_floor vector := search.constant_vector(v_threshold, v_dimension);
begin
  return query
    select b.block_id, u.position, u.rare + b.common
      from unnest(hits_above.blocks) b, unnest(b.positions, b.rare) as u (position, rare)
     where u.rare + b.common > hits_above.threshold
       and b.block_id <> all (array(select o.block_id from unnest(v_open) o))
    union all
    select scored.block_id, hit.position,
           (v_threshold + vector_norm(subvector(scored.excess, hit.position, 1))) * hits_above.scale / 32767
      from (
        select block.block_id, block.excess, binary_quantize(block.excess) as bits
          from (
            select t.block_id, t.total - case when t.chunk_count = v_dimension then v_floor else subvector(v_floor, 1, t.chunk_count) end as excess
              from search.block_totals(v_open, hits_above.terms, hits_above.weights, hits_above.scale) t
            offset 0) block
        offset 0) scored
     -- before each one there are as many zeros as positions
     cross join lateral (
       select (sum(length(p.gap) + 1) over (order by p.n))::int as position
         from string_to_table(scored.bits::text, '1') with ordinality as p (gap, n)
        where p.n <= bit_count(scored.bits)) hit
     where bit_count(scored.bits) > 0;
end
$$;
comment on function search.hits_above is
  'The positions that may score more than the threshold, as far as stored impacts tell.';

create or replace function search.chunks_at(hits search.position[]) returns bigint[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select b.chunk_ids[h.position - b.start]
      from (
        -- its row: worked out beside the wall, for what is not leakproof is no condition of an index behind it
        select h.block_id, h.position, (h.position - 1) / 200 * 200 as start from unnest(chunks_at.hits) h offset 0) h
     cross join lateral (
       select b.chunk_ids, b.start from search.block_chunks b
        where b.tenant_id = core.current_tenant_id() and b.block_id = h.block_id and b.start = h.start
       offset 0) b);
end
$$;
comment on function search.chunks_at is
  'The chunks at these positions.';

create or replace function search.index_slack(average_length double precision, k1 double precision, b double precision)
returns double precision
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    -- (tf + stored norm) / (tf + norm) lies between its value at tf = 1 and 1 and is monotonic in the length, so its
    -- extremes are at the ends; single precision adds less than 1e-5
    select 1.00001 * max(greatest(1,
             (1 + search.length_norm(block.min_length, block.average_length, block.k1, block.b))
               / (1 + search.length_norm(block.min_length, index_slack.average_length, index_slack.k1, index_slack.b)),
             (1 + search.length_norm(block.max_length, block.average_length, block.k1, block.b))
               / (1 + search.length_norm(block.max_length, index_slack.average_length, index_slack.k1, index_slack.b))))
      from search.blocks block
     where block.tenant_id = core.current_tenant_id());
end
$$;
comment on function search.index_slack is
  'How many times at most a true impact exceeds a stored one, now that the average length, k1 or b are others; null when there is no block.';

create or replace function search.bm25_ranking(terms text[], term_weights double precision[], scope search.scope, depth int)
returns table (chunk_id bigint, score double precision, rank int)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
-- the plans do not depend on the question, and its vectors are long constants
set plan_cache_mode to force_generic_plan
set jit to off
as $$
#variable_conflict use_column
declare
  v_average_length double precision;
  v_total_docs int;
  v_k1 double precision;
  v_b double precision;
  v_unmerged_ids bigint[] := search.unmerged_chunk_ids();
  v_cells search.cell[] := search.cells(bm25_ranking.terms);
  v_weights double precision[];
  v_blocks search.bounds[];
  -- by how much the truth can exceed what a block has stored
  v_slack double precision;
  -- vectors are added up without multiplying them by their weights, which takes four times as long: the stored impacts
  -- have the block's own idf in them, and scale is the most by which a weight exceeds it
  v_scale double precision;
  v_wanted double precision := 1.5 * bm25_ranking.depth + 20;
  -- the most that the words with vectors add up to in a block
  v_common double precision;
  v_threshold double precision;
  v_floor double precision;
  v_hits search.position[];
  v_next int;
  v_step int;
  v_chunk_ids bigint[];
  v_scores double precision[];
  -- the score of the last hit so far, when there are as many as wanted
  v_last double precision;
begin
  select t.total_docs, t.avg_doc_length into v_total_docs, v_average_length from search.totals() t;
  select s.k1, s.b into v_k1, v_b from search.settings() s;
  v_weights := array(
    select w.weight * (v_k1 + 1) * search.idf(w.document_count, v_total_docs)
      from unnest(bm25_ranking.term_weights, search.document_counts(bm25_ranking.terms, v_cells, v_unmerged_ids)) as w (weight, document_count));

  -- the chunks in scope when they are few, else those that no block has yet, each from its own text
  v_chunk_ids := coalesce((scope).chunk_ids, v_unmerged_ids);
  if cardinality(v_chunk_ids) > 0 then
    select array_agg(s.chunk_id order by s.score desc, s.chunk_id), array_agg(s.score order by s.score desc, s.chunk_id)
      into v_chunk_ids, v_scores
      from search.bm25_scores(
        v_chunk_ids, bm25_ranking.terms, v_weights, v_average_length, v_k1, v_b, scope) s;
  end if;

  if (scope).chunk_ids is null and v_cells is not null then
    v_slack := search.index_slack(v_average_length, v_k1, v_b);
    v_blocks := search.block_bounds(v_cells, v_weights);
    v_scale := coalesce((select max(v_weights[c.term_number] / c.idf) from unnest(v_cells) c), 1);
    v_common := (select max(b.common) from unnest(v_blocks) b);
    -- about what the last hit will score, when as many chunks as are wanted have rare words
    v_threshold := (select 0.98 * r from unnest(v_blocks) b, unnest(b.rare) as r order by r desc limit 1 offset bm25_ranking.depth - 1);
    if v_common <= v_threshold then
      v_hits := array(
        select h from search.rare_hits(v_threshold, v_blocks, bm25_ranking.terms, v_weights, v_scale) h order by h.bound desc);
    else
      v_hits := array(
        select (b.block_id, u.position, u.rare + b.common)::search.position as hit
          from unnest(v_blocks) b, unnest(b.positions, b.rare) as u (position, rare)
         order by u.rare desc limit bm25_ranking.depth + 5);
      v_threshold := case when v_common = 0 then 0 else 'Infinity'::double precision end;
    end if;

    loop
      v_next := 1;
      v_step := bm25_ranking.depth + 5;
      loop
        v_last := v_scores[bm25_ranking.depth];
        exit when v_next > cardinality(v_hits) or v_hits[v_next].bound * v_slack < v_last;
        select array_agg(s.chunk_id order by s.score desc, s.chunk_id), array_agg(s.score order by s.score desc, s.chunk_id)
          into v_chunk_ids, v_scores
          from (
            select id as chunk_id, score from unnest(v_chunk_ids, v_scores) as u (id, score)
            union all
            select * from search.bm25_scores(
              array(select unnest(search.chunks_at(v_hits[v_next : v_next + v_step - 1])) except select unnest(v_chunk_ids)),
              bm25_ranking.terms, v_weights, v_average_length, v_k1, v_b, scope)
          ) s;
        v_next := v_next + v_step;
        v_step := 2 * v_step;
      end loop;
      -- whatever was left out is stored with the threshold at most, and with less than this it scores less than the last hit
      v_floor := coalesce(v_last / v_slack, 0);
      exit when v_threshold < v_floor or v_threshold = 0;

      -- where many exceed it, a threshold that only some do, by a sample of the chunks: chance decides about fewer than four
      v_threshold := (
        select search.threshold(
                 t.total, greatest(4, v_wanted * t.chunk_count / open.chunk_count), v_floor * (1 - 1e-9) * 32767 / v_scale,
                 32767 * (select sum(w) from unnest(v_weights) as w) / v_scale) * v_scale / 32767
          from (
            select sum(b.chunk_count) as chunk_count, array_agg(b order by b.chunk_count desc) as blocks
              from unnest(v_blocks) b where b.common >= v_floor) open
         cross join lateral search.block_totals(open.blocks[1:1], bm25_ranking.terms, v_weights, v_scale) t);
      v_threshold := coalesce(v_threshold, v_floor * (1 - 1e-9));
      v_hits := array(
        select h from search.hits_above(v_threshold, v_blocks, bm25_ranking.terms, v_weights, v_scale) h order by h.bound desc);
      v_wanted := v_wanted * 6;
    end loop;
  end if;

  return query
    select u.id, u.score, u.rank::int
      from unnest(v_chunk_ids, v_scores) with ordinality as u (id, score, rank)
     where u.rank <= bm25_ranking.depth;
end
$$;
comment on function search.bm25_ranking is
  'The best chunks in scope by BM25, exactly; ties go to the smaller id. term_weights: how much each term counts in the question. Statistics are those of the whole tenant.';
