-- The merge moves the listed changes into blocks. Each batch is one transaction, so a merge that is killed leaves nothing
-- behind and the next one starts from the same changes; a reader sees the index as it was before or as it is after, never
-- in between.

create or replace function search.chunks_by_id(ids bigint[])
returns table (id bigint, source_id uuid, document_id uuid, content_tsvector tsvector, document_length int)
language sql stable
begin atomic
  -- "offset 0" makes the planner look the chunks up one by one by their key. For "id = any (array)" it may read every chunk
  -- of the tenant instead and compare it with the array.
  select c.id, c.source_id, c.document_id, c.content_tsvector, c.document_length
    from unnest(chunks_by_id.ids) as u (id)
   cross join lateral (
     select d.id, d.source_id, d.document_id, d.content_tsvector, d.document_length
       from app_public.document_chunks d
      where d.tenant_id = core.current_tenant_id() and d.id = u.id
     offset 0) c;
end;
comment on function search.chunks_by_id is
  'The chunks with these ids that this tenant has; an id that is given twice is returned twice.';

create or replace function search.totals() returns table (total_docs int, avg_doc_length double precision)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with part as (
      select b.chunk_count - b.removed_count as chunks, b.total_length as length
        from search.blocks b where b.tenant_id = core.current_tenant_id()
      union all
      -- A chunk that was added and removed since the last merge adds 1 and subtracts 1.
      select count(*) filter (where c.kind = 'added') - count(*) filter (where c.kind = 'removed'),
             sum(case c.kind when 'added' then c.document_length else -c.document_length end)
        from search.changes c where c.tenant_id = core.current_tenant_id()
    )
    select coalesce(sum(chunks), 0)::int, coalesce(sum(length) / nullif(sum(chunks), 0), 0)::double precision from part;
end
$$;
comment on function search.totals is
  'The number of this tenant''s chunks and their average length, in this snapshot.';

-- A chunk that was removed before any merge is not in a block, so nothing has to be taken out of a block for it.
create or replace function search.pending_removals() returns setof search.changes
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select r.* from search.changes r
     where r.tenant_id = core.current_tenant_id() and r.kind = 'removed'
       -- "offset 0" makes the planner look these up one by one instead of joining (see unmerged_chunk_ids).
       and not exists (
         select from search.changes a
          where a.tenant_id = r.tenant_id and a.chunk_id = r.chunk_id and a.kind = 'added' offset 0);
end
$$;
comment on function search.pending_removals is
  'The chunks that are in a block and were removed since the last merge.';

create or replace function search.merge_removals() returns text[]
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  with removal as (
    delete from search.changes c using search.pending_removals() r
     where c.tenant_id = r.tenant_id and c.chunk_id = r.chunk_id and c.kind = 'removed'
    returning c.tenant_id, c.chunk_id, c.document_length, c.terms
  ), located as (
    select b.block_id, r.document_length, r.terms
      from search.block_chunks b, unnest(b.chunk_ids) as u (chunk_id)
      join removal r on r.chunk_id = u.chunk_id
     where b.tenant_id = core.current_tenant_id()
  ), counted as (
    update search.blocks b
       set removed_count = b.removed_count + l.chunks, total_length = b.total_length - l.length
      from (select block_id, count(*) as chunks, sum(document_length) as length from located group by block_id) l
     where b.tenant_id = core.current_tenant_id() and b.id = l.block_id
  ), recorded as (
    insert into search.removals as r (tenant_id, term, block_id, document_count)
    select core.current_tenant_id(), t.lexeme, l.block_id, count(*)
      from located l, unnest(l.terms) t
     group by t.lexeme, l.block_id
    on conflict (tenant_id, term, block_id) do update set document_count = r.document_count + excluded.document_count
    returning term
  )
  select coalesce(array_agg(distinct term), '{}') from recorded;
$$;
comment on function search.merge_removals is
  'Subtracts removed chunks from the figures of their blocks, and returns their terms. Their postings stay until the block is merged again; searches do not find them, because the chunk itself is gone.';

