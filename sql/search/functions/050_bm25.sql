-- BM25's exact top k. For every block the scores of all its chunks are added up at once, as vectors over the positions;
-- the block's few chunks above a threshold are then scored exactly from their own text. What a block has stored can be
-- too high or too low when the average length, k1 or b have moved since; how far at most is known, so nothing that
-- belongs in the result is left out (docs/adr/0006).

create or replace function app_private.term_statistics(terms text[], unmerged_ids bigint[])
returns table (document_count int, is_rare_somewhere boolean)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- not in the query, which would read it anew for each chunk
  v_any_term tsquery := app_private.any_term(term_statistics.terms);
begin
  return query
    with block as materialized (
      select b.id from app_private.search_blocks b where b.tenant_id = app_hidden.current_tenant_id()
    ), term as materialized (
      select t.term, t.i, f.n, f.blocks < (select count(*) from block) as is_rare_somewhere
        from unnest(term_statistics.terms) with ordinality as t (term, i)
       cross join lateral (
         select coalesce(sum(p.document_count), 0) as n, count(*) as blocks
           from app_private.search_postings p
          where p.tenant_id = app_hidden.current_tenant_id() and p.term = t.term collate "C") f
    ), found as (
      select term, n from term
      union all
      select t.term, r.ends[a.at] - coalesce(r.ends[a.at - 1], 0)
        from term t
       cross join block b
       cross join lateral (
         select r.terms, r.ends from app_private.search_rare_postings r
          where r.tenant_id = app_hidden.current_tenant_id() and r.block_id = b.id and r.last_term >= t.term collate "C"
          order by r.last_term limit 1) r
       cross join lateral (select array_position(r.terms, t.term collate "C") as at) a
       where t.is_rare_somewhere and a.at is not null
      union all
      select r.term, -r.document_count
        from app_private.search_removals r
       where r.tenant_id = app_hidden.current_tenant_id() and r.term = any (term_statistics.terms)
      union all
      select l.lexeme, 1
        from app_public.document_chunks c
       cross join unnest(c.content_tsvector) l
       where c.tenant_id = app_hidden.current_tenant_id() and c.id = any (term_statistics.unmerged_ids)
         and c.content_tsvector @@ v_any_term
         and l.lexeme = any (term_statistics.terms)
      union all
      select l.lexeme, -1
        from app_private.pending_removals() r, unnest(r.terms) l
       where l.lexeme = any (term_statistics.terms)
    ), counted as (
      select term, sum(n)::int as n from found group by term
    )
    select c.n, t.is_rare_somewhere
      from term t
      join counted c using (term)
     order by t.i;
end
$$;
comment on function app_private.term_statistics(text[], bigint[]) is
  'For each term, in its order: in how many chunks of this tenant it occurs, as of this snapshot, and whether it is rare in at least one block.';

create or replace function app_private.bm25_scores(
  chunk_ids bigint[], terms text[], weights double precision[], average_length double precision, k1 double precision, b double precision,
  scope app_private.search_scope
) returns table (chunk_id bigint, score double precision)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_any_term tsquery := app_private.any_term(bm25_scores.terms);
begin
  return query
    select c.id, s.score
      from app_public.document_chunks c
     cross join lateral (
       select sum(bm25_scores.weights[array_position(bm25_scores.terms, l.lexeme)] * cardinality(l.positions)
                / (cardinality(l.positions) + n.norm)) as score
         from app_private.search_length_norm(c.document_length, bm25_scores.average_length, bm25_scores.k1, bm25_scores.b) as n (norm),
              unnest(c.content_tsvector) l
        where l.lexeme = any (bm25_scores.terms)) s
     where c.tenant_id = app_hidden.current_tenant_id() and c.id = any (bm25_scores.chunk_ids)
       and c.content_tsvector @@ v_any_term
       and c.source_id = any ((scope).source_ids)
       and ((scope).text_filter is null or c.content_tsvector @@ (scope).text_filter)
       and ((scope).document_ids is null or c.document_id = any ((scope).document_ids));
