-- Maintenance of the index: comparing it with the texts and building it anew. Administrators call these functions in psql
-- after setting rowhouse.tenant_id; they are not part of the API.

create or replace function search.verify_index() returns table (problem text, chunk_id bigint, term text, expected text, found text)
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
-- These statements join whole tables, so a nested loop is never right, whatever the planner's estimates are.
set enable_nestloop to off
set jit to off
set work_mem to '64MB'
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_block_id bigint;
begin
  if v_tenant_id is null then
    perform core.raise_error('SR425', 'There is no tenant whose index could be verified.', 'Set rowhouse.tenant_id first.');
  end if;
  return query select * from search.verify_chunks();
  return query select * from search.verify_statistics();
  return query select * from search.verify_vocabulary();
  return query
    select 'The number of positions is not that of the chunks.', null::bigint, null::text, b.chunk_count::text, coalesce(sum(cardinality(c.chunk_ids)), 0)::text
      from search.blocks b
      left join search.block_chunks c on c.tenant_id = b.tenant_id and c.block_id = b.id
     where b.tenant_id = v_tenant_id
     group by b.id, b.chunk_count
    having coalesce(sum(cardinality(c.chunk_ids)), 0) <> b.chunk_count;

  -- The blocks are verified one by one, so that the postings of only one are in memory.
  for v_block_id in select b.id from search.blocks b where b.tenant_id = v_tenant_id loop
    return query select * from search.verify_block(v_block_id);
  end loop;
end
$$;
comment on function search.verify_index is
  E'@errors SR425\nEvery difference between this tenant''s texts and its search index; normally there is none. It reads everything, which takes about as long as building the index: a minute or two for half a million chunks.';

create or replace function search.verify_chunks()
returns table (problem text, chunk_id bigint, term text, expected text, found text)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  return query
    select 'The terms are not those of the text.', c.id, null::text, e.vector::text, c.content_tsvector::text
      from app_public.document_chunks c
      join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
     cross join lateral knowledge.search_vector(knowledge.text_search_config(d.language), d.title, c.content) as e (vector)
     where c.tenant_id = v_tenant_id and d.processing_stage = 'done' and e.vector <> c.content_tsvector
    union all
    select 'The length is not that of the terms.', c.id, null, knowledge.token_count(c.content_tsvector)::text, c.document_length::text
      from app_public.document_chunks c
     where c.tenant_id = v_tenant_id and knowledge.token_count(c.content_tsvector) <> c.document_length;

  -- Each chunk must be either in one block or in the list of changes, and only once.
  return query
    with listed as (
      select u.chunk_id from search.block_chunks b, unnest(b.chunk_ids) as u (chunk_id) where b.tenant_id = v_tenant_id
      union all
      select a.chunk_id from search.changes a where a.tenant_id = v_tenant_id and a.kind = 'added'
    ), counted as (
      select chunk_id, count(*) as n from listed group by chunk_id
    )
    select case when p.n is null then 'The chunk is not in the index.' else 'The chunk is in the index more than once.' end,
           c.id, null::text, '1', coalesce(p.n, 0)::text
      from app_public.document_chunks c
      left join counted p on p.chunk_id = c.id
     where c.tenant_id = v_tenant_id and p.n is distinct from 1;
end
$$;
comment on function search.verify_chunks is
  'The chunks whose terms or length differ from their text, and those that are not in the index exactly once. search.verify_index calls it with settings for large joins.';

