-- What the index knows of a question's terms, read once a search: how often each occurs, and per block either its postings,
-- where they are few, or how high they go.

comment on type search.cell is 'What a block has of a term: its bound, and its postings where they are few.';

create or replace function search.cells(terms text[]) returns search.cell[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    with size as materialized (
      select b.bucket_count, count(*) as blocks
        from search.blocks b where b.tenant_id = core.current_tenant_id()
       group by b.bucket_count
    ), term as materialized (
      select t.term, t.i::int, f.cells, f.block_ids
        from unnest(cells.terms) with ordinality as t (term, i)
       cross join lateral (
         select array_agg((t.i, p.block_id, p.document_count, p.idf, p.highest_impact, null)::search.cell) as cells,
                coalesce(array_agg(p.block_id), '{}') as block_ids
           from search.postings p
          where p.tenant_id = core.current_tenant_id() and p.term = t.term collate "C") f
    )
    select array_agg(found.cell)
      from (
        select c::search.cell as cell from term t, unnest(t.cells) c
        union all
        select (t.i, r.block_id, cardinality(u.postings), null, null, u.postings)::search.cell
          -- worked out here: what is not leakproof is no condition of an index behind the wall
          from (
            select t.i, t.term, t.block_ids, s.bucket_count, search.bucket(t.term, s.bucket_count) as bucket
              from term t, size s
             where cardinality(t.block_ids) < (select sum(blocks) from size)
            offset 0) t
         cross join lateral (
           select r.block_id, r.terms, r.ends, r.postings from search.rare_postings r
            where r.tenant_id = core.current_tenant_id() and r.bucket_count = t.bucket_count and r.bucket = t.bucket
           offset 0) r
         -- offset 0: looked for once, not wherever it is used
         cross join lateral (select array_position(r.terms, t.term collate "C") as at offset 0) a
         cross join lateral (
           select r.postings[coalesce(r.ends[a.at - 1], 0) + 1 : r.ends[a.at]] as postings
            where a.at is not null
           offset 0) u
      ) found);
end
$$;
comment on function search.cells is
  'The terms in the blocks that have them.';

create or replace function search.document_counts(terms text[], cells search.cell[], unmerged_ids bigint[]) returns int[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- not in the query, which would read it anew for each chunk
  v_any_term tsquery := search.any_term(document_counts.terms);
begin
  return (
    with found as (
      select c.term_number as i, c.document_count as n from unnest(document_counts.cells) c
      union all
      select array_position(document_counts.terms, r.term), -r.document_count
        from search.removals r
       where r.tenant_id = core.current_tenant_id() and r.term = any (document_counts.terms)
      union all
      select array_position(document_counts.terms, l.lexeme), 1
        from search.chunks(document_counts.unmerged_ids) c
       cross join unnest(c.content_tsvector) l
       where c.content_tsvector @@ v_any_term and l.lexeme = any (document_counts.terms)
      union all
      select array_position(document_counts.terms, l.lexeme), -1
        from search.pending_removals() r, unnest(r.terms) l
       where l.lexeme = any (document_counts.terms)
      union all
      select i, 0 from generate_subscripts(document_counts.terms, 1) i
    )
    select array_agg(counted.n order by counted.i) from (select i, sum(n)::int as n from found group by i) counted);
end
$$;
comment on function search.document_counts is
  'For each term, in its order: in how many chunks of this tenant it occurs, as of this snapshot.';

-- BM25's exact top k. The chunks with the rare words are scored first, exactly and from their own text. Most blocks then have
-- nothing that could beat the last of these. In the others the scores of all chunks are added up at once, as vectors over
-- the positions, and the few chunks above a threshold are scored exactly. What a block has stored can be too high or too low
-- when the average length, k1 or b have moved since; how far at most is known, so nothing that belongs in the result is
-- left out (docs/adr/0006).

-- What ts_rank says of a word that occurs once, twice, three times …: it rises with each time, whatever its formula.
create or replace function search.frequency_ranks() returns real[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- a tsvector has at most 256 positions of a word, and stops taking more
  with recursive said (times, vector) as (
    select 1, 'a:1'::tsvector
    union all
    select times + 1, vector || 'a:1' from said where times < 256
  )
  select array_agg(distinct r order by r) from said, ts_rank('{1,1,1,1}', vector, 'a') as r;
$$;
comment on function search.frequency_ranks is
  'The rank, with all weights 1, of a text that has a word once, twice and so on.';

create or replace function search.term_frequency(vector tsvector, term tsquery) returns int
language sql immutable parallel safe
return width_bucket(ts_rank('{1,1,1,1}', term_frequency.vector, term_frequency.term), search.frequency_ranks());
comment on function search.term_frequency is
  'How often a text has a term, as far as a tsvector counts. Looked up by its rank, which finds the term by halving: unnesting the vector takes six times as long for a short text, and longer for a long one.';

set local role rowhouse_platform;  -- outside the wall: an index of trigrams or metadata cannot be asked from behind row level security, whose operators may not leak; they name the tenant, and definer functions of the search alone may ask
-- Behind row level security an operator that is not leakproof is no condition of an index, so that every word or document
-- of a tenant would be looked at. These name the tenant themselves.
create or replace function search.similar_vocabulary(term text) returns table (similar_term text, similarity double precision)
language sql stable security definer
set search_path to pg_catalog, public, pg_temp
as $$
  select t.term, similarity(t.term, similar_vocabulary.term)::double precision
    from search.terms t
   where t.tenant_id = core.current_tenant_id() and t.term % similar_vocabulary.term
     and length(t.term) between 4 and 40 and t.term !~ '[0-9]';
$$;
comment on function search.similar_vocabulary is
  'The words of this tenant''s vocabulary that share at least pg_trgm.similarity_threshold of their trigrams with this one.';
grant execute on function search.similar_vocabulary to rowhouse_owner;

set local role rowhouse_owner;