end
$$;
comment on function app_private.bm25_scores(bigint[], text[], double precision[], double precision, double precision, double precision, app_private.search_scope) is
  'The exact BM25 score of those of these chunks that are in scope and have a term. weights: idf · (k1 + 1) · the term''s weight in the question.';

create or replace function app_private.constant_vector(value double precision, dimension int) returns public.vector
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
comment on function app_private.constant_vector(double precision, int) is 'A vector of one value.';

-- Set-based and inlined, because per block a function of its own would cost more than the vectors do.
create or replace function app_private.block_totals(
  block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[]
) returns table (block_id bigint, chunk_count int, total public.vector)
language sql stable
begin atomic
  select b.id, b.chunk_count, t.total
    from app_private.search_blocks b
   cross join lateral (
     select app_private.vector_total(part.total) as total
       from (
         select case
                  when r.ratio > 0.9 then p.impacts::public.vector
                  else p.impacts::public.vector operator(public.*) app_private.constant_vector(r.ratio, b.chunk_count)
                end as total
           from unnest(block_totals.terms, block_totals.weights) as q (term, weight)
           join app_private.search_postings p
             on p.tenant_id = app_hidden.current_tenant_id() and p.term = q.term collate "C" and p.block_id = b.id
          cross join lateral (select q.weight / p.idf / block_totals.scale as ratio) r
         union all
         select ('{' || string_agg(position.at || ':' || position.total::real, ',') || '}/' || b.chunk_count)::public.sparsevec::public.vector
           from (
             select u.position as at, sum(u.impact * q.weight) / block_totals.scale as total
               from (select term, block_totals.weights[array_position(block_totals.terms, term)] as weight
                       from unnest(block_totals.rare_terms) as t (term)) as q
              cross join lateral (
                select r.terms, r.ends, r.positions, r.impacts from app_private.search_rare_postings r
                 where r.tenant_id = app_hidden.current_tenant_id() and r.block_id = b.id and r.last_term >= q.term collate "C"
                 order by r.last_term limit 1) r
              cross join lateral (select array_position(r.terms, q.term collate "C") as at) a
              cross join lateral unnest(
                r.positions[coalesce(r.ends[a.at - 1], 0) + 1 : r.ends[a.at]],
                r.impacts[coalesce(r.ends[a.at - 1], 0) + 1 : r.ends[a.at]]) as u (position, impact)
              where a.at is not null
              group by u.position) position
       ) part) t
   where b.tenant_id = app_hidden.current_tenant_id() and b.id = any (block_totals.block_ids) and t.total is not null;
end;
comment on function app_private.block_totals(bigint[], text[], double precision[], double precision, text[]) is
  'The scores of all chunks of these blocks, by position and divided by scale, never below the truth by more than the slack; without the blocks that have none of the terms. weights: idf · (k1 + 1) · the term''s weight in the question; scale: the largest weight over a stored idf.';

create or replace function app_private.bm25_ranking(terms text[], term_weights double precision[], scope app_private.search_scope, depth int)
returns table (chunk_id bigint, score double precision, rank int)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
-- the plans do not depend on the question, and its vectors are long constants
set plan_cache_mode to force_generic_plan
set jit to off
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_average_length double precision;
  v_total_docs int;
  v_k1 double precision;
  v_b double precision;
  v_weights double precision[];
  v_rare_terms text[];
  v_unmerged_ids bigint[] := app_private.unmerged_chunk_ids();
  -- by how much the truth can exceed what a block has stored
  v_slack double precision;
  v_sample vector;
  v_block_ids bigint[];
  v_merged int;
  v_dimension int;
  -- vectors are added up without multiplying them by their weights, which takes four times as long: the stored impacts
  -- have the block's own idf in them, and scale is the most by which a weight exceeds it
  v_scale double precision;
  v_wanted double precision := 1.5 * bm25_ranking.depth + 20;
  v_threshold double precision;
  v_hits app_private.search_position[];
  v_next int;
  v_step int;
  v_chunk_ids bigint[];
  v_scores double precision[];
  -- the score of the last hit so far, when there are as many as wanted
  v_last double precision;