create or replace function search.verify_statistics()
returns table (problem text, chunk_id bigint, term text, expected text, found text)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  return query
    with actual as (
      select count(*)::int as n, coalesce(avg(c.document_length), 0)::double precision as length
        from app_public.document_chunks c where c.tenant_id = v_tenant_id
    )
    select 'The number of chunks is wrong.', null::bigint, null::text, a.n::text, t.total_docs::text
      from actual a, search.totals() t where t.total_docs <> a.n
    union all
    select 'The average length is wrong.', null, null, a.length::text, t.avg_doc_length::text
      from actual a, search.totals() t where abs(t.avg_doc_length - a.length) > 1e-9 * greatest(1, a.length);

  return query
    with actual as (
      select l.lexeme as term, count(*)::int as n
        from app_public.document_chunks c, unnest(c.content_tsvector) l
       where c.tenant_id = v_tenant_id group by l.lexeme
    )
    select 'The number of chunks with the term is wrong.', null::bigint, coalesce(a.term, i.term), coalesce(a.n, 0)::text, coalesce(i.document_count, 0)::text
      from actual a
      full join search.term_document_counts() i on i.term = a.term
     where a.n is distinct from i.document_count;
end
$$;
comment on function search.verify_statistics is
  'The statistics of the index that differ from those of the chunks. search.verify_index calls it with settings for large joins.';

create or replace function search.verify_vocabulary()
returns table (problem text, chunk_id bigint, term text, expected text, found text)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  if not search.lists_vocabulary() then
    return;
  end if;
  -- A term whose last chunk was removed after the last merge may be listed or not.
  return query
    with counted as (
      select c.term, c.document_count as merged, c.document_count - coalesce(p.n, 0) as now
        from search.merged_document_counts() c
        left join (
          select l.lexeme as term, count(*) as n from search.pending_removals() r, unnest(r.terms) l group by l.lexeme) p on p.term = c.term
    )
    select case when t.term is null then 'The term is not in the vocabulary.' else 'The vocabulary has a term that no chunk has.' end,
           null::bigint, coalesce(t.term, c.term), coalesce(c.merged, 0)::text, null::text
      from counted c
      full join (
        select u.term from search.terms t, unnest(search.listed_terms(t.terms)) as u (term) where t.tenant_id = v_tenant_id) t on t.term = c.term
     where t.term is null and c.now > 0 or t.term is not null and coalesce(c.merged, 0) <= 0;
  return query
    select 'The term is in the wrong row of the vocabulary.', null::bigint, u.term, null::text, t.first_term
      from (
        select t.first_term, t.terms, lead(t.first_term) over (order by t.first_term) as next_first_term
          from search.terms t where t.tenant_id = v_tenant_id) t,
           unnest(search.listed_terms(t.terms)) as u (term)
     where u.term < t.first_term collate "C" or u.term >= t.next_first_term collate "C";
  return query
    select 'The trigrams of the vocabulary are not those of its terms.', null::bigint, t.first_term, null::text, null::text
      from search.terms t
     where t.tenant_id = v_tenant_id and t.trigrams <> search.trigram_bits(search.listed_terms(t.terms));
end
$$;
comment on function search.verify_vocabulary is
  'The differences between search.terms, where it lists this tenant''s vocabulary, and the terms of the blocks. search.verify_index calls it with settings for large joins.';

create or replace function search.verify_block(block_id bigint) returns table (problem text, chunk_id bigint, term text, expected text, found text)
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
-- These statements join whole tables, so a nested loop is never right, whatever the planner's estimates are.
set enable_nestloop to off
set enable_mergejoin to off
set jit to off
set work_mem to '64MB'
as $$
#variable_conflict use_column
declare
  -- by which share a stored impact may be below the exact one, because vectors are of single precision
  v_rounding constant double precision := 1e-5;
  v_block search.blocks;
  v_chunk_ids bigint[];
