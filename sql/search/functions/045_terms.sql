-- What the index knows of a question's terms, read once a search: how often each occurs, and per block either its postings,
-- where they are few, or how high they go.

create or replace function app_private.search_cells(terms text[]) returns app_private.search_cell[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    with size as materialized (
      select b.bucket_count, count(*) as blocks
        from app_private.search_blocks b where b.tenant_id = app_hidden.current_tenant_id()
       group by b.bucket_count
    ), term as materialized (
      select t.term, t.i::int, f.cells, f.block_ids
        from unnest(search_cells.terms) with ordinality as t (term, i)
       cross join lateral (
         select array_agg((t.i, p.block_id, p.document_count, p.idf, p.highest_impact, null)::app_private.search_cell) as cells,
                coalesce(array_agg(p.block_id), '{}') as block_ids
           from app_private.search_postings p
          where p.tenant_id = app_hidden.current_tenant_id() and p.term = t.term collate "C") f
    )
    select array_agg(found.cell)
      from (
        select c::app_private.search_cell as cell from term t, unnest(t.cells) c
        union all
        select (t.i, r.block_id, cardinality(u.postings), null, null, u.postings)::app_private.search_cell
          -- worked out here: what is not leakproof is no condition of an index behind the wall
          from (
            select t.i, t.term, t.block_ids, s.bucket_count, app_private.search_bucket(t.term, s.bucket_count) as bucket
              from term t, size s
             where cardinality(t.block_ids) < (select sum(blocks) from size)
            offset 0) t
         cross join lateral (
           select r.block_id, r.terms, r.ends, r.postings from app_private.search_rare_postings r
            where r.tenant_id = app_hidden.current_tenant_id() and r.bucket_count = t.bucket_count and r.bucket = t.bucket
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
comment on function app_private.search_cells(text[]) is 'The terms in the blocks that have them.';

create or replace function app_private.document_counts(terms text[], cells app_private.search_cell[], unmerged_ids bigint[]) returns int[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- not in the query, which would read it anew for each chunk
  v_any_term tsquery := app_private.any_term(document_counts.terms);
begin
  return (
    with found as (
      select c.term_number as i, c.document_count as n from unnest(document_counts.cells) c
      union all
      select array_position(document_counts.terms, r.term), -r.document_count
        from app_private.search_removals r
       where r.tenant_id = app_hidden.current_tenant_id() and r.term = any (document_counts.terms)
      union all
      select array_position(document_counts.terms, l.lexeme), 1
        from app_private.chunks(document_counts.unmerged_ids) c
       cross join unnest(c.content_tsvector) l
       where c.content_tsvector @@ v_any_term and l.lexeme = any (document_counts.terms)
      union all
      select array_position(document_counts.terms, l.lexeme), -1
        from app_private.pending_removals() r, unnest(r.terms) l
       where l.lexeme = any (document_counts.terms)
      union all
      select i, 0 from generate_subscripts(document_counts.terms, 1) i
    )
    select array_agg(counted.n order by counted.i) from (select i, sum(n)::int as n from found group by i) counted);
end
$$;
comment on function app_private.document_counts(text[], app_private.search_cell[], bigint[]) is
  'For each term, in its order: in how many chunks of this tenant it occurs, as of this snapshot.';