begin
  select t.total_docs, t.avg_doc_length into v_total_docs, v_average_length from app_private.search_totals() t;
  select s.k1, s.b into v_k1, v_b from app_hidden.search_settings() s;
  select array_agg(w.weight * (v_k1 + 1) * app_private.search_idf(f.document_count, v_total_docs) order by f.i),
         array_agg(w.term order by f.i) filter (where f.is_rare_somewhere)
    into v_weights, v_rare_terms
    from app_private.term_statistics(bm25_ranking.terms, v_unmerged_ids) with ordinality as f (document_count, is_rare_somewhere, i)
    join unnest(bm25_ranking.terms, bm25_ranking.term_weights) with ordinality as w (term, weight, i) using (i);

  -- the chunks in scope when they are few, else those that no block has yet, each from its own text
  select array_agg(s.chunk_id order by s.score desc, s.chunk_id), array_agg(s.score order by s.score desc, s.chunk_id)
    into v_chunk_ids, v_scores
    from app_private.bm25_scores(
      coalesce((scope).chunk_ids, v_unmerged_ids),
      bm25_ranking.terms, v_weights, v_average_length, v_k1, v_b, scope) s;

  if (scope).chunk_ids is null then
    select l.block_ids, l.slack, l.chunk_count, l.dimension into v_block_ids, v_slack, v_merged, v_dimension
      from app_private.block_limits(v_average_length, v_k1, v_b) l;
  end if;

  if v_merged > 0 then
    select coalesce(max(w.weight / p.idf), 1) into v_scale
      from app_private.search_postings p
      join unnest(bm25_ranking.terms, v_weights) as w (term, weight) on w.term = p.term
     where p.tenant_id = v_tenant_id and p.term = any (bm25_ranking.terms);
    -- stored impacts are in 1/32767
    v_slack := v_slack * v_scale / 32767;
    select t.total into v_sample
      from app_private.block_totals(v_block_ids[1:1], bm25_ranking.terms, v_weights, v_scale, v_rare_terms) t;

    loop
      -- of the sample's scores at least a few, or chance decides
      v_threshold := app_private.threshold(v_sample, greatest(4, v_wanted * v_dimension / v_merged), (
        select 32767 * sum(w) / v_scale from unnest(v_weights) as w));
      v_hits := array(
        select h from app_private.positions_above(
            v_threshold, v_block_ids, bm25_ranking.terms, v_weights, v_scale, v_rare_terms, v_dimension) h
         order by h.bound desc);
      v_next := 1;
      v_step := bm25_ranking.depth + 5;
      loop
        v_last := v_scores[bm25_ranking.depth];
        exit when v_next > cardinality(v_hits) or v_hits[v_next].bound * v_slack < v_last;
        select array_agg(s.chunk_id order by s.score desc, s.chunk_id), array_agg(s.score order by s.score desc, s.chunk_id)
          into v_chunk_ids, v_scores
          from (
            select id as chunk_id, score from unnest(v_chunk_ids, v_scores) as u (id, score)
            union
            select * from app_private.bm25_scores(
              app_private.chunks_at(v_hits[v_next : v_next + v_step - 1]),
              bm25_ranking.terms, v_weights, v_average_length, v_k1, v_b, scope)
          ) s;
        v_next := v_next + v_step;
        v_step := 2 * v_step;
      end loop;
      -- whatever was left out scores at most the threshold times the slack
      exit when v_threshold <= 0 or coalesce(v_last > v_threshold * v_slack, false);
      v_wanted := v_wanted * 6;
    end loop;
  end if;

  return query
    select u.id, u.score, u.rank::int
      from unnest(v_chunk_ids, v_scores) with ordinality as u (id, score, rank)
     where u.rank <= bm25_ranking.depth;