create or replace function search.merge_candidates(chunk_count int) returns bigint[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- A block is rebuilt when more than one of so many of its chunks is removed.
  v_removed_share constant int := 4;
  -- A block is merged only into one that becomes at least half again as large. So a chunk is merged a handful of times in
  -- all, however many merges there are.
  v_largest_ratio constant int := 2;
  v_block record;
  v_size int := merge_candidates.chunk_count;
  v_block_ids bigint[] := '{}';
begin
  for v_block in
    select b.id, b.chunk_count - b.removed_count as live, b.removed_count * v_removed_share > b.chunk_count as has_many_removed
      from search.blocks b
     where b.tenant_id = core.current_tenant_id()
     order by live, b.id
  loop
    if v_size + v_block.live <= search.block_capacity()
      and (v_block.has_many_removed or (v_size > 0 and v_block.live <= v_largest_ratio * v_size)) then
      v_size := v_size + v_block.live;
      v_block_ids := v_block_ids || v_block.id;
    end if;
  end loop;
  return v_block_ids;
end
$$;
comment on function search.merge_candidates is
  'The blocks to merge with chunk_count new chunks: blocks that are not much larger than what they are merged with, and blocks of which more than a quarter is removed.';

create or replace function search.build_block(chunk_ids bigint[], old_block_ids bigint[]) returns int
language plpgsql volatile
set search_path to pg_catalog, public, pg_temp
-- This is enough to sort and hash one block in memory.
set work_mem to '128MB'
set jit to off
-- The planner hashes an array that it knows; an array that is a parameter of a generic plan is searched for each row.
set plan_cache_mode to force_custom_plan
as $$
declare
  -- How many postings a bucket of rare terms has at least on average; as the number of buckets is a power of two, it has
  -- up to twice as many.
  v_bucket_size constant int := 100;
  v_tenant_id uuid := core.current_tenant_id();
  v_average_length double precision := (select t.avg_doc_length from search.totals() t);
  v_k1 double precision;
  v_b double precision;
  v_count int;
  v_block_id bigint;
  v_old_terms text[] := case when search.lists_vocabulary() then search.terms_of_blocks(build_block.old_block_ids) end;
begin
  select s.k1, s.b into v_k1, v_b from search.settings() s;
  -- All of this is one statement, so that it sees one snapshot. When a chunk is deleted meanwhile, there are two cases: the
  -- chunk is not in the block, and both its changes are deleted; or it is in the block, and its removal stays listed for
  -- the next merge.
  with batch as materialized (
    select c.id, c.content_tsvector, c.document_length, row_number() over (order by c.id) as position,
           search.length_norm(c.document_length, v_average_length, v_k1, v_b) as norm
      from app_public.document_chunks c
     where c.tenant_id = v_tenant_id and c.id = any (build_block.chunk_ids)
  ), replaced as (
    delete from search.blocks b where b.tenant_id = v_tenant_id and b.id = any (build_block.old_block_ids)
  ), merged as (
    delete from search.changes s where s.tenant_id = v_tenant_id and s.chunk_id = any (build_block.chunk_ids)
  ), posting as (
    select l.lexeme as term, search.pack_posting(c.position::int, cardinality(l.positions), c.norm) as posting
      from batch c, unnest(c.content_tsvector) l
  ), term as materialized (
    select term, count(*)::int as document_count, array_agg(posting) as postings from posting group by term
  ), block as (
    insert into search.blocks (
      tenant_id, chunk_count, total_length, min_length, max_length, k1, b, average_length, bucket_count, term_count)
    select v_tenant_id, count(*), sum(document_length), min(document_length), max(document_length), v_k1, v_b, v_average_length,
           (select 1 << floor(log(2, greatest(1, sum(t.document_count) / v_bucket_size)))::int
              from term t where t.document_count < search.frequent_term_minimum()),
           (select count(*) from term)
      from batch having count(*) > 0
    returning id, chunk_count, bucket_count
  ), position_row as (
    insert into search.block_chunks (tenant_id, block_id, start, chunk_ids)
    select v_tenant_id, (select id from block), search.start_of_row(position::int), array_agg(id order by position)
      from batch group by search.start_of_row(position::int)
  ), frequent as (
    insert into search.postings (tenant_id, term, block_id, document_count, idf, highest_impact, impacts, head)
    select v_tenant_id, t.term, b.id, t.document_count, i.idf, s.highest, s.impacts, search.head_of(t.postings)
      from term t, block b, search.idf(t.document_count, b.chunk_count) as i (idf),
           search.sparse_impacts(t.postings, i.idf, b.chunk_count) s
     where t.document_count >= search.frequent_term_minimum()
  ), listed as (
    select b.id as block_id, b.bucket_count, h.bucket, t.term, t.postings,
           sum(t.document_count) over (partition by h.bucket order by t.term collate "C")::smallint as upto
      from term t, block b, search.bucket(t.term, b.bucket_count) as h (bucket)
     where t.document_count < search.frequent_term_minimum()
  ), rare as (
    insert into search.rare_postings (tenant_id, bucket_count, bucket, block_id, terms, ends, postings)
    select v_tenant_id, l.bucket_count, l.bucket, l.block_id, search.list_terms(array_agg(l.term order by l.upto)), array_agg(l.upto order by l.upto),
           search.array_concat(l.postings order by l.upto)
      from listed l
     group by l.block_id, l.bucket_count, l.bucket
  )
  select (select count(*) from batch), (select id from block) into v_count, v_block_id;
  perform search.keep_vocabulary(v_block_id, v_old_terms);
  return v_count;
end
$$;
comment on function search.build_block is
  'Builds one block of these chunks and deletes the blocks that some of them were in. Returns the number of chunks.';

create or replace function search.sparse_impacts(
  postings int[], idf double precision, dimension int, out highest int, out impacts public.sparsevec
)
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_elements text;
begin
  -- The elements are whole numbers, because these are parsed twice as fast as fractions and add up without rounding.
  select max(search.posting_impact(p)),
         string_agg(search.posting_position(p) || ':' || ceil(search.posting_impact(p) * sparse_impacts.idf)::int, ',')
    into highest, v_elements
    from unnest(sparse_impacts.postings) p;
  impacts := ('{' || v_elements || '}/' || sparse_impacts.dimension)::public.sparsevec;
end
$$;
comment on function search.sparse_impacts is
  'The postings of a term as a vector over the positions of a block: impact times idf, rounded up, and 0 where the term does not occur. Also returns the highest impact, without the idf.';

create or replace function search.merge_lock_key(tenant_id uuid) returns bigint
language sql immutable parallel safe
return hashtextextended('search_index:' || merge_lock_key.tenant_id, 0);
comment on function search.merge_lock_key is
  'The key of the advisory lock that a merge or a rebuild of a tenant''s index holds.';

create or replace function search.merge_is_due(tenant_id uuid, minimum int default 1000) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(merge_is_due.tenant_id);
  return (
    select count(*) from (
      select from search.changes c where c.tenant_id = merge_is_due.tenant_id limit merge_is_due.minimum) as pending
  ) >= merge_is_due.minimum;
end
$$;
comment on function search.merge_is_due is
  'Whether at least this many changes of a tenant wait to be merged.';
grant execute on function search.merge_is_due to rowhouse_worker;

create or replace function search.merge_index(tenant_id uuid, minimum int default 1000) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_added bigint[];
  v_block_ids bigint[];
begin
  call core.enter_tenant(merge_index.tenant_id);
  -- Only one merge runs for a tenant at a time; a second one returns at once.
  if not pg_try_advisory_xact_lock(search.merge_lock_key(merge_index.tenant_id)) then
    return 0;
  end if;
  if search.merge_is_due(merge_index.tenant_id, merge_index.minimum) is not true then
    return 0;
  end if;

  perform search.forget_terms(search.merge_removals());
  v_added := array(
    select c.chunk_id from search.changes c
     where c.tenant_id = merge_index.tenant_id and c.kind = 'added'
     order by c.chunk_id limit search.block_capacity());
  v_block_ids := search.merge_candidates(cardinality(v_added));
  if cardinality(v_added) = 0 and cardinality(v_block_ids) = 0 then
    return 1;
  end if;
  perform search.build_block(
    v_added || array(
      select u.chunk_id from search.block_chunks b, unnest(b.chunk_ids) as u (chunk_id)
       where b.tenant_id = merge_index.tenant_id and b.block_id = any (v_block_ids)),
    v_block_ids);
  return greatest(cardinality(v_added), 1);
end
$$;
comment on function search.merge_index is
  'Moves up to a block of changes of a tenant (search.block_capacity) into blocks when at least minimum changes wait. Returns how many were moved; 0 when too few wait or another merge of the tenant is running.';
grant execute on function search.merge_index to rowhouse_worker;
