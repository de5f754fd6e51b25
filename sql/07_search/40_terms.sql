-- What the index knows of the terms of a question. It is read once a search: how often each term occurs in all chunks, and for
-- each block either the term's postings, when they are few, or its highest impact.

comment on type search.block_term is 'A term in a block: its highest impact when it is frequent, its postings when it is rare.';

create or replace function search.block_terms(terms text[]) returns search.block_term[]
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
      select t.term, t.i::int, f.block_terms, f.block_ids
        from unnest(block_terms.terms) with ordinality as t (term, i)
       cross join lateral (
         select array_agg((t.i, p.block_id, p.document_count, p.idf, p.highest_impact, null,
                          case when cardinality(block_terms.terms) = 1 then p.head end)::search.block_term) as block_terms,
                coalesce(array_agg(p.block_id), '{}') as block_ids
           from search.postings p
          where p.tenant_id = core.current_tenant_id() and p.term = t.term collate "C") f
    )
    select array_agg(found.block_term)
      from (
        select b::search.block_term as block_term from term t, unnest(t.block_terms) b
        union all
        select (t.i, r.block_id, cardinality(u.postings), null, null, u.postings, null)::search.block_term
          -- The bucket is computed here, before the join: row level security does not let an expression that is not leakproof
          -- into the condition of an index scan.
          from (
            select t.i, search.listed_as(t.term) as listed, s.bucket_count, search.bucket(t.term, s.bucket_count) as bucket
              from term t, size s
             where cardinality(t.block_ids) < (select sum(blocks) from size)
            offset 0) t
         cross join lateral (
           select r.block_id, r.terms, r.ends, r.postings from search.rare_postings r
            where r.tenant_id = core.current_tenant_id() and r.bucket_count = t.bucket_count and r.bucket = t.bucket
           offset 0) r
         -- "offset 0" makes the planner compute each of these once and not at each of its uses.
         cross join lateral (select strpos(r.terms, t.listed) as starts_at offset 0) s
         -- The line breaks up to its start tell the place of the term in the list.
         cross join lateral (
           select cardinality(string_to_array(left(r.terms, s.starts_at), e'\n')) - 1 as at where s.starts_at > 0 offset 0) a
         cross join lateral (select r.postings[coalesce(r.ends[a.at - 1], 0) + 1 : r.ends[a.at]] as postings offset 0) u
      ) found);
end
$$;
comment on function search.block_terms is
  'The terms in those blocks that have them; null when no block has any.';

create or replace function search.document_counts(terms text[], block_terms search.block_term[], unmerged_ids bigint[]) returns int[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Up to here, matching a text with each term takes less time than reading its terms.
  v_are_few constant boolean := cardinality(document_counts.terms) <= 16;
  -- They are computed here, because in the query they would be computed anew for each chunk.
  v_any_term tsquery := search.any_term(document_counts.terms);
  v_queries tsquery[] := array(select core.tsquery_term(t)::tsquery from unnest(document_counts.terms) t);
begin
  return (
    with found as (
      select b.term_number as i, b.document_count as n from unnest(document_counts.block_terms) b
      union all
      select array_position(document_counts.terms, r.term), -r.document_count
        from search.removals r
       where r.tenant_id = core.current_tenant_id() and r.term = any (document_counts.terms)
      union all
      -- A text is asked for each term when they are few, and else for all its terms.
      select q.i, 1
        from search.chunks_by_id(case when v_are_few then document_counts.unmerged_ids end) c
       cross join unnest(v_queries) with ordinality as q (query, i)
       where c.content_tsvector @@ v_any_term and c.content_tsvector @@ q.query
      union all
      select array_position(document_counts.terms, l), 1
        from search.chunks_by_id(case when not v_are_few then document_counts.unmerged_ids end) c
       cross join unnest(tsvector_to_array(c.content_tsvector)) l
       where c.content_tsvector @@ v_any_term and l = any (document_counts.terms)
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
  'For each of the terms, in their order: in how many chunks of this tenant it occurs, in this snapshot.';

create or replace function search.frequency_ranks() returns real[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- A tsvector keeps at most 255 positions of a word; appended ones can make it 256.
  with recursive repeated (times, vector) as (
    select 1, 'a:1'::tsvector
    union all
    select times + 1, vector || 'a:1' from repeated where times < 256
  )
  select array_agg(distinct r order by r) from repeated, ts_rank('{1,1,1,1}', vector, 'a') as r;
$$;
comment on function search.frequency_ranks is
  'The ts_rank, with all weights 1, of a text that has a word once, twice and so on. It rises with each occurrence, whatever its formula is.';

create or replace function search.term_frequency(vector tsvector, term tsquery) returns int
language sql immutable parallel safe
return width_bucket(ts_rank('{1,1,1,1}', term_frequency.vector, term_frequency.term), search.frequency_ranks());
comment on function search.term_frequency is
  'How often a text has a term, as far as a tsvector counts. The number is looked up by the text''s ts_rank, because ts_rank finds the term by binary search; unnesting the vector takes six times as long for a short text, and even longer for a long one.';