end
$$;
comment on function app_private.bm25_ranking(text[], double precision[], app_private.search_scope, int) is
  'The best chunks in scope by BM25, exactly; ties go to the smaller id. term_weights: how much each term counts in the question. Statistics are those of the whole tenant.';

create or replace function app_private.chunks_at(hits app_private.search_position[]) returns bigint[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    -- the ids of a block are read once, not once a hit
    select array_agg(block.ids[p])
      from (select block_id, array_agg(position) as positions from unnest(chunks_at.hits) group by block_id) h
     cross join lateral (
       select b.chunk_ids || '{}'::bigint[] as ids from app_private.search_blocks b
        where b.tenant_id = app_hidden.current_tenant_id() and b.id = h.block_id
       offset 0) block
     cross join unnest(h.positions) p);
end
$$;
comment on function app_private.chunks_at(app_private.search_position[]) is 'The chunks at these positions.';

create or replace function app_private.block_limits(average_length double precision, k1 double precision, b double precision)
returns table (block_ids bigint[], slack double precision, chunk_count int, dimension int)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select array_agg(block.id order by block.chunk_count desc, block.id),
           -- (tf + stored norm) / (tf + norm) lies between its value at tf = 1 and 1 and is monotonic in the length, so its
           -- extremes are at the ends; single precision adds less than 1e-5
           1.00001 * max(greatest(1,
             (1 + app_private.search_length_norm(block.min_length, block.average_length, block.k1, block.b))
               / (1 + app_private.search_length_norm(block.min_length, block_limits.average_length, block_limits.k1, block_limits.b)),
             (1 + app_private.search_length_norm(block.max_length, block.average_length, block.k1, block.b))
               / (1 + app_private.search_length_norm(block.max_length, block_limits.average_length, block_limits.k1, block_limits.b)))),
           sum(block.chunk_count)::int, max(block.chunk_count)
      from app_private.search_blocks block
     where block.tenant_id = app_hidden.current_tenant_id();
end
$$;
comment on function app_private.block_limits(double precision, double precision, double precision) is
  'The blocks, largest first; at most how many times a true impact exceeds a stored one, now that the average length, k1 or b are others; how many chunks there are, and in the largest block.';

create or replace function app_private.threshold(scores public.vector, wanted double precision, highest double precision) returns double precision
language plpgsql immutable parallel safe
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_low double precision := 0;
  v_high double precision := threshold.highest;
  v_middle double precision;
  v_dimension int := vector_dims(threshold.scores);
begin
  if threshold.scores is null then
    return 0;
  end if;
  -- ten halvings are finer than the scores of a sample lie apart
  for i in 1..10 loop
    v_middle := (v_low + v_high) / 2;
    if bit_count(binary_quantize(threshold.scores - app_private.constant_vector(v_middle, v_dimension))) >= threshold.wanted then
      v_low := v_middle;
    else
      v_high := v_middle;
    end if;
  end loop;
  return v_low;
end
$$;
comment on function app_private.threshold(public.vector, double precision, double precision) is
  'A score that at least so many of these exceed, as high as ten halvings from the highest find it; 0 when there are not so many.';

create or replace function app_private.positions_above(
  threshold double precision, block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[], dimension int
) returns setof app_private.search_position
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_floor vector := app_private.constant_vector(positions_above.threshold, positions_above.dimension);
begin
  return query
    select scored.block_id, hit.position, positions_above.threshold + vector_norm(subvector(scored.excess, hit.position, 1))
      from (
        select block.block_id, block.excess, binary_quantize(block.excess) as bits
          from (
            select t.block_id,
                   t.total - case when t.chunk_count = positions_above.dimension then v_floor else subvector(v_floor, 1, t.chunk_count) end as excess
              from app_private.block_totals(positions_above.block_ids, positions_above.terms, positions_above.weights,
                                            positions_above.scale, positions_above.rare_terms) t
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
comment on function app_private.positions_above(double precision, bigint[], text[], double precision[], double precision, text[], int) is
  'Where the blocks'' stored scores exceed the threshold, and those scores, both divided by scale. dimension: size of the largest block.';