begin
  select * into v_block from search.blocks b where b.tenant_id = core.current_tenant_id() and b.id = verify_block.block_id;
  select search.array_concat(c.chunk_ids order by c.start) into v_chunk_ids
    from search.block_chunks c where c.tenant_id = v_block.tenant_id and c.block_id = v_block.id;
  return query
    with chunk as materialized (
      select u.position, c.content_tsvector, search.length_norm(c.document_length, v_block.average_length, v_block.k1, v_block.b) as norm
        from search.chunks_by_id(v_chunk_ids) c
        join unnest(v_chunk_ids) with ordinality as u (chunk_id, position) on u.chunk_id = c.id
    ), posting as (
      select c.position::int, l.lexeme as term, cardinality(l.positions) / (cardinality(l.positions) + c.norm) as impact
        from chunk c, unnest(c.content_tsvector) l
    ), stored as (
      -- The text of a sparse vector, {position:value,position:value}/dimension, has all values that are not zero.
      select split_part(e, ':', 1)::int as position, p.term, split_part(e, ':', 2)::double precision / p.idf / search.impact_scale() as impact, p.highest_impact,
             search.impact_above_rest(p.head) as above_rest,
             array(select search.posting_position(h) from unnest(p.head[: search.head_size()]) h) as head_positions
        from search.postings p
       cross join string_to_table(split_part(ltrim(p.impacts::text, '{'), '}', 1), ',') as e
       where p.tenant_id = v_block.tenant_id and p.block_id = v_block.id
      union all
      select search.posting_position(p), t.term, search.posting_impact(p) / search.impact_scale()::double precision, null, null, null
        from search.rare_postings r
       cross join unnest(search.listed_terms(r.terms), r.ends) with ordinality as t (term, upto, i)
       cross join unnest(r.postings[coalesce(r.ends[t.i - 1], 0) + 1 : t.upto]) as p
       where r.tenant_id = v_block.tenant_id and r.block_id = v_block.id
         and r.bucket_count = v_block.bucket_count and r.bucket = search.bucket(t.term, v_block.bucket_count)
    )
    select case
             when s.impact is null or s.impact < p.impact * (1 - v_rounding) then 'The posting is missing or too low.'
             when p.impact is null then 'The posting has no term in the text.'
             when s.highest_impact >= floor(search.impact_scale() * p.impact) then 'The posting exceeds what its head leaves.'
             else 'The posting exceeds the highest impact.'
           end,
           v_chunk_ids[coalesce(p.position, s.position)], coalesce(p.term, s.term), coalesce(p.impact, 0)::text, coalesce(s.impact, 0)::text
      from posting p
      full join stored s on s.position = p.position and s.term = p.term
     where s.impact is null or s.impact < p.impact * (1 - v_rounding) or s.highest_impact < floor(search.impact_scale() * p.impact)
        or s.above_rest < floor(search.impact_scale() * p.impact) and s.position <> all (s.head_positions)
        -- The postings of a removed chunk may be there still; those of any other chunk must have their term in the text.
        or p.impact is null and s.position in (select c.position from chunk c);
end
$$;
comment on function search.verify_block is
  'Every difference between the postings of a block and the texts of its chunks.';

create or replace function search.rebuild_index() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_count int := 0;
  v_merged int;
begin
  if v_tenant_id is null then
    perform core.raise_error('SR425', 'There is no tenant whose index could be built.', 'Set rowhouse.tenant_id first.');
  end if;
  -- Wait for a merge that is running.
  perform pg_advisory_xact_lock(search.merge_lock_key(v_tenant_id));
  delete from search.blocks b where b.tenant_id = v_tenant_id;
  delete from search.terms t where t.tenant_id = v_tenant_id;
  delete from search.changes c where c.tenant_id = v_tenant_id;
  insert into search.changes (tenant_id, chunk_id, kind, document_length)
  select c.tenant_id, c.id, 'added', c.document_length from app_public.document_chunks c where c.tenant_id = v_tenant_id
  on conflict do nothing;
  loop
    v_merged := search.merge_index(v_tenant_id, 1);
    exit when v_merged = 0;
    v_count := v_count + v_merged;
  end loop;
  return v_count;
end
$$;
comment on function search.rebuild_index is
  E'@errors SR425\nBuilds this tenant''s search index anew from its chunks and returns how many chunks there are. Searches use the old index until the transaction ends. Use it after k1 or b have changed: without it searches stay right but are slower.';
